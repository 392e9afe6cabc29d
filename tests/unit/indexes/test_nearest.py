"""The exact scan against a sort of all inner products, with ties, blocks and exclusions."""

from itertools import product

import numpy as np
import pytest

from tests.unit.indexes.figure_entries import unit_vectors
from zuroku.indexes import nearest
from zuroku.indexes.nearest import nearest_rows


def slow_nearest(queries, vectors, k, excluded=()):
    """Sort all products of each query in Python."""
    all_scores, all_rows = [], []
    for query in queries:
        products = [(-float(np.dot(query, v)), row) for row, v in enumerate(vectors) if row not in excluded]
        kept = sorted(products)[:k]
        padding = k - len(kept)
        all_scores.append([-score for score, _ in kept] + [np.nan] * padding)
        all_rows.append([row for _, row in kept] + [-1] * padding)
    return np.array(all_scores).reshape(-1, k), np.array(all_rows).reshape(-1, k)


@pytest.fixture(params=[7, 64, 10_000])
def block_rows(request, monkeypatch):
    """Scan in blocks of so many rows (with few queries), and at most 3 queries at a time."""
    monkeypatch.setattr(nearest, "_BLOCK_ROWS", request.param)
    monkeypatch.setattr(nearest, "_MAX_QUERIES", 3)


@pytest.mark.usefixtures("block_rows")
@pytest.mark.parametrize("n_queries", [1, 8])
@pytest.mark.parametrize("k", [1, 10, 120])
def test_it_finds_what_a_full_sort_finds(k, n_queries):
    queries, vectors = unit_vectors(n_queries, seed=1), unit_vectors(120, seed=2)
    scores, rows = nearest_rows(queries, vectors, k)
    expected_scores, expected_rows = slow_nearest(queries, vectors, k)
    assert (rows == expected_rows).all()
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)


@pytest.mark.usefixtures("block_rows")
@pytest.mark.parametrize("n_queries", [1, 4])
def test_excluded_rows_are_passed_over_and_the_rest_is_padded(n_queries):
    queries, vectors = unit_vectors(n_queries, seed=3), unit_vectors(30, seed=4)
    excluded = np.random.default_rng(5).random(30) < 0.6
    scores, rows = nearest_rows(queries, vectors, 25, excluded)
    expected_scores, expected_rows = slow_nearest(queries, vectors, 25, set(np.flatnonzero(excluded)))
    assert (rows == expected_rows).all()
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)
    assert np.isnan(scores[:, -1]).all()


@pytest.mark.usefixtures("block_rows")
def test_of_equal_scores_the_lower_row_comes_first():
    # Products of small powers of two are exact, whatever the order of their sum.
    vectors = np.random.default_rng(6).choice([-0.5, 0.25, 0.5], (100, 4)).astype(np.float32)
    queries = np.array([[0.5, -0.5, 0.5, 0.5], [1, 0, 0, 0]], dtype=np.float32)
    for some in (queries, queries[:1], queries[1:]):
        assert (nearest_rows(some, vectors, 9)[1] == slow_nearest(some, vectors, 9)[1]).all()


def test_negative_scores_count_and_rising_scores_are_kept():
    vectors = -np.linspace(1, 0.1, 40, dtype=np.float32)[:, None]
    scores, rows = nearest_rows(np.ones((1, 1), dtype=np.float32), vectors, 3)
    assert rows.tolist() == [[39, 38, 37]]
    assert (scores < 0).all()


def test_no_queries_and_nothing_left_give_empty_answers():
    vectors = unit_vectors(5)
    assert nearest_rows(vectors[:0], vectors, 3)[1].shape == (0, 3)
    nothing_left = ((vectors, np.ones(5, dtype=bool)), (vectors[:0], None))
    for (gallery, excluded), n_queries in product(nothing_left, (1, 2)):
        scores, rows = nearest_rows(vectors[:n_queries], gallery, 3, excluded)
        assert (rows == -1).all()
        assert np.isnan(scores).all()
