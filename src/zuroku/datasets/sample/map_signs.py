"""Signs that maps share: place names, roads and railways."""

import numpy as np

from zuroku.datasets.sample.noise import Field
from zuroku.datasets.sample.strokes import Pen, Points, ellipse, rectangle, spline
from zuroku.datasets.sample.words import PLACES, pick


def set_name(pen: Pen, x: float, y: float, em: float, text: str | None = None) -> None:
    """Set a place name, at times boxed, on cleared ground."""
    rng = pen.rng
    name = text or pick(rng, PLACES) + (pick(rng, list("町村郡川山島")) if rng.random() < 0.25 else "")
    vertical = rng.random() < 0.4
    if rng.random() < 0.2:
        wide, tall = (em, em * len(name) * 1.05) if vertical else (em * len(name), em * 1.2)
        pen.body(rectangle(x - 2, y, x + wide + 2, y + tall), 0.7, 255)
    pen.text(x, y, name, em, vertical)


def scatter_names(pen: Pen, count: int, where: Field | None = None) -> None:
    """Scatter place names with their signs, only where ``where`` (``(h, w)``) is positive."""
    rng = pen.rng
    em = max(pen.width, pen.height) * rng.uniform(0.018, 0.036)
    for _ in range(count):
        x, y = rng.uniform(0.03, 0.9) * pen.width, rng.uniform(0.03, 0.93) * pen.height
        if where is not None and where[int(y), int(x)] <= 0:
            continue
        sign = int(rng.integers(3))
        if sign == 0:
            pen.body(ellipse(x - 4 * pen.unit, y + em / 2, 3 * pen.unit, 3 * pen.unit, count=10), 0.8, 255)
        elif sign == 1:
            pen.fill(ellipse(x - 4 * pen.unit, y + em / 2, 2.5 * pen.unit, 2.5 * pen.unit, count=8), 0)
        set_name(pen, x, y, em * rng.choice((0.8, 1, 1, 1.6)))


def wandering_line(pen: Pen, knots: int = 6) -> Points:
    """Return a smooth line across the sheet, from one edge to another."""
    rng = pen.rng
    start = np.array([rng.choice((0.0, 1.0)), rng.uniform(0, 1)])
    end = np.array([1 - start[0], rng.uniform(0, 1)])
    if rng.random() < 0.4:
        start, end = start[::-1], end[::-1]
    t = np.linspace(0, 1, knots)[:, None]
    path = start + (end - start) * t + rng.normal(0, 0.07, (knots, 2)) * np.sin(np.pi * t)
    return spline(path * (pen.width, pen.height), per_span=10)


def draw_railway(pen: Pen) -> None:
    """Draw a railway (ticked or chequered) or a road (double line)."""
    rng = pen.rng
    path = wandering_line(pen)
    kind = int(rng.integers(3))
    if kind == 0:
        pen.line(path, 1.6)
        along = np.gradient(path, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], 1)
        normal *= 4 * pen.unit / (np.hypot(normal[:, 0], normal[:, 1])[:, None] + 1e-6)
        for i in range(0, len(path), 2):
            pen.line(np.stack([path[i] - normal[i], path[i] + normal[i]]), 0.9)
    else:
        pen.line(path, 4)
        pen.line(path, 2, tone=255)
        if kind == 1:
            for i in range(0, len(path) - 2, 4):
                pen.line(path[i : i + 2], 2.5)
