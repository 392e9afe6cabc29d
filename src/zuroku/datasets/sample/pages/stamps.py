"""Stamps pressed on finished pages: where, how large, and how their ink lies over the print."""

import numpy as np
from PIL import Image

from zuroku.datasets.sample.pages.look import PageLook
from zuroku.datasets.sample.pages.sheet import Sheet, ink_box
from zuroku.datasets.sample.seals import draw_seal
from zuroku.datasets.sample.strokes import Box

_TRIES = 12
_DRAWN_PX = 300
"""Seals are cut for a few hundred pixels; their strokes do not fit into fewer."""


def press_stamp(sheet: Sheet, look: PageLook, rng: np.random.Generator, leaf: Box, corner: bool) -> None:
    """Press one stamp on ``leaf``: in an upper corner, as libraries do, or anywhere."""
    high = leaf[3] - leaf[1]
    side = round(high * float(np.exp(rng.uniform(np.log(0.055), np.log(0.2)))))
    seal = _seal_on_blank(look, rng, max(28, side))
    if corner:
        x = rng.uniform(leaf[0] + 0.03 * high, max(leaf[0] + 0.04 * high, leaf[2] - 1.1 * side))
        y = leaf[1] + rng.uniform(0.01, 0.08) * high
    else:
        x, y = rng.uniform(leaf[0], leaf[2] - side), rng.uniform(leaf[1], leaf[3] - side)
    at = (round(x), round(y))
    found = ink_box(seal, 225)
    if found is None:
        return
    sheet.overprint(seal, at)
    box = (at[0] + found[0], at[1] + found[1], at[0] + found[2], at[1] + found[3])
    sheet.zone("5_stamp", box)


def _seal_on_blank(look: PageLook, rng: np.random.Generator, side: int) -> Image.Image:
    """Draw a seal without the invented text that some seals are drawn over.

    Such text runs over the lower edge, which a seal alone does not reach.
    """
    drawn = max(_DRAWN_PX, side)
    for _ in range(_TRIES):
        seal = draw_seal(look.style, rng, (drawn, drawn))
        edge = seal.crop((0, drawn - 2, drawn, drawn))
        if ink_box(edge, 250) is None:
            break
    return seal.resize((side, side), Image.Resampling.LANCZOS)
