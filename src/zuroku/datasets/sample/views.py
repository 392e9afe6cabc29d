"""Drawn views: landscapes, houses and ships, in line or colour."""

import numpy as np

from zuroku.datasets.sample.noise import ridge_line
from zuroku.datasets.sample.plants import draw_tree
from zuroku.datasets.sample.strokes import Box, Pen, ellipse, place, points, rectangle, spline


def _frame(pen: Pen, box: Box) -> None:
    left, top, right, bottom = box
    corners = rectangle(left, top, right, bottom)
    if pen.coloured and pen.rng.random() < 0.4:
        pen.fill(corners, pen.tint())
    elif not pen.coloured and pen.rng.random() < 0.45:
        # An engraver's sky: level lines, close together above.
        sky = rectangle(left, top, right, top + pen.rng.uniform(0.15, 0.45) * (bottom - top))
        pen.hatch(sky, 0.0, pen.unit * pen.rng.uniform(2.5, 6), 0.5)
    if pen.rng.random() < 0.6:
        pen.outline(corners, 1.3)


def _range(pen: Pen, box: Box, base: float, rise: float) -> None:
    """Draw a mountain ridge with strokes running down its folds."""
    rng = pen.rng
    left, _, right, _ = box
    xs = np.linspace(left, right, 60)
    line = base - rise * ridge_line(rng, 60, 0.45, 5).astype(np.float64)
    ridge = np.stack([xs, line], 1)
    pen.body(np.concatenate([ridge, points((right, base + 0.05 * rise), (left, base + 0.05 * rise))]), 0.3)
    pen.stroke(ridge, 1.7, taper=0.2)
    for i in rng.integers(2, 58, int(rng.integers(10, 40))):
        drop = rng.uniform(0.15, 0.7) * (base - line[i])
        drift = rng.normal(0, 0.35) * drop
        pen.stroke(
            spline(
                points(
                    (xs[i], line[i]),
                    (xs[i] + 0.3 * drift, line[i] + 0.5 * drop),
                    (xs[i] + drift, line[i] + drop),
                )
            ),
            0.8,
        )


def _ripples(pen: Pen, box: Box, top: float) -> None:
    """Draw water as broken level lines, or as scale-like waves."""
    rng = pen.rng
    left, _, right, bottom = box
    if pen.coloured:
        pen.fill(rectangle(left, top, right, bottom), pen.tint())
    if rng.random() < 0.3:
        r = 0.045 * (right - left)
        for row, y in enumerate(np.arange(bottom, top + r, -0.55 * r)):
            for x in np.arange(left + r * (row % 2), right, 2 * r):
                for share in (1.0, 0.66, 0.33):
                    angle = np.linspace(np.pi, 2 * np.pi, 8)
                    pen.line(np.stack([x + share * r * np.cos(angle), y + share * r * np.sin(angle)], 1), 0.6)
        return
    for y in np.linspace(top, bottom, int(rng.integers(8, 26))):
        x = left + rng.uniform(0, 0.2) * (right - left)
        while x < right:
            long = rng.uniform(0.05, 0.3) * (right - left)
            end = min(right, x + long)
            pen.line(
                spline(
                    points((x, y), ((x + end) / 2, y + rng.normal(0, 2 * pen.unit)), (end, y)), per_span=5
                ),
                0.7,
            )
            x = end + rng.uniform(0.02, 0.2) * (right - left)


