"""Whitening: what it does to covariance and angles, and when there is too little to fit."""

import numpy as np
import pytest
import torch

from zuroku.errors import ConfigError
from zuroku.models.embedding.whitening import LinearWhitening, PcaWhitening, pca_whitening


def vectors(n: int = 200, dimension: int = 6) -> np.ndarray:
    """Correlated unit vectors off the origin."""
    rng = np.random.default_rng(4)
    drawn = rng.normal(size=(n, dimension)) @ rng.normal(size=(dimension, dimension)) + 2
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dimension", [6, 3])
def test_whitened_vectors_are_centred_and_uncorrelated(dimension: int) -> None:
    mean, components = pca_whitening(vectors(), dimension)
    white = (vectors() - mean) @ components
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(white.T), np.eye(dimension), atol=1e-6)


def test_the_directions_of_most_variance_are_kept_in_order() -> None:
    _, components = pca_whitening(vectors(), 6)
    centred = vectors() - vectors().mean(axis=0)
    directions = components / np.linalg.norm(components, axis=0)
    variances = (centred @ directions).var(axis=0)
    assert (np.diff(variances) < 0).all()
    assert variances.sum() == pytest.approx(centred.var(axis=0).sum(), rel=1e-5)


def test_the_layer_does_what_was_fitted() -> None:
    layer = PcaWhitening(6, 3)
    layer.fit(vectors())
    mean, components = pca_whitening(vectors(), 3)
    found = layer(torch.from_numpy(vectors())).numpy()
    np.testing.assert_allclose(found, (vectors() - mean) @ components, atol=1e-3)
    assert not list(layer.parameters())
    assert set(layer.state_dict()) == {"mean", "components"}


def test_too_few_vectors_are_refused() -> None:
    with pytest.raises(ConfigError, match="span 4 dimensions"):
        pca_whitening(vectors(5), 6)
    flat = vectors()
    flat[:, 2] = 0.0
    with pytest.raises(ConfigError, match="span 5 dimensions"):
        pca_whitening(flat, 6)


def test_a_learned_whitening_starts_without_changing_angles() -> None:
    torch.manual_seed(1)
    given = torch.from_numpy(vectors())
    torch.testing.assert_close(LinearWhitening(6, 6)(given).norm(dim=1), torch.ones(200))
    turned = LinearWhitening(6, 6)(given).detach()
    torch.testing.assert_close(turned @ turned.T, given @ given.T, atol=1e-5, rtol=0)
