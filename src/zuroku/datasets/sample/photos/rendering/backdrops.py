"""What is behind and under the things: a table before a wall, a sweep of paper, a lawn under the sky."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from zuroku.datasets.sample.photos.rendering.bodies import Light
from zuroku.datasets.sample.photos.rendering.camera import Camera
from zuroku.datasets.sample.photos.rendering.materials import Colour, Material
from zuroku.datasets.sample.photos.rendering.shadows import ShadowMap
from zuroku.datasets.sample.photos.rendering.textures import Array, fractal_tile, look_up


@dataclass(frozen=True)
class Backdrop:
    """The floor (y = 0) and what stands behind it at ``-distance`` along z.

    ``kind`` is ``room`` (a wall), ``sweep`` (paper that bends upwards) or ``open`` (sky). ``scale`` is how
    many units of the scene one unit of the floor's pattern takes. ``skyline`` is how high woods and roofs
    stand at the horizon of an open place, in radians.
    """

    kind: Literal["room", "sweep", "open"]
    floor: Material
    wall: Material
    distance: float
    scale: float = 1.0
    turn_deg: float = 0.0
    sky: Colour = (0.35, 0.55, 0.95)
    haze: Colour = (0.8, 0.85, 0.9)
    cloud: float = 0.3
    skyline: float = 0.0


def backdrop_light(camera: Camera, backdrop: Backdrop, light: Light, shadows: ShadowMap) -> Array:
    """Return the light ``(3, h · w)`` that the backdrop sends to ``camera``."""
    rays = camera.rays()
    eye = np.asarray(camera.eye, np.float32)
    down = np.minimum(rays[1], np.float32(-1e-4))
    reach = -eye[1] / down
    x, z = eye[0] + reach * rays[0], eye[2] + reach * rays[2]
    behind = (rays[1] > -1e-4) | (z < -backdrop.distance)
    on_floor = np.flatnonzero(~behind)
    out = np.empty_like(rays)
    out[:, on_floor] = _floor_light(backdrop, light, shadows, x[on_floor], z[on_floor])
    beyond = np.flatnonzero(behind)
    if backdrop.kind == "open":
        out[:, beyond] = _sky_light(backdrop, rays[:, beyond])
    else:
        out[:, beyond] = _wall_light(backdrop, light, eye, rays[:, beyond])
    return out


def _floor_light(backdrop: Backdrop, light: Light, shadows: ShadowMap, x: Array, z: Array) -> Array:
    turn = np.radians(backdrop.turn_deg)
    cos, sin = np.float32(np.cos(turn) / backdrop.scale), np.float32(np.sin(turn) / backdrop.scale)
    albedo = backdrop.floor.albedo(cos * x + sin * z, cos * z - sin * x)
    lit, sky = shadows.on_floor(x, z)
    key = np.asarray(light.key, np.float32)[:, None] * light.way[1]
    above = np.asarray(light.above, np.float32)[:, None]
    out = albedo * (key * lit + above * sky)
    if backdrop.kind == "open":
        far = np.clip(np.hypot(x, z) / np.float32(backdrop.distance), 0, 1) ** 2
        out += (np.asarray(backdrop.haze, np.float32)[:, None] - out) * far * np.float32(0.7)
    return np.asarray(out)


def _wall_light(backdrop: Backdrop, light: Light, eye: Array, rays: Array) -> Array:
    reach = (np.float32(-backdrop.distance) - eye[2]) / np.minimum(rays[2], np.float32(-1e-3))
    x, y = eye[0] + reach * rays[0], eye[1] + reach * rays[1]
    material = backdrop.floor if backdrop.kind == "sweep" else backdrop.wall
    albedo = material.albedo(x / np.float32(backdrop.scale), y / np.float32(backdrop.scale))
    # The lamp stands near: its light falls off to the sides, and paper bends away from it.
    aside = (x - np.float32(1.5) * light.way[0]) / np.float32(4)
    rise = np.clip(y / np.float32(3), 0, 1)
    share = np.float32(0.75) / (1 + aside * aside) * (1 - np.float32(0.55) * rise)
    front = np.clip(light.way[2], 0.15, 1)
    direct = np.float32(front) * share
    corner = np.ones_like(y)
    if backdrop.kind == "sweep":
        bend = np.clip(y / np.float32(0.9), 0, 1)
        direct = light.way[1] * (1 - bend) + direct * bend
    else:
        corner -= np.float32(0.35) * np.exp(-np.maximum(y, 0) * np.float32(6))
    key, above = (np.asarray(colour, np.float32)[:, None] for colour in (light.key, light.above))
    return np.asarray(albedo * (key * direct + above * (1 - np.float32(0.4) * rise)) * corner)


def _sky_light(backdrop: Backdrop, rays: Array) -> Array:
    """Return a sky with clouds that thin out upwards."""
    height = np.clip(rays[1], 0, 1)
    fade = (1 - height) ** 5
    sky, haze = (np.asarray(c, np.float32)[:, None] for c in (backdrop.sky, backdrop.haze))
    out = sky + (haze - sky) * fade
    spread = 1 / (height + np.float32(0.12))
    u, v = rays[0] * spread, rays[2] * spread
    clouds = look_up(fractal_tile(1.6, 9), u, v, 0.12)
    cover = np.clip(clouds * np.float32(0.8) + np.float32(2.2 * backdrop.cloud - 1), 0, 1)
    out = out + (np.float32(1.05) * haze.max() - out) * cover * np.float32(0.85)
    if backdrop.skyline:
        around = np.arctan2(rays[0], -rays[2])
        crowns = look_up(fractal_tile(1.2, 10), around, np.zeros_like(around), 0.4)
        roofs = look_up(fractal_tile(1.6, 11), np.floor(around * 14) / 14, np.zeros_like(around), 0.3)
        top = np.float32(backdrop.skyline) * (1 + np.float32(0.25) * crowns + np.float32(0.3) * roofs)
        wood = haze * np.asarray((0.42, 0.47, 0.42), np.float32)[:, None]
        out = np.where(rays[1] < top, wood * (1 + np.float32(0.08) * crowns), out)
    return np.asarray(out)
