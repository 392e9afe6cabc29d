"""A town from straight above: roofs, streets, trees and fields, one square of land for each heading."""

from itertools import pairwise
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.land.street_views.camera.light import draw_light
from zuroku.datasets.sample.land.street_views.camera.optics import Colour, tone
from zuroku.datasets.sample.land.street_views.camera.planes import ground_noise
from zuroku.datasets.sample.land.street_views.habits import habits_of, jittered
from zuroku.datasets.sample.land.street_views.plan import ViewPlan
from zuroku.datasets.sample.land.street_views.roads import road_look
from zuroku.datasets.sample.noise import resize_field, seeded_rng

_SPAN_M = 260.0
"""Side of the land that is drawn; a picture shows the part of it that lies towards its heading."""

_VIEW_M = 130.0
Corner = tuple[float, float]
"""A place in pixels."""


class LandFromAbove:
    """The land around a place, drawn once at ``px`` pixels per metre."""

    def __init__(self, plan: ViewPlan, size_px: int) -> None:
        self.rng = seeded_rng(plan.seed, 41)
        self.px = size_px / _VIEW_M
        self.habits = habits_of(plan.land_seed, plan.prefecture_code, plan.municipality_code, plan.town_code)
        self.look = road_look(plan.land_seed, plan.road_id, plan.road_kind, self.habits.municipal)
        bearing = plan.road_bearing if plan.road_bearing is not None else float(self.rng.uniform(0, 180))
        self.turn = radians(bearing)
        self.light = draw_light(self.rng, 0.0, "", self.habits.region)
        side = round(_SPAN_M * self.px)
        self.sheet = Image.new("RGB", (side, side), self.habits.region.soil)
        self.draw = ImageDraw.Draw(self.sheet)
        self.shade = Image.new("L", self.sheet.size, 0)
        self.shade_draw = ImageDraw.Draw(self.shade)
        self.tops: list[tuple[list[Corner], Colour]] = []
        """Roofs and crowns of trees, which are laid over the shadows."""
        self._blocks()
        self._streets()
        self.sheet = self._lit()

    def towards(self, heading: float) -> Image.Image:
        """Return the square of land that lies towards ``heading``, north upwards."""
        off = 0.5 * (_SPAN_M - _VIEW_M) * 0.9
        middle = self.sheet.width / 2
        x = middle + off * self.px * sin(radians(heading))
        y = middle - off * self.px * cos(radians(heading))
        half = 0.5 * _VIEW_M * self.px
        left, top = round(x - half), round(y - half)
        side = round(2 * half)
        return self.sheet.crop((left, top, left + side, top + side))

    def _at(self, s: float, t: float) -> tuple[float, float]:
        """Return the pixel of a place along and right of the street, from the middle of the land."""
        east = s * sin(self.turn) + t * cos(self.turn)
        north = s * cos(self.turn) - t * sin(self.turn)
        middle = self.sheet.width / 2
        return middle + east * self.px, middle - north * self.px

    def _corners(self, s0: float, s1: float, t0: float, t1: float) -> list[Corner]:
        return [self._at(s, t) for s, t in ((s0, t0), (s1, t0), (s1, t1), (s0, t1))]

    def _patch(self, s0: float, s1: float, t0: float, t1: float, fill: Colour) -> None:
        """Fill a rectangle of the ground."""
        self.draw.polygon(self._corners(s0, s1, t0, t1), fill=fill)

    def _shadow(self, corners: list[Corner], tall_m: float) -> None:
        """Darken where something ``tall_m`` high with this outline throws its shadow."""
        ray = self.light.ray
        # The light was drawn for a street to the north: its ray is north, east and up.
        reach = tall_m * self.px / max(0.4, ray[2])
        for share in (0.25, 0.5, 0.75, 1.0):
            moved = [(x - ray[1] * reach * share, y + ray[0] * reach * share) for x, y in corners]
            self.shade_draw.polygon(moved, fill=255)

    def _blocks(self) -> None:
        """Lay out streets in a loose grid, and fill what lies between them."""
        reach = 200.0
        across = [0.0]
        for way in (-1, 1):
            at = 0.0
            while abs(at) < reach:
                at += way * float(self.rng.uniform(34, 56))
                across.append(at)
        across.sort()
        along = np.cumsum(self.rng.uniform(46, 90, 9)) - 300
        for t0, t1 in pairwise(across):
            for s0, s1 in pairwise(along):
                self._block(float(s0) + 3, float(s1) - 3, t0 + 4, t1 - 4)
        self.across, self.along = across, [float(s) for s in along]

    def _streets(self) -> None:
        """Lay streets, their lines and cars."""
        half, reach, grey = self.look.half_m, 200.0, int(self.look.shade)
        across, along = self.across, self.along
        for t in across:
            wide = half if t == 0 else 2.6
            self._patch(-reach, reach, t - wide - 1, t + wide + 1, self.habits.municipal.paving)
        for s in along:
            self._patch(float(s) - 2.4, float(s) + 2.4, -reach, reach, (grey, grey, grey))
        for t in across:
            wide = half if t == 0 else 2.6
            self._patch(-reach, reach, t - wide, t + wide, (grey, grey, grey))
        for s in np.arange(-reach, reach, 8.0):
            self._patch(float(s), float(s) + 4, -0.15, 0.15, (226, 226, 220))
        for _ in range(26):
            s, t = float(self.rng.uniform(-130, 130)), float(self.rng.choice((-1, 1))) * 0.5 * half
            car = self._corners(s - 2, s + 2, t - 0.8, t + 0.8)
            self._shadow(car, 1.2)
            self.tops.append((car, jittered(self.rng, (190, 190, 188), 60)))

    def _block(self, s0: float, s1: float, t0: float, t1: float) -> None:
        rng, region = self.rng, self.habits.region
        if rng.random() > self.habits.municipal.built + 0.1:
            red, green, blue = (int(0.5 * a + 0.5 * b) for a, b in zip(region.leaf, region.soil, strict=True))
            leaf = jittered(rng, (red + 30, green + 38, blue + 22), 20)
            self._patch(s0, s1, t0, t1, leaf)
            for s in np.arange(s0, s1, 2.4):
                self._patch(float(s), float(s) + 1.2, t0, t1, jittered(rng, leaf, 8))
            return
        self._patch(s0, s1, t0, t1, jittered(rng, (150, 148, 128), 10))
        middle = 0.5 * (t0 + t1)
        for a, b in ((t0, middle), (middle, t1)):
            s = s0
            while s < s1 - 6:
                wide = min(float(rng.uniform(8, 14)), s1 - s)
                if rng.random() < 0.88:
                    self._house(s + 1, s + wide - 1, a + 1.4, b - 1.6)
                for _ in range(int(rng.integers(0, 3))):
                    self._tree(float(rng.uniform(s, s + wide)), float(rng.uniform(a, b)))
                s += wide

    def _house(self, s0: float, s1: float, t0: float, t1: float) -> None:
        rng, region = self.rng, self.habits.region
        if t1 - t0 < 4 or s1 - s0 < 4:
            return
        t1 = min(t1, t0 + float(rng.uniform(7, 12)))
        storeys = max(1, round(float(rng.normal(self.habits.municipal.storeys, 0.7))))
        outline = self._corners(s0, s1, t0, t1)
        self._shadow(outline, 2.6 * storeys)
        roof = jittered(rng, region.roofs[0] if rng.random() < 0.6 else region.roofs[1], 16)
        if storeys >= 4:
            flat = jittered(rng, (198, 196, 190), 14)
            self.tops.append((outline, tone(flat, 0.72)))
            self.tops.append((self._corners(s0 + 0.7, s1 - 0.7, t0 + 0.7, t1 - 0.7), flat))
            self.tops.append((self._corners(s0 + 2, s0 + 4.5, t0 + 2, t0 + 4), (120, 120, 122)))
            return
        ray = self.light.ray
        toward = (ray[1] * cos(self.turn) - ray[0] * sin(self.turn)) * region.roof_pitch
        middle = 0.5 * (t0 + t1)
        for a, b, sign in ((t0, middle, -1), (middle, t1, 1)):
            lit = tone(roof, 1.12 + 0.75 * sign * toward)
            self.tops.append((self._corners(s0, s1, a, b), lit))
            # Ribs of a roof are seen from 2 pixels per metre on.
            for s in np.arange(s0 + 1, s1, 1.2) if self.px > 2 else ():
                self.tops.append((self._corners(float(s), float(s) + 0.25, a, b), tone(lit, 0.9)))
        self.tops.append((self._corners(s0, s1, middle - 0.25, middle + 0.25), tone(roof, 0.7)))

    def _tree(self, s: float, t: float) -> None:
        leaf = jittered(self.rng, self.habits.region.leaf, 16)
        size = float(self.rng.uniform(1.2, 2.8)) * self.px
        x, y = self._at(s, t)
        ring = [(cos(a) * size, sin(a) * size) for a in np.linspace(0, 6.0, 11)]
        self._shadow([(x + a, y + b) for a, b in ring], 3.0)
        ray = self.light.ray
        for share, factor in ((1.0, 0.72), (0.7, 0.95), (0.4, 1.15)):
            u, v = x + ray[1] * (1 - share) * size * 0.7, y - ray[0] * (1 - share) * size * 0.7
            self.tops.append(([(u + share * a, v + share * b) for a, b in ring], tone(leaf, factor)))

    def _lit(self) -> Image.Image:
        """Roughen the ground, lay shadows and then roofs on it, and light it."""
        side = self.sheet.width
        dark = Image.blend(self.sheet, Image.new("RGB", self.sheet.size, (24, 28, 40)), 0.42)
        sheet = Image.composite(dark, self.sheet, self.shade)
        draw = ImageDraw.Draw(sheet)
        for corners, fill in self.tops:
            draw.polygon(corners, fill=fill)
        rough = resize_field(ground_noise(3), (side, side)) * 0.5
        rough += np.tile(ground_noise(2), (side // 512 + 1, side // 512 + 1))[:side, :side] * 0.5
        factors = np.array(self.light.factors((0.0, 0.0, 1.0)), np.float32) * np.float32(0.86)
        pixels = np.asarray(sheet, np.float32) * (1 + 0.08 * rough[..., None]) * factors
        return Image.fromarray(np.clip(pixels + 10, 0, 255).astype(np.uint8))
