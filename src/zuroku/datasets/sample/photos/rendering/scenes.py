"""A scene and its photograph: bodies before a backdrop, a lamp, a camera and a film."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from zuroku.datasets.sample.photos.rendering.backdrops import Backdrop, backdrop_light
from zuroku.datasets.sample.photos.rendering.bodies import Body, Light
from zuroku.datasets.sample.photos.rendering.camera import Camera
from zuroku.datasets.sample.photos.rendering.exposure import Film, develop
from zuroku.datasets.sample.photos.rendering.shading import shade
from zuroku.datasets.sample.photos.rendering.shadows import ShadowMap
from zuroku.datasets.sample.photos.rendering.sight import Seen, see
from zuroku.datasets.sample.photos.rendering.textures import Array

_FINER = 1.1
"""Bodies are drawn so much larger than the photograph, against jagged edges."""

_COARSER, _SOFTNESS_PX = 0.55, 0.7
"""The backdrop is drawn so much smaller than the bodies, and blurred: it lies out of focus."""


@dataclass(frozen=True)
class Scene:
    """What stands where, and what lights it."""

    bodies: Sequence[Body]
    backdrop: Backdrop
    light: Light


@dataclass(frozen=True)
class Photograph:
    """A JPEG and, for each body, the box of what is seen of it in its pixels; None where it is hidden."""

    data: bytes
    boxes: tuple[tuple[float, float, float, float] | None, ...]


def photograph(scene: Scene, camera: Camera, film: Film, seed: int) -> Photograph:
    """Photograph ``scene`` with ``camera``, whose size the photograph has; ``seed`` draws the noise."""
    out = camera.size
    fine = camera.scaled((round(out[0] * _FINER), round(out[1] * _FINER)))
    shadows = ShadowMap(scene.bodies, scene.light)
    light = _enlarged(scene, fine, shadows)
    seen = see(fine, scene.bodies)
    light[:, seen.pixels] = shade(fine, scene.bodies, seen, scene.light, shadows)
    boxes = _boxes(seen, len(scene.bodies), fine.size, out)
    return Photograph(develop(light, fine.size, out, film, seed), boxes)


def _enlarged(scene: Scene, fine: Camera, shadows: ShadowMap) -> Array:
    """Return the light of the backdrop at the size of ``fine``."""
    width, height = round(fine.size[0] * _COARSER), round(fine.size[1] * _COARSER)
    light = backdrop_light(fine.scaled((width, height)), scene.backdrop, scene.light, shadows)
    planes = []
    for plane in light:
        soft = gaussian_filter(plane.reshape(height, width), _SOFTNESS_PX, truncate=2.5)
        planes.append(Image.fromarray(soft).resize(fine.size, Image.Resampling.BILINEAR))
    return np.stack([np.asarray(plane).ravel() for plane in planes])


def _boxes(
    seen: Seen, count: int, fine: tuple[int, int], out: tuple[int, int]
) -> tuple[tuple[float, float, float, float] | None, ...]:
    rows, columns = np.divmod(seen.pixels, fine[0])
    scale_x, scale_y = out[0] / fine[0], out[1] / fine[1]
    boxes: list[tuple[float, float, float, float] | None] = []
    for number in range(count):
        own = seen.bodies == number
        if not own.any():
            boxes.append(None)
            continue
        x, y = columns[own], rows[own]
        boxes.append((x.min() * scale_x, y.min() * scale_y, (x.max() + 1) * scale_x, (y.max() + 1) * scale_y))
    return tuple(boxes)
