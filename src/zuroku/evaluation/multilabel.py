"""Scores of multi-label decisions and rankings: precision, recall, F1 and average precision per label.

Unit: one figure, one label. Choosing thresholds lives in ``thresholds``, calibration in ``calibration``,
intervals in ``bootstrap``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zuroku.evaluation.checks import (
    Array,
    binary_faults,
    empty_faults,
    probability_faults,
    raise_if_any,
    shape_faults,
)


@dataclass(frozen=True)
class LabelScores:
    """The table of a set of decisions, and its two averages.

    ``table`` has one row per label: ``label, precision, recall, f1, support`` (positives), ``true_positives,
    false_positives, false_negatives``. ``left_out`` names the labels without positives: their recall and
    F1 are undefined (NaN) and ``macro_f1`` is the mean over the others.
    """

    table: pd.DataFrame
    macro_f1: float
    micro_f1: float
    left_out: tuple[str, ...]


def label_scores(targets: Array, decisions: Array, labels: Sequence[str]) -> LabelScores:
    """Score decisions ``(n, L) bool`` against targets ``(n, L)`` in {0, 1}.

    Precision of a label that is never emitted is 0 where it has positives, undefined where it has none.
    ``macro_f1`` is the mean of the labels' F1 (not the F1 of mean precision and recall); ``micro_f1`` pools
    the counts of all labels, so a false positive of a label without positives lowers it.

    Raises:
        EvaluationError: shapes do not fit, values are not binary, or no label has a positive.
    """
    targets, decisions = np.asarray(targets), np.asarray(decisions)
    faults = shape_faults((None, len(labels)), targets=targets, decisions=decisions)
    faults += _same_rows(targets, decisions)
    faults += binary_faults(targets=targets, decisions=decisions) + _no_positive(targets)
    raise_if_any(
        faults,
        expected=f"targets and decisions of one shape (n, {len(labels)}), 0 or 1, with a positive among them",
        remedy="pass both for the same items, with columns in the order of labels",
    )
    counts = label_counts(targets, decisions).sum(axis=0)
    hits, false_positives, false_negatives = counts
    support = hits + false_negatives
    emitted = hits + false_positives
    precision = np.where((emitted == 0) & (support > 0), 0.0, _ratio(hits, emitted))
    table = pd.DataFrame(
        {
            "label": list(labels),
            "precision": precision,
            "recall": _ratio(hits, support),
            "f1": np.where(support > 0, _ratio(2 * hits, emitted + support), np.nan),
            "support": support,
            "true_positives": hits,
            "false_positives": false_positives,
            "false_negatives": false_negatives,
        }
    )
    left_out = tuple(label for label, positives in zip(labels, support, strict=True) if positives == 0)
    return LabelScores(table, float(macro_f1(counts)), float(micro_f1(counts)), left_out)


def label_counts(targets: Array, decisions: Array) -> NDArray[np.int64]:
    """Return each item's contribution ``(n, 3, L) int64``: true positive, false positive, false negative.

    The inputs are ``(n, L)`` in {0, 1} and are not checked. Sums over items are sufficient for every F1.
    """
    positive, emitted = np.asarray(targets).astype(bool), np.asarray(decisions).astype(bool)
    parts = (positive & emitted, ~positive & emitted, positive & ~emitted)
    return np.stack(parts, axis=1).astype(np.int64)


def macro_f1(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean F1 ``(...)`` of summed counts ``(..., 3, L)`` over the labels that have positives.

    NaN where no label has any.
    """
    hits, false_positives, false_negatives = np.moveaxis(np.asarray(counts), -2, 0)
    has_positives = hits + false_negatives > 0
    f1 = np.where(has_positives, _ratio(2 * hits, 2 * hits + false_positives + false_negatives), 0.0)
    return _ratio(f1.sum(axis=-1), has_positives.sum(axis=-1))


def micro_f1(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the F1 ``(...)`` of counts ``(..., 3, L)`` pooled over all labels; NaN where all are 0."""
    hits, false_positives, false_negatives = np.moveaxis(np.asarray(counts).sum(axis=-1), -1, 0)
    return _ratio(2 * hits, 2 * hits + false_positives + false_negatives)


def pooled_f1(targets: Array, probabilities: Array, threshold: float = 0.5) -> float:
    """Return the original's running metric, a **micro** F1, of probabilities ``(n, L)`` in [0, 1].

    The code of Aoike 2021 (§2.1) adds up true positives, false positives and false negatives over all
    labels and batches and then takes one F1; the paper reports the result as macro F1. It equals
    ``micro_f1`` of the decisions p > ``threshold`` (strict).

    Raises:
        EvaluationError: shapes do not fit, a value is out of range, or no label has a positive.
    """
    targets, probabilities = np.asarray(targets), np.asarray(probabilities)
    _check_scores(targets, probabilities, extra=_no_positive(targets))
    return float(micro_f1(label_counts(targets, probabilities > threshold).sum(axis=0)))


def average_precision(targets: Array, scores: Array) -> NDArray[np.float64]:
    """Return each label's average precision ``(L,)``, of scores ``(n, L)`` in [0, 1]; NaN without positives.

    AP = Σ (R_k − R_{k−1}) P_k over the distinct scores, from high to low: items with equal scores enter
    together, so their order does not matter. No interpolation.

    Raises:
        EvaluationError: shapes do not fit, or a value is out of range.
    """
    targets, scores = np.asarray(targets), np.asarray(scores)
    _check_scores(targets, scores)
    return np.array([_average_precision(targets[:, i], scores[:, i]) for i in range(targets.shape[1])])


def mean_average_precision(targets: Array, scores: Array) -> float:
    """Return the mean of ``average_precision`` over the labels that have positives.

    Raises:
        EvaluationError: as ``average_precision``, or no label has a positive.
    """
    targets, scores = np.asarray(targets), np.asarray(scores)
    _check_scores(targets, scores, extra=_no_positive(targets))
    return float(np.nanmean(average_precision(targets, scores)))


def _average_precision(targets: Array, scores: Array) -> float:
    if not targets.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(targets[order] > 0)[last_of_tie]
    precision = hits / (np.flatnonzero(last_of_tie) + 1)
    recall_steps = np.diff(hits, prepend=0) / hits[-1]
    return float((precision * recall_steps).sum())


def _check_scores(targets: Array, scores: Array, extra: Sequence[str] = ()) -> None:
    faults = shape_faults((None, None), targets=targets, scores=scores) + empty_faults(targets=targets)
    faults += _same_rows(targets, scores, columns=True)
    faults += binary_faults(targets=targets) + probability_faults(scores=scores)
    raise_if_any(
        [*faults, *extra],
        expected="targets (n, L), 0 or 1, and scores (n, L) in [0, 1]",
        remedy="pass sigmoid outputs and targets of the same items and labels",
    )


def _same_rows(targets: Array, other: Array, columns: bool = False) -> list[str]:
    axes = slice(0, 2 if columns else 1)
    if targets.shape[axes] == other.shape[axes]:
        return []
    return [f"targets has shape {targets.shape} where the other array has {other.shape}"]


def _no_positive(targets: Array) -> list[str]:
    return [] if np.any(targets == 1) else ["no label has a positive"]


def _ratio(numerator: Array, denominator: Array) -> NDArray[np.float64]:
    """Divide; NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    undefined = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=undefined, where=denominator != 0)
    return undefined
