"""Graphs of statistics: bars, lines, pies, pyramids and areas, with axes and Japanese labels."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.datasets.sample.strokes import Box, Pen, Points, ellipse, place, points, rectangle, spline
from zuroku.datasets.sample.style import BookStyle
from zuroku.datasets.sample.words import MEASURES, NUMERALS, PLACES, TOPICS, UNITS, pick

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Sheet:
    """A graph being drawn: the pen, the plot's box in pixels and the size of its letters."""

    pen: Pen
    box: Box
    em: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of x, y in [0, 1] of the plot, y upwards."""
        left, top, right, bottom = self.box
        return left + (right - left) * x, bottom - (bottom - top) * y

    def area(self, x0: float, y0: float, x1: float, y1: float) -> Points:
        """Return the corners of a rectangle given in [0, 1] of the plot."""
        return points(self.at(x0, y0), self.at(x1, y0), self.at(x1, y1), self.at(x0, y1))


def draw_graph(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw a graph of ``size`` = (width, height): ``L``, or ``RGB`` in most books scanned in colour."""
    width, height = size
    pen = Pen(style, rng, size, style.scan == "colour" and rng.random() < 0.75)
    em = max(size) * rng.uniform(0.022, 0.055)
    left, top, right, bottom = rng.uniform((0.06, 0.03, 0.02, 0.06), (0.16, 0.14, 0.08, 0.16))
    sheet = _Sheet(pen, (left * width, top * height, (1 - right) * width, (1 - bottom) * height), em)
    kinds: tuple[Callable[[_Sheet], None], ...] = (
        _bars,
        _bars,
        _curves,
        _curves,
        _pie,
        _pyramid,
        _strips,
        _areas,
    )
    kinds[int(rng.integers(len(kinds)))](sheet)
    if rng.random() < 0.55:
        title = pick(rng, PLACES) + pick(rng, TOPICS) + pick(rng, MEASURES)
        pen.text((0.1 + rng.uniform(0, 0.4)) * width, 0.01 * height, title, em * rng.uniform(1, 1.4))
    return pen.finish()


def _series(rng: np.random.Generator, count: int) -> Values:
    """Return ``count`` values in (0, 1] that drift as yearly figures do."""
    walk = np.cumsum(rng.normal(rng.uniform(-0.05, 0.3), 1, count)) + rng.normal(0, 0.6, count)
    walk = walk - walk.min() + rng.uniform(0.2, 3)
    scaled: Values = walk / walk.max() * rng.uniform(0.6, 1)
    return scaled


def _axes(sheet: _Sheet, ticks: int, labels: int) -> None:
    """Rule axes and grid; ``labels`` years run along the foot, and numbers up one side."""
    pen, rng, em = sheet.pen, sheet.pen.rng, sheet.em
    pen.line(points(sheet.at(0, 1), sheet.at(0, 0), sheet.at(1, 0)), 1.6)
    grid = rng.random()
    step = float(rng.choice((5, 10, 20, 100, 250, 1000)))
    right = rng.random() < 0.3
    for i in range(ticks + 1):
        y = i / ticks
        if grid < 0.65:
            pen.line(points(sheet.at(0, y), sheet.at(1, y)), 0.7 if grid < 0.35 else 1.0)
        x, py = sheet.at(1, y) if right else sheet.at(0, y)
        text = f"{int(i * step)}"
        pen.text(x + 3 if right else x - 0.6 * em * len(text) - 3, py - 0.7 * em, text, em * 0.9)
    years = rng.random() < 0.5
    first, shift = int(rng.integers(1, 40)), 0.5 / labels
    for i in range(labels):
        if grid < 0.3:
            pen.line(points(sheet.at((i + 1) / labels, 0), sheet.at((i + 1) / labels, 1)), 0.7)
        x, y = sheet.at((i + 0.5) / labels if shift else i / labels, 0)
        text = str(first + i) if years else pick(rng, TOPICS) if labels < 14 else NUMERALS[i % 10]
        pen.text(x - 0.5 * em, y + 3, text[:4], em * 0.85, vertical=not years)
    if rng.random() < 0.5:
        x, y = sheet.at(0, 1)
        pen.text(x - 1.5 * em, y - 1.3 * em, f"({pick(rng, UNITS)})", em)


def _texture(pen: Pen, shape: Points, number: int) -> None:
    """Fill ``shape`` as series ``number``: a colour, or white, black, hatched, grey."""
    if pen.coloured:
        pen.body(shape, 0.7, pen.style.palette[number % len(pen.style.palette)])
        return
    # Each book of statistics uses its own order of fillings.
    filling = (number + round(pen.style.screen_angle * 10)) % 5
    pen.body(shape, 1.0, 0 if filling == 0 else 150 if filling == 4 else 255)
    if filling in (2, 3):
        pen.hatch(shape, 0.8, 5 * pen.unit, 0.7)
    if filling == 3:
        pen.hatch(shape, 2.3, 5 * pen.unit, 0.7)


