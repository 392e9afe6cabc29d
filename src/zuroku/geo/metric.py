"""Joins of places with geometries in metres: what contains a place, and what lies nearest to it.

Places are worked through in groups of one UTM zone, so that a whole country, or the world, is joined
without one projection for all and with memory bound by a group. Nothing here knows what the geometries mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from zuroku.errors import GeoDataError
from zuroku.geo.distances import Coordinates, checked_coordinates

BORDER_M = 0.01
"""A place this near to a polygon counts as on its border. Projecting moves borders by up to 4 mm."""

_GROUP_PLACES = 100_000
_GROUP_DEGREES = 1.0
_EDGE_DEGREES = 0.005
_WIDE_DEGREES = 20.0
_UTM_SOUTH, _UTM_NORTH = -80.0, 84.0

Geometries = npt.NDArray[np.object_]
Indexes = npt.NDArray[np.intp]
Metres = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MetricGroup:
    """Places that share a metric CRS: their row numbers ``(n,)`` and the EPSG code of the CRS."""

    rows: Indexes
    epsg: int


def utm_epsg(coordinates: Coordinates) -> npt.NDArray[np.int64]:
    """EPSG codes ``(n,)`` of the UTM zones of places; towards the poles, of the polar stereographic.

    The zones are plain strips of 6 degrees: the exceptions for Norway and Svalbard are made for map
    sheets and change no distance by more than 0.1 %.
    """
    latitude, longitude = coordinates[:, 0], coordinates[:, 1]
    zone = np.clip(np.floor((longitude + 180) / 6).astype(np.int64) + 1, 1, 60)
    south = latitude < 0
    polar = (latitude < _UTM_SOUTH) | (latitude > _UTM_NORTH)
    return np.where(south, 32700, 32600) + np.where(polar, 61, zone)


def metric_groups(coordinates: Coordinates) -> Iterator[MetricGroup]:
    """Yield the places in groups of one zone, at most one degree of latitude tall and 100,000 places large.

    The small groups bound the memory that the geometries around them take.
    """
    codes = utm_epsg(coordinates)
    bands = np.floor(coordinates[:, 0] / _GROUP_DEGREES)
    order = np.lexsort((coordinates[:, 0], bands, codes))
    changes = np.flatnonzero((np.diff(codes[order]) != 0) | (np.diff(bands[order]) != 0)) + 1
    for rows in np.split(order, changes):
        for start in range(0, len(rows), _GROUP_PLACES):
            yield MetricGroup(rows[start : start + _GROUP_PLACES], int(codes[rows[start]]))


def nearest_within(
    coordinates: Coordinates, geometries: Geometries, distance_m: float
) -> tuple[Indexes, Metres]:
    """For each place the nearest geometry at most ``distance_m`` away, and how far it is.

    Args:
        coordinates: ``(n, 2)`` latitude, longitude in degrees.
        geometries: ``(m,)`` shapely geometries in degrees, x the longitude. In a polygon the distance is 0.
        distance_m: In metres of the UTM zone, which are true to 0.1 %.

    Returns:
        Indexes ``(n,)`` into ``geometries``, -1 where none is so near, and distances ``(n,)`` in metres,
        NaN there. Distances are compared in whole millimetres; of equal ones the lowest index is taken.

    Raises:
        GeoDataError: as ``checked_coordinates``, or a geometry lies outside the range of degrees.
    """
    nearest, distances = _nothing(coordinates)
    for places, found, metres in _close_pairs(coordinates, geometries, distance_m):
        rounded = np.round(metres, 3)
        first = _first_of_each(places, np.lexsort((found, rounded, places)))
        nearest[places[first]] = found[first]
        distances[places[first]] = rounded[first]
    return nearest, distances


def containing(coordinates: Coordinates, polygons: Geometries) -> Indexes:
    """Index ``(n,)`` of the polygon that each place lies in, -1 where there is none.

    A place in several, or within ``BORDER_M`` of their shared border, gets the lowest index. Arguments and
    errors are those of ``nearest_within``.
    """
    chosen, _ = _nothing(coordinates)
    for places, found, _ in _close_pairs(coordinates, polygons, BORDER_M):
        first = _first_of_each(places, np.lexsort((found, places)))
        chosen[places[first]] = found[first]
    return chosen


def to_metric(geometries: Geometries, epsg: int) -> Geometries:
    """Project ``(m,)`` geometries from degrees to the metric CRS ``epsg``.

    An edge is straight in degrees, as it was published. Long ones get vertices every 0.005 degrees first:
    else two neighbours that share an edge, but not its vertices, would part or overlap by metres.
    """
    project = Transformer.from_crs(4326, epsg, always_xy=True)

    def projected(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.column_stack(project.transform(degrees[:, 0], degrees[:, 1]))

    metric: Geometries = shapely.transform(shapely.segmentize(geometries, _EDGE_DEGREES), projected)
    return metric


def check_degrees(geometries: Geometries) -> None:
    """Check that geometries ``(m,)`` are in degrees, x the longitude.

    Raises:
        GeoDataError: they reach out of the range of degrees.
    """
    if not len(geometries):
        return
    west, south, east, north = shapely.total_bounds(geometries)
    try:
        checked_coordinates([(south, west), (north, east)])
    except GeoDataError as error:
        raise GeoDataError(
            f"geometries reach from {west:g}, {south:g} to {east:g}, {north:g} (x, y)",
            expected="degrees: x the longitude from -180 to 180, y the latitude from -90 to 90",
            remedy="convert them to EPSG:4326; a latitude over 90 means that the axes are swapped",
        ) from error


def _nothing(coordinates: Coordinates) -> tuple[Indexes, Metres]:
    n = len(coordinates)
    return np.full(n, -1, dtype=np.intp), np.full(n, np.nan)


def _first_of_each(places: Indexes, order: Indexes) -> Indexes:
    """Of the pairs in ``order`` (by place first), the first one of each place."""
    _, first = np.unique(places[order], return_index=True)
    return order[first]


def _close_pairs(
    coordinates: Coordinates, geometries: Geometries, distance_m: float
) -> Iterator[tuple[Indexes, Indexes, Metres]]:
    """Yield, group by group, all pairs of a place and a geometry within ``distance_m``, and how far it is."""
    places = checked_coordinates(coordinates)
    check_degrees(geometries)
    if not len(geometries):
        return
    index = shapely.STRtree(geometries)
    for group in metric_groups(places):
        points = to_metric(shapely.points(places[group.rows][:, ::-1]), group.epsg)
        numbers, nearby = _around(index, geometries, places[group.rows], distance_m)
        metric = to_metric(nearby, group.epsg)
        # The points are indexed and the geometries asked: GEOS prepares the side that asks, and a polygon
        # of many vertices then answers for each of its points at once.
        asked, met = shapely.STRtree(points).query(metric, predicate="dwithin", distance=distance_m)
        yield group.rows[met], numbers[asked], shapely.distance(points[met], metric[asked])


def _around(
    index: shapely.STRtree, geometries: Geometries, places: Coordinates, distance_m: float
) -> tuple[Indexes, Geometries]:
    """Choose the geometries around ``places``, those that lie across the antimeridian too.

    The frame is generous, so degrees decide nothing here. Very wide geometries are cut to it, because
    UTM folds what lies a quarter of the globe away back onto the zone.
    """
    south, west = places.min(axis=0)
    north, east = places.max(axis=0)
    # A degree of longitude has 11.6 km at the northern end of UTM; nearer to a pole all longitudes are near.
    margin = 0.01 + distance_m / 11_000
    if south < _UTM_SOUTH or north > _UTM_NORTH:
        west, east = -180.0, 180.0
    numbers, parts = [], []
    for turn in (-360.0, 0.0, 360.0):
        frame = (west - margin + turn, south - margin, east + margin + turn, north + margin)
        found = np.sort(index.query(shapely.box(*frame)))
        nearby = geometries[found]
        bounds = shapely.bounds(nearby)
        wide = bounds[:, 2] - bounds[:, 0] > _WIDE_DEGREES
        nearby[wide] = shapely.clip_by_rect(nearby[wide], *frame)
        numbers.append(found)
        parts.append(nearby)
    return np.concatenate(numbers), np.concatenate(parts)
