"""From picture to squares: panoramas, single photographs, and what is in between."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.unit.models.geolocation.bundles import picture
from zuroku.errors import ImageError
from zuroku.models.geolocation.views import picture_views


def encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_panorama_is_cut_at_its_headings_from_the_left() -> None:
    colours = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], dtype=np.uint8)
    panorama = np.tile(np.repeat(colours, 40, axis=0), (40, 1, 1))
    views = picture_views(encoded(panorama), 32, 4)
    assert views.shape == (4, 32, 32, 3)
    np.testing.assert_array_equal(views, np.broadcast_to(colours[:, None, None], views.shape))


def test_of_another_picture_the_middle_square_is_seen() -> None:
    pixels = np.zeros((40, 100, 3), dtype=np.uint8)
    pixels[:, 30:70] = 200
    for turned in (pixels, pixels.transpose(1, 0, 2)):
        views = picture_views(encoded(np.ascontiguousarray(turned)), 32, 4)
        assert views.shape == (1, 32, 32, 3)
        assert (views == 200).all()


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [(256, 64, 4), (240, 64, 4), (400, 64, 4), (220, 64, 1), (64, 64, 1), (64, 256, 1), (3, 900, 1)],
)
def test_only_what_is_about_four_times_as_wide_as_high_is_a_panorama(
    width: int, height: int, count: int
) -> None:
    assert len(picture_views(picture(width, height), 32, 4)) == count
    assert len(picture_views(picture(width, height), 32, 1)) == 1


def test_bytes_that_are_no_picture_are_refused() -> None:
    for data in (b"", b"not a picture", picture(64, 64)[:60]):
        with pytest.raises(ImageError):
            picture_views(data, 32, 4)
