"""Pictures of house fronts and sides: walls, windows, doors, balconies, shops.

They are flat and unlit; ``buildings`` puts them up in the street and lights them.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from zuroku.datasets.sample.land.street_views.camera.optics import Colour
from zuroku.datasets.sample.land.street_views.habits import Habits, TownHabits, jittered
from zuroku.datasets.sample.land.street_views.things.signs import fascia
from zuroku.datasets.sample.noise import fractal, seeded_rng

STOREY_M = 2.9


@dataclass(frozen=True)
class Front:
    """A picture of a wall (RGB), and what shines on it by night (RGBA, empty elsewhere)."""

    picture: Image.Image
    glow: Image.Image


@dataclass
class _Sheet:
    """A wall that is being drawn; lengths are metres from its lower left corner."""

    front: Front
    px: float
    tall_m: float

    def __post_init__(self) -> None:
        self.draw = ImageDraw.Draw(self.front.picture)
        self.shine = ImageDraw.Draw(self.front.glow)

    def box(
        self, x: float, y: float, wide: float, tall: float, fill: Colour, lit: Colour | None = None
    ) -> None:
        left, top = round(x * self.px), round((self.tall_m - y - tall) * self.px)
        right, bottom = (
            max(left, round((x + wide) * self.px) - 1),
            max(top, round((self.tall_m - y) * self.px) - 1),
        )
        self.draw.rectangle((left, top, right, bottom), fill=fill)
        self.shine.rectangle((left, top, right, bottom), fill=(*lit, 255) if lit else (0, 0, 0, 0))


def front_of(
    rng: np.random.Generator,
    wide_m: float,
    storeys: int,
    wall: Colour,
    habits: Habits,
    name: str | None,
    px: float,
) -> Front:
    """Draw the front of a house, a shop called ``name``, or a block of flats, at ``px`` pixels per metre."""
    sheet = _blank(rng, wide_m, storeys, wall, habits.region.cladding, px)
    if storeys >= 4:
        _flats(rng, sheet, wide_m, storeys, wall)
    else:
        for storey in range(1 if name else 0, storeys):
            _windows(rng, sheet, wide_m, storey, wall)
        if not name:
            _door(rng, sheet, wide_m)
    if name:
        _shop(rng, sheet, wide_m, habits.town, name)
    return sheet.front


def side_of(
    rng: np.random.Generator, wide_m: float, storeys: int, wall: Colour, habits: Habits, px: float
) -> Front:
    """Draw a side: the same wall with few small windows."""
    sheet = _blank(rng, wide_m, storeys, wall, habits.region.cladding, px)
    for storey in range(storeys):
        for x in np.arange(1.2, wide_m - 1.4, 2.8):
            if rng.random() < 0.45:
                _window(rng, sheet, float(x), storey * STOREY_M + 1.2, 0.8, 0.9)
    return sheet.front


@lru_cache(maxsize=1)
def _grime() -> Image.Image:
    """Return stains for walls, 256 pixels square, neutral at 128."""
    field = fractal(seeded_rng(5, 3), (256, 256), (5, 9), 0.75, 6)
    return Image.fromarray(np.clip(128 + 26 * field, 0, 255).astype(np.uint8))


def _blank(
    rng: np.random.Generator, wide_m: float, storeys: int, wall: Colour, cladding: str, px: float
) -> _Sheet:
    tall_m = storeys * STOREY_M + 0.3
    size = (max(4, round(wide_m * px)), max(4, round(tall_m * px)))
    picture = Image.new("RGB", size, wall)
    draw = ImageDraw.Draw(picture)
    seam = jittered(rng, (int(wall[0] * 0.91), int(wall[1] * 0.91), int(wall[2] * 0.91)), 3)
    if cladding in ("siding", "tiles") and px > 8:
        for y in np.arange(0, size[1], 0.3 * px):
            draw.line((0, y, size[0], y), fill=seam)
    if cladding in ("boards", "tiles") and px > 8:
        for x in np.arange(0, size[0], (0.3 if cladding == "boards" else 0.6) * px):
            draw.line((x, 0, x, size[1]), fill=seam)
    left, top = (int(v) for v in rng.integers(0, 100, 2))
    stains = _grime().crop((left, top, left + 140, top + 140)).resize(size, Image.Resampling.BILINEAR)
    grey = np.asarray(stains, np.float32) / 128
    # Walls are darker under the eaves and dirty at the foot.
    rows = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    shade = (0.72 + 0.28 * grey) * (1 - 0.28 * np.exp(-rows * 14) - 0.14 * np.exp((rows - 1) * 9))
    worn = Image.fromarray(np.clip(235 * shade, 0, 255).astype(np.uint8))
    picture = ImageChops.multiply(picture, Image.merge("RGB", (worn, worn, worn)))
    return _Sheet(Front(picture, Image.new("RGBA", size, (0, 0, 0, 0))), px, tall_m)


def _window(rng: np.random.Generator, sheet: _Sheet, x: float, y: float, wide: float, tall: float) -> None:
    frame: Colour = (206, 208, 206) if rng.random() < 0.6 else (72, 66, 62)
    sheet.box(x - 0.08, y - 0.1, wide + 0.16, tall + 0.18, frame)
    tone = int(rng.uniform(38, 92))
    glass: Colour = (tone - 6, tone + 4, tone + 14)
    warm: Colour = (255, int(rng.uniform(206, 240)), int(rng.uniform(140, 200)))
    lit = warm if rng.random() < 0.42 else None
    sheet.box(x, y, wide, tall, glass, lit)
    # The upper part of a pane mirrors the sky.
    sheet.box(x, y + 0.55 * tall, wide, 0.45 * tall, (tone + 34, tone + 48, tone + 60), lit)
    if rng.random() < 0.45:
        cloth = jittered(rng, (214, 208, 196), 18)
        sheet.box(x, y, wide * float(rng.uniform(0.2, 0.5)), tall, cloth, lit)
    sheet.box(x + wide / 2 - 0.04, y, 0.08, tall, frame)
    sheet.box(x - 0.12, y - 0.16, wide + 0.24, 0.1, (120, 118, 114))


def _windows(rng: np.random.Generator, sheet: _Sheet, wide_m: float, storey: int, wall: Colour) -> None:
    floor = storey * STOREY_M
    balcony = storey > 0 and rng.random() < 0.35
    count = max(1, int((wide_m - 0.8) / rng.uniform(2.2, 3.0)))
    gap = wide_m / count
    for i in range(count):
        if rng.random() < 0.14:
            continue
        wide = float(min(gap - 0.5, rng.uniform(1.1, 1.9)))
        tall = float(rng.uniform(1.0, 1.35)) if not balcony else 1.8
        _window(rng, sheet, i * gap + (gap - wide) / 2, floor + (2.25 - tall), wide, tall)
    if balcony:
        light = jittered(rng, (min(255, wall[0] + 18), min(255, wall[1] + 18), min(255, wall[2] + 18)), 6)
        sheet.box(0.5, floor - 0.1, wide_m - 1.0, 1.05, light)
        sheet.box(0.5, floor + 0.93, wide_m - 1.0, 0.07, (96, 94, 92))
        sheet.box(0.5, floor - 0.3, wide_m - 1.0, 0.2, (70, 66, 64))
    elif rng.random() < 0.4:
        x = float(rng.uniform(0.2, max(0.3, wide_m - 1.2)))
        sheet.box(x, floor + 0.15, 0.8, 0.6, (204, 204, 198))
        sheet.box(x + 0.1, floor + 0.2, 0.4, 0.45, (150, 152, 150))


def _door(rng: np.random.Generator, sheet: _Sheet, wide_m: float) -> None:
    x = float(rng.uniform(0.4, max(0.5, wide_m - 1.8)))
    sheet.box(x - 0.25, 0, 1.5, 2.5, (86, 78, 70))
    sheet.box(x, 0, 1.0, 2.2, jittered(rng, (104, 70, 48), 24))
    sheet.box(x + 0.3, 0.5, 0.15, 1.4, (196, 200, 190), (240, 214, 160))
    sheet.box(x - 0.5, 2.5, 2.0, 0.16, (110, 106, 102))


def _flats(rng: np.random.Generator, sheet: _Sheet, wide_m: float, storeys: int, wall: Colour) -> None:
    light = jittered(rng, (min(255, wall[0] + 14), min(255, wall[1] + 14), min(255, wall[2] + 14)), 8)
    bay = float(rng.uniform(2.6, 3.6))
    for storey in range(storeys):
        floor = storey * STOREY_M
        sheet.box(0.3, floor + 0.1, wide_m - 0.6, 2.4, (84, 84, 86))
        for x in np.arange(0.5, wide_m - 1.6, bay):
            _window(rng, sheet, float(x), floor + 0.4, 1.7, 1.9)
            sheet.box(float(x) + bay - 0.35, floor, 0.14, STOREY_M, wall)
        sheet.box(0.2, floor - 0.15, wide_m - 0.4, 1.2, light)
        sheet.box(0.2, floor + 1.02, wide_m - 0.4, 0.08, (150, 150, 148))


def _shop(rng: np.random.Generator, sheet: _Sheet, wide_m: float, town: TownHabits, name: str) -> None:
    sheet.box(0.2, 0, wide_m - 0.4, 2.35, (66, 60, 56))
    count = max(2, int(wide_m / 1.4))
    pane = (wide_m - 0.6) / count
    for i in range(count):
        tone = int(rng.uniform(70, 130))
        warm: Colour = (tone + 26, tone + 10, tone - 16)
        left = 0.3 + i * pane + 0.05
        sheet.box(left, 0.35, pane - 0.1, 1.9, warm, (255, 226, 168))
        sheet.box(left, 1.5, pane - 0.1, 0.75, (tone + 60, tone + 64, tone + 62), (255, 240, 206))
        for shelf in (0.6, 1.0):
            goods = jittered(rng, (150, 120, 90), 60)
            sheet.box(left, shelf, pane - 0.2, 0.14, goods, goods)
    board = fascia(town, name, (max(8, round((wide_m - 0.3) * sheet.px)), max(5, round(0.95 * sheet.px))))
    at = (round(0.15 * sheet.px), round((sheet.tall_m - 3.35) * sheet.px))
    sheet.front.picture.paste(board, at)
    sheet.front.glow.paste(board, at)
    sheet.box(0.1, 2.28, wide_m - 0.2, 0.14, (50, 46, 44))
