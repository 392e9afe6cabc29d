"""The ideal print of a whole image: white paper, black or coloured ink, and the zones laid on it.

Coordinates are pixels of the unscanned image. What press, age and camera do to it is in
``photography``.
"""

from typing import Literal

from PIL import Image, ImageChops, ImageDraw

from zuroku.datasets.sample.strokes import Box
from zuroku.datasets.zones import Zone

Direction = Literal["tate", "yoko"]


class Sheet:
    """A print of ``size`` = (width, height) pixels and its zones so far."""

    def __init__(self, size: tuple[int, int], coloured: bool) -> None:
        self.size = size
        self.coloured = coloured
        self.image = Image.new("RGB" if coloured else "L", size, (255, 255, 255) if coloured else 255)
        self.draw = ImageDraw.Draw(self.image)
        self.zones: list[Zone] = []

    def tone(self, value: int) -> int | tuple[int, int, int]:
        """Return the grey ``value`` as a colour of this sheet."""
        return (value, value, value) if self.coloured else value

    def ink(self, mask: Image.Image, xy: tuple[int, int], tone: int = 0) -> None:
        """Print ``mask`` (``L``, 255 where inked) with its upper left corner at ``xy``."""
        self.draw.bitmap(xy, mask, fill=self.tone(tone))

    def overprint(self, picture: Image.Image, xy: tuple[int, int]) -> None:
        """Print ``picture`` over what is there, as translucent ink; parts outside the sheet are lost."""
        area = (xy[0], xy[1], xy[0] + picture.width, xy[1] + picture.height)
        under = self.image.crop(area)
        self.image.paste(ImageChops.multiply(under, picture.convert(self.image.mode)), xy)

    def rule(self, ends: Box, weight_px: float, tone: int = 0) -> None:
        """Draw a straight line from (left, top) to (right, bottom)."""
        self.draw.line(ends, fill=self.tone(tone), width=max(1, round(weight_px)))

    def frame(self, box: Box, weight_px: float, tone: int = 0) -> None:
        """Draw the outline of ``box``, its weight inwards."""
        left, top, right, bottom = (round(edge) for edge in box)
        self.draw.rectangle(
            (left, top, right - 1, bottom - 1), outline=self.tone(tone), width=max(1, round(weight_px))
        )

    def zone(self, label: str, box: Box, text: str = "", direction: Direction | Literal[""] = "") -> None:
        """Record a zone."""
        left, top, right, bottom = map(float, box)
        self.zones.append(Zone(label, left, top, right, bottom, text, direction))


def hull(boxes: list[Box]) -> Box:
    """Return the smallest box around ``boxes``, of which there must be one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def ink_box(picture: Image.Image, paper: int = 250) -> tuple[int, int, int, int] | None:
    """Return the box of what is darker than ``paper`` in ``picture``; None where nothing is."""
    # The darkest band, so that pale yellow counts as ink.
    bands = picture.split()
    darkest = bands[0]
    for band in bands[1:]:
        darkest = ImageChops.darker(darkest, band)
    return darkest.point(lambda tone: 255 * (tone < paper)).getbbox()
