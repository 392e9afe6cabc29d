"""Radii that hold: coverage on simulated answers, too few answers, groups; and abstention."""

import math

import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.conformal import abstention, calibrate_radius, choose_threshold, radius_coverage


@pytest.mark.parametrize(("n", "confidence"), [(19, 0.9), (50, 0.9), (100, 0.5), (39, 0.95), (9, 0.9)])
def test_the_quantile_is_the_smallest_that_the_sample_allows(n: int, confidence: float) -> None:
    distances = np.random.default_rng(n).gamma(1, 30, n)
    rank = math.ceil(round((n + 1) * confidence, 9))
    expected = np.sort(distances)[rank - 1]
    assert calibrate_radius(distances, confidence=confidence).quantile == expected


@pytest.mark.parametrize(("n", "confidence"), [(8, 0.9), (1, 0.9), (18, 0.95)])
def test_too_few_answers_give_an_infinite_radius(n: int, confidence: float) -> None:
    radius = calibrate_radius(np.ones(n), confidence=confidence)
    assert radius.quantile == math.inf
    assert np.isinf(radius.radius_km(np.zeros(3))).all()


def test_a_missing_answer_lies_beyond_every_radius() -> None:
    assert calibrate_radius(np.array([1.0] * 18 + [np.inf])).quantile == 1
    assert calibrate_radius(np.array([1.0] * 15 + [np.inf] * 4)).quantile == np.inf


def covered(seed: int, normalised: bool) -> list[bool]:
    """Calibrate on 60 answers whose error grows with the uncertainty; ask one more."""
    rng = np.random.default_rng(seed)
    uncertainty = rng.gamma(2, 20, 61)
    distances = rng.exponential(uncertainty)
    radius = calibrate_radius(distances[:60], uncertainty=uncertainty[:60] if normalised else None)
    return (distances[60:] <= radius.radius_km(uncertainty[60:])).tolist()


@pytest.mark.parametrize("normalised", [False, True])
def test_the_radius_holds_for_nine_in_ten(normalised: bool) -> None:
    n = 2000
    share = np.mean([covered(seed, normalised)[0] for seed in range(n)])
    # Between 1 − α and 1 − α + 1/(n+1) in truth; four standard deviations of the simulation.
    slack = 4 * math.sqrt(0.9 * 0.1 / n)
    assert 0.9 - slack <= share <= 0.9 + 1 / 61 + slack


def test_a_normalised_radius_is_smaller_where_the_answer_is_surer() -> None:
    rng = np.random.default_rng(0)
    uncertainty = rng.gamma(2, 20, 500)
    radius = calibrate_radius(rng.exponential(uncertainty), uncertainty=uncertainty, floor=2.0)
    near, far = radius.radius_km([0, 100])
    assert near == pytest.approx(2 * radius.quantile)
    assert far == pytest.approx(102 * radius.quantile)


def grouped(seed: int) -> tuple[bool, bool]:
    """Calibrate on 30 groups of 1 to 30 equal-minded photographs; ask one photograph of a new group."""
    rng = np.random.default_rng(seed)
    levels = rng.exponential(50, 31)
    sizes = np.where(levels[:30] < 60, 30, 1)
    groups = np.repeat(np.arange(30), sizes)
    distances = rng.gamma(20, levels[groups] / 20)
    asked = rng.gamma(20, levels[30] / 20)
    by_group = calibrate_radius(distances, groups=groups.tolist()).quantile
    return asked <= by_group, asked <= calibrate_radius(distances).quantile


def test_by_group_the_radius_holds_for_a_new_group_where_by_item_it_does_not() -> None:
    n = 1500
    by_group, by_item = np.mean([grouped(seed) for seed in range(n)], axis=0)
    slack = 4 * math.sqrt(0.9 * 0.1 / n)
    assert by_group >= 0.9 - slack
    assert by_item < 0.9 - slack


