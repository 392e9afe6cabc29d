"""Tiles of noise that repeat without a seam, and looking them up: clay, weave, grain, clouds, cracks.

What they stand for is decided in ``materials`` and ``backdrops``.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from zuroku.datasets.sample.noise import Field, seeded_rng

Array = npt.NDArray[np.float32]

SIDE = 256
"""Tiles have this many texels a side, unless told otherwise; a tile spans one unit at frequency 1."""

_SEED = 4127


@lru_cache(maxsize=64)
def fractal_tile(slope: float, key: int = 0, side: int = SIDE) -> Field:
    """Return noise whose strength falls with frequency to the power ``slope``: zero mean, unit deviation."""
    rng = seeded_rng(_SEED, key, round(100 * slope))
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]) * side
    frequency[0, 0] = 1
    tile = np.fft.irfft2(spectrum * frequency**-slope)
    tile -= tile.mean()
    return np.asarray(tile / tile.std(), np.float32)


@lru_cache(maxsize=8)
def cell_tile(cells: int) -> Field:
    """Return the distance to the border between ``cells`` random cells, from 0 on it to about 1."""
    rng = seeded_rng(_SEED, 1, cells)
    tree = cKDTree(rng.uniform(0, SIDE, (cells, 2)), boxsize=SIDE)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), -1).reshape(-1, 2)
    distances, _ = tree.query(grid + 0.5, k=2)
    gap = (distances[:, 1] - distances[:, 0]).reshape(SIDE, SIDE)
    return np.asarray(np.clip(gap * np.sqrt(cells) / SIDE * 2, 0, 1), np.float32)


def look_up(tile: Field, u: Array, v: Array, frequency: float = 1.0) -> Array:
    """Return the texels of ``tile`` at ``u``, ``v`` (any equal shape), repeated endlessly."""
    scale = np.float32(frequency * SIDE)
    column = (u * scale).astype(np.int32) & (SIDE - 1)
    row = (v * scale).astype(np.int32) & (SIDE - 1)
    return np.asarray(tile[row, column])


def soft_step(values: Array, edge: float, width: float) -> Array:
    """Return 0 well below ``edge``, 1 well above, rising over ``width``."""
    return np.asarray(np.clip((values - np.float32(edge)) / np.float32(width) + np.float32(0.5), 0, 1))
