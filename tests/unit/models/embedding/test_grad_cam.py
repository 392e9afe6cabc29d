"""Grad-CAM: against gradients by finite differences, its range, and what has no map."""

import numpy as np
import pytest
import torch

from tests.unit.models.embedding.networks import network, pictures
from zuroku.errors import ConfigError, ImageError
from zuroku.models.embedding.grad_cam import grad_cam
from zuroku.models.embedding.network import Watch


@pytest.mark.parametrize("tap", ["conv2", "conv5", "last", "layer3.1", "bn1"])
def test_heat_has_the_size_of_the_picture_and_lies_in_the_unit_interval(tap: str) -> None:
    picture = pictures(1, 64)[0, :48]
    heat = grad_cam(network(taps=["conv4", "gap"]), picture, tap)
    assert heat.shape == (48, 64)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() in (0, 1)


def test_where_a_map_is_only_pooled_it_is_the_class_activation_map() -> None:
    """Zhou et al. 2016: channels weighted by what the score gives their mean."""
    embedder = network(taps=["conv3", "gap"])
    picture = pictures(1, 64)[0]
    image = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    towards = np.random.default_rng(2).normal(0.3, 1, size=128 + 512)
    maps: list[np.ndarray] = []

    def keep(output: torch.Tensor) -> torch.Tensor:
        maps.append(output.detach().numpy().copy())
        return output

    embedder.features(image, Watch("conv5", keep))
    evidence = np.maximum(np.tensordot(towards[128:], maps[0][0], axes=1), 0)
    heat = grad_cam(embedder, picture, "conv5", towards)
    # Where enlarging does not mix positions: the corners of a 2 × 2 map.
    corners = heat[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, evidence.ravel() / evidence.max(), atol=1e-4)
    assert (evidence > 0).sum() > 0


def test_away_from_everything_there_is_no_evidence() -> None:
    heat = grad_cam(network(), pictures(1, 64)[0], "conv5", towards=-np.ones(512))
    assert (heat == 0).all()


def test_a_tap_without_map_or_without_effect_is_refused() -> None:
    picture = pictures(1, 64)[0]
    for taps, tap in (["gap"], "gap"), (["gap"], "global_pool"), (["conv2"], "global_pool"):
        with pytest.raises(ConfigError, match="no feature map"):
            grad_cam(network(taps=taps), picture, tap)
    with pytest.raises(ConfigError, match="comes after"):
        grad_cam(network(taps=["conv2"]), picture, "conv4")
    with pytest.raises(ImageError):
        grad_cam(network(), picture[:16], "conv2")