def draw_view(pen: Pen, box: Box) -> None:
    """Draw mountains, water, trees, boats and birds."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    _frame(pen, box)
    horizon = top + rng.uniform(0.35, 0.65) * tall
    for i in range(int(rng.integers(1, 4))):
        _range(pen, box, horizon + 0.05 * i * tall, rng.uniform(0.12, 0.4) * tall / (1 + 0.4 * i))
    if rng.random() < 0.7:
        _ripples(pen, box, horizon + 0.08 * tall)
        for _ in range(int(rng.integers(0, 4))):
            _boat(
                pen,
                (rng.uniform(left, right - 0.2 * wide), rng.uniform(horizon + 0.1 * tall, bottom)),
                0.18 * wide,
            )
    for _ in range(int(rng.integers(0, 4))):
        _house(
            pen,
            (rng.uniform(left, right - 0.2 * wide), rng.uniform(horizon + 0.1 * tall, bottom)),
            0.2 * wide,
        )
    for _ in range(int(rng.integers(0, 4))):
        draw_tree(
            pen,
            (rng.uniform(left, right), rng.uniform(horizon + 0.2 * tall, bottom)),
            rng.uniform(0.25, 0.7) * tall,
        )
    for _ in range(int(rng.integers(0, 9))):
        x, y = rng.uniform(left, right), rng.uniform(top, horizon)
        pen.line(
            points((x - 6 * pen.unit, y - 3 * pen.unit), (x, y), (x + 6 * pen.unit, y - 3 * pen.unit)), 0.9
        )


def _boat(pen: Pen, at: tuple[float, float], long: float) -> None:
    x, y = at
    hull = spline(
        points(
            (x, y - 0.2 * long), (x + 0.3 * long, y), (x + 0.8 * long, y), (x + 1.1 * long, y - 0.25 * long)
        )
    )
    pen.body(
        np.concatenate([hull, points((x + 0.8 * long, y - 0.13 * long), (x + 0.3 * long, y - 0.13 * long))]),
        1.2,
    )
    if pen.rng.random() < 0.6:
        mast = x + 0.55 * long
        sail = spline(
            points(
                (mast - 0.3 * long, y - 1.1 * long),
                (mast + 0.3 * long, y - 1.1 * long),
                (mast + 0.36 * long, y - 0.3 * long),
                (mast - 0.26 * long, y - 0.3 * long),
            ),
            closed=True,
            per_span=4,
        )
        pen.body(sail, 1.1)
        pen.hatch(sail, np.pi / 2, 0.12 * long, 0.5)


def _house(pen: Pen, foot: tuple[float, float], wide: float) -> None:
    """Draw a house seen from a corner, thatched or tiled."""
    rng = pen.rng
    x, y = foot
    wall, rise = wide * rng.uniform(0.25, 0.4), wide * rng.uniform(0.25, 0.5)
    deep = wide * rng.uniform(0.3, 0.6)
    lift = 0.3 * deep
    front = rectangle(x, y - wall, x + wide, y)
    flank = points(
        (x + wide, y - wall), (x + wide + deep, y - wall - lift), (x + wide + deep, y - lift), (x + wide, y)
    )
    pen.body(front, 1.1)
    pen.body(flank, 1.1)
    pen.shade(flank, 0.5)
    for i in range(int(rng.integers(2, 5))):
        left = x + wide * (0.06 + 0.24 * i)
        if left + 0.18 * wide < x + wide:
            door = rectangle(left, y - 0.8 * wall, left + 0.18 * wide, y)
            pen.body(door, 0.9)
            if rng.random() < 0.7:
                pen.hatch(door, float(rng.choice((0, np.pi / 2))), 0.045 * wide, 0.5)
    eave = 0.08 * wide
    roof = points(
        (x - eave, y - 0.9 * wall),
        (x + 0.18 * wide, y - wall - rise),
        (x + 0.8 * wide + 0.5 * deep, y - wall - rise - 0.5 * lift),
        (x + wide + eave, y - 0.9 * wall),
    )
    gable = points(
        (x + wide + eave, y - 0.9 * wall),
        (x + 0.8 * wide + 0.5 * deep, y - wall - rise - 0.5 * lift),
        (x + wide + deep + eave, y - 0.9 * wall - lift),
    )
    pen.body(gable, 1.2)
    pen.body(roof, 1.4)
    pen.hatch(
        roof, rng.uniform(1.1, 1.5) if rng.random() < 0.6 else 0.0, rng.uniform(0.025, 0.05) * wide, 0.6
    )


def draw_house_view(pen: Pen, box: Box) -> None:
    """Draw a house that fills ``box``, with its fence, trees and passers-by."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    _frame(pen, box)
    if rng.random() < 0.5:
        _range(pen, box, top + 0.5 * tall, 0.25 * tall)
    draw_tree(pen, (left + rng.uniform(0, 0.3) * wide, bottom - 0.2 * tall), rng.uniform(0.5, 0.75) * tall)
    for _ in range(int(rng.integers(1, 3))):
        size = min(0.55 * wide, 0.6 * tall) * rng.uniform(0.8, 1)
        _house(pen, (left + rng.uniform(0.05, 0.35) * wide, bottom - rng.uniform(0.1, 0.3) * tall), size)
    if rng.random() < 0.6:
        rail = bottom - 0.08 * tall
        for x in np.arange(left, right, 0.04 * wide):
            pen.line(points((x, rail - 0.07 * tall), (x, rail + 0.05 * tall)), 1.1)
        for y in (rail - 0.04 * tall, rail + 0.02 * tall):
            pen.line(points((left, y), (right, y)), 1.0)
    for _ in range(int(rng.integers(0, 60))):
        x, y = rng.uniform(left, right), bottom - rng.uniform(0, 0.12) * tall
        pen.line(points((x, y), (x + rng.normal(0, 2) * pen.unit, y - 7 * pen.unit)), 0.7)


