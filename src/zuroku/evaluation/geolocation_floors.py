"""Floors for geolocation: the best single answer for everything, and the nearest photograph by raw features.

A trained model must beat both on the same gallery. What the answers score belongs to ``geolocation``.
"""

import numpy as np
import numpy.typing as npt

from zuroku.evaluation.checks import Array, empty_faults, finite_faults, raise_if_any, shape_faults
from zuroku.geo.distances import Coordinates, checked_coordinates, haversine_km

_BLOCK = 1024


def constant_guess(
    training: npt.ArrayLike, *, within_km: float | None = None, candidates: int = 1000, seed: int = 0
) -> Coordinates:
    """Return the training place ``(2,)`` that is the best answer for all ``training`` places ``(n, 2)``.

    Best is the smallest median distance to all of them, or with ``within_km`` the most of them within that
    many km (of equal ones, the smaller median). Only training places may be given: chosen on the test set,
    the guess would know the answers. Of more than ``candidates`` places, so many drawn by ``seed`` are tried,
    each against all. Great circles; of equally good places the first.

    Raises:
        GeoDataError: coordinates are not such.
        EvaluationError: there is none.
    """
    places = checked_coordinates(training)
    raise_if_any(
        empty_faults(training=places),
        expected="the places of the training photographs",
        remedy="pass the places of the training split",
    )
    tried = np.arange(len(places))
    if len(tried) > candidates:
        tried = np.sort(np.random.default_rng(seed).choice(len(places), candidates, replace=False))
    medians, near = np.empty(len(tried)), np.zeros(len(tried))
    for number, row in enumerate(tried):
        distances = haversine_km(places[row], places)
        medians[number] = np.median(distances)
        near[number] = 0 if within_km is None else np.count_nonzero(distances <= within_km)
    best: Coordinates = places[tried[np.lexsort((medians, -near))[0]]]
    return best


def nearest_feature_places(queries: Array, gallery: Array, places: npt.ArrayLike) -> Coordinates:
    """Return for each query ``(q, d)`` the place of the gallery's photograph ``(n, d)`` nearest by cosine.

    ``places`` is ``(n, 2)``; the result is ``(q, 2)``, both latitude and longitude in degrees. Features are
    of any length but zero. Of equally near photographs the first is taken. The gallery must hold none of the
    queries' photographs, nor others of their group.

    Raises:
        GeoDataError: coordinates are not such.
        EvaluationError: shapes do not fit, or a feature is zero or not finite.
    """
    coordinates = checked_coordinates(places)
    queries, gallery = np.asarray(queries), np.asarray(gallery)
    faults = shape_faults((len(coordinates), None), gallery=gallery)
    faults += shape_faults((None, gallery.shape[-1] if gallery.ndim else 0), queries=queries)
    faults += empty_faults(gallery=gallery) + finite_faults(queries=queries, gallery=gallery)
    units = []
    for name, array in (("queries", queries), ("gallery", gallery)):
        lengths = np.linalg.norm(np.atleast_1d(array).astype(np.float64), axis=-1, keepdims=True)
        if zeros := int((lengths == 0).sum()):
            faults.append(f"{zeros} features of length zero in {name}")
        units.append(array / np.where(lengths == 0, 1, lengths))
    raise_if_any(
        faults,
        expected="features (q, d) and (n, d), finite and not zero, and n places",
        remedy="pass the features of one encoder, and the gallery's places in its order",
    )
    query_units, gallery_units = units
    nearest = np.empty(len(query_units), dtype=np.intp)
    for start in range(0, len(query_units), _BLOCK):  # all similarities at once would not fit for large n
        block = slice(start, start + _BLOCK)
        nearest[block] = (query_units[block] @ gallery_units.T).argmax(axis=1)
    return coordinates[nearest]
