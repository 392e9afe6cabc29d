"""Drawn animals: birds, fish, insects, shells and beasts, as in books of natural history."""

from collections.abc import Callable

import numpy as np

from zuroku.datasets.sample.strokes import Box, Pen, Points, ellipse, place, points, spline

Placing = Callable[[Points], Points]
"""Takes a shape from units of the animal to pixels."""


def _frame(pen: Pen, box: Box, aspect: float) -> tuple[float, float, float]:
    """Return middle x, middle y and the scale at which a shape 1 wide, 1/aspect high fits ``box``."""
    wide, tall = box[2] - box[0], box[3] - box[1]
    scale = min(wide, tall * aspect) * pen.rng.uniform(0.8, 0.98)
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, scale


def draw_fish(pen: Pen, box: Box) -> None:
    """Draw a fish from its side, with fins, scales and gill."""
    rng = pen.rng
    x, y, scale = _frame(pen, box, 2.2)
    flip = -1 if rng.random() < 0.3 else 1

    def at(shape: Points) -> Points:
        return place(shape * (scale * flip, scale), x, y)

    deep = rng.uniform(0.1, 0.22)
    back = points(
        (-0.5, 0.01), (-0.36, -0.6 * deep), (-0.1, -deep), (0.18, -0.6 * deep), (0.33, -0.18 * deep)
    )
    belly = points((0.33, 0.18 * deep), (0.15, 0.7 * deep), (-0.12, deep), (-0.36, 0.6 * deep))
    outline = spline(np.concatenate([back, belly]), closed=True)
    spread = rng.uniform(0.1, 0.2)
    tail = points((0.32, 0), (0.5, -spread), (0.46, 0), (0.5, spread))
    fin_tall = deep * rng.uniform(0.5, 1.1)
    dorsal = points(
        (-0.22, -0.85 * deep), (-0.12, -deep - fin_tall), (0.12, -deep - 0.5 * fin_tall), (0.2, -0.5 * deep)
    )
    anal = points((0.02, 0.85 * deep), (0.1, deep + 0.6 * fin_tall), (0.2, 0.5 * deep))
    for fin in (tail, dorsal, anal):
        pen.body(at(fin), 1.0)
        root, tips = fin[0], np.linspace(fin[1], fin[-1], 9)
        for i, tip in enumerate(tips):
            start = root if fin is tail else root + (fin[-1] - root) * i / 9
            pen.line(at(np.stack([start, tip])), 0.45)
    pen.body(at(outline), 1.3)
    if rng.random() < 0.75:
        _scales(pen, at, deep)
    else:
        pen.hatch(
            at(np.concatenate([belly, points((-0.36, 0.2 * deep), (0.3, 0.1 * deep))])),
            0.3,
            4 * pen.unit,
            0.5,
        )
    _fish_head(pen, at, deep)


def _fish_head(pen: Pen, at: Placing, deep: float) -> None:
    """Draw gill, eye and mouth."""
    pen.line(at(spline(points((-0.3, -0.75 * deep), (-0.24, 0), (-0.3, 0.7 * deep)))), 1.1)
    pen.body(at(ellipse(-0.4, -0.2 * deep, 0.02, 0.02)), 1.0, 255)
    pen.fill(at(ellipse(-0.4, -0.2 * deep, 0.011, 0.011)), 0)
    pen.line(at(points((-0.5, 0.02), (-0.44, 0.25 * deep))), 1.0)


def _scales(pen: Pen, at: Placing, deep: float) -> None:
    """Cover a fish's flank with rows of arcs."""
    step = pen.rng.uniform(0.03, 0.045)
    angle = np.linspace(-1.2, 1.2, 5)
    arc = np.stack([0.6 * step * np.cos(angle), 0.6 * step * np.sin(angle)], 1)
    for row, y in enumerate(np.arange(-0.75 * deep, 0.8 * deep, step)):
        reach = 0.27 * np.sqrt(max(0.0, 1 - (y / deep) ** 2))
        for x in np.arange(-0.22 + 0.5 * step * (row % 2), reach, step):
            pen.line(at(place(arc, x, y)), 0.5)


