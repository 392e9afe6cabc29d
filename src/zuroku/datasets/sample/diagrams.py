"""Drawn diagrams: strata in section, geometry, organs."""

from itertools import pairwise

import numpy as np

from zuroku.datasets.sample.strokes import Box, Pen, centre, ellipse, points, spline


def draw_section(pen: Pen, box: Box) -> None:
    """Draw a diagram: layers in section, a geometrical figure, or the section of something grown."""
    diagrams = (_strata, _geometry, _organs)
    diagrams[int(pen.rng.integers(3))](pen, box)


def _strata(pen: Pen, box: Box) -> None:
    rng = pen.rng
    left, top, right, bottom = box
    xs = np.linspace(left, right, 14)
    count = int(rng.integers(3, 8))
    lines = [
        np.stack(
            [
                xs,
                np.full(14, top + (bottom - top) * i / count)
                + np.cumsum(rng.normal(0, 0.012 * (bottom - top), 14)),
            ],
            1,
        )
        for i in range(count + 1)
    ]
    for upper, lower in pairwise(lines):
        layer = np.concatenate([upper, lower[::-1]])
        pen.body(layer, 1.2)
        kind = int(rng.integers(4))
        if kind == 0:
            pen.hatch(layer, rng.uniform(0, 3), rng.uniform(4, 9) * pen.unit, 0.6)
        elif kind == 1:
            for _ in range(70):
                x = rng.uniform(left, right)
                y = float(np.interp(x, xs, upper[:, 1] + rng.random() * (lower[:, 1] - upper[:, 1])))
                pen.fill(ellipse(x, y, 1.3 * pen.unit, 1.3 * pen.unit, count=6), 0)
        elif kind == 2:
            for _ in range(40):
                x = rng.uniform(left, right - 12 * pen.unit)
                y = float(np.interp(x, xs, upper[:, 1] + rng.random() * (lower[:, 1] - upper[:, 1])))
                pen.line(points((x, y), (x + 12 * pen.unit, y)), 0.6)


def _geometry(pen: Pen, box: Box) -> None:
    rng = pen.rng
    x, y, side = centre(pen, box)
    r = 0.4 * side
    if rng.random() < 0.6:
        pen.outline(ellipse(x, y, r, r, count=48), 1.2)
    corners = [
        (x + r * np.cos(a), y + r * np.sin(a))
        for a in np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 6))))
    ]
    pen.outline(points(*corners), 1.2)
    for _ in range(int(rng.integers(2, 8))):
        i, j = rng.integers(len(corners), size=2)
        start = corners[i] if rng.random() < 0.6 else (x, y)
        pen.line(points(start, corners[j]), 0.8)
    for letter, (cx, cy) in zip("ABCDE", corners, strict=False):
        pen.text(cx + 0.14 * (cx - x) - 4, cy + 0.14 * (cy - y) - 6, letter, 0.06 * side)
    pen.line(points((x - 1.2 * r, y), (x + 1.2 * r, y)), 0.8)
    pen.line(points((x, y - 1.2 * r), (x, y + 1.2 * r)), 0.8)


def _organs(pen: Pen, box: Box) -> None:
    """Draw nested rounded bodies with tubes, as an anatomy or the section of a seed does."""
    rng = pen.rng
    x, y, side = centre(pen, box)
    knots = ellipse(x, y, 0.34 * side, 0.44 * side, count=9)
    knots = knots + rng.normal(0, 0.03 * side, knots.shape)
    middle = points((x, y))
    for share in np.sort(rng.uniform(0.3, 1.0, int(rng.integers(2, 5))))[::-1]:
        pen.body(spline((knots - middle) * share + middle, closed=True), 1.3)
    for _ in range(int(rng.integers(2, 7))):
        px, py = x + rng.normal(0, 0.14 * side), y + rng.normal(0, 0.16 * side)
        lump = spline(
            ellipse(px, py, rng.uniform(0.04, 0.12) * side, rng.uniform(0.04, 0.12) * side, count=7)
            + rng.normal(0, 0.01 * side, (7, 2)),
            closed=True,
        )
        pen.body(lump, 1.1)
        if rng.random() < 0.6:
            pen.shade(lump, rng.uniform(0.2, 0.9))
    for _ in range(int(rng.integers(1, 5))):
        path = np.cumsum(rng.normal(0, 0.1 * side, (5, 2)), 0) + middle
        pen.stroke(spline(path), rng.uniform(1, 4))
