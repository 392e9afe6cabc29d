"""Drawn people in kimono: single figures and gatherings in rooms, as in novels and woodblock books."""

import numpy as np

from zuroku.datasets.sample.plants import draw_tree
from zuroku.datasets.sample.strokes import Box, Pen, ellipse, points, rectangle, spline
from zuroku.datasets.sample.style import Colour


def draw_standing_figure(pen: Pen, box: Box) -> None:
    """Draw one standing person filling ``box``."""
    tall = box[3] - box[1]
    x = (box[0] + box[2]) / 2 + pen.rng.normal(0, 0.05) * (box[2] - box[0])
    tall = min(tall, 2.6 * (box[2] - box[0]))
    draw_kimono(pen, (x, box[3]), tall * 0.95, seated=False)


def draw_kimono(pen: Pen, foot: tuple[float, float], tall: float, seated: bool) -> None:
    """Draw a person in kimono, standing or kneeling at ``foot`` (x, y), ``tall`` pixels high."""
    rng = pen.rng
    x, y = foot
    head = tall * (0.065 if not seated else 0.115)
    lean = rng.normal(0, 0.06) * tall
    top = y - tall + 2.3 * head
    face = -1.0 if rng.random() < 0.5 else 1.0
    wide = 2.6 * head if not seated else 2.4 * head
    hem = wide * (rng.uniform(0.8, 1.3) if not seated else 1.9)
    cloth: Colour | None = pen.tint() if pen.coloured else None
    robe = spline(
        points(
            (x + lean - 0.7 * head, top),
            (x + lean - wide, top + 1.4 * head),
            (x - 0.9 * wide, (top + y) / 2),
            (x - hem, y - 0.2 * head),
            (x + hem, y),
            (x + 0.9 * wide, (top + y) / 2),
            (x + lean + wide, top + 1.4 * head),
            (x + lean + 0.7 * head, top),
        ),
        closed=True,
        per_span=7,
    )
    pen.body(robe, 1.5, cloth)
    _pattern(pen, robe, head)
    for _ in range(int(rng.integers(4, 10))):
        start = (x + lean + rng.uniform(-0.7, 0.7) * wide, top + rng.uniform(1, 3) * head)
        end = (x + rng.uniform(-0.8, 0.8) * hem, y - rng.uniform(0, 0.2) * tall)
        bend = ((start[0] + end[0]) / 2 + rng.normal(0, 0.8 * head), (start[1] + end[1]) / 2)
        pen.stroke(spline(points(start, bend, end)), 1.3)
    _sleeves(pen, (x + lean, top), head, wide, cloth)
    sash = top + (2.6 if seated else 4.2) * head
    if sash < y - head:
        _sash(pen, (x + lean * 0.6, sash), head, wide)
    _collar(pen, (x + lean, top), head)
    _head(pen, (x + lean, top - 0.9 * head), head, face)


def _collar(pen: Pen, throat: tuple[float, float], head: float) -> None:
    """Cross the two edges of a collar below ``throat`` (x, y)."""
    x, y = throat
    for side in (-1, 1):
        edge = (
            (x + side * 0.7 * head, y),
            (x + 0.1 * head, y + 1.2 * head),
            (x - side * 0.4 * head, y + 2.2 * head),
        )
        pen.stroke(points(*edge), 1.6)


def _sash(pen: Pen, at: tuple[float, float], head: float, wide: float) -> None:
    """Tie a sash whose upper edge has its middle ``at`` x, y."""
    x, y = at
    deep = 1.3 * head
    upper, lower = 0.85 * wide, 0.9 * wide
    band = points((x - upper, y), (x + upper, y), (x + lower, y + deep), (x - lower, y + deep))
    pen.body(band, 1.2)
    pen.shade(band, pen.rng.uniform(0.2, 0.9))


