"""Drawn things people make: laboratory glass, machines, household goods."""

from itertools import pairwise

import numpy as np

from zuroku.datasets.sample.strokes import Box, Pen, Points, centre, ellipse, place, points, rectangle, spline


def _turned(pen: Pen, axis: tuple[float, float], heights: Points, radii: Points) -> None:
    """Draw a turned vessel about x = ``axis[0]`` and shade one flank."""
    x, y = axis
    flank = spline(np.stack([radii, heights], 1), per_span=6)
    outline = np.concatenate([place(flank, x, y), place((flank * (-1, 1))[::-1], x, y)])
    pen.body(outline, 1.3)
    inner = flank * (0.55, 1)
    pen.hatch(
        np.concatenate([place(flank, x, y), place(inner[::-1], x, y)]),
        pen.rng.uniform(0, 0.5),
        4 * pen.unit,
        0.5,
    )
    for end, radius in ((heights[0], radii[0]), (heights[-1], radii[-1])):
        pen.body(ellipse(x, y + end, radius, 0.22 * radius), 1.0)


def draw_utensil(pen: Pen, box: Box) -> None:
    """Draw a jar, kettle or chest in line."""
    rng = pen.rng
    x, y, side = centre(pen, box)
    if rng.random() < 0.5:
        _chest(pen, (x, y), side)
        return
    knots = int(rng.integers(4, 7))
    radii = rng.uniform(0.1, 0.36, knots) * side
    heights = np.linspace(-0.36, 0.4, knots) * side
    _turned(pen, (x, y), heights, radii)
    for level in rng.uniform(0.2, 0.8, int(rng.integers(0, 4))):
        at = float(np.interp(level, np.linspace(0, 1, knots), heights))
        half = float(np.interp(level, np.linspace(0, 1, knots), radii)) * 0.95
        pen.line(spline(points((x - half, y + at), (x, y + at + 0.2 * half), (x + half, y + at))), 0.9)
    if rng.random() < 0.5:
        lip, rim = float(radii[0]), y + float(heights[0])
        handle = points((x - lip, rim), (x, rim - 0.25 * side), (x + lip, rim))
        pen.stroke(spline(handle), 3, taper=0.2)


def _chest(pen: Pen, middle: tuple[float, float], side: float) -> None:
    """Draw a chest of drawers seen from a corner."""
    rng = pen.rng
    deep = rng.uniform(0.1, 0.25) * side
    wide, tall = rng.uniform(0.35, 0.65) * side, rng.uniform(0.25, 0.6) * side
    left, top = middle[0] - (wide + deep) / 2, middle[1] - tall / 2
    right, back = left + wide, top - 0.6 * deep
    flank = points((right, top), (right + deep, back), (right + deep, back + tall), (right, top + tall))
    lid = points((left, top), (left + deep, back), (right + deep, back), (right, top))
    for face in (rectangle(left, top, right, top + tall), flank, lid):
        pen.body(face, 1.4)
    pen.shade(flank, 0.5)
    rows = int(rng.integers(1, 5))
    for i in range(rows):
        edge = top + tall * i / rows
        pen.line(points((left, edge), (right, edge)), 1)
        pen.body(ellipse(left + wide / 2, edge + 0.5 * tall / rows, 0.02 * side, 0.02 * side), 1)


