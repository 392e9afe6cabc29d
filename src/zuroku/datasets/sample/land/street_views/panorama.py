"""From a plan to a photograph: one heading, or the four headings of a panorama side by side."""

from collections.abc import Callable
from math import hypot

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.aerial import LandFromAbove
from zuroku.datasets.sample.land.street_views.camera.light import Array, Light
from zuroku.datasets.sample.land.street_views.camera.optics import View
from zuroku.datasets.sample.land.street_views.camera.weather import lay_sky, lay_weather
from zuroku.datasets.sample.land.street_views.indoor import Room
from zuroku.datasets.sample.land.street_views.plan import HEADINGS_DEG, ViewPlan
from zuroku.datasets.sample.land.street_views.roadway import lay_ground
from zuroku.datasets.sample.land.street_views.scene import Scene, lay_scene
from zuroku.datasets.sample.land.street_views.things.furniture import Lamp
from zuroku.datasets.sample.noise import seeded_rng


def render_view(plan: ViewPlan, heading: float, size_px: int) -> Image.Image:
    """Photograph what ``plan`` sees towards ``heading`` (degrees from north): 90° wide, square, RGB."""
    return _photographer(plan, size_px)(heading)


def render_panorama(plan: ViewPlan, size_px: int) -> Image.Image:
    """Photograph all around: north, east, south and west side by side, ``(4 · size_px, size_px)``."""
    photograph = _photographer(plan, size_px)
    sheet = Image.new("RGB", (len(HEADINGS_DEG) * size_px, size_px))
    for place, heading in enumerate(HEADINGS_DEG):
        sheet.paste(photograph(heading), (place * size_px, 0))
    return sheet


def _photographer(plan: ViewPlan, size_px: int) -> Callable[[float], Image.Image]:
    """Set up what ``plan`` is to show, and return what photographs it in one heading."""
    if plan.slice == "aerial":
        land = LandFromAbove(plan, 2 * size_px)
        return lambda heading: _expose(_reduced(land.towards(heading)), land.light, plan.seed, heading)
    if plan.slice == "indoor":
        room = Room(plan)

        def inside(heading: float) -> Image.Image:
            canvas = Image.new("RGB", (2 * size_px, 2 * size_px))
            room.draw(canvas, heading)
            return _expose(_reduced(canvas), None, plan.seed, heading)

        return inside
    scene = lay_scene(plan)
    return lambda heading: _expose(_draw(plan, scene, heading, size_px), scene.light, plan.seed, heading)


def _reduced(canvas: Image.Image) -> Array:
    return np.asarray(canvas.reduce(2), np.float32).copy()


def _draw(plan: ViewPlan, scene: Scene, heading: float, size_px: int) -> Array:
    """Draw one heading at twice its size, from the far to the near; return it reduced, ``(h, w, 3)``."""
    canvas = Image.new("RGB", (2 * size_px, 2 * size_px))
    view = View(canvas, heading, heading - scene.bearing_deg, scene.eye, scene.horizon)
    lay_sky(view, scene.light, scene.habits.region, plan.seed)
    lay_ground(view, scene.ground)
    for layer in (scene.plots, scene.street):
        for thing in sorted(layer, key=lambda thing: -thing.distance):
            thing.draw(view)
    if scene.light.night:
        canvas = _with_lamps(view, scene)
    return _reduced(canvas)


def _with_lamps(view: View, scene: Scene) -> Image.Image:
    """Add the glow around every street lamp."""
    pixels = np.asarray(view.canvas, np.float32).copy()
    rows = np.arange(view.side, dtype=np.float32)
    for lamp in scene.street:
        if not isinstance(lamp, Lamp):
            continue
        for bulb in lamp.bulbs:
            seen = view.seen(bulb)
            if seen[1] < 0.3:
                continue
            x, y = view.pixel(seen)
            reach = 1.7 * view.focal_px / max(2.0, hypot(seen[0], seen[1]))
            away = (rows[None] - x) ** 2 + (rows[:, None] - y) ** 2
            glow = np.exp(-away / np.float32(2 * reach**2)) * 0.55
            pixels += glow[..., None] * np.array((250, 214, 150), np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _expose(pixels: Array, light: Light | None, seed: int, heading: float) -> Image.Image:
    """Give the picture the camera's exposure, white balance, fall-off and grain."""
    scene_rng, own = seeded_rng(seed, 2), seeded_rng(seed, 3, int(heading))
    gain = float(scene_rng.uniform(1.0, 1.18))
    balance = np.array((1.0, 1.0, 1.0), np.float32) + scene_rng.normal(0, 0.014, 3).astype(np.float32)
    gamma = float(scene_rng.uniform(0.94, 1.08))
    falloff, grain = float(scene_rng.uniform(0.02, 0.14)), float(scene_rng.uniform(0.6, 2.0))
    height, width = pixels.shape[:2]
    if light is not None:
        lay_weather(pixels, light, own)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    shade = 1 - np.float32(falloff) * (x * x + y * y)
    tones = np.clip(pixels / 255 * (gain * balance) * shade[..., None], 0, 1) ** np.float32(gamma)
    # A soft shoulder keeps the contrast of a photograph.
    tones = tones + np.float32(0.1) * tones * (1 - tones) * (2 * tones - 1)
    tones = tones * 255 + np.float32(grain) * own.standard_normal((height, width, 1), np.float32)
    return Image.fromarray(np.clip(tones, 0, 255).astype(np.uint8))
