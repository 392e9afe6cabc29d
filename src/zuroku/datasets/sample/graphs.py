"""Thin first version."""

import numpy as np
from PIL import Image

from zuroku.datasets.sample.noise import fractal, to_image
from zuroku.datasets.sample.style import BookStyle


def draw_graph(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw it."""
    return to_image(0.5 + 0.2 * fractal(rng, size))
