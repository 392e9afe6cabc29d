"""Pages as detectors see them."""

import numpy as np
import pytest
from PIL import Image

from zuroku.models.layout.preprocessing import PADDING, STRIDE, page_input, scaled_size


@pytest.mark.parametrize("size", [(1000, 1500), (1500, 1000), (400, 400), (20_000, 100), (1, 1), (33, 2000)])
def test_sides_are_multiples_and_the_long_one_is_as_asked(size: tuple[int, int]) -> None:
    prepared = page_input(Image.new("RGB", size, "white"), 256)
    height, width = prepared.pixels.shape[:2]
    assert max(height, width) == 256
    assert height % STRIDE == width % STRIDE == 0
    assert min(height, width) - min(size) * 256 / max(size) < STRIDE


def test_a_corner_comes_back_to_its_place_on_the_page() -> None:
    page = Image.new("RGB", (1000, 1500), "white")
    page.paste("black", (600, 900, 1000, 1500))
    prepared = page_input(page, 300)
    dark = np.argwhere(prepared.pixels[:, :, 0] < 60)
    top, left = dark.min(axis=0)
    x_px, y_px = prepared.page_px
    assert (left * x_px, top * y_px) == pytest.approx((600, 900), abs=6)


def test_what_is_not_page_is_grey() -> None:
    prepared = page_input(Image.new("RGB", (90, 100), "white"), 96)
    assert prepared.pixels.shape == (96, 96, 3)
    assert (prepared.pixels[:, 86:] == PADDING).all()
    assert (prepared.pixels[:, :86] == 255).all()


def test_a_page_decoded_at_a_fraction_gives_the_same_frame() -> None:
    page = Image.effect_noise((1001, 1500), 60).convert("RGB")
    whole = page_input(page, 320)
    reduced = page_input(page.reduce(2), 320, original_size=page.size)
    assert whole.pixels.shape == reduced.pixels.shape
    assert whole.page_px == reduced.page_px
    # The same picture but for how it was shrunk.
    gap = np.abs(whole.pixels.astype(int) - reduced.pixels.astype(int)).mean()
    assert gap < 8


@pytest.mark.parametrize("size", [(500, 750), (1001, 1500), (90, 60)])
def test_a_page_is_resized_as_pillow_does(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    page = Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    inner = scaled_size(*size, 320)
    expected = np.asarray(page.resize(inner, Image.Resampling.BILINEAR)).astype(int)
    found = page_input(page, 320).pixels[: inner[1], : inner[0]]
    assert np.abs(found - expected).max() <= 1


def test_a_grey_page_has_three_equal_channels() -> None:
    pixels = page_input(Image.effect_noise((96, 64), 60), 96).pixels
    assert (pixels == pixels[:, :, :1]).all()
    assert pixels.std() > 10
