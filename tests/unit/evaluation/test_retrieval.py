from collections import Counter

import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.bootstrap import bootstrap_items
from zuroku.evaluation.retrieval import (
    holidays,
    oxford5k,
    revisited,
    score_rankings,
    trapezoid_average_precision,
    ukbench,
)


def walked_average_precision(ranking, positives, ignored):
    """Walk down the list as the Oxford Buildings define it: recall and precision after every image."""
    area, old_recall, old_precision, hits, seen = 0.0, 0.0, 1.0, 0, 0
    for image in ranking:
        if image in ignored:
            continue
        seen += 1
        if image in positives:
            hits += 1
        recall, precision = hits / len(positives), hits / seen
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return area


def walked_precision(ranking, positives, ignored, k):
    left = [image for image in ranking if image not in ignored]
    places = [place for place, image in enumerate(left, start=1) if image in positives]
    depth = min(max(places), k) if len(places) == len(positives) else k
    return sum(image in positives for image in left[:depth]) / depth


def random_truth(rng, n_database, n_queries):
    """Easy, hard, junk for each query; about one list in four is empty."""
    kinds = []
    for _ in range(n_queries):
        order = rng.permutation(n_database).tolist()
        sizes = [int(size) for size in rng.integers(0, 1 + n_database // 4, 3) * (rng.random(3) < 0.75)]
        kinds.append([order[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(3)])
    easy, hard, junk = zip(*kinds, strict=True)
    return easy, hard, junk


def random_ranks(rng, n_database, n_queries):
    return rng.permuted(np.tile(np.arange(n_database), (n_queries, 1)), axis=1).T


def same(found, expected):
    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("kept", [None, 7, 1])
@pytest.mark.parametrize("seed", range(8))
def test_revisited_equals_a_walk(seed, kept):
    rng = np.random.default_rng(seed)
    easy, hard, junk = random_truth(rng, 20, 12)
    ranks = random_ranks(rng, 20, 12)[:kept]
    scores = revisited(ranks, easy, hard, junk, 20, depths=(1, 5, 10, 50))
    for name, right, passed_over in (
        ("E", [easy], [junk, hard]),
        ("M", [easy, hard], [junk]),
        ("H", [hard], [easy, junk]),
    ):
        averages, precisions = [], {k: [] for k in (1, 5, 10, 50)}
        for query in range(12):
            positives = {image for kind in right for image in kind[query]}
            ignored = {image for kind in passed_over for image in kind[query]}
            column = ranks[:, query].tolist()
            nothing = float("nan")
            averages.append(walked_average_precision(column, positives, ignored) if positives else nothing)
            for k, values in precisions.items():
                values.append(walked_precision(column, positives, ignored, k) if positives else nothing)
        same(scores[name].average_precision, averages)
        same(scores[name].mean_average_precision, np.nanmean(averages))
        for k, values in precisions.items():
            same(scores[name].precision_at[k], values)
            same(scores[name].mean_precision_at(k), np.nanmean(values))


@pytest.mark.parametrize("seed", range(5))
def test_oxford_equals_a_walk(seed):
    rng = np.random.default_rng(100 + seed)
    good, ok, junk = random_truth(rng, 15, 9)
    ranks = random_ranks(rng, 15, 9)
    expected = [
        walked_average_precision(ranks[:, i], {*good[i], *ok[i]}, set(junk[i]))
        if good[i] or ok[i]
        else np.nan
        for i in range(9)
    ]
    same(oxford5k(ranks, good, ok, junk, 15).average_precision, expected)


@pytest.mark.parametrize("kept", [None, 6])
def test_holidays_equals_a_walk(kept):
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(6), [2, 3, 4, 2, 5, 2])
    queries = np.flatnonzero(np.append(True, np.diff(groups) > 0))
    ranks = random_ranks(rng, 18, 6)[:kept]
    expected = [
        walked_average_precision(
            ranks[:, i], {j for j in range(18) if groups[j] == groups[query] and j != query}, {query}
        )
        for i, query in enumerate(queries)
    ]
    same(holidays(ranks, groups, queries).average_precision, expected)


def test_average_precision_by_hand():
    # Positives at places 1, 3 and never, of 3: trapezoids 1, (1/2 + 2/3) / 2 and nothing.
    assert trapezoid_average_precision(np.array([0, 2]), 3) == pytest.approx((1 + 7 / 12) / 3)
    # At place 2 only: precision 0 before and 1/2 after.
    assert trapezoid_average_precision(np.array([1]), 1) == pytest.approx(0.25)
    assert trapezoid_average_precision(np.array([], dtype=int), 4) == 0
    assert trapezoid_average_precision(np.arange(5), 5) == 1


def test_junk_is_as_if_it_were_not_there():
    ranks = np.array([[4, 0, 3, 1, 2]]).T
    with_junk = score_rankings(ranks, [[0, 1]], [[4, 3]], 5, depths=(1, 2, 3)).precision_at
    assert {k: float(values[0]) for k, values in with_junk.items()} == {1: 1, 2: 1, 3: 1}
    assert score_rankings(ranks, [[0, 1]], [[4, 3]], 5).mean_average_precision == 1
    assert score_rankings(ranks, [[0, 1]], [[]], 5).mean_average_precision < 0.5


def test_precision_divides_by_the_place_of_the_last_positive():
    ranks = np.array([[5, 0, 1, 2, 3, 4]]).T
    found = score_rankings(ranks, [[0, 1]], [[]], 6, depths=(2, 3, 10)).precision_at
    assert [float(found[k][0]) for k in (2, 3, 10)] == pytest.approx([1 / 2, 2 / 3, 2 / 3])


def test_ranks_cut_off_give_lower_bounds_and_exact_precision_above_the_cut():
    rng = np.random.default_rng(5)
    easy, hard, junk = random_truth(rng, 30, 20)
    ranks = random_ranks(rng, 30, 20)
    whole, cut = (revisited(part, easy, hard, junk, 30, depths=(1, 3)) for part in (ranks, ranks[:26]))
    for name, scores in whole.items():
        scored = ~np.isnan(scores.average_precision)
        lower = cut[name].average_precision[scored]
        assert (lower <= scores.average_precision[scored] + 1e-12).all()
        # At most 14 images of 30 are passed over, so that three of the first 26 are always left.
        same(cut[name].precision_at[3], scores.precision_at[3])
    assert cut["M"].mean_average_precision < whole["M"].mean_average_precision


def test_a_query_without_positives_is_left_out_of_the_means():
    ranks = np.array([[0, 0], [1, 1]])
    scores = score_rankings(ranks, [[0], []], [[], []], 2, depths=(1,))
    assert np.isnan(scores.average_precision).tolist() == [False, True]
    assert np.isnan(scores.precision_at[1]).tolist() == [False, True]
    assert (scores.mean_average_precision, scores.mean_precision_at(1)) == (1, 1)


@pytest.mark.parametrize("depth", [4, 5, 12])
def test_ukbench_equals_a_loop(depth):
    rng = np.random.default_rng(2)
    groups = rng.permutation(np.repeat(np.arange(3), 4))
    ranks = random_ranks(rng, 12, 12)
    expected = [Counter(groups[i] for i in ranks[:4, query])[groups[query]] for query in range(12)]
    assert ukbench(ranks[:depth], groups).tolist() == expected


def test_ukbench_of_a_perfect_ranking_is_four():
    groups = np.repeat(np.arange(5), 4)
    ranks = np.array([sorted(range(20), key=lambda i: groups[i] != groups[query]) for query in range(20)]).T
    assert ukbench(ranks, groups).tolist() == [4] * 20


def test_values_per_query_suit_the_bootstrap_by_group():
    rng = np.random.default_rng(11)
    scores = score_rankings(random_ranks(rng, 10, 8), [[i] for i in range(8)], [[]] * 8, 10)
    landmarks = ["a", "a", "b", "b", "c", "c", "d", "d"]
    values = scores.average_precision
    interval = bootstrap_items(landmarks, lambda items: float(values[items].mean()), resamples=50, seed=1)
    assert interval.estimate == pytest.approx(scores.mean_average_precision)
    assert interval.lower < interval.estimate < interval.upper


RANKS = np.array([[0, 1], [1, 2], [2, 0]])


@pytest.mark.parametrize(
    ("ranks", "positives", "ignored", "depths", "said"),
    [
        (RANKS.T, [[0], [1]], [[], []], (), "shape (2, 3) for 3 images and 2 queries"),
        (RANKS / 1, [[0], [1]], [[], []], (), "ranks hold float64"),
        (RANKS + 1, [[0], [1]], [[], []], (), "indices outside 0 to 2 in 2 columns (0, 1)"),
        (RANKS * 0, [[0], [1]], [[], []], (), "come twice in 2 columns"),
        (RANKS[:0], [[0], [1]], [[], []], (), "shape (0, 2)"),
        (RANKS, [[0], [3]], [[], []], (), "outside 0 to 2 in the ground truth of 1 query (1)"),
        (RANKS, [[0], [1]], [[-1], []], (), "outside 0 to 2 in the ground truth of 1 query (0)"),
        (RANKS, [[0, 0], [1]], [[], []], (), "named twice in the ground truth of 1 query (0)"),
        (RANKS, [[0], [1]], [[0], [1]], (), "named twice in the ground truth of 2 queries (0, 1)"),
        (RANKS, [[0.5], [1]], [[], []], (), "no integers in the ground truth"),
        (RANKS, [[], []], [[1], []], (), "no query has a positive"),
        (RANKS, [[0], [1]], [[]], (), "positives of 2 queries and ignored images of 1"),
        (RANKS, [[0], [1]], [[], []], (1, 0), "a precision at 0"),
    ],
)
def test_what_does_not_fit_is_refused(ranks, positives, ignored, depths, said):
    with pytest.raises(EvaluationError) as caught:
        score_rankings(ranks, positives, ignored, 3, depths)
    assert said in caught.value.found


def test_an_empty_database_is_refused():
    with pytest.raises(EvaluationError, match="0 images"):
        score_rankings(np.empty((0, 1), dtype=int), [[0]], [[]], 0)


def test_protocols_refuse_what_they_cannot_score():
    groups = np.repeat([0, 1], 4)
    every = np.tile(np.arange(8)[:, None], 8)
    for call, said in [
        (lambda: ukbench(every[:3], groups), "only 3 images are ranked"),
        (lambda: ukbench(every[:, :7], groups), r"shape \(8, 7\)"),
        (lambda: ukbench(every, np.repeat([0, 1], [3, 5])), "2 of 2 groups are not of four"),
        (lambda: holidays(every[:, :1], groups, np.array([8])), r"outside the database of 8 \(8\)"),
        (lambda: holidays(every[:, :1], groups, np.array([0.0])), r"shape \(1,\) hold float64"),
        (lambda: revisited(RANKS, [[0], [1]], [[], []], [[], []], 3), "no query has a positive in H"),
        (lambda: revisited(RANKS, [[0], [1]], [[2]], [[], []], 3), "of 2 and of 1 queries|of 1 and of 2"),
        (lambda: oxford5k(RANKS, [[0]], [[1]], [[]], 3), r"shape \(3, 2\) for 3 images and 1 queries"),
    ]:
        with pytest.raises(EvaluationError, match=said):
            call()
