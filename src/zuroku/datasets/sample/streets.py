"""Rows of houses along a street and single cottages in photographs."""

from itertools import pairwise

import numpy as np
from PIL import ImageDraw


def draw_terrace(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    vanish: tuple[float, float],
    side: int,
) -> None:
    """Draw the houses along one side of a street that runs to ``vanish``, the farthest first."""
    width, height = size
    reach = rng.uniform(0.4, 0.6) * width
    low, high = rng.uniform(0.2, 0.35) * height, rng.uniform(0.3, 0.6) * height
    edges = np.geomspace(0.06, 1.6, int(rng.integers(8, 13)))
    for far, near in pairwise(edges):
        tall = high * rng.uniform(0.7, 1.2)
        base = int(rng.integers(40, 170))
        x0, x1 = vanish[0] + side * reach * far, vanish[0] + side * reach * near
        corners = [(x0, vanish[1] - tall * far), (x1, vanish[1] - tall * near)]
        corners += [(x1, vanish[1] + low * near), (x0, vanish[1] + low * far)]
        draw.polygon(corners, fill=base)
        for level in (0.15, 0.5):
            for place in (0.12, 0.42, 0.7):
                pane = []
                for t, v in (
                    (place, level),
                    (place + 0.2, level),
                    (place + 0.2, level + 0.25),
                    (place, level + 0.25),
                ):
                    depth = far + (near - far) * t
                    y = vanish[1] + depth * (-tall + (tall + low) * v)
                    pane.append((vanish[0] + side * reach * depth, y))
                draw.polygon(pane, fill=int(rng.choice((20, 35, base // 2, 220), p=(0.4, 0.3, 0.2, 0.1))))
        eave = [(x0, vanish[1] - tall * far), (x1, vanish[1] - tall * near)]
        out = side * -0.07 * width
        eave += [
            (x1 + out * near, vanish[1] - 0.8 * tall * near),
            (x0 + out * far, vanish[1] - 0.8 * tall * far),
        ]
        draw.polygon(eave, fill=int(rng.integers(25, 80)))


def draw_cottage(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, foot: tuple[float, float], wide: float
) -> None:
    """Draw a thatched house, standing at ``foot``, ``wide`` pixels across."""
    x, y = foot
    wall = wide * 0.3
    draw.rectangle((x - 0.42 * wide, y - wall, x + 0.42 * wide, y), fill=int(rng.integers(60, 190)))
    for i in range(3):
        left = x + (-0.35 + 0.25 * i) * wide
        draw.rectangle((left, y - 0.75 * wall, left + 0.15 * wide, y), fill=int(rng.choice((25, 40, 215))))
    roof = [
        (x - 0.55 * wide, y - 0.9 * wall),
        (x - 0.25 * wide, y - 2.3 * wall),
        (x + 0.25 * wide, y - 2.3 * wall),
    ]
    draw.polygon([*roof, (x + 0.55 * wide, y - 0.9 * wall)], fill=int(rng.integers(45, 110)))
    draw.line([roof[0], (x + 0.55 * wide, y - 0.9 * wall)], fill=25, width=2)
