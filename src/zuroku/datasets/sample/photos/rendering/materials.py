"""What things are made of: the stuff that shines or does not, and the pattern on it in its colours.

Colours are linear light. A material knows no shape: patterns are functions of coordinates along a surface.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from zuroku.datasets.sample.photos.rendering.textures import (
    Array,
    cell_tile,
    fractal_tile,
    look_up,
    soft_step,
)

Pattern = Literal[
    "plain",
    "mottled",
    "stripes",
    "bands",
    "flutes",
    "checks",
    "plaid",
    "dots",
    "waves",
    "diamonds",
    "marble",
    "grain",
    "crackle",
    "drips",
    "speckle",
    "flowers",
]

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Stuff:
    """How a stuff takes light, whatever its colour.

    ``gloss`` is the share of a mirror, ``blur`` how wide its reflections spread (0 mirror, 1 dull), ``bump``
    how rough it feels and ``bump_frequency`` how finely, ``metal`` whether reflections take its colour.
    """

    gloss: float
    blur: float
    bump: float
    bump_frequency: float
    metal: bool = False


STUFFS: dict[str, Stuff] = {
    "porcelain": Stuff(gloss=0.9, blur=0.06, bump=0.01, bump_frequency=1.0),
    "earthenware": Stuff(gloss=0.15, blur=0.7, bump=0.07, bump_frequency=1.0),
    "lacquer": Stuff(gloss=0.75, blur=0.16, bump=0.012, bump_frequency=1.0),
    "wood": Stuff(gloss=0.3, blur=0.45, bump=0.03, bump_frequency=1.0),
    "stone": Stuff(gloss=0.12, blur=0.7, bump=0.06, bump_frequency=1.0),
    "metal": Stuff(gloss=0.95, blur=0.22, bump=0.03, bump_frequency=1.0, metal=True),
    "cloth": Stuff(gloss=0.0, blur=1.0, bump=0.1, bump_frequency=1.0),
    "wax": Stuff(gloss=0.25, blur=0.6, bump=0.02, bump_frequency=1.0),
    "leaf": Stuff(gloss=0.2, blur=0.6, bump=0.15, bump_frequency=1.0),
    "masonry": Stuff(gloss=0.0, blur=1.0, bump=0.05, bump_frequency=0.07),
}


class Finish(Protocol):
    """What a part of a body is made of: a stuff, and its colour along the surface."""

    @property
    def stuff(self) -> str:
        """The name of its stuff in ``STUFFS``."""
        ...

    def albedo(self, u: Array, v: Array) -> Array:
        """Return the colour ``(3, n)`` at surface coordinates ``u``, ``v`` ``(n,)``."""
        ...


@dataclass(frozen=True)
class Material:
    """A stuff with a pattern in two to three colours (linear light); ``fineness`` scales the pattern."""

    stuff: str
    pattern: Pattern
    colours: tuple[Colour, ...]
    fineness: int = 1

    def albedo(self, u: Array, v: Array) -> Array:
        """Return the colour ``(3, n)`` at surface coordinates ``u``, ``v`` ``(n,)``."""
        first, second = (np.asarray(self.colours[i % len(self.colours)], np.float32) for i in (0, 1))
        share = _PATTERNS[self.pattern](u, v, self.fineness)
        # No glaze, dye or stone is quite even.
        mottle = 1 + np.float32(0.05) * look_up(fractal_tile(1.4), u, v)
        return np.asarray((first[:, None] + (second - first)[:, None] * share) * mottle, np.float32)


def linear(colour: str) -> Colour:
    """Return the linear light of an sRGB colour ``#rrggbb`` (IEC 61966-2-1, taken as a power of 2.2)."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red**2.2, green**2.2, blue**2.2


def _fraction(values: Array) -> Array:
    return np.asarray(values - np.floor(values))


def _plain(u: Array, v: Array, n: int) -> Array:
    return np.zeros_like(u)


def _mottled(u: Array, v: Array, n: int) -> Array:
    return soft_step(look_up(fractal_tile(1.5, 1), u, v, n), 0.1, 1.6)


def _stripes(u: Array, v: Array, n: int) -> Array:
    return soft_step(np.abs(_fraction(7 * n * v) - np.float32(0.5)), 0.25, 0.08)


def _bands(u: Array, v: Array, n: int) -> Array:
    phase = _fraction(np.float32(1.6 * n) * v + np.float32(0.2))
    wide = soft_step(np.abs(phase - np.float32(0.5)), 0.34, 0.03)
    thin = soft_step(np.abs(np.abs(phase - np.float32(0.5)) - np.float32(0.27)), 0.025, 0.015)
    return np.asarray(np.maximum(wide, 1 - thin))


def _flutes(u: Array, v: Array, n: int) -> Array:
    return soft_step(np.abs(_fraction(6 * n * u) - np.float32(0.5)), 0.25, 0.08)


def _checks(u: Array, v: Array, n: int) -> Array:
    a = soft_step(np.abs(_fraction(4 * n * u) - np.float32(0.5)), 0.25, 0.06)
    b = soft_step(np.abs(_fraction(4 * n * v) - np.float32(0.5)), 0.25, 0.06)
    return np.asarray(a + b - 2 * a * b)