def draw_bird(pen: Pen, box: Box) -> None:
    """Draw a perching or wading bird with folded wing."""
    rng = pen.rng
    x, y, scale = _frame(pen, box, 1.0)
    wader = rng.random() < 0.35
    neck = rng.uniform(0.2, 0.34) if wader else 0.08
    leg = 0.4 if wader else 0.16
    scale *= 0.85

    def at(shape: Points) -> Points:
        return place(shape * (scale, scale), x, y - 0.05 * scale)

    tail = spline(points((0.22, 0.0), (0.56, 0.12), (0.54, 0.2), (0.2, 0.12)), closed=True, per_span=5)
    pen.body(at(tail), 1.0)
    for t in (0.25, 0.5, 0.75):
        pen.line(at(points((0.25, 0.1 * t), (0.53, 0.13 + 0.06 * t))), 0.6)
    head = (-0.3, -0.16 - neck)
    _bird_legs(pen, at, leg)
    trunk = points(
        (head[0] - 0.06, head[1] + 0.04),
        (-0.33, -0.05),
        (-0.2, 0.14),
        (0.05, 0.18),
        (0.26, 0.06),
        (0.05, -0.1),
        (-0.16, -0.14),
        (head[0] + 0.07, head[1] + 0.03),
    )
    pen.body(at(spline(trunk, closed=True)), 1.3)
    _bird_head(pen, at, head)
    _wing(pen, at)
    if rng.random() < 0.5:
        breast = points((-0.3, 0.02), (-0.2, 0.13), (0.05, 0.17), (0.02, 0.1), (-0.2, 0.06))
        pen.hatch(at(breast), 1.2, 4 * pen.unit, 0.5)
    if not wader:
        branch = spline(points((-0.55, 0.3), (-0.1, 0.32), (0.2, 0.28), (0.6, 0.36)))
        pen.stroke(at(branch), 4, taper=0.3)


def _bird_legs(pen: Pen, at: Placing, leg: float) -> None:
    """Draw two legs with their toes."""
    for foot in (0.0, 0.08):
        path = points((foot, 0.12), (foot + 0.03, 0.12 + 0.55 * leg), (foot - 0.01, 0.14 + leg))
        pen.stroke(at(path), 1.6, taper=0.3)
        for toe in (-0.07, -0.03, 0.04):
            pen.line(at(points((foot - 0.01, 0.14 + leg), (foot + toe, 0.17 + leg))), 1.1)


def _bird_head(pen: Pen, at: Placing, head: tuple[float, float]) -> None:
    """Draw beak, skull and eye."""
    rng = pen.rng
    beak = rng.uniform(0.08, 0.22)
    pen.body(
        at(
            points(
                (head[0] - 0.07, head[1] - 0.02),
                (head[0] - 0.07 - beak, head[1] + 0.03),
                (head[0] - 0.06, head[1] + 0.03),
            )
        ),
        1.0,
    )
    pen.body(at(ellipse(head[0], head[1], 0.085, 0.075)), 1.2)
    pen.fill(at(ellipse(head[0] - 0.03, head[1] - 0.015, 0.014, 0.014)), 0)


def _wing(pen: Pen, at: Placing) -> None:
    wing = spline(
        points((-0.18, -0.08), (0.05, -0.08), (0.34, 0.07), (0.1, 0.11), (-0.12, 0.08)), closed=True
    )
    pen.body(at(wing), 1.1)
    for i, t in enumerate(np.linspace(0.1, 0.95, 8)):
        start = (-0.15 + 0.2 * t, -0.06 + 0.12 * t)
        pen.line(
            at(spline(points(start, (0.1 + 0.05 * t, 0.0 + 0.08 * t), (0.33 - 0.03 * i, 0.07 + 0.005 * i)))),
            0.7,
        )
    for row in range(3):
        for t in np.linspace(0, 1, 6):
            spot = ellipse(-0.12 + 0.06 * row + 0.02 * t, -0.04 + 0.1 * t, 0.018, 0.012, count=8)
            pen.line(at(spot[:6]), 0.5)


