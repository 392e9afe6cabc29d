"""Sky, clouds and hills behind the street, and rain, fog, snow and night before it.

Sky and hills depend on the compass alone, so that they run on from one heading of a panorama to the next.
"""

from functools import lru_cache

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.light import Array, Light
from zuroku.datasets.sample.land.street_views.camera.optics import View
from zuroku.datasets.sample.land.street_views.camera.planes import ground_noise, picture_of, rgb
from zuroku.datasets.sample.land.street_views.habits import RegionHabits
from zuroku.datasets.sample.noise import fractal, seeded_rng


def lay_sky(view: View, light: Light, region: RegionHabits, seed: int) -> None:
    """Fill ``view`` above the horizon: gradient, glow of the sun, clouds, hills."""
    rows_down = int(view.middle[1]) + 2
    up = ((view.middle[1] - np.arange(rows_down, dtype=np.float32) - 0.5) / np.float32(view.focal_px))[
        :, None
    ]
    across = (np.arange(view.side, dtype=np.float32) + 0.5 - view.middle[0]) / np.float32(view.focal_px)
    haze = rgb(light.haze)
    zenith = np.float32(0.82) * rgb(region.sky) + np.float32(40)
    if light.night:
        zenith = rgb((12, 15, 30))
    elif light.cloud > 0.6:
        zenith = zenith + (haze * np.float32(0.93) - zenith) * np.float32(min(1.0, (light.cloud - 0.6) * 2.4))
    blend = np.clip(np.maximum(up, 0) * 1.1, 0, 1) ** np.float32(0.62)
    colour = np.repeat(haze + (zenith - haze) * blend, view.side, 2)
    if not light.night:
        turn = np.radians(view.turn_deg)
        ray = light.ray
        ahead = np.float32(ray[0] * np.cos(turn) + ray[1] * np.sin(turn))
        right = np.float32(ray[1] * np.cos(turn) - ray[0] * np.sin(turn))
        towards = (ahead + across * right + up * np.float32(ray[2])) / np.sqrt(up**2 + across**2 + 1)
        glow = np.clip(towards, 0, 1) ** 10 * np.float32(0.5 * light.sun[0])
        colour += glow * (rgb((255, 250, 232)) - colour)
    _clouds(colour, view, light, up, seed)
    _hills(colour, view, light, region, across, seed)
    view.canvas.paste(picture_of(colour), (0, 0))


@lru_cache(maxsize=1)
def _cloud_cover() -> Image.Image:
    """Return clouds from below, 1280 pixels square, neutral at 128."""
    field = fractal(seeded_rng(9, 92), (1280, 1280), (40, 40), 0.62, 6)
    return Image.fromarray(np.clip(128 + 45 * field, 0, 255).astype(np.uint8))


@lru_cache(maxsize=2)
def _cloud_layer(seed: int) -> Image.Image:
    """Return the part of the clouds that one visit sees, 1100 pixels square."""
    rng = seeded_rng(seed, 15)
    left, top = (int(v) for v in rng.integers(0, 180, 2))
    part = _cloud_cover().crop((left, top, left + 1100, top + 1100))
    return part.transpose(Image.Transpose(int(rng.integers(7))))


def _clouds(colour: Array, view: View, light: Light, up: Array, seed: int) -> None:
    """Lay a flat layer of clouds over the sky."""
    last = int(np.count_nonzero(up > 0.035))
    if last == 0:
        return

    def cloud(scale: float) -> Array:
        seen = view.flat(_cloud_layer(seed), 1.0, scale, (0, last), 128)
        return (np.asarray(seen, np.float32) - np.float32(128)) / np.float32(45)

    low = up[:last]
    body = 0.8 * cloud(17.0) + 0.4 * np.clip(low * 4 - 0.3, 0, 1) * cloud(58.0)
    thick = np.clip((body + 2.2 * np.float32(light.cloud) - 1.0) * 0.7, 0, 1) * np.clip(
        (low - 0.035) * 9, 0, 1
    )
    bright = rgb((34, 37, 52) if light.night else (250, 251, 253))
    dark = rgb(light.haze) * np.float32(0.86)
    tone = bright + (dark - bright) * np.clip(thick * np.float32(0.75 * (0.35 + light.cloud)), 0, 1)
    # Clouds are pale behind rain and snow, and hardly seen through fog.
    strength = np.float32(0.12 if light.haze_m < 45 else 0.4 if light.rain or light.snow else 0.85)
    colour[:, :last] += thick * strength * (tone - colour[:, :last])


