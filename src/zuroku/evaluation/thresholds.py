"""The threshold of each label, chosen on the validation split.

Thresholds are never chosen on the split that reports. What they decide is scored in ``multilabel``.
"""

import numpy as np
from numpy.typing import NDArray

from zuroku.evaluation.checks import (
    Array,
    binary_faults,
    empty_faults,
    probability_faults,
    raise_if_any,
    shape_faults,
)

DEFAULT_THRESHOLD = 0.5


def choose_thresholds(targets: Array, probabilities: Array) -> NDArray[np.float64]:
    """Return for each label the threshold ``(L,)`` in (0, 1) that maximises its F1 of p > threshold.

    ``targets`` is ``(n, L)`` in {0, 1}, ``probabilities`` ``(n, L)`` in [0, 1]. Candidates lie halfway
    between neighbouring distinct scores, with 0 and 1 as outermost neighbours: every decision a threshold
    can make is tried once. Macro F1 is best when each label has its own threshold (Lipton 2014). Of equally
    good candidates the one nearest 0.5 is taken, the lower of two equally near. A label without positives
    has no F1 and keeps 0.5.

    Lipton warns that a rare label's optimum may be to emit everything; the original's fixed thresholds
    (.5 in training, .4 in use) avoid that but trade precision differently for each label.

    Raises:
        EvaluationError: shapes do not fit, or a value is out of range; all faults are listed.
    """
    targets, probabilities = np.asarray(targets), np.asarray(probabilities)
    faults = shape_faults((None, None), targets=targets, probabilities=probabilities)
    if targets.shape != probabilities.shape:
        faults.append(f"targets has shape {targets.shape}, probabilities {probabilities.shape}")
    faults += empty_faults(targets=targets) + binary_faults(targets=targets)
    raise_if_any(
        faults + probability_faults(probabilities=probabilities),
        expected="targets (n, L), 0 or 1, and probabilities (n, L) in [0, 1]",
        remedy="pass the validation split's targets and sigmoid outputs, same items, same labels",
    )
    columns = zip(targets.T, probabilities.astype(np.float64).T, strict=True)
    return np.array([_best_cut(positive > 0, scores) for positive, scores in columns])


def _best_cut(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    if not positive.any():
        return DEFAULT_THRESHOLD
    edges = np.unique(np.concatenate([[0.0], scores, [1.0]]))
    cuts = (edges[:-1] + edges[1:]) / 2
    cuts = cuts[(cuts > 0) & (cuts < 1)]
    above = len(scores) - np.searchsorted(np.sort(scores), cuts, side="right")
    hits = positive.sum() - np.searchsorted(np.sort(scores[positive]), cuts, side="right")
    f1 = 2 * hits / (above + positive.sum())
    best = cuts[f1 == f1.max()]
    return float(best[np.argmin(np.abs(best - DEFAULT_THRESHOLD))])