def _plaid(u: Array, v: Array, n: int) -> Array:
    total = np.zeros_like(u)
    for axis in (u, v):
        phase = _fraction(np.float32(3 * n) * axis)
        total += np.float32(0.38) * soft_step(np.abs(phase - np.float32(0.5)), 0.3, 0.04)
        total += np.float32(0.24) * (1 - soft_step(np.abs(phase - np.float32(0.5)), 0.04, 0.03))
    weave = np.sin(np.float32(48 * np.pi) * u) * np.sin(np.float32(48 * np.pi) * v)
    return np.asarray(np.clip(total + np.float32(0.06) * weave, 0, 1))


def _dots(u: Array, v: Array, n: int) -> Array:
    row = np.float32(5 * n) * v
    a = _fraction(np.float32(5 * n) * u + np.float32(0.5) * (np.floor(row) % 2)) - np.float32(0.5)
    b = _fraction(row) - np.float32(0.5)
    return 1 - soft_step(np.sqrt(a * a + b * b), 0.27, 0.08)


def _waves(u: Array, v: Array, n: int) -> Array:
    """Scales of the sea: arcs in staggered rows, each before the next."""
    row = np.float32(6 * n) * v
    level = np.floor(row)
    a = _fraction(np.float32(3 * n) * u + np.float32(0.5) * (level % 2)) - np.float32(0.5)
    b = row - level
    radius = np.sqrt(4 * a * a + b * b)
    beside = np.sqrt((1 - 2 * np.abs(a)) ** 2 + (b + 1) ** 2)
    arcs = np.where(radius < 1, radius, beside - 1)
    return soft_step(np.abs(_fraction(np.float32(3) * arcs) - np.float32(0.5)), 0.27, 0.12)


def _diamonds(u: Array, v: Array, n: int) -> Array:
    a, b = np.float32(3 * n) * u, np.float32(3 * n) * v
    first = np.abs(_fraction(a + b) - np.float32(0.5))
    second = np.abs(_fraction(a - b) - np.float32(0.5))
    line = soft_step(np.minimum(first, second), 0.06, 0.04)
    core = soft_step(np.maximum(first, second), 0.2, 0.05)
    return np.asarray(1 - line * core)


def _marble(u: Array, v: Array, n: int) -> Array:
    drift = look_up(fractal_tile(1.6, 2), u, v, n)
    veins = np.abs(np.sin(np.float32(2 * np.pi * n) * (u + v) + np.float32(2.4) * drift))
    clouds = look_up(fractal_tile(1.5, 12), u, v, n)
    return np.asarray(np.clip(1 - soft_step(veins, 0.12, 0.5) + np.float32(0.16) * clouds, 0, 1))


def _grain(u: Array, v: Array, n: int) -> Array:
    """Wood: rings drawn out along v."""
    drift = look_up(fractal_tile(1.9, 3), u, np.float32(0.12) * v)
    rings = _fraction(np.float32(5 * n) * u + np.float32(1.1) * drift)
    pores = look_up(fractal_tile(0.6, 4), u, np.float32(0.06) * v, 1.0)
    return np.asarray(np.clip(rings * rings + np.float32(0.13) * pores, 0, 1))


def _crackle(u: Array, v: Array, n: int) -> Array:
    return 1 - soft_step(look_up(cell_tile(100), u, v, n), 0.07, 0.08)


def _drips(u: Array, v: Array, n: int) -> Array:
    """A glaze that ran down: the upper part, ending in tongues."""
    tongues = look_up(fractal_tile(1.3, 5), u, np.full_like(v, 0.37), 1.0)
    return soft_step(np.sin(np.float32(2.2 * n) * v) + np.float32(0.22) * tongues, 0.35, 0.1)


def _speckle(u: Array, v: Array, n: int) -> Array:
    return soft_step(look_up(fractal_tile(0.75, 6), u, v, n), 0.9, 0.5)


def _flowers(u: Array, v: Array, n: int) -> Array:
    """Blossoms of five petals in staggered rows, with dots between."""
    row = np.float32(3 * n) * v
    a = _fraction(np.float32(3 * n) * u + np.float32(0.5) * (np.floor(row) % 2)) - np.float32(0.5)
    b = _fraction(row) - np.float32(0.5)
    radius, angle = np.sqrt(a * a + b * b), np.arctan2(b, a)
    petals = np.float32(0.25) + np.float32(0.11) * np.cos(5 * angle)
    flower = 1 - soft_step(radius - petals, 0.0, 0.05)
    eye = 1 - soft_step(radius, 0.09, 0.04)
    buds = 1 - soft_step(np.hypot(np.abs(a) - np.float32(0.5), b), 0.08, 0.04)
    return np.asarray(np.clip(flower - eye + buds, 0, 1))


_PATTERNS: dict[str, Callable[[Array, Array, int], Array]] = {
    "plain": _plain,
    "mottled": _mottled,
    "stripes": _stripes,
    "bands": _bands,
    "flutes": _flutes,
    "checks": _checks,
    "plaid": _plaid,
    "dots": _dots,
    "waves": _waves,
    "diamonds": _diamonds,
    "marble": _marble,
    "grain": _grain,
    "crackle": _crackle,
    "drips": _drips,
    "speckle": _speckle,
    "flowers": _flowers,
}
