"""Geolocation: distances between true and estimated places, their scores, heads, and the bias of answers.

Arrays in, numbers out. Reading files of predictions belongs to ``reports.geolocation_scores``, what a guess
without a model scores to ``geolocation_floors``, radii that hold to ``conformal``.

Published protocols differ: GeoCLIP counts geodesic distances ≤ r, PIGEON and OSV-5M great circles < r, the
im2gps scores of GeoEstimation (Müller-Budack et al. 2018) great circles ≤ r. The default is geodesic and ≤;
both are arguments, and a report must name them.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from zuroku.evaluation.bootstrap import Interval, WeightStatistic, bootstrap_weights
from zuroku.evaluation.checks import empty_faults, raise_if_any, shape_faults
from zuroku.geo.distances import checked_coordinates, geodesic_km, haversine_km

Distance = Literal["geodesic", "haversine"]

RADII_KM: tuple[float, ...] = (1, 25, 100, 200, 750, 2500)
"""Street, city, two sizes of region, country and continent, as IM2GPS and its successors count them."""

UNLABELLED = -1
"""Stands in a head's labels where an item has none."""

Distances = npt.NDArray[np.float64]
"""Distances ``(n,)`` in km; infinite where there is no prediction, never NaN."""


@dataclass(frozen=True)
class GeolocationScores:
    """Scores of ``count`` items, ``missing`` of them without a prediction.

    ``accuracy_within_km`` maps each radius, written as short as possible, to a share in [0, 1]. A missing
    prediction counts as infinitely far: the mean is infinite with the first one, the median once half are.
    """

    accuracy_within_km: Mapping[str, float]
    median_km: float
    mean_km: float
    count: int
    missing: int


@dataclass(frozen=True)
class HeadAccuracy:
    """Share in [0, 1] of ``labelled`` items that a head names rightly; the ``unlabelled`` are left out."""

    accuracy: float
    labelled: int
    unlabelled: int


@dataclass(frozen=True)
class BiasTable:
    """How often each area is the answer when every area gives the same number of photographs.

    ``table`` has the columns ``area, photographs, share, ratio``, the most frequent answer first: ``share``
    in [0, 1] of the answers, and its ``ratio`` to the share without bias. ``deviation`` is the population
    standard deviation of the shares of all areas with photographs, in percentage points.
    """

    table: pd.DataFrame
    deviation: float


def error_km(truth: npt.ArrayLike, predictions: npt.ArrayLike, distance: Distance = "geodesic") -> Distances:
    """Return how far each prediction lies from the truth; both ``(n, 2)`` latitude, longitude in degrees.

    A prediction of which both coordinates are NaN is missing, and infinitely far.

    Raises:
        GeoDataError: coordinates are not such, or only half of a prediction is NaN.
        EvaluationError: the lengths differ.
    """
    true = checked_coordinates(truth)
    guessed = np.asarray(predictions, dtype=np.float64)
    raise_if_any(
        shape_faults((len(true), 2), predictions=guessed),
        expected="one predicted latitude and longitude for each true one",
        remedy="pass NaN for both where there is no prediction",
    )
    given = ~np.isnan(guessed).all(axis=1)
    distances = np.full(len(true), np.inf)
    if given.any():
        measure = geodesic_km if distance == "geodesic" else haversine_km
        distances[given] = measure(true[given], checked_coordinates(guessed[given]))
    return distances


def score_distances(
    distances: Distances, *, radii_km: Sequence[float] = RADII_KM, strict: bool = False
) -> GeolocationScores:
    """Return the scores of ``distances`` ``(n,)``; with ``strict`` a distance of exactly r is a miss.

    Raises:
        EvaluationError: there is none, one is NaN or negative, or no radius or one that is not positive.
    """
    distances = checked_distances(distances)
    shares = _within(distances, radii_km, strict).mean(axis=0)
    return GeolocationScores(
        accuracy_within_km={
            f"{radius:g}": float(share) for radius, share in zip(radii_km, shares, strict=True)
        },
        median_km=float(np.median(distances)),
        mean_km=float(np.mean(distances)),
        count=len(distances),
        missing=int(np.isinf(distances).sum()),
    )


