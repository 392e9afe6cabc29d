"""Landscapes as height fields: mountains with their lakes, and coasts, seen from any place at any hour.

A land is drawn once from its seed; photographs of it differ in where the camera stands, the light and the
air. Every column of the picture is filled from the front to the back (after Comanche's voxel space).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from zuroku.datasets.sample.noise import Field, seeded_rng
from zuroku.datasets.sample.photos.rendering.materials import Colour, linear
from zuroku.datasets.sample.photos.rendering.textures import Array, fractal_tile, look_up

Kind = Literal["mountains", "coast"]

EXTENT_KM = 12.0
"""Side of the square of land, which repeats beyond its edges."""

_SIDE = 512
_STEPS = 420
_NEAREST_KM, _FARTHEST_KM = 0.012, 11.0

_GROUNDS: dict[str, tuple[str, str, str]] = {
    # low ground, slopes, heights
    "mountains": ("#55683a", "#77706a", "#f2f4f8"),
    "coast": ("#6f7a3e", "#a58f6d", "#5d6b3a"),
}
_HEIGHTS_KM = {"mountains": 1.9, "coast": 0.55}


@dataclass(frozen=True)
class Air:
    """Sun, sky and haze; colours are linear light. ``elevation_deg`` and ``azimuth_deg`` place the sun."""

    elevation_deg: float
    azimuth_deg: float
    sun: Colour
    sky: Colour
    horizon: Colour
    haze_km: float
    cloud: float


@dataclass(frozen=True)
class Lookout:
    """Where a camera stands on a land: place in km, height above ground, and which way it looks."""

    x_km: float
    z_km: float
    above_km: float
    heading_deg: float
    pitch_deg: float
    focal: float


@lru_cache(maxsize=4)
def _land(kind: Kind, seed: int) -> Field:
    """Return heights in km, ``(512, 512)``, that repeat without a seam; 0 is the level of the water."""
    rng = seeded_rng(seed, 31)
    base, ridges, fine = (
        np.roll(fractal_tile(slope, key, _SIDE), tuple(rng.integers(0, _SIDE, 2)), (0, 1))
        for slope, key in ((2.1, 20), (1.9, 21), (1.5, 22))
    )
    ridged = 1 - np.abs(ridges)
    if kind == "mountains":
        height = 0.32 + 0.28 * base + 0.3 * ridged + 0.035 * fine
    else:
        height = 0.12 + 0.5 * base + 0.12 * ridged + 0.05 * fine
    return np.asarray(height * _HEIGHTS_KM[kind], np.float32)


def _heights(land: Field, x_km: Array, z_km: Array) -> Array:
    """Return heights between the posts of ``land``, bilinearly."""
    u = x_km * np.float32(_SIDE / EXTENT_KM) + np.float32(64 * _SIDE)
    v = z_km * np.float32(_SIDE / EXTENT_KM) + np.float32(64 * _SIDE)
    i, j = u.astype(np.int32), v.astype(np.int32)
    a, b = u - i, v - j
    i0, i1, j0, j1 = i & (_SIDE - 1), (i + 1) & (_SIDE - 1), j & (_SIDE - 1), (j + 1) & (_SIDE - 1)
    low = land[j0, i0] + a * (land[j0, i1] - land[j0, i0])
    high = land[j1, i0] + a * (land[j1, i1] - land[j1, i0])
    return np.asarray(low + b * (high - low))


def _eye_km(land: Field, lookout: Lookout) -> float:
    """Return the height of the camera above the level of the water."""
    ground = _heights(land, np.array([lookout.x_km], np.float32), np.array([lookout.z_km], np.float32))
    return max(float(ground[0]), 0.0) + lookout.above_km


def landscape_light(kind: Kind, seed: int, lookout: Lookout, air: Air, size: tuple[int, int]) -> Array:
    """Return the light ``(3, h · w)`` of a photograph of the land ``seed`` of ``kind``."""
    width, height = size
    land = _land(kind, seed)
    eye = _eye_km(land, lookout)
    steps = np.geomspace(_NEAREST_KM, _FARTHEST_KM, _STEPS).astype(np.float32)
    focal_px = lookout.focal * width
    across = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / np.float32(focal_px)
    heading = np.radians(lookout.heading_deg)
    sin, cos = np.float32(np.sin(heading)), np.float32(np.cos(heading))
    x = np.float32(lookout.x_km) + steps[:, None] * (sin + across[None] * cos)
    z = np.float32(lookout.z_km) + steps[:, None] * (cos - across[None] * sin)
    tops = np.maximum(_heights(land, x, z), 0)
    tilt = np.float32(np.tan(np.radians(lookout.pitch_deg)) * focal_px)
    rows = height / 2 + tilt - (tops - np.float32(eye)) * np.float32(focal_px) / steps[:, None]
    index = first_to_cover(rows, size)
    sky_rows = (
        np.float32(height / 2 + tilt) - np.arange(height, dtype=np.float32) - np.float32(0.5)
    ) / np.float32(focal_px)
    light = _sky(air, sky_rows, across, heading, size)
    pixels = np.flatnonzero(index.ravel() < _STEPS)
    step, column = index.ravel()[pixels], pixels % width
    light[:, pixels] = _land_light(
        kind, land, air, x[step, column], z[step, column], tops[step, column], steps[step], light
    )
    return light


def outlook(kind: Kind, seed: int, lookout: Lookout) -> float:
    """Return how much there is to see from ``lookout``: the higher the better.

    Land that varies at a distance counts, land that stands before the camera counts against it.
    """
    land = _land(kind, seed)
    eye = _eye_km(land, lookout)
    turns = np.radians(lookout.heading_deg + np.linspace(-22, 22, 9))
    reaches = np.array([0.1, 0.25, 0.5, 1.0, 1.7, 2.6, 4.0])
    x = (lookout.x_km + reaches[:, None] * np.sin(turns)).astype(np.float32)
    z = (lookout.z_km + reaches[:, None] * np.cos(turns)).astype(np.float32)
    heights = np.maximum(_heights(land, x, z), 0)
    blocked = float(np.clip(heights[:3] - (eye - 0.3 * lookout.above_km), 0, None).max())
    return float(heights[3:].std()) - 3 * blocked


def first_to_cover(rows: Array, size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return for each pixel ``(h, w)`` the first step whose top reaches its middle, or the number of steps.

    ``rows`` ``(steps, w)`` is where the top of each step falls in each column, in pixels from above.
    """
    width, height = size
    reached = np.minimum.accumulate(rows, axis=0)
    bins = np.clip(np.ceil(reached - 0.5), 0, height).astype(np.int64)
    counts = np.bincount(
        (bins * width + np.arange(width)[None]).ravel(), minlength=(height + 1) * width
    ).reshape(height + 1, width)
    # Steps whose top lies below a pixel's middle do not cover it.
    return np.asarray(counts.sum(0)[None] - np.cumsum(counts, 0)[:height])


