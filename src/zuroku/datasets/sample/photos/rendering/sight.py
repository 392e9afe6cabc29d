"""What a camera sees of bodies: their points splatted into a depth buffer.

How what is seen is lit belongs to ``shading``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zuroku.datasets.sample.photos.rendering.bodies import Body
from zuroku.datasets.sample.photos.rendering.camera import Camera
from zuroku.datasets.sample.photos.rendering.surfaces import Piece, Surface, join
from zuroku.datasets.sample.photos.rendering.textures import Array

_SPACING_PX = 0.95
"""Points this close leave few pixels of a face unseen, and those are filled from their neighbours."""

_DEPTH_LEVELS = 2**20
_LEAK = _DEPTH_LEVELS // 50
"""A pixel so far behind its neighbours shows what lies under a face."""


@dataclass(frozen=True)
class Seen:
    """The pixels of a picture that show bodies: flat indices ``(m,)``, and what is seen there."""

    pixels: npt.NDArray[np.int64]
    points: Array
    normals: Array
    coords: Array
    parts: npt.NDArray[np.uint8]
    bodies: npt.NDArray[np.uint8]


def see(camera: Camera, bodies: Sequence[Body]) -> Seen:
    """Return what ``camera`` sees of ``bodies``: for each pixel the nearest point that faces it."""
    surfaces = [_built(camera, body) for body in bodies]
    facing = [_facing(camera, surface) for surface in surfaces]
    points = np.concatenate([s.points[:, f] for s, f in zip(surfaces, facing, strict=True)], 1)
    x, y, depth = camera.project(points)
    width, height = camera.size
    inside = np.flatnonzero((x >= 0) & (y >= 0) & (x < width) & (y < height) & (depth > 0.05))
    pixel = y[inside].astype(np.int64) * width + x[inside].astype(np.int64)
    near, far = float(depth[inside].min(initial=1)), float(depth[inside].max(initial=2))
    closeness = (np.float32(far) - depth[inside]) * np.float32(_DEPTH_LEVELS / max(far - near, 1e-6))
    buffer = np.full(width * height, -1, np.int64)
    np.maximum.at(buffer, pixel, (closeness.astype(np.int64) << 32) | inside)
    _close(buffer.reshape(height, width))
    pixels = np.flatnonzero(buffer >= 0)
    chosen = buffer[pixels] & 0xFFFFFFFF
    starts = np.cumsum([0] + [len(f) for f in facing])
    body = (np.searchsorted(starts, chosen, side="right") - 1).astype(np.uint8)
    offsets = np.cumsum([0] + [s.points.shape[1] for s in surfaces])
    origin = np.concatenate([f + offset for f, offset in zip(facing, offsets, strict=False)])[chosen]
    return Seen(
        pixels,
        points[:, chosen],
        _gathered([s.normals for s in surfaces], origin),
        _gathered([s.coords for s in surfaces], origin),
        _gathered([s.parts for s in surfaces], origin),
        body,
    )


def _gathered(arrays: list[npt.NDArray[Any]], origin: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return the columns ``origin`` of ``arrays`` laid side by side."""
    return (arrays[0] if len(arrays) == 1 else np.concatenate(arrays, -1)).take(origin, axis=-1)


def _built(camera: Camera, body: Body) -> Surface:
    """Build what may be seen of a body, as finely as the picture shows it."""
    seen = [
        piece.build(_SPACING_PX / camera.px_per_unit(_nearest(camera, body, piece)))
        for piece, in_sight in zip(body.pieces, _in_sight(camera, body.pieces), strict=True)
        if in_sight
    ]
    if len(seen) == 1:
        return seen[0]
    return join(seen or [body.pieces[0].build(body.reach)])


def _facing(camera: Camera, surface: Surface) -> npt.NDArray[np.int64]:
    """Return which points of a surface face the camera."""
    eye = np.asarray(camera.eye, np.float32)
    own = np.einsum("ij,ij->j", surface.normals, surface.points)
    return np.flatnonzero(eye @ surface.normals > own)


def _nearest(camera: Camera, body: Body, piece: Piece) -> float:
    """Return how near ``piece`` comes to the camera, at least roughly."""
    if piece.corners is not None:
        return max(0.3, float(camera.project(piece.corners.T.astype(np.float32))[2].min()))
    *middle, reach = piece.ball or (*body.middle, 0.7 * body.reach)
    return max(0.3, float(np.linalg.norm(np.subtract(camera.eye, middle))) - reach)


def _in_sight(camera: Camera, pieces: Sequence[Piece]) -> list[bool]:
    """Say of each piece whether it may be seen: flat ones not from behind, nor beyond the picture."""
    flat = [number for number, piece in enumerate(pieces) if piece.corners is not None]
    seen = [True] * len(pieces)
    if not flat:
        return seen
    corners = np.stack([np.asarray(pieces[number].corners) for number in flat])
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])
    behind = (normals * (np.asarray(camera.eye) - corners[:, 0])).sum(1) <= 0
    x, y, depth = (
        plane.reshape(-1, 4) for plane in camera.project(corners.reshape(-1, 3).T.astype(np.float32))
    )
    width, height = camera.size
    ahead = (depth > 0.1).all(1)
    beyond = (x < 0).all(1) | (x > width).all(1) | (y < 0).all(1) | (y > height).all(1)
    for number, hidden in zip(flat, (behind | (ahead & beyond)).tolist(), strict=True):
        seen[number] = not hidden
    return seen


def _close(buffer: npt.NDArray[np.int64]) -> None:
    """Fill, in place, pixels of ``buffer`` that no point hit, or only one far behind those on three sides."""
    rows, columns = np.flatnonzero(buffer.max(1) >= 0), np.flatnonzero(buffer.max(0) >= 0)
    if len(rows) < 3 or len(columns) < 3:
        return
    part = buffer[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    behind = part[1:-1, 1:-1] + (_LEAK << 32)
    sides = (part[:-2, 1:-1], part[2:, 1:-1], part[1:-1, :-2], part[1:-1, 2:])
    covered = np.zeros(behind.shape, np.int8)
    for side in sides:
        covered += side > behind
    row, column = np.nonzero(covered >= 3)
    beside = np.stack([side[row, column] for side in sides])
    part[row + 1, column + 1] = beside.max(0)
