"""The site of one visit while it is laid out: habits, light, free space, and what stands there already.

`plots` and `kerbside` fill a site; `scene` makes a scene of it.
"""

from functools import partial
from math import atan2, cos, degrees, hypot, radians, sin

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.light import draw_light
from zuroku.datasets.sample.land.street_views.habits import Tree, habits_of, hashed_rng
from zuroku.datasets.sample.land.street_views.landmarks.catalogue import landmark_of
from zuroku.datasets.sample.land.street_views.plan import ViewPlan
from zuroku.datasets.sample.land.street_views.roads import road_look
from zuroku.datasets.sample.land.street_views.roadway import SideStreet
from zuroku.datasets.sample.land.street_views.things.furniture import Standing, Thing
from zuroku.datasets.sample.land.street_views.things.vegetation import HEIGHTS_M, VARIANTS, tree_picture
from zuroku.datasets.sample.noise import seeded_rng


class Site:
    """Places are metres along (s) and right of (t) the street's middle; the camera stands at s = 0."""

    def __init__(self, plan: ViewPlan) -> None:
        self.plan = plan
        self.habits = habits_of(plan.land_seed, plan.prefecture_code, plan.municipality_code, plan.town_code)
        self.look = road_look(plan.land_seed, plan.road_id, plan.road_kind, self.habits.municipal)
        own = hashed_rng(plan.land_seed, "bearing", plan.road_id or plan.landmark_id or plan.town_code)
        self.bearing = float(own.uniform(0, 180)) if plan.road_bearing is None else plan.road_bearing
        self.rng = seeded_rng(plan.seed, 1)
        self.light = draw_light(self.rng, self.bearing, plan.slice, self.habits.region)
        self.season = float(np.clip(self.rng.normal(self.habits.region.season, 0.12), 0, 1))
        self.outer = self.look.half_m + self.look.pavement_m
        """Where the plots begin, on both sides."""
        lane = -0.5 * self.look.lane_m if self.look.lanes > 1 else 0.0
        self.eye = (0.0, lane + float(self.rng.normal(0, 0.35)), float(self.rng.uniform(1.9, 2.9)))
        self.side_streets = self._side_streets()
        self.keep_clear: tuple[float, float, float] | None = None
        """Middle and half width of the ground of the landmark."""
        self.plots: list[Thing] = []
        self.street: list[Thing] = []
        self._trees: dict[tuple[Tree, int, int], Image.Image] = {}

    def _side_streets(self) -> list[SideStreet]:
        found = []
        for side in (-1.0, 1.0):
            for way in (-1.0, 1.0):
                if self.rng.random() < 0.45:
                    start = way * float(self.rng.uniform(7, 34))
                    found.append(SideStreet(start, start + float(self.rng.uniform(4, 6.5)), side))
        return found

    def place_landmark(self) -> None:
        """Stand the landmark where its bearing says, as far away as its size asks for."""
        plan = self.plan
        mark = landmark_of(plan.land_seed, plan.landmark_id, plan.landmark_kind, plan.town, self.habits)
        towards = plan.landmark_bearing
        if towards is None:
            towards = float(self.rng.uniform(0, 360))
        turn = radians(towards - self.bearing)
        away = max(0.6 * mark.wide_m, 0.88 * mark.tall_m, self.outer + 5) * float(self.rng.uniform(0.9, 1.35))
        s, t = away * cos(turn), self.eye[1] + away * sin(turn)
        towards_eye = (-cos(turn), -sin(turn), 0.25)
        picture = partial(self.light.on_picture, mark.picture, towards_eye, away, mark.glow)
        self.keep_clear = (s, t, 0.5 * mark.wide_m + 2.5)
        self.plots.append(Standing(s, t, mark.wide_m, 0.0, mark.tall_m, picture))

    def hidden(self, s: float, t: float, radius: float, before: bool = True) -> bool:
        """Tell whether something at ``s``, ``t`` would stand in the landmark's way.

        What is drawn after the landmark must not stand behind it either: then ``before`` is False.
        """
        if self.keep_clear is None:
            return False
        mark_s, mark_t, wide = self.keep_clear
        away, mark_away = hypot(s, t - self.eye[1]), hypot(mark_s, mark_t - self.eye[1])
        apart = degrees(atan2(t - self.eye[1], s) - atan2(mark_t - self.eye[1], mark_s))
        off = abs((apart + 180) % 360 - 180)
        open_deg = degrees(atan2(wide, mark_away)) + degrees(atan2(radius, max(away, radius)))
        return off < open_deg and (not before or away < mark_away + wide + radius)

    def crosses(self, s0: float, s1: float, side: float) -> bool:
        """Tell whether a street leaves to ``side`` somewhere between ``s0`` and ``s1``."""
        return any(way.side == side and s0 < way.s1 and s1 > way.s0 for way in self.side_streets)

    def plant(self, kind: Tree, s: float, t: float, size: float, on_street: bool = False) -> None:
        """Plant a tree; ``size`` is a factor on the usual height of its kind."""
        if self.hidden(s, t, 2.0, before=not on_street):
            return
        low, high, shape = HEIGHTS_M[kind]
        tall = size * float(self.rng.uniform(low, high))
        # Trees at like distances share a picture, whose haze is that of their class.
        step = int(np.clip(0.7 * np.log2(max(hypot(s, t), 5.0) / 5), 0, 2))
        variant = int(self.rng.integers(VARIANTS))
        picture = partial(self._tree, kind, variant, step)
        thing = Standing(s, t, tall * shape, -0.02 * tall, tall, picture)
        (self.street if on_street else self.plots).append(thing)

    def _tree(self, kind: Tree, variant: int, step: int) -> Image.Image:
        """Return the lit picture that trees of one kind share at like distances."""
        key = (kind, variant, step)
        if key not in self._trees:
            picture = tree_picture(kind, variant, self.habits.region.leaf, self.season)
            if self.light.snow:
                picture = _snowed(picture, self.light.snow)
            self._trees[key] = self.light.on_picture(picture, (0.0, 0.0, 0.75), 8.0 * 2.7**step)
        return self._trees[key]


def _snowed(tree: Image.Image, snow: float) -> Image.Image:
    """Lay snow on the upper sides of a tree."""
    pixels = np.asarray(tree, np.float32).copy()
    bright = pixels[..., :3].mean(2, keepdims=True)
    share = np.clip((bright / max(float(bright.max()), 1.0) - 0.35) * 2.2, 0, 0.92) * snow
    pixels[..., :3] += share * (np.array((244, 247, 252), np.float32) - pixels[..., :3])
    return Image.fromarray(pixels.astype(np.uint8))
