import time

import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.bootstrap import (
    bootstrap_counts,
    bootstrap_counts_difference,
    bootstrap_items,
    bootstrap_weights,
    group_sums,
)
from zuroku.evaluation.multilabel import label_counts, macro_f1, micro_f1


def example(n=200, n_groups=20, size=4, seed=0):
    rng = np.random.default_rng(seed)
    groups = [f"book{i}" for i in rng.integers(0, n_groups, n)]
    targets = rng.random((n, size)) < 0.4
    good = np.where(rng.random((n, size)) < 0.15, ~targets, targets)
    bad = np.where(rng.random((n, size)) < 0.3, ~targets, targets)
    return groups, label_counts(targets, good), label_counts(targets, bad)


def mean_of_column(counts):
    return counts[..., 0] / counts[..., 1]


def test_sums_by_group_are_in_sorted_order():
    counts = np.arange(12).reshape(4, 3)
    found = group_sums(counts, ["b", "a", "b", "c"])
    assert found.tolist() == [counts[1].tolist(), (counts[0] + counts[2]).tolist(), counts[3].tolist()]


@pytest.mark.parametrize("statistic", [macro_f1, micro_f1])
def test_the_interval_equals_a_slow_bootstrap(statistic):
    groups, counts, _ = example()
    found = bootstrap_counts(group_sums(counts, groups), statistic, resamples=300, seed=7, confidence=0.9)
    names = sorted(set(groups))
    values = []
    for draw in np.random.default_rng(7).integers(0, len(names), (300, len(names))):
        total = np.zeros((3, 4))
        for drawn in draw:
            for item, group in enumerate(groups):
                if group == names[drawn]:
                    total += counts[item]
        values.append(float(statistic(total)))
    assert found.estimate == pytest.approx(float(statistic(counts.sum(axis=0))))
    assert (found.lower, found.upper) == pytest.approx(tuple(np.percentile(values, [5, 95])))
    assert (found.n_groups, found.resamples, found.confidence) == (20, 300, 0.9)
    assert found.lower < found.estimate < found.upper


def test_both_forms_agree_and_the_seed_decides():
    groups, counts, _ = example()

    def by_index(indices):
        return float(macro_f1(counts[indices].sum(axis=0)))

    by_items = bootstrap_items(groups, by_index, resamples=200, seed=3)
    by_counts = bootstrap_counts(group_sums(counts, groups), macro_f1, resamples=200, seed=3)
    assert by_items.estimate == pytest.approx(by_counts.estimate)
    assert (by_items.lower, by_items.upper) == pytest.approx((by_counts.lower, by_counts.upper))
    assert bootstrap_items(groups, by_index, resamples=200, seed=3) == by_items
    assert bootstrap_items(groups, by_index, resamples=200, seed=4).lower != by_items.lower


def test_weights_give_what_items_give_however_many_are_held_at_a_time(monkeypatch):
    rng = np.random.default_rng(8)
    groups, values = rng.integers(0, 6, 40).tolist(), rng.random(40)
    slow = bootstrap_items(groups, lambda items: float(values[items].mean()), resamples=30, seed=5)
    for held in (1 << 23, 90):
        monkeypatch.setattr("zuroku.evaluation.bootstrap._WEIGHTS", held)
        found = bootstrap_weights(
            groups,
            {"mean": lambda weights: weights @ values / weights.sum(axis=1)},
            resamples=30,
            seed=5,
        )
        assert (found["mean"].lower, found["mean"].upper) == pytest.approx((slow.lower, slow.upper))
        assert (found["mean"].n_groups, found["mean"].resamples) == (6, 30)
    with pytest.raises(EvaluationError):
        bootstrap_weights(["a", "a"], {}, resamples=5, seed=0)


def test_the_difference_is_paired():
    groups, good, bad = example()
    by_group = group_sums(good, groups), group_sums(bad, groups)
    found = bootstrap_counts_difference(*by_group, macro_f1, resamples=400, seed=1)

    def difference(indices):
        return float(macro_f1(good[indices].sum(axis=0)) - macro_f1(bad[indices].sum(axis=0)))

    expected = bootstrap_items(groups, difference, resamples=400, seed=1)
    assert found.estimate == pytest.approx(expected.estimate)
    assert (found.lower, found.upper) == pytest.approx((expected.lower, expected.upper))
    same = bootstrap_counts_difference(by_group[0], by_group[0], macro_f1, resamples=50, seed=1)
    assert (same.estimate, same.lower, same.upper) == (0, 0, 0)


