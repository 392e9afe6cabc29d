"""Maps: coasts, districts, town plans, plots of land and contours, with place names and a frame."""

from itertools import pairwise

import numpy as np
from PIL import Image
from scipy.ndimage import maximum_filter

from zuroku.datasets.sample.map_signs import draw_railway, scatter_names, set_name, wandering_line
from zuroku.datasets.sample.noise import Field, fractal, slopes
from zuroku.datasets.sample.strokes import Pen, Points, ellipse, points, rectangle, spline
from zuroku.datasets.sample.style import BookStyle, Colour
from zuroku.datasets.sample.words import MAP_KINDS, NUMERALS, PLACES, pick


def draw_map(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw a map of ``size`` = (width, height): ``L``, or ``RGB`` in most books scanned in colour."""
    coloured = style.scan == "colour" and rng.random() < 0.75
    pen = Pen(style, rng, size, coloured)
    kind = rng.random()
    if kind < 0.42:
        _terrain(pen)
    elif kind < 0.62:
        _districts(pen)
    elif kind < 0.85:
        _town(pen)
    else:
        _route(pen)
    _frame(pen)
    return pen.finish()


def _ink_mask(pen: Pen, mask: Field, tone: int | Colour, wide: int = 1) -> None:
    """Stamp a mask of the finished size onto the sheet in ``tone``."""
    if wide > 1:
        mask = maximum_filter(mask, wide)
    stencil = Image.fromarray((mask * 255).astype(np.uint8)).resize(pen.sheet.size, Image.Resampling.BILINEAR)
    fill = (tone, tone, tone) if pen.coloured and isinstance(tone, int) else tone
    pen.sheet.paste(fill, (0, 0), stencil)


def _edges(levels: Field) -> Field:
    """Mark pixels where integer ``levels`` (``(h, w)``) change to the right or below."""
    edge = np.zeros(levels.shape, np.float32)
    edge[:, 1:] += levels[:, 1:] != levels[:, :-1]
    edge[1:] += levels[1:] != levels[:-1]
    return np.asarray(np.minimum(edge, 1), np.float32)


def _terrain(pen: Pen) -> None:
    """Draw a coast with its sea lines, rivers, hills as contours or hachures, railways and names."""
    rng = pen.rng
    size = (pen.width, pen.height)
    field = fractal(rng, size, (3, 3), rng.uniform(0.38, 0.52), 6)
    field += rng.uniform(-1, 1) * np.linspace(-1, 1, pen.width, dtype=np.float32)[None]
    sea = float(np.quantile(field, rng.choice((0.0, 0.25, 0.4, 0.55))))
    land = np.asarray(field - sea, np.float32)
    if pen.coloured:
        _ink_mask(pen, (land <= 0).astype(np.float32), pen.tint())
        _ink_mask(pen, (land > 0).astype(np.float32), pen.tint())
        if rng.random() < 0.6:
            _ink_mask(pen, (land > 1.0).astype(np.float32), pen.tint())
    if rng.random() < 0.55:
        levels = np.floor(np.maximum(land, 0) * rng.uniform(2, 6))
        _ink_mask(pen, _edges(np.asarray(levels, np.float32)) * 0.75, 60)
    else:
        _hachures(pen, land)
    _ink_mask(pen, _edges((land > 0).astype(np.float32)), 0, 2)
    if rng.random() < 0.6:
        # Lines that follow the coast out to sea.
        bands = np.floor(np.clip(-land, 0, 0.5) * rng.uniform(8, 22))
        _ink_mask(pen, _edges(np.asarray(bands, np.float32)) * 0.6, 90)
    for _ in range(int(rng.integers(1, 6))):
        _river(pen, land)
    for _ in range(int(rng.integers(0, 4))):
        draw_railway(pen)
    scatter_names(pen, int(rng.integers(8, 45)), land if rng.random() < 0.8 else None)


def _hachures(pen: Pen, land: Field) -> None:
    """Draw hills as short strokes that run down the slope."""
    rng = pen.rng
    down, across = slopes(land)
    step = max(pen.width, pen.height) / rng.uniform(30, 50)
    for y in np.arange(step, pen.height - step, step):
        for x in np.arange(step, pen.width - step, step):
            px, py = x + rng.normal(0, 0.3) * step, y + rng.normal(0, 0.3) * step
            i, j = int(np.clip(py, 0, pen.height - 1)), int(np.clip(px, 0, pen.width - 1))
            if land[i, j] < 0.5:
                continue
            slope = np.array([across[i, j], down[i, j]])
            norm = float(np.hypot(*slope)) + 1e-6
            end = np.array([px, py]) + slope / norm * step * 0.8
            pen.line(np.stack([np.array([px, py]), end]), 0.7)


def _river(pen: Pen, land: Field) -> None:
    """Let a river run downhill from a random spring."""
    rng = pen.rng
    down, across = slopes(land)
    at = np.array([rng.uniform(0.1, 0.9) * pen.width, rng.uniform(0.1, 0.9) * pen.height])
    step = max(pen.width, pen.height) / 45
    heading = rng.uniform(-1, 1, 2)
    path = [at]
    for _ in range(36):
        i, j = int(at[1]), int(at[0])
        if not (0 <= i < pen.height and 0 <= j < pen.width) or land[i, j] < -0.05:
            break
        fall = np.array([-across[i, j], -down[i, j]])
        heading = 0.75 * heading + fall / (np.hypot(*fall) + 1e-6) + rng.normal(0, 0.25, 2)
        at = at + heading / (np.hypot(*heading) + 1e-6) * step
        path.append(at)
    if len(path) > 4:
        course = spline(np.stack(path), per_span=4)
        for split in np.linspace(0, len(course) - 3, 4).astype(int):
            pen.line(course[split:], 0.9 + 0.4 * split / len(course))


def _districts(pen: Pen) -> None:
    """Draw an administrative map: cells about seeds, each with its name or number."""
    rng = pen.rng
    count = int(rng.choice((6, 10, 16, 26, 40)))
    seeds = rng.uniform(0.05, 0.95, (count, 2)) * (pen.width, pen.height)
    rows, columns = np.mgrid[0 : pen.height, 0 : pen.width].astype(np.float32)
    # Parishes follow streams and ridges; surveyed plots have straight sides.
    wobble = 0.05 * max(pen.width, pen.height) * (0.0 if rng.random() < 0.35 else 1.0)
    columns += wobble * fractal(rng, (pen.width, pen.height), (5, 5), 0.6, 5)
    rows += wobble * fractal(rng, (pen.width, pen.height), (5, 5), 0.6, 5)
    nearest = np.full(rows.shape, np.inf, np.float32)
    owner = np.zeros(rows.shape, np.float32)
    for i, (x, y) in enumerate(seeds):
        away = (columns - x) ** 2 + (rows - y) ** 2
        closer = away < nearest
        nearest[closer], owner[closer] = away[closer], i + 1
    middle = np.array([pen.width, pen.height]) / 2
    outside = np.hypot((columns - middle[0]) / middle[0], (rows - middle[1]) / middle[1]) > rng.uniform(
        0.75, 1.1
    )
    owner[outside] = 0
    if pen.coloured:
        for i in range(count):
            _ink_mask(pen, (owner == i + 1).astype(np.float32), pen.tint())
    _ink_mask(pen, _edges(owner), 0, int(rng.choice((1, 2))))
    _ink_mask(pen, _edges((owner > 0).astype(np.float32)), 0, 3)
    em = max(pen.width, pen.height) * rng.uniform(0.018, 0.034)
    numbered = rng.random() < 0.3
    for i, (x, y) in enumerate(seeds):
        if owner[min(pen.height - 1, int(y)), min(pen.width - 1, int(x))]:
            set_name(pen, x - em, y - em / 2, em, NUMERALS[i % 10] if numbered else None)
            if rng.random() < 0.3:
                pen.outline(ellipse(x, y + 1.2 * em, 0.4 * em, 0.4 * em, count=12), 0.7)
    if rng.random() < 0.5:
        draw_railway(pen)


def _town(pen: Pen) -> None:
    """Draw a town plan or a plan of plots: blocks between streets, skewed, with canals and names."""
    rng = pen.rng
    street = pen.tint() if pen.coloured and rng.random() < 0.6 else 255
    marked = pen.tint() if pen.coloured else 0
    sheet = rectangle(0, 0, pen.width, pen.height)
    pen.fill(sheet, street)
    xs = np.cumsum(rng.uniform(0.06, 0.26, 16)) - 0.1
    ys = np.cumsum(rng.uniform(0.06, 0.26, 16)) - 0.1
    gap = rng.uniform(0.006, 0.028)
    shear = rng.normal(0, 0.12, 2)
    em = max(pen.width, pen.height) * rng.uniform(0.016, 0.03)
    for left, right in pairwise(xs):
        for top, bottom in pairwise(ys):
            if left > 1.1 or top > 1.1:
                continue
            corners = rectangle(left + gap, top + gap, right - gap, bottom - gap)
            corners = corners + np.stack([corners[:, 1] * shear[0], corners[:, 0] * shear[1]], 1)
            corners = (corners + rng.normal(0, 0.004, (4, 2))) * (pen.width, pen.height)
            _block(pen, corners, em, marked)
    if rng.random() < 0.5:
        canal = wandering_line(pen, 4)
        pen.line(canal, 9)
        pen.line(canal, 7, tone=205)
    for _ in range(int(rng.integers(0, 3))):
        draw_railway(pen)


def _block(pen: Pen, corners: Points, em: float, marked: int | Colour) -> None:
    """Draw a block of a town, perhaps cut into plots, hatched or named."""
    rng = pen.rng
    choice = rng.random()
    pen.body(corners, 0.9, marked if choice < 0.07 else None)
    if choice < 0.07:
        return
    if choice < 0.25:
        pen.hatch(corners, rng.uniform(0.5, 1.0), rng.uniform(3, 7) * pen.unit, 0.5)
    elif choice < 0.6:
        cuts = int(rng.integers(2, 6))
        for t in np.arange(1, cuts) / cuts:
            upper = corners[0] + (corners[1] - corners[0]) * t
            lower = corners[3] + (corners[2] - corners[3]) * t
            pen.line(np.stack([upper, lower]), 0.6)
    if rng.random() < 0.5:
        middle = corners.mean(0)
        set_name(pen, middle[0] - em, middle[1] - em / 2, em)


def _route(pen: Pen) -> None:
    """Draw a sketch map: a few routes with stops, hills as profiles, an arrow."""
    rng = pen.rng
    if pen.coloured:
        pen.fill(rectangle(0, 0, pen.width, pen.height), pen.tint())
    em = max(pen.width, pen.height) * rng.uniform(0.022, 0.036)
    for _ in range(int(rng.integers(4, 16))):
        x, y = rng.uniform(0, 1) * pen.width, rng.uniform(0, 1) * pen.height
        wide = rng.uniform(0.05, 0.16) * pen.width
        hill = spline(
            points(
                (x - wide, y),
                (x - 0.3 * wide, y - 0.6 * wide),
                (x + 0.2 * wide, y - 0.5 * wide),
                (x + wide, y),
            )
        )
        pen.body(hill, 1.0)
        for t in np.linspace(6, len(hill) - 4, 6).astype(int):
            pen.line(np.stack([hill[t], hill[t] + (0.1 * wide, 0.25 * wide)]), 0.6)
    for _ in range(int(rng.integers(2, 5))):
        path = wandering_line(pen, 5)
        pen.line(path, rng.choice((1.2, 3.0)))
        for i in rng.integers(3, len(path) - 3, int(rng.integers(2, 7))):
            x, y = path[i]
            pen.body(ellipse(x, y, 0.22 * em, 0.22 * em, count=12), 1.0, 255)
            set_name(pen, x + 0.5 * em, y - 0.3 * em, em)


def _frame(pen: Pen) -> None:
    """Add what surrounds a map: grid, frame, title, legend, compass."""
    rng = pen.rng
    width, height = pen.width, pen.height
    if rng.random() < (0.4 if pen.coloured else 0.1):
        fold = rng.uniform(0.4, 0.6) * width
        pen.line(points((fold, 0), (fold, height)), 2.5, tone=90)
    if rng.random() < 0.3:
        for x in np.linspace(0, width, int(rng.integers(3, 8))):
            pen.line(points((x, 0), (x + 0.02 * width, height)), 0.6)
        for y in np.linspace(0, height, int(rng.integers(3, 7))):
            pen.line(points((0, y), (width, y)), 0.6)
    if rng.random() < 0.5:
        for inset in (0.004, 0.016):
            a, b = inset * width, inset * height
            pen.outline(rectangle(a, b, width - a, height - b), 1.2 if inset < 0.01 else 0.7)
    em = max(width, height) * rng.uniform(0.025, 0.045)
    if rng.random() < 0.4:
        title = pick(rng, PLACES) + pick(rng, MAP_KINDS)
        x, y = rng.uniform(0.05, 0.6) * width, rng.uniform(0.03, 0.1) * height
        vertical = rng.random() < 0.5
        wide, tall = (1.4 * em, em * (len(title) + 1)) if vertical else (em * (len(title) + 0.8), 1.6 * em)
        pen.body(rectangle(x, y, x + wide, y + tall), 0.9, 255)
        pen.text(x + 0.2 * em, y + 0.1 * em, title, em, vertical)
    if rng.random() < 0.3:
        x, y, r = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height, 1.3 * em
        pen.line(points((x, y + r), (x, y - r)), 1.2)
        pen.line(points((x - 0.5 * r, y), (x + 0.5 * r, y)), 1.0)
        pen.fill(points((x, y - r), (x - 0.25 * r, y - 0.4 * r), (x, y - 0.5 * r)), 0)
