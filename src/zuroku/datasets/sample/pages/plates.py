"""Figures on a page: drawing them to fit, framing, captions, and where they stand in the type area."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from zuroku.datasets.sample.figures import DRAWERS
from zuroku.datasets.sample.pages.leaf import Leaf
from zuroku.datasets.sample.pages.sheet import ink_box
from zuroku.datasets.sample.pages.typesetting import Line, length_px, set_zone
from zuroku.datasets.sample.scanning import screen
from zuroku.datasets.sample.strokes import Box

_DRAWN_PX = 200
"""Drawers are made for figures of a few hundred pixels; smaller ones are drawn larger and reduced."""


def draw_plate(leaf: Leaf, box: Box, slender: float = 2.4) -> Box:
    """Draw a figure of one of the book's classes within ``box``; return the box of its ink.

    A figure more than ``slender`` times as long as wide is shortened, and centred in ``box``.
    """
    rng, style = leaf.rng, leaf.look.style
    width, height = box[2] - box[0], box[3] - box[1]
    width, height = min(width, slender * height), min(height, slender * width)
    size = (max(24, round(width)), max(24, round(height)))
    scale = max(1.0, _DRAWN_PX / max(size), 110 / min(size))
    names, odds = zip(*leaf.look.figures, strict=True)
    name = names[int(rng.choice(len(names), p=np.array(odds) / sum(odds)))]
    drawing = DRAWERS[name](style, rng, (round(size[0] * scale), round(size[1] * scale)))
    if name.startswith("picture_"):
        drawing = screen(style, rng, drawing)
    drawing = drawing.resize(size, Image.Resampling.LANCZOS) if scale > 1 else drawing
    x = round((box[0] + box[2] - size[0]) / 2)
    y = round((box[1] + box[3] - size[1]) / 2)
    leaf.sheet.overprint(drawing, (x, y))
    if style.border != "none":
        leaf.sheet.frame(
            (x, y, x + size[0], y + size[1]), leaf.unit * (2.5 if style.border == "heavy" else 1)
        )
        inked: tuple[int, int, int, int] | None = (0, 0, *size)
    else:
        inked = ink_box(drawing, 235)
    left, top, right, bottom = inked or (0, 0, *size)
    found = (float(x + left), float(y + top), float(x + right), float(y + bottom))
    leaf.sheet.zone("4_illustration", found)
    return found


def captioned_plate(leaf: Leaf, box: Box) -> None:
    """Draw a figure with its caption, if the book has captions, below it or beside it."""
    style, rng = leaf.look.style, leaf.rng
    em = leaf.body.em_px
    habit = style.caption if min(box[2] - box[0], box[3] - box[1]) > 7 * em else "none"
    if habit == "none" and rng.random() < 0.3:
        habit = "below"
    if habit == "none":
        draw_plate(leaf, box)
    elif habit == "below":
        found = draw_plate(leaf, (box[0], box[1], box[2], box[3] - 1.7 * em))
        _caption(leaf, found, box, "yoko")
    else:
        found = draw_plate(leaf, (box[0], box[1], box[2] - 1.9 * em, box[3]))
        _caption(leaf, found, box, "tate")


def _caption(leaf: Leaf, figure: Box, room: Box, direction: str) -> None:
    """Set a caption under ``figure`` (``yoko``) or to its right (``tate``), inside ``room``."""
    writer = leaf.writer()
    text = writer.caption(int(leaf.rng.integers(1, 90)))
    tate = direction == "tate"
    setting = leaf.scaled(leaf.rng.uniform(0.78, 0.95), direction=direction)
    spacing = 1.0 if leaf.rng.random() < 0.6 else leaf.rng.uniform(1.1, 1.5)
    limit = (room[3] - room[1]) if tate else (room[2] - room[0])
    while length_px(text, setting, spacing) > limit and len(text) > 2:
        text, spacing = text[:-1], 1.0
    long = length_px(text, setting, spacing)
    if tate:
        at = (figure[2] + 0.5 * setting.em_px, max(room[1], (figure[1] + figure[3] - long) / 2))
    else:
        at = (max(room[0], (figure[0] + figure[2] - long) / 2), figure[3] + 0.45 * setting.em_px)
    set_zone(leaf.sheet, "7_caption", at, Line(text), setting, spacing)


def plate_boxes(rng: np.random.Generator, block: Box) -> list[Box]:
    """Choose where figures stand in ``block``: one to four boxes that do not overlap."""
    layouts: tuple[Callable[[np.random.Generator], list[Box]], ...] = (_band, _corner, _pair, _corners, _grid)
    shares = layouts[int(rng.choice(len(layouts), p=(0.34, 0.28, 0.16, 0.12, 0.1)))](rng)
    left, top, right, bottom = block
    wide, high = right - left, bottom - top
    return [(left + wide * a, top + high * b, left + wide * c, top + high * d) for a, b, c, d in shares]


def _band(rng: np.random.Generator) -> list[Box]:
    """Across the block, at the top, at the foot or between."""
    high = rng.uniform(0.28, 0.62)
    top = float(rng.choice((0.0, 1 - high, rng.uniform(0.1, 0.9 - high))))
    return [(0.0, top, 1.0, top + high)]


def _corner(rng: np.random.Generator) -> list[Box]:
    wide, high = rng.uniform(0.4, 0.68), rng.uniform(0.28, 0.6)
    left, top = float(rng.choice((0.0, 1 - wide))), float(rng.choice((0.0, 1 - high)))
    return [(left, top, left + wide, top + high)]


def _pair(rng: np.random.Generator) -> list[Box]:
    """Side by side."""
    high, cut = rng.uniform(0.25, 0.5), rng.uniform(0.42, 0.58)
    top = float(rng.choice((0.0, 1 - high)))
    return [(0.0, top, cut - 0.02, top + high), (cut + 0.02, top, 1.0, top + high)]


def _corners(rng: np.random.Generator) -> list[Box]:
    """Two, in opposite corners."""
    wide, high = rng.uniform(0.4, 0.6, 2), rng.uniform(0.25, 0.45, 2)
    first, second = (0.0, 0.0, wide[0], high[0]), (1 - wide[1], 1 - high[1], 1.0, 1.0)
    if rng.random() < 0.5:
        first, second = (1 - wide[0], 0.0, 1.0, high[0]), (0.0, 1 - high[1], wide[1], 1.0)
    return [first, second]


def _grid(rng: np.random.Generator) -> list[Box]:
    """Three or four figures that fill the block."""
    rows = int(rng.integers(2, 4))
    low = rng.uniform(0.44, 0.56)
    boxes = []
    for row in range(rows):
        top, bottom = row / rows, (row + 0.94) / rows
        if rows == 3 or rng.random() < 0.5:
            boxes.append((0.0, top, 1.0, bottom))
        else:
            boxes += [(0.0, top, low - 0.02, bottom), (low + 0.02, top, 1.0, bottom)]
    return boxes
