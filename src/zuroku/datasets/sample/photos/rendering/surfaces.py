"""Surfaces of things as clouds of points, dense enough to leave no gap in a photograph.

A point has a place, a normal, coordinates along the surface (where patterns go) and the part it belongs to.
What things are made of these primitives is said in ``shapes`` and ``architecture``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Cloud = npt.NDArray[np.float32]
"""``(3, n)`` float32: x to the right, y up, z towards the viewer."""

Line = npt.NDArray[np.float64]
"""A polyline ``(k, 2)`` or ``(k, 3)``."""


@dataclass(frozen=True)
class Surface:
    """``points`` and unit ``normals`` ``(3, n)``, ``coords`` along it ``(2, n)``, ``parts`` ``(n,)``.

    Coordinates are lengths, but around a turned thing they run to a whole number, so that patterns close.
    """

    points: Cloud
    normals: Cloud
    coords: npt.NDArray[np.float32]
    parts: npt.NDArray[np.uint8]


Builder = Callable[[float], Surface]
"""Builds a surface whose points lie at most so far apart."""


@dataclass(frozen=True)
class Piece:
    """A part of a body that is built on its own.

    ``corners`` ``(4, 3)`` are those of a flat piece, anticlockwise as seen from its outside: they tell at
    once whether it can be seen, and how near it comes. Other pieces may give a ``ball`` around them for the
    latter: x, y, z and radius.
    """

    build: Builder
    corners: npt.NDArray[np.float64] | None = None
    ball: tuple[float, float, float, float] | None = None


def join(surfaces: Sequence[Surface]) -> Surface:
    """Return all ``surfaces`` as one."""
    return Surface(
        np.concatenate([s.points for s in surfaces], 1),
        np.concatenate([s.normals for s in surfaces], 1),
        np.concatenate([s.coords for s in surfaces], 1),
        np.concatenate([s.parts for s in surfaces]),
    )


def part(surface: Surface, number: int) -> Surface:
    """Return ``surface`` as the part ``number`` of a thing."""
    return replace(surface, parts=np.full(len(surface.parts), number, np.uint8))


def moved(
    surface: Surface,
    offset: Sequence[float] = (0.0, 0.0, 0.0),
    turn: npt.NDArray[np.float64] | None = None,
    scale: Sequence[float] = (1.0, 1.0, 1.0),
) -> Surface:
    """Return ``surface`` scaled along its axes, turned by the matrix ``turn``, then moved by ``offset``."""
    points, normals = surface.points, surface.normals
    if any(factor != 1 for factor in scale):
        factors = np.asarray(scale, np.float32)[:, None]
        points, normals = points * factors, normals / factors
        normals = normals / np.maximum(np.sqrt((normals * normals).sum(0)), np.float32(1e-9))
    if turn is not None:
        matrix = turn.astype(np.float32)
        points, normals = matrix @ points, matrix @ normals
    return replace(surface, points=points + np.asarray(offset, np.float32)[:, None], normals=normals)


def repeated(surface: Surface, offsets: Sequence[Sequence[float]]) -> Surface:
    """Return copies of ``surface``, one moved by each of ``offsets``."""
    count = len(offsets)
    shifts = np.asarray(offsets, np.float32).T[:, :, None]
    return Surface(
        (surface.points[:, None, :] + shifts).reshape(3, -1),
        np.tile(surface.normals, count),
        np.tile(surface.coords, count),
        np.tile(surface.parts, count),
    )


def cut(surface: Surface, kept: npt.NDArray[np.bool_]) -> Surface:
    """Return the points of ``surface`` that are ``kept`` ``(n,)``."""
    places = np.flatnonzero(kept)
    return Surface(
        surface.points[:, places],
        surface.normals[:, places],
        surface.coords[:, places],
        surface.parts[places],
    )


def turn_about(axis: int, degrees: float) -> npt.NDArray[np.float64]:
    """Return the matrix ``(3, 3)`` that turns about the x, y or z axis (0, 1, 2), right-handed."""
    angle = np.radians(degrees)
    a, b = [i for i in range(3) if i != axis]
    sign = -1.0 if axis == 1 else 1.0
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -sign * np.sin(angle), sign * np.sin(angle)
    return matrix


def resampled(line: Line, spacing: float) -> tuple[Line, Line, npt.NDArray[np.float64]]:
    """Return points along ``line`` at equal steps of at most ``spacing``, tangents, and lengths so far."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    kept = np.concatenate([[True], steps > 1e-9])
    line = line[kept]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    count = max(2, int(np.ceil(along[-1] / spacing)) + 1)
    places = np.linspace(0, along[-1], count)
    points = np.stack([np.interp(places, along, column) for column in line.T], 1)
    ahead = np.minimum(places + 0.5 * spacing, along[-1])
    behind = np.maximum(places - 0.5 * spacing, 0)
    tangents = np.stack(
        [np.interp(ahead, along, column) - np.interp(behind, along, column) for column in line.T], 1
    )
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-12)
    return points, tangents, places


