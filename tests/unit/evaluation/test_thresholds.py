from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.thresholds import choose_thresholds


def best_by_trying(positive, scores):
    """The rule in exact fractions: every cut, every item."""
    if not any(positive):
        return 0.5
    exact = [Fraction(float(score)) for score in scores]
    edges = sorted({Fraction(0), Fraction(1), *exact})
    tried = []
    for low, high in pairwise(edges):
        cut = (low + high) / 2
        hits = sum(1 for p, s in zip(positive, exact, strict=True) if p and s > cut)
        emitted = sum(1 for s in exact if s > cut)
        tried.append((Fraction(2 * hits, emitted + sum(map(int, positive))), cut))
    best = max(f1 for f1, _ in tried)
    return float(min((cut for f1, cut in tried if f1 == best), key=lambda c: (abs(c - Fraction(1, 2)), c)))


@pytest.mark.parametrize("seed", range(20))
def test_thresholds_equal_trying_every_cut(seed):
    rng = np.random.default_rng(seed)
    targets = (rng.random((30, 4)) < rng.choice([0.05, 0.3, 0.9], 4)).astype(np.float32)
    scores = rng.integers(0, 17, (30, 4)) / 16  # exact in binary, with ties, 0 and 1
    expected = [best_by_trying(targets[:, i], scores[:, i]) for i in range(4)]
    assert choose_thresholds(targets, scores).tolist() == expected


def test_ties_fall_to_the_cut_nearest_a_half_and_then_to_the_lower():
    assert choose_thresholds(np.array([[1], [0]]), np.array([[1.0], [0.0]])).tolist() == [0.5]
    # Emitting all four (2 hits, 2 errors) and only the last (1 hit, 1 miss) both give an F1 of 2/3.
    targets = np.array([[1], [0], [0], [1]])
    assert choose_thresholds(targets, np.array([[0.4], [0.4], [0.4], [1.0]])).tolist() == [0.7]
    assert choose_thresholds(targets, np.array([[0.6], [0.6], [0.6], [1.0]])).tolist() == [0.3]
    assert choose_thresholds(targets, np.array([[0.5], [0.5], [0.5], [1.0]])).tolist() == [0.25]


def test_neighbouring_floats_are_told_apart():
    scores = np.array([[0.75], [np.nextafter(0.75, 1)]])  # halfway between them rounds to .75
    threshold = choose_thresholds(np.array([[0], [1]]), scores)
    assert (scores > threshold).ravel().tolist() == [False, True]


def test_labels_without_positives_and_constant_scores_stay_inside():
    targets = np.array([[0, 1, 1], [0, 1, 1]])
    scores = np.array([[0.9, 0.0, 1.0], [0.1, 0.0, 1.0]])
    assert choose_thresholds(targets, scores).tolist() == [0.5, 0.5, 0.5]
    extreme = choose_thresholds(np.array([[1]]), np.array([[5e-324]]))
    assert ((extreme > 0) & (extreme < 1)).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(EvaluationError, match=r"\(2, 1\), probabilities \(1, 2\)"):
        choose_thresholds(np.ones((2, 1)), np.ones((1, 2)))
    with pytest.raises(EvaluationError, match=r"targets holds 1 value.*probabilities holds 1 value"):
        choose_thresholds(np.array([[0.5, 1]]), np.array([[0.5, np.nan]]))
    with pytest.raises(EvaluationError, match="empty"):
        choose_thresholds(np.ones((0, 2)), np.ones((0, 2)))
