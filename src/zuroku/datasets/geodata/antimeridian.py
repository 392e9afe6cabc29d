"""Polygons across the antimeridian: one ring that jumps there, or goes on beyond 180°, becomes two parts.

Read as it stands, such a ring would cover the rest of its band of latitude instead. Longitudes are x, in
degrees; what is no polygon is left as it is.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely

Geometries = npt.NDArray[np.object_]


def unrolled(geometries: Geometries) -> Geometries:
    """Return ``(m,)`` geometries whose rings go on beyond ±180° where they jumped to the other side.

    A step of more than 180° in longitude is taken the other way round. A ring about a pole, or about the
    whole Earth, cannot be closed like this and stays.
    """
    bounds = shapely.bounds(geometries)
    return _changed(geometries, (bounds[:, 2] - bounds[:, 0] > 180) & (_reach(bounds) <= 360), _unroll)


def cut_at_antimeridian(geometries: Geometries) -> Geometries:
    """Return ``(m,)`` geometries between -180° and 180°: what reaches over, up to ±360°, in several parts."""
    bounds = shapely.bounds(geometries)
    return _changed(geometries, (_reach(bounds) > 180) & (_reach(bounds) <= 360), _cut)


def _reach(bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return ``(m,)`` the largest longitude of each, east or west; over 360° it is none."""
    return np.maximum(-bounds[:, 0], bounds[:, 2])


def _changed(
    geometries: Geometries,
    which: npt.NDArray[np.bool_],
    change: Callable[[shapely.Geometry], shapely.Geometry],
) -> Geometries:
    changed = geometries.copy()
    for row in np.flatnonzero(which):
        if geometries[row].geom_type in ("Polygon", "MultiPolygon"):
            changed[row] = change(geometries[row])
    return changed


def _unroll(area: shapely.Geometry) -> shapely.Geometry:
    polygons = [_unrolled_polygon(polygon) for polygon in shapely.get_parts(area)]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _unrolled_polygon(polygon: shapely.Polygon) -> shapely.Polygon:
    outer = _unrolled_ring(polygon.exterior)
    width = np.ptp(outer[:, 0])
    if outer[0, 0] != outer[-1, 0] or width == 0 or width >= 360:
        return polygon
    holes = [_unrolled_ring(hole) for hole in polygon.interiors]
    for hole in holes:
        hole[:, 0] += 360 * np.round((outer[:, 0].mean() - hole[:, 0].mean()) / 360)
    return shapely.Polygon(outer, holes)


def _unrolled_ring(ring: shapely.LinearRing) -> npt.NDArray[np.float64]:
    coordinates: npt.NDArray[np.float64] = shapely.get_coordinates(ring)
    # Not np.unwrap: it would add up rounding errors, and the last point must be the first one again.
    turns = np.cumsum(-np.round(np.diff(coordinates[:, 0]) / 360))
    coordinates[1:, 0] += 360 * turns
    return coordinates


def _cut(area: shapely.Geometry) -> shapely.Geometry:
    _, south, _, north = area.bounds
    parts = []
    for turn in (-360, 0, 360):
        inside = shapely.intersection(area, shapely.box(turn - 180, south, turn + 180, north))
        moved = shapely.transform(inside, lambda degrees, turn=turn: degrees - (turn, 0))
        # Where it only touches the cut, a line or a point is left.
        parts += [part for part in shapely.get_parts(moved) if part.geom_type == "Polygon"]
    return shapely.union_all(parts)