def lathe(profile: Line, spacing: float) -> Surface:
    """Turn ``profile`` (radius, height) about the y axis; its outside lies right of the way it runs."""
    points, tangents, along = resampled(profile, spacing)
    radius = points[:, 0]
    counts = np.maximum(6, np.ceil(2 * np.pi * radius / spacing)).astype(np.int64)
    total = int(counts.sum())
    place = np.arange(total, dtype=np.float32) - np.repeat(
        (np.cumsum(counts) - counts).astype(np.float32), counts
    )
    share = place * np.repeat((1 / counts).astype(np.float32), counts)
    angle = np.float32(2 * np.pi) * share
    cos, sin = np.cos(angle), np.sin(angle)
    r, y, n_r, n_y, v = (
        np.repeat(column.astype(np.float32), counts)
        for column in (radius, points[:, 1], tangents[:, 1], -tangents[:, 0], along)
    )
    places, normals = np.empty((3, total), np.float32), np.empty((3, total), np.float32)
    np.multiply(r, cos, out=places[0])
    np.multiply(r, sin, out=places[2])
    places[1] = y
    np.multiply(n_r, cos, out=normals[0])
    np.multiply(n_r, sin, out=normals[2])
    normals[1] = n_y
    turns = np.float32(max(1, round(2 * np.pi * float(radius.max()))))
    return Surface(places, normals, np.stack([turns * share, v]), np.zeros(total, np.uint8))


