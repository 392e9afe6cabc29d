"""Percentile bootstrap by group: how far a metric, or a difference of two, depends on the books drawn.

Groups (books) are drawn with replacement, never single items: figures of one book resemble each other,
and an interval over items would be too narrow. Three forms, same draws for the same seed: sums of counts
per group (fast), functions of how often each item is drawn (medians, of many draws at once), and any function
of item indices. What is decided from an interval lives in ``gate``.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zuroku.errors import EvaluationError
from zuroku.evaluation.checks import Array, finite_faults, raise_if_any

CountStatistic = Callable[[NDArray[Any]], NDArray[np.float64]]
"""Summed counts ``(..., *k)`` to values ``(...)``, such as ``multilabel.macro_f1``."""

IndexStatistic = Callable[[NDArray[np.intp]], float]
"""Item indices ``(m,)``, with repeats, to one value."""

WeightStatistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""How often each item is drawn, ``(b, n)`` for b draws, to one value per draw ``(b,)``."""

_WEIGHTS = 1 << 23
"""Held at a time: 64 MB."""


@dataclass(frozen=True)
class Interval:
    """An estimate on all groups with its two-sided percentile interval."""

    estimate: float
    lower: float
    upper: float
    confidence: float
    n_groups: int
    resamples: int


def group_sums(item_counts: Array, groups: Sequence[Hashable]) -> NDArray[Any]:
    """Return the counts ``(G, *k)`` summed by group from those of items ``(n, *k)``; groups in sorted order.

    Raises:
        EvaluationError: not one group per item, or the groups have no order (a missing one among them).
    """
    item_counts = np.asarray(item_counts)
    _check_lengths(groups, item_counts)
    n_groups, group_of = _group_codes(groups)
    sums = np.zeros((n_groups, *item_counts.shape[1:]), dtype=item_counts.dtype)
    np.add.at(sums, group_of, item_counts)
    return sums


def bootstrap_counts(
    counts: Array, statistic: CountStatistic, *, resamples: int, seed: int, confidence: float = 0.95
) -> Interval:
    """Bootstrap ``statistic`` of counts ``(G, *k)`` summed over the groups drawn.

    With ``multilabel.label_counts`` summed by group, k is (3, L) and ``macro_f1`` or ``micro_f1`` are
    statistics. A label without positives among the groups drawn is left out of that draw's macro F1.

    Raises:
        EvaluationError: fewer than two groups, a count is not finite, or the statistic of a draw is not.
    """
    counts = np.asarray(counts)
    raise_if_any(
        finite_faults(counts=counts),
        expected="finite counts (G, *k)",
        remedy="sum the counts of finite decisions",
    )
    times = _times_drawn(_draws(len(counts), resamples, seed, confidence))
    sums = (times @ counts.reshape(len(counts), -1)).reshape(resamples, *counts.shape[1:])
    return _interval(float(statistic(counts.sum(axis=0))), statistic(sums), confidence, len(counts))