def _bars(sheet: _Sheet) -> None:
    """Draw upright bars, single, grouped or stacked."""
    pen, rng = sheet.pen, sheet.pen.rng
    count, groups = int(rng.integers(4, 16)), int(rng.choice((1, 1, 2, 3)))
    _axes(sheet, int(rng.integers(4, 11)), count)
    stacked = groups > 1 and rng.random() < 0.4
    values = np.stack([_series(rng, count) for _ in range(groups)])
    gap = rng.uniform(0.05, 0.3)
    for i in range(count):
        base = 0.0
        for g in range(groups):
            if stacked:
                tall = values[g, i] / groups
                _texture(pen, sheet.area((i + gap) / count, base, (i + 1 - gap) / count, base + tall), g)
                base += tall
            else:
                wide = (1 - 2 * gap) / groups
                x = (i + gap + g * wide) / count
                _texture(pen, sheet.area(x, 0, x + wide / count, values[g, i]), g)
    _legend(sheet, groups)


def _curves(sheet: _Sheet) -> None:
    """Draw one to five lines over time, whole, dashed or with marks."""
    pen, rng = sheet.pen, sheet.pen.rng
    count = int(rng.integers(6, 28))
    _axes(sheet, int(rng.integers(4, 12)), min(count, 16))
    lines = int(rng.integers(1, 6))
    smooth = rng.random() < 0.3
    for number in range(lines):
        values = _series(rng, count) * rng.uniform(0.4, 1)
        path = points(*(sheet.at(i / (count - 1), float(v)) for i, v in enumerate(values)))
        if smooth:
            path = spline(path)
        if number % 3 == 1:
            for i in range(0, len(path) - 1, 2):
                middle = (path[i] + path[i + 1]) / 2
                pen.line(np.stack([path[i], middle]), 1.6)
        else:
            pen.line(path, 2.2 if number % 2 == 0 else 1.2)
        if pen.coloured:
            for a, b in pairwise(path):
                pen.fill(
                    np.stack([a, b, place(b, 0, 2.2 * pen.unit), place(a, 0, 2.2 * pen.unit)]),
                    pen.style.palette[number % len(pen.style.palette)],
                )
        if rng.random() < 0.4 and not smooth:
            for x, y in path:
                pen.body(
                    ellipse(x, y, 2.6 * pen.unit, 2.6 * pen.unit, count=9), 0.8, 0 if number % 2 else 255
                )
        x, y = path[int(rng.integers(len(path)))]
        pen.text(x, y - 1.3 * sheet.em, pick(rng, TOPICS), sheet.em)


def _legend(sheet: _Sheet, groups: int) -> None:
    if groups < 2 or sheet.pen.rng.random() < 0.3:
        return
    em, (x, y) = sheet.em, sheet.at(sheet.pen.rng.uniform(0.05, 0.6), 0.98)
    for g in range(groups):
        top = y + 1.4 * em * g
        _texture(sheet.pen, rectangle(x, top, x + 1.4 * em, top + em), g)
        sheet.pen.text(x + 1.8 * em, top - 0.2 * em, pick(sheet.pen.rng, TOPICS), em)


def _pie(sheet: _Sheet) -> None:
    """Draw a pie or a ring with named shares; at times two side by side."""
    pen, rng, em = sheet.pen, sheet.pen.rng, sheet.em
    left, top, right, bottom = sheet.box
    twins = right - left > 1.5 * (bottom - top)
    for k in range(2 if twins else 1):
        x = left + (right - left) * ((k + 0.5) / 2 if twins else 0.5)
        y = (top + bottom) / 2
        r = min((right - left) / (2 if twins else 1), bottom - top) / 2 * rng.uniform(0.72, 1.1)
        shares = np.sort(rng.dirichlet(np.ones(int(rng.integers(3, 10))) * 0.9))[::-1]
        angle = -np.pi / 2
        plain = rng.random() < 0.5 and not pen.coloured
        hole = rng.uniform(0.25, 0.45) if rng.random() < 0.4 else 0.0
        for number, share in enumerate(shares):
            sweep = np.linspace(angle, angle + 2 * np.pi * share, max(3, int(60 * share)))
            rim = np.stack([x + r * np.cos(sweep), y + r * np.sin(sweep)], 1)
            slice_ = np.concatenate([points((x, y)), rim])
            if plain:
                pen.body(slice_, 1.8, 255)
            else:
                _texture(pen, slice_, number)
            middle = angle + np.pi * share
            reach = 0.68 if share > 0.07 else 1.12
            tx, ty = x + reach * r * np.cos(middle), y + reach * r * np.sin(middle)
            word = pick(rng, TOPICS)
            size = em * (1.5 if share > 0.15 else 0.9)
            if not plain and not pen.coloured and reach < 1:
                half = 0.5 * size * len(word)
                pen.fill(rectangle(tx - half, ty - size, tx + half, ty + size), 255)
            pen.text(tx - 0.5 * size * len(word), ty - size, word, size)
            pen.text(tx - 0.8 * size, ty, f"{share * 100:.1f}", size * 0.9)
            angle += 2 * np.pi * share
        pen.outline(ellipse(x, y, r, r, count=60), rng.uniform(1.5, 5))
        if hole:
            pen.body(ellipse(x, y, hole * r, hole * r, count=36), 1.6, 255)
            pen.text(x - 1.4 * em, y - 0.6 * em, pick(rng, MEASURES), em)


