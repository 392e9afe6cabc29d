import numpy as np
import pytest
from pydantic import ValidationError

from zuroku.errors import EvaluationError
from zuroku.evaluation.gate import Evaluated, GateSettings, confirm, decide

SETTINGS = GateSettings(delta=0.02, floor=0.8, resamples=500, seed=1)
GROUPS = tuple(f"book{i // 10}" for i in range(200))
IDS = tuple(f"item{i:03}" for i in range(200))


TRUTHS = tuple(("map", "seal")[i % 2] for i in range(200))


def model(right, metric="accuracy", item_ids=IDS, groups=GROUPS, truths=TRUTHS):
    right = np.asarray(right, dtype=float)
    return Evaluated(metric, item_ids, groups, truths, lambda indices: float(right[indices].mean()))


def right_but(wrong_items):
    right = np.ones(200)
    right[list(wrong_items)] = 0
    return right


def interval_by_hand(one, other):
    difference = (np.asarray(one) - np.asarray(other)).reshape(20, 10)
    # Names sort as book0, book1, book10, …: the draws index the sorted names.
    order = [int(name.removeprefix("book")) for name in sorted(set(GROUPS))]
    draws = np.random.default_rng(SETTINGS.seed).integers(0, 20, (SETTINGS.resamples, 20))
    values = [np.mean([difference[order[group]].mean() for group in draw]) for draw in draws]
    return np.percentile(values, [2.5, 97.5])


def test_a_clearly_better_model_is_promoted_with_its_numbers():
    better, worse = right_but(range(0, 200, 20)), right_but(range(0, 200, 5))
    verdict = decide(model(better), model(worse), SETTINGS)
    assert verdict.promoted
    assert (verdict.challenger, verdict.champion) == pytest.approx((0.95, 0.8))
    assert verdict.difference == pytest.approx(0.15)
    assert verdict.interval == pytest.approx(tuple(interval_by_hand(better, worse)))
    assert (verdict.metric, verdict.n_items, verdict.n_groups) == ("accuracy", 200, 20)
    for words in ("is promoted", "0.9500", "0.8000", "95%", "200 items from 20 books", "0.0200"):
        assert words in verdict.reason
    landmarks = Evaluated(
        "accuracy", IDS, GROUPS, TRUTHS, lambda indices: float(better[indices].mean()), "landmarks"
    )
    reason = decide(landmarks, model(worse), SETTINGS).reason
    assert "20 landmarks" in reason
    assert "books" not in reason


def test_an_equal_model_is_promoted_and_a_slightly_worse_one_is_not():
    champion = right_but(range(0, 200, 20))
    assert decide(model(champion), model(champion), SETTINGS).promoted
    worse = champion.copy()
    worse[1] = 0
    verdict = decide(model(worse), model(champion), SETTINGS)
    assert not verdict.promoted
    assert verdict.interval[0] > -SETTINGS.delta  # the interval alone would let it pass
    assert "not promoted" in verdict.reason
    assert "lower" in verdict.reason


def test_a_gain_that_may_be_a_loss_on_other_books_is_not_promoted():
    # Better on the ten figures of two books each, all wrong on the figures of one.
    challenger, champion = right_but(range(0, 10)), right_but(range(10, 30))
    verdict = decide(model(challenger), model(champion), SETTINGS)
    assert verdict.difference == pytest.approx(0.05)
    assert verdict.interval[0] < -SETTINGS.delta
    assert not verdict.promoted
    assert "not ruled out" in verdict.reason
    assert decide(model(challenger), model(champion), SETTINGS.model_copy(update={"delta": 0.3})).promoted


def test_the_lower_end_must_lie_above_minus_delta_not_on_it():
    # All books lose nothing: the lower end is exactly 0 = −delta.
    champion = right_but(range(5))
    verdict = decide(model(champion), model(champion), SETTINGS.model_copy(update={"delta": 0.0}))
    assert verdict.interval == (0, 0)
    assert not verdict.promoted


