"""Parts of outdoor photographs: sky, hills, ground, water, rock and trees.

Each part is laid onto a ``Field`` in place, from the far to the near; what scene they make is
decided in ``scenery`` and ``buildings``.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zuroku.datasets.sample.noise import (
    Field,
    fractal,
    relief_shade,
    ridge_line,
    smoothstep,
    to_image,
    to_tones,
)


def sky(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """Return a sky of ``size`` = (width, height), lighter towards the horizon, at times clouded."""
    width, height = size
    top, bottom = sorted(rng.uniform(0.6, 0.97, 2))
    if rng.random() < 0.12:
        top *= 0.6
    field = np.linspace(top, bottom, height, dtype=np.float32)[:, None] + np.zeros((1, width), np.float32)
    if rng.random() < 0.4:
        clouds = smoothstep(fractal(rng, size, (3, 5), 0.55, 5), -0.4, 1.4)
        field += rng.uniform(0.05, 0.25) * (clouds - 0.4)
    return np.asarray(field, np.float32)


def lay(canvas: Field, mask: Field, tones: Field | float) -> None:
    """Blend ``tones`` into ``canvas`` where ``mask`` is 1, in place; all ``(h, w)``."""
    canvas += mask * (tones - canvas)


def below(shape: tuple[int, int], line: Field) -> Field:
    """Return the mask ``(h, w)`` of pixels below ``line`` (``(w,)``, y in pixels), softly edged."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    return np.asarray(np.clip(rows - line[None] + 0.5, 0, 1), np.float32)


def hills(
    rng: np.random.Generator, canvas: Field, base: float, rise: float, tone: float, wooded: bool = False
) -> Field:
    """Lay a ridge that rises ``rise`` (share of the height) above ``base``; return its line ``(w,)``."""
    height, width = canvas.shape
    ridge = ridge_line(rng, width, rng.uniform(0.4, 0.58))
    line = np.asarray((base - rise * ridge) * height, np.float32)
    if wooded:
        line += np.float32(0.006 * height) * rng.standard_normal(width, np.float32)
    top = max(0, int(line.min()) - 2)
    span = (width, height - top)
    relief = fractal(rng, span, (7, 5), 0.62 if wooded else 0.55, 6)
    shade = relief_shade(relief, rng.uniform(0.2, 1.5), width / 40)
    rows = np.linspace(0, 1, span[1], dtype=np.float32)[:, None]
    tones = tone + (0.18 if wooded else 0.12) * (1.2 - tone) * shade + 0.15 * rows * (1 - tone)
    lay(canvas[top:], below(canvas.shape, line)[top:], np.asarray(tones, np.float32))
    return line


def ground_texture(
    rng: np.random.Generator, shape: tuple[int, int], horizon: int, stretch: float = 1.0
) -> Field:
    """Return noise lying flat in perspective, ``(h - horizon, w)`` around 0, fading with distance.

    ``stretch`` above 1 draws features out sideways, as waves.
    """
    height, width = shape
    tile = fractal(rng, (256, 256), (10, 10), 0.75, 5)
    # Reflection at its edges makes the tile seamless.
    tile = np.concatenate([tile, tile[::-1]])
    tile = np.concatenate([tile, tile[:, ::-1]], 1)
    near = (np.arange(height - horizon, dtype=np.float32) + 1.5) / max(1, height - horizon)
    depth = 1 / near
    x = np.arange(width, dtype=np.float32) - width / 2
    u = (x[None] * depth[:, None] * (240 / width / stretch) + 4096).astype(np.int32) & 511
    v = (depth * 130).astype(np.int32) & 511
    return np.asarray(tile[v[:, None], u] * np.minimum(1, 2.2 * near)[:, None], np.float32)


def lay_ground(rng: np.random.Generator, canvas: Field, horizon: int, tone: float) -> None:
    """Lay earth or grass from row ``horizon`` down."""
    height = canvas.shape[0]
    texture = ground_texture(rng, canvas.shape, horizon)
    rows = np.linspace(0, 1, height - horizon, dtype=np.float32)[:, None]
    canvas[horizon:] = tone + 0.09 * texture - rng.uniform(-0.1, 0.25) * rows


def lay_water(rng: np.random.Generator, canvas: Field, horizon: int, rough: float) -> None:
    """Lay water from row ``horizon`` down: a mirror of what is above, broken by waves."""
    height = canvas.shape[0]
    depth = height - horizon
    source = np.clip(horizon - 1 - np.arange(depth), 0, height - 1)
    mirror = canvas[source]
    waves = ground_texture(rng, canvas.shape, horizon, stretch=rng.uniform(2.5, 6))
    rows = np.linspace(0, 1, depth, dtype=np.float32)[:, None]
    tone = 0.82 * mirror * (1 - 0.35 * rough) + 0.35 * rough * 0.6
    canvas[horizon:] = tone * (1 - 0.25 * rows) + (0.05 + 0.16 * rough) * waves


