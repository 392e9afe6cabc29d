"""One opening or single leaf: where the book lies in the image, and what is printed on its leaves.

The result is the flat, ideal print; how it is photographed is in ``photography``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zuroku.datasets.sample.lettering import set_line
from zuroku.datasets.sample.pages import modern, rare
from zuroku.datasets.sample.pages.leaf import Leaf
from zuroku.datasets.sample.pages.look import PageLook
from zuroku.datasets.sample.pages.orthography import in_old_forms
from zuroku.datasets.sample.pages.plates import draw_plate
from zuroku.datasets.sample.pages.sheet import Sheet, hull
from zuroku.datasets.sample.pages.stamps import press_stamp
from zuroku.datasets.sample.strokes import Box

Face = Literal[
    "text", "figures", "plate", "across", "chapter", "table", "title", "colophon", "blank", "cover"
]
"""What is printed on a leaf; ``across`` is a figure over both leaves of an opening."""

MODERN_FACES: dict[str, Callable[[Leaf], None]] = {
    "text": modern.draw_text_page,
    "chapter": modern.draw_chapter_page,
    "figures": modern.draw_figure_page,
    "plate": modern.draw_plate_page,
    "table": modern.draw_table_page,
    "title": modern.draw_title_page,
    "blank": modern.draw_blank_page,
}
RARE_FACES: dict[str, Callable[[Leaf], None]] = {
    "text": rare.draw_text_page,
    "figures": rare.draw_figure_page,
    "plate": rare.draw_plate_page,
    "colophon": rare.draw_colophon,
    "blank": rare.draw_blank_page,
    "cover": rare.draw_cover,
}


@dataclass(frozen=True)
class Opening:
    """A printed opening, flat: the sheet, the boxes of its leaves from left to right, and the fold."""

    sheet: Sheet
    leaves: tuple[Box, ...]
    gutter_x: float


def print_opening(
    look: PageLook,
    rng: np.random.Generator,
    long_side_px: int,
    faces: Sequence[Face],
    number: int,
    title: str,
    stamps: int,
) -> Opening:
    """Print ``faces`` (left to right: one, or two of an opening) and press ``stamps``.

    ``number`` is the lower page number.
    """
    short = round(long_side_px / look.image_aspect)
    size = (long_side_px, short) if look.spread else (short, long_side_px)
    title = in_old_forms(title) if look.old_forms else title
    sheet = Sheet(size, look.style.scan == "colour")
    boxes, gutter_x = _lay(look, rng, size, len(faces) if faces[0] != "across" else 2)
    leaves = []
    for place, box in enumerate(boxes):
        bound: Literal["left", "right"] = "right" if box[2] <= gutter_x + 1 else "left"
        # Books read from right to left have the lower number on the right.
        later = (bound == "right") == (look.direction == "tate")
        leaves.append(Leaf(sheet, look, rng, box, bound, number + (later and look.spread), title))
        if faces[0] != "across":
            (RARE_FACES if look.rare else MODERN_FACES)[faces[place]](leaves[-1])
    if faces[0] == "across":
        _print_across(leaves)
    for _ in range(stamps):
        press_stamp(sheet, look, rng, boxes[int(rng.integers(len(boxes)))], corner=rng.random() < 0.6)
    if look.rare and rng.random() < 0.15:
        _accession_number(sheet, rng, boxes[-1])
    return Opening(sheet, tuple(boxes), gutter_x)


def _lay(
    look: PageLook, rng: np.random.Generator, size: tuple[int, int], count: int
) -> tuple[list[Box], float]:
    """Lay ``count`` leaves on an image of ``size``; return their boxes and where the fold lies.

    A cover on an image made for openings lies on one half of it.
    """
    width, height = size
    across = 2 if look.spread else 1
    wide = min(width * look.fill / across, height * look.fill / look.leaf_aspect)
    high = wide * look.leaf_aspect
    slack_x, slack_y = width - across * wide, height - high
    left = slack_x * (0.5 + 0.5 * np.clip(rng.normal(0, 0.25), -0.9, 0.9))
    top = slack_y * (0.5 + 0.5 * np.clip(rng.normal(-0.1, 0.25), -0.9, 0.9))
    edges = [float(round(left + i * wide)) for i in range(across + 1)]
    y = float(round(top))
    boxes = [(edges[i], y, edges[i + 1], y + round(high)) for i in range(across)]
    bound_right = look.spread or rng.random() < 0.5
    return boxes[:count], boxes[0][2] if bound_right else boxes[0][0]


def _print_across(leaves: Sequence[Leaf]) -> None:
    """Print one figure over both leaves: in the frames of a rare book, or over a folded plate."""
    first = leaves[0]
    block = hull([leaf.block for leaf in leaves])
    if first.look.rare:
        for leaf in leaves:
            rare.draw_frame(leaf)
    elif first.rng.random() < 0.2:
        block = hull([leaf.box for leaf in leaves])
    draw_plate(first, block)


def _accession_number(sheet: Sheet, rng: np.random.Generator, leaf: Box) -> None:
    """Stamp a number at the head of the leaf, as libraries did; NDL-DocL does not annotate it."""
    em = 0.035 * (leaf[3] - leaf[1])
    ink = (96, 112, 150) if sheet.coloured else 110
    at = (leaf[0] + rng.uniform(0.1, 0.7) * (leaf[2] - leaf[0]), leaf[1] + 0.6 * em)
    set_line(sheet.draw, at, str(rng.integers(1000, 99999)), em, ink)
