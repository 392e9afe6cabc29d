"""From an encoded picture to the squares that a geolocator sees, the same in training and in serving.

A panorama of four headings side by side would lose three of them in one square, or be squashed to a
quarter: it is cut at its headings. Of the EXIF data only the orientation is read, never the position.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.datasets.images import decode_rgb

PREPROCESSING = (
    "decoded at the smallest JPEG scale with twice the pixels; of a panorama each heading's square,"
    " of any other picture the middle square, resized bilinearly with antialias"
)

_NEARLY = 0.9


def picture_views(data: bytes, size_px: int, views: int) -> npt.NDArray[np.uint8]:
    """Decode ``data`` and return its squares ``(v, size_px, size_px, 3)`` uint8 RGB.

    A panorama is what is at least .9 × ``views`` times as wide as high; of it v is ``views``, in order from
    the left. Of any other picture v is 1: its middle square, as CLIP and the ViTs that come from it are
    trained.

    Raises:
        ImageError: it does not decode.
    """
    image = decode_rgb(data, min_side_px=2 * size_px)
    boxes = _squares(image.width, image.height, views)
    # Cropped first: a filter given only a box would reach over its edge into the next heading.
    squares = (image.crop(box).resize((size_px, size_px), Image.Resampling.BILINEAR) for box in boxes)
    return np.stack([np.asarray(square) for square in squares])


def view_count(width: int, height: int, views: int) -> int:
    """Return how many squares ``picture_views`` gives of a picture of ``width`` × ``height`` pixels."""
    return views if width >= _NEARLY * views * height else 1


def _squares(width: int, height: int, views: int) -> list[tuple[int, int, int, int]]:
    """Return the boxes left, top, right, bottom in pixels, about the middle of the picture."""
    count = view_count(width, height, views)
    side = min(height, width // count)
    left, top = (width - count * side) // 2, (height - side) // 2
    return [(left + i * side, top, left + (i + 1) * side, top + side) for i in range(count)]
