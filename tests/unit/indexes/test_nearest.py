"""The exact scan, by blocks and by halves, against a sort of all inner products, with ties and exclusions."""

from itertools import product

import numpy as np
import pytest

from tests.unit.indexes.figure_entries import unit_vectors
from zuroku.indexes import nearest
from zuroku.indexes.nearest import halves, nearest_rows, nearest_rows_by_halves


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


N_HALVED = 3000


def wide_vectors(n, dimension, seed):
    """Return ``(n, dimension)`` float32 of unit length, longer along some dimensions than along others."""
    vectors = np.random.default_rng(seed).standard_normal((n, dimension)) / (1 + np.arange(dimension) % 30)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def exact_products(query, vectors):
    return vectors.astype(np.float64) @ query[0].astype(np.float64)


# faiss has kernels of its own for multiples of 8, 16 and 32.
@pytest.mark.parametrize("dimension", [19, 24, 48, 256, 512])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_halves_find_what_a_full_sort_finds_without_a_scan(k, dimension, monkeypatch):
    monkeypatch.setattr(nearest, "nearest_rows", lambda *arguments: pytest.fail("scanned"))
    vectors = wide_vectors(N_HALVED, dimension, seed=2)
    halved = halves(vectors)
    for query in wide_vectors(4, dimension, seed=1)[:, None]:
        scores, rows = nearest_rows_by_halves(halved, query, vectors, k)
        exact = exact_products(query, vectors)
        np.testing.assert_allclose(scores[0], np.sort(exact)[::-1][:k], atol=1e-6)
        np.testing.assert_allclose(exact[rows[0]], scores[0], atol=1e-6)
        assert len(set(rows[0])) == k
        assert (scores.dtype, rows.dtype, rows.shape) == (np.float32, np.int64, (1, k))


@pytest.mark.parametrize("dimension", [19, 48, 256, 512])
def test_no_half_is_farther_off_than_the_bound(dimension):
    vectors = 3 * wide_vectors(1500, dimension, seed=2)
    halved = halves(vectors)
    lost = vectors.astype(np.float64) - vectors.astype(np.float16)
    assert halved.error == pytest.approx(np.linalg.norm(lost, axis=1).max(), rel=1e-4)
    assert halved.longest == pytest.approx(3, rel=1e-6)
    for query in wide_vectors(20, dimension, seed=1)[:, None]:
        products, rows = halved.copy.search(query, len(vectors))
        assert np.abs(products[0] - exact_products(query, vectors)[rows[0]]).max() <= halved.error + 3e-6


@pytest.mark.parametrize("spread", [1e-4, 1e-6])
def test_what_halves_cannot_tell_apart_is_scanned(spread):
    rng = np.random.default_rng(7)
    vectors = wide_vectors(1, 64, seed=8) + spread * rng.standard_normal((N_HALVED, 64))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    query = wide_vectors(1, 64, seed=9)
    halved = halves(vectors)
    scores, rows = nearest_rows_by_halves(halved, query, vectors, 10)
    exact = exact_products(query, vectors)
    best = np.argsort(-exact)[:10]
    np.testing.assert_allclose(exact[rows[0]], exact[best], atol=3e-7)
    np.testing.assert_allclose(scores[0], exact[best], atol=3e-7)
    # By the halves alone some of the best would have been lost.
    assert not set(best) <= set(halved.copy.search(query, 42)[1][0])


def test_a_vector_that_its_half_puts_too_low_is_not_lost():
    """Two hundred vectors are rounded up past one that is rounded down and is yet the better."""
    step = 2.0**-11  # of halves from 0.5 to 1
    vectors = np.zeros((N_HALVED, 8), dtype=np.float32)
    vectors[:, 0] = 0.1 * np.random.default_rng(3).random(N_HALVED)
    vectors[0, 0] = 1
    vectors[100:300, 0] = 0.75 + 0.51 * step
    vectors[2000, :2] = 0.75 + 0.49 * step, 0.02 * step * 5
    query = np.array([[0.9, 0.4, 0, 0, 0, 0, 0, 0]], dtype=np.float32)
    rows = nearest_rows_by_halves(halves(vectors), query, vectors, 2)[1]
    assert rows.tolist() == slow_nearest(query, vectors, 2)[1].tolist() == [[0, 2000]]


def test_a_scan_of_halves_that_rounds_the_query_is_not_trusted():
    """As faiss does for vectors of bytes: all products are 0, and any rows seem the best."""
    vectors, query = wide_vectors(N_HALVED, 64, seed=2), wide_vectors(1, 64, seed=1)
    halved = halves(vectors)

    class Rounding:
        def search(self, queries, k):
            return halved.copy.search(np.rint(queries), k)

    rounding = nearest.Halves(Rounding(), halved.error, halved.longest)
    rows = nearest_rows_by_halves(rounding, query, vectors, 10)[1]
    assert (rows == slow_nearest(query, vectors, 10)[1]).all()


@pytest.mark.parametrize("n_nearest", [20, 35, 200])
def test_excluded_rows_are_passed_over_by_halves(n_nearest):
    """Some of the candidates, nearly all of them, and more than they are."""
    vectors, query = unit_vectors(N_HALVED, seed=2), unit_vectors(1, seed=1)
    excluded = np.zeros(N_HALVED, dtype=bool)
    excluded[slow_nearest(query, vectors, n_nearest)[1]] = True
    rows = nearest_rows_by_halves(halves(vectors), query, vectors, 10, excluded)[1]
    assert (rows == slow_nearest(query, vectors, 10, set(np.flatnonzero(excluded)))[1]).all()


def test_of_equal_vectors_with_halves_the_lower_row_comes_first():
    """Nearly as many of them as there are candidates, an odd number."""
    vectors = unit_vectors(N_HALVED, seed=2)
    copies = np.sort(np.random.default_rng(3).choice(N_HALVED, 37, replace=False))
    for query in unit_vectors(8, seed=1)[:, None]:
        vectors[copies] = query
        rows = nearest_rows_by_halves(halves(vectors), query, vectors, 7)[1]
        assert rows[0].tolist() == copies[:7].tolist()


def test_more_neighbours_than_halves_are_good_for_are_scanned_for():
    vectors, query = unit_vectors(200, seed=2), unit_vectors(1)
    found = nearest_rows_by_halves(halves(vectors), query, vectors, 250)[1]
    assert (found == slow_nearest(query, vectors, 250)[1]).all()
