"""The single-class view of a multi-label decision: one predicted class per item, one matrix."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from zuroku.evaluation.checks import Array, binary_faults, probability_faults, raise_if_any, shape_faults
from zuroku.evaluation.hierarchy import LabelHierarchy

NONE = "none"


def predicted_classes(decisions: Array, probabilities: Array, hierarchy: LabelHierarchy) -> list[str]:
    """Return one class per item: of the emitted labels that are classes, the deepest, else ``"none"``.

    ``decisions`` is ``(n, L) bool``, ``probabilities`` ``(n, L)`` in [0, 1]. Of equally deep labels the
    one with the highest probability is taken, of equally probable ones the first.

    Raises:
        EvaluationError: shapes do not fit, or a value is out of range; all faults are listed.
    """
    decisions, probabilities = np.asarray(decisions), np.asarray(probabilities, dtype=np.float64)
    size = len(hierarchy.labels)
    faults = shape_faults((None, size), decisions=decisions, probabilities=probabilities)
    if decisions.shape[:1] != probabilities.shape[:1]:
        faults.append(f"decisions are of shape {decisions.shape}, probabilities of {probabilities.shape}")
    faults += binary_faults(decisions=decisions) + probability_faults(probabilities=probabilities)
    raise_if_any(
        faults,
        expected=f"decisions and probabilities (n, {size}) of the same items",
        remedy="pass what hierarchy.decode took and gave",
    )
    depth = np.array([hierarchy.depth(label) for label in range(size)])
    is_class = np.array([label in hierarchy.classes for label in hierarchy.labels])
    # Depths are whole numbers and probabilities at most 1: halved, they only decide between equal depths.
    rank = np.where(decisions.astype(bool) & is_class, depth + probabilities / 2, -1.0)
    names = np.array([*hierarchy.labels, NONE], dtype=object)
    return list(names[np.where((rank >= 0).any(axis=1), rank.argmax(axis=1), size)])


def confusion_matrix(
    true_classes: Sequence[str], decisions: Array, probabilities: Array, hierarchy: LabelHierarchy
) -> pd.DataFrame:
    """Count items by true class (rows) and predicted class (columns, the last one ``"none"``).

    A class that ``outputs`` left out of the labels has a row and an empty column. Arguments and rule as
    in ``predicted_classes``.

    Raises:
        EvaluationError: as ``predicted_classes``; or a true class is unknown, or their number is not n.
    """
    predicted = predicted_classes(decisions, probabilities, hierarchy)
    faults = [
        f"class {name!r} is not in the hierarchy" for name in sorted({*true_classes} - {*hierarchy.classes})
    ]
    if len(true_classes) != len(predicted):
        faults.append(f"{len(true_classes)} true classes for {len(predicted)} decisions")
    raise_if_any(
        faults,
        expected=f"one of {', '.join(hierarchy.classes)} per decision",
        remedy="pass the classes of the same items in the same order",
    )
    columns = [*hierarchy.classes, NONE]
    counts = np.zeros((len(hierarchy.classes), len(columns)), dtype=np.int64)
    rows = [hierarchy.classes.index(name) for name in true_classes]
    np.add.at(counts, (rows, [columns.index(name) for name in predicted]), 1)
    return pd.DataFrame(counts, index=pd.Index(hierarchy.classes, name="true"), columns=columns)
