import io

import numpy as np
import pytest
from PIL import Image

from zuroku.errors import EvaluationError
from zuroku.reports.contact_sheet import THUMBNAIL_PX, contact_sheet

RED = (200, 20, 20)


def opened(encoded):
    image = Image.open(io.BytesIO(encoded))
    image.load()
    return image


def red_pixels(encoded):
    image = np.asarray(opened(encoded).convert("RGB")).astype(int)
    return int(((image[..., 0] > 150) & (image[..., 1] < 80)).sum())


def picture(size=(400, 300), mode="RGB", colour=RED):
    return Image.new(mode, size, colour)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_every_picture_is_shown_small_and_in_shape(kind):
    sheet = contact_sheet([(picture(), [f"{i}"]) for i in range(7)], columns=3, kind=kind)
    image = opened(sheet)
    assert image.format == kind
    assert 3 * THUMBNAIL_PX < image.width < 3.5 * THUMBNAIL_PX
    assert 3 * THUMBNAIL_PX < image.height < 3.8 * THUMBNAIL_PX
    expected = 7 * THUMBNAIL_PX * THUMBNAIL_PX * 3 / 4
    assert red_pixels(sheet) == pytest.approx(expected, rel=0.03)
    assert len(sheet) < 30_000


def test_a_sheet_of_noise_stays_small():
    rng = np.random.default_rng(0)
    noise = [
        (Image.fromarray(rng.integers(0, 255, (200, 200, 3), dtype=np.uint8)), ["図版"]) for _ in range(24)
    ]
    assert len(contact_sheet(noise, title="24")) < 250_000


def test_small_pictures_are_not_enlarged_and_inputs_not_changed():
    small, large = picture((10, 20)), picture()
    assert red_pixels(contact_sheet([(small, [])], kind="PNG")) == 200
    contact_sheet([(large, [])])
    assert large.size == (400, 300)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_any_mode_is_shown_with_transparency_as_white(mode):
    sheet = opened(contact_sheet([(Image.new(mode, (50, 50)), [])], kind="PNG")).convert("RGB")
    centre = sheet.getpixel((sheet.width // 2, 8 + THUMBNAIL_PX // 2))
    white = mode in ("RGBA", "LA", "CMYK")  # empty: transparent, or without ink
    assert centre == ((255, 255, 255) if white else (0, 0, 0))


def ink(lines, title=""):
    """The drawn pixels of a sheet with one white picture."""
    image = np.asarray(
        opened(contact_sheet([(picture(colour="white"), lines)], title=title, kind="PNG")).convert("L")
    )
    return image < 128


def test_japanese_captions_are_drawn_and_differ():
    first, second = ink(["図版"]), ink(["地図"])
    assert first.any()
    assert (first != second).any()


def test_each_line_takes_its_own_row_and_long_lines_stay_in_their_column():
    one, two = ink(["first"]), ink(["first", "second"])
    assert two.shape[0] > one.shape[0]
    assert two.sum() > one.sum()
    long_line = ink(["図" * 60])
    assert long_line.shape == ink(["図"]).shape
    assert not long_line[:, -8:].any()
    assert (long_line != ink(["図" * 5])).any()


def test_a_title_stands_above_and_an_empty_sheet_says_so():
    titled, plain = ink([], title="worst errors"), ink([])
    assert titled.shape[0] > plain.shape[0]
    assert titled.any()
    assert not plain.any()
    empty = opened(contact_sheet([], title="errors"))
    assert (np.asarray(empty.convert("L")) < 128).any()


def test_no_columns_are_refused():
    with pytest.raises(EvaluationError, match="0 columns"):
        contact_sheet([], columns=0)
