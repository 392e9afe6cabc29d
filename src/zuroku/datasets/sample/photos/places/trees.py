"""Trees: a trunk and a crown of leaves that point everywhere."""

import numpy as np

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.rendering.bodies import Body
from zuroku.datasets.sample.photos.rendering.materials import Material, linear
from zuroku.datasets.sample.photos.rendering.surfaces import (
    Piece,
    Surface,
    ellipsoid,
    join,
    moved,
    part,
    tube,
)

_LEAVES = Material("leaf", "mottled", (linear("#3d5a26"), linear("#6d8a3c")))
_BARK = Material("wood", "grain", (linear("#4d3f31"), linear("#33291f")))
_CLUMPS = 9


def tree(seed: int, height: float, at: tuple[float, float]) -> Body:
    """Return a broad-leaved tree, ``height`` metres high, that stands at x, z."""

    def build(spacing: float) -> Surface:
        rng = seeded_rng(seed, 42)
        path = np.array([[0, 0, 0], [0.02 * height, 0.3 * height, 0], [0, 0.6 * height, 0]])
        pieces = [part(tube(path, 0.03 * height, spacing), 1)]
        for _ in range(_CLUMPS):
            middle = rng.normal(0, 1, 3) * (0.13, 0.1, 0.13) * height + (0, 0.64 * height, 0)
            radius = float(rng.uniform(0.13, 0.2)) * height
            pieces.append(moved(_clump(rng, radius, spacing), middle.tolist()))
        return moved(join(pieces), (at[0], 0.0, at[1]))

    return Body((Piece(build),), (_LEAVES, _BARK), (at[0], 0.55 * height, at[1]), 0.55 * height)


def _clump(rng: np.random.Generator, radius: float, spacing: float) -> Surface:
    ball = ellipsoid((radius, 0.85 * radius, radius), spacing)
    ragged = 1 + np.float32(0.16) * rng.standard_normal(ball.points.shape[1], np.float32)
    ways = ball.normals + np.float32(0.5) * rng.standard_normal(ball.normals.shape, np.float32)
    ways /= np.sqrt((ways * ways).sum(0))
    return Surface(ball.points * ragged, ways, ball.coords * np.float32(0.2), ball.parts)
