"""A pinhole camera: where points of a scene fall on the picture, and what each pixel looks at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zuroku.datasets.sample.photos.rendering.textures import Array


@dataclass(frozen=True)
class Camera:
    """A camera at ``eye`` that looks at ``target``, turned by ``roll_deg``.

    x runs to the right, y up and z towards the viewer. ``focal`` is the focal length in widths of the picture
    of ``size`` = (width, height) pixels; ``shift`` moves the picture by shares of its width and height.
    """

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    focal: float
    size: tuple[int, int]
    roll_deg: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def scaled(self, size: tuple[int, int]) -> "Camera":
        """Return this camera with a picture of another ``size``."""
        return Camera(self.eye, self.target, self.focal, size, self.roll_deg, self.shift)

    @property
    def focal_px(self) -> float:
        """Pixels per unit at distance 1."""
        return self.focal * self.size[0]

    @property
    def axes(self) -> npt.NDArray[np.float64]:
        """The rows right, up and back ``(3, 3)`` of the camera in the scene."""
        back = np.asarray(self.eye, np.float64) - np.asarray(self.target, np.float64)
        back /= np.linalg.norm(back)
        right = np.cross((0.0, 1.0, 0.0), back)
        right /= np.linalg.norm(right)
        up = np.cross(back, right)
        cos, sin = np.cos(np.radians(self.roll_deg)), np.sin(np.radians(self.roll_deg))
        return np.stack([cos * right + sin * up, cos * up - sin * right, back])

    @property
    def middle_px(self) -> tuple[float, float]:
        """Where the axis meets the picture."""
        width, height = self.size
        return (0.5 + self.shift[0]) * width, (0.5 + self.shift[1]) * height

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Return x and y in pixels and the distance along the axis of ``points`` ``(3, n)``."""
        offset = points - np.asarray(self.eye, np.float32)[:, None]
        x, y, back = self.axes.astype(np.float32) @ offset
        depth = -back
        scale = np.float32(self.focal_px) / np.maximum(depth, np.float32(1e-3))
        middle_x, middle_y = self.middle_px
        return np.float32(middle_x) + x * scale, np.float32(middle_y) - y * scale, depth

    def rays(self) -> Array:
        """Return the direction ``(3, h · w)`` in which each pixel looks, of unit length."""
        width, height = self.size
        middle_x, middle_y = self.middle_px
        x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - middle_x)) / np.float32(self.focal_px)
        y = (np.float32(middle_y - 0.5) - np.arange(height, dtype=np.float32)) / np.float32(self.focal_px)
        right, up, back = self.axes.astype(np.float32)
        ways = (
            right[:, None, None] * x[None, None, :]
            + up[:, None, None] * y[None, :, None]
            - back[:, None, None]
        ).reshape(3, -1)
        return np.asarray(ways / np.sqrt((ways * ways).sum(0)))

    def px_per_unit(self, distance: float) -> float:
        """Return how many pixels a unit takes at ``distance``."""
        return self.focal_px / max(distance, 1e-3)


def bounds_px(
    camera: Camera, corners: Sequence[Sequence[float]] | npt.NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of ``corners`` ``(n, 3)`` on the picture, cut to it."""
    x, y, _ = camera.project(np.asarray(corners, np.float32).T)
    width, height = camera.size
    left, right = np.clip([x.min(), x.max()], 0, width)
    top, bottom = np.clip([y.min(), y.max()], 0, height)
    return float(left), float(top), float(right), float(bottom)