def bootstrap_counts_difference(
    first: Array,
    second: Array,
    statistic: CountStatistic,
    *,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
) -> Interval:
    """Bootstrap statistic(first) − statistic(second), both ``(G, *k)``, with the same groups drawn for both.

    Raises:
        EvaluationError: as ``bootstrap_counts``, or the shapes differ.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise EvaluationError(
            f"counts of shapes {first.shape} and {second.shape}",
            expected="counts of the same groups, in the same order",
            remedy="evaluate both on the same test set and sum with group_sums",
        )

    def difference(sums: NDArray[Any]) -> NDArray[np.float64]:
        sides = np.moveaxis(sums, -first.ndim, 0)
        return statistic(sides[0]) - statistic(sides[1])

    both = np.stack([first, second], axis=1)
    return bootstrap_counts(both, difference, resamples=resamples, seed=seed, confidence=confidence)


def bootstrap_items(
    groups: Sequence[Hashable],
    statistic: IndexStatistic,
    *,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
) -> Interval:
    """Bootstrap any statistic of item indices: for metrics that are no function of summed counts.

    ``groups`` is ``(n,)``; each draw calls ``statistic`` with the indices of all items of the groups drawn,
    an item as often as its group was drawn. For a paired difference, let ``statistic`` return it.

    Raises:
        EvaluationError: fewer than two groups, groups without an order (a missing one among them), or the
            statistic of a draw is not finite.
    """
    n_groups, group_of = _group_codes(groups)
    draws = _draws(n_groups, resamples, seed, confidence)
    members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(np.bincount(group_of))[:-1])
    values = [statistic(np.concatenate([members[group] for group in draw])) for draw in draws]
    return _interval(statistic(np.arange(len(groups))), np.array(values), confidence, n_groups)


def bootstrap_weights(
    groups: Sequence[Hashable],
    statistics: Mapping[str, WeightStatistic],
    *,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Bootstrap several statistics of how often each item is drawn, by name and on the same draws.

    The numbers are those of ``bootstrap_items``, without a call for every draw. ``groups`` is ``(n,)``.

    Raises:
        EvaluationError: as ``bootstrap_items``.
    """
    n_groups, group_of = _group_codes(groups)
    times = _times_drawn(_draws(n_groups, resamples, seed, confidence))
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in statistics}
    height = max(1, _WEIGHTS // len(group_of))
    for start in range(0, resamples, height):
        weights = times[start : start + height, group_of]
        for name, statistic in statistics.items():
            values[name].append(statistic(weights))
    once = np.ones((1, len(group_of)))
    return {
        name: _interval(float(statistic(once)[0]), np.concatenate(values[name]), confidence, n_groups)
        for name, statistic in statistics.items()
    }


def _group_codes(groups: Sequence[Hashable]) -> tuple[int, NDArray[np.intp]]:
    """Return the number of groups and each item's place ``(n,)`` among them in sorted order.

    NumPy would split a group that is a tuple, and take 1 and "1" for one group.
    """
    missing = sum(group is None or group != group for group in groups)
    try:
        names = [] if missing else sorted(set(groups))  # type: ignore[type-var]
    except TypeError as error:
        raise EvaluationError(
            f"groups of kinds that cannot be put in order: {error}",
            expected="groups of one kind, such as book ids",
            remedy="pass the manifest's group column unchanged",
        ) from error
    raise_if_any(
        [f"{missing} items without a group"] if missing else [],
        expected="a group for every item",
        remedy="give each item its own group where nothing joins it to others",
    )
    place = {name: code for code, name in enumerate(names)}
    return len(names), np.array([place[group] for group in groups], dtype=np.intp)


def _draws(n_groups: int, resamples: int, seed: int, confidence: float) -> NDArray[np.intp]:
    """Return which groups each resample draws, ``(resamples, n_groups)``."""
    faults = []
    if n_groups < 2:
        faults.append(f"{n_groups} group{'s' if n_groups != 1 else ''}")
    if resamples < 1:
        faults.append(f"{resamples} resamples")
    if not 0 < confidence < 1:
        faults.append(f"a confidence of {confidence}")
    raise_if_any(
        faults,
        expected="at least two groups, at least one resample and a confidence in (0, 1)",
        remedy="evaluate on a test set of several books: one book says nothing about the next",
    )
    return np.random.default_rng(seed).integers(0, n_groups, size=(resamples, n_groups), dtype=np.intp)


def _times_drawn(draws: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how often each resample draws each group, as float64 so that the product below is fast."""
    resamples, n_groups = draws.shape
    flat = draws + n_groups * np.arange(resamples)[:, None]
    return np.bincount(flat.ravel(), minlength=draws.size).reshape(draws.shape).astype(np.float64)


def _interval(estimate: float, values: Array, confidence: float, n_groups: int) -> Interval:
    undefined = int((~np.isfinite(values)).sum()) + (not np.isfinite(estimate))
    if undefined:
        raise EvaluationError(
            f"the statistic is undefined (NaN or infinite) in {undefined} of {len(values) + 1} evaluations",
            expected="a finite value whichever groups are drawn",
            remedy="use more groups, or a statistic that is defined when a label has no positives",
        )
    lower, upper = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(lower), float(upper), confidence, n_groups, len(values))


def _check_lengths(groups: Sequence[Hashable], counts: Array) -> None:
    if counts.ndim == 0 or len(groups) != len(counts):
        raise EvaluationError(
            f"{len(groups)} groups for counts of shape {counts.shape}",
            expected="one group per item",
            remedy="pass columns of the same manifest",
        )
