"""Search by codes against a full scan: recall on clustered vectors, filters, ties, files; always the same."""

from pathlib import Path

import numpy as np
import pytest

from zuroku.errors import BundleError
from zuroku.indexes import approximate
from zuroku.indexes.approximate import approximate_rows, can_approximate, read_codes, write_codes
from zuroku.indexes.nearest import nearest_rows

COUNT, DIMENSION = 3000, 32


def clustered(n, seed, dimension=DIMENSION):
    """Return ``(n, dimension)`` unit vectors around twenty centres, most of them along few axes."""
    centres = np.random.default_rng(0).standard_normal((20, dimension))
    rng = np.random.default_rng(seed)
    vectors = centres[rng.integers(0, 20, n)] + 0.5 * rng.standard_normal((n, dimension))
    vectors *= 1 / (1 + np.arange(dimension) / 4)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    return clustered(COUNT, 1)


@pytest.fixture(scope="module")
def codes(vectors, tmp_path_factory):
    path = tmp_path_factory.mktemp("codes") / "codes.faiss"
    write_codes(vectors, path)
    return read_codes(path, COUNT, DIMENSION)


QUERIES = clustered(50, 2)


def recall(found, truth):
    shared = sum(len(set(ours) & set(theirs)) for ours, theirs in zip(found, truth, strict=True))
    return shared / truth.size


@pytest.mark.parametrize("k", [1, 10, 100])
def test_it_finds_nearly_all_that_a_scan_finds_with_exact_scores(codes, vectors, k):
    scores, rows = approximate_rows(codes, QUERIES, vectors, k)
    true_scores, true_rows = nearest_rows(QUERIES, vectors, k)
    assert recall(rows, true_rows) > 0.98
    expected = (QUERIES[:, None] * vectors[rows]).sum(axis=2)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert (scores <= true_scores + 1e-6).all()
    assert (scores.dtype, rows.dtype, rows.shape) == (np.float32, np.int64, (50, k))


def test_the_candidates_do_the_work(codes, vectors, monkeypatch):
    monkeypatch.setattr(approximate, "nearest_rows", lambda *arguments: pytest.fail("scanned"))
    assert (approximate_rows(codes, QUERIES, vectors, 10)[1] >= 0).all()


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_excluded_rows_cost_no_recall(codes, vectors, share):
    excluded = np.random.default_rng(3).random(COUNT) < share
    rows = approximate_rows(codes, QUERIES, vectors, 10, excluded)[1]
    true_rows = nearest_rows(QUERIES, vectors, 10, excluded)[1]
    assert not excluded[rows].any()
    assert recall(rows, true_rows) > 0.98


def test_where_nearly_all_are_excluded_the_rest_is_scanned(codes, vectors):
    excluded = np.random.default_rng(3).random(COUNT) < 0.999
    scores, rows = approximate_rows(codes, QUERIES, vectors, 10, excluded)
    assert (rows == nearest_rows(QUERIES, vectors, 10, excluded)[1]).all()
    assert (rows[:, -1] == -1).all()
    assert np.isnan(scores[:, -1]).all()


def test_the_nearest_excluded_are_replaced_by_the_next(codes, vectors):
    """The book of the query itself: all of its nearest are left out."""
    near = nearest_rows(QUERIES, vectors, 60)[1]
    for query, rows in zip(QUERIES, near, strict=True):
        for n_excluded in (15, 60):
            excluded = np.zeros(COUNT, dtype=bool)
            excluded[rows[:n_excluded]] = True
            found = approximate_rows(codes, query[None], vectors, 10, excluded)[1]
            true_rows = nearest_rows(query[None], vectors, 10, excluded)[1]
            assert recall(found, true_rows) >= 0.9


def test_more_neighbours_than_the_lists_hold_are_scanned_for(codes, vectors):
    assert (
        approximate_rows(codes, QUERIES[:2], vectors, 2000)[1] == nearest_rows(QUERIES[:2], vectors, 2000)[1]
    ).all()
    rows = approximate_rows(codes, QUERIES[:2], vectors, COUNT + 5)[1]
    assert sorted(rows[0, :COUNT]) == list(range(COUNT))
    assert (rows[:, COUNT:] == -1).all()


def test_no_queries_give_no_results(codes, vectors):
    assert approximate_rows(codes, QUERIES[:0], vectors, 3)[1].shape == (0, 3)


def test_equal_vectors_are_found_lower_rows_first(tmp_path):
    vectors = np.repeat(clustered(1, 4), 1500, axis=0)
    write_codes(vectors, tmp_path / "codes")
    scores, rows = approximate_rows(read_codes(tmp_path / "codes", 1500, DIMENSION), vectors[:1], vectors, 10)
    np.testing.assert_allclose(scores, 1, atol=1e-6)
    assert (np.diff(rows) > 0).all()


def test_chunks_and_the_global_random_state_change_nothing(vectors, tmp_path, monkeypatch):
    write_codes(vectors, tmp_path / "whole")
    monkeypatch.setattr(approximate, "_CHUNK_ROWS", 700)
    np.random.seed(5)
    write_codes(vectors, tmp_path / "chunks")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "chunks").read_bytes()


def test_a_full_disk_is_an_error_of_the_system(vectors):
    with pytest.raises(OSError, match="No space left"):
        write_codes(vectors, Path("/dev/full"))


def test_what_is_no_structure_of_these_vectors_is_refused(vectors, tmp_path):
    path = tmp_path / "codes"
    write_codes(vectors, path)
    for count, dimension in ((COUNT - 1, DIMENSION), (COUNT, DIMENSION + 2)):
        with pytest.raises(BundleError, match=f"holds {COUNT} × {DIMENSION}"):
            read_codes(path, count, dimension)
    for data in (b"", b"no codes", path.read_bytes()[:-100]):
        path.write_bytes(data)
        with pytest.raises(BundleError, match="cannot be read"):
            read_codes(path, COUNT, DIMENSION)


@pytest.mark.parametrize(
    ("count", "dimension", "possible"), [(1024, 512, True), (1023, 512, False), (5000, 511, False)]
)
def test_few_vectors_and_odd_dimensions_are_left_to_the_scan(count, dimension, possible):
    assert can_approximate(count, dimension) is possible


def test_as_few_vectors_as_are_possible(tmp_path):
    vectors = clustered(1024, 6)
    write_codes(vectors, tmp_path / "codes")
    codes = read_codes(tmp_path / "codes", 1024, DIMENSION)
    rows = approximate_rows(codes, QUERIES, vectors, 1)[1]
    assert recall(rows, nearest_rows(QUERIES, vectors, 1)[1]) > 0.98
