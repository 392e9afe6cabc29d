"""How near and how far apart points are: clusters, thinning, and gaps, all on the sphere.

Distances are taken between unit vectors, so that neither poles nor the antimeridian are special. What the
points stand for is not known here.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from sklearn.cluster import DBSCAN

from zuroku.geo.distances import EARTH_RADIUS_KM, Coordinates

EARTH_RADIUS_M = 1000 * EARTH_RADIUS_KM

Vectors = npt.NDArray[np.float64]
"""Unit vectors ``(n, 3)`` from the Earth's centre."""


def unit_vectors(coordinates: Coordinates) -> Vectors:
    """Return the unit vectors ``(n, 3)`` of places ``(n, 2)``."""
    latitude, longitude = np.radians(coordinates).T
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def coordinates_of(vectors: Vectors) -> Coordinates:
    """Return the places ``(n, 2)`` that ``vectors`` ``(n, 3)`` of any length point to."""
    x, y, z = vectors.T
    coordinates: Coordinates = np.degrees(np.column_stack([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)]))
    return coordinates


def chord(distance_m: float) -> float:
    """Return the straight distance between unit vectors whose places are ``distance_m`` apart (haversine)."""
    return float(2 * np.sin(min(distance_m / EARTH_RADIUS_M, np.pi) / 2))


def clusters(coordinates: Coordinates, span_m: float) -> list[npt.NDArray[np.int64]]:
    """Group places ``(n, 2)`` by DBSCAN (haversine, eps ``span_m``, min_samples 1); return the rows of each.

    So far the paper (§3.1), which then takes centroids. With min_samples 1 DBSCAN joins whatever a chain of
    neighbours joins: all the roads of a city become one cluster with one centroid. Therefore a cluster in
    which a place lies further than ``span_m`` / 2 from the centroid is halved across its longest axis, until
    none does.
    """
    labels = DBSCAN(
        eps=span_m / EARTH_RADIUS_M, min_samples=1, metric="haversine", algorithm="ball_tree"
    ).fit_predict(np.radians(coordinates))
    order = np.argsort(labels, kind="stable")
    joined = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    vectors = unit_vectors(coordinates)
    return [part for rows in joined for part in _halved(rows, vectors, chord(span_m / 2))]


def _halved(rows: npt.NDArray[np.int64], vectors: Vectors, reach: float) -> Iterator[npt.NDArray[np.int64]]:
    waiting = [rows]
    while waiting:
        rows = waiting.pop()
        offsets = vectors[rows] - vectors[rows].mean(axis=0)
        if (offsets**2).sum(axis=1).max() <= reach**2:
            yield rows
            continue
        _, axes = np.linalg.eigh(offsets.T @ offsets)
        ahead = offsets @ axes[:, -1] > 0
        waiting += [rows[ahead], rows[~ahead]]


def nearest_m(coordinates: Coordinates) -> npt.NDArray[np.float64]:
    """Return the distance (haversine) of each place ``(n, 2)`` to the nearest other; infinity if none."""
    if len(coordinates) < 2:
        return np.full(len(coordinates), np.inf)
    vectors = unit_vectors(coordinates)
    distances, _ = cKDTree(vectors).query(vectors, k=2)
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.clip(distances[:, 1] / 2, 0, 1)), dtype=np.float64)


class Spaced:
    """A growing choice among places ``(n, 2)``, no two of which are nearer than ``closest_m`` (haversine)."""

    def __init__(self, coordinates: Coordinates, closest_m: float) -> None:
        self._vectors = unit_vectors(coordinates)
        self._tree = cKDTree(self._vectors)
        self._reach = chord(closest_m)
        self._free = np.ones(len(coordinates), dtype=bool)

    def take_first(self, rows: Sequence[int]) -> int | None:
        """Choose the first of ``rows`` that may be chosen still, and return it; None if there is none."""
        for row in rows:
            if self._free[row]:
                near = self._tree.query_ball_point(self._vectors[row], self._reach)
                self._free[near] = False
                return row
        return None


def gaps(chosen: Coordinates, places: Coordinates, reach_m: float) -> npt.NDArray[np.int64]:
    """Return rows of ``places`` which, added to ``chosen``, leave none further than ``reach_m`` from all.

    Greedy in the order of ``places``; whatever is added is further than ``reach_m`` from all else.
    """
    if not len(places):
        return np.empty(0, dtype=np.int64)
    rows = np.arange(len(places))
    if len(chosen):
        distances, _ = cKDTree(unit_vectors(chosen)).query(unit_vectors(places))
        rows = np.flatnonzero(distances > chord(reach_m))
    if not len(rows):
        return rows
    spaced = Spaced(places[rows], reach_m)
    return np.array([row for i, row in enumerate(rows) if spaced.take_first([i]) is not None], dtype=np.int64)
