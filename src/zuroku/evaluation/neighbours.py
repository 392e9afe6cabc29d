"""Floors for a classifier: the class of the nearest embedding, and the most frequent class.

A trained head must beat both. Retrieval metrics of an embedding belong to the retrieval lineage.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zuroku.evaluation.checks import Array, finite_faults, raise_if_any, shape_faults

_BLOCK = 1024


@dataclass(frozen=True)
class Floors:
    """Accuracies in [0, 1] of guessing each item from the others.

    ``*_item`` leaves out only the item itself, ``*_group`` its whole group (book): the gap between the
    two is what figures of the same book give away.
    """

    nearest_item: float
    nearest_group: float
    majority_item: float
    majority_group: float


def accuracy_floors(embeddings: Array, classes: Sequence[str], groups: Sequence[Hashable]) -> Floors:
    """Return all four floors for embeddings ``(n, d)`` with classes ``(n,)`` and groups ``(n,)``.

    Raises:
        EvaluationError: as ``nearest_classes``.
    """
    items = range(len(classes))
    truth = np.asarray(classes, dtype=object)

    def accuracy(guesses: NDArray[np.object_]) -> float:
        return float((guesses == truth).mean())

    return Floors(
        nearest_item=accuracy(nearest_classes(embeddings, classes, items)),
        nearest_group=accuracy(nearest_classes(embeddings, classes, groups)),
        majority_item=accuracy(majority_classes(classes, items)),
        majority_group=accuracy(majority_classes(classes, groups)),
    )


def nearest_classes(
    embeddings: Array, classes: Sequence[str], left_out_with: Sequence[Hashable]
) -> NDArray[np.object_]:
    """Return for each item the class ``(n,)`` of its nearest other item by cosine.

    ``embeddings`` is ``(n, d)``, not necessarily of unit length. An item is never answered by one with the
    same value in ``left_out_with`` ``(n,)``: pass groups to leave out books, ``range(n)`` to leave out only
    the item itself. Of equally near items the first is taken.

    Raises:
        EvaluationError: lengths differ, an embedding is zero or not finite, or all items share a group.
    """
    embeddings = np.asarray(embeddings)
    faults = shape_faults((len(classes), None), embeddings=embeddings) + finite_faults(embeddings=embeddings)
    faults += _guess_faults(classes, left_out_with)
    lengths = np.linalg.norm(np.atleast_1d(embeddings).astype(np.float64), axis=-1, keepdims=True)
    if (lengths == 0).any():
        faults.append(f"{int((lengths == 0).sum())} embeddings of length zero")
    raise_if_any(
        faults,
        expected="embeddings (n, d), finite and not zero, with n classes, from at least two groups",
        remedy="pass columns of the same manifest and the embeddings in its order",
    )
    unit = embeddings / lengths
    codes = _codes(left_out_with)
    nearest = np.empty(len(codes), dtype=np.intp)
    for start in range(0, len(codes), _BLOCK):  # n × n similarities at once would not fit for large n
        rows = slice(start, start + _BLOCK)
        similarity = unit[rows] @ unit.T
        similarity[codes[rows, None] == codes[None, :]] = -np.inf
        nearest[rows] = similarity.argmax(axis=1)
    return np.asarray(classes, dtype=object)[nearest]


def majority_classes(classes: Sequence[str], left_out_with: Sequence[Hashable]) -> NDArray[np.object_]:
    """Return for each item the most frequent class ``(n,)`` among items of other groups.

    Of equally frequent classes the first in alphabetical order is taken.

    Raises:
        EvaluationError: lengths differ, or all items share a group.
    """
    raise_if_any(
        _guess_faults(classes, left_out_with),
        expected="one class and one group per item, from at least two groups",
        remedy="pass columns of the same manifest",
    )
    names, column = np.unique(np.asarray(classes), return_inverse=True)
    codes = _codes(left_out_with)
    inside = np.zeros((int(codes.max()) + 1, len(names)), dtype=np.int64)
    np.add.at(inside, (codes, column), 1)
    guesses = (inside.sum(axis=0) - inside).argmax(axis=1)
    chosen: NDArray[np.object_] = names.astype(object)[guesses[codes]]
    return chosen


def _guess_faults(classes: Sequence[str], left_out_with: Sequence[Hashable]) -> list[str]:
    faults = []
    if len(classes) != len(left_out_with):
        faults.append(f"{len(classes)} classes and {len(left_out_with)} groups")
    if len(set(left_out_with)) < 2:
        faults.append(f"{len(set(left_out_with))} groups, so no other item to answer from")
    return faults


def _codes(values: Sequence[Hashable]) -> NDArray[np.intp]:
    index = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return np.array([index[value] for value in values], dtype=np.intp)