def draw_insect(pen: Pen, box: Box) -> None:
    """Draw a butterfly, beetle or bee from above, symmetrical."""
    rng = pen.rng
    x, y, scale = _frame(pen, box, 1.2)
    turn = rng.normal(0, 0.15)
    beetle = rng.random() < 0.4

    def both(shape: Points, weight: float = 1.0, filled: bool = True) -> None:
        for side in (-1, 1):
            placed = place(shape * (side, 1), x, y, scale, turn)
            if filled:
                pen.body(placed, weight)
            else:
                pen.line(placed, weight)

    for rear in (-0.12, 0.0, 0.12):
        leg = points(
            (0.04, rear),
            (0.2 if beetle else 0.12, rear * 1.8 - 0.02),
            (0.26 if beetle else 0.16, rear * 2.6 + 0.06),
        )
        both(leg, 1.4, filled=False)
    if not beetle:
        _butterfly_wings(rng, both)
    body = (0.15, 0.26) if beetle else (0.04, 0.16)
    both(spline(points((0.03, -0.32), (0.2, -0.45), (0.3, -0.4))), 0.8, filled=False)
    pen.body(place(ellipse(0, -0.24, 0.06, 0.06), x, y, scale, turn), 1.1)
    pen.body(place(ellipse(0, 0.12, body[0], body[1]), x, y, scale, turn), 1.2)
    pen.body(place(ellipse(0, -0.12, body[0] * 0.9, 0.09), x, y, scale, turn), 1.2)
    for row in np.linspace(0.02, 0.3, 7):
        half = body[0] * np.sqrt(max(0.0, 1 - ((row - 0.12) / body[1]) ** 2))
        pen.line(place(points((-half, row), (half, row)), x, y, scale, turn), 0.7)
    if beetle:
        pen.line(place(points((0, -0.04), (0, 0.38)), x, y, scale, turn), 1.2)
        pen.shade(place(ellipse(0.07, 0.14, 0.06, 0.2), x, y, scale, turn), 0.7)


def _butterfly_wings(rng: np.random.Generator, both: Callable[..., None]) -> None:
    """Draw two pairs of veined and spotted wings."""
    fore = spline(points((0.03, -0.1), (0.25, -0.36), (0.48, -0.34), (0.36, -0.08), (0.04, 0.0)), closed=True)
    hind = spline(
        points((0.03, 0.0), (0.34, -0.02), (0.36, 0.2), (0.2, rng.uniform(0.28, 0.4)), (0.04, 0.12)),
        closed=True,
    )
    for wing, root in ((hind, (0.04, 0.04)), (fore, (0.04, -0.05))):
        both(wing, 1.2)
        for tip in wing[4:-4:4]:
            both(np.stack([np.array(root), np.array(root) + 0.9 * (tip - root)]), 0.5, filled=False)
        for _ in range(int(rng.integers(1, 5))):
            spot = wing.mean(0) + rng.normal(0, 0.05, 2)
            both(ellipse(spot[0], spot[1], 0.03, 0.025), 0.8)


