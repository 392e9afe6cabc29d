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
    """Return ``views`` side by side as RGB, all scaled to the height of the lowest."""
    height = min(view.height for view in views)
    scaled = [
        view.convert("RGB").resize((max(1, round(view.width * height / view.height)), height))
        for view in views
    ]
    joined = Image.new("RGB", (sum(view.width for view in scaled), height))
    left = 0
    for view in scaled:
        joined.paste(view, (left, 0))
        left += view.width
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
