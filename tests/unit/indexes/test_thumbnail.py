import io

import numpy as np
import pytest
from PIL import Image

from zuroku.errors import ImageError
from zuroku.indexes.thumbnail import THUMBNAIL_PX, check_thumbnail, thumbnail_jpeg


def encoded(size, kind):
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1024, 512), (256, 128)), ((100, 2000), (13, 256)), ((40, 30), (40, 30)), ((5000, 2), (256, 1))],
)
def test_a_thumbnail_keeps_its_shape_and_is_never_enlarged(size, expected):
    data = thumbnail_jpeg(Image.new("RGB", size, (200, 20, 20)))
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size) == ("JPEG", expected)
    assert np.abs(np.asarray(image).reshape(-1, 3).mean(axis=0) - (200, 20, 20)).max() < 4
    check_thumbnail(data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "unreadable"),
        (b"\xff\xd8\xff", "unreadable"),
        (encoded((20, 20), "PNG"), "PNG of 20 px"),
        (encoded((20, THUMBNAIL_PX + 1), "JPEG"), "JPEG of 257 px"),
    ],
)
def test_what_is_no_thumbnail_is_refused(data, fault):
    with pytest.raises(ImageError, match=fault):
        check_thumbnail(data)


def test_another_bound_holds_for_making_and_checking():
    data = thumbnail_jpeg(Image.new("RGBA", (400, 100)), 96)
    assert Image.open(io.BytesIO(data)).size == (96, 24)
    check_thumbnail(data, 96)
    with pytest.raises(ImageError, match="at most 95 px"):
        check_thumbnail(data, 95)