def _land_light(
    kind: Kind, land: Field, air: Air, x: Array, z: Array, top: Array, distance: Array, sky: Array
) -> Array:
    step = np.float32(EXTENT_KM / _SIDE)
    slope_x = (_heights(land, x + step, z) - _heights(land, x - step, z)) / (2 * step)
    slope_z = (_heights(land, x, z + step) - _heights(land, x, z - step)) / (2 * step)
    rough = look_up(fractal_tile(1.1, 23), x, z, 2.0) * np.float32(0.14)
    rough_z = look_up(fractal_tile(1.1, 24), x, z, 2.0) * np.float32(0.14)
    wet = top <= 1e-4
    n_x, n_z = -(slope_x + rough), -(slope_z + rough_z)
    long = np.sqrt(n_x * n_x + n_z * n_z + 1)
    way = _sun_way(air)
    direct = np.clip((n_x * way[0] + way[1] + n_z * way[2]) / long, 0, None)
    direct *= _sunlit(land, x, z, top, way)
    steep = np.clip(np.hypot(slope_x, slope_z) * np.float32(1.1) - np.float32(0.25), 0, 1)
    low, slopes, heights = (np.asarray(linear(c), np.float32)[:, None] for c in _GROUNDS[kind])
    patchy = look_up(fractal_tile(1.2, 25), x, z, 0.5)
    albedo = low * (1 + np.float32(0.22) * patchy)
    albedo = albedo + (slopes - albedo) * steep
    line = np.float32(0.62 * _HEIGHTS_KM[kind])
    snow = np.clip((top - line + np.float32(0.06) * patchy) / np.float32(0.12), 0, 1)
    snow *= 1 - np.float32(0.8) * steep
    albedo = albedo + (heights - albedo) * snow * np.float32(1.0 if kind == "mountains" else 0.5)
    if kind == "coast":
        albedo *= 1 - np.float32(0.45) * (look_up(fractal_tile(1.1, 26), x, z, 1.1) > 0.5) * (1 - steep)
        sand = np.clip(1 - (top - np.float32(0.004)) / np.float32(0.012), 0, 1) * ~wet
        albedo = albedo + (np.asarray(linear("#d9c79c"), np.float32)[:, None] - albedo) * sand
    sun, above, far = (np.asarray(c, np.float32)[:, None] for c in (air.sun, air.sky, air.horizon))
    out = albedo * (sun * direct + above * np.float32(0.75) / long)
    if wet.any():
        out[:, wet] = _water(air, x[wet], z[wet], distance[wet])
    veil = 1 - np.exp(-distance / np.float32(air.haze_km))
    return np.asarray(out + (far - out) * veil)


