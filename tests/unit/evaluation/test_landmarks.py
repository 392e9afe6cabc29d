import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.landmarks import gld_average_precision, gld_recognition


def walked_average_precision(answers, relevant, k):
    """The definition by a literal loop: an answer given before, and −1, count as wrong."""
    area, hits, given = 0.0, 0, set()
    for place, image in enumerate(answers[:k], start=1):
        if image in relevant and image not in given:
            hits += 1
            area += hits / place
        given.add(image)
    return area / min(len(relevant), k)


@pytest.mark.parametrize("k", [1, 3, 10, 100])
@pytest.mark.parametrize("seed", range(4))
def test_average_precision_equals_a_loop(seed, k):
    rng = np.random.default_rng(seed)
    relevant = [rng.permutation(12)[: rng.integers(1, 12)].tolist() for _ in range(9)]
    ranks = rng.integers(-1, 12, (8, 9))  # with gaps and images that come again
    expected = [walked_average_precision(ranks[:, i].tolist(), relevant[i], k) for i in range(9)]
    assert gld_average_precision(ranks, relevant, 12, k) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [3, 10, 100])
def test_there_may_be_more_places_than_images(k):
    rng = np.random.default_rng(7)
    relevant = [[0, 3], [5], [1, 2, 4]]
    ranks = np.full((100, 3), -1)  # as solutions are padded
    ranks[:9] = rng.integers(-1, 6, (9, 3))
    expected = [walked_average_precision(ranks[:, i].tolist(), relevant[i], k) for i in range(3)]
    assert gld_average_precision(ranks, relevant, 6, k) == pytest.approx(expected, abs=1e-12)


def test_nothing_below_the_last_place_that_counts_is_looked_at():
    ranks = np.array([[2, 0, 99]]).T
    assert gld_average_precision(ranks, [[0]], 3, k=2) == pytest.approx([1 / 2])
    with pytest.raises(EvaluationError, match="outside 0 to 2"):
        gld_average_precision(ranks, [[0]], 3, k=3)


def test_a_perfect_answer_gives_one_however_many_are_relevant():
    ranks = np.arange(120)[:, None].repeat(2, axis=1)
    assert gld_average_precision(ranks, [[0, 1], list(range(120))], 120).tolist() == [1, 1]


def test_what_stands_below_the_hundredth_place_does_not_matter():
    ranks = np.arange(150)[:, None]
    assert gld_average_precision(ranks, [[100]], 150).tolist() == [0]
    assert gld_average_precision(ranks, [[99]], 150) == pytest.approx([0.01])


def test_average_precision_by_hand():
    # Hits at places 1 and 3 of 3 relevant: (1 + 2/3) / 3. The repeat at place 2 counts as wrong.
    assert gld_average_precision(np.array([[4, 4, 2]]).T, [[4, 2, 0]], 5) == pytest.approx([5 / 9])
    assert gld_average_precision(np.array([[-1, -1, -1]]).T, [[4, 2, 0]], 5).tolist() == [0]


def test_bad_retrieval_is_refused():
    ranks = np.array([[0, 1], [1, 2]])
    for call, said in [
        (lambda: gld_average_precision(ranks, [[0], [5]], 3), "outside 0 to 2 in the ground truth"),
        (lambda: gld_average_precision(ranks, [[0], []], 3), "1 queries without relevant images"),
        (lambda: gld_average_precision(ranks, [[0], [1, 1]], 3), "named twice"),
        (lambda: gld_average_precision(ranks, [[0]], 3), r"shape \(2, 2\) for 3 images and 1 queries"),
        (lambda: gld_average_precision(ranks * 2, [[0], [1]], 3), "indices outside 0 to 2 in 1 column"),
        (lambda: gld_average_precision(ranks - 2, [[0], [1]], 3), "indices outside 0 to 2 in 1 column"),
        (lambda: gld_average_precision(ranks / 2, [[0], [1]], 3), "ranks hold float64"),
        (lambda: gld_average_precision(ranks, [[0], [1]], 3, k=0), "a depth of 0"),
        (lambda: gld_average_precision(np.array(3), [[0], [1]], 3), r"shape \(1,\)"),
    ]:
        with pytest.raises(EvaluationError, match=said):
            call()


def walked_recognition(predictions, confidences, truths):
    order = sorted(range(len(predictions)), key=lambda i: (-confidences[i], i))
    area, seen, right = 0.0, 0, 0
    for query in order:
        if predictions[query] == -1:
            continue
        seen += 1
        if predictions[query] in truths[query]:
            right += 1
            area += right / seen
    return area / sum(bool(truth) for truth in truths)


@pytest.mark.parametrize("seed", range(6))
def test_recognition_equals_a_loop_with_ties(seed):
    rng = np.random.default_rng(seed)
    predictions = rng.integers(-1, 4, 40)
    confidences = rng.integers(-2, 3, 40).astype(float)
    truths = [set(rng.integers(0, 4, rng.integers(0, 3)).tolist()) for _ in range(40)]
    expected = walked_recognition(predictions.tolist(), confidences.tolist(), truths)
    assert gld_recognition(predictions, confidences, truths) == pytest.approx(expected, abs=1e-12)


def test_recognition_by_hand():
    # Most confident: a wrong guess where there is no landmark. Then right (1/2), then right (2/3), of 3.
    truths = [{7}, set(), {8, 9}, {5}]
    found = gld_recognition(np.array([7, 1, 9, -1]), np.array([0.8, 0.9, 0.1, 1.0]), truths)
    assert found == pytest.approx((1 / 2 + 2 / 3) / 3)


def test_bad_recognition_is_refused():
    one = np.array([1])
    for call, said in [
        (lambda: gld_recognition(one, np.array([np.nan]), [{1}]), "1 value"),
        (lambda: gld_recognition(one, np.array([0.5, 0.1]), [{1}]), r"shape \(2,\)"),
        (lambda: gld_recognition(one / 2, np.array([0.5]), [{1}]), "predictions hold float64"),
        (lambda: gld_recognition(one, np.array([0.5]), [set()]), "no query shows a landmark"),
        (lambda: gld_recognition(one[:0], np.array([]), []), "no query shows a landmark"),
    ]:
        with pytest.raises(EvaluationError, match=said):
            call()
