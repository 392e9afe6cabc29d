"""From the nearest photographs to one place: the rules that make an answer of their coordinates and scores.

Which photographs are near, an index says; how far answers lie from the truth, ``evaluation.geolocation``.

The paper takes the plain centroid of 100 neighbours (section 4). Where these form several clusters, it lies
between them, in the sea or on a mountain where no neighbour is; and across the antimeridian it lands on the
other side of the Earth. The other rules stay where neighbours are.
"""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zuroku.config import Settings
from zuroku.errors import GeoDataError
from zuroku.geo.dbscan import density_clusters
from zuroku.geo.distances import EARTH_RADIUS_KM, Coordinates, checked_coordinates

Rule = Literal["centroid", "spherical_median", "kde_mode", "cluster_medoid", "top1"]
RULES: tuple[Rule, ...] = get_args(Rule)

Array = npt.NDArray[np.float64]

_STEPS = 500
_STILL_RAD = 1e-10
"""A step below this, 0.6 mm on the Earth, ends a search."""


class AnswerSettings(Settings):
    """Constants of the rules. ``centroid`` and ``top1`` need none."""

    temperature: float | None = Field(
        default=0.07,
        gt=0,
        description="a neighbour weighs exp(score / temperature); 0.07 is where the contrastive loss begins, "
        "null gives all the same weight",
    )
    bandwidth_km: float = Field(default=10.0, gt=0, description="of the kernel density")
    cluster_radius_km: float = Field(
        default=5.0, gt=0, description="neighbours nearer than this join one cluster (DBSCAN's eps)"
    )
    cluster_least: int = Field(
        default=3, ge=1, description="neighbours within the radius, itself included, that make a cluster"
    )


def answer(
    coordinates: npt.ArrayLike, scores: npt.ArrayLike, rule: Rule, settings: AnswerSettings
) -> Coordinates:
    """Return the place ``(2,)``, latitude and longitude in degrees, that ``rule`` makes of the neighbours.

    ``coordinates`` is ``(k, 2)`` and ``scores`` ``(k,)``, higher for nearer pictures; of equals the first
    counts as nearer. All rules are deterministic.

    Raises:
        GeoDataError: there is no neighbour, or coordinates or scores are not such.
    """
    places, weights = _checked(coordinates, scores, settings)
    if len(places) == 1:
        return _top1(places, weights, settings)
    found: Coordinates = _RULES[rule](places, weights, settings)
    return found


def spread_km(
    coordinates: npt.ArrayLike, scores: npt.ArrayLike, place: npt.ArrayLike, settings: AnswerSettings
) -> float:
    """Return the weighted mean distance in km from ``place`` ``(2,)`` to the neighbours: small is sure.

    Raises:
        GeoDataError: as ``answer``.
    """
    places, weights = _checked(coordinates, scores, settings)
    arcs = _arcs(_directions(checked_coordinates(place)), _directions(places))[0]
    return float(arcs @ weights / weights.sum() * EARTH_RADIUS_KM)


def _centroid(places: Coordinates, weights: Array, settings: AnswerSettings) -> Coordinates:
    """The paper's rule: the plain mean of latitudes and of longitudes, scores ignored."""
    mean: Coordinates = places.mean(axis=0)
    return mean


def _spherical_median(places: Coordinates, weights: Array, settings: AnswerSettings) -> Coordinates:
    """The place with the smallest weighted sum of great circles to all neighbours.

    Weiszfeld's iteration on the sphere (Fletcher, Venkatasubramanian and Joshi 2009), with the step of Vardi
    and Zhang (2000) where it stands on a neighbour. It begins at the best neighbour, so the answer is never
    worse than that; where neighbours spread over half the Earth there may be a better one elsewhere.
    """
    points = _directions(places)
    at = points[_medoid(points, weights)]
    for _ in range(_STEPS):
        arcs = _arcs(at[None], points)[0]
        apart = arcs > _STILL_RAD
        pull = weights[apart] / arcs[apart]
        step = pull @ _headings(at, points[apart], arcs[apart])
        length = float(np.linalg.norm(step))
        resting = float(weights[~apart].sum())
        if length <= resting or not apart.any():
            break
        arc = (length - resting) / pull.sum()
        at = _unit(np.cos(arc) * at + np.sin(arc) * step / length)
        if arc < _STILL_RAD:
            break
    return _place(at)