def test_groups_of_one_are_no_groups_and_their_order_does_not_matter() -> None:
    distances = np.random.default_rng(1).random(40)
    alone = calibrate_radius(distances, groups=[f"g{number}" for number in range(40)])
    assert alone == calibrate_radius(distances)
    groups = ["a", "b", "c", "d"] * 10
    order = np.random.default_rng(2).permutation(40)
    again = calibrate_radius(distances[order], groups=[groups[row] for row in order], confidence=0.5)
    assert again == calibrate_radius(distances, groups=groups, confidence=0.5)
    assert calibrate_radius(distances, groups=groups).quantile == math.inf


def test_coverage_counts_every_group_once() -> None:
    distances, radii = np.array([1, 1, 1, 9, np.inf]), np.array([2, 2, 2, 2, np.inf])
    assert radius_coverage(distances, radii).covered == pytest.approx(4 / 5)
    assert radius_coverage(distances, radii, list("aaabc")).covered == pytest.approx(2 / 3)
    assert radius_coverage(distances, radii).median_radius_km == 2


def test_the_threshold_is_the_laxest_that_keeps_the_share() -> None:
    rng = np.random.default_rng(3)
    uncertainty = rng.random(300).round(2)
    distances = np.where(rng.random(300) < uncertainty, 200.0, 5.0)
    chosen = choose_threshold(distances, uncertainty, radius_km=25, share=0.8)
    shares = {}
    for threshold in np.unique(uncertainty):
        accepted = uncertainty <= threshold
        if accepted.sum() >= 20:
            shares[threshold] = (distances[accepted] <= 25).mean()
    assert chosen.threshold == max(threshold for threshold, share in shares.items() if share >= 0.8)
    assert chosen.within == pytest.approx(shares[chosen.threshold])
    assert chosen.accepted == pytest.approx((uncertainty <= chosen.threshold).mean())
    assert 0.1 < chosen.accepted < 0.7


def test_where_no_threshold_will_do_nothing_is_answered() -> None:
    chosen = choose_threshold(np.full(50, 99.0), np.arange(50), radius_km=25, share=0.5)
    assert (chosen.threshold, chosen.accepted) == (-math.inf, 0)
    assert math.isnan(chosen.within)
    few = choose_threshold(np.ones(19), np.arange(19), radius_km=25, share=0.5)
    assert few.threshold == -math.inf
    assert choose_threshold(np.ones(20), np.arange(20), radius_km=25, share=1).accepted == 1


def test_a_threshold_is_applied_to_other_answers() -> None:
    found = abstention(np.array([1, 50, 1, 1]), [0.1, 0.2, 0.9, 0.3], radius_km=25, threshold=0.3)
    assert (found.accepted, found.within, found.count) == (pytest.approx(3 / 4), pytest.approx(2 / 3), 4)
    by_group = abstention(
        np.array([1, 50, 1, 1]),
        [0.1, 0.2, 0.9, 0.3],
        radius_km=25,
        threshold=0.3,
        groups=["a", "b", "a", "a"],
    )
    assert (by_group.accepted, by_group.within) == (pytest.approx(1 / 3 + 1 / 2), pytest.approx(0.4))


@pytest.mark.parametrize(
    "arguments",
    [
        {"confidence": 1.0},
        {"confidence": 0.0},
        {"uncertainty": [1, 2]},
        {"uncertainty": [1, 2, -1.0]},
        {"uncertainty": [1, 2, np.nan]},
        {"uncertainty": [1, 2, 3], "floor": 0.0},
        {"groups": ["a"]},
    ],
)
def test_bad_calibration_is_refused(arguments: dict) -> None:
    with pytest.raises(EvaluationError):
        calibrate_radius(np.array([1.0, 2, 3]), **arguments)


def test_bad_distances_and_shares_are_refused() -> None:
    for distances in ([], [np.nan], [-1.0]):
        with pytest.raises(EvaluationError):
            calibrate_radius(np.array(distances))
    with pytest.raises(EvaluationError, match="a share of 0"):
        choose_threshold(np.ones(3), np.ones(3), radius_km=25, share=0)
    with pytest.raises(EvaluationError, match="a radius of 0"):
        choose_threshold(np.ones(3), np.ones(3), radius_km=0, share=0.5)
