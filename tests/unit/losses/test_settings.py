"""Losses by configuration: the library's margins against literal formulas, and what is refused."""

import math

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from zuroku.errors import ConfigError
from zuroku.losses.settings import (
    ArcFaceSettings,
    ContrastiveSettings,
    CosFaceSettings,
    L2SoftmaxSettings,
    LossSettings,
    SoftmaxSettings,
    create_loss,
    embedding_scale,
)

TARGETS = [0, 1, 2, 1]


def setting() -> tuple[np.ndarray, np.ndarray]:
    """Vectors ``(4, 5)`` and class centres ``(3, 5)``, neither of unit length."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(4, 5)).astype(np.float32), rng.normal(size=(3, 5)).astype(np.float32)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def cross_entropy(logits: list[list[float]]) -> float:
    total = 0.0
    for row, target in zip(logits, TARGETS, strict=True):
        top = max(row)
        total += math.log(sum(math.exp(value - top) for value in row)) + top - row[target]
    return total / len(logits)


def test_cosface_takes_its_margin_from_the_cosine() -> None:
    vectors, centres = setting()
    loss = create_loss(CosFaceSettings(margin=0.45, scale=60), 3, 5)
    loss.W.data = torch.from_numpy(centres.T.copy())
    logits = [
        [60 * (cosine(vector, centre) - 0.45 * (c == target)) for c, centre in enumerate(centres)]
        for vector, target in zip(vectors, TARGETS, strict=True)
    ]
    found = float(loss(torch.from_numpy(vectors), torch.tensor(TARGETS)))
    assert found == pytest.approx(cross_entropy(logits), rel=1e-4)


def test_arcface_adds_its_margin_in_degrees_to_the_angle() -> None:
    vectors, centres = setting()
    loss = create_loss(ArcFaceSettings(margin_degrees=20, scale=10), 3, 5)
    loss.W.data = torch.from_numpy(centres.T.copy())
    logits = []
    for vector, target in zip(vectors, TARGETS, strict=True):
        angles = [math.acos(cosine(vector, centre)) for centre in centres]
        assert angles[target] < math.radians(160)
        logits.append([10 * math.cos(a + math.radians(20) * (c == target)) for c, a in enumerate(angles)])
    found = float(loss(torch.from_numpy(vectors), torch.tensor(TARGETS)))
    assert found == pytest.approx(cross_entropy(logits), rel=1e-4)


def test_of_several_centres_the_nearest_counts() -> None:
    vectors, centres = setting()
    single = create_loss(ArcFaceSettings(scale=10), 3, 5)
    several = create_loss(ArcFaceSettings(scale=10, sub_centers=2), 3, 5)
    single.W.data = torch.from_numpy(centres.T.copy())
    # The second centre of each class is opposite to the first: never the nearer one to its images.
    doubled = np.stack([centres, centres], axis=1).reshape(6, 5)
    several.W.data = torch.from_numpy(doubled.T.copy())
    given = torch.from_numpy(vectors), torch.tensor(TARGETS)
    torch.testing.assert_close(several(*given), single(*given))


def test_contrastive_pulls_one_class_together_and_pushes_two_apart() -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    loss = create_loss(ContrastiveSettings(margin=0.7), 2, 2)
    apart = math.sqrt(2)
    assert float(loss(vectors, torch.tensor([0, 0, 1]))) == pytest.approx(apart + 0.7, rel=1e-3)
    assert float(loss(vectors, torch.tensor([0, 1, 0]))) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    "settings",
    [SoftmaxSettings(), L2SoftmaxSettings(), CosFaceSettings(), ArcFaceSettings(), ContrastiveSettings()],
    ids=lambda settings: settings.kind,
)
def test_every_loss_trains_vectors(settings: LossSettings) -> None:
    torch.manual_seed(2)
    loss = create_loss(settings, 3, 5)
    vectors = torch.nn.Parameter(torch.from_numpy(setting()[0]))
    targets = torch.tensor(TARGETS)
    step = torch.optim.SGD([vectors, *loss.parameters()], lr=0.01)
    first = float(loss(vectors, targets))
    for _ in range(20):
        step.zero_grad()
        loss(vectors, targets).backward()
        step.step()
    assert float(loss(vectors, targets)) < first


def test_plain_softmax_knows_the_length_of_vectors() -> None:
    torch.manual_seed(2)
    loss = create_loss(SoftmaxSettings(), 3, 5)
    vectors, targets = torch.from_numpy(setting()[0]), torch.tensor(TARGETS)
    assert not torch.isclose(loss(vectors, targets), loss(2 * vectors, targets))


def test_alpha_is_the_bound_where_none_is_given() -> None:
    assert embedding_scale(L2SoftmaxSettings(), 601) == pytest.approx(8.592, abs=1e-3)
    assert embedding_scale(L2SoftmaxSettings(alpha=16), 601) == 16
    assert embedding_scale(CosFaceSettings(), 601) == 60
    assert embedding_scale(SoftmaxSettings(), 601) is None
    with pytest.raises(ConfigError, match="alpha"):
        create_loss(L2SoftmaxSettings(), 2, 5)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "cosface", "margin": 1.5},
        {"kind": "cosface", "margin_degrees": 28.6},
        {"kind": "arcface", "margin_degrees": 0.5, "margin": 0.5},
        {"kind": "softmax", "alpha": 16},
        {"kind": "triplet"},
    ],
)
def test_values_of_another_loss_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LossSettings).validate_python(values)
