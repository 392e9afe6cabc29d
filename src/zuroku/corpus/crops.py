"""From boxes on a page to pictures: clipping, reading order, cutting, scaling. No model here."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

JPEG_QUALITY = 90

_SAME_COLUMN = 0.5

Box = tuple[int, int, int, int]


def pixel_boxes(
    boxes: npt.NDArray[np.floating], width: int, height: int, margin_share: float
) -> npt.NDArray[np.int64]:
    """Return ``(n, 4)`` whole pixels that cover ``boxes`` with their margin, within the page.

    The margin on each side is ``margin_share`` of the longer side of the box. A box outside the page
    comes out empty.
    """
    margins = margin_share * np.maximum(boxes[:, 2:] - boxes[:, :2], 0).max(axis=1, initial=0)[:, None]
    wide = np.concatenate([np.floor(boxes[:, :2] - margins), np.ceil(boxes[:, 2:] + margins)], axis=1)
    clipped: npt.NDArray[np.int64] = np.clip(wide, 0, [width, height, width, height]).astype(np.int64)
    return clipped


def reading_order(boxes: npt.NDArray[np.integer]) -> list[int]:
    """Return the indices of ``boxes`` ``(n, 4)`` as old Japanese books are read: right to left, then down.

    A box belongs to the column of the rightmost box not yet placed if they share at least half of the
    narrower one's width, so that a slight shift of an edge does not reorder figures above each other.
    """
    left = sorted(range(len(boxes)), key=lambda i: (-boxes[i][2], *boxes[i]))
    order: list[int] = []
    while left:
        column = [i for i in left if _shared_width(boxes[left[0]], boxes[i]) >= _SAME_COLUMN]
        order += sorted(column, key=lambda i: (boxes[i][1], left.index(i)))
        left = [i for i in left if i not in column]
    return order


def square_image(image: Image.Image, size_px: int) -> npt.NDArray[np.uint8]:
    """Squash a decoded picture to ``(size_px, size_px, 3)`` uint8 RGB, as ``square_pixels`` an encoded one.

    The reduction by 8, 4 or 2 that a JPEG decoder makes there (see ``decode_rgb``) is made here by
    averaging, under the same condition.
    """
    scale = min(image.width, image.height) // (2 * size_px)
    factor = next((factor for factor in (8, 4, 2) if scale >= factor), 1)
    reduced = image.reduce(factor) if factor > 1 else image
    return np.asarray(reduced.resize((size_px, size_px), Image.Resampling.BILINEAR))


def jpeg_bytes(image: Image.Image) -> bytes:
    """Encode ``image`` as a JPEG of ``JPEG_QUALITY``."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _shared_width(one: npt.NDArray[np.integer], other: npt.NDArray[np.integer]) -> float:
    """Return the width two boxes share, as a share of the narrower one's."""
    shared = min(one[2], other[2]) - max(one[0], other[0])
    return float(shared / max(1, min(one[2] - one[0], other[2] - other[0])))