def _ridge(bearing: Array, region: RegionHabits, seed: int, layer: int) -> Array:
    """Return how high hills stand (tangent of elevation) in each direction (radians from north)."""
    rng = seeded_rng(seed, 16, layer)
    lengths = {
        "rolling": (2, 3, 5, 9),
        "jagged": (3, 7, 13, 29),
        "cone": (2, 3, 6, 11),
        "terrace": (1, 2, 4, 7),
    }
    strengths = {"rolling": 0.45, "jagged": 0.75, "cone": 0.35, "terrace": 0.55}
    line: Array = np.zeros_like(bearing)
    weight = 1.0
    for count in lengths[region.hill_form]:
        line += np.float32(weight) * np.sin(count * bearing + np.float32(rng.uniform(0, 2 * np.pi)))
        weight *= strengths[region.hill_form]
    line = 0.55 + 0.3 * line
    if region.hill_form == "terrace":
        line = np.round(line * 3) / 3 + 0.1 * (line * 3 - np.round(line * 3)) ** 3 * 4
    if region.hill_form == "cone" and layer == 0:
        off = np.abs(np.mod(bearing - np.float32(rng.uniform(0, 2 * np.pi)) + np.pi, 2 * np.pi) - np.pi)
        line = np.maximum(line * 0.6, np.minimum(2.4 * np.exp(-2.6 * off), 2.05))
    return np.asarray(np.maximum(line, 0.12) * np.tan(np.radians(region.hill_deg)), np.float32)


def _hills(colour: Array, view: View, light: Light, region: RegionHabits, across: Array, seed: int) -> None:
    """Lay two ranges of hills and a line of trees before the sky, the farthest first."""
    angle = np.arctan(across)
    bearing = np.asarray(angle + np.radians(view.compass_deg), np.float32)
    rows = np.arange(colour.shape[1], dtype=np.float32)[:, None] + np.float32(0.5)
    leaf = rgb(region.leaf) * rgb(light.factors((0.0, 0.0, 0.7)))
    haze = rgb(light.haze) * np.float32(0.97)
    shift = int(seeded_rng(seed, 17).integers(512))
    side = (bearing * 170 + shift).astype(np.int32)[None] & 511
    for layer, (share, veil, wobble) in enumerate(((1.0, 0.72, 0.0), (0.6, 0.42, 0.003), (0.0, 0.25, 0.014))):
        rise = np.full_like(bearing, 0.03)
        if layer < 2:
            rise = _ridge(bearing, region, seed, layer) * np.float32(share)
        grain = ground_noise(5)[(bearing * 200).astype(np.int32) & 511, (shift + 97 * layer) & 511]
        top = view.middle[1] - (rise + np.float32(wobble) * grain) / np.cos(angle) * view.focal_px
        first = max(0, int(top.min()) - 1)
        below = rows[first:] - top
        woods = 1 + np.float32(0.13) * ground_noise(6)[(rows[first:] * 1.3).astype(np.int32) & 511, side]
        veil = 0.15 if light.night else min(0.97, max(veil, 1.25 * light.veil(160.0 - 40 * layer)))
        mist = np.clip(np.float32(veil) + below * np.float32(0.9 * (layer < 2) / view.focal_px), 0, 0.97)
        body = leaf * (woods * np.float32(0.9))
        tone = body + (haze - body) * mist
        colour[:, first:] += np.clip(below, 0, 1) * (tone - colour[:, first:])


def lay_weather(pixels: Array, light: Light, rng: np.random.Generator) -> None:
    """Lay falling rain or snow on a finished picture ``(h, w, 3)``, in place."""
    height, width = pixels.shape[:2]
    if light.rain:
        drops = np.asarray(rng.random((height, width)) < 0.008, np.float32) * rng.random(
            (height, width), np.float32
        )
        streaks = drops
        for step in range(1, max(4, height // 16)):
            streaks = np.maximum(streaks, np.roll(drops, (step, -step // 4), (0, 1)))
        pixels += (0.34 * streaks)[..., None] * (np.array((224, 230, 236), np.float32) - pixels)
    if light.snow:
        for share, size in ((0.005, 1), (0.0007, 2)):
            flakes = (rng.random((height, width), np.float32) < share).astype(np.float32)
            for axis in (0, 1):
                if size > 1:
                    flakes = np.maximum(flakes, np.roll(flakes, 1, axis))
            pixels += (0.8 * flakes)[..., None] * (np.array((250, 252, 255), np.float32) - pixels)
