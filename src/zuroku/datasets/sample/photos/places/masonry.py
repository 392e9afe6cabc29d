"""What buildings are put together from: walls, roofs, towers, columns, openings, in one stone and one slate.

Lengths are metres; x runs to the right, y up and z to the front. Walls take the windows that ``facades``
draws for the figures of books. Which building has which parts says ``architecture``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.datasets.sample.facades import draw_facade
from zuroku.datasets.sample.noise import Field, seeded_rng
from zuroku.datasets.sample.photos.rendering.materials import Finish, Material, linear
from zuroku.datasets.sample.photos.rendering.surfaces import (
    Line,
    Piece,
    Surface,
    cut,
    lathe,
    moved,
    part,
    patch,
    repeated,
)
from zuroku.datasets.sample.photos.rendering.textures import Array
from zuroku.datasets.sample.strokes import points

WALL, STONE, SLATE, DARK = range(4)
"""Parts of a building: walls with windows, bare stone, roofs, and openings."""

BAY_M, STOREY_M = 3.0, 4.0
"""What a window takes along a wall, and a storey up it."""

_TEXELS = 40
_STONE = linear("#c4ab7d")

Vector = tuple[float, float, float]
Place = tuple[float, float]
"""Where something stands: x, z."""

Outline = Callable[[Array, Array], npt.NDArray[np.bool_]]
"""Says which points of a flat piece there are, by their shares across and up it."""


@dataclass(frozen=True)
class Wall:
    """A wall of windows, one per bay and storey; every building of a town has the same."""

    seed: int
    stuff: str = "masonry"

    def albedo(self, u: Array, v: Array) -> Array:
        """Return the colour ``(3, n)`` at ``u`` along and ``v`` up the wall, in metres."""
        tile = _bay(self.seed)
        column = (np.mod(u, np.float32(2 * BAY_M)) * np.float32(_TEXELS / BAY_M)).astype(np.int32)
        row = (np.mod(-v, np.float32(STOREY_M)) * np.float32(_TEXELS / STOREY_M)).astype(np.int32)
        tone = tile[np.minimum(row, _TEXELS - 1), np.minimum(column, 2 * _TEXELS - 1)]
        return np.asarray(np.asarray(_STONE, np.float32)[:, None] * tone)


@lru_cache(maxsize=8)
def _bay(seed: int) -> Field:
    """Return the tones ``(_TEXELS, 2 · _TEXELS)`` of a storey of two bays; bare stone is 1."""
    drawn = draw_facade(seeded_rng(seed, 5), (6 * _TEXELS, 3 * _TEXELS), (2, 1), "stone")
    grey = np.asarray(drawn.resize((2 * _TEXELS, _TEXELS), Image.Resampling.BOX), np.float32)
    return np.asarray(np.clip(grey / np.median(grey), 0.06, 1.25) ** 2.2, np.float32)


def finishes(seed: int) -> tuple[Finish, ...]:
    """Return what the parts of every building of a town are made of."""
    red, green, blue = _STONE
    light, dark = (0.95 * red, 0.95 * green, 0.95 * blue), (0.82 * red, 0.82 * green, 0.82 * blue)
    return (
        Wall(seed),
        Material("masonry", "mottled", (light, dark)),
        Material("masonry", "mottled", (linear("#5d6470"), linear("#4b515c"))),
        Material("masonry", "plain", (linear("#1f1c1a"),)),
    )


def flat(corner: Vector, right: Vector, up: Vector, number: int, outline: Outline | None = None) -> Piece:
    """Return a flat piece from ``corner`` along ``right`` and ``up``, cut by ``outline``."""

    def build(spacing: float) -> Surface:
        whole = part(patch(corner, right, up, spacing), number)
        if outline is None:
            return whole
        wide, tall = np.linalg.norm(right), np.linalg.norm(up)
        return cut(whole, outline(whole.coords[0] / np.float32(wide), whole.coords[1] / np.float32(tall)))

    start, across, upward = np.array(corner), np.array(right), np.array(up)
    return Piece(build, np.stack([start, start + across, start + across + upward, start + upward]))


def _pointed(a: Array, b: Array, ridge: float = 0.0) -> npt.NDArray[np.bool_]:
    """The outline of a triangle, or of a trapezoid with ``ridge`` (a share of its foot) as its top."""
    return np.asarray(np.abs(2 * a - 1) <= 1 - b * np.float32(1 - ridge))


def box(
    x: float, z: float, width: float, depth: float, bottom: float, height: float, number: int = WALL
) -> list[Piece]:
    """Return four walls and a lid; ``x`` and ``z`` are the middle."""
    left, right, front, back = x - width / 2, x + width / 2, z + depth / 2, z - depth / 2
    up = (0.0, height, 0.0)
    lid = SLATE if number == WALL else number
    return [
        flat((left, bottom, front), (width, 0, 0), up, number),
        flat((right, bottom, front), (0, 0, -depth), up, number),
        flat((right, bottom, back), (-width, 0, 0), up, number),
        flat((left, bottom, back), (0, 0, depth), up, number),
        flat((left, bottom + height, front), (width, 0, 0), (0, 0, -depth), lid),
    ]


def course(
    x: float, z: float, width: float, depth: float, y: float, out: float = 0.3, tall: float = 0.5
) -> list[Piece]:
    """Return a course of stone that stands out from the walls of a box."""
    return box(x, z, width + 2 * out, depth + 2 * out, y, tall, STONE)


def gable(
    x: float, z: float, width: float, depth: float, eaves: float, rise: float, along_x: bool = False
) -> list[Piece]:
    """Return a saddle roof whose ridge runs along z, or ``along_x``, with its end walls."""
    pieces = []
    for side in (1, -1):
        if along_x:
            foot = (x - side * width / 2, eaves, z + side * depth / 2)
            slope, length = (0.0, rise, -side * depth / 2), (side * width, 0.0, 0.0)
            end, span = (x + side * width / 2, eaves, z + side * depth / 2), (0.0, 0.0, -side * depth)
        else:
            foot = (x + side * width / 2, eaves, z + side * depth / 2)
            slope, length = (-side * width / 2, rise, 0.0), (0.0, 0.0, -side * depth)
            end, span = (x - side * width / 2, eaves, z + side * depth / 2), (side * width, 0.0, 0.0)
        pieces += [flat(foot, length, slope, SLATE), flat(end, span, (0.0, rise, 0.0), STONE, _pointed)]
    return pieces


def hip(
    x: float, z: float, width: float, depth: float, eaves: float, rise: float, ridge: float = 0.0
) -> list[Piece]:
    """Return a roof of four slopes; ``ridge`` is the length of its ridge along x."""
    run = (width - ridge) / 2
    pieces = []
    for side in (1, -1):
        front = (x - side * width / 2, eaves, z + side * depth / 2)
        trapezoid = partial(_pointed, ridge=ridge / width)
        pieces.append(flat(front, (side * width, 0, 0), (0, rise, -side * depth / 2), SLATE, trapezoid))
        end = (x + side * width / 2, eaves, z + side * depth / 2)
        pieces.append(flat(end, (0, 0, -side * depth), (-side * run, rise, 0), SLATE, _pointed))
    return pieces


def turned(x: float, z: float, profile: Line, number: int) -> list[Piece]:
    """Return a round piece with ``profile`` (radius, height) about x, z."""

    def build(spacing: float) -> Surface:
        return moved(part(lathe(profile, spacing), number), (x, 0, z))

    return [Piece(build, ball=(x, float(profile[:, 1].mean()), z, float(profile[:, 0].max())))]


def spire(x: float, z: float, radius: float, bottom: float, height: float) -> list[Piece]:
    """Return a round pointed roof."""
    return turned(x, z, points((radius, bottom), (0, bottom + height)), SLATE)


def dome(x: float, z: float, radius: float, bottom: float) -> list[Piece]:
    """Return a dome with its lantern."""
    angle = np.linspace(0, np.pi / 2.2, 16)
    shell = np.stack([radius * np.cos(angle), bottom + 1.1 * radius * np.sin(angle)], 1)
    top = float(shell[-1, 1])
    knots = ((0.16 * radius, top - 0.3), (0.16 * radius, top + 0.3 * radius), (0.0, top + 0.55 * radius))
    return [*turned(x, z, shell, SLATE), *turned(x, z, points(*knots), STONE)]


def columns(places: Sequence[Place], bottom: float, height: float, radius: float) -> list[Piece]:
    """Return a column at each of ``places``."""
    top = bottom + height
    foot = points((1.3 * radius, bottom), (1.3 * radius, bottom + 0.4), (radius, bottom + 0.5))
    head = points((0.85 * radius, top - 0.6), (1.3 * radius, top - 0.3), (1.3 * radius, top))
    return _each(np.concatenate([foot, head]), places)


def pinnacles(places: Sequence[Place], bottom: float, height: float, wide: float = 0.8) -> list[Piece]:
    """Return a pinnacle at each of ``places``."""
    waist = bottom + 0.45 * height
    knots = ((0.5 * wide, bottom), (0.5 * wide, waist), (0.65 * wide, waist + 0.1), (0.0, bottom + height))
    return _each(points(*knots), places)


def _each(profile: Line, places: Sequence[Place]) -> list[Piece]:
    offsets = [(x, 0.0, z) for x, z in places]

    def build(spacing: float) -> Surface:
        return repeated(part(lathe(profile, spacing), STONE), offsets)

    around = np.array(places)
    middle, heights = around.mean(0), profile[:, 1]
    reach = float(np.linalg.norm(around - middle, axis=1).max() + profile[:, 0].max())
    return [Piece(build, ball=(float(middle[0]), float(heights.mean()), float(middle[1]), reach))]


def crenels(x: float, z: float, width: float, depth: float, y: float) -> list[Piece]:
    """Return a parapet with gaps around a box."""
    pieces = []
    for grown, inward in ((0.5, False), (0.0, True)):
        for wall in box(x, z, width + grown, depth + grown, y, 1.1, STONE)[:4]:
            assert wall.corners is not None  # walls are flat
            low_left, low_right, _, top_left = wall.corners
            start, across = (low_right, low_left - low_right) if inward else (low_left, low_right - low_left)
            length = float(np.linalg.norm(across))
            gaps = partial(_gapped, count=max(2, round(length / 1.6)))
            pieces.append(flat(tuple(start), tuple(across), tuple(top_left - low_left), STONE, gaps))
    return pieces


def _gapped(a: Array, b: Array, count: int) -> npt.NDArray[np.bool_]:
    return np.asarray(np.mod(a * count + np.float32(0.27), 1) < 0.55)


def opening(x: float, front: float, width: float, height: float, bottom: float = 0.0) -> list[Piece]:
    """Return a dark arched opening just before a front wall."""

    def arched(a: Array, b: Array) -> npt.NDArray[np.bool_]:
        rise = np.clip((b * height - (height - width / 2)) / (width / 2), 0, None)
        return np.asarray((2 * a - 1) ** 2 + rise**2 <= 1)

    return [flat((x - width / 2, bottom, front + 0.3), (width, 0, 0), (0, height, 0), DARK, arched)]


def steps(x: float, front: float, width: float, count: int) -> list[Piece]:
    """Return ``count`` steps that lead up to a front."""
    pieces = []
    for number in range(count):
        out = 0.7 * (count - number)
        pieces += box(x, front + out / 2, width + out, out + 0.7, 0.3 * number, 0.3, STONE)
    return pieces
