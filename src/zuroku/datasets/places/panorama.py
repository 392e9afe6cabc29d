"""Street-level views joined to one picture of four headings, and 360° pictures cut into them.

The order is north, east, south, west from left to right, as in the paper. Nothing here fetches anything.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

HEADINGS = ("N", "E", "S", "W")
_FIELD_DEG = 90.0


def heading_index(compass_deg: float) -> int:
    """Return which of ``HEADINGS`` a camera looks to: the one within 45°, and halfway the next clockwise."""
    return int((compass_deg % 360 + 45) // 90) % 4


def joined_views(views: Sequence[Image.Image]) -> Image.Image:
    """Return the middle squares of ``views`` side by side as RGB, all scaled to the side of the smallest.

    Squares, because a geolocator and a sheet cut the panorama into as many of them as there are headings:
    wider or higher views would be cut across.
    """
    squares = [_middle_square(view.convert("RGB")) for view in views]
    side = min(square.width for square in squares)
    joined = Image.new("RGB", (side * len(squares), side))
    for place, square in enumerate(squares):
        joined.paste(square.resize((side, side)), (place * side, 0))
    return joined


def cut_views(panorama: Image.Image, facing_deg: float) -> list[Image.Image]:
    """Cut an equirectangular 360° × 180° ``panorama`` into four square views of 90°, N, E, S, W.

    Its centre looks to ``facing_deg`` (clockwise from north). Each view is a central projection, sampled
    bilinearly, a quarter as wide as the panorama.
    """
    pixels = np.asarray(panorama.convert("RGB"))
    side = max(1, panorama.width // 4)
    half = np.tan(np.radians(_FIELD_DEG / 2))
    steps = ((np.arange(side) + 0.5) / side * 2 - 1) * half
    x, y = np.meshgrid(steps, steps)
    across_deg = np.degrees(np.arctan(x))
    up_deg = np.degrees(np.arctan2(-y, np.hypot(1, x)))
    rows = (90 - up_deg) / 180 * panorama.height - 0.5
    views = []
    for index in range(4):
        turned_deg = (index * 90 + across_deg - facing_deg + 180) % 360
        views.append(Image.fromarray(_sampled(pixels, rows, turned_deg / 360 * panorama.width - 0.5)))
    return views


def _middle_square(view: Image.Image) -> Image.Image:
    side = min(view.size)
    left, top = (view.width - side) // 2, (view.height - side) // 2
    return view.crop((left, top, left + side, top + side))


def _sampled(
    pixels: npt.NDArray[np.uint8], rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """Sample ``pixels (h, w, 3)`` at fractional ``rows`` and ``columns (n, n)``; columns go round."""
    height, width = pixels.shape[:2]
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    upper, lower = np.clip(top, 0, height - 1), np.clip(top + 1, 0, height - 1)
    west, east = left % width, (left + 1) % width
    above = pixels[upper, west] * (1 - right) + pixels[upper, east] * right
    below = pixels[lower, west] * (1 - right) + pixels[lower, east] * right
    return np.asarray((above * (1 - down) + below * down).round(), dtype=np.uint8)