@pytest.mark.parametrize(("wrong", "promoted"), [(40, True), (41, False)])
def test_a_first_model_must_reach_the_floor(wrong, promoted):
    verdict = decide(model(right_but(range(wrong))), None, SETTINGS)
    assert verdict.promoted is promoted
    assert (verdict.champion, verdict.difference, verdict.interval) == (None, None, None)
    assert ("reaches" if promoted else "below") in verdict.reason
    assert "0.8000" in verdict.reason


@pytest.mark.parametrize("wrong", [10, 100])
def test_the_model_in_use_stays_be_it_below_the_floor_and_the_reason_says_so(wrong):
    verdict = confirm(model(right_but(range(wrong))), SETTINGS.model_copy(update={"delta": 0.0}))
    assert verdict.promoted
    assert verdict.challenger == verdict.champion == pytest.approx(1 - wrong / 200)
    assert (verdict.difference, verdict.interval) == (0, (0, 0))
    assert (verdict.metric, verdict.n_items, verdict.n_groups) == ("accuracy", 200, 20)
    for words in ("already in use", f"{1 - wrong / 200:.4f}", "200 items from 20 books"):
        assert words in verdict.reason
    assert "no model in use" not in verdict.reason


def test_what_is_confirmed_is_checked_all_the_same():
    with pytest.raises(EvaluationError, match="accuracy is nan"):
        confirm(model(np.full(200, np.nan)), SETTINGS)
    with pytest.raises(EvaluationError, match="200 items and 199 groups"):
        confirm(model(np.ones(200), groups=GROUPS[1:]), SETTINGS)


def test_all_mismatches_are_listed():
    right = np.ones(200)
    other = model(right, "macro F1", ("other", *IDS[1:]), ("elsewhere", "elsewhere", *GROUPS[2:]))
    with pytest.raises(EvaluationError) as caught:
        decide(model(right), other, SETTINGS)
    for words in (
        "by accuracy, champion by macro F1",
        "1 items only of the challenger (item000)",
        "1 items only of the champion (other)",
        "1 items in different groups (item001: book0 and elsewhere)",
    ):
        assert words in caught.value.found
    with pytest.raises(EvaluationError, match=r"another order .*0: item000 and item199"):
        decide(model(right), model(right, item_ids=IDS[::-1], groups=GROUPS[::-1]), SETTINGS)
    with pytest.raises(EvaluationError, match="champion has 200 items and 199 groups"):
        decide(model(right), model(right, groups=GROUPS[1:]), SETTINGS)
    with pytest.raises(EvaluationError, match=r"with different true answers \(item000: map and seal\)"):
        decide(model(right), model(right, truths=("seal", *TRUTHS[1:])), SETTINGS)
    with pytest.raises(EvaluationError, match="challenger has 200 items and 199 true answers"):
        decide(model(right, truths=TRUTHS[1:]), None, SETTINGS)
    with pytest.raises(EvaluationError, match="challenger repeats 1 items"):
        decide(model(right, item_ids=(IDS[1], *IDS[1:])), None, SETTINGS)
    with pytest.raises(EvaluationError, match="challenger has no items"):
        decide(model([], item_ids=(), groups=(), truths=()), None, SETTINGS)


def test_undefined_metrics_and_a_single_group_are_refused():
    bad = np.full(200, np.nan)
    with pytest.raises(EvaluationError, match="challenger's accuracy is nan"):
        decide(model(bad), None, SETTINGS)
    with pytest.raises(EvaluationError, match="champion's accuracy is nan"):
        decide(model(np.ones(200)), model(bad), SETTINGS)
    single = model(np.ones(200), groups=("book",) * 200)
    with pytest.raises(EvaluationError, match="1 group"):
        decide(single, single, SETTINGS)
    assert decide(single, None, SETTINGS).promoted


@pytest.mark.parametrize(
    "changed", [{"delta": -0.1}, {"confidence": 1.0}, {"floor": float("nan")}, {"odd": 1}]
)
def test_settings_reject_what_makes_no_rule(changed):
    with pytest.raises(ValidationError):
        GateSettings(**{"delta": 0.0, "floor": 0.5, "resamples": 10, "seed": 0, **changed})