def _pattern(pen: Pen, robe: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", head: float) -> None:
    """Pattern the cloth: stripes, crests or solid ink."""
    rng = pen.rng
    kind = int(rng.integers(5))
    if kind == 0:
        pen.hatch(robe, rng.uniform(1.2, 1.9), rng.uniform(0.5, 1.1) * head, 0.7)
    elif kind == 1 and not pen.coloured:
        pen.shade(robe, rng.uniform(0.5, 1.0))
    elif kind == 2:
        (left, top), (right, bottom) = robe.min(0), robe.max(0)
        for _ in range(16):
            cx, cy = rng.uniform(left, right), rng.uniform(top, bottom)
            if abs(cx - (left + right) / 2) < 0.3 * (right - left):
                pen.outline(ellipse(cx, cy, 0.4 * head, 0.4 * head, count=10), 0.8)
                pen.fill(ellipse(cx, cy, 0.15 * head, 0.15 * head, count=8), 0)


def _sleeves(pen: Pen, neck: tuple[float, float], head: float, wide: float, cloth: Colour | None) -> None:
    """Hang two wide sleeves from the shoulders, with hands."""
    rng = pen.rng
    x, y = neck
    for side in (-1, 1):
        reach = side * wide * rng.uniform(0.9, 1.7)
        drop = rng.uniform(2.2, 4.2) * head
        sleeve = points(
            (x + side * 0.8 * wide, y + 0.9 * head),
            (x + reach, y + drop - head),
            (x + reach - side * 0.2 * wide, y + drop + 1.6 * head),
            (x + side * 0.45 * wide, y + drop),
        )
        pen.body(ellipse(x + reach, y + drop - 0.2 * head, 0.45 * head, 0.3 * head, count=9), 0.9, 255)
        pen.body(spline(sleeve, closed=True, per_span=5), 1.4, cloth)
        pen.stroke(
            spline(np.stack([sleeve[0], (sleeve[0] + sleeve[2]) / 2 + np.array([0, 0.4 * head]), sleeve[2]])),
            1.0,
        )


def _head(pen: Pen, at: tuple[float, float], head: float, face: float) -> None:
    """Draw a face in three-quarter view under dressed hair, a topknot or a hat."""
    rng = pen.rng
    x, y = at
    pen.body(spline(ellipse(x, y, 0.8 * head, 1.05 * head, count=8), closed=True, per_span=4), 1.2, 255)
    style = int(rng.integers(4))
    hair = spline(
        points(
            (x - face * 0.9 * head, y + 0.4 * head),
            (x - face * 1.1 * head, y - 0.7 * head),
            (x, y - 1.3 * head),
            (x + face * 0.75 * head, y - 0.75 * head),
            (x + face * 0.2 * head, y - 0.6 * head),
            (x - face * 0.5 * head, y - 0.1 * head),
        ),
        closed=True,
        per_span=5,
    )
    if style == 3:
        hat = points(
            (x - 0.9 * head, y - 0.55 * head),
            (x - 0.5 * face * head, y - 2.1 * head),
            (x + 0.3 * face * head, y - 1.9 * head),
            (x + 0.9 * head, y - 0.55 * head),
        )
        pen.fill(hat, 20) if not pen.coloured else pen.body(hat, 1.2, 35)
    else:
        pen.fill(hair, 10)
        bun = (x - face * rng.uniform(0.2, 1.0) * head, y - rng.uniform(1.2, 1.6) * head)
        pen.fill(ellipse(*bun, 0.6 * head, (0.25, 0.5, 0.4)[style] * head, count=12), 10)
        if style == 1:
            pen.line(points((bun[0] - head, bun[1] - 0.4 * head), (bun[0] + head, bun[1] + 0.2 * head)), 0.9)
    _face(pen, at, head, face)


def _face(pen: Pen, at: tuple[float, float], head: float, face: float) -> None:
    """Draw eyes, nose and mouth, turned towards ``face`` (-1 left, 1 right)."""
    x, y = at
    for offset in (0.05, 0.55):
        eye = x + face * offset * head
        pen.line(points((eye - 0.14 * head, y - 0.02 * head), (eye + 0.14 * head, y + 0.04 * head)), 0.9)
        pen.line(points((eye - 0.18 * head, y - 0.3 * head), (eye + 0.16 * head, y - 0.32 * head)), 0.8)
    pen.line(
        points(
            (x + face * 0.4 * head, y),
            (x + face * 0.55 * head, y + 0.35 * head),
            (x + face * 0.35 * head, y + 0.38 * head),
        ),
        0.7,
    )
    pen.line(points((x + face * 0.2 * head, y + 0.65 * head), (x + face * 0.45 * head, y + 0.62 * head)), 1.0)


def draw_gathering(pen: Pen, box: Box) -> None:
    """Draw several people in a room open to the garden, seen from above as in picture scrolls."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    if rng.random() < 0.8:
        pen.outline(rectangle(left, top, right, bottom), 1.3)
    slope = rng.uniform(-0.6, 0.6)
    _interior(pen, box, slope)
    count = int(rng.choice((1, 2, 4, 6, 8, 11)))
    size = tall * rng.uniform(0.3, 0.5) * (1.5 if count < 3 else 1.0)
    rows = np.sort(rng.uniform(0.5, 0.99, count))
    for row in rows:
        foot = (left + rng.uniform(0.14, 0.86) * wide, top + row * tall)
        seated = rng.random() < 0.65
        high = size * (0.75 if seated else 1.25)
        draw_kimono(pen, foot, min(high, foot[1] - top), seated)
        if rng.random() < 0.35:
            px, py = foot[0] + rng.uniform(-0.3, 0.3) * size, foot[1] + 0.05 * size
            pen.body(ellipse(px, py, 0.12 * size, 0.06 * size, count=14), 1.1)
            pen.body(ellipse(px, py - 0.06 * size, 0.05 * size, 0.05 * size, count=10), 1.0)


def _interior(pen: Pen, box: Box, slope: float) -> None:
    """Draw floor mats, screens and beams in slanting parallels, and a tree beyond."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    horizon = top + rng.uniform(0.2, 0.5) * tall
    if not pen.coloured and rng.random() < 0.35:
        pen.shade(rectangle(left, top, right, horizon), rng.uniform(0.1, 0.9))
    if pen.coloured:
        pen.fill(
            points((left, horizon), (right, horizon + slope * 0.2 * tall), (right, bottom), (left, bottom)),
            pen.tint(),
        )
    kind = int(rng.integers(3))
    if kind == 0:
        _garden(pen, box, horizon)
        return
    for level in np.arange(-0.6, 1.4, rng.uniform(0.12, 0.25)):
        start = horizon + level * (bottom - horizon)
        end = start + slope * 0.5 * wide
        if min(start, end) > horizon - 0.1 * tall and max(start, end) < bottom:
            pen.line(points((left, start), (right, end)), 1.0)
    for share in np.linspace(0.05, 0.95, int(rng.integers(2, 6))):
        x = left + share * wide
        screen = points(
            (x, top),
            (x + 0.22 * wide, top + slope * 0.1 * wide),
            (x + 0.22 * wide, horizon + slope * 0.1 * wide),
            (x, horizon),
        )
        pen.body(screen, 1.2)
        if kind == 1:
            pen.hatch(screen, 0, 0.05 * tall, 0.6)
            pen.hatch(screen, np.pi / 2, 0.045 * wide, 0.6)
        elif rng.random() < 0.5:
            pen.shade(screen, rng.uniform(0.1, 0.5))
    for _ in range(int(rng.integers(0, 3))):
        x = left + rng.uniform(0, 1) * wide
        pillar = rectangle(x, top, x + 0.025 * wide, bottom)
        pen.body(pillar, 1.2)


def _garden(pen: Pen, box: Box, horizon: float) -> None:
    """Draw open ground with a tree."""
    rng = pen.rng
    left, top, right, bottom = box
    wide, tall = right - left, bottom - top
    draw_tree(pen, (left + rng.uniform(0.1, 0.9) * wide, horizon + 0.3 * tall), 0.6 * tall)
    for level in np.linspace(horizon, bottom, int(rng.integers(3, 7))):
        hill = spline(
            points(
                (left, level),
                (left + 0.4 * wide, level - rng.uniform(0, 0.06) * tall),
                (right, level + 0.02 * tall),
            )
        )
        pen.stroke(hill, 1.0)
