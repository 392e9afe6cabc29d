"""Houses, shops and flats beside the street: walls with their fronts, and roofs.

What a front looks like is in ``facades``; which houses stand where is decided in ``plots``.
"""

from dataclasses import dataclass
from math import dist, hypot, sqrt

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.light import Light
from zuroku.datasets.sample.land.street_views.camera.optics import Colour, Place, View, tone
from zuroku.datasets.sample.land.street_views.habits import Habits, jittered
from zuroku.datasets.sample.land.street_views.things.facades import STOREY_M, front_of, side_of

_EAVES_M = 0.55


@dataclass
class House:
    """A house between ``s0`` and ``s1`` along the street, its front at ``front`` to the right of it."""

    s0: float
    s1: float
    front: float
    depth: float
    storeys: int
    wall: Colour
    roof: Colour
    form: str
    pitch: float
    ridge_along: bool
    tiled: bool
    name: str | None
    habits: Habits
    light: Light
    seed: np.random.SeedSequence

    def __post_init__(self) -> None:
        self.side = 1.0 if self.front > 0 else -1.0
        self.back = self.front + self.side * self.depth
        self.eaves = self.storeys * STOREY_M + 0.3
        middle = 0.5 * (self.s0 + self.s1)
        self.distance = hypot(middle, 0.5 * (self.front + self.back))
        self._pictures: dict[str, Image.Image] = {}

    def draw(self, view: View) -> None:
        """Draw the underside of the eaves, the walls that the camera sees, then the roof."""
        flat = self.storeys >= 4 or self.form == "flat"
        if not flat:
            self._soffit(view)
        for s, towards in ((self.s0, -1.0), (self.s1, 1.0)):
            if (view.eye[0] - s) * towards > 0:
                self._hang(view, "side", (s, self.front), (s, self.back), (towards, 0.0, 0.0))
        self._hang(view, "front", (self.s0, self.front), (self.s1, self.front), (0.0, -self.side, 0.0))
        if flat:
            self._parapet(view)
        else:
            self._roof(view)

    def _hang(
        self, view: View, part: str, start: tuple[float, float], end: tuple[float, float], normal: Place
    ) -> None:
        """Draw one wall; its picture is made when it is first seen."""
        if not view.outline([(*start, 0.0), (*end, 0.0), (*end, self.eaves), (*start, self.eaves)]):
            return
        if part not in self._pictures:
            rng = np.random.Generator(np.random.PCG64(self.seed))
            px = 20.0 if self.distance < 17 else 11.0 if self.distance < 34 else 6.0
            if part == "front":
                drawn = front_of(rng, self.s1 - self.s0, self.storeys, self.wall, self.habits, self.name, px)
            else:
                drawn = side_of(rng, self.depth, self.storeys, self.wall, self.habits, 0.7 * px)
            self._pictures[part] = self.light.on_picture(drawn.picture, normal, self.distance, drawn.glow)
        view.wall(start, end, 0.0, self.eaves, self._pictures[part])

    def _slope(self, view: View, low: tuple[Place, Place], high: tuple[Place, Place]) -> None:
        """Draw one slope of the roof between its eaves and its ridge, unless it is seen from below."""
        (a, b), (d, c) = low, high
        way = _upward_normal(a, b, d if d != a else c)
        if sum(n * (e - p) for n, e, p in zip(way, view.eye, a, strict=True)) <= 0:
            return
        roof = self.roof
        if self.light.snow:
            share = min(1.0, 1.2 * self.light.snow)
            red, green, blue = (int(c + share * (246 - c)) for c in roof)
            roof = (red, green, blue)
        fill = self.light.on(roof, way, self.distance)
        view.polygon([a, b, c, d], fill)
        if self.distance < 45:
            dark = tone(fill, 0.84)
            count = max(3, int(dist(a, b) / (0.7 if self.tiled else 1.3)))
            for i in range(1, count):
                share = i / count
                view.line((_between(a, b, share), _between(d, c, share)), 0.05, dark)
        view.line((d, c), 0.22, self.light.on(tone(roof, 0.72), way, self.distance))

    def _soffit(self, view: View) -> None:
        """Draw the eaves from below; the walls will hide all but their rim."""
        out, low = self.side * _EAVES_M, self.eaves
        s0, s1, front, back = self.s0 - _EAVES_M, self.s1 + _EAVES_M, self.front - out, self.back + out
        under = self.light.on((120, 106, 92), (0.0, 0.0, -1.0), self.distance)
        view.polygon([(s0, front, low), (s1, front, low), (s1, back, low), (s0, back, low)], under)

    def _roof(self, view: View) -> None:
        """Draw eaves and slopes; the ridge runs along the street or away from it."""
        out = self.side * _EAVES_M
        s0, s1 = self.s0 - _EAVES_M, self.s1 + _EAVES_M
        front, back, low = self.front - out, self.back + out, self.eaves
        middle_s, middle_t = 0.5 * (s0 + s1), 0.5 * (front + back)
        run = abs(back - front) / 2 if self.ridge_along else (s1 - s0) / 2
        top = low + self.pitch * run
        if self.form == "mono":
            top = low + 0.5 * self.pitch * abs(back - front)
            gables = [[(s, front, low), (s, back, low), (s, back, top)] for s in (s0, s1)]
            self._gables(view, gables)
            self._slope(view, ((s0, front, low), (s1, front, low)), ((s0, back, top), (s1, back, top)))
        else:
            inset = {"hip": run, "hip_gable": 0.5 * run}.get(self.form, 0.0)
            if self.ridge_along:
                inset = min(inset, 0.45 * (s1 - s0))
                ridge = ((s0 + inset, middle_t, top), (s1 - inset, middle_t, top))
                ends = (((s0, front, low), (s0, back, low)), ((s1, front, low), (s1, back, low)))
                longs = (((s0, front, low), (s1, front, low)), ((s0, back, low), (s1, back, low)))
            else:
                inset = min(inset, 0.45 * abs(back - front))
                ridge = (
                    (middle_s, front + self.side * inset, top),
                    (middle_s, back - self.side * inset, top),
                )
                ends = (((s0, front, low), (s1, front, low)), ((s0, back, low), (s1, back, low)))
                longs = (((s0, front, low), (s0, back, low)), ((s1, front, low), (s1, back, low)))
            if inset:
                for end, tip in zip(ends, ridge, strict=True):
                    self._slope(view, end, (tip, tip))
            else:
                self._gables(view, [[*end, tip] for end, tip in zip(ends, ridge, strict=True)])
            for long in sorted(longs, key=lambda e: -hypot(e[0][0] + e[1][0], e[0][1] + e[1][1])):
                self._slope(view, long, ridge)
        fascia = self.light.on(tone(self.roof, 0.72), (0.0, -self.side, 0.0), self.distance)
        edge = ((s0, front, low), (s1, front, low))
        view.line(edge, 0.2, fascia)
        for s, hidden in ((s0, s0 < view.eye[0]), (s1, s1 > view.eye[0])):
            if not hidden:
                view.line(((s, front, low), (s, back, low)), 0.2, fascia)

    def _gables(self, view: View, gables: list[list[Place]]) -> None:
        for gable in gables:
            # A gable looks away from the middle of the house.
            s, t = gable[0][0] + gable[1][0], gable[0][1] + gable[1][1]
            out_s, out_t = s - (self.s0 + self.s1), t - (self.front + self.back)
            along = abs(gable[0][0] - gable[1][0]) < 1e-6
            way = (1.0 if out_s > 0 else -1.0, 0.0, 0.0) if along else (0.0, 1.0 if out_t > 0 else -1.0, 0.0)
            if sum(n * (e - p) for n, e, p in zip(way, view.eye, gable[0], strict=True)) > 0:
                view.polygon(gable, self.light.on(self.wall, way, self.distance))

    def _parapet(self, view: View) -> None:
        """Draw the coping of a flat roof, and what stands on it."""
        top, colour = self.eaves, self.light.on(tone(self.wall, 0.72), (0.0, -self.side, 0.3), self.distance)
        for s, hidden in ((self.s0, self.s0 < view.eye[0]), (self.s1, self.s1 > view.eye[0])):
            if not hidden:
                view.line(((s, self.back, top), (s, self.front, top)), 0.28, colour)
        view.line(((self.s0, self.front, top), (self.s1, self.front, top)), 0.28, colour)


