"""What storing vectors smaller costs, on vectors whose neighbours are known."""

import numpy as np

from zuroku.reports.embedding_comparison import comparison_metrics, recall_of, stored_as


def unit_vectors(n: int, d: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_float32_keeps_everything() -> None:
    vectors = unit_vectors(50, 16)
    np.testing.assert_array_equal(stored_as(vectors, "float32"), vectors)
    assert recall_of(vectors, "float32", 10) == 1


def test_smaller_numbers_are_off_by_at_most_half_a_step() -> None:
    vectors = unit_vectors(50, 16)
    assert np.abs(stored_as(vectors, "float16") - vectors).max() <= 2**-12
    assert np.abs(stored_as(vectors, "int8") - vectors).max() <= np.abs(vectors).max() / 254 * 1.001


def test_recall_counts_the_neighbours_that_stay() -> None:
    # The second and third differ from the first by less than int8 can tell.
    vectors = np.zeros((4, 64), dtype=np.float32)
    vectors[:, 0] = 1
    vectors[1, 1], vectors[2, 2], vectors[3, 3] = 2e-3, 1e-3, 0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert recall_of(vectors, "int8", 1) < 1
    assert recall_of(vectors, "int8", 3) == 1  # all the others are neighbours


def test_a_picture_is_not_its_own_neighbour() -> None:
    vectors = np.eye(3, dtype=np.float32)
    vectors[1] = vectors[0]
    assert recall_of(vectors, "float16", 1) == 1


def test_numbers_get_flat_names() -> None:
    row = {
        "model": "a",
        "map_other_books": {"value": 0.5, "low": 0.4, "high": 0.6},
        "purity": {"value": 0.7, "low": 0.6, "high": 0.8},
        "recall": {"int8": 0.9},
    }
    assert comparison_metrics([row]) == {"map_other_books.a": 0.5, "purity.a": 0.7, "recall_int8.a": 0.9}
