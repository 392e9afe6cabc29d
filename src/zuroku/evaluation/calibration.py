"""Calibration of sigmoid outputs: one temperature, reliability bins, expected calibration error.

Unit: one figure, one label; all labels are pooled. The drawing of the reliability diagram lives in
``reports``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from zuroku.errors import EvaluationError
from zuroku.evaluation.checks import (
    Array,
    binary_faults,
    empty_faults,
    finite_faults,
    probability_faults,
    raise_if_any,
)

# Beyond these a temperature says that the model is broken, not that it is over- or underconfident.
_TEMPERATURES = (0.02, 50.0)
_CERTAIN = 2.0**-53


@dataclass(frozen=True)
class ReliabilityBins:
    """Equal-width bins of probability: mean confidence, observed frequency and count, each ``(bins,)``.

    Mean and frequency of an empty bin are NaN.
    """

    confidence: NDArray[np.float64]
    frequency: NDArray[np.float64]
    count: NDArray[np.int64]


def fit_temperature(logits: Array, targets: Array) -> float:
    """Return the temperature T > 0 that minimises the mean NLL of sigmoid(logits / T).

    ``logits`` and ``targets`` are of one shape, ``(n, L)``; targets in {0, 1}. Guo 2017 (§4.2) fits T to a
    softmax; here each label is a sigmoid of its own, and one T serves all, so that no ranking changes
    within or between labels. Fit it on the validation split.

    Raises:
        EvaluationError: shapes do not fit, a value is NaN or infinite, or the best T lies at the end of
            the range searched (0.02 to 50): the targets are then separable or the logits meaningless.
    """
    logits, targets = np.asarray(logits, dtype=np.float64), np.asarray(targets)
    _check(logits, targets, "logits", finite_faults(logits=logits))
    signed = np.where(targets > 0, -logits, logits)

    def negative_log_likelihood(log_temperature: float) -> float:
        return float(np.logaddexp(0, signed / np.exp(log_temperature)).mean())

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(
        negative_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-6}
    )
    if min(found.x - low, high - found.x) < 1e-3:
        raise EvaluationError(
            f"no temperature fits: the best lies at the end of the range, T = {np.exp(found.x):.3g}",
            expected=f"an optimum between {_TEMPERATURES[0]} and {_TEMPERATURES[1]}",
            remedy="use T = 1: either no logit is on the wrong side of 0 (too few validation items), "
            "or the logits carry nothing about the targets",
        )
    return float(np.exp(found.x))


def apply_temperature(probabilities: Array, temperature: float) -> NDArray[np.float64]:
    """Return sigmoid(logit(p) / T) of probabilities in [0, 1], any shape; 0 and 1 count as 1e-16 from it."""
    calibrated: NDArray[np.float64] = expit(logits_of(probabilities) / temperature)
    return calibrated


def logits_of(probabilities: Array) -> NDArray[np.float64]:
    """Return the finite logits of probabilities in [0, 1], any shape: those of 0 and 1 are ∓36.7.

    Raises:
        EvaluationError: a value is NaN or outside [0, 1].
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    raise_if_any(
        probability_faults(probabilities=probabilities),
        expected="probabilities in [0, 1]",
        remedy="pass sigmoid outputs, not logits",
    )
    finite: NDArray[np.float64] = logit(np.clip(probabilities, _CERTAIN, 1 - _CERTAIN))
    return finite


def reliability_bins(targets: Array, probabilities: Array, bins: int = 15) -> ReliabilityBins:
    """Return mean confidence and observed frequency in ``bins`` equal bins (k/bins, (k+1)/bins].

    ``targets`` in {0, 1} and ``probabilities`` in [0, 1] have one shape, ``(n, L)``; 0 falls in the first
    bin (Guo 2017, §2, with the probability of the label in place of the top class's).

    Raises:
        EvaluationError: shapes do not fit, a value is out of range, or ``bins`` is not positive.
    """
    targets, probabilities = np.asarray(targets), np.asarray(probabilities, dtype=np.float64)
    extra = probability_faults(probabilities=probabilities)
    _check(probabilities, targets, "probabilities", extra + ([] if bins > 0 else [f"{bins} bins"]))
    place = np.clip(np.ceil(probabilities * bins).astype(np.intp) - 1, 0, bins - 1).ravel()
    count = np.bincount(place, minlength=bins)
    filled = np.where(count > 0, count, np.nan)
    return ReliabilityBins(
        confidence=np.bincount(place, probabilities.ravel(), bins) / filled,
        frequency=np.bincount(place, (targets > 0).ravel().astype(float), bins) / filled,
        count=count.astype(np.int64),
    )


def expected_calibration_error(targets: Array, probabilities: Array, bins: int = 15) -> float:
    """Return the mean of |frequency − confidence| over the bins, weighted by count (Guo 2017, eq. 3)."""
    found = reliability_bins(targets, probabilities, bins)
    gaps = np.nan_to_num(np.abs(found.frequency - found.confidence))
    return float((gaps * found.count).sum() / found.count.sum())


def _check(values: Array, targets: Array, name: str, faults: list[str]) -> None:
    if values.shape != targets.shape:
        faults = [f"targets has shape {targets.shape}, {name} {values.shape}", *faults]
    raise_if_any(
        faults + empty_faults(targets=targets) + binary_faults(targets=targets),
        expected=f"targets, 0 or 1, and finite {name} of the same shape",
        remedy="pass outputs and targets of the same items and labels",
    )