def test_a_scalar_count_per_group_has_a_difference_too():
    first, second = np.array([[3.0, 4], [1, 2]]), np.array([[2.0, 4], [1, 2]])
    found = bootstrap_counts_difference(first, second, mean_of_column, resamples=100, seed=0)
    assert found.estimate == pytest.approx(4 / 6 - 3 / 6)
    assert (found.lower, found.upper) == pytest.approx((0, 0.25))


def test_groups_not_items_are_drawn():
    values = np.repeat([0.0, 1.0], 500)
    groups = ["a"] * 500 + ["b"] * 500
    found = bootstrap_items(groups, lambda indices: float(values[indices].mean()), resamples=200, seed=0)
    assert (found.lower, found.upper) == (0, 1)  # drawn by item it would lie within .47 and .53


def test_two_thousand_resamples_of_a_thousand_items_are_fast():
    groups, good, bad = example(n=1000, n_groups=1000, size=12)
    start = time.process_time()
    bootstrap_counts_difference(
        group_sums(good, groups), group_sums(bad, groups), macro_f1, resamples=2000, seed=0
    )
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("groups", [[], ["a", "a", "a"]])
def test_fewer_than_two_groups_are_refused(groups):
    counts = np.ones((len(groups), 2))
    with pytest.raises(EvaluationError, match=r"[01] groups?\b"):
        bootstrap_items(groups, lambda indices: float(len(indices)), resamples=10, seed=0)
    with pytest.raises(EvaluationError, match=r"[01] groups?\b"):
        bootstrap_counts(group_sums(counts, groups), mean_of_column, resamples=10, seed=0)
    summed = group_sums(counts, groups)
    with pytest.raises(EvaluationError, match=r"[01] groups?\b"):
        bootstrap_counts_difference(summed, summed, mean_of_column, resamples=10, seed=0)


def test_undefined_values_and_arrays_that_do_not_fit_are_refused():
    counts = np.ones((3, 2))
    with pytest.raises(EvaluationError, match=r"\(3, 2\) and \(2, 2\)"):
        bootstrap_counts_difference(counts, counts[:2], mean_of_column, resamples=10, seed=0)
    with pytest.raises(EvaluationError, match="counts holds 1 value"):
        bootstrap_counts(np.array([[1, np.nan], [1, 1]]), mean_of_column, resamples=10, seed=0)
    with pytest.raises(EvaluationError, match=r"undefined .* in 11 of 11"):
        bootstrap_items(["a", "b"], lambda indices: float("nan"), resamples=10, seed=0)
    with pytest.raises(EvaluationError, match="2 groups for counts of shape"):
        group_sums(counts, ["a", "b"])
    with pytest.raises(EvaluationError, match="0 resamples; a confidence of 95"):
        bootstrap_counts(counts, mean_of_column, resamples=0, seed=0, confidence=95)


def test_groups_may_be_tuples_and_are_never_split_or_merged():
    groups, counts, _ = example()
    pairs = [("shelf", group) for group in groups]
    np.testing.assert_array_equal(group_sums(counts, pairs), group_sums(counts, groups))

    def share(indices):
        return float(counts[indices, 0].mean())

    by_pair, by_name = (bootstrap_items(g, share, resamples=50, seed=0) for g in (pairs, groups))
    assert by_pair == by_name


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([1, "1", "a"], "cannot be put in order"),
        (["a", None, "b"], "1 items without a group"),
        ([1.0, float("nan"), float("nan")], "2 items without a group"),
    ],
)
def test_groups_of_mixed_kinds_and_missing_groups_are_refused(groups, words):
    with pytest.raises(EvaluationError, match=words):
        group_sums(np.ones((3, 2)), groups)
    with pytest.raises(EvaluationError, match=words):
        bootstrap_items(groups, lambda indices: float(len(indices)), resamples=10, seed=0)
