"""Which coordinates can be used, and which lie inside a boundary. Where that comes from is not known here."""

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

WITHOUT_COORDINATES = "without coordinates"
OUT_OF_RANGE = "coordinates out of range"
OUTSIDE = "outside the boundary"

Mask = npt.NDArray[np.bool_]
Degrees = npt.NDArray[np.float64]


def usable_coordinates(
    latitudes: Degrees, longitudes: Degrees, boundary: BaseGeometry | None, skipped: dict[str, int]
) -> Mask:
    """Return which of the places ``(n,)`` are given, on Earth and inside ``boundary``; others are counted.

    NaN is no coordinate, and neither is 0, 0, which devices without a fix write. The edge of the boundary is
    inside.
    """
    given = np.isfinite(latitudes) & np.isfinite(longitudes) & ~((latitudes == 0) & (longitudes == 0))
    on_earth = given & (np.abs(latitudes) <= 90) & (np.abs(longitudes) <= 180)
    inside = on_earth & in_boundary(latitudes, longitudes, boundary)
    _count(skipped, WITHOUT_COORDINATES, int((~given).sum()))
    _count(skipped, OUT_OF_RANGE, int((given & ~on_earth).sum()))
    _count(skipped, OUTSIDE, int((on_earth & ~inside).sum()))
    return np.asarray(inside)


def in_boundary(latitudes: Degrees, longitudes: Degrees, boundary: BaseGeometry | None) -> Mask:
    """Return which of the places ``(n,)`` lie in ``boundary`` or on its edge; without one, all."""
    if boundary is None:
        return np.ones(len(latitudes), dtype=bool)
    shapely.prepare(boundary)
    inside: Mask = shapely.intersects_xy(boundary, longitudes, latitudes)
    return inside


def _count(skipped: dict[str, int], reason: str, number: int) -> None:
    if number:
        skipped[reason] = skipped.get(reason, 0) + number
