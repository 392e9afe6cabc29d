"""Square blocks of land, and how near the nearest of other places is.

Splits are cut along blocks, and scores are reported by distance to the nearest photograph that could be
retrieved. Which split a block goes to belongs to ``zuroku.datasets.place_splits``.
"""

import math

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import BallTree

from zuroku.errors import GeoDataError
from zuroku.geo.distances import EARTH_RADIUS_KM, checked_coordinates

_KM_PER_DEGREE = math.pi * EARTH_RADIUS_KM / 180


def block_ids(coordinates: npt.ArrayLike, side_km: float) -> npt.NDArray[np.str_]:
    """Return the block ``(n,)`` of each place, named "row:column" of a grid with sides of ``side_km``.

    Rows are bands of latitude, each divided into the number of columns that comes nearest to ``side_km`` on
    its middle line. So blocks have one area, except at the poles, and none lies across the antimeridian.
    ``coordinates`` are ``(n, 2)``, latitude and longitude in degrees.

    Raises:
        GeoDataError: coordinates are no places on Earth, or the side is not positive.
    """
    if not side_km > 0:
        raise GeoDataError(
            f"blocks with a side of {side_km} km", expected="a positive length", remedy="set another side"
        )
    places = checked_coordinates(coordinates)
    height = side_km / _KM_PER_DEGREE
    rows = np.floor(places[:, 0] / height).astype(int)
    middle = np.clip((rows + 0.5) * height, -90, 90)
    columns = np.maximum(1, np.round(np.cos(np.radians(middle)) * 360 / height)).astype(int)
    # 180° is the same meridian as -180°.
    column = np.floor((places[:, 1] + 180) / 360 * columns).astype(int) % columns
    names = [f"{row}:{cell}" for row, cell in zip(rows, column, strict=True)]
    return np.array(names, dtype=np.str_)


def nearest_km(queries: npt.ArrayLike, references: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the haversine distance ``(n,)`` in km of each query to its nearest reference.

    Both are ``(…, 2)``, latitude and longitude in degrees; without references all are infinitely far.

    Raises:
        GeoDataError: coordinates are no places on Earth.
    """
    asked, known = checked_coordinates(queries), checked_coordinates(references)
    if not len(asked) or not len(known):
        return np.full(len(asked), np.inf)
    tree = BallTree(np.radians(known), metric="haversine")
    distances: npt.NDArray[np.float64] = tree.query(np.radians(asked), k=1)[0][:, 0]
    return distances * EARTH_RADIUS_KM