def _between(one: Place, two: Place, share: float) -> Place:
    s, t, y = (p + share * (q - p) for p, q in zip(one, two, strict=True))
    return s, t, y


def _upward_normal(a: Place, b: Place, c: Place) -> Place:
    """Return the unit normal of the plane through three places that looks up."""
    u, v = [q - p for p, q in zip(a, b, strict=True)], [q - p for p, q in zip(a, c, strict=True)]
    x, y, z = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
    scale = (1 if z >= 0 else -1) / (sqrt(x * x + y * y + z * z) + 1e-9)
    return x * scale, y * scale, z * scale


def build_house(
    rng: np.random.Generator,
    habits: Habits,
    light: Light,
    span: tuple[float, float],
    front: float,
    name: str | None,
) -> House:
    """Draw a house on the plot ``span`` (metres along the street), mostly after the habits of its place."""
    town, region = habits.town, habits.region
    choice = rng.random()
    wall = region.walls[0] if choice < 0.42 else region.walls[1] if choice < 0.62 else town.wall
    if choice > 0.92:
        wall = (206, 202, 194)
    roof = region.roofs[0] if rng.random() < 0.6 else region.roofs[1]
    storeys = max(1, round(float(rng.normal(habits.municipal.storeys, 0.55))))
    form: str = region.roof_form if rng.random() < 0.75 else "gable"
    if name and rng.random() < 0.35:
        form = "flat"
    return House(
        span[0],
        span[1],
        front,
        float(rng.uniform(6, 9)),
        storeys,
        jittered(rng, wall, 14),
        jittered(rng, roof, 14),
        form,
        region.roof_pitch * float(rng.uniform(0.9, 1.1)),
        bool(rng.random() < 0.6),
        region.tiled,
        name,
        habits,
        light,
        np.random.SeedSequence(int(rng.integers(2**62))),
    )
