"""L2-softmax: the bound on alpha, gradients against finite differences, and what large alphas do."""

import math

import numpy as np
import pytest
import torch

from zuroku.errors import ConfigError
from zuroku.losses.l2_softmax import L2Softmax, L2SoftmaxMultiLabel, least_alpha


def vectors(n: int = 5, dimension: int = 4) -> torch.Tensor:
    return torch.randn(n, dimension, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def loss_of(kind: type[L2Softmax], alpha: float, n_classes: int = 3, dimension: int = 4) -> L2Softmax:
    torch.manual_seed(5)
    return kind(n_classes, dimension, alpha).double()


def slow_loss(loss: L2Softmax, rows: np.ndarray, targets: list[int]) -> float:
    """The mean over images of −log of the softmax, one image and one class at a time."""
    weight, bias = loss.classify.weight.detach().numpy(), loss.classify.bias.detach().numpy()
    total = 0.0
    for row, target in zip(rows, targets, strict=True):
        length = math.sqrt(sum(value**2 for value in row))
        logits = [
            sum(w * loss.alpha * v / length for w, v in zip(centre, row, strict=True)) + b
            for centre, b in zip(weight, bias, strict=True)
        ]
        total -= math.log(math.exp(logits[target]) / sum(math.exp(logit) for logit in logits))
    return total / len(rows)


@pytest.mark.parametrize(("n_classes", "expected"), [(601, 8.6), (1103, 9.2)])
def test_the_bound_is_that_of_the_two_published_datasets(n_classes: int, expected: float) -> None:
    assert least_alpha(n_classes, p=0.9) == pytest.approx(expected, abs=0.05)


def test_at_the_bound_perfectly_spread_classes_reach_the_probability() -> None:
    # Classes on the vertices of a simplex are as far apart as they can be; the paper's bound takes the mean
    # cosine of the others for −1/(C − 2) and so lies close to, and for many classes at, what this needs.
    n_classes = 2000
    alpha = least_alpha(n_classes, 0.9)
    other = -1 / (n_classes - 1)
    reached = math.exp(alpha) / (math.exp(alpha) + (n_classes - 1) * math.exp(alpha * other))
    assert reached == pytest.approx(0.9, abs=0.005)


def test_two_classes_have_no_bound() -> None:
    with pytest.raises(ConfigError, match="2 classes"):
        least_alpha(2)


def test_it_is_the_softmax_of_vectors_of_length_alpha() -> None:
    rows, targets = vectors(), [0, 2, 1, 1, 0]
    loss = loss_of(L2Softmax, 7.5)
    found = loss(rows, torch.tensor(targets))
    assert float(found) == pytest.approx(slow_loss(loss, rows.numpy(), targets))
    # The length of the vectors says nothing.
    torch.testing.assert_close(loss(100 * rows, torch.tensor(targets)), found)


def test_the_gradient_is_that_of_finite_differences_and_turns_without_stretching() -> None:
    rows, targets = vectors().requires_grad_(True), torch.tensor([0, 2, 1, 1, 0])
    loss = loss_of(L2Softmax, 4.0)
    assert torch.autograd.gradcheck(lambda given: loss(given, targets), (rows,))
    (gradient,) = torch.autograd.grad(loss(rows, targets), rows)
    np.testing.assert_allclose((gradient * rows).sum(dim=1).detach().numpy(), 0, atol=1e-12)


def test_a_tiny_alpha_knows_nothing_and_a_large_one_everything() -> None:
    rows, targets = torch.eye(4, dtype=torch.float64)[:3], torch.tensor([0, 1, 2])
    small, large = loss_of(L2Softmax, 1e-9), loss_of(L2Softmax, 500.0)
    for loss in (small, large):
        torch.nn.init.eye_(loss.classify.weight)
        torch.nn.init.zeros_(loss.classify.bias)
    assert float(small(rows, targets)) == pytest.approx(math.log(3))
    assert float(large(rows, targets)) == pytest.approx(0, abs=1e-9)


def test_several_labels_are_a_binary_question_each() -> None:
    rows = vectors(2)
    targets = torch.tensor([[True, False, True], [False, False, False]])
    loss = loss_of(L2SoftmaxMultiLabel, 3.0)
    logits = loss.classify(3.0 * rows / rows.norm(dim=1, keepdim=True)).detach().numpy()
    probabilities = 1 / (1 + np.exp(-logits))
    expected = -np.log(np.where(targets.numpy(), probabilities, 1 - probabilities)).mean()
    # The targets are cast to float32, the logits stay exact.
    assert float(loss(rows, targets)) == pytest.approx(expected, rel=1e-6)
