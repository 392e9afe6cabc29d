"""Drawn things people make: laboratory glass, machines, sections and diagrams, household goods."""

from itertools import pairwise

import numpy as np

from zuroku.datasets.sample.strokes import Box, Pen, Points, ellipse, place, points, rectangle, spline


def _centre(pen: Pen, box: Box) -> tuple[float, float, float]:
    """Return middle x, middle y and the side in pixels of a square that fits ``box``."""
    side = min(box[2] - box[0], box[3] - box[1]) * pen.rng.uniform(0.85, 1.0)
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side


def _turned(pen: Pen, axis: tuple[float, float], heights: Points, radii: Points) -> Points:
    """Draw a turned vessel about x = ``axis[0]`` and shade one flank; return its outline, ``(n, 2)``."""
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
    return outline


def draw_utensil(pen: Pen, box: Box) -> None:
    """Draw a jar, kettle, lamp, lantern or box in line."""
    rng = pen.rng
    x, y, side = _centre(pen, box)
    kind = int(rng.integers(4))
    knots = int(rng.integers(4, 7))
    radii = rng.uniform(0.1, 0.36, knots) * side
    heights = np.linspace(-0.36, 0.4, knots) * side
    if kind < 2:
        _turned(pen, (x, y), heights, radii)
        for level in rng.uniform(0.2, 0.8, int(rng.integers(0, 4))):
            at = float(np.interp(level, np.linspace(0, 1, knots), heights))
            half = float(np.interp(level, np.linspace(0, 1, knots), radii)) * 0.95
            pen.line(spline(points((x - half, y + at), (x, y + at + 0.2 * half), (x + half, y + at))), 0.9)
        if kind == 1:
            arch = spline(
                points(
                    (x - radii[0], y + heights[0]),
                    (x, y + heights[0] - 0.25 * side),
                    (x + radii[0], y + heights[0]),
                )
            )
            pen.stroke(arch, 3, taper=0.2)
        return
    deep = rng.uniform(0.1, 0.25) * side
    wide, tall = rng.uniform(0.35, 0.65) * side, rng.uniform(0.25, 0.6) * side
    left, top = x - (wide + deep) / 2, y - tall / 2
    front = rectangle(left, top, left + wide, top + tall)
    flank = points(
        (left + wide, top),
        (left + wide + deep, top - 0.6 * deep),
        (left + wide + deep, top + tall - 0.6 * deep),
        (left + wide, top + tall),
    )
    lid = points(
        (left, top),
        (left + deep, top - 0.6 * deep),
        (left + wide + deep, top - 0.6 * deep),
        (left + wide, top),
    )
    for face in (front, flank, lid):
        pen.body(face, 1.4)
    pen.shade(flank, 0.5)
    rows = int(rng.integers(1, 5))
    for i in range(1, rows):
        pen.line(points((left, top + tall * i / rows), (left + wide, top + tall * i / rows)), 1)
    for i in range(rows):
        pen.body(ellipse(left + wide / 2, top + tall * (i + 0.5) / rows, 0.02 * side, 0.02 * side), 1)


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
        pen.shade(
            rectangle(x + 0.6 * w, floor - h, x + w, floor),
            rng.uniform(0.3, 0.9),
        )
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


def draw_section(pen: Pen, box: Box) -> None:
    """Draw a diagram: layers in section, rays and circles, a circuit of boxes, or a plan with sizes."""
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
                y = rng.uniform(float(np.interp(x, xs, upper[:, 1])), float(np.interp(x, xs, lower[:, 1])))
                pen.fill(ellipse(x, y, 1.3 * pen.unit, 1.3 * pen.unit, count=6), 0)
        elif kind == 2:
            for _ in range(40):
                x = rng.uniform(left, right - 12 * pen.unit)
                y = rng.uniform(float(np.interp(x, xs, upper[:, 1])), float(np.interp(x, xs, lower[:, 1])))
                pen.line(points((x, y), (x + 12 * pen.unit, y)), 0.6)


def _geometry(pen: Pen, box: Box) -> None:
    rng = pen.rng
    x, y, side = _centre(pen, box)
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
    x, y, side = _centre(pen, box)
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
