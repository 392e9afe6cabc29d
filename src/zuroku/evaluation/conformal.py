"""How sure an answer is: a radius that holds with a given probability, and when to give no answer.

Split conformal prediction: from answers whose errors are known, the radius for new ones (Vovk et al. 2005;
Lei et al. 2018, section 2.2). It holds on average over photographs drawn as those for calibration were, not
for each kind of them, and it assumes that they could be exchanged. Photographs of one sequence or block
cannot: they resemble each other. Then groups, not items, are exchanged, and each group counts once (Lee,
Barber and Willett 2023, "hierarchical conformal prediction"): the promise is for a photograph of a new group.
A gallery that is closer to the calibration set than to later queries breaks both: split by block.

``uncertainty`` is any number per answer that is larger where it is less sure: the spread of the neighbours,
or one minus the best score. Where distances come from belongs to ``geolocation``.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zuroku.evaluation.checks import finite_faults, raise_if_any, shape_faults
from zuroku.evaluation.geolocation import Distances, checked_distances

Array = npt.NDArray[np.float64]

# Sums of weights such as 1/(n+1) miss 1 − α by rounding alone.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ConformalRadius:
    """A radius calibrated on ``n_groups`` groups; ``normalised`` ones grow with the uncertainty.

    ``quantile`` is in km, or where normalised a factor of ``uncertainty + floor``. It is infinite where there
    are too few groups for ``confidence``: at least 1/(1 − confidence) − 1 are needed, 9 for 0.9.
    """

    confidence: float
    quantile: float
    normalised: bool
    floor: float
    n_groups: int

    def radius_km(self, uncertainty: npt.ArrayLike) -> Distances:
        """Return the radius ``(n,)`` in km of answers with ``uncertainty`` ``(n,)``.

        Raises:
            EvaluationError: an uncertainty is negative or not finite.
        """
        values = np.asarray(uncertainty, dtype=np.float64)
        if not self.normalised:
            return np.full(values.shape, self.quantile)
        _check_scale(values)
        return self.quantile * (values + self.floor)


@dataclass(frozen=True)
class Coverage:
    """Share in [0, 1] of answers within their radius, and the median radius in km."""

    covered: float
    median_radius_km: float
    count: int


@dataclass(frozen=True)
class Abstention:
    """What answering only where ``uncertainty <= threshold`` gives.

    ``accepted`` is the share in [0, 1] of photographs that get an answer, ``within`` the share of these
    within ``radius_km``: NaN where none is accepted.
    """

    threshold: float
    radius_km: float
    accepted: float
    within: float
    count: int


def calibrate_radius(
    distances: Distances,
    *,
    confidence: float = 0.9,
    uncertainty: npt.ArrayLike | None = None,
    floor: float = 1.0,
    groups: Sequence[Hashable] | None = None,
) -> ConformalRadius:
    """Return the radius that the ``distances`` ``(n,)`` of calibration answers, in km, allow.

    Without groups the quantile is the ⌈(n+1)·confidence⌉-th smallest distance, infinite where that exceeds
    n. With ``groups`` ``(n,)`` every item weighs 1/((G+1)·size of its group), and the missing 1/(G+1) lies
    at infinity. With ``uncertainty`` ``(n,)``, not negative, distances are divided by it plus ``floor``,
    which keeps answers of no uncertainty from a radius of zero. No item may have served to train or to
    choose.

    Raises:
        EvaluationError: lengths differ, a value is not such, or ``confidence`` or ``floor`` is out of range.
    """
    distances = checked_distances(distances)
    scores = distances
    if uncertainty is not None:
        scale = np.asarray(uncertainty, dtype=np.float64)
        _check_lengths(distances, scale)
        _check_scale(scale)
        scores = distances / (scale + _checked_floor(floor))
    raise_if_any(
        [] if 0 < confidence < 1 else [f"a confidence of {confidence}"],
        expected="a confidence in (0, 1)",
        remedy="0.9 is usual",
    )
    weights, n_groups = _group_weights(groups, len(distances))
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) * n_groups / (n_groups + 1)
    place = int(np.searchsorted(reached, confidence - _ROUNDING))
    quantile = float(scores[order[place]]) if place < len(scores) else math.inf
    return ConformalRadius(confidence, quantile, uncertainty is not None, floor, n_groups)


def radius_coverage(
    distances: Distances, radii_km: npt.ArrayLike, groups: Sequence[Hashable] | None = None
) -> Coverage:
    """Return how many of ``distances`` ``(n,)`` lie within ``radii_km`` ``(n,)``; each group counts once.

    An infinite radius covers even a missing answer.

    Raises:
        EvaluationError: lengths differ, or a value is not such.
    """
    distances, radii = checked_distances(distances), checked_distances(radii_km)
    _check_lengths(distances, radii)
    weights, _ = _group_weights(groups, len(distances))
    return Coverage(_part(weights[distances <= radii], weights), float(np.median(radii)), len(distances))


def choose_threshold(
    distances: Distances,
    uncertainty: npt.ArrayLike,
    *,
    radius_km: float,
    share: float,
    groups: Sequence[Hashable] | None = None,
    least_accepted: int = 20,
) -> Abstention:
    """Return the laxest threshold whose accepted answers lie within ``radius_km`` with ``share`` or more.

    Choose it on the validation set and report ``abstention`` on the test set: here the share is a little too
    good, because the threshold was chosen for it. Fewer than ``least_accepted`` answers decide nothing.
    Where no threshold will do, it is −∞: never answer. Each group counts once.

    Raises:
        EvaluationError: lengths differ, a value is not such, or ``share`` is outside (0, 1].
    """
    distances, values, weights = _checked_pairs(distances, uncertainty, radius_km, groups)
    raise_if_any(
        [] if 0 < share <= 1 else [f"a share of {share}"],
        expected="a share in (0, 1]",
        remedy="name the share of accepted answers that must lie within the radius",
    )
    order = np.argsort(values, kind="stable")
    near = np.cumsum((weights * (distances <= radius_km))[order]) / np.cumsum(weights[order])
    # Answers of equal uncertainty are accepted together.
    last_of_equals = np.append(values[order][1:] > values[order][:-1], True)
    enough = np.arange(1, len(values) + 1) >= least_accepted
    good = np.flatnonzero(last_of_equals & enough & (near >= share - _ROUNDING))
    threshold = float(values[order[good[-1]]]) if len(good) else -math.inf
    return abstention(distances, values, radius_km=radius_km, threshold=threshold, groups=groups)


def abstention(
    distances: Distances,
    uncertainty: npt.ArrayLike,
    *,
    radius_km: float,
    threshold: float,
    groups: Sequence[Hashable] | None = None,
) -> Abstention:
    """Return what ``threshold`` gives for answers of ``distances`` and ``uncertainty``, both ``(n,)``.

    Raises:
        EvaluationError: lengths differ, or a value is not such.
    """
    distances, values, weights = _checked_pairs(distances, uncertainty, radius_km, groups)
    accepted = values <= threshold
    near = accepted & (distances <= radius_km)
    within = _part(weights[near], weights[accepted]) if accepted.any() else math.nan
    return Abstention(threshold, radius_km, _part(weights[accepted], weights), within, len(distances))


def _group_weights(groups: Sequence[Hashable] | None, n: int) -> tuple[Array, int]:
    """Return the weight ``(n,)`` of each item, one over groups and over its group's size; and the groups."""
    if groups is None:
        return np.full(n, 1 / n), n
    raise_if_any(
        [] if len(groups) == n else [f"{len(groups)} groups for {n} answers"],
        expected="one group per answer",
        remedy="pass columns of the same table",
    )
    codes = {group: code for code, group in enumerate(dict.fromkeys(groups))}
    group_of = np.array([codes[group] for group in groups])
    sizes = np.bincount(group_of)
    return 1 / (len(sizes) * sizes[group_of]), len(sizes)


