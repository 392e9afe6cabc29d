"""Pixels as planes ``(3, h, w)``, and tiles of noise that repeat without a seam."""

from functools import lru_cache

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.light import Array
from zuroku.datasets.sample.noise import fractal, seeded_rng

_TILE = 512


@lru_cache(maxsize=16)
def ground_noise(which: int) -> Array:
    """Return a tile of noise that repeats without a seam, ``(512, 512)`` around 0."""
    field = fractal(seeded_rng(which, 91), (_TILE // 2, _TILE // 2), (24, 24), 0.85, 5)
    field = np.concatenate([field, field[::-1]])
    return np.asarray(np.concatenate([field, field[:, ::-1]], 1), np.float32)


def rgb(colour: tuple[float, ...] | Array) -> Array:
    """Return ``colour`` in a form that goes with planes ``(3, h, w)``."""
    planes = np.asarray(colour, np.float32)
    return planes[:, None, None] if planes.ndim == 1 else planes


def picture_of(planes: Array) -> Image.Image:
    """Turn planes ``(3, h, w)`` of 0–255 into a picture."""
    return Image.merge("RGB", [Image.fromarray(plane) for plane in np.clip(planes, 0, 255).astype(np.uint8)])