def draw_device(pen: Pen, box: Box) -> None:
    """Draw laboratory glass: flasks, retorts, burners, tubes and stands, joined by pipes."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    count = max(1, min(4, round(wide / tall * rng.uniform(0.9, 1.7))))
    mouths = []
    pen.line(points((left, bottom - 0.04 * tall), (right, bottom - 0.04 * tall)), 1.2)
    for i in range(count):
        x, r = left + wide * (i + 0.5) / count, min(0.36 * wide / count, 0.22 * tall)
        base = bottom - 0.05 * tall - rng.uniform(0, 0.25) * tall
        if base < bottom - 0.12 * tall:
            _stand(pen, x, r, base, bottom - 0.04 * tall)
        mouths.append(_flask(pen, (x, base), r, tall))
    for (ax, ay), (bx, by) in pairwise(mouths):
        lift = min(ay, by) - 0.1 * tall
        pipe = spline(
            points(
                (ax, ay + 0.06 * tall),
                (ax, lift),
                ((ax + bx) / 2, lift - 0.02 * tall),
                (bx, lift),
                (bx, by + 0.1 * tall),
            )
        )
        pen.stroke(pipe, 4, taper=0.05)
        if not pen.coloured:
            pen.line(pipe, 1.8, tone=255)


def _stand(pen: Pen, x: float, r: float, base: float, floor: float) -> None:
    for side in (-1, 1):
        pen.line(points((x + side * 0.7 * r, base), (x + side * r, floor)), 1.8)
    pen.line(points((x - 1.1 * r, base), (x + 1.1 * r, base)), 2.2)
    lamp = spline(
        points(
            (x - 0.4 * r, floor),
            (x - 0.35 * r, floor - 0.4 * r),
            (x, floor - 0.5 * r),
            (x + 0.35 * r, floor - 0.4 * r),
            (x + 0.4 * r, floor),
        )
    )
    pen.body(lamp, 1.2)
    tip = floor - 0.55 * r
    if tip - 0.3 * r > base:
        pen.body(
            spline(
                points(
                    (x, tip), (x - 0.12 * r, tip - 0.1 * r), (x, tip - 0.4 * r), (x + 0.12 * r, tip - 0.1 * r)
                ),
                closed=True,
            ),
            1,
        )


def _flask(pen: Pen, foot: tuple[float, float], r: float, tall: float) -> tuple[float, float]:
    """Draw a flask, bottle, tube or burner standing at ``foot``; return its mouth."""
    rng = pen.rng
    x, y = foot
    neck = r * rng.uniform(0.18, 0.35)
    high = min(0.7 * tall, r * rng.uniform(1.8, 3.2))
    kind = int(rng.integers(4))
    if kind == 0:
        flank = points(
            (neck, -high), (neck, -0.75 * high), (r, -0.35 * high), (0.8 * r, -0.06 * high), (0.3 * r, 0)
        )
    elif kind == 1:
        flank = points((neck, -high), (neck, -0.65 * high), (0.95 * r, -0.05 * high), (0.9 * r, 0))
    elif kind == 2:
        flank = points((0.7 * r, -high), (0.62 * r, -0.9 * high), (0.65 * r, -0.1 * high), (0.6 * r, 0))
    else:
        flank = points(
            (neck, -high),
            (neck, -0.85 * high),
            (0.7 * r, -0.75 * high),
            (0.7 * r, -0.05 * high),
            (0.65 * r, 0),
        )
    curve = spline(flank)
    pen.body(np.concatenate([place(curve, x, y), place((curve * (-1, 1))[::-1], x, y)]), 1.4)
    level = rng.uniform(0.15, 0.5) * high
    inside = curve[curve[:, 1] > -level]
    if len(inside) > 2:
        liquid = np.concatenate([place(inside, x, y), place((inside * (-1, 1))[::-1], x, y)])
        if pen.coloured:
            pen.fill(liquid, pen.tint())
        else:
            pen.hatch(liquid, 0, 4.5 * pen.unit, 0.5)
        pen.outline(liquid, 0.8)
    pen.body(ellipse(x, y - high, float(flank[0, 0]) * 1.15, 0.08 * r), 1.2)
    pen.stroke(place(curve * (-0.75, 0.9), x, y), 0.7)
    return x, y - high


def draw_machine(pen: Pen, box: Box) -> None:
    """Draw an engine: wheels with spokes, cylinders, belts and a bed, seen from the side."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    bed = rectangle(left, bottom - 0.12 * tall, right, bottom)
    pen.body(bed, 1.5)
    pen.shade(bed, 0.4)
    floor = bottom - 0.12 * tall
    hubs = []
    for _ in range(int(rng.integers(1, 4))):
        r = min(wide, tall) * rng.uniform(0.12, 0.33)
        hub = (rng.uniform(left + r, max(left + r + 1, right - r)), floor - r * rng.uniform(0.6, 1.1))
        post = points(
            (hub[0] - 0.3 * r, floor),
            (hub[0] - 0.1 * r, hub[1]),
            (hub[0] + 0.1 * r, hub[1]),
            (hub[0] + 0.3 * r, floor),
        )
        pen.body(post, 1.2)
        _wheel(pen, hub, r)
        hubs.append((*hub, r))
    for (ax, ay, ar), (bx, by, br) in pairwise(hubs):
        for side in (-1, 1):
            pen.line(points((ax, ay + side * ar), (bx, by + side * br)), 1.4)
    for _ in range(int(rng.integers(1, 4))):
        w, h = wide * rng.uniform(0.12, 0.3), tall * rng.uniform(0.12, 0.35)
        x = rng.uniform(left, right - w)
        block = rectangle(x, floor - h, x + w, floor)
        pen.body(block, 1.3)
        pen.shade(rectangle(x + 0.6 * w, floor - h, x + w, floor), rng.uniform(0.3, 0.9))
        for px in np.linspace(x + 0.08 * w, x + 0.92 * w, 6):
            pen.body(ellipse(px, floor - 0.92 * h, 0.02 * w, 0.02 * w, count=8), 0.7)
        if rng.random() < 0.5:
            chimney = points(
                (x + 0.3 * w, floor - h), (x + 0.33 * w, top), (x + 0.55 * w, top), (x + 0.58 * w, floor - h)
            )
            pen.body(chimney, 1.2)
            pen.hatch(place(chimney, 0.08 * w, 0), np.pi / 2, 3 * pen.unit, 0.5)


def _wheel(pen: Pen, hub: tuple[float, float], r: float) -> None:
    """Draw a spoked or toothed wheel."""
    rng = pen.rng
    x, y = hub
    if rng.random() < 0.45:
        teeth = int(rng.integers(14, 34))
        angle = np.linspace(0, 2 * np.pi, 4 * teeth, endpoint=False)
        reach = r * np.where(np.arange(4 * teeth) % 4 < 2, 1.0, 0.9)
        pen.body(np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], 1), 1.2)
    else:
        pen.body(ellipse(x, y, r, r, count=40), 1.8)
    pen.outline(ellipse(x, y, 0.8 * r, 0.8 * r, count=36), 1)
    for angle in np.linspace(0, 2 * np.pi, int(rng.integers(4, 9)), endpoint=False) + rng.uniform(0, 1):
        for offset in (-0.04, 0.04):
            pen.line(place(points((0.15, offset), (0.8, offset)), x, y, r, float(angle)), 0.9)
    pen.body(ellipse(x, y, 0.16 * r, 0.16 * r, count=14), 1.2)