def ellipsoid(radii: Sequence[float], spacing: float) -> Surface:
    """Return an ellipsoid about the origin with ``radii`` along x, y and z."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 33)
    ball = lathe(np.stack([np.cos(angle), np.sin(angle)], 1), spacing / max(radii))
    return moved(ball, scale=radii)


def tube(
    path: Line, radius: float | npt.NDArray[np.float64], spacing: float, closed: bool = False
) -> Surface:
    """Lead a circle of ``radius`` (or one radius per point of ``path``) along a path ``(k, 3)``.

    A ``closed`` path ends where it begins.
    """
    points, tangents, along = resampled(path, spacing)
    if closed:
        points, tangents, along = points[:-1], tangents[:-1], along[:-1]
    radii = np.interp(along, np.linspace(0, along[-1], np.size(radius)), np.atleast_1d(radius))
    # The side least along the path gives a frame that does not spin for the bends we need.
    reference = np.eye(3)[int(np.argmin(np.abs(tangents).max(0)))]
    first = np.cross(tangents, reference)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-9)
    second = np.cross(tangents, first)
    around = max(6, int(np.ceil(2 * np.pi * float(radii.max()) / spacing)))
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    normals = (
        first[:, None, :] * np.cos(angle)[None, :, None] + second[:, None, :] * np.sin(angle)[None, :, None]
    )
    places = points[:, None, :] + normals * radii[:, None, None]
    turns = max(1, round(2 * np.pi * float(radii.max())))
    return Surface(
        places.reshape(-1, 3).T.astype(np.float32),
        normals.reshape(-1, 3).T.astype(np.float32),
        np.stack([np.tile(turns * angle / (2 * np.pi), len(points)), np.repeat(along, around)]).astype(
            np.float32
        ),
        np.zeros(len(points) * around, np.uint8),
    )


def patch(corner: Sequence[float], right: Sequence[float], up: Sequence[float], spacing: float) -> Surface:
    """Return a flat piece from ``corner`` along the vectors ``right`` and ``up``; it faces right × up."""
    across, upward = np.asarray(right, np.float64), np.asarray(up, np.float64)
    wide, tall = float(np.linalg.norm(across)), float(np.linalg.norm(upward))
    u = np.linspace(0, 1, max(2, int(np.ceil(wide / spacing)) + 1)).astype(np.float32)
    v = np.linspace(0, 1, max(2, int(np.ceil(tall / spacing)) + 1)).astype(np.float32)
    uu, vv = (grid.ravel() for grid in np.meshgrid(u, v))
    points = (
        np.asarray(corner, np.float32)[:, None]
        + across.astype(np.float32)[:, None] * uu
        + upward.astype(np.float32)[:, None] * vv
    )
    normal = np.cross(across, upward)
    normal /= np.linalg.norm(normal)
    normals = np.repeat(normal.astype(np.float32)[:, None], len(uu), 1)
    coords = np.stack([uu * np.float32(wide), vv * np.float32(tall)])
    return Surface(points, normals, coords, np.zeros(len(uu), np.uint8))


def block(half: Sequence[float], rounding: float, spacing: float) -> Surface:
    """Return a box about the origin with half sides ``half``, its edges rounded off by ``rounding``."""
    hx, hy, hz = half
    faces = [
        patch((-hx, -hy, hz), (2 * hx, 0, 0), (0, 2 * hy, 0), spacing),
        patch((hx, -hy, -hz), (-2 * hx, 0, 0), (0, 2 * hy, 0), spacing),
        patch((hx, -hy, hz), (0, 0, -2 * hz), (0, 2 * hy, 0), spacing),
        patch((-hx, -hy, -hz), (0, 0, 2 * hz), (0, 2 * hy, 0), spacing),
        patch((-hx, hy, hz), (2 * hx, 0, 0), (0, 0, -2 * hz), spacing),
        patch((-hx, -hy, -hz), (2 * hx, 0, 0), (0, 0, 2 * hz), spacing),
    ]
    box = join(faces)
    if rounding <= 0:
        return box
    room = np.asarray(half, np.float32)[:, None] - np.float32(rounding)
    core = np.clip(box.points, -room, room)
    away = box.points - core
    away /= np.maximum(np.sqrt((away * away).sum(0)), 1e-9)
    return replace(box, points=core + np.float32(rounding) * away, normals=away)


def cushion(
    outline: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    thick: float,
    spacing: float,
    fullness: float = 0.5,
) -> Surface:
    """Return a flat thing lying in the x–z plane, swollen to ``thick`` in its middle.

    ``outline`` gives its radius by angle (radians); ``fullness`` below 1 swells it early from the rim.
    """
    probe = np.linspace(0, 2 * np.pi, 180)
    widest = float(outline(probe).max())
    around = max(12, int(np.ceil(2 * np.pi * widest / spacing)))
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    reach = outline(angle)
    count = max(4, int(np.ceil(1.2 * widest / spacing)))
    # Closer together near the rim, where the side is steep.
    share = np.sin(np.linspace(0, np.pi / 2, count))
    r = share[:, None] * reach[None]
    rise = 0.5 * thick * (1 - share**2) ** fullness
    x, z = r * np.cos(angle), r * np.sin(angle)
    y = np.repeat(rise[:, None], around, 1) * np.minimum(1, reach / widest + 0.35)[None]
    points = np.stack([x, y, z])
    by_share = np.gradient(points, axis=1)
    by_angle = (np.roll(points, -1, 2) - np.roll(points, 1, 2)) / 2
    normals = np.cross(by_angle, by_share, axis=0)
    normals /= np.maximum(np.linalg.norm(normals, axis=0), 1e-12)
    normals = np.where(normals[1] < 0, -normals, normals)
    # In its very middle all directions meet.
    normals[:, 0] = np.array([[0.0], [1.0], [0.0]])
    normals = normals.reshape(3, -1)
    points = points.reshape(3, -1)
    both = np.concatenate([points, points * [[1], [-1], [1]]], 1).astype(np.float32)
    ways = np.concatenate([normals, normals * [[1], [-1], [1]]], 1).astype(np.float32)
    return Surface(both, ways, np.stack([both[0], both[2]]), np.zeros(both.shape[1], np.uint8))
