"""Walking along lines: roads of one name joined, and places at equal arc length on them.

Lengths are geodesic (WGS84 ellipsoid) and not measured in a projected system, so that a road which crosses
the border between two zones is walked like any other. Which interval a road gets is decided elsewhere.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from zuroku.errors import GeoDataError
from zuroku.geo.distances import Coordinates

_WGS84 = Geod(ellps="WGS84")

Geometries = npt.NDArray[np.object_]


def merged_lines(lines: Geometries, groups: Sequence[str]) -> tuple[Geometries, npt.NDArray[np.int64]]:
    """Join the lines of each group where exactly two of their ends meet; return lines and groups ``(m,)``.

    ``groups`` are names, those returned numbers in the order of the names. The lines of a group come along a
    space-filling curve, so that a walk goes on nearby where one ends. The order of the input is of no effect.

    Raises:
        GeoDataError: a geometry is no line.
    """
    parts, row = shapely.get_parts(lines, return_index=True)
    wrong = sorted(
        {part.geom_type for part in parts[shapely.get_type_id(parts) != shapely.GeometryType.LINESTRING]}
    )
    if wrong:
        raise GeoDataError(
            f"roads hold geometries of type {', '.join(wrong)}",
            expected="lines",
            remedy="leave out areas, or give their outline",
        )
    names, number = np.unique(np.asarray(groups, dtype=str)[row], return_inverse=True)
    has_length = shapely.length(parts) > 0
    parts, number = shapely.normalize(parts[has_length]), number[has_length]
    order = np.lexsort((shapely.to_wkb(parts), number))
    parts, number = parts[order], number[order]
    starts = np.searchsorted(number, np.arange(len(names) + 1))
    merged: list[Any] = []
    for start, end in pairwise(starts):
        one = parts[start:end]
        many = shapely.multilinestrings(one)
        merged.append(shapely.line_merge(many) if len(one) > 1 else many)
    joined, group = shapely.get_parts(np.array(merged, dtype=object), return_index=True)
    joined = shapely.normalize(joined)
    curve = gpd.GeoSeries(joined).hilbert_distance().to_numpy() if len(joined) else np.empty(0)
    order = np.lexsort((shapely.to_wkb(joined), curve, group))
    return joined[order], group[order].astype(np.int64)


def group_lengths_m(lines: Geometries, groups: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the length in metres of each group ``(g,)``; ``groups`` ``(n,)`` are numbers, ascending."""
    along, vertex_group, _, _ = _measured(lines, groups)
    return _ends(along, vertex_group)[1]


def places_along(lines: Geometries, groups: npt.NDArray[np.int64], interval_m: float) -> Coordinates:
    """Return places ``(k, 2)`` every ``interval_m`` of arc length along the lines of each group.

    The lines of a group are walked one after the other, and what is left of an interval at the end of one
    counts at the start of the next. What is left over of the whole is shared between both ends. A group
    shorter than two intervals gets one place, half-way. ``groups`` ``(n,)`` number the groups, ascending.
    """
    if not len(lines):
        return np.empty((0, 2))
    along, vertex_group, vertices, azimuths = _measured(lines, groups)
    starts, totals = _ends(along, vertex_group)
    counts = np.maximum(1, np.floor(totals / interval_m + 1e-9)).astype(np.int64)
    first = starts + (totals - (counts - 1) * interval_m) / 2
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    targets = np.repeat(first, counts) + step * interval_m
    segment = np.searchsorted(along, targets, side="right") - 1
    longitudes, latitudes, _ = _WGS84.fwd(
        vertices[segment, 0], vertices[segment, 1], azimuths[segment], targets - along[segment]
    )
    return np.column_stack([latitudes, longitudes])


def _measured(lines: Geometries, groups: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], ...]:
    """Return for every vertex the metres walked to it, its group, its place (x, y), and the azimuth ahead."""
    vertices, line = shapely.get_coordinates(lines, return_index=True)
    azimuths, _, steps = _WGS84.inv(vertices[:-1, 0], vertices[:-1, 1], vertices[1:, 0], vertices[1:, 1])
    steps[line[1:] != line[:-1]] = 0
    return np.concatenate([[0.0], np.cumsum(steps)]), groups[line], vertices, np.append(azimuths, 0.0)


def _ends(
    along: npt.NDArray[np.float64], vertex_group: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return where each group starts on the whole walk, and how long it is, in metres."""
    change = np.flatnonzero(np.diff(vertex_group)) + 1
    starts = along[np.concatenate([[0], change])]
    return starts, along[np.concatenate([change - 1, [len(along) - 1]])] - starts