def draw_shell(pen: Pen, box: Box) -> None:
    """Draw a scallop or a spiral shell."""
    rng = pen.rng
    x, y, scale = _frame(pen, box, 1.0)
    scale *= 0.5
    if rng.random() < 0.5:
        angle = np.linspace(-2.75, -0.4, 30)
        ribs = int(rng.integers(9, 18))
        rim = 1 + 0.03 * np.cos(np.linspace(0, 2 * np.pi * ribs, 30))
        fan = np.stack([np.cos(angle) * rim, np.sin(angle) * rim], 1)
        pen.body(place(np.concatenate([points((0, 0.7)), place(fan * (1, 1.1), 0, 0.4)]), x, y, scale), 1.3)
        for i in np.linspace(0, 29, ribs).astype(int):
            rib = np.stack([np.array([0, 0.7]), fan[i] * (1, 1.1) + np.array([0, 0.4])])
            pen.line(place(rib, x, y, scale), 1.1)
        for share in (0.4, 0.6, 0.8):
            pen.line(place(place(fan * share * (1, 1.1), 0, 0.4 + 0.3 * (1 - share)), x, y, scale), 0.5)
        return
    turns = np.linspace(0, 4.5 * 2 * np.pi, 120)
    radius = 0.06 * np.exp(0.1 * turns)
    spiral = np.stack([radius * np.cos(turns), radius * np.sin(turns) * 0.9], 1)
    pen.body(place(spiral[-28:], x, y, scale), 1.3)
    pen.stroke(place(spiral, x, y, scale), 1.6)
    for i in range(30, 118, 3):
        inner = spiral[i] * 0.62
        pen.line(place(np.stack([inner, spiral[i]]), x, y, scale), 0.5)


def draw_beast(pen: Pen, box: Box) -> None:
    """Draw a four-footed animal from its side."""
    rng = pen.rng
    x, y, scale = _frame(pen, box, 1.35)

    def at(shape: Points) -> Points:
        return place(shape * scale, x, y)

    neck = rng.uniform(-0.05, 0.15)
    leg = rng.uniform(0.16, 0.3)
    for far in (-0.2, -0.12, 0.22, 0.3):
        foot = 0.1 + leg
        pen.body(
            at(points((far - 0.04, 0.08), (far - 0.025, foot), (far + 0.03, foot), (far + 0.04, 0.08))), 1.1
        )
    pen.stroke(at(spline(points((0.36, -0.05), (0.48, 0.0), (0.46, rng.uniform(-0.2, 0.25))))), 3)
    trunk = points(
        (-0.3, -0.1),
        (0.0, -0.13),
        (0.3, -0.13),
        (0.39, 0.02),
        (0.25, 0.13),
        (0, 0.12),
        (-0.25, 0.13),
        (-0.34, 0.02),
    )
    pen.body(at(spline(trunk, closed=True)), 1.4)
    throat = points((-0.2, -0.12), (-0.34, -0.16 - neck), (-0.4, -0.12 - neck), (-0.3, 0.08))
    pen.body(at(spline(throat, closed=True)), 1.2)
    _beast_head(pen, at, neck)
    _fur(pen, at)
    belly = points((-0.28, 0.06), (0, 0.06), (0.3, 0.05), (0.25, 0.12), (-0.2, 0.12))
    pen.hatch(at(belly), 0.6, 3.5 * pen.unit, 0.5)


def _fur(pen: Pen, at: Placing) -> None:
    """Strew short hairs over a beast's flank."""
    for _ in range(60):
        x, y = pen.rng.uniform(-0.3, 0.36), pen.rng.uniform(-0.1, 0.11)
        pen.line(at(points((x, y), (x + 0.03, y + 0.015))), 0.5)


def _beast_head(pen: Pen, at: Placing, neck: float) -> None:
    """Draw skull, ears and eye; ``neck`` lifts them."""
    skull = points(
        (-0.3, -0.24 - neck),
        (-0.4, -0.24 - neck),
        (-0.53, -0.1 - neck),
        (-0.48, -0.06 - neck),
        (-0.34, -0.08 - neck),
    )
    pen.body(at(spline(skull, closed=True)), 1.3)
    for ear in (-0.34, -0.29):
        pen.body(at(points((ear, -0.23 - neck), (ear + 0.01, -0.34 - neck), (ear + 0.05, -0.22 - neck))), 1.0)
    pen.fill(at(ellipse(-0.41, -0.17 - neck, 0.012, 0.01)), 0)