def rock(rng: np.random.Generator, canvas: Field, line: Field, tone: float) -> None:
    """Lay a rock face below ``line`` (``(w,)``, y in pixels): cracked, lit from one side."""
    height, width = canvas.shape
    top = int(np.clip(line.min() - 2, 0, height - 2))
    span = (width, height - top)
    crags = np.abs(fractal(rng, span, (6, 9), 0.6, 6))
    shade = relief_shade(crags, rng.uniform(-0.6, 1.4), width / 22)
    tones = tone + 0.24 * shade - 0.18 * (crags < 0.12)
    lay(canvas[top:], below(canvas.shape, line)[top:], np.asarray(tones, np.float32))


def tree_sprite(rng: np.random.Generator, side: int, kind: str) -> tuple[Field, Field]:
    """Draw a tree of kind ``broad``, ``conifer``, ``pine`` or ``bare``: tones and mask, ``(side, side)``."""
    if kind == "bare":
        return _bare_tree(rng, side)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    noise = fractal(rng, (side, side), (7, 7), 0.8, 5)
    if kind == "broad":
        reach = 1.1 - np.hypot((x - 0.5) * 2.3, (y - 0.4) * 2.5)
    elif kind == "conifer":
        reach = 0.9 * y - np.abs(x - 0.5) * 3.2 + 0.12 * np.sin(y * 34) * y - 3 * np.maximum(0, y - 0.9)
    else:
        reach = np.full((side, side), -1.0, np.float32)
        for _ in range(int(rng.integers(4, 8))):
            px, py = rng.uniform(0.25, 0.75), rng.uniform(0.08, 0.6)
            pad = 1 - np.hypot((x - px) * rng.uniform(3.5, 6), (y - py) * rng.uniform(9, 15))
            reach = np.maximum(reach, pad)
    mask = smoothstep(reach + 0.3 * noise, 0.05, 0.4)
    trunk = (np.abs(x - 0.5 - 0.06 * np.sin(5 * y)) < 0.012 + 0.02 * y) & (y > 0.3)
    mask = np.maximum(mask, trunk.astype(np.float32))
    lit = 0.24 - 0.16 * (y + 0.6 * x) + 0.11 * noise
    return np.asarray(np.where(trunk, 0.12, lit), np.float32), np.asarray(mask, np.float32)


def _bare_tree(rng: np.random.Generator, side: int) -> tuple[Field, Field]:
    image = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(image)
    tips = [(side * 0.5, side * 1.0, -np.pi / 2, side * 0.3, side * 0.035)]
    for _ in range(6):
        grown = []
        for x, y, angle, length, thick in tips:
            ex, ey = x + np.cos(angle) * length, y + np.sin(angle) * length
            draw.line((x, y, ex, ey), 255, max(1, round(thick)))
            for turn in (rng.uniform(0.1, 0.6), -rng.uniform(0.1, 0.6)):
                grown.append((ex, ey, angle + turn, length * rng.uniform(0.6, 0.8), thick * 0.65))
        tips = grown
    return np.full((side, side), 0.14, np.float32), to_tones(image)


def plant(
    rng: np.random.Generator,
    canvas: Field,
    sprite: tuple[Field, Field],
    foot: tuple[float, float],
    tall_px: float,
    haze: float = 0.0,
) -> None:
    """Set a tree on ``canvas``, its foot at ``foot`` = (x, y) pixels; ``haze`` lightens it."""
    tones, mask = sprite
    height, width = canvas.shape
    side = max(6, int(tall_px))
    step = max(1, mask.shape[0] // side) if side < mask.shape[0] else 1
    both = []
    for field in (tones[::step, ::step], mask[::step, ::step]):
        scaled = Image.fromarray(np.ascontiguousarray(field)).resize((side, side), Image.Resampling.BILINEAR)
        both.append(np.asarray(scaled, np.float32))
    if rng.random() < 0.5:
        both = [field[:, ::-1] for field in both]
    left, top = int(foot[0] - side / 2), int(foot[1] - side)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    if x0 >= x1 or y0 >= y1:
        return
    window = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    lay(canvas[y0:y1, x0:x1], both[1][window], both[0][window] * (1 - haze) + 0.75 * haze)


def grove(
    rng: np.random.Generator, canvas: Field, line: Field, tall: tuple[float, float], count: int, haze: float
) -> None:
    """Plant ``count`` trees along ``line`` (``(w,)``, y in pixels); ``tall`` are shares of the height."""
    height, width = canvas.shape
    kinds = ("broad", "broad", "conifer", "pine", "bare")
    side = int(np.clip(tall[1] * height, 32, 150))
    sprites = [tree_sprite(rng, side, kinds[int(rng.integers(5))]) for _ in range(2)]
    for x in np.sort(rng.uniform(0, width, count)):
        sprite = sprites[int(rng.integers(2))]
        foot = (float(x), float(line[min(width - 1, int(x))]) + 0.02 * height)
        plant(rng, canvas, sprite, foot, rng.uniform(*tall) * height, haze)


def soften(image: Image.Image, radius_px: float) -> Image.Image:
    """Blur a photograph as an old lens does."""
    return image.filter(ImageFilter.GaussianBlur(radius_px))


def weather(rng: np.random.Generator, image: Image.Image, strength: float) -> Image.Image:
    """Give smooth surfaces of a grey photograph the unevenness of real ones; ``strength`` is in tones."""
    cells = (image.width / 8, image.height / 8)
    return to_image(to_tones(image) * (1 + strength * fractal(rng, image.size, cells, 0.8, 3)))