def score_intervals(
    distances: Distances,
    groups: Sequence[Hashable],
    *,
    radii_km: Sequence[float] = RADII_KM,
    strict: bool = False,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Return an interval by group for each radius (``"25"``), for ``"median_km"`` and for ``"mean_km"``.

    ``groups`` ``(n,)`` are what photographs are drawn by together: sequences, photographers or map blocks.
    Median and mean are left out where predictions are missing: infinite, they have no interval.

    Raises:
        EvaluationError: as ``score_distances``, one group only, or not one group per item.
    """
    statistics = _statistics(checked_distances(distances), radii_km, strict)
    return bootstrap_weights(groups, statistics, resamples=resamples, seed=seed, confidence=confidence)


def difference_intervals(
    first: Distances,
    second: Distances,
    groups: Sequence[Hashable],
    *,
    radii_km: Sequence[float] = RADII_KM,
    strict: bool = False,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Return intervals as ``score_intervals``, of the scores of ``first`` minus those of ``second``.

    Both are distances ``(n,)`` of the same items in the same order: a draw takes the same groups for both.

    Raises:
        EvaluationError: as ``score_intervals``, or the lengths differ.
    """
    first, second = checked_distances(first), checked_distances(second)
    raise_if_any(
        shape_faults(first.shape, second=second),
        expected="distances of the same items",
        remedy="score both on the same photographs, in the same order",
    )
    ours, theirs = (_statistics(distances, radii_km, strict) for distances in (first, second))
    statistics = {name: _minus(of, theirs[name]) for name, of in ours.items() if name in theirs}
    return bootstrap_weights(groups, statistics, resamples=resamples, seed=seed, confidence=confidence)


def head_accuracy(predictions: npt.ArrayLike, labels: npt.ArrayLike) -> HeadAccuracy:
    """Return how often the classes ``(n,)`` that a head names are the labels ``(n,)``, −1 being no label.

    Without a single label the accuracy is NaN.

    Raises:
        EvaluationError: the lengths differ, there is no item, or the classes are not integers.
    """
    guesses, truth = np.asarray(predictions), np.asarray(labels)
    faults = shape_faults((len(truth),), predictions=guesses, labels=truth) + empty_faults(labels=truth)
    faults += [
        f"{name} hold {array.dtype}"
        for name, array in (("predictions", guesses), ("labels", truth))
        if not np.issubdtype(array.dtype, np.integer)
    ]
    raise_if_any(
        faults,
        expected="class numbers (n,) of a head, and n labels of which −1 means none",
        remedy="pass the head's best class, and the labels in the order of its classes",
    )
    known = truth != UNLABELLED
    right = guesses[known] == truth[known]
    accuracy = float(right.mean()) if known.any() else float("nan")
    return HeadAccuracy(accuracy, int(known.sum()), int((~known).sum()))


def head_interval(
    predictions: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: Sequence[Hashable],
    *,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Return the interval by group of ``head_accuracy``, over the groups ``(n,)`` that have labelled items.

    Raises:
        EvaluationError: the lengths differ, or fewer than two groups have a labelled item.
    """
    guesses, truth = np.asarray(predictions), np.asarray(labels)
    names = np.fromiter(groups, dtype=object)
    raise_if_any(
        shape_faults(truth.shape, predictions=guesses, groups=names),
        expected="one class, one label and one group per item",
        remedy="pass columns of the same table",
    )
    known = truth != UNLABELLED
    right = {"accuracy": _share_of(guesses[known] == truth[known])}
    held = names[known].tolist()
    return bootstrap_weights(held, right, resamples=resamples, seed=seed, confidence=confidence)["accuracy"]


def bias_table(answers: Sequence[str], areas: Sequence[str]) -> BiasTable:
    """Return how the answers ``(n,)`` spread over areas, whose photographs lie in ``areas`` ``(n,)``.

    The paper draws 1,000 photographs of each prefecture (section 4). Here every photograph counts, by one
    over the number from its own area: what such a draw has on average, without its chance and however few
    there are. An answer outside all areas is "", and takes part in the shares.

    Raises:
        EvaluationError: the lengths differ, there is no item, or a photograph has no area.
    """
    answered, true = np.asarray(answers, dtype=object), np.asarray(areas, dtype=object)
    faults = shape_faults((len(true),), answers=answered) + empty_faults(areas=true)
    if without := int((true == "").sum()):
        faults.append(f"{without} photographs without an area")
    raise_if_any(
        faults,
        expected="the area answered and the true area of each photograph",
        remedy="leave out photographs that lie in no area",
    )
    photographs = pd.Series(true).value_counts()
    weights = 1 / (photographs.loc[true].to_numpy() * len(photographs))
    names = sorted({*true, *answered})
    shares = pd.Series(weights).groupby(answered).sum().reindex(names, fill_value=0.0)
    table = pd.DataFrame(
        {
            "area": names,
            "photographs": photographs.reindex(names, fill_value=0).to_numpy(dtype=np.int64),
            "share": shares.to_numpy(),
            "ratio": shares.to_numpy() * len(photographs),
        }
    ).sort_values(["share", "area"], ascending=[False, True], ignore_index=True)
    deviation = 100 * float(np.std(table.loc[table["photographs"] > 0, "share"]))
    return BiasTable(table, deviation)


def checked_distances(distances: npt.ArrayLike) -> Distances:
    """Return ``distances`` as float64 ``(n,)``.

    Raises:
        EvaluationError: there is none, or one is NaN or negative.
    """
    values = np.asarray(distances, dtype=np.float64)
    faults = shape_faults((None,), distances=values) + empty_faults(distances=values)
    if bad := int((~(values >= 0)).sum()):
        faults.append(f"{bad} distances that are NaN or negative")
    raise_if_any(
        faults,
        expected="distances (n,) in km, infinite where there is no prediction",
        remedy="make them with error_km",
    )
    return values


def _within(distances: Distances, radii_km: Sequence[float], strict: bool) -> npt.NDArray[np.bool_]:
    """Return ``(n, r)``: which distances lie within which radius."""
    radii = np.asarray(radii_km, dtype=np.float64)
    raise_if_any(
        [] if radii.size and ((radii > 0) & np.isfinite(radii)).all() else [f"radii of {list(radii_km)} km"],
        expected="at least one radius, all finite and above zero",
        remedy="name the radii in km",
    )
    near: npt.NDArray[np.bool_] = distances[:, None] < radii if strict else distances[:, None] <= radii
    return near


def _statistics(distances: Distances, radii_km: Sequence[float], strict: bool) -> dict[str, WeightStatistic]:
    """Return what has an interval, by name; median and mean only where no prediction is missing."""
    within = _within(distances, radii_km, strict)
    found = {f"{radius:g}": _share_of(within[:, column]) for column, radius in enumerate(radii_km)}
    if np.isfinite(distances).all():
        found |= {"median_km": _median_of(distances), "mean_km": _share_of(distances)}
    return found


def _share_of(values: npt.NDArray[np.generic]) -> WeightStatistic:
    """Return the statistic that is the mean of ``values`` ``(n,)``: of hits, their share."""
    numbers = values.astype(np.float64)

    def mean(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        drawn: npt.NDArray[np.float64] = weights @ numbers / weights.sum(axis=1)
        return drawn

    return mean


def _median_of(distances: Distances) -> WeightStatistic:
    """Return the statistic that is the median of ``distances`` ``(n,)``, each as often as it is drawn."""
    order = np.argsort(distances, kind="stable")
    ordered = distances[order]

    def median(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        reached = np.cumsum(weights[:, order], axis=1)
        size = reached[:, -1:]
        # Of an even number the two in the middle, of an odd one twice the same.
        low, high = ((reached <= place).sum(axis=1) for place in ((size - 1) // 2, size // 2))
        middle: npt.NDArray[np.float64] = (ordered[low] + ordered[high]) / 2
        return middle

    return median


def _minus(first: WeightStatistic, second: WeightStatistic) -> WeightStatistic:
    return lambda weights: first(weights) - second(weights)
