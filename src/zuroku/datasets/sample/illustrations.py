"""Drawn illustrations: what they show, how several things share a sheet, and their lettering.

What is drawn comes from ``plants``, ``creatures``, ``apparatus``, ``costumes`` and ``views``.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from zuroku.datasets.sample.apparatus import draw_device, draw_machine, draw_utensil
from zuroku.datasets.sample.costumes import draw_gathering, draw_standing_figure
from zuroku.datasets.sample.creatures import draw_beast, draw_bird, draw_fish, draw_insect, draw_shell
from zuroku.datasets.sample.diagrams import draw_section
from zuroku.datasets.sample.plants import draw_plant
from zuroku.datasets.sample.strokes import Box, Pen, points, rectangle
from zuroku.datasets.sample.style import BookStyle
from zuroku.datasets.sample.views import draw_house_view, draw_ship_view, draw_view
from zuroku.datasets.sample.words import LETTERS, PARTS, pick, running_text

Motif = Callable[[Pen, Box], None]

_NATURE: tuple[Motif, ...] = (draw_plant, draw_bird, draw_fish, draw_insect, draw_shell, draw_beast)
_TECHNIQUE: tuple[Motif, ...] = (draw_device, draw_machine, draw_section, draw_utensil)
_SCENES: tuple[Motif, ...] = (
    draw_gathering,
    draw_gathering,
    draw_gathering,
    draw_view,
    draw_house_view,
    draw_ship_view,
)


def draw_illustration(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw an illustration in black line, ``L``, of ``size`` = (width, height)."""
    pen = Pen(style, rng, size)
    _compose(pen, (0.3, 0.34, 0.36))
    return pen.finish()


def draw_colour_illustration(
    style: BookStyle, rng: np.random.Generator, size: tuple[int, int]
) -> Image.Image:
    """Draw an illustration with colours of the book's palette, ``RGB``."""
    pen = Pen(style, rng, size, coloured=True)
    if rng.random() < 0.12:
        pen.fill(rectangle(0, 0, pen.width, pen.height), pen.tint())
    _compose(pen, (0.5, 0.08, 0.42))
    return pen.finish()


def _compose(pen: Pen, odds: tuple[float, float, float]) -> None:
    """Choose nature, technique or a scene by ``odds``, and lay it out with its lettering."""
    rng = pen.rng
    inset = rng.uniform(0.01, 0.08)
    box = (inset * pen.width, inset * pen.height, (1 - inset) * pen.width, (1 - inset) * pen.height)
    subject = rng.choice(3, p=np.array(odds) / sum(odds))
    if subject == 2:
        if rng.random() < 0.2:
            draw_standing_figure(pen, box)
        else:
            _SCENES[int(rng.integers(len(_SCENES)))](pen, box)
        if rng.random() < 0.35:
            _inscription(pen, box)
        return
    motifs = _NATURE if subject == 0 else _TECHNIQUE
    motif = motifs[int(rng.integers(len(motifs)))]
    cells = _cells(rng, box)
    for cell in cells:
        motif(pen, cell)
        if rng.random() < 0.25:
            motif = motifs[int(rng.integers(len(motifs)))]
    if rng.random() < (0.75 if subject == 1 else 0.3):
        _callouts(pen, box)


def _cells(rng: np.random.Generator, box: Box) -> list[Box]:
    """Cut the sheet into one to six cells, each for one specimen."""
    wide, tall = box[2] - box[0], box[3] - box[1]
    columns = int(rng.choice((1, 2, 3), p=(0.6, 0.3, 0.1)))
    rows = int(rng.choice((1, 2), p=(0.7, 0.3)))
    if wide > 1.5 * tall and columns == 1 and rng.random() < 0.7:
        columns = 2
    cells = []
    for row in range(rows):
        for column in range(columns):
            left, top = box[0] + wide * column / columns, box[1] + tall * row / rows
            cells.append((left, top, left + 0.95 * wide / columns, top + 0.95 * tall / rows))
    return cells


def _callouts(pen: Pen, box: Box) -> None:
    """Name parts beside leader lines, or number them with letters."""
    rng = pen.rng
    em = max(pen.width, pen.height) * rng.uniform(0.025, 0.05)
    letters = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 7))):
        word = pick(rng, LETTERS) if letters else pick(rng, PARTS)
        vertical = rng.random() < 0.4
        x, y = rng.uniform(box[0], box[2] - 2 * em), rng.uniform(box[1], box[3] - 2 * em)
        towards = points((pen.width / 2, pen.height / 2)) - points((x, y))
        end = points((x, y))[0] + towards[0] * rng.uniform(0.2, 0.55)
        pen.line(points((x + em / 2, y + em / 2), (end[0], end[1])), 0.5)
        long = len(word) * em
        area = (x, y, x + (em if vertical else long), y + (long if vertical else em) * 1.1)
        pen.fill(rectangle(area[0], area[1], area[2], area[3]), 255)
        pen.text(x, y, word, em, vertical)


def _inscription(pen: Pen, box: Box) -> None:
    """Write a few columns of text into an upper corner, as picture books do."""
    rng = pen.rng
    em = max(pen.width, pen.height) * rng.uniform(0.022, 0.04)
    columns = int(rng.integers(1, 6))
    right = rng.random() < 0.6
    start = box[2] - 1.5 * em if right else box[0] + 1.4 * em * columns
    for i in range(columns):
        count = int(rng.integers(3, max(4, int(0.55 * (box[3] - box[1]) / em))))
        pen.text(start - 1.35 * em * i, box[1] + 0.5 * em, running_text(rng, count), em, vertical=True)
