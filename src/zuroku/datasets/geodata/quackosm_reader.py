"""OpenStreetMap extracts by QuackOSM: DuckDB, with several seconds of fixed cost.

The paper's reader (§3.1). It starts processes, so a script that calls it needs the
``if __name__ == "__main__"`` guard.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import geopandas as gpd
import pyarrow.parquet as pq
import quackosm
import shapely
from duckdb_extensions import import_extension

from zuroku.datasets.geodata.osm_tags import FEATURE_COLUMNS, KEPT_TAGS, TagQuery, feature_frame
from zuroku.errors import GeoDataError


def read_with_quackosm(path: Path, query: TagQuery) -> gpd.GeoDataFrame:
    """Return the nodes, ways and multipolygons in the PBF at ``path`` that ``query`` wants.

    Raises:
        GeoDataError: the file cannot be read to its end.
    """
    # From the installed package; DuckDB would fetch it from a server.
    import_extension("spatial")
    with tempfile.TemporaryDirectory(prefix="zuroku-osm-") as work:
        try:
            written = quackosm.convert_pbf_to_parquet(
                path,
                tags_filter=query,
                keep_all_tags=True,
                explode_tags=False,
                ignore_cache=True,
                sort_result=False,
                # Its list of tags that say nothing of a feature includes "area".
                ignore_metadata_tags=False,
                working_directory=work,
                verbosity_mode="silent",
            )
        except duckdb.Error as error:
            raise GeoDataError(
                f"{path} cannot be read: {error}",
                expected="a whole OpenStreetMap extract",
                remedy="fetch it again and compare it with the published checksum",
            ) from error
        return feature_frame(_features(written, {*query, *KEPT_TAGS}))


def _features(written: Path, keys: set[str]) -> Iterator[tuple[str, dict[str, str], Any]]:
    """Yield what QuackOSM wrote; batch by batch, for of a country the tags alone would fill the memory."""
    with pq.ParquetFile(written) as file:
        for batch in file.iter_batches(columns=FEATURE_COLUMNS):
            rows = batch.to_pydict()
            tags = [{key: value for key, value in row if key in keys} for row in rows["tags"]]
            yield from zip(rows["feature_id"], tags, shapely.from_wkb(rows["geometry"]), strict=True)
