"""What a map without tiles shows to orient by: land, borders and names of areas, as coarse as can be seen.

Where they come from is ``indexes.place_borders``', the page around them is ``heat_map``'s.
"""

import json
import math
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

Bounds = tuple[tuple[float, float], tuple[float, float]]
"""South-west and north-east corner, latitude first."""

Box = tuple[float, float, float, float]
"""West, south, east, north."""

AreasWithin = Callable[[Box], gpd.GeoDataFrame]
"""Returns ``level``, ``name`` and polygons of the areas that touch a box; which levels is its affair."""

_STEPS = 1000
"""Outlines are drawn on fewer pixels than these: finer detail would not be seen."""

_MOST_NAMES = 24
_LEAST_SHARE = 0.005
"""An area is named on the map where this much of the view is its own."""

_Shapes = npt.NDArray[np.object_]


def outline_sheet(land: gpd.GeoDataFrame | None, areas_within: AreasWithin | None, view: Bounds) -> str:
    """Return as JSON what one map draws for ``view`` and around it, as far as the frame may show.

    Args:
        land: all prefectures, coarse, with ``name``.
        areas_within: gives finer areas.
        view: what the map is fitted to.

    Returns:
        GeoJSON ``land``, and ``fine`` (or null) to be drawn over it inside the rectangle ``box`` (latitude
        first), lines of ``borders`` by level, and ``names`` of areas as latitude, longitude, text.
    """
    box, step = _surroundings(view)
    behind = land.cx[box[0] : box[2], box[1] : box[3]] if land is not None else gpd.GeoDataFrame(geometry=[])
    areas = areas_within(box) if areas_within is not None else None
    levels = {} if areas is None else {str(level): part for level, part in areas.groupby("level", sort=False)}
    fine = shapely.clip_by_rect(_shapes(levels["prefecture"]), *box) if "prefecture" in levels else None
    rings = {level: shapely.boundary(_shapes(part)) for level, part in levels.items()}
    lines = {level: shapely.clip_by_rect(of_level, *box) for level, of_level in rings.items()}
    # Coarse ones beside fine ones would show every border twice.
    lines = lines or {"prefecture": shapely.boundary(_shapes(behind))}
    return _object(
        {
            "land": _geojson(_shapes(behind), step),
            "fine": "null" if fine is None else _geojson(fine, step),
            "box": json.dumps([[box[1], box[0]], [box[3], box[2]]]),
            "borders": _object({level: _geojson(of_level, step) for level, of_level in lines.items()}),
            "names": _names([*reversed(levels.values()), behind], view),
        }
    )


def _surroundings(view: Bounds) -> tuple[Box, float]:
    """Return what the frame may show of ``view``, and the degrees of latitude that nobody sees there.

    A frame is wider than high or the other way round, and zooms in steps of two.
    """
    (south, west), (north, east) = view
    latitude, longitude = (south + north) / 2, (west + east) / 2
    stretch = 1 / max(math.cos(math.radians(latitude)), 0.01)
    side = max(north - south, (east - west) / stretch)
    height, width = 1.5 * side, 1.5 * side * stretch
    return (longitude - width, latitude - height, longitude + width, latitude + height), side / _STEPS


def _names(finest_first: list[gpd.GeoDataFrame], view: Bounds) -> str:
    """Return the names of the finest areas of which not too many lie in the view, each inside it."""
    (south, west), (north, east) = view
    least = _LEAST_SHARE * (north - south) * (east - west)
    for areas in finest_first:
        parts = shapely.clip_by_rect(_shapes(areas), west, south, east, north)
        if "name" not in areas:
            continue
        seen = np.flatnonzero((shapely.area(parts) > least) & (areas["name"] != "").to_numpy())
        if 0 < len(seen) <= _MOST_NAMES:
            points = shapely.get_coordinates(shapely.point_on_surface(parts[seen]))
            texts = areas["name"].to_numpy()[seen]
            rows = [[*point[::-1], text] for point, text in zip(points.round(6).tolist(), texts, strict=True)]
            return text_json(rows)
    return "[]"


def _geojson(shapes: _Shapes, step: float) -> str:
    coarse = shapely.simplify(shapes, step, preserve_topology=False)
    digits = max(2, math.ceil(-math.log10(step)))
    coarse = shapely.transform(coarse[~shapely.is_empty(coarse)], lambda pairs: pairs.round(digits))
    return str(shapely.to_geojson(shapely.geometrycollections(coarse)))


def _shapes(areas: gpd.GeoDataFrame) -> _Shapes:
    return np.asarray(areas.geometry.to_numpy(), dtype=object)


def _object(parts: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {text}' for name, text in parts.items()) + "}"


def text_json(value: Any) -> str:
    """Return JSON that may stand in a script: no text in it can close the element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
