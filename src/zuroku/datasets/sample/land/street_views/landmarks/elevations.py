"""A sheet on which the front of a landmark is drawn in metres, and the parts of Japanese buildings.

Which landmark is put together from which parts says ``landmarks``.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.land.street_views.camera.optics import Colour, Pixel, tone
from zuroku.datasets.sample.land.street_views.camera.planes import ground_noise
from zuroku.datasets.sample.lettering import set_line

_LONG_PX = 400


class Elevation:
    """A picture with holes (RGBA) of something ``wide_m`` by ``tall_m``.

    Places on it are metres: x to the right of its middle, y up from its foot.
    """

    def __init__(self, wide_m: float, tall_m: float) -> None:
        self.wide_m, self.tall_m = wide_m, tall_m
        self.px = _LONG_PX / max(wide_m, tall_m)
        self.picture = Image.new("RGBA", (round(wide_m * self.px), round(tall_m * self.px)), (0, 0, 0, 0))
        self.glow = Image.new("RGBA", self.picture.size, (0, 0, 0, 0))
        self.draw, self.shine = ImageDraw.Draw(self.picture), ImageDraw.Draw(self.glow)

    def at(self, x: float, y: float) -> Pixel:
        """Return the pixel of a place in metres."""
        return (x + self.wide_m / 2) * self.px, (self.tall_m - y) * self.px

    def shape(self, points: Sequence[tuple[float, float]], fill: Colour) -> None:
        """Fill an outline given in metres."""
        pixels = [self.at(x, y) for x, y in points]
        self.draw.polygon(pixels, fill=(*fill, 255))
        self.shine.polygon(pixels, fill=(0, 0, 0, 0))

    def box(
        self, x0: float, x1: float, y0: float, y1: float, fill: Colour, lit: Colour | None = None
    ) -> None:
        """Fill an upright rectangle; by night it shines in ``lit``."""
        (left, bottom), (right, top) = self.at(x0, y0), self.at(x1, y1)
        area = (left, top, max(left, right - 1), max(top, bottom - 1))
        self.draw.rectangle(area, fill=(*fill, 255))
        self.shine.rectangle(area, fill=(*lit, 255) if lit else (0, 0, 0, 0))

    def post(self, x: float, y0: float, y1: float, wide: float, fill: Colour, lean: float = 0.0) -> None:
        """Draw a round post, light on its left; its head leans ``lean`` metres to the right."""
        for off, share, factor in ((0.0, 1.0, 1.0), (0.3, 0.4, 0.7), (-0.25, 0.25, 1.18)):
            half, middle = share * wide / 2, x + off * wide
            points = [
                (middle - half, y0),
                (middle + half, y0),
                (middle + half + lean, y1),
                (middle - half + lean, y1),
            ]
            self.shape(points, tone(fill, factor))

    def beam(self, one: tuple[float, float], two: tuple[float, float], wide: float, fill: Colour) -> None:
        """Draw a straight bar."""
        self.draw.line((self.at(*one), self.at(*two)), (*fill, 255), max(1, round(wide * self.px)))

    def letters(
        self, x: float, y: float, text: str, tall: float, fill: Colour, upright: bool = False
    ) -> None:
        """Set ``text`` about ``x``, its middle at height ``y``, letters ``tall`` metres high."""
        size = tall * self.px
        if upright:
            left, top = self.at(x - tall / 2, y + 0.53 * tall * len(text))
        else:
            left, top = self.at(x - tall * len(text) / 2, y + 0.62 * tall)
        set_line(self.draw, (left, top), text, size, fill, vertical=upright)

    def swept_roof(
        self,
        x: float,
        y: float,
        half: float,
        rise: float,
        fill: Colour,
        ridge: float = 0.5,
        lift: float = 0.12,
    ) -> None:
        """Draw a hip roof with hollow slopes and lifted corners; ``ridge`` is a share of its half width."""
        steps = np.linspace(0, 1, 14)
        # From the corner of the eaves up to the ridge the slope grows steeper.
        edge = [
            (half - (half - ridge * half) * float(u), rise * float(0.55 * u + 0.45 * u**2.2)) for u in steps
        ]
        eaves = [
            (half * float(u), lift * rise * float(abs(u)) ** 4 - 0.06 * rise) for u in np.linspace(1, -1, 17)
        ]
        right = [(half, lift * rise), *edge[1:]]
        left = [(-a, b) for a, b in reversed(right)]
        outline = [(x + a, y + b) for a, b in (*right, *left, *reversed(eaves))]
        self.shape(outline, fill)
        dark = tone(fill, 0.8)
        count = max(6, int(half * 2.4))
        for i in range(-count, count + 1):
            u = i / count
            foot = (x + u * half, y + lift * rise * abs(u) ** 4)
            head = (x + u * ridge * half, y + rise)
            middle = (0.5 * (foot[0] + head[0]) - 0.06 * u * half, y + 0.38 * rise)
            self.draw.line([self.at(*foot), self.at(*middle), self.at(*head)], (*dark, 255), 1)
        lip = [self.at(x + a, y + b) for a, b in eaves]
        self.draw.line(lip, (*tone(fill, 0.55), 255), max(2, round(0.16 * self.px)))
        self.box(
            x - ridge * half * 1.06,
            x + ridge * half * 1.06,
            y + rise - 0.1,
            y + rise + 0.35,
            tone(fill, 0.66),
        )

    def gable(self, x: float, y: float, half: float, rise: float, roof: Colour, wall: Colour) -> None:
        """Draw a gable with lifted barges."""
        self.shape([(x - half, y), (x, y + rise), (x + half, y)], roof)
        self.shape([(x - 0.7 * half, y), (x, y + 0.7 * rise), (x + 0.7 * half, y)], wall)
        self.box(x - 0.08 * half, x + 0.08 * half, y + 0.1 * rise, y + 0.55 * rise, tone(roof, 0.8))

    def bays(
        self, x0: float, x1: float, y0: float, y1: float, count: int, wood: Colour, fill: Colour
    ) -> None:
        """Draw a wall between posts, with screens in its bays."""
        self.box(x0, x1, y0, y1, fill)
        step = (x1 - x0) / count
        for i in range(count):
            left = x0 + i * step
            if i % 2 == count // 2 % 2:
                self.box(
                    left + 0.15 * step,
                    left + 0.85 * step,
                    y0,
                    y0 + 0.8 * (y1 - y0),
                    tone(wood, 0.55),
                    (230, 180, 110),
                )
                for j in range(1, 4):
                    bar = left + (0.15 + 0.175 * j) * step
                    self.box(bar - 0.04, bar + 0.04, y0, y0 + 0.8 * (y1 - y0), tone(wood, 0.9))
        for i in range(count + 1):
            self.post(x0 + i * step, y0, y1, 0.32, wood)
        self.box(x0 - 0.2, x1 + 0.2, y1 - 0.3, y1, tone(wood, 0.85))
        # The eaves throw their shadow on the wall.
        self.box(x0, x1, y1 - 0.12 * (y1 - y0), y1, tone(wood, 0.6))

    def finish(self, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
        """Return the picture, weathered and darker on its right, and what shines by night."""
        pixels = np.asarray(self.picture, np.float32).copy()
        height, width = pixels.shape[:2]
        row, column = (int(v) for v in rng.integers(0, 100, 2))
        stain = ground_noise(7)[row : row + height, column : column + width]
        side = np.linspace(1.07, 0.86, width, dtype=np.float32)[None]
        pixels[..., :3] *= ((1 + 0.075 * stain) * side)[..., None]
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), self.glow
