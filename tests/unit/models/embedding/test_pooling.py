"""Pooling against loops over positions."""

import numpy as np
import pytest
import torch

from zuroku.models.embedding.pooling import Gap, GeM, gap, gem


def maps() -> torch.Tensor:
    """Feature maps ``(2, 4, 3, 5)`` with negatives and zeros."""
    drawn = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(1))
    drawn[0, 0] = 0
    return drawn


def slow_gem(features: np.ndarray, p: float) -> np.ndarray:
    pooled = np.zeros(features.shape[:2])
    for image, channel in np.ndindex(*features.shape[:2]):
        values = [max(float(value), 1e-6) ** p for value in features[image, channel].ravel()]
        pooled[image, channel] = (sum(values) / len(values)) ** (1 / p)
    return pooled


def test_gap_is_the_mean_of_all_positions() -> None:
    expected = [[channel.mean() for channel in image] for image in maps().numpy()]
    np.testing.assert_allclose(gap(maps()).numpy(), expected, atol=1e-6)
    torch.testing.assert_close(Gap()(maps()), gap(maps()))


@pytest.mark.parametrize("p", [1.0, 2.5, 3.0])
def test_gem_is_the_generalised_mean(p: float) -> None:
    np.testing.assert_allclose(gem(maps(), p).numpy(), slow_gem(maps().numpy(), p), rtol=1e-4)


def test_gem_with_p_one_is_gap_where_nothing_is_negative() -> None:
    positive = maps().abs() + 0.01
    torch.testing.assert_close(gem(positive, 1.0), gap(positive))


def test_gem_with_large_p_comes_near_the_greatest() -> None:
    positive = maps().abs() + 0.5
    torch.testing.assert_close(gem(positive, 60.0), positive.amax(dim=(2, 3)), rtol=0.06, atol=0)


def test_only_a_learned_exponent_is_a_parameter() -> None:
    assert [name for name, _ in GeM(learned=True).named_parameters()] == ["p"]
    assert not list(GeM(learned=False).parameters())
    assert "p" in GeM(learned=False).state_dict()
    torch.testing.assert_close(GeM(learned=False)(maps()), gem(maps(), 3.0))


def test_the_exponent_gets_a_gradient_even_from_dead_channels() -> None:
    pool = GeM(learned=True)
    pool(maps()).sum().backward()
    assert pool.p.grad is not None
    assert torch.isfinite(pool.p.grad)