def _checked_pairs(
    distances: Distances, uncertainty: npt.ArrayLike, radius_km: float, groups: Sequence[Hashable] | None
) -> tuple[Distances, Array, Array]:
    distances, values = checked_distances(distances), np.asarray(uncertainty, dtype=np.float64)
    _check_lengths(distances, values)
    raise_if_any(
        finite_faults(uncertainty=values) + ([] if radius_km > 0 else [f"a radius of {radius_km} km"]),
        expected="finite uncertainties and a radius above zero",
        remedy="give a missing answer a large uncertainty",
    )
    return distances, values, _group_weights(groups, len(distances))[0]


def _part(some: Array, whole: Array) -> float:
    return float(some.sum() / whole.sum())


def _check_lengths(distances: Distances, other: Array) -> None:
    raise_if_any(
        shape_faults(distances.shape, other=other),
        expected=f"one value for each of the {len(distances)} answers",
        remedy="pass columns of the same table",
    )


def _check_scale(uncertainty: Array) -> None:
    faults = finite_faults(uncertainty=uncertainty)
    if negative := int((uncertainty < 0).sum()):
        faults.append(f"{negative} negative uncertainties")
    raise_if_any(
        faults,
        expected="finite uncertainties of zero or more",
        remedy="use the spread in km, or one minus a score",
    )


def _checked_floor(floor: float) -> float:
    raise_if_any(
        [] if floor > 0 and math.isfinite(floor) else [f"a floor of {floor}"],
        expected="a floor above zero, in the unit of the uncertainty",
        remedy="1 km is a good floor for a spread",
    )
    return floor
