"""Seeded random fields and curves: the texture of paper, rock, water and foliage.

Only numbers live here; nothing in this module knows what is drawn with them.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[np.float32]
"""A grey image or height field, ``(h, w)`` float32; tones run from 0 (black) to 1 (white)."""


def seeded_rng(*keys: int) -> np.random.Generator:
    """Return a generator that depends on ``keys`` alone, the same in every process."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(keys)))


def resize_field(field: Field, size: tuple[int, int]) -> Field:
    """Scale ``field`` bilinearly to ``size`` = (width, height) pixels."""
    image = Image.fromarray(field)
    return np.array(image.resize(size, Image.Resampling.BILINEAR), np.float32)


def fractal(
    rng: np.random.Generator,
    size: tuple[int, int],
    cells: tuple[float, float] = (4, 4),
    roughness: float = 0.5,
    octaves: int = 6,
) -> Field:
    """Draw fractal value noise of ``size`` = (width, height), zero mean and unit deviation.

    ``cells`` is how many features of the coarsest octave fit across and down; each further octave
    halves their size and multiplies their strength by ``roughness``.
    """
    width, height = size
    across, down = max(2, round(cells[0])) + 1, max(2, round(cells[1])) + 1
    field = rng.standard_normal((down, across), np.float32)
    strength = 1.0
    for _ in range(octaves - 1):
        if across >= width and down >= height:
            break
        across, down = min(2 * across, width), min(2 * down, height)
        strength *= roughness
        field = resize_field(field, (across, down))
        field = field + np.float32(strength) * rng.standard_normal((down, across), np.float32)
    field = resize_field(field, size)
    field -= field.mean()
    return np.asarray(field / (field.std() + 1e-6), np.float32)


def ridge_line(rng: np.random.Generator, count: int, roughness: float = 0.5, octaves: int = 7) -> Field:
    """Draw a fractal curve ``(count,)``, scaled to run from 0 to 1."""
    line = np.zeros(count, np.float32)
    places = np.linspace(0, 1, count)
    for octave in range(octaves):
        knots = 2**octave + 2
        values = rng.standard_normal(knots) * roughness**octave
        line += np.interp(places, np.linspace(0, 1, knots), values).astype(np.float32)
    line -= line.min()
    return np.asarray(line / (line.max() + 1e-6), np.float32)


def slopes(height: Field) -> tuple[Field, Field]:
    """Return the rise of a height field per pixel, downwards and rightwards, both ``(h, w)``."""
    down, across = np.gradient(height)
    return np.asarray(down, np.float32), np.asarray(across, np.float32)


def relief_shade(height: Field, light: float, strength: float) -> Field:
    """Shade a height field lit from angle ``light`` (radians): ``(h, w)`` around 0, within ±1."""
    down, across = slopes(height)
    slope = np.cos(light) * across + np.sin(light) * down
    return np.asarray(np.tanh(slope * strength), np.float32)


def smoothstep(values: Field, low: float, high: float) -> Field:
    """Map ``values`` smoothly from 0 below ``low`` to 1 above ``high``."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def to_image(tones: Field) -> Image.Image:
    """Turn ``(h, w)`` tones in [0, 1] into an 8-bit grey image."""
    return Image.fromarray((np.clip(tones, 0, 1) * 255).astype(np.uint8))


def to_tones(image: Image.Image) -> Field:
    """Turn an 8-bit grey image into ``(h, w)`` tones in [0, 1]."""
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)
