"""Drawn plants: stems, leaves, flowers, fruit and trees, in line or colour."""

import numpy as np

from zuroku.datasets.sample.strokes import Box, Pen, Points, ellipse, place, points, spline
from zuroku.datasets.sample.style import Colour


def draw_plant(pen: Pen, box: Box) -> None:
    """Draw a flowering branch or herb, as in a herbal, inside ``box``."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    long = min(wide, tall)
    leaf = _leaf_shape(rng)
    green = pen.tint() if pen.coloured else None
    bloom = pen.tint() if pen.coloured else None
    x = left + wide * rng.uniform(0.35, 0.65)
    for stem_number in range(int(rng.integers(1, 4))):
        lean = rng.uniform(-0.35, 0.35) * wide * (1 + 0.4 * stem_number)
        stem = spline(
            points(
                (x, bottom),
                (x + 0.1 * lean, bottom - 0.4 * tall),
                (x + lean, top + rng.uniform(0.1, 0.35) * tall),
            ),
            per_span=14,
        )
        pen.stroke(stem, rng.uniform(1.5, 3.5), taper=0.4)
        size = long * rng.uniform(0.12, 0.3)
        for t in np.linspace(0.15, 0.9, int(rng.integers(3, 9))):
            i = int(t * (len(stem) - 1))
            for side in (-1, 1) if rng.random() < 0.5 else (1 if rng.random() < 0.5 else -1,):
                turn = float(side * rng.uniform(0.5, 1.2))
                _leaf(pen, leaf, stem[i], size * (1.15 - 0.5 * t), -np.pi / 2 + turn, green)
        _flower(pen, stem[-1], long * rng.uniform(0.07, 0.16), bloom)
    if rng.random() < 0.3:
        _roots(pen, (x, bottom - 0.12 * tall), 0.12 * tall)


def _leaf_shape(rng: np.random.Generator) -> Points:
    """Return half a leaf's outline along x from 0 to 1, ``(n, 2)``: lance, oval, heart or lobed."""
    width = rng.uniform(0.12, 0.34)
    t = np.linspace(0, 1, 15)
    shape = np.sin(np.pi * t ** rng.uniform(0.6, 1.3)) * width
    if rng.random() < 0.35:
        shape *= 1 - 0.35 * np.abs(np.sin(t * np.pi * rng.integers(3, 8)))
    return np.stack([t, shape], 1)


def _leaf(pen: Pen, half: Points, at: Points, size: float, turn: float, tone: Colour | None) -> None:
    outline = np.concatenate([half, half[::-1] * (1, -1)])
    pen.body(place(outline, at[0], at[1], size, turn), 0.9, tone)
    pen.line(place(points((0, 0), (0.95, 0)), at[0], at[1], size, turn), 0.7)
    for t in np.linspace(0.15, 0.75, 5):
        reach = float(np.interp(t + 0.12, half[:, 0], half[:, 1])) * 0.8
        for side in (-1, 1):
            pen.line(place(points((t, 0), (t + 0.14, side * reach)), at[0], at[1], size, turn), 0.45)
    if not pen.coloured and pen.rng.random() < 0.35:
        pen.hatch(place(half, at[0], at[1], size, turn), turn + 0.9, 3.5 * pen.unit, 0.4)


def _flower(pen: Pen, at: Points, size: float, tone: Colour | None) -> None:
    """Draw a flower with five or more petals, or a cluster of berries."""
    rng = pen.rng
    x, y = at
    if rng.random() < 0.2:
        for _ in range(int(rng.integers(3, 12))):
            px, py = x + rng.normal(0, 0.7 * size), y + rng.normal(0, 0.7 * size)
            pen.body(ellipse(px, py, 0.3 * size, 0.3 * size), 0.8, tone)
        return
    count = int(rng.integers(5, 14))
    petal = points((0, 0), (0.55, 0.28), (1.0, 0.22), (1.05, 0), (1.0, -0.22), (0.55, -0.28))
    flat = rng.uniform(0.55, 1)
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        shape = place(spline(place(petal, 0, 0, size, angle), closed=True, per_span=4) * (1, flat), x, y)
        pen.body(shape, 0.9, tone)
        for spread in (-0.12, 0.1):
            pen.line(
                place(place(points((0.4, 0), (0.9, 0)), 0, 0, size, angle + spread) * (1, flat), x, y), 0.4
            )
    pen.body(ellipse(x, y, 0.24 * size, 0.24 * size * flat), 0.9)
    for _ in range(8):
        px, py = x + rng.normal(0, 0.12 * size), y + rng.normal(0, 0.1 * size)
        pen.fill(ellipse(px, py, 0.03 * size, 0.03 * size, count=6), 0)


def _roots(pen: Pen, at: tuple[float, float], size: float) -> None:
    for _ in range(int(pen.rng.integers(4, 10))):
        end = (at[0] + pen.rng.normal(0, 0.8) * size, at[1] + pen.rng.uniform(0.5, 1.2) * size)
        bend = ((at[0] + end[0]) / 2 + pen.rng.normal(0, 0.2) * size, (at[1] + end[1]) / 2)
        pen.stroke(spline(points(at, bend, end)), 1.0)


def draw_tree(pen: Pen, foot: tuple[float, float], tall: float) -> None:
    """Draw a pine or a broad tree, as in a printed view."""
    rng = pen.rng
    x, y = foot
    bend = rng.uniform(-0.25, 0.25) * tall
    trunk = spline(
        points(
            (x, y),
            (x + bend, y - 0.35 * tall),
            (x - 0.5 * bend, y - 0.65 * tall),
            (x + 0.3 * bend, y - 0.92 * tall),
        ),
        per_span=10,
    )
    thick = 0.035 * tall
    normal = np.linspace(1, 0.25, len(trunk))[:, None] * (thick, 0)
    pen.body(np.concatenate([trunk - normal, (trunk + normal)[::-1]]), 1.1)
    pen.hatch(np.concatenate([trunk, (trunk + normal)[::-1]]), 0.7, 3 * pen.unit, 0.6)
    pine = rng.random() < 0.6
    for t in np.linspace(0.4, 1, int(rng.integers(4, 8))):
        bx, by = trunk[int(t * (len(trunk) - 1))]
        side = rng.choice((-1, 1))
        wide = tall * rng.uniform(0.14, 0.26) * (1.25 - 0.6 * t)
        cx, cy = bx + side * wide * rng.uniform(0.2, 1.0), by - 0.02 * tall
        if pine:
            pen.body(spline(ellipse(cx, cy, wide, 0.28 * wide, count=9), closed=True, per_span=4), 0.8)
            for px in np.linspace(cx - 0.9 * wide, cx + 0.9 * wide, 13):
                fan = points((px, cy), (px + rng.normal(0, 2 * pen.unit), cy - 0.28 * wide))
                pen.line(fan, 0.7)
        else:
            knots = ellipse(cx, cy, wide, 0.75 * wide, count=10) + rng.normal(0, 0.09 * wide, (10, 2))
            leafage = spline(knots, closed=True, per_span=5)
            pen.body(leafage, 0.9)
            pen.hatch(place(leafage, 0.15 * wide, 0.15 * wide), 0.8, 5 * pen.unit, 0.5)
