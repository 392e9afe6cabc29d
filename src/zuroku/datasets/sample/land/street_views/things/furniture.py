"""What stands beside the carriageway: poles with their wires, lamps, guard rails, boards.

Each thing knows where it stands and draws itself; ``kerbside`` decides where.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot
from typing import Protocol

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.light import Light
from zuroku.datasets.sample.land.street_views.camera.optics import Colour, Place, View, tone
from zuroku.datasets.sample.land.street_views.habits import MunicipalHabits


class Thing(Protocol):
    """Something that stands in a scene."""

    @property
    def distance(self) -> float:
        """Return how far it is from the camera in metres; the farthest is drawn first."""

    def draw(self, view: View) -> None:
        """Draw it on ``view``."""


@dataclass(frozen=True)
class Standing:
    """A picture (RGBA, already lit) that stands upright and faces the camera; it is made when first seen."""

    s: float
    t: float
    wide: float
    bottom: float
    top: float
    picture: Callable[[], Image.Image]

    @property
    def distance(self) -> float:
        return hypot(self.s, self.t)

    def draw(self, view: View) -> None:
        ds, dt = self.s - view.eye[0], self.t - view.eye[1]
        long = hypot(ds, dt) + 1e-6
        a, b = -dt / long * self.wide / 2, ds / long * self.wide / 2
        start, end = (self.s - a, self.t - b), (self.s + a, self.t + b)
        if view.outline([(*start, self.bottom), (*end, self.bottom), (*end, self.top), (*start, self.top)]):
            view.wall(start, end, self.bottom, self.top, self.picture())


@dataclass(frozen=True)
class Board:
    """A picture (already lit) on a fixed upright plane, such as a sign that sticks out from a wall."""

    start: tuple[float, float]
    end: tuple[float, float]
    bottom: float
    top: float
    picture: Image.Image

    @property
    def distance(self) -> float:
        return hypot(0.5 * (self.start[0] + self.end[0]), 0.5 * (self.start[1] + self.end[1]))

    def draw(self, view: View) -> None:
        view.wall(self.start, self.end, self.bottom, self.top, self.picture)


def rod(view: View, light: Light, foot: Place, head: Place, wide: float, colour: Colour) -> None:
    """Draw a round post between two places: lit on one side, dark on the other."""
    distance = hypot(foot[0], foot[1])
    toward = view.seen((*light.ray[:2], 0.0))[0] - view.seen((0.0, 0.0, 0.0))[0]
    sign = 1.0 if toward > 0 else -1.0
    # The strips are moved sideways in the view, which is what a cylinder shows.
    right = (-view.sin_turn, view.cos_turn)
    body = light.on(colour, (-view.cos_turn, -view.sin_turn, 0.0), distance)
    view.line((foot, head), wide, body)
    for off, factor, share in ((0.3, 1.16, 0.3), (-0.32, 0.68, 0.36)):
        move = sign * off * wide
        a = (foot[0] + right[0] * move, foot[1] + right[1] * move, foot[2])
        b = (head[0] + right[0] * move, head[1] + right[1] * move, head[2])
        if share * wide * view.focal_px / max(distance, 1.0) > 0.7:
            view.line((a, b), share * wide, tone(body, factor))


@dataclass(frozen=True)
class Pole:
    """A utility pole at ``s``, ``t``; ``wires`` says where the next one stands."""

    s: float
    t: float
    tall: float
    transformer: bool
    wires: tuple[float, float] | None
    habits: MunicipalHabits
    light: Light

    @property
    def distance(self) -> float:
        return hypot(self.s, self.t)

    def draw(self, view: View) -> None:
        colour: Colour = {"concrete": (170, 166, 158), "steel": (126, 142, 138), "brown": (96, 74, 58)}[
            self.habits.pole
        ]
        foot, head = (self.s, self.t, 0.0), (self.s, self.t, self.tall)
        self._wires(view)
        rod(view, self.light, foot, head, 0.34, colour)
        self._band(view)
        cable = self.light.on((52, 52, 54), (0, 0, 0), self.distance)
        for height, wide in ((self.tall - 0.5, 1.8), (self.tall - 1.4, 1.5)):
            view.line(((self.s, self.t - wide / 2, height), (self.s, self.t + wide / 2, height)), 0.13, cable)
            for off in (-0.45, 0.0, 0.45):
                place = self.t + off * wide
                pin = self.light.on((196, 194, 188), (0, 0, 0), self.distance)
                view.line(((self.s, place, height), (self.s, place, height + 0.28)), 0.1, pin)
        if self.transformer:
            side = -0.42 if self.t > 0 else 0.42
            low, high = self.tall - 3.4, self.tall - 2.3
            rod(
                view,
                self.light,
                (self.s, self.t + side, low),
                (self.s, self.t + side, high),
                0.6,
                (148, 152, 152),
            )
            view.line(((self.s, self.t, high), (self.s, self.t + side, high)), 0.1, cable)

    def _band(self, view: View) -> None:
        if self.habits.band == "striped":
            for i in range(6):
                paint: Colour = (222, 180, 30) if i % 2 else (38, 36, 34)
                low = 0.4 + 0.22 * i
                fill = self.light.on(paint, (0, 0, 0.4), self.distance)
                view.line(((self.s, self.t, low), (self.s, self.t, low + 0.22)), 0.38, fill)
        elif self.habits.band != "none":
            plate: Colour = (40, 116, 76) if self.habits.band == "green" else (232, 232, 230)
            fill = self.light.on(plate, (0, 0, 0.4), self.distance)
            view.line(((self.s, self.t, 1.7), (self.s, self.t, 2.6)), 0.38, fill)

    def _wires(self, view: View) -> None:
        if self.wires is None:
            return
        colour = self.light.on((44, 44, 46), (0, 0, 0), self.distance)
        for height, off, sag in (
            (-0.3, -0.75, 0.5),
            (-0.3, 0.0, 0.45),
            (-0.3, 0.75, 0.55),
            (-3.9, 0.1, 0.8),
            (-4.5, 0.1, 0.6),
        ):
            points: list[Place] = []
            for share in np.linspace(0, 1, 9):
                drop = 4 * sag * share * (1 - share)
                s = self.s + share * (self.wires[0] - self.s)
                t = self.t + share * (self.wires[1] - self.t) + off
                points.append((float(s), float(t), float(self.tall + height - drop)))
            view.line(points, 0.035, colour)


@dataclass(frozen=True)
class Lamp:
    """A street lamp at ``s``, ``t`` that leans over the street."""

    s: float
    t: float
    habits: MunicipalHabits
    light: Light

    @property
    def distance(self) -> float:
        return hypot(self.s, self.t)

    @property
    def bulbs(self) -> list[Place]:
        """Where it shines."""
        inward = -1.0 if self.t > 0 else 1.0
        if self.habits.lamp == "arm":
            return [(self.s, self.t + 1.6 * inward, 6.9)]
        if self.habits.lamp == "double":
            return [(self.s, self.t - 0.9, 6.2), (self.s, self.t + 0.9, 6.2)]
        return [(self.s, self.t, 3.9)]

    def draw(self, view: View) -> None:
        colour, light = self.habits.lamp_colour, self.light
        tall = {"arm": 7.0, "double": 6.4}.get(self.habits.lamp, 3.7)
        rod(view, light, (self.s, self.t, 0.0), (self.s, self.t, tall), 0.17, colour)
        head: Colour = (255, 244, 214) if light.night else light.on((232, 232, 226), (0, 0, 1), self.distance)
        for s, t, y in self.bulbs:
            if self.habits.lamp in ("arm", "double"):
                arm = light.on(colour, (0, 0, 0.5), self.distance)
                view.line(((self.s, self.t, tall), (s, t, y + 0.1)), 0.11, arm)
                view.line(((s, t - 0.35, y), (s, t + 0.35, y)), 0.2, head)
            else:
                wide = 0.5 if self.habits.lamp == "globe" else 0.4
                view.line(((s, t, y - 0.22), (s, t, y + 0.26)), wide, head, 2)
                cap = light.on(colour, (0, 0, 1), self.distance)
                view.line(((s, t, y + 0.26), (s, t, y + 0.36)), wide + 0.1, cap)


@dataclass(frozen=True)
class Rail:
    """A guard rail along the street between ``s0`` and ``s1``."""

    s0: float
    s1: float
    t: float
    habits: MunicipalHabits
    light: Light

    @property
    def distance(self) -> float:
        return hypot(min(abs(self.s0), abs(self.s1)), self.t)

    def draw(self, view: View) -> None:
        light, colour = self.light, self.habits.rail_colour
        out = (0.0, -1.0 if self.t > 0 else 1.0, 0.2)
        for s in np.arange(self.s0, self.s1 + 0.1, 2.0):
            post = light.on(tone(colour, 0.8), (0, 0, 0.3), hypot(float(s), self.t))
            tall = 0.8 if self.habits.rail != "bollards" else 0.75
            view.line(((float(s), self.t, 0.0), (float(s), self.t, tall)), 0.12, post)
        bands = {
            "beam": (
                (0.45, 0.52, 0.72),
                (0.52, 0.62, 1.1),
                (0.62, 0.68, 0.7),
                (0.68, 0.78, 1.12),
                (0.78, 0.82, 0.8),
            ),
            "pipe": ((0.3, 0.37, 0.9), (0.72, 0.8, 1.0)),
            "cable": ((0.3, 0.33, 0.9), (0.5, 0.53, 0.9), (0.7, 0.73, 0.9)),
        }.get(self.habits.rail, ())
        for a in np.arange(self.s0, self.s1, 8.0):
            b = min(float(a) + 8.0, self.s1)
            for low, high, factor in bands:
                fill = light.on(tone(colour, factor), out, hypot(0.5 * (float(a) + b), self.t))
                view.polygon(
                    [(float(a), self.t, low), (b, self.t, low), (b, self.t, high), (float(a), self.t, high)],
                    fill,
                )
