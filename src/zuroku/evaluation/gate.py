"""The promotion gate: may the challenger replace the champion? One rule for every model.

A pure function of two evaluations on the same frozen test set. Whether a model trained on a group of the
test set is checked before; moving the champion comes after. Neither belongs here.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from zuroku.config import Settings
from zuroku.evaluation.bootstrap import IndexStatistic, Interval, bootstrap_items
from zuroku.evaluation.checks import raise_if_any

_SHOWN = 5


class GateSettings(Settings):
    """The rule's constants, fixed before the test set is looked at.

    ``delta`` (in units of the metric) is the loss that the interval of the difference must exclude;
    ``floor`` is what a first champion must reach; ``seed`` and ``resamples`` make the interval repeatable.
    """

    delta: float = Field(ge=0, allow_inf_nan=False)
    floor: float = Field(allow_inf_nan=False)
    resamples: int = Field(ge=1)
    seed: int = Field(ge=0)
    confidence: float = Field(default=0.95, gt=0, lt=1)


@dataclass(frozen=True)
class Evaluated:
    """One model on the frozen test set.

    ``item_ids``, ``groups`` and ``truths`` (each item's true answer) are ``(n,)`` in the test set's order;
    ``statistic`` gives the metric of any item indices ``(m,)``, with repeats. Higher is better: pass an
    error as its negative. ``group_noun`` is what the reason calls the groups.
    """

    metric: str
    item_ids: Sequence[str]
    groups: Sequence[Hashable]
    truths: Sequence[Hashable]
    statistic: IndexStatistic
    group_noun: str = "books"


@dataclass(frozen=True)
class Verdict:
    """The decision with all its numbers; champion, difference and interval are None without a champion.

    ``interval`` is the two-sided interval (lower, upper) of ``difference`` = challenger − champion.
    """

    promoted: bool
    reason: str
    metric: str
    challenger: float
    champion: float | None
    difference: float | None
    interval: tuple[float, float] | None
    n_items: int
    n_groups: int


def decide(challenger: Evaluated, champion: Evaluated | None, settings: GateSettings) -> Verdict:
    """Decide whether the challenger is promoted.

    With a champion: its metric is no lower than the champion's, and the lower end of the two-sided
    interval of the paired by-group bootstrap difference lies above −delta. Without: its metric is at
    least ``floor``.

    Raises:
        EvaluationError: the two were not evaluated on the same items in the same order by the same
            metric (all mismatches are listed), a metric is not finite, or there is a champion and one group.
    """
    raise_if_any(
        _mismatches(challenger, champion),
        expected="both models evaluated on one frozen test set of several groups, items in the same order",
        remedy="evaluate the champion again on the current test set (of several groups), then decide",
    )
    everything = np.arange(len(challenger.item_ids))
    score = challenger.statistic(everything)
    if champion is None:
        return _first_verdict(challenger, score, settings)
    champion_score = champion.statistic(everything)
    raise_if_any(
        [
            f"{side}'s {challenger.metric} is {value}"
            for side, value in (("challenger", score), ("champion", champion_score))
            if not np.isfinite(value)
        ],
        expected="finite metrics",
        remedy="find the items whose predictions are undefined",
    )

    def difference(indices: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
        return challenger.statistic(indices) - champion.statistic(indices)

    interval = bootstrap_items(
        challenger.groups,
        difference,
        resamples=settings.resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )
    return _paired_verdict(challenger, score, champion_score, interval, settings)


def confirm(champion: Evaluated, settings: GateSettings) -> Verdict:
    """Return the verdict on a challenger that is the champion itself: it stays, whatever its metric.

    Its difference from itself is exactly 0, so nothing is drawn, and a ``delta`` of 0 does not stop it.

    Raises:
        EvaluationError: as ``decide`` without a champion.
    """
    alone = decide(champion, None, settings)
    return replace(
        alone,
        promoted=True,
        reason=f"It stays promoted: it is the model already in use, and its {alone.metric} is "
        f"{_number(alone.challenger)} ({_size(champion, alone.n_groups)}).",
        champion=alone.challenger,
        difference=0.0,
        interval=(0.0, 0.0),
    )


def _first_verdict(challenger: Evaluated, score: float, settings: GateSettings) -> Verdict:
    raise_if_any(
        [] if np.isfinite(score) else [f"challenger's {challenger.metric} is {score}"],
        expected="a finite metric",
        remedy="find the items whose predictions are undefined",
    )
    promoted = bool(score >= settings.floor)
    outcome = "It is promoted" if promoted else "It is not promoted"
    relation = "reaches" if promoted else "is below"
    n_items, n_groups = len(challenger.item_ids), len(set(challenger.groups))
    return Verdict(
        promoted=promoted,
        reason=f"{outcome}: there is no model in use yet, and its {challenger.metric} of {_number(score)} "
        f"{relation} the required {_number(settings.floor)} ({_size(challenger, n_groups)}).",
        metric=challenger.metric,
        challenger=float(score),
        champion=None,
        difference=None,
        interval=None,
        n_items=n_items,
        n_groups=n_groups,
    )


def _paired_verdict(
    challenger: Evaluated, score: float, champion_score: float, interval: Interval, settings: GateSettings
) -> Verdict:
    no_lower = bool(score >= champion_score)
    no_loss = interval.lower > -settings.delta
    compared = (
        f"its {challenger.metric} is {_number(score)}, that of the model in use {_number(champion_score)}"
    )
    span = (
        f"with {settings.confidence:.0%} confidence the difference on other {challenger.group_noun} "
        f"lies between {_number(interval.lower, sign=True)} and {_number(interval.upper, sign=True)}"
    )
    judgement = (
        f"a loss of {_number(settings.delta)} or more is ruled out"
        if no_loss
        else f"a loss of {_number(settings.delta)} or more is not ruled out"
    )
    outcome = "The new model is promoted" if no_lower and no_loss else "The new model is not promoted"
    but = "" if no_lower else ", which is lower"
    n_items, n_groups = len(challenger.item_ids), interval.n_groups
    return Verdict(
        promoted=no_lower and no_loss,
        reason=f"{outcome}: {compared}{but}; {span}, so {judgement} ({_size(challenger, n_groups)}).",
        metric=challenger.metric,
        challenger=float(score),
        champion=float(champion_score),
        difference=float(score - champion_score),
        interval=(interval.lower, interval.upper),
        n_items=n_items,
        n_groups=n_groups,
    )


def _mismatches(challenger: Evaluated, champion: Evaluated | None) -> list[str]:
    sides = [("challenger", challenger)] + ([("champion", champion)] if champion is not None else [])
    faults = []
    for side, model in sides:
        if not len(model.item_ids):
            faults.append(f"{side} has no items")
        if len(model.item_ids) != len(model.groups):
            faults.append(f"{side} has {len(model.item_ids)} items and {len(model.groups)} groups")
        if champion is not None and len(set(model.groups)) == 1:
            faults.append(f"{side} is evaluated on 1 group only, and how others would differ cannot be told")
        if len(model.item_ids) != len(model.truths):
            faults.append(f"{side} has {len(model.item_ids)} items and {len(model.truths)} true answers")
        if repeated := len(model.item_ids) - len(set(model.item_ids)):
            faults.append(f"{side} repeats {repeated} items")
    return faults + ([] if champion is None else _differences(challenger, champion))


def _differences(challenger: Evaluated, champion: Evaluated) -> list[str]:
    """Name all that keeps the two from having been evaluated on one test set."""
    faults = []
    if challenger.metric != champion.metric:
        faults.append(f"challenger is scored by {challenger.metric}, champion by {champion.metric}")
    ours, theirs = set(challenger.item_ids), set(champion.item_ids)
    for side, only in (("challenger", ours - theirs), ("champion", theirs - ours)):
        if only:
            faults.append(f"{len(only)} items only of the {side} ({_first(sorted(only))})")
    if ours == theirs:
        pairs = enumerate(zip(challenger.item_ids, champion.item_ids, strict=False))
        if moved := [f"{place}: {one} and {other}" for place, (one, other) in pairs if one != other]:
            faults.append(f"the same items in another order ({_first(moved)})")
    for what, our_values, their_values in (
        ("in different groups", challenger.groups, champion.groups),
        ("with different true answers", challenger.truths, champion.truths),
    ):
        theirs_of = dict(zip(champion.item_ids, their_values, strict=False))
        changed = [
            f"{item}: {value} and {theirs_of[item]}"
            for item, value in zip(challenger.item_ids, our_values, strict=False)
            if theirs_of.get(item, value) != value
        ]
        if changed:
            faults.append(f"{len(changed)} items {what} ({_first(changed)})")
    return faults


def _first(places: Sequence[str]) -> str:
    rest = len(places) - _SHOWN
    return ", ".join(places[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _number(value: float, sign: bool = False) -> str:
    return f"{value:+.4f}" if sign else f"{value:.4f}"


def _size(model: Evaluated, n_groups: int) -> str:
    return f"{len(model.item_ids):,} items from {n_groups:,} {model.group_noun}"
