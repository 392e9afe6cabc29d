"""From a page image to a detector's input, the same in training and in serving."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn.functional import interpolate

STRIDE = 32
"""Sides of an input are multiples of this: the coarsest grid of every detector here."""

PADDING = 114
"""The grey that Ultralytics pads with; the other families take it over."""


@dataclass(frozen=True)
class PageInput:
    """``pixels`` is ``(h, w, 3)`` uint8 RGB; a page coordinate is an input coordinate times ``page_px``.

    ``page_px`` is ``(x, y)``, pixels of the page per pixel of the input.
    """

    pixels: npt.NDArray[np.uint8]
    page_px: tuple[float, float]


def page_input(page: Image.Image, size_px: int, original_size: tuple[int, int] | None = None) -> PageInput:
    """Scale ``page`` so that its long side is ``size_px`` and pad right and below to multiples of 32.

    A rectangle, not a square: a page of 2:3 costs two thirds. ``original_size`` is (width, height) of the
    page as stored, where ``page`` was already decoded at a fraction of it.
    """
    width, height = original_size or page.size
    inner = scaled_size(width, height, size_px)
    shape = _padded(inner[1]), _padded(inner[0]), 3
    pixels = np.full(shape, PADDING, dtype=np.uint8)
    # Plane by plane: numpy takes three times as long to turn all of them at once.
    for channel, plane in enumerate(_resized(page, inner)):
        pixels[: inner[1], : inner[0], channel] = plane
    return PageInput(pixels, (width / inner[0], height / inner[1]))


def _resized(page: Image.Image, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return ``page`` as ``(3, height, width)`` RGB, resized as Pillow's BILINEAR does to a grey level.

    PyTorch's kernel for bytes takes a third of Pillow's time.
    """
    rgb = page if page.mode == "RGB" else page.convert("RGB")
    batch = torch.from_numpy(np.array(rgb)[None]).permute(0, 3, 1, 2)
    planes: npt.NDArray[np.uint8] = interpolate(batch, size[::-1], mode="bilinear", antialias=True)[0].numpy()
    return planes


def scaled_size(width: int, height: int, size_px: int) -> tuple[int, int]:
    """Return (width, height) of a page scaled so that its long side is ``size_px``."""
    scale = size_px / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _padded(side: int) -> int:
    return -(-side // STRIDE) * STRIDE
