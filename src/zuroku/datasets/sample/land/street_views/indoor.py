"""Inside a shop or a room: a box with shelves, pictures and a window, which says little about where it is."""

from collections.abc import Sequence
from math import hypot

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.land.street_views.camera.optics import Colour, View
from zuroku.datasets.sample.land.street_views.habits import habits_of, jittered
from zuroku.datasets.sample.land.street_views.plan import ViewPlan
from zuroku.datasets.sample.land.street_views.things.signs import column
from zuroku.datasets.sample.land.street_views.things.vegetation import tree_picture
from zuroku.datasets.sample.noise import fractal, seeded_rng

_PX = 44
_WALLS: tuple[Colour, ...] = (
    (214, 206, 190),
    (226, 224, 216),
    (190, 178, 156),
    (176, 186, 180),
    (206, 190, 170),
)
_FLOORS: tuple[Colour, ...] = ((150, 112, 76), (120, 86, 60), (176, 170, 158), (164, 158, 104), (104, 98, 92))


class Room:
    """A room around the camera, whose walls face the compass; ``half`` is half its size east and north."""

    def __init__(self, plan: ViewPlan) -> None:
        rng = seeded_rng(plan.seed, 31)
        self.plan, self.rng = plan, rng
        self.half = (float(rng.uniform(2.4, 4.6)), float(rng.uniform(2.4, 4.6)))
        self.tall = float(rng.uniform(2.4, 3.1))
        self.eye = (
            float(rng.uniform(-0.8, 0.8)),
            float(rng.uniform(-0.8, 0.8)),
            float(rng.uniform(1.35, 1.7)),
        )
        self.wall = jittered(rng, _WALLS[int(rng.integers(len(_WALLS)))], 12)
        self.floor_colour = jittered(rng, _FLOORS[int(rng.integers(len(_FLOORS)))], 12)
        self.habits = habits_of(plan.land_seed, plan.prefecture_code, plan.municipality_code, plan.town_code)
        kinds = rng.permutation(np.array(("window", "shelves", "pictures", "door", "shelves", "counter")))[:4]
        # Plan axes: s to the north, t to the east.
        n, e = self.half
        corners = [((n, -e), (n, e)), ((n, e), (-n, e)), ((-n, e), (-n, -e)), ((-n, -e), (n, -e))]
        self.walls = [
            (start, end, self._wall(str(kind), hypot(end[0] - start[0], end[1] - start[1])))
            for (start, end), kind in zip(corners, kinds, strict=True)
        ]
        self.floor, self.ceiling = self._floor(), self._ceiling()

    def draw(self, canvas: Image.Image, heading: float) -> None:
        """Draw what is seen towards ``heading`` (degrees from north)."""
        view = View(canvas, heading, heading, self.eye, 0.5)
        middle = int(view.middle[1])
        texels = self.floor.width / (2 * self.half[0])
        for picture, height, rows in (
            (self.ceiling, self.tall - self.eye[2], (0, middle)),
            (self.floor, -self.eye[2], (middle + 1, view.side)),
        ):
            bands = [view.flat(band, height, texels, rows, 60) for band in picture.split()]
            canvas.paste(Image.merge("RGB", bands), (0, rows[0]))
        for start, end, picture in self.walls:
            view.wall(start, end, 0.0, self.tall, picture)

    def _wall(self, kind: str, wide: float) -> Image.Image:
        """Draw one wall with what stands before it."""
        size = (round(wide * _PX), round(self.tall * _PX))
        picture = Image.new("RGB", size, self.wall)
        draw = ImageDraw.Draw(picture)
        floor = size[1]
        draw.rectangle((0, floor - 5, size[0], floor), fill=(96, 78, 62))
        if kind == "window":
            self._window(picture, draw, size)
        elif kind == "shelves":
            self._shelves(draw, (0.06 * size[0], 0.12 * floor, 0.94 * size[0], 0.97 * floor))
        elif kind == "counter":
            self._shelves(draw, (0.1 * size[0], 0.1 * floor, 0.9 * size[0], 0.42 * floor))
            top = 0.62 * floor
            draw.rectangle(
                (0.05 * size[0], top, 0.95 * size[0], floor), fill=jittered(self.rng, (120, 84, 56), 20)
            )
            draw.rectangle(
                (0.03 * size[0], top - 5, 0.97 * size[0], top + 3),
                fill=jittered(self.rng, (170, 130, 92), 16),
            )
        elif kind == "door":
            left = float(self.rng.uniform(0.15, 0.55)) * size[0]
            draw.rectangle(
                (left, 0.2 * floor, left + 0.95 * _PX, floor), fill=jittered(self.rng, (130, 96, 66), 20)
            )
            draw.rectangle(
                (left + 8, 0.26 * floor, left + 0.95 * _PX - 8, 0.55 * floor), fill=(206, 214, 212)
            )
            self._hang(picture, (left + 1.3 * _PX, 0.25 * floor))
        else:
            for _ in range(int(self.rng.integers(2, 5))):
                x, y = (
                    float(self.rng.uniform(0.05, 0.75)) * size[0],
                    float(self.rng.uniform(0.15, 0.4)) * floor,
                )
                w, h = float(self.rng.uniform(18, 48)), float(self.rng.uniform(18, 40))
                draw.rectangle((x, y, x + w, y + h), fill=(70, 54, 42))
                draw.rectangle(
                    (x + 3, y + 3, x + w - 3, y + h - 3), fill=jittered(self.rng, (150, 150, 140), 60)
                )
            self._table(draw, size)
        return self._shaded(picture)

    def _window(self, picture: Image.Image, draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
        """Draw a wide window; outside there is sky and a little green of the region."""
        left, top, right, bottom = (
            int(v) for v in (0.12 * size[0], 0.16 * size[1], 0.88 * size[0], 0.7 * size[1])
        )
        draw.rectangle((left - 5, top - 5, right + 5, bottom + 5), fill=(112, 90, 70))
        draw.rectangle((left, top, right, bottom), fill=(232, 240, 246))
        for _ in range(5):
            leaf = jittered(self.rng, self.habits.region.leaf, 14)
            tree = tree_picture(self.habits.region.trees[0], int(self.rng.integers(4)), leaf, 0.4)
            side = int(self.rng.uniform(0.5, 0.9) * (bottom - top))
            tree = Image.blend(
                tree.resize((side, side)), Image.new("RGBA", (side, side), (232, 240, 246, 0)), 0.35
            )
            at = (int(self.rng.uniform(left, max(left + 1, right - side))), bottom - side)
            picture.paste(tree, at, tree)
        for i in range(4):
            x = left + i * (right - left) / 3
            draw.rectangle((x - 2, top, x + 2, bottom), fill=(112, 90, 70))
        curtain = jittered(self.rng, (200, 190, 170), 26)
        draw.rectangle((left - 8, top - 8, left + 0.14 * (right - left), bottom + 10), fill=curtain)
        draw.rectangle((right - 0.14 * (right - left), top - 8, right + 8, bottom + 10), fill=curtain)

    def _shelves(self, draw: ImageDraw.ImageDraw, box: Sequence[float]) -> None:
        """Draw rows of goods of all colours."""
        left, top, right, bottom = box
        wood = jittered(self.rng, (126, 92, 64), 18)
        draw.rectangle((left, top, right, bottom), fill=tuple(int(0.55 * c) for c in wood))
        rows = max(2, int((bottom - top) / 20))
        tall = (bottom - top) / rows
        for row in range(rows):
            foot = top + (row + 1) * tall
            x = left + 3
            base = jittered(self.rng, (136, 124, 110), 80)
            while x < right - 4:
                wide = float(self.rng.uniform(3, 10))
                high = float(self.rng.uniform(0.45, 0.85)) * tall
                draw.rectangle(
                    (x, foot - high, min(right - 3, x + wide - 1), foot), fill=jittered(self.rng, base, 60)
                )
                x += wide
            draw.rectangle((left, foot - 1, right, foot + 2), fill=wood)

    def _hang(self, picture: Image.Image, at: tuple[float, float]) -> None:
        """Hang up a strip of paper with a trade of the town: the little evidence there is."""
        if self.rng.random() < 0.6:
            town = self.habits.town
            paper = column(town.words[int(self.rng.integers(6))], (244, 240, 228), (40, 36, 34), 15)
            picture.paste(paper, (int(at[0]), int(at[1])), paper)

    def _table(self, draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
        wood = jittered(self.rng, (140, 100, 66), 22)
        top = 0.72 * size[1]
        draw.rectangle((0.2 * size[0], top, 0.8 * size[0], top + 6), fill=wood)
        for share in (0.24, 0.74):
            draw.rectangle(
                (share * size[0], top, share * size[0] + 5, size[1]), fill=tuple(int(0.7 * c) for c in wood)
            )

    def _shaded(self, picture: Image.Image) -> Image.Image:
        """Darken towards the corners of the room, and roughen."""
        width, height = picture.size
        x = np.abs(np.linspace(-1, 1, width, dtype=np.float32))[None]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        grey = fractal(self.rng, picture.size, (6, 4), 0.6, 5)
        factor = (1.04 - 0.3 * x**6 - 0.16 * y * y + 0.025 * grey) * float(self.rng.uniform(0.78, 1.0))
        pixels = np.asarray(picture, np.float32) * factor[..., None] * np.array((1.04, 1.0, 0.93), np.float32)
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

    def _level(self, colour: Colour) -> Image.Image:
        return Image.new("RGB", (round(2 * self.half[0] * _PX), round(2 * self.half[1] * _PX)), colour)

    def _floor(self) -> Image.Image:
        picture = self._level(self.floor_colour)
        draw = ImageDraw.Draw(picture)
        seam = tuple(int(0.78 * c) for c in self.floor_colour)
        for y in range(0, picture.height, 9):
            draw.line((0, y, picture.width, y), fill=seam)
        return self._shaded(picture)

    def _ceiling(self) -> Image.Image:
        picture = self._level((206, 200, 188))
        draw = ImageDraw.Draw(picture)
        for x in range(0, picture.width, 40):
            draw.line((x, 0, x, picture.height), fill=(182, 174, 160))
        for share in (0.3, 0.7):
            middle, half = share * picture.width, picture.height / 2
            draw.rectangle((middle - 12, half - 30, middle + 12, half + 30), fill=(255, 255, 250))
        return self._shaded(picture)
