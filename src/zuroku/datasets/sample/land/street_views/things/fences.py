"""What stands between a plot and the street: hedges, block walls, boards, stone walls, panels."""

from dataclasses import dataclass
from functools import lru_cache
from math import hypot

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.land.street_views.camera.light import Light
from zuroku.datasets.sample.land.street_views.camera.optics import Colour, View
from zuroku.datasets.sample.land.street_views.camera.planes import ground_noise

_HEIGHTS_M = {"hedge": 1.4, "blocks": 1.3, "boards": 1.5, "stones": 1.1, "panels": 1.2}
_PX = 20


@dataclass(frozen=True)
class Fence:
    """A fence of ``kind`` along the street from ``s0`` to ``s1``, at ``t`` to the right of its middle."""

    s0: float
    s1: float
    t: float
    kind: str
    leaf: Colour
    variant: int
    light: Light

    @property
    def distance(self) -> float:
        return hypot(0.5 * (self.s0 + self.s1), self.t)

    def draw(self, view: View) -> None:
        side = 1.0 if self.t > 0 else -1.0
        long, tall = self.s1 - self.s0, _HEIGHTS_M[self.kind]
        if not view.outline(
            [(self.s0, self.t, 0), (self.s1, self.t, 0), (self.s1, self.t, tall), (self.s0, self.t, tall)]
        ):
            return
        whole = _stretch(self.kind, self.leaf, self.variant % 3)
        picture = whole.crop((0, 0, max(2, min(whole.width, round(long * _PX))), whole.height))
        lit = self.light.on_picture(picture, (0.0, -side, 0.15), self.distance)
        thick = 0.7 if self.kind == "hedge" else 0.15
        top = self.light.on(_TOPS.get(self.kind, self.leaf), (0, 0, 1), self.distance)
        back = self.t + side * thick
        for s, towards in ((self.s0, -1.0), (self.s1, 1.0)):
            if (view.eye[0] - s) * towards > 0:
                end = self.light.on(_TOPS.get(self.kind, self.leaf), (towards, 0, 0), self.distance)
                view.polygon([(s, self.t, 0), (s, back, 0), (s, back, tall), (s, self.t, tall)], end)
        view.wall((self.s0, self.t), (self.s1, self.t), 0.0, tall, lit)
        if view.eye[2] > tall:
            view.polygon(
                [
                    (self.s0, self.t, tall),
                    (self.s1, self.t, tall),
                    (self.s1, back, tall),
                    (self.s0, back, tall),
                ],
                top,
            )


_TOPS: dict[str, Colour] = {
    "blocks": (176, 172, 164),
    "boards": (92, 70, 54),
    "stones": (150, 146, 134),
    "panels": (208, 210, 208),
}


@lru_cache(maxsize=48)
def _stretch(kind: str, leaf: Colour, variant: int) -> Image.Image:
    """Draw 14 m of a fence, unlit."""
    tall = _HEIGHTS_M[kind]
    size = (14 * _PX, round(tall * _PX))
    picture = Image.new("RGB", size, _TOPS.get(kind, leaf))
    draw = ImageDraw.Draw(picture)
    if kind == "blocks":
        for row, y in enumerate(np.arange(0, size[1], 0.2 * _PX)):
            draw.line((0, y, size[0], y), fill=(146, 142, 136))
            for x in np.arange((row % 2) * 0.2 * _PX, size[0], 0.4 * _PX):
                draw.line((x, y, x, y + 0.2 * _PX), fill=(146, 142, 136))
        draw.rectangle((0, 0, size[0], 2), fill=(190, 186, 178))
    elif kind == "boards":
        for x in np.arange(0, size[0], 0.22 * _PX):
            draw.line((x, 0, x, size[1]), fill=(60, 46, 36))
        draw.rectangle((0, 0, size[0], 2), fill=(60, 46, 36))
    elif kind == "stones":
        for row in range(4):
            x = -0.3 * _PX * (row % 2)
            while x < size[0]:
                wide = _PX * (0.45 + 0.25 * ((x * 7 + row * 13 + variant) % 5) / 5)
                shade = int(120 + 44 * ((x * 3 + row * 5) % 7) / 7)
                y = row * size[1] / 4
                draw.rounded_rectangle(
                    (x, y, x + wide - 1, y + size[1] / 4 - 1), 2, fill=(shade, shade - 4, shade - 16)
                )
                x += wide
    elif kind == "panels":
        for x in np.arange(0, size[0], 1.0 * _PX):
            draw.rectangle((x, 0, x + 0.08 * _PX, size[1]), fill=(150, 152, 152))
        for y in np.arange(0.1 * _PX, size[1], 0.25 * _PX):
            draw.line((0, y, size[0], y), fill=(176, 180, 180))
    noise = ground_noise(8)[40 * variant : 40 * variant + size[1], : size[0]]
    strength = 0.24 if kind == "hedge" else 0.06
    rows = np.linspace(1.12, 0.74, size[1], dtype=np.float32)[:, None]
    pixels = np.asarray(picture, np.float32) * ((1 + strength * noise) * rows)[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
