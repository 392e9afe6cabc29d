"""Buildings that differ in shape alone: the landmarks of a generated town, and its other buildings.

Lengths are metres. A building stands about the y axis, its front towards z.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.places.masonry import (
    BAY_M,
    SLATE,
    STONE,
    STOREY_M,
    WALL,
    box,
    columns,
    course,
    crenels,
    dome,
    gable,
    hip,
    opening,
    pinnacles,
    spire,
    steps,
    turned,
)
from zuroku.datasets.sample.photos.rendering.surfaces import Piece
from zuroku.datasets.sample.strokes import points, spline


@dataclass(frozen=True)
class Building:
    """Pieces that make up a building, and its extent: half width, height and half depth in metres."""

    pieces: tuple[Piece, ...]
    half_width: float
    height: float
    half_depth: float

    @property
    def corners(self) -> list[tuple[float, float, float]]:
        """The eight corners of the box around it."""
        return [
            (x, y, z)
            for x in (-self.half_width, self.half_width)
            for y in (0.0, self.height)
            for z in (-self.half_depth, self.half_depth)
        ]


def _built(parts: Iterable[list[Piece]], half_width: float, height: float, half_depth: float) -> Building:
    return Building(tuple(chain.from_iterable(parts)), half_width, height, half_depth)


def _chapel() -> Building:
    """A high hall with pinnacles along its sides."""
    parts = [
        box(0, 0, 12, 27, 0, 12),
        gable(0, 0, 12.6, 27, 12, 7),
        course(0, 0, 12, 27, 11.6),
    ]
    for z in np.linspace(-12.5, 12.5, 6):
        for side in (-1, 1):
            parts.append(box(side * 6.8, float(z), 1.4, 1.2, 0, 11, STONE))
    ends = [(side * 6.8, float(z)) for z in np.linspace(-12.5, 12.5, 6) for side in (-1, 1)]
    parts.append(pinnacles(ends, 11, 6))
    parts += [opening(x, 13.5, 1.3, 7 + (x == 0) * 1.5, 4.5) for x in (-3.4, -1.7, 0.0, 1.7, 3.4)]
    parts.append(opening(0, 13.6, 2.2, 3.4))
    return _built(parts, 7.6, 19, 13.6)


def _rotunda() -> Building:
    """A round library under a dome, with columns in pairs."""
    parts = [
        turned(0, 0, points((12, 0), (12, 5), (12.4, 5), (12.4, 5.6), (0, 5.6)), STONE),
        turned(0, 0, points((10, 5.6), (10, 14), (10.6, 14), (10.6, 15.2), (9, 15.2), (9, 16)), WALL),
    ]
    angles = [2 * np.pi * i / 16 + shift for i in range(16) for shift in (-0.09, 0.09)]
    places = [(10.6 * float(np.sin(angle)), 10.6 * float(np.cos(angle))) for angle in angles]
    parts.append(columns(places, 5.6, 8.4, 0.5))
    parts.append(dome(0, 0, 8.6, 16))
    parts += [opening(0, 11.9, 3, 4)]
    return _built(parts, 12.4, 31, 12.4)


def _gate_tower() -> Building:
    """Low wings beside a gate with a swelling cap."""
    parts = [
        box(-13, 0, 18, 9, 0, 8),
        box(13, 0, 18, 9, 0, 8),
        crenels(-13, 0, 18, 9, 8),
        crenels(13, 0, 18, 9, 8),
        box(0, 0.6, 9, 10, 0, 17),
        course(0, 0.6, 9, 10, 12),
        course(0, 0.6, 9, 10, 17),
        turned(0, 0.6, points((4.2, 17.5), (4.2, 23), (4.6, 23), (4.6, 23.6)), WALL),
        turned(0, 0.6, spline(points((4.6, 23.6), (4.3, 26), (2.0, 28.5), (0.5, 31), (0, 34))), SLATE),
        opening(0, 5.6, 4.5, 7),
    ]
    for side in (-1, 1):
        parts += [turned(side * 4.8, 5.4, points((1.2, 0), (1.2, 18), (1.5, 18.5), (0, 22)), STONE)]
    return _built(parts, 22, 34, 6)


def _church() -> Building:
    """A nave with a tower and spire at its end."""
    parts = [
        box(4, 0, 24, 11, 0, 8),
        gable(4, 0, 24, 11.6, 8, 6, along_x=True),
        box(4, 7.2, 21, 4, 0, 4),
        box(-11, 0, 8, 8, 0, 20),
        course(-11, 0, 8, 8, 13),
        course(-11, 0, 8, 8, 20),
        spire(-11, 0, 4.2, 20.5, 19),
        opening(-11, 4, 2.4, 4),
    ]
    parts.append(pinnacles([(x, z) for x in (-14.6, -7.4) for z in (-3.6, 3.6)], 20.5, 4.5))
    return _built(parts, 16, 39, 9)


def _museum() -> Building:
    """A temple front with wings."""
    parts = [
        box(0, 0, 42, 12, 0, 12),
        course(0, 0, 42, 12, 11.6, 0.6, 0.9),
        box(-17, 1.5, 9, 14, 0, 15),
        box(17, 1.5, 9, 14, 0, 15),
        course(-17, 1.5, 9, 14, 14.6, 0.5, 0.8),
        course(17, 1.5, 9, 14, 14.6, 0.5, 0.8),
        box(0, 8.6, 17, 5.5, 11.2, 1.6, STONE),
        gable(0, 8.6, 17.6, 5.5, 12.8, 4),
        steps(0, 10.4, 17, 4),
        opening(0, 6, 3.6, 6, 1.2),
    ]
    parts.append(columns([(float(x), 10.6) for x in np.linspace(-7.4, 7.4, 6)], 1.2, 10, 0.75))
    return _built(parts, 21.6, 17, 13)


def _bridge() -> Building:
    """Two houses and a covered bridge between them."""
    parts = [
        box(-15, 0, 15, 11, 0, 12),
        hip(-15, 0, 15.6, 11.6, 12, 4, 6),
        box(15, 0, 15, 11, 0, 12),
        hip(15, 0, 15.6, 11.6, 12, 4, 6),
        box(0, 0, 15.2, 5, 7.4, 4),
        course(0, 0, 15, 5, 7, 0.2, 0.5),
        gable(0, 0, 15.2, 5.4, 11.4, 2.2, along_x=True),
    ]
    # The arch hangs from the bridge in steps.
    for x in np.linspace(-7, 7, 22):
        drop = 4.6 * (abs(float(x)) / 7.4) ** 2.6 + 0.2
        parts.append(box(float(x), 0, 0.75, 4.6, 7 - drop, drop, STONE))
    return _built(parts, 22.8, 16, 6)


def _twin_towers() -> Building:
    """A gate between two round towers."""
    parts = [box(0, 0, 9, 8, 0, 15), gable(0, 0, 9, 8, 15, 4), opening(0, 4, 4, 6.5)]
    for side in (-1, 1):
        body = points((4, 0), (4, 18), (4.5, 18.4), (4.5, 19.4), (0, 19.4))
        parts.append(turned(side * 7.8, 0.8, body, WALL))
        parts.append(spire(side * 7.8, 0.8, 4.7, 19.4, 9))
    return _built(parts, 12.3, 28.4, 5.2)


def _college() -> Building:
    """A long range with a pediment and a cupola."""
    parts = [
        box(0, 0, 51, 10, 0, 8),
        hip(0, 0, 51.8, 10.8, 8, 4, 42),
        box(0, 1.5, 15, 11, 0, 9),
        gable(0, 1.5, 15.6, 11, 9, 4.5),
        turned(0, 0, points((2.4, 11), (2.4, 16), (2.8, 16), (2.8, 16.6)), STONE),
        dome(0, 0, 2.6, 16.6),
        opening(0, 7, 3, 5),
    ]
    parts += [box(float(x), 0, 1.2, 2.4, 10, 4.6, STONE) for x in (-21, -12, 12, 21)]
    return _built(parts, 25.9, 21, 7)


def _bell_tower() -> Building:
    """One slender tower with a crown of pinnacles beside a low house."""
    parts = [
        box(0, 0, 9, 9, 0, 34),
        *[course(0, 0, 9, 9, y, 0.4) for y in (10, 20, 28, 33.8)],
        crenels(0, 0, 9, 9, 34.4),
        box(11, 0, 12, 9, 0, 8),
        gable(11, 0, 12, 9.6, 8, 4, along_x=True),
        opening(0, 4.5, 3, 5),
    ]
    edges = [(x, z) for x in (-4.4, 4.4) for z in (-4.4, 4.4)]
    parts.append(pinnacles(edges, 34, 8, 1.4))
    parts += [box(x, z, 1.5, 1.5, 0, 34, STONE) for x, z in edges]
    return _built(parts, 17, 42, 5.2)


def _keep() -> Building:
    """A castle keep: a broad drum on a mound with four turrets."""
    mound = points((17, 0), (12.4, 4), (0, 4))
    drum = points((10.5, 4), (9.6, 7), (9.6, 19), (10.2, 19.6), (10.2, 21), (0, 21))
    parts = [
        turned(0, 0, mound, STONE),
        turned(0, 0, drum, STONE),
        opening(0, 9.7, 2.6, 4.4, 4),
    ]
    for i in range(18):
        angle = 2 * np.pi * i / 18
        parts.append(box(9.8 * float(np.sin(angle)), 9.8 * float(np.cos(angle)), 1.5, 1.5, 21, 1.6, STONE))
    for i in range(4):
        angle = np.pi / 4 + np.pi / 2 * i
        turret = points((2.4, 4), (2.4, 24), (2.8, 24.4), (2.8, 26), (0, 26))
        parts.append(turned(9.4 * float(np.sin(angle)), 9.4 * float(np.cos(angle)), turret, STONE))
    return _built(parts, 17, 26, 17)


def _gabled_row() -> Building:
    """A row of steep gables to the street, with chimneys."""
    parts = []
    for i in range(4):
        x = -13.5 + 9 * i
        parts += [
            box(x, 0, 9, 12, 0, 8),
            gable(x, 0, 9, 12, 8, 8),
            box(x + 4.5, -2, 1.4, 1.4, 8, 8.5, STONE),
        ]
        parts.append(opening(x, 6, 2, 3.4))
    return _built(parts, 18, 16.5, 6)


LANDMARKS: dict[str, Callable[[], Building]] = {
    "bell_tower": _bell_tower,
    "chapel": _chapel,
    "church": _church,
    "college": _college,
    "covered_bridge": _bridge,
    "gabled_row": _gabled_row,
    "gate_tower": _gate_tower,
    "keep": _keep,
    "museum": _museum,
    "rotunda": _rotunda,
    "twin_towers": _twin_towers,
}
"""The landmarks of the generated town, by name."""


@cache
def landmark(name: str) -> Building:
    """Return the landmark ``name``."""
    return LANDMARKS[name]()


def any_building(seed: int) -> Building:
    """Return a building of the same town that is no landmark, put together from ``seed``."""
    rng = seeded_rng(seed, 41)
    width, depth = BAY_M * int(rng.integers(4, 12)), BAY_M * int(rng.integers(3, 5))
    storeys = int(rng.integers(2, 5))
    eaves = STOREY_M * storeys
    rise = float(rng.uniform(2.5, 6))
    parts = [box(0, 0, width, depth, 0, eaves), course(0, 0, width, depth, eaves - 0.4)]
    top = eaves + rise
    if rng.random() < 0.5:
        parts.append(hip(0, 0, width + 0.8, depth + 0.8, eaves, rise, max(0.0, width - depth)))
    else:
        parts.append(gable(0, 0, width, depth + 0.8, eaves, rise, along_x=True))
    for x in rng.uniform(-0.45, 0.45, int(rng.integers(0, 4))) * width:
        parts.append(box(float(x), 0, 1.3, 1.3, eaves, rise + 2, STONE))
    if rng.random() < 0.35:
        x = float(rng.choice((-1, 1))) * (width / 2 + 1.5)
        tall = eaves + float(rng.uniform(3, 9))
        parts += [box(x, 0, 6, 6, 0, tall), hip(x, 0, 6.6, 6.6, tall, float(rng.uniform(3, 8)))]
        top, width = tall + 8, width + 9
    parts.append(opening(float(rng.uniform(-0.3, 0.3)) * width, depth / 2, 2.2, 3.6))
    return _built(parts, width / 2 + 0.5, top, depth / 2 + 0.5)
