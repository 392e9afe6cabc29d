"""Borders of areas in the bundle of an index of places, of which a map reads only those in its view.

All of a country's would not be read within one query, so they lie sorted by place, and the boxes around them
say what to read. How they are drawn belongs to ``reports.heat_map_outlines``; the coarse land behind them is
``place_bundle``'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from zuroku.indexes.place_bundle import PlaceBundle

BORDERS = "borders.arrow"

_SCHEMA = pa.schema(
    [
        ("level", pa.string()),
        ("name", pa.string()),
        ("corners", pa.int32()),
        ("west", pa.float64()),
        ("south", pa.float64()),
        ("east", pa.float64()),
        ("north", pa.float64()),
        ("geometry", pa.binary()),
    ]
)
_SIDES = ("west", "south", "east", "north")

_TOLERANCE = {"prefecture": 2e-4, "municipality": 1e-4, "town": 5e-5}
"""Degrees by which borders are simplified: 20 m of a coast, down to 5 m of what is seen from near."""

_MOST_CORNERS = {"prefecture": 150_000, "municipality": 50_000, "town": 15_000}
"""A level with more of them in a box is not read: half a megabyte of the page would be borders."""

_SPECK = 0.01
"""Nor is a level whose areas are lower than this share of the box: it would be a grey blot."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


def borders_bytes(levels: Mapping[str, gpd.GeoDataFrame]) -> bytes:
    """Return the file of borders; ``levels`` are areas with ``name`` and geometry in EPSG:4326."""
    tables = [_table(level, levels[level]) for level in _TOLERANCE if level in levels]
    whole = pa.concat_tables([_SCHEMA.empty_table(), *tables]).combine_chunks()
    out = pa.BufferOutputStream()
    with pa.ipc.new_file(out, _SCHEMA) as file:
        file.write_table(whole)
    content: bytes = out.getvalue().to_pybytes()
    return content


@dataclass(frozen=True)
class Borders:
    """The borders in a file, mapped, and the rows ``[start, stop)`` of each level."""

    table: pa.Table
    levels: dict[str, tuple[int, int]]

    def within(self, box: Box) -> gpd.GeoDataFrame:
        """Return ``level``, ``name`` and geometry of the areas that may touch ``box``, coarse levels first.

        A level that has too many corners there, or whose areas are specks in it, is left out.
        """
        none = np.empty(0, dtype=np.intp)
        rows = np.concatenate([none, *(self._rows(level, box) for level in self.levels)])
        found = self.table.select(["level", "name", "geometry"]).take(pa.array(rows))
        return gpd.GeoDataFrame(
            found.select(["level", "name"]).to_pandas(),
            geometry=shapely.from_wkb(found["geometry"].to_numpy()),
            crs="EPSG:4326",
        )

    def _rows(self, level: str, box: Box) -> npt.NDArray[np.intp]:
        (start, stop), (west, south, east, north) = self.levels[level], box
        of_level = self.table.slice(start, stop - start)
        side = {name: of_level[name].to_numpy() for name in _SIDES}
        rows = np.flatnonzero(
            (side["west"] <= east)
            & (side["east"] >= west)
            & (side["south"] <= north)
            & (side["north"] >= south)
        )
        corners = int(of_level["corners"].to_numpy()[rows].sum())
        specks = len(rows) and np.median((side["north"] - side["south"])[rows]) < _SPECK * (north - south)
        return rows[:0] if specks or corners > _MOST_CORNERS[level] else start + rows


def open_borders(bundle: PlaceBundle) -> Borders | None:
    """Return the borders in ``bundle``; None where it is older than they are, as after a rollback.

    The file is mapped, and only what is asked for is read. Of a land of 220,000 towns (Tokyo's, repeated: 103
    MB) opening took 11 ms, what one map shows 2 to 5 ms, and making its outlines of that at most 15 ms.
    """
    path = bundle.path / BORDERS
    if not path.is_file():
        return None
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    counts = {row["values"]: row["counts"] for row in table["level"].value_counts().to_pylist()}
    stops = np.cumsum(list(counts.values())).tolist()
    levels = {level: (stop - counts[level], stop) for level, stop in zip(counts, stops, strict=True)}
    return Borders(table, levels)


def _table(level: str, areas: gpd.GeoDataFrame) -> pa.Table:
    """Return the rows of one level, neighbours near each other."""
    ordered = areas.iloc[np.argsort(areas.geometry.hilbert_distance(), kind="stable")]
    shapes = shapely.simplify(ordered.geometry.to_numpy(), _TOLERANCE[level])
    columns = {
        "level": np.full(len(ordered), level, dtype=object),
        "name": ordered["name"].to_numpy(dtype=object),
        "corners": shapely.get_num_coordinates(shapes),
        **dict(zip(_SIDES, shapely.bounds(shapes).T, strict=True)),
        "geometry": shapely.to_wkb(shapes),
    }
    return pa.table(columns, schema=_SCHEMA)
