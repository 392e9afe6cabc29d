"""Outdoor photographs without a landmark: coasts, mountains, rivers, fields, streets, ships, groups."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.crowds import draw_group, draw_strollers
from zuroku.datasets.sample.facades import draw_facade
from zuroku.datasets.sample.landscape import (
    grove,
    hills,
    lay,
    lay_ground,
    lay_water,
    plant,
    rock,
    sky,
    soften,
    tree_sprite,
    weather,
)
from zuroku.datasets.sample.noise import Field, fractal, ridge_line, smoothstep, to_image, to_tones
from zuroku.datasets.sample.ships import draw_boats, draw_steamer
from zuroku.datasets.sample.streets import draw_cottage, draw_terrace
from zuroku.datasets.sample.style import BookStyle


def draw_scenery(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Photograph an outdoor scene of ``size`` = (width, height), in grey."""
    canvas = sky(rng, size)
    scenes: tuple[Callable[[np.random.Generator, Field], Image.Image], ...]
    scenes = (_coast, _mountains, _river, _fields, _street, _ships, _group, _waterfall, _park)
    odds = (0.15, 0.15, 0.12, 0.12, 0.13, 0.09, 0.12, 0.06, 0.06)
    image = scenes[int(rng.choice(len(scenes), p=odds))](rng, canvas)
    return soften(weather(rng, image, 0.06), 0.5 + 0.5 * style.blur_px)


def _flat(width: int, y: float) -> Field:
    return np.full(width, y, np.float32)


def _distance(rng: np.random.Generator, canvas: Field, horizon: float, ranges: int) -> Field:
    """Lay ``ranges`` receding ridges above ``horizon`` (share of the height); return the nearest line."""
    line = _flat(canvas.shape[1], horizon * canvas.shape[0])
    near = rng.uniform(0.2, 0.4)
    for i in range(ranges):
        nearness = (i + 1) / ranges
        tone = 0.75 + (near - 0.75) * nearness
        rise = rng.uniform(0.05, 0.35) * (1.2 - 0.6 * nearness)
        line = hills(rng, canvas, horizon, min(rise, horizon * 0.85), tone, wooded=nearness > 0.6)
    return line


