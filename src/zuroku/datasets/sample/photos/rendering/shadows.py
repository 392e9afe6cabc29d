"""What bodies keep from the lamp: on themselves and each other by a shadow map, on the floor by a plan."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from zuroku.datasets.sample.photos.rendering.bodies import Body, Light
from zuroku.datasets.sample.photos.rendering.surfaces import Piece
from zuroku.datasets.sample.photos.rendering.textures import Array

_SIDE = 84
_PLAN_SIDE = 192
_PLAN_REACH = 4.0
"""Shadows longer than so many times the reach of the bodies are cut off."""


class ShadowMap:
    """What the lamp sees of the bodies, and what they keep from the floor (y = 0)."""

    def __init__(self, bodies: Sequence[Body], light: Light) -> None:
        self._way = light.way
        middles = np.array([body.middle for body in bodies], np.float64)
        reaches = np.array([body.reach for body in bodies])
        self._middle = middles.mean(0).astype(np.float32)
        self._reach = float((np.linalg.norm(middles - middles.mean(0), axis=1) + reaches).max()) * 1.02
        step = 1.5 * self._reach / _SIDE
        points = np.concatenate(
            [piece.build(step).points for body in bodies for piece in body.pieces if self._lit(piece)], 1
        )
        side = np.cross(self._way, (0.31, 0.95, 0.07))
        side /= np.linalg.norm(side)
        self._axes = np.stack([side, np.cross(self._way, side), self._way]).astype(np.float32)
        self._depths = self._mapped(points)
        self._floor = self._plan(points, light.size)

    def _lit(self, piece: Piece) -> bool:
        """Say whether a flat piece faces the lamp: what turns away from it shades nothing more."""
        if piece.corners is None:
            return True
        corners = piece.corners
        return float(np.cross(corners[1] - corners[0], corners[3] - corners[0]) @ self._way) > 0

    def _mapped(self, points: Array) -> Array:
        a, b, depth = self._axes @ (points - self._middle[:, None])
        cells = self._cells(a) * _SIDE + self._cells(b)
        depths = np.full(_SIDE * _SIDE, -1e9, np.float32)
        np.maximum.at(depths, cells, depth)
        return depths

    def _cells(self, values: Array) -> npt.NDArray[np.int64]:
        scaled = (values / np.float32(2 * self._reach) + np.float32(0.5)) * _SIDE
        return np.asarray(np.clip(scaled, 0, _SIDE - 1), np.int64)

    def at(self, points: Array, normals: Array) -> Array:
        """Return the share of the lamp ``(m,)`` that reaches ``points``."""
        cell = np.float32(2 * self._reach / _SIDE)
        # Off the surface a little, lest it shade itself.
        a, b, depth = self._axes @ (points + normals * (2 * cell) - self._middle[:, None])
        total = np.zeros(points.shape[1], np.float32)
        for shift_a, shift_b in ((-0.8, -0.4), (0.4, -0.8), (0.8, 0.4), (-0.4, 0.8)):
            cells = self._cells(a + np.float32(shift_a) * cell) * _SIDE
            cells += self._cells(b + np.float32(shift_b) * cell)
            total += self._depths[cells] < depth + cell
        return total * np.float32(0.25)

    def _plan(self, points: Array, size: float) -> tuple[Array, Array, float, Array]:
        """Return the lamp's and the sky's share on the floor, cells per unit, and where the plan begins."""
        under = points[[0, 2]]
        cast = under - points[1] * (self._way[[0, 2]] / self._way[1])[:, None]
        room, margin = np.float32(_PLAN_REACH * self._reach), np.float32(0.3 * self._reach)
        middle = self._middle[[0, 2]]
        low = np.maximum(np.minimum(under.min(1), cast.min(1)), middle - room) - margin
        high = np.minimum(np.maximum(under.max(1), cast.max(1)), middle + room) + margin
        scale = _PLAN_SIDE / float((high - low).max())

        def image(places: Array, blur: float) -> Array:
            cells = ((places - low[:, None]) * np.float32(scale)).astype(np.int64)
            inside = ((cells >= 0) & (cells < _PLAN_SIDE)).all(0)
            columns, rows = cells[:, inside]
            mask = np.zeros(_PLAN_SIDE * _PLAN_SIDE, np.uint8)
            mask[rows * _PLAN_SIDE + columns] = 255
            picture = Image.fromarray(mask.reshape(_PLAN_SIDE, _PLAN_SIDE))
            return np.asarray(picture.filter(ImageFilter.GaussianBlur(blur)), np.float32) / np.float32(255)

        low_down = np.flatnonzero(points[1] < 0.3 * self._reach)
        sharp = image(cast[:, low_down], 0.8 + 2 * size)
        soft = image(cast, 1.2 + 9 * size)
        contact = image(under[:, low_down], 2.5)
        return 1 - np.maximum(sharp, soft), 1 - np.float32(0.65) * contact, scale, low

    def on_floor(self, x: Array, z: Array) -> tuple[Array, Array]:
        """Return the shares of the lamp and of the sky that reach the floor at ``x``, ``z`` ``(n,)``."""
        key, sky, scale, corner = self._floor
        columns = ((x - corner[0]) * np.float32(scale)).astype(np.int32)
        rows = ((z - corner[1]) * np.float32(scale)).astype(np.int32)
        inside = (columns >= 0) & (columns < _PLAN_SIDE) & (rows >= 0) & (rows < _PLAN_SIDE)
        places = np.flatnonzero(inside)
        lit, open_sky = np.ones_like(x), np.ones_like(x)
        lit[places] = key[rows[places], columns[places]]
        open_sky[places] = sky[rows[places], columns[places]]
        return lit, open_sky