def draw_ship_view(pen: Pen, box: Box) -> None:
    """Draw a sailing ship or steamer from its side, on the water."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    water = bottom - rng.uniform(0.15, 0.3) * tall
    _ripples(pen, box, water)
    deep, steam = 0.14 * tall, rng.random() < 0.5
    keel = points((0.08, -1.4), (0.13, 0), (0.85, 0), (0.9, -1.3))
    hull = np.concatenate([spline(keel), points((0.8, -1), (0.18, -1))])
    hull = place(hull * (wide, deep), left, water)
    pen.body(hull, 1.5)
    pen.shade(hull, rng.uniform(0.3, 1.0))
    for share in np.linspace(0.22, 0.78, int(rng.integers(2, 4))):
        x, head = left + share * wide, water - rng.uniform(0.65, 0.8) * tall
        pen.stroke(points((x, water - deep), (x, (head + water) / 2), (x, head)), 2.2, taper=0.3)
        for side in (-1, 1):
            pen.line(points((x, head), (x + side * 0.15 * wide, water - deep)), 0.6)
        if not steam:
            _sails(pen, (x, head), water - deep - head, wide)
    if steam:
        _funnel(pen, (left + 0.5 * wide, water), deep, wide)
    for x in np.linspace(left + 0.2 * wide, left + 0.78 * wide, 12):
        pen.body(ellipse(x, water - 0.6 * deep, 0.008 * wide, 0.008 * wide, count=8), 0.8, 255)


def _sails(pen: Pen, head: tuple[float, float], tall: float, wide: float) -> None:
    """Set three square sails on a mast with its ``head`` at x, y and ``tall`` pixels of height."""
    x, y = head
    for level in (0.15, 0.45, 0.75):
        half = (0.06 + 0.05 * level) * wide
        cloth = points((-1, 0), (1, 0), (1.15, 1), (0, 0.9), (-0.85, 1)) * (half, 0.24 * tall)
        sail = spline(place(cloth, x, y + level * tall), closed=True, per_span=4)
        pen.body(sail, 1.1)
        pen.hatch(sail, 1.2, 6 * pen.unit, 0.4)


def _funnel(pen: Pen, foot: tuple[float, float], deep: float, wide: float) -> None:
    """Draw a steamer's funnel above the waterline at ``foot``, with its smoke."""
    x, y = foot
    funnel = place(points((0, -1), (0.01, -3.4), (0.07, -3.4), (0.08, -1)) * (wide, deep), x, y)
    pen.body(funnel, 1.3)
    pen.hatch(funnel, np.pi / 2, 3 * pen.unit, 0.6)
    for i in range(5):
        at = (x + (0.06 + 0.05 * i) * wide, y - (3.6 + 0.25 * i) * deep)
        pen.outline(ellipse(*at, (0.03 + 0.01 * i) * wide, 0.02 * wide), 0.8)
