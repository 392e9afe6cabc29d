"""The numbers that tell of a collapse, against loops over pairs and known cases."""

import itertools

import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.models.embedding.findings import collapse_finding, spread_of


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def drawn(n: int = 30, dimension: int = 8, shift: float = 0.0) -> np.ndarray:
    return unit(np.random.default_rng(6).normal(size=(n, dimension)) + shift)


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    vectors = drawn(shift=0.5).astype(np.float64)
    pairs = [float(a @ b) for a, b in itertools.combinations(vectors, 2)]
    assert spread_of(vectors).mean_cosine == pytest.approx(np.mean(pairs))


def test_equal_axes_have_as_much_rank_as_there_are() -> None:
    vectors = np.concatenate([np.eye(4), -np.eye(4)])
    assert spread_of(vectors).effective_rank == pytest.approx(4)


def test_vectors_on_a_line_have_rank_one() -> None:
    angles = np.linspace(0, 1e-3, 20)
    line = np.stack([np.cos(angles), np.sin(angles), np.zeros(20)], axis=1)
    assert spread_of(line).effective_rank == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "vectors",
    [
        np.ones((10, 4)) / 2,
        drawn(shift=60),
        unit(np.stack([np.sign(np.random.default_rng(0).normal(size=20)), np.zeros(20)], axis=1)),
        np.full((5, 4), np.nan),
        np.zeros((5, 4)),
        np.concatenate([drawn(), np.zeros((1, 8))]),
        np.concatenate([drawn(), np.full((1, 8), np.inf)]),
    ],
    ids=["one point", "one direction", "one line", "not finite", "zero", "one of zero", "one not finite"],
)
def test_collapsed_vectors_are_told(vectors: np.ndarray) -> None:
    assert not collapse_finding(spread_of(vectors)).passed


def test_spread_vectors_pass() -> None:
    finding = collapse_finding(spread_of(drawn()))
    assert finding.passed
    assert finding.check == "not_collapsed"
    assert finding.numbers["effective_rank"] > 5


def test_one_vector_has_no_spread() -> None:
    with pytest.raises(EvaluationError, match="1 vectors"):
        spread_of(drawn(1))
