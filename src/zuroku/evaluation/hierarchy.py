"""The hierarchy of tags: which label implies which, as targets and as a consistent decision.

The hierarchy itself is configuration (class → the labels it implies). Scores of decisions live in
``multilabel``, the choice of thresholds in ``thresholds``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zuroku.errors import ConfigError
from zuroku.evaluation.checks import (
    Array,
    binary_faults,
    probability_faults,
    raise_if_any,
    shape_faults,
)

# A probability nearer to 0 or 1 than this counts as this near, on both sides alike: it is the spacing
# of float64 below 1, so that a saturated 0 and a saturated 1 weigh the same (a logit of ±36.7).
_CERTAIN = 2.0**-53
# Sums of logits that cancel exactly on paper (.4 and .6) differ by rounding only: still a tie.
_TIE = 1e-9


@dataclass(frozen=True)
class LabelHierarchy:
    """A forest of labels, and the classes whose items carry them.

    ``labels`` are the model's outputs in order (L of them), ``classes`` the folders of the data in
    configuration order. ``parents[i]`` is the index of the direct parent of label i, −1 for a root.
    ``deepest[j]`` is the index of the deepest label class j carries: the class itself, or its nearest
    ancestor where ``outputs`` dropped the class.
    """

    labels: tuple[str, ...]
    classes: tuple[str, ...]
    parents: tuple[int, ...]
    deepest: tuple[int, ...]

    def targets(self, classes: Sequence[str]) -> NDArray[np.float32]:
        """Return the targets ``(n, L) float32`` in {0, 1} of items with these classes.

        Raises:
            EvaluationError: a class is not in the hierarchy; every such class is listed.
        """
        unknown = sorted(set(classes) - set(self.classes))
        raise_if_any(
            [f"class {name!r} is not in the hierarchy" for name in unknown],
            expected=f"only {', '.join(self.classes)}",
            remedy="add the class and the labels it implies to the configuration, or mend the item's class",
        )
        rows = np.zeros((len(self.classes), len(self.labels)), dtype=np.float32)
        for row, label in enumerate(self.deepest):
            rows[row, self._chain(label)] = 1
        row_of = {name: row for row, name in enumerate(self.classes)}
        return rows[np.array([row_of[name] for name in classes], dtype=np.intp)]

    def decode(self, probabilities: Array, thresholds: Array, active: Array) -> NDArray[np.bool_]:
        """Return the best consistent decision for every item, ``(n, L) bool``.

        ``probabilities`` is ``(n, L)`` in [0, 1], ``thresholds`` ``(L,)`` strictly between 0 and 1,
        ``active`` ``(L,) bool``. A decision is consistent when every emitted label's parent is emitted;
        among these the one with the highest Σ (logit p − logit t) over emitted labels is returned, by
        exact dynamic programming on the forest. With one level this is p > t. A tie emits fewer labels.
        A label that is not active (its class had no training images) is never emitted, nor is any
        descendant of it.

        The original (Aoike 2021 §2.1) thresholds each label alone and so can emit a leaf without its
        root; we depart from it because users filter by root first and would never see such a figure.

        Raises:
            EvaluationError: shapes do not fit, or a value is outside its range; all faults are listed.
        """
        probabilities, thresholds, active = map(np.asarray, (probabilities, thresholds, active))
        size = len(self.labels)
        faults = shape_faults((None, size), probabilities=probabilities)
        faults += shape_faults((size,), thresholds=thresholds, active=active)
        faults += probability_faults(probabilities=probabilities) + binary_faults(active=active)
        if not ((thresholds > 0) & (thresholds < 1)).all():
            faults.append("thresholds holds values outside (0, 1) or NaN")
        raise_if_any(
            faults,
            expected=f"one probability in [0, 1] and one threshold in (0, 1) for each of the {size} labels",
            remedy="pass sigmoid outputs and thresholds in the order of hierarchy.labels",
        )
        gain = _logit(probabilities) - _logit(thresholds)
        gain[:, ~active.astype(bool)] = -np.inf
        downwards = sorted(range(size), key=self.depth)
        for label in reversed(downwards):  # afterwards gain is that of the label's best subtree
            if self.parents[label] >= 0:
                gain[:, self.parents[label]] += np.maximum(gain[:, label], 0)
        emitted = gain > _TIE
        for label in downwards:
            if self.parents[label] >= 0:
                emitted[:, label] &= emitted[:, self.parents[label]]
        return emitted

    def depth(self, label: int) -> int:
        """Return how many ancestors the label with this index has; 0 for a root."""
        return len(self._chain(label)) - 1

    def _chain(self, label: int) -> list[int]:
        """Return the label and all its ancestors, from the deepest to the root."""
        chain = [label]
        while self.parents[chain[-1]] >= 0:
            chain.append(self.parents[chain[-1]])
        return chain


def build_hierarchy(
    implied: Mapping[str, Sequence[str]], outputs: Sequence[str] | None = None
) -> LabelHierarchy:
    """Build the hierarchy from class → implied labels, widest first.

    ``{"picture_landmark": ["picture", "picture_outdoor"], ...}``: each listed label is the direct parent
    of the next, the last one that of the class. Without ``outputs`` the labels are the roots and the
    implied labels in order of appearance, then the remaining classes in configuration order. ``outputs``
    gives another order, or leaves labels out: an item of a class left out still carries its ancestors
    (the original has no output for ``graphic_illust``), and children move to the nearest kept ancestor.

    Raises:
        ConfigError: the labels do not form a forest, or ``outputs`` does not fit; all faults are listed.
    """
    parent_of = _parents(implied)
    first = [
        name
        for cls, above in implied.items()
        for name in (*above, cls)
        if name in above or parent_of[cls] is None
    ]
    everything = list(dict.fromkeys([*first, *implied]))
    labels = everything if outputs is None else list(outputs)
    index = {label: position for position, label in enumerate(labels)}

    def nearest(label: str | None) -> int:
        while label is not None and label not in index:
            label = parent_of[label]
        return -1 if label is None else index[label]

    faults = [f"output {name!r} is no label" for name in labels if name not in parent_of]
    faults += [f"output {name!r} is listed twice" for name in index if labels.count(name) > 1]
    faults += [f"class {name!r} keeps no label at all" for name in implied if nearest(name) < 0]
    if faults:
        raise ConfigError(
            f"the outputs do not fit the hierarchy: {'; '.join(faults)}",
            expected=f"each of some or all of {', '.join(everything)} once, and a label for every class",
            remedy="mend the outputs, or leave them out to have all labels",
        )
    return LabelHierarchy(
        labels=tuple(labels),
        classes=tuple(implied),
        parents=tuple(nearest(parent_of[label]) for label in labels),
        deepest=tuple(nearest(name) for name in implied),
    )


def _parents(implied: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Return the direct parent of every label (None for a root); refuse what is not a forest."""
    claims: dict[str, list[str | None]] = {}
    for cls, above in implied.items():
        for wider, label in zip((None, *above), (*above, cls), strict=True):
            # The first of a list may have parents of its own elsewhere; a class without a list is a root.
            known = claims.setdefault(label, [])
            if (wider is not None or not above) and wider not in known:
                known.append(wider)
    faults = [
        f"{label!r} lies directly under {' and under '.join(repr(c or 'nothing') for c in wider)}"
        for label, wider in claims.items()
        if len(wider) > 1
    ]
    parent_of = {label: claim[0] if claim else None for label, claim in claims.items()}
    if not faults:
        faults = [f"{label!r} implies itself" for label in parent_of if _implies_itself(label, parent_of)]
    if faults or not parent_of:
        raise ConfigError(
            f"the labels are no hierarchy: {'; '.join(faults) or 'no class is given'}",
            expected="for each class the labels it implies, widest first; at most one parent for a label",
            remedy="list the same labels in the same order wherever they appear, "
            "such as picture_landmark: [picture, picture_outdoor] and picture_outdoor: [picture]",
        )
    return parent_of


def _implies_itself(label: str, parent_of: Mapping[str, str | None]) -> bool:
    above = parent_of[label]
    for _ in parent_of:
        if above is None or above == label:
            break
        above = parent_of[above]
    return above == label


def _logit(probabilities: Array) -> NDArray[np.float64]:
    certain = np.clip(np.asarray(probabilities, dtype=np.float64), _CERTAIN, 1 - _CERTAIN)
    logits: NDArray[np.float64] = np.log(certain) - np.log1p(-certain)
    return logits
