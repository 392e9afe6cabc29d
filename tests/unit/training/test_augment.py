"""Augmentation: deterministic per item and epoch, geometric oracle, value range."""

import numpy as np
import torch

from zuroku.training.augment import AugmentSettings, augment, item_draw

NOTHING = AugmentSettings(greyscale=0, flip_horizontal=0, flip_vertical=0, crop_scale_min=1, probability=0)


def pictures(n: int = 4, size: int = 32) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def draws(n: int = 4, epoch: int = 0) -> list[np.random.Generator]:
    return [item_draw(7, epoch, item) for item in range(n)]


def test_without_any_step_nothing_changes() -> None:
    images = pictures()
    torch.testing.assert_close(augment(images, draws(), NOTHING), images, atol=1e-5, rtol=0)


def test_a_view_depends_on_seed_epoch_and_item_alone() -> None:
    images, settings = pictures(), AugmentSettings()
    whole = augment(images, draws(), settings)
    alone = augment(images[2:3], [item_draw(7, 0, 2)], settings)
    torch.testing.assert_close(whole[2:3], alone)
    assert not torch.allclose(whole, augment(images, draws(epoch=1), settings))


def test_flips_are_exact_mirrors() -> None:
    images = pictures()
    mirrored = augment(images, draws(), NOTHING.model_copy(update={"flip_horizontal": 1.0}))
    torch.testing.assert_close(mirrored, images.flip(3), atol=1e-4, rtol=0)
    upside = augment(images, draws(), NOTHING.model_copy(update={"flip_vertical": 1.0}))
    torch.testing.assert_close(upside, images.flip(2), atol=1e-4, rtol=0)


def test_greyscale_is_luma_in_all_channels() -> None:
    images = pictures()
    grey = augment(images, draws(), NOTHING.model_copy(update={"greyscale": 1.0}))
    luma = 0.299 * images[:, 0] + 0.587 * images[:, 1] + 0.114 * images[:, 2]
    for channel in range(3):
        torch.testing.assert_close(grey[:, channel], luma, atol=1e-5, rtol=0)


def test_hue_and_saturation_keep_grey_grey() -> None:
    grey = torch.full((8, 3, 16, 16), 0.4)
    settings = NOTHING.model_copy(update={"probability": 1.0, "brightness": 0.0, "gamma": 0.0})
    views = augment(grey, draws(8), settings)
    torch.testing.assert_close(views, grey, atol=1e-5, rtol=0)


def test_rotated_borders_are_reflected_not_black() -> None:
    white = torch.ones(16, 3, 32, 32)
    views = augment(white, draws(16), AugmentSettings(brightness=0, gamma=0))
    assert views.min() > 0.99


def test_values_stay_in_range_and_finite() -> None:
    views = augment(pictures(64), draws(64), AugmentSettings())
    assert torch.isfinite(views).all()
    assert views.min() >= 0
    assert views.max() <= 1
