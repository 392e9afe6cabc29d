"""Lighting a height field, and blowing up a silhouette into one: solid things for photographs."""

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from zuroku.datasets.sample.noise import Field, fractal, slopes

Mask = Image.Image


def light_relief(rng: np.random.Generator, height: Field, albedo: Field | float, gloss: float) -> Field:
    """Light a height field (pixels, ``(h, w)``) from above left: diffuse light and a highlight."""
    down, across = slopes(height)
    scale = 1 / np.sqrt(1 + across**2 + down**2)
    side = rng.uniform(-0.7, 0.7)
    lx, ly, lz = side, -rng.uniform(0.2, 0.6), rng.uniform(0.5, 0.9)
    norm = float(np.sqrt(lx**2 + ly**2 + lz**2))
    facing = np.clip((-across * lx - down * ly + lz) * scale / norm, 0, 1)
    # The half vector between light and viewer places the highlight.
    hx, hy, hz = lx / norm, ly / norm, lz / norm + 1
    shine = np.clip((-across * hx - down * hy + hz) * scale / float(np.sqrt(hx**2 + hy**2 + hz**2)), 0, 1)
    ambient = rng.uniform(0.1, 0.35)
    return np.asarray(albedo * (ambient + (1.1 - ambient) * facing) + gloss * shine**40, np.float32)


def cushion(rng: np.random.Generator, mask: Mask, roundness_px: float, carving: float) -> Field:
    """Blow up a silhouette (``L``): height in pixels, round towards its edges, carved by noise."""
    inside = np.asarray(mask) > 127
    depth = np.minimum(distance_transform_edt(inside), roundness_px)
    height = np.sqrt(np.maximum(0, roundness_px**2 - (roundness_px - depth) ** 2))
    texture = fractal(rng, mask.size, (10, 10), 0.65, 5)
    return np.asarray(height + carving * texture, np.float32)