def _pyramid(sheet: _Sheet) -> None:
    """Draw a population pyramid: men on one side, women on the other."""
    pen, rng, em = sheet.pen, sheet.pen.rng, sheet.em
    rows = int(rng.integers(8, 22))
    taper = np.linspace(1, 0.04, rows) ** rng.uniform(0.6, 1.5)
    gutter = rng.uniform(0, 0.06)
    for i in range(rows):
        for side in (-1, 1):
            long = 0.46 * taper[i] * rng.uniform(0.9, 1.08)
            near, far = 0.5 + side * gutter, 0.5 + side * (gutter + min(long, 0.46 - gutter))
            _texture(
                pen,
                sheet.area(min(near, far), i / rows, max(near, far), (i + 0.92) / rows),
                0 if side < 0 else 1,
            )
        if gutter > 0.025:
            x, y = sheet.at(0.5, (i + 0.8) / rows)
            pen.text(x - 0.5 * em, y, str(5 * i), min(em, (sheet.box[3] - sheet.box[1]) / rows))
    pen.line(points(sheet.at(0, 0), sheet.at(1, 0)), 1.4)
    for tick in np.linspace(0, 1, 9):
        px, py = sheet.at(float(tick), 0)
        pen.line(points((px, py), (px, py + 4)), 1)
        pen.text(px - 0.5 * em, py + 5, str(abs(int((tick - 0.5) * 16))), em * 0.9)
    for share, word in ((0.12, "男"), (0.82, "女")):
        px, py = sheet.at(share, 0.92)
        pen.text(px, py, word, 1.8 * em)


def _strips(sheet: _Sheet) -> None:
    """Draw lying bars with their names to the left, or bars cut into shares."""
    pen, rng, em = sheet.pen, sheet.pen.rng, sheet.em
    rows = int(rng.integers(4, 15))
    shares = rng.random() < 0.4
    values = np.sort(_series(rng, rows))
    for i in range(rows):
        low, high = (i + 0.15) / rows, (i + 0.85) / rows
        start = 0.12
        if shares:
            for number, share in enumerate(rng.dirichlet(np.ones(4))):
                _texture(pen, sheet.area(start, low, start + 0.88 * share, high), number)
                start += 0.88 * share
        else:
            _texture(pen, sheet.area(start, low, start + 0.85 * values[i], high), 0)
            x, y = sheet.at(start + 0.85 * values[i] + 0.01, high)
            pen.text(x, y, str(int(values[i] * 9000)), em * 0.9)
        x, y = sheet.at(0, high)
        pen.text(x - 0.5 * em, y, pick(rng, PLACES)[:3], em)
    pen.line(points(sheet.at(0.12, 0), sheet.at(0.12, 1)), 1.5)
    if rng.random() < 0.5:
        for x in np.linspace(0.12, 1, 6):
            pen.line(points(sheet.at(float(x), 0), sheet.at(float(x), 1)), 0.6)


def _areas(sheet: _Sheet) -> None:
    """Draw layers that pile up over time."""
    pen, rng = sheet.pen, sheet.pen.rng
    count, layers = int(rng.integers(6, 16)), int(rng.integers(2, 5))
    _axes(sheet, int(rng.integers(4, 9)), count)
    heights = np.cumsum(np.stack([_series(rng, count) for _ in range(layers)]) / layers, 0)
    places = np.linspace(0, 1, count)
    for number in range(layers - 1, -1, -1):
        top = [sheet.at(float(x), float(y)) for x, y in zip(places, heights[number], strict=True)]
        _texture(pen, points(sheet.at(0, 0), *top, sheet.at(1, 0)), number)
        x, y = top[count // 2]
        pen.text(x, y + 0.3 * sheet.em, pick(rng, TOPICS), sheet.em)
