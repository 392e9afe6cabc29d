"""From linear light to a JPEG: exposure, white balance, film curve, lens and sensor."""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from zuroku.datasets.sample.noise import Field, seeded_rng
from zuroku.datasets.sample.photos.rendering.textures import Array

_BRIGHTEST = 2.6
_NOISE_SIDE = 512
_NOISE_SEED = 90125


@dataclass(frozen=True)
class Film:
    """How a camera turns light into tones. ``exposure`` scales the light, ``white`` balances the channels."""

    exposure: float = 1.0
    white: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    blur_px: float = 0.3
    noise: float = 0.01
    vignette: float = 0.15
    quality: int = 90


def develop(light: Array, size: tuple[int, int], out: tuple[int, int], film: Film, seed: int) -> bytes:
    """Turn ``light`` ``(3, h · w)`` of a picture of ``size`` into a JPEG of ``out`` = (width, height)."""
    width, height = size
    # Cut off first, or an edge against a highlight comes out jagged.
    planes = np.clip(light, 0, np.float32(_BRIGHTEST / film.exposure)).reshape(3, height, width)
    small = [np.asarray(Image.fromarray(plane).resize(out, Image.Resampling.BILINEAR)) for plane in planes]
    scale = np.float32(film.exposure) * np.asarray(film.white, np.float32)[:, None, None]
    tones = (1 - np.exp(-np.stack(small) * scale)) ** np.float32(1 / 2.2)
    tones += np.float32(4 * (film.contrast - 1)) * (tones - np.float32(0.5)) * tones * (1 - tones)
    x = np.linspace(-1, 1, out[0], dtype=np.float32) ** 2
    y = np.linspace(-1, 1, out[1], dtype=np.float32) ** 2
    tones *= np.float32(255) * (1 - np.float32(film.vignette / 2) * (x[None] + y[:, None]))
    levels = np.clip(tones, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    image = Image.fromarray(np.ascontiguousarray(levels))
    if film.blur_px > 0.35:
        image = image.filter(ImageFilter.GaussianBlur(film.blur_px))
    grainy = np.asarray(image, np.float32) + np.float32(255 * film.noise) * _grain(out, seed)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=film.quality)
    return buffer.getvalue()


def _grain(size: tuple[int, int], seed: int) -> Array:
    """Return sensor noise ``(h, w, 3)``, mostly of brightness; a part of one large sheet."""
    rng = seeded_rng(seed, 77)
    width, height = size
    left, top = rng.integers(0, _NOISE_SIDE - width), rng.integers(0, _NOISE_SIDE - height)
    sheet = _noise_sheet()
    grey = sheet[top : top + height, left : left + width]
    # Other parts of the sheet stand for the noise of single channels.
    channels = [sheet[:height, -width:], sheet[:height, :width], sheet[-height:, -width:]]
    return np.stack([np.float32(0.8) * grey + np.float32(0.6) * channel for channel in channels], -1)


@lru_cache(maxsize=1)
def _noise_sheet() -> Field:
    return seeded_rng(_NOISE_SEED).standard_normal((_NOISE_SIDE, _NOISE_SIDE), np.float32)
