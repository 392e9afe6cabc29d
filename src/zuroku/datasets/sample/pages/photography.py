"""Photographing an opening: paper, light, what shows through, the board behind it, and the warp.

Pixels and zones go through the same warp. What is printed is decided before.
"""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from zuroku.datasets.sample.noise import to_image
from zuroku.datasets.sample.pages.board import lay_on_board
from zuroku.datasets.sample.pages.look import PageLook
from zuroku.datasets.sample.pages.opening import Opening
from zuroku.datasets.sample.pages.sheet import hull
from zuroku.datasets.sample.pages.warp import Warp
from zuroku.datasets.sample.scanning import scan
from zuroku.datasets.sample.strokes import Box, points, spline
from zuroku.datasets.zones import Zone

_LEAST_PX = 3.0


def photograph(
    look: PageLook, rng: np.random.Generator, opening: Opening, title: str
) -> tuple[Image.Image, tuple[Zone, ...]]:
    """Photograph ``opening``; return the image and its zones in pixels of that image.

    The overall zone comes first; others follow in the order of printing. ``title`` goes on the
    library's slip where the book was photographed with one.
    """
    sheet = opening.sheet
    if look.rare and rng.random() < 0.3:
        _worm(opening, rng)
    warp = _draw_warp(look, rng, opening)
    printed = ImageChops.multiply(sheet.image, _see_through(look, rng, opening))
    paper = scan(look.style, rng, warp.image(printed))
    light = warp.image(_light(look, rng, opening))
    paper = ImageChops.multiply(paper, light.convert(paper.mode))
    image, overall = lay_on_board(look, rng, warp, opening, paper, title)
    bounds = hull(list(opening.leaves))
    zones = [Zone("1_overall", *_clip(overall, sheet.size))]
    for zone in sheet.zones:
        flat = _within((zone.x_min, zone.y_min, zone.x_max, zone.y_max), bounds)
        box = _clip(warp.box(flat), sheet.size)
        if min(flat[2] - flat[0], flat[3] - flat[1], box[2] - box[0], box[3] - box[1]) >= _LEAST_PX:
            zones.append(Zone(zone.label, *box, text=zone.text, direction=zone.direction))
    return image, tuple(zones)


def _within(box: Box, bounds: Box) -> Box:
    return (
        max(box[0], bounds[0]),
        max(box[1], bounds[1]),
        min(box[2], bounds[2]),
        min(box[3], bounds[3]),
    )


def _clip(box: Box, size: tuple[int, int]) -> Box:
    return _within(box, (0.0, 0.0, float(size[0]), float(size[1])))


def _draw_warp(look: PageLook, rng: np.random.Generator, opening: Opening) -> Warp:
    wide = opening.leaves[0][2] - opening.leaves[0][0]
    return Warp(
        opening.sheet.size,
        opening.gutter_x,
        look.curl * float(rng.uniform(0.4, 1.4)),
        wide * float(rng.uniform(0.06, 0.2)),
        float(np.clip(rng.normal(0, 0.35), -1.2, 1.2)),
    )


def _see_through(look: PageLook, rng: np.random.Generator, opening: Opening) -> Image.Image:
    """Return what shows through from the back of each leaf: a mirrored page, faint and soft.

    The other leaf of the opening stands for the back of each.
    """
    image = opening.sheet.image
    shown = Image.new("L", image.size, 255)
    strength = look.bleed * rng.uniform(0.5, 1.3)
    if strength < 0.015:
        return shown.convert(image.mode)
    leaves = [tuple(round(edge) for edge in leaf) for leaf in opening.leaves]
    for leaf, back in zip(leaves, leaves[::-1], strict=True):
        page = image.crop(back).convert("L").transpose(Image.Transpose.FLIP_LEFT_RIGHT)  # type: ignore[arg-type]
        soft = page.filter(ImageFilter.BoxBlur(max(1, image.width // 700)))
        shown.paste(soft.point(lambda tone: round(255 - strength * (255 - tone))), leaf[:2])  # type: ignore[arg-type]
    return shown.convert(image.mode)


def _light(look: PageLook, rng: np.random.Generator, opening: Opening) -> Image.Image:
    """Return how light the paper lies, ``L`` with 255 for full light.

    The valley at the fold is dark, old paper browns from its edges, and the lamp stands at one side.
    """
    width, height = opening.sheet.size
    x = np.arange(width, dtype=np.float32) + 0.5
    y = np.arange(height, dtype=np.float32) + 0.5
    left, top, right, bottom = hull(list(opening.leaves))
    wide, high = right - left, bottom - top
    valley = np.abs(x - opening.gutter_x) / (wide * rng.uniform(0.012, 0.05))
    depth = rng.uniform(0.1, 0.6) * (1.0 if look.spread else 0.6)
    columns = (1 - depth * np.exp(-valley)) * (1 - rng.uniform(0.1, 0.7) * np.exp(-10 * valley))
    brown, reach = look.browning, rng.uniform(0.02, 0.07)
    for edge in (left, right):
        if abs(edge - opening.gutter_x) > 1:
            columns = columns * (1 - brown * np.exp(-np.abs(x - edge) / (reach * wide)))
    rows = 1 - brown * (
        np.exp(-np.abs(y - top) / (reach * high)) + np.exp(-np.abs(y - bottom) / (reach * high))
    )
    slope = rng.normal(0, 0.04, 2)
    columns = columns * (1 - np.abs(slope[0]) + slope[0] * (2 * x / width - 1))
    rows = rows * (1 - np.abs(slope[1]) + slope[1] * (2 * y / height - 1))
    return to_image(np.asarray(columns[None] * rows[:, None], np.float32))


def _worm(opening: Opening, rng: np.random.Generator) -> None:
    """Let bookworms eat winding tracks into the leaves."""
    sheet = opening.sheet
    draw = ImageDraw.Draw(sheet.image)
    unit = max(sheet.size) / 960
    for _ in range(int(rng.integers(1, 8))):
        leaf = opening.leaves[int(rng.integers(len(opening.leaves)))]
        start = points((rng.uniform(leaf[0], leaf[2]), rng.uniform(leaf[1], leaf[3])))
        track = spline(start + np.cumsum(rng.normal(0, 5 * unit, (int(rng.integers(3, 7)), 2)), 0))
        draw.line(
            track.ravel().tolist(), sheet.tone(int(rng.integers(30, 110))), round(rng.uniform(1, 2.6) * unit)
        )
