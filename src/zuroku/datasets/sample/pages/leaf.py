"""One leaf being printed: its place on the sheet, its type area, and what printing on it needs."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from zuroku.datasets.sample.pages.look import PageLook
from zuroku.datasets.sample.pages.prose import Writer
from zuroku.datasets.sample.pages.sheet import Sheet
from zuroku.datasets.sample.pages.typesetting import Type
from zuroku.datasets.sample.strokes import Box


@dataclass(frozen=True)
class Leaf:
    """A leaf at ``box`` (pixels of the sheet), bound at its ``bound`` side; ``number`` is its page."""

    sheet: Sheet
    look: PageLook
    rng: np.random.Generator
    box: Box
    bound: Literal["left", "right"]
    number: int
    title: str

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.box[3] - self.box[1]

    @property
    def unit(self) -> float:
        """A hair line in pixels; at least one on a leaf of 600."""
        return max(1.0, self.height / 600)

    @property
    def block(self) -> Box:
        """The type area."""
        left, top, right, bottom = self.box
        look = self.look
        inner, outer = look.gutter * self.width, look.fore_edge * self.width
        if self.bound == "right":
            inner, outer = outer, inner
        return (
            left + inner,
            top + look.head * self.height,
            right - outer,
            bottom - look.foot * self.height,
        )

    @property
    def body(self) -> Type:
        """How running text is set."""
        em = max(9, round(self.look.em * self.height))
        return Type(em, em * self.look.pitch, self.look.direction, self.look.face)

    def scaled(self, factor: float, **changes: object) -> Type:
        """Return the body type at ``factor`` times its size."""
        em = max(7, round(self.body.em_px * factor))
        return replace(self.body, em_px=em, pitch_px=em * self.look.pitch, **changes)  # type: ignore[arg-type]

    def writer(self) -> Writer:
        """Return a writer in the book's manner."""
        look = self.look
        horizontal = look.direction == "yoko"
        return Writer(self.rng, look.manner, look.old_forms, look.ruby_share, horizontal, antique=look.rare)


def inset(box: Box, by: float) -> Box:
    """Return ``box`` shrunk by ``by`` pixels on every side."""
    return box[0] + by, box[1] + by, box[2] - by, box[3] - by