def _water(air: Air, x: Array, z: Array, distance: Array) -> Array:
    """Return water: the colour of the deep, and the sky in its waves."""
    ripple = look_up(fractal_tile(1.2, 27), x, z, 2.0) * np.float32(0.8) / (1 + np.float32(2.5) * distance)
    deep = np.asarray(linear("#1f4a5c"), np.float32)[:, None] * np.asarray(air.sky, np.float32)[:, None] * 2
    mirrored = np.asarray(air.horizon, np.float32)[:, None] * np.float32(0.8)
    share = np.clip(np.float32(0.25) + np.float32(0.12) * ripple + distance / np.float32(6), 0, 0.85)
    return np.asarray(deep + (mirrored - deep) * share)


def _sunlit(land: Field, x: Array, z: Array, top: Array, way: Array) -> Array:
    """Return 0 where land between a place and the sun hides it, else 1, softened."""
    lit = np.ones_like(x)
    for reach in (0.06, 0.15, 0.35, 0.8, 1.6):
        rise = np.float32(reach * way[1] / max(float(np.hypot(way[0], way[2])), 1e-3))
        along = np.float32(reach / max(float(np.hypot(way[0], way[2])), 1e-3))
        gap = top + rise - _heights(land, x + along * way[0], z + along * way[2])
        lit = np.minimum(lit, np.clip(gap / np.float32(0.1 * reach) + np.float32(0.8), 0.0, 1))
    return lit


def _sun_way(air: Air) -> Array:
    up, around = np.radians(air.elevation_deg), np.radians(air.azimuth_deg)
    return np.asarray([np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)], np.float32)


def _sky(air: Air, rise: Array, across: Array, heading: float, size: tuple[int, int]) -> Array:
    """Return the light ``(3, h · w)`` of the sky; ``rise`` and ``across`` are tangents by row and column."""
    width, height = size
    up = np.clip(rise, 0, None)[:, None]
    fade = np.exp(-up * np.float32(4.5))
    zenith, horizon = (np.asarray(c, np.float32)[:, None, None] for c in (air.sky, air.horizon))
    light = zenith + (horizon - zenith) * fade[None]
    spread = 1 / (up + np.float32(0.1))
    around = np.float32(heading) + across[None]
    u, v = np.sin(around) * spread, np.cos(around) * spread
    clouds = look_up(fractal_tile(1.7, 28), u, v, 0.1)
    cover = np.clip(clouds * np.float32(0.7) + np.float32(2.4 * air.cloud - 1.1), 0, 1)
    white = np.asarray(air.horizon, np.float32)[:, None, None] * np.float32(0.6) + np.asarray(
        air.sun, np.float32
    )[:, None, None] * np.float32(0.45)
    light = light + (white - light) * (cover * np.float32(0.85))[None]
    # The sky brightens around the sun.
    way = _sun_way(air)
    look = np.stack([np.sin(around) + 0 * up, up + 0 * around, np.cos(around) + 0 * up])
    near = np.clip((look * way[:, None, None]).sum(0) / np.sqrt((look * look).sum(0)), 0, 1) ** 24
    light = light + np.asarray(air.sun, np.float32)[:, None, None] * np.float32(0.5) * near[None]
    return np.asarray(np.broadcast_to(light, (3, height, width)).reshape(3, -1), np.float32).copy()
