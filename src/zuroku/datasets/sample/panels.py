"""Flat things in photographs: coins, mirrors and tile ends, scrolls, textiles and inscriptions."""

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.noise import Field, fractal, smoothstep, to_tones
from zuroku.datasets.sample.relief import light_relief
from zuroku.datasets.sample.strokes import points, spline

_SIDE = 220


def cast_disc(rng: np.random.Generator) -> tuple[Field, Field]:
    """Cast a coin, mirror, roof tile end or sword guard: a flat disc with rings and relief."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) - _SIDE / 2
    r, angle = np.hypot(x, y) / 98, np.arctan2(y, x)
    petals = int(rng.integers(4, 17))
    height = 3 * smoothstep(r, 0.86, 0.9) + 2.5 * np.exp(-(((r - rng.uniform(0.45, 0.7)) / 0.03) ** 2))
    height += 2.2 * smoothstep(np.cos(angle * petals) - 6 * np.abs(r - 0.35), -0.4, 0.5)
    height += 9 * np.sqrt(np.clip(1 - (r / 0.14) ** 2, 0, 1))
    height += rng.uniform(0.5, 1.6) * fractal(rng, (_SIDE, _SIDE), (14, 14), 0.7, 4)
    mask = smoothstep(1 - r, 0, 0.02)
    if rng.random() < 0.35:
        mask = mask * smoothstep(np.maximum(np.abs(x), np.abs(y)), 14, 17)
    height -= 4 * smoothstep(r, 0.96, 1)
    return light_relief(rng, height, rng.uniform(0.2, 0.75), rng.uniform(0, 0.4)), mask


def hang_panel(rng: np.random.Generator) -> tuple[Field, Field]:
    """Hang a scroll, textile, inscription or relief: something flat with a pattern."""
    half = rng.uniform(40, 85)
    image, cover = (
        Image.new("L", (_SIDE, _SIDE), int(rng.integers(120, 215))),
        Image.new("L", (_SIDE, _SIDE), 0),
    )
    draw = ImageDraw.Draw(image)
    box = (110 - half, 12, 110 + half, 208)
    ImageDraw.Draw(cover).rectangle(box, fill=255)
    kind = int(rng.integers(3))
    if kind == 0:
        draw.rectangle((110 - 0.75 * half, 44, 110 + 0.75 * half, 170), fill=int(rng.integers(190, 245)))
        for _ in range(int(rng.integers(4, 12))):
            start = points((110 + rng.normal(0, 8), rng.uniform(70, 140)))
            knots = start + np.cumsum(rng.normal(0, 16, (5, 2)), 0)
            draw.line(spline(knots).ravel().tolist(), int(rng.integers(20, 120)), int(rng.integers(1, 6)))
    elif kind == 1:
        pitch = rng.uniform(12, 34)
        for row, y in enumerate(np.arange(12, 208, pitch)):
            for x in np.arange(110 - half + pitch * 0.5 * (row % 2), 110 + half, pitch):
                draw.ellipse((x, y, x + 0.7 * pitch, y + 0.7 * pitch), outline=40, width=2)
                draw.ellipse((x + 0.2 * pitch, y + 0.2 * pitch, x + 0.5 * pitch, y + 0.5 * pitch), fill=60)
    relief = fractal(rng, (_SIDE, _SIDE), (12, 12), 0.65, 5) * (3.0 if kind == 2 else 0.5)
    return light_relief(rng, relief, to_tones(image), 0.0), to_tones(cover)
