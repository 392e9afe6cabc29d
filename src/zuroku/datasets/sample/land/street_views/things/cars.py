"""Cars and vans on the street: bodies with glass, lamps and wheels."""

from dataclasses import dataclass
from math import cos, hypot, pi, sin

import numpy as np

from zuroku.datasets.sample.land.street_views.camera.light import Light
from zuroku.datasets.sample.land.street_views.camera.optics import Colour, View
from zuroku.datasets.sample.land.street_views.habits import jittered

_PAINTS: tuple[Colour, ...] = (
    (232, 232, 230),
    (228, 228, 226),
    (44, 46, 50),
    (150, 154, 158),
    (120, 30, 34),
    (40, 66, 112),
    (196, 188, 168),
)


def any_car(rng: np.random.Generator, s: float, t: float, way: float, light: Light) -> "Car":
    """Draw a car of any kind and colour at ``s``, ``t``."""
    paint = jittered(rng, _PAINTS[int(rng.integers(len(_PAINTS)))], 10)
    return Car(s, t, way, paint, bool(rng.random() < 0.45), light)


@dataclass(frozen=True)
class Car:
    """A car on the street with its middle at ``s``, ``t``; ``way`` is 1 when it drives ahead."""

    s: float
    t: float
    way: float
    colour: Colour
    van: bool
    light: Light

    @property
    def distance(self) -> float:
        return hypot(self.s, self.t)

    def draw(self, view: View) -> None:
        long, wide = (3.4, 1.48) if self.van else (4.3, 1.7)
        waist, top = (0.95, 1.8) if self.van else (0.85, 1.42)
        s0, s1 = self.s - long / 2, self.s + long / 2
        t0, t1 = self.t - wide / 2, self.t + wide / 2
        glass: Colour = (48, 58, 66)
        front, rear = (0.55, 0.12) if self.van else (1.25, 0.75)
        if self.way < 0:
            front, rear = rear, front
        self._box(view, (s0, s1, t0, t1), (0.22, waist), (s0, s1, t0, t1), self.colour)
        inner = (s0 + rear, s1 - front, t0 + 0.12, t1 - 0.12)
        low = (s0 + 0.3 * rear, s1 - 0.3 * front, t0 + 0.02, t1 - 0.02)
        self._box(view, low, (waist, top), inner, glass)
        lid = [
            (inner[0], inner[2], top),
            (inner[1], inner[2], top),
            (inner[1], inner[3], top),
            (inner[0], inner[3], top),
        ]
        if view.eye[2] > top:
            view.polygon(lid, self.light.on(self.colour, (0, 0, 1), self.distance))
        rim = self.light.on(self.colour, (0, 0, 0.8), self.distance)
        for t in (inner[2], inner[3]):
            view.line(((inner[0], t, top), (inner[1], t, top)), 0.1, rim)
        self._lamps(view, (s0, s1, t0, t1))
        self._wheels(view, (s0, s1, t0, t1))

    def _box(
        self,
        view: View,
        low: tuple[float, float, float, float],
        heights: tuple[float, float],
        high: tuple[float, float, float, float],
        colour: Colour,
    ) -> None:
        """Draw the visible sides of a body whose foot ``low`` and lid ``high`` are s0, s1, t0, t1."""
        y0, y1 = heights
        for i, normal in (
            (0, (-1.0, 0.0, 0.25)),
            (1, (1.0, 0.0, 0.25)),
            (2, (0.0, -1.0, 0.25)),
            (3, (0.0, 1.0, 0.25)),
        ):
            axis, edge = i // 2, low[i]
            if (view.eye[axis] - edge) * (1 if i % 2 else -1) <= 0:
                continue
            if axis == 0:
                sides = [
                    (low[i], low[2], y0),
                    (low[i], low[3], y0),
                    (high[i], high[3], y1),
                    (high[i], high[2], y1),
                ]
            else:
                sides = [
                    (low[0], low[i], y0),
                    (low[1], low[i], y0),
                    (high[1], high[i], y1),
                    (high[0], high[i], y1),
                ]
            view.polygon(sides, self.light.on(colour, normal, self.distance))
        if y1 < view.eye[2]:
            lid = [
                (high[0], high[2], y1),
                (high[1], high[2], y1),
                (high[1], high[3], y1),
                (high[0], high[3], y1),
            ]
            view.polygon(lid, self.light.on(colour, (0, 0, 1), self.distance))

    def _lamps(self, view: View, box: tuple[float, float, float, float]) -> None:
        s0, s1, t0, t1 = box
        near, ahead = (s0, self.way > 0) if s0 > view.eye[0] else (s1, self.way < 0)
        colour: Colour = (176, 24, 24) if ahead else (238, 238, 228)
        if self.light.night:
            colour = (255, 60, 44) if ahead else (255, 250, 226)
        else:
            colour = self.light.on(colour, (0, 0, 0.5), self.distance)
        for t in (t0 + 0.22, t1 - 0.22):
            view.line(((near, t - 0.16, 0.66), (near, t + 0.16, 0.66)), 0.16, colour)
        plate = self.light.on((236, 236, 230), (0, 0, 0.3), self.distance)
        view.line(((near, self.t - 0.18, 0.45), (near, self.t + 0.18, 0.45)), 0.16, plate)

    def _wheels(self, view: View, box: tuple[float, float, float, float]) -> None:
        s0, s1, t0, t1 = box
        t = t0 if t0 > view.eye[1] else t1
        if t0 < view.eye[1] < t1:
            return
        tyre = self.light.on((34, 34, 36), (0, 0, 0.3), self.distance)
        hub = self.light.on((140, 142, 146), (0, 0, 0.3), self.distance)
        for s in (s0 + 0.72, s1 - 0.72):
            for radius, fill in ((0.31, tyre), (0.17, hub)):
                circle = [
                    (s + radius * cos(a), t, 0.31 + radius * sin(a)) for a in (pi * i / 6 for i in range(12))
                ]
                view.polygon(circle, fill)
