"""The table of places beside a dataset's manifest: coordinates, heading, time, sequence, author, slice.

Labels derived from the coordinates are not kept here: they are made again whenever the areas change.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from zuroku.datasets.manifest import MANIFEST
from zuroku.datasets.places.provider import SLICES, PlaceItem
from zuroku.errors import GeoDataError, IntegrityError
from zuroku.geo.distances import checked_coordinates

PLACES = "places.parquet"

PLACES_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("heading", pa.float64()),
        ("captured_at", pa.string()),
        ("sequence", pa.string()),
        ("author", pa.string()),
        ("slice", pa.string()),
    ]
)
_SHOWN = 5


def places_bytes(items: Sequence[PlaceItem]) -> bytes:
    """Return the table of ``items`` as Parquet, sorted by item id; equal items give equal bytes.

    Raises:
        GeoDataError: coordinates are no places on Earth, or a heading or slice is unknown.
    """
    rows = sorted(items, key=lambda place: place.item.item_id)
    checked_coordinates(np.array([(place.latitude, place.longitude) for place in rows]).reshape(-1, 2))
    _check_rest(rows)
    columns = {
        "item_id": [place.item.item_id for place in rows],
        "latitude": [place.latitude for place in rows],
        "longitude": [place.longitude for place in rows],
        "heading": np.array([place.heading for place in rows], dtype=np.float64),
        "captured_at": [place.captured_at for place in rows],
        "sequence": [place.sequence for place in rows],
        "author": [place.author for place in rows],
        "slice": [place.slice for place in rows],
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=PLACES_SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def read_places(root: Path) -> pd.DataFrame:
    """Return the places of the dataset at ``root``: one row per item of its manifest, in that order.

    Items that were quarantined while they were read stand in the file, but not in what is returned.

    Raises:
        IntegrityError: the dataset has no such table, one with other columns, or one that lacks items.
    """
    path = root / PLACES
    for name in (PLACES, MANIFEST):
        if not (root / name).is_file():
            raise IntegrityError(
                f"no {name} in {root}",
                expected="a dataset of photographs with coordinates",
                remedy="name one, or ingest its collection again",
            )
    table = pq.read_table(path)
    if not table.schema.equals(PLACES_SCHEMA, check_metadata=False):
        raise IntegrityError(
            f"{path} has the columns {', '.join(table.schema.names)}",
            expected=", ".join(f"{field.name} {field.type}" for field in PLACES_SCHEMA),
            remedy="ingest the dataset again with this version of zuroku",
        )
    ids = pq.read_table(root / MANIFEST, columns=["item_id"]).column("item_id").to_pylist()
    frame: pd.DataFrame = table.to_pandas().set_index("item_id", verify_integrity=True)
    if missing := [item_id for item_id in ids if item_id not in frame.index]:
        raise IntegrityError(
            f"{path} lacks {len(missing)} items of the manifest: {', '.join(missing[:_SHOWN])}",
            expected="a row for every item",
            remedy="ingest the dataset again",
        )
    ordered: pd.DataFrame = frame.loc[ids].reset_index()
    return ordered


def _check_rest(rows: Sequence[PlaceItem]) -> None:
    bad = [
        f"{place.item.item_id}: heading {place.heading:g}, slice {place.slice!r}"
        for place in rows
        if place.slice not in SLICES or not (np.isnan(place.heading) or 0 <= place.heading < 360)
    ]
    if bad:
        raise GeoDataError(
            f"{len(bad)} places have an unknown heading or slice ({'; '.join(bad[:_SHOWN])})",
            expected=f"headings from 0 to below 360, slices {', '.join(filter(None, SLICES))} or none",
            remedy="mend them in the source",
        )