def _coast(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    horizon = rng.uniform(0.3, 0.6)
    if rng.random() < 0.7:
        _distance(rng, canvas, horizon, int(rng.integers(1, 3)))
    lay_water(rng, canvas, int(horizon * height), rng.uniform(0.2, 1))
    for _ in range(int(rng.integers(1, 4))):
        middle, half = rng.uniform(0, 1), rng.uniform(0.08, 0.45)
        tall, base = rng.uniform(0.12, 0.55), rng.uniform(horizon + 0.03, 0.85)
        bump = 1 - ((np.linspace(0, 1, width, dtype=np.float32) - middle) / half) ** 2
        line = (
            base - tall * np.sqrt(np.maximum(bump, 0)) * (0.5 + 0.5 * ridge_line(rng, width, 0.55))
        ) * height
        line = np.where(bump > 0, line, height + 9).astype(np.float32)
        cut = canvas[: int(min(1, base + 0.04) * height)]
        rock(rng, cut, line, rng.uniform(0.25, 0.5))
        if rng.random() < 0.6:
            at = int(np.clip(middle * width, 0, width - 1))
            sprite = tree_sprite(rng, 90, "pine")
            for _ in range(int(rng.integers(1, 6))):
                x = int(np.clip(at + rng.normal(0, 0.4 * half) * width, 0, width - 1))
                plant(
                    rng, canvas, sprite, (x, float(min(line[x], height)) + 4), rng.uniform(0.1, 0.3) * height
                )
    if rng.random() < 0.5:
        rock(rng, canvas, (rng.uniform(0.8, 1) + 0.2 * ridge_line(rng, width)) * height, 0.3)
    return to_image(canvas)


def _mountains(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    horizon = rng.uniform(0.5, 0.75)
    if rng.random() < 0.3:
        # A lone volcano with its snow.
        x = np.abs(np.linspace(-1, 1, width, dtype=np.float32) - rng.uniform(-0.4, 0.4))
        cone = (horizon - rng.uniform(0.3, 0.5) * np.exp(-2.2 * np.maximum(x, 0.05))) * height
        rock(rng, canvas, cone.astype(np.float32), 0.6)
    else:
        _distance(rng, canvas, horizon, int(rng.integers(2, 5)))
    lay_ground(rng, canvas, int(horizon * height), rng.uniform(0.3, 0.6))
    grove(rng, canvas, _flat(width, (horizon + 0.03) * height), (0.06, 0.16), int(rng.integers(8, 40)), 0.25)
    if rng.random() < 0.5:
        grove(rng, canvas, _flat(width, height), (0.3, 0.8), int(rng.integers(1, 5)), 0.0)
    return to_image(canvas)


def _river(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    horizon = rng.uniform(0.35, 0.6)
    _distance(rng, canvas, horizon, int(rng.integers(1, 4)))
    grove(rng, canvas, _flat(width, horizon * height), (0.08, 0.25), int(rng.integers(10, 40)), 0.15)
    lay_water(rng, canvas, int(horizon * height), rng.uniform(0, 0.7))
    for side in (0, 1):
        if rng.random() < 0.75:
            reach = rng.uniform(0.3, 0.8)
            slope = np.linspace(0, 1, width, dtype=np.float32)
            slope = slope if side else 1 - slope
            line = (1.1 - (1.1 - horizon) * np.clip((slope - 1 + reach) / reach, 0, 1) ** 0.7) * height
            line = line + 0.05 * height * ridge_line(rng, width, 0.6)
            rock(rng, canvas, line.astype(np.float32), rng.uniform(0.25, 0.5))
    image = to_image(canvas)
    if rng.random() < 0.35:
        draw_boats(rng, ImageDraw.Draw(image), (width, height), horizon * height, int(rng.integers(1, 5)))
    return image


def _waterfall(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    rock(rng, canvas, (rng.uniform(0, 0.2) + 0.15 * ridge_line(rng, width)) * height, rng.uniform(0.2, 0.4))
    middle, half = rng.uniform(0.3, 0.7) * width, rng.uniform(0.03, 0.15) * width
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    across = np.abs(np.arange(width, dtype=np.float32)[None] - middle - 0.1 * width * np.sin(3 * rows))
    streaks = fractal(rng, (width, height), (60, 4), 0.7, 4)
    fall = smoothstep(1.3 - across / (half * (0.6 + rows)) + 0.25 * streaks, 0.2, 0.7)
    lay(canvas, fall * (rows > 0.15) * (rows < 0.8), 0.9 + 0.06 * streaks)
    if rng.random() < 0.7:
        rows_down = int(0.78 * height)
        lay_water(rng, canvas, rows_down, 0.8)
    grove(rng, canvas, _flat(width, 0.25 * height), (0.1, 0.3), int(rng.integers(6, 20)), 0.0)
    rock(rng, canvas, (0.75 + 0.35 * ridge_line(rng, width, 0.6)) * height, 0.22)
    return to_image(canvas)


def _fields(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    horizon = rng.uniform(0.3, 0.55)
    _distance(rng, canvas, horizon, int(rng.integers(1, 3)))
    row = int(horizon * height)
    lay_ground(rng, canvas, row, rng.uniform(0.35, 0.6))
    # Furrows run to a vanishing point.
    y = (np.arange(height - row, dtype=np.float32)[:, None] + 2) / height
    x = (np.arange(width, dtype=np.float32)[None] - rng.uniform(0, 1) * width) / width
    furrows = np.sin(x / y * rng.uniform(8, 25)) * np.minimum(1, 5 * y)
    canvas[row:] += rng.uniform(0.03, 0.14) * furrows
    grove(rng, canvas, _flat(width, (horizon + 0.02) * height), (0.05, 0.16), int(rng.integers(5, 30)), 0.2)
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 4))):
        draw_cottage(
            rng, draw, (rng.uniform(0, 1) * width, (horizon + rng.uniform(0.02, 0.2)) * height), 0.12 * width
        )
    tall = rng.uniform(0.12, 0.35) * height
    draw_strollers(
        rng, draw, (width, height), row + 0.1 * height, (tall * 0.4, tall), int(rng.integers(0, 14))
    )
    return image


def _street(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    horizon = rng.uniform(0.42, 0.6) * height
    vanish = rng.uniform(0.35, 0.65) * width
    _distance(rng, canvas, horizon / height, 1)
    lay_ground(rng, canvas, int(horizon), rng.uniform(0.5, 0.75))
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    for side in (-1, 1):
        draw_terrace(rng, draw, (width, height), (vanish, horizon), side)
    if rng.random() < 0.6:
        for near in np.geomspace(0.12, 1, 6):
            x = vanish + rng.choice((-1, 1)) * 0.38 * width * near
            top = horizon - 0.75 * height * near
            draw.line((x, top, x, horizon + 0.3 * height * near), 30, max(1, int(5 * near * width / 500)))
            draw.line(
                (x - 12 * near, top + 8 * near, x + 12 * near, top + 8 * near), 30, max(1, int(3 * near))
            )
    tall = rng.uniform(0.15, 0.4) * height
    draw_strollers(rng, draw, (width, height), horizon + 0.03 * height, (5, tall), int(rng.integers(4, 26)))
    tones = to_tones(image)
    tones += 0.05 * fractal(rng, (width, height), (40, 40), 0.7, 4)
    return to_image(tones)


def _ships(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    horizon = rng.uniform(0.45, 0.7)
    if rng.random() < 0.7:
        _distance(rng, canvas, horizon, int(rng.integers(1, 3)))
    lay_water(rng, canvas, int(horizon * height), rng.uniform(0.2, 0.9))
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.6:
        long = rng.uniform(0.4, 0.8) * width
        draw_steamer(rng, draw, (rng.uniform(0.1, 0.4) * width, (horizon + 0.08) * height), long)
    draw_boats(rng, draw, (width, height), horizon * height, int(rng.integers(2, 9)))
    return image


def _group(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    _distance(rng, canvas, 0.55, 1)
    grove(rng, canvas, _flat(width, 0.6 * height), (0.3, 0.6), int(rng.integers(6, 22)), 0.05)
    lay_ground(rng, canvas, int(0.58 * height), rng.uniform(0.45, 0.75))
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.4:
        # Groups are often posed before a building that nobody would call a landmark.
        kind = str(rng.choice(("board", "brick", "plaster")))
        wall = draw_facade(rng, (360, 160), (int(rng.integers(4, 9)), int(rng.integers(1, 3))), kind)
        eaves = int(rng.uniform(-0.2, 0.15) * height)
        image.paste(wall.resize((width, int(0.64 * height) - eaves)), (0, eaves))
    if rng.random() < 0.65:
        half, top = rng.uniform(0.25, 0.5), rng.uniform(0.3, 0.5)
        box = ((0.5 - half) * width, top * height, (0.5 + half) * width, rng.uniform(0.85, 1) * height)
        draw_group(rng, draw, box, int(rng.integers(1, 5)))
    else:
        tall = rng.uniform(0.12, 0.35) * height
        draw_strollers(
            rng, draw, (width, height), 0.62 * height, (0.5 * tall, tall), int(rng.integers(20, 60))
        )
    return image


def _park(rng: np.random.Generator, canvas: Field) -> Image.Image:
    height, width = canvas.shape
    horizon = rng.uniform(0.5, 0.7)
    _distance(rng, canvas, horizon, 1)
    grove(rng, canvas, _flat(width, (horizon + 0.02) * height), (0.2, 0.5), int(rng.integers(10, 30)), 0.1)
    lay_ground(rng, canvas, int(horizon * height), rng.uniform(0.35, 0.7))
    if rng.random() < 0.5:
        lay_water(rng, canvas, int(rng.uniform(0.75, 0.9) * height), 0.1)
    grove(rng, canvas, _flat(width, height), (0.4, 0.95), int(rng.integers(1, 4)), 0.0)
    image = to_image(canvas)
    tall = rng.uniform(0.08, 0.2) * height
    draw_strollers(rng, ImageDraw.Draw(image), (width, height), (horizon + 0.05) * height, (tall, tall), 6)
    return image
