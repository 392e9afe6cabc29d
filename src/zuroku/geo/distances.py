"""Distances on the Earth between coordinates in degrees, and the check that coordinates are such.

Nothing here knows of maps, projections or files. Joins in metres belong to ``zuroku.geo.metric``.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from zuroku.errors import GeoDataError

EARTH_RADIUS_KM = 6371.0
"""Radius of the sphere in published geolocation scores (IM2GPS and its successors)."""

_WGS84 = Geod(ellps="WGS84")
_SHOWN = 3

Coordinates = npt.NDArray[np.float64]
"""Array of shape ``(n, 2)``: latitude, longitude in degrees, WGS84."""


def checked_coordinates(values: npt.ArrayLike) -> Coordinates:
    """Return ``values`` as float64 ``(n, 2)``, latitude first, in [-90, 90] and [-180, 180] degrees.

    One pair ``(2,)`` becomes ``(1, 2)``. Poles and the antimeridian on either side are valid.

    Raises:
        GeoDataError: the values are no pairs of numbers, not finite, or out of range. Where exchanging the
            columns would mend it, the message says that they look swapped.
    """
    found = _pairs(values)
    bad = ~np.isfinite(found).all(axis=1) | (np.abs(found) > (90, 180)).any(axis=1)
    if not bad.any():
        return found
    rows = np.flatnonzero(bad)
    shown = ", ".join(f"row {row}: {found[row, 0]:g}, {found[row, 1]:g}" for row in rows[:_SHOWN])
    finite = found[np.isfinite(found).all(axis=1)]
    swapped = len(finite) == len(found) and bool((np.abs(finite[:, ::-1]) <= (90, 180)).all())
    raise GeoDataError(
        f"{len(rows)} of {len(found)} coordinates are no places on Earth ({shown})"
        + ("; latitude and longitude look swapped" if swapped else ""),
        expected="latitude from -90 to 90 first, then longitude from -180 to 180, in degrees",
        remedy="exchange the two columns" if swapped else "mend or leave out these rows",
    )


def haversine_km(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Great-circle distances ``(n,)`` in km between rows of ``a`` and ``b``, on a sphere of 6371 km.

    ``a`` and ``b`` are ``(n, 2)``, latitude and longitude in degrees; one of them may be a single place,
    which is then compared with every row of the other. Within 0.6 % of ``geodesic_km``.

    Raises:
        GeoDataError: as ``checked_coordinates``, or the numbers of rows do not fit together.
    """
    first, second = (np.radians(side) for side in _broadcast(a, b))
    half = np.sin((second - first) / 2) ** 2
    chord = half[:, 0] + np.cos(first[:, 0]) * np.cos(second[:, 0]) * half[:, 1]
    # Rounding may carry antipodes a little over 1, where the arcsine is not defined.
    distances: npt.NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return distances


def geodesic_km(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Shortest distances ``(n,)`` in km on the WGS84 ellipsoid; arguments and errors as ``haversine_km``."""
    first, second = _broadcast(a, b)
    _, _, metres = _WGS84.inv(first[:, 1], first[:, 0], second[:, 1], second[:, 0])
    return np.asarray(metres, dtype=np.float64) / 1000


def _pairs(values: npt.ArrayLike) -> Coordinates:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _no_pairs(f"coordinates are no numbers ({error})") from error
    if found.shape == (2,):
        found = found[None]
    if found.size == 0:
        return np.empty((0, 2))
    if found.ndim != 2 or found.shape[1] != 2:
        raise _no_pairs(f"coordinates have the shape {found.shape}")
    return found


def _no_pairs(found: str) -> GeoDataError:
    return GeoDataError(
        found, expected="rows of latitude and longitude in degrees", remedy="give two numbers for each place"
    )


def _broadcast(a: Any, b: Any) -> tuple[Coordinates, Coordinates]:
    first, second = checked_coordinates(a), checked_coordinates(b)
    if len(first) != len(second) and 1 not in (len(first), len(second)):
        raise GeoDataError(
            f"{len(first)} places on one side and {len(second)} on the other",
            expected="as many on both sides, or a single place on one of them",
            remedy="give the true and the estimated places of the same items",
        )
    n = max(len(first), len(second)) if len(first) and len(second) else 0
    return np.broadcast_to(first[:n], (n, 2)), np.broadcast_to(second[:n], (n, 2))