def _kde_mode(places: Coordinates, weights: Array, settings: AnswerSettings) -> Coordinates:
    """The highest place of a von Mises–Fisher kernel density, sought by mean shift from the best neighbour.

    κ = (R / bandwidth)², which near the mode is a Gaussian of that bandwidth.
    """
    points = _directions(places)
    kappa = (EARTH_RADIUS_KM / settings.bandwidth_km) ** 2

    def kernel(at: Array) -> Array:
        # cos θ − 1 = −(chord²) / 2, which does not cancel for near points as the cosine does.
        squares = ((at[:, None, :] - points[None]) ** 2).sum(axis=-1)
        values: Array = np.exp(-kappa * squares / 2) * weights
        return values

    at = points[kernel(points).sum(axis=1).argmax()]
    for _ in range(_STEPS):
        moved = _unit(kernel(at[None])[0] @ points)
        still = np.linalg.norm(moved - at) < _STILL_RAD
        at = moved
        if still:
            break
    return _place(at)


def _cluster_medoid(places: Coordinates, weights: Array, settings: AnswerSettings) -> Coordinates:
    """The medoid of the cluster (DBSCAN, great circles) with the largest summed weight.

    Of equal clusters that with the nearest picture is taken; without any cluster, the nearest picture.
    """
    points = _directions(places)
    near = _arcs(points, points) <= settings.cluster_radius_km / EARTH_RADIUS_KM
    labels = density_clusters(near, settings.cluster_least)
    clusters = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    if not clusters:
        return _top1(places, weights, settings)
    # Rounded, so that two orders of the same sum are equal, and the nearest picture decides.
    best = max(clusters, key=lambda rows: (round(float(weights[rows].sum()), 9), weights[rows].max()))
    chosen: Coordinates = places[best[_medoid(points[best], weights[best])]].copy()
    return chosen


def _top1(places: Coordinates, weights: Array, settings: AnswerSettings) -> Coordinates:
    """The place of the nearest picture."""
    nearest: Coordinates = places[0].copy()
    return nearest


_RULES: Mapping[Rule, Callable[[Coordinates, Array, AnswerSettings], Coordinates]] = {
    "centroid": _centroid,
    "spherical_median": _spherical_median,
    "kde_mode": _kde_mode,
    "cluster_medoid": _cluster_medoid,
    "top1": _top1,
}


def _checked(
    coordinates: npt.ArrayLike, scores: npt.ArrayLike, settings: AnswerSettings
) -> tuple[Coordinates, Array]:
    """Return the places, nearest picture first, and their weights; the largest weight is 1."""
    places, values = checked_coordinates(coordinates), np.asarray(scores, dtype=np.float64)
    if len(places) == 0 or values.shape != (len(places),) or not np.isfinite(values).all():
        raise GeoDataError(
            f"{len(places)} neighbours with scores of shape {values.shape}"
            + ("" if np.isfinite(values).all() else ", some of them NaN or infinite"),
            expected="at least one neighbour, and one finite score for each",
            remedy="leave out the places that a search could not fill, or search without a filter",
        )
    order = np.argsort(-values, kind="stable")
    places, values = places[order], values[order]
    if settings.temperature is None:
        return places, np.ones(len(values))
    return places, np.exp((values - values[0]) / settings.temperature)


def _medoid(points: Array, weights: Array) -> int:
    """Return the row of ``points`` ``(k, 3)`` with the smallest weighted sum of arcs, the first of equals."""
    return int((_arcs(points, points) @ weights).argmin())


def _directions(places: Coordinates) -> Array:
    """Return unit vectors ``(k, 3)`` of places in degrees."""
    latitude, longitude = np.radians(places).T
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def _place(direction: Array) -> Coordinates:
    x, y, z = direction
    return np.degrees([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)])


def _arcs(a: Array, b: Array) -> Array:
    """Return the angles ``(n, m)`` in radians between unit vectors, by the chord: exact for near ones."""
    chords = np.linalg.norm(a[:, None, :] - b[None], axis=-1)
    arcs: Array = 2 * np.arcsin(np.clip(chords / 2, 0, 1))
    return arcs


def _headings(at: Array, points: Array, arcs: Array) -> Array:
    """Return the tangents ``(k, 3)`` at ``at`` that lead to ``points``, as long as their arcs."""
    tangents = points - (points @ at)[:, None] * at
    lengths = np.linalg.norm(tangents, axis=1)
    # To the antipode every way is the shortest, so it pulls nowhere.
    headings: Array = tangents * np.divide(arcs, lengths, out=np.zeros_like(arcs), where=lengths > 0)[:, None]
    return headings


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.linalg.norm(vector)
    return unit
