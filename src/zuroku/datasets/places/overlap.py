"""Whether photographs and a map show the same land: a map of another city would give no label, and no error.

What lies where exactly, the labels say (``zuroku.geo.labels``).
"""

import geopandas as gpd
import shapely

from zuroku.errors import GeoDataError
from zuroku.geo.distances import Coordinates

NEAR_DEGREES = 0.2
"""How far from the nearest feature a photograph may have been taken and still show the land of the map: about
20 km, because roads may end in one valley and photographs come from the next."""

LEAST_SHARE = 0.01
"""Of the photographs that must be so near; fewer are those of another place, or wrong by chance."""


def require_overlap(places: Coordinates, features: gpd.GeoDataFrame, what: str) -> None:
    """Check that ``LEAST_SHARE`` of ``places`` ``(n, 2)`` lie within ``NEAR_DEGREES`` of ``features``.

    ``features``, in EPSG:4326, are called ``what``.

    Raises:
        GeoDataError: fewer do. It says how far photographs and features reach, and what to do.
    """
    if not len(places):
        return
    tree, taken = shapely.STRtree(features.geometry.to_numpy()), shapely.points(places[:, ::-1])
    near = tree.query_nearest(taken, max_distance=NEAR_DEGREES, all_matches=False).shape[1]
    if near >= LEAST_SHARE * len(places) and near:
        return
    (south, west), (north, east) = places.min(axis=0), places.max(axis=0)
    raise GeoDataError(
        f"{near} of {len(places)} photographs lie within about 20 km of the {what}: they were taken "
        f"{_extent(south, west, north, east)}",
        expected=_expected(features, what),
        remedy=f"give {what} of the land that the photographs show; where the numbers look exchanged, "
        "exchange the columns of their positions (latitude=…,longitude=…)",
    )


def _expected(features: gpd.GeoDataFrame, what: str) -> str:
    if not len(features):
        return f"{what}; there are none"
    west, south, east, north = features.total_bounds
    return f"at least {LEAST_SHARE:.0%} of them where the {what} reach: {_extent(south, west, north, east)}"


def _extent(south: float, west: float, north: float, east: float) -> str:
    return f"from {south:.4f} to {north:.4f} north and {west:.4f} to {east:.4f} east"
