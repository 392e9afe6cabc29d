"""Photographs of landmarks: temples, castles, pagodas, gates, halls, towers, monuments, bridges.

The building fills the picture; what stands around it comes from ``landscape``, how the Japanese and
western ones are built from ``roofs`` and ``facades``.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.crowds import draw_strollers
from zuroku.datasets.sample.facades import draw_block_building, draw_tower
from zuroku.datasets.sample.fortresses import draw_fortress
from zuroku.datasets.sample.landscape import grove, hills, lay_ground, lay_water, sky, soften, weather
from zuroku.datasets.sample.noise import to_image, to_tones
from zuroku.datasets.sample.projection import Site
from zuroku.datasets.sample.roofs import draw_castle, draw_hall, draw_pagoda
from zuroku.datasets.sample.style import BookStyle

Draw = ImageDraw.ImageDraw


def draw_landmark(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Photograph a building or monument that fills ``size`` = (width, height), in grey."""
    width, height = size
    canvas = sky(rng, size)
    horizon = rng.uniform(0.6, 0.85)
    if rng.random() < 0.4:
        hills(rng, canvas, horizon, rng.uniform(0.1, 0.35), rng.uniform(0.45, 0.7))
    if rng.random() < 0.65:
        line = np.full(width, horizon * height, np.float32)
        grove(rng, canvas, line, (0.15, 0.45), int(rng.integers(4, 18)), rng.uniform(0, 0.3))
    if rng.random() < 0.15:
        lay_water(rng, canvas, int(horizon * height), rng.uniform(0, 0.5))
    else:
        lay_ground(rng, canvas, int(horizon * height), rng.uniform(0.4, 0.8))
    image = to_image(canvas)
    builders: tuple[Callable[[np.random.Generator, Image.Image, Site], None], ...]
    builders = (draw_hall, draw_pagoda, draw_castle, _torii, draw_block_building, draw_tower)
    builders += (_monument, draw_fortress, _spire, _bridge)
    odds = (0.16, 0.09, 0.1, 0.06, 0.23, 0.1, 0.09, 0.06, 0.06, 0.05)
    wide = rng.uniform(0.3, 0.52) * width
    site = (rng.uniform(0.42, 0.58) * width, (horizon + rng.uniform(0, 0.05)) * height, wide, 0.0)
    site = (*site[:3], site[1] * rng.uniform(0.65, 1.0))
    builders[int(rng.choice(len(builders), p=odds))](rng, image, site)
    return soften(_foreground(rng, image, horizon), 0.4 + 0.4 * style.blur_px)


def _foreground(rng: np.random.Generator, image: Image.Image, horizon: float) -> Image.Image:
    """Weather the building, and set people, bushes and framing trees before it."""
    width, height = image.size
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.55:
        tall = rng.uniform(0.05, 0.16) * height
        count = int(rng.integers(1, 14))
        draw_strollers(rng, draw, (width, height), (horizon + 0.04) * height, (0.7 * tall, tall), count)
    tones = to_tones(weather(rng, image, 0.07))
    if rng.random() < 0.4:
        line = np.full(width, (horizon + 0.03) * height, np.float32)
        line[int(0.25 * width) : int(0.75 * width)] = 4 * height
        grove(rng, tones, line, (0.08, 0.3), int(rng.integers(4, 16)), 0.0)
    if rng.random() < 0.25:
        line = np.full(width, 1.05 * height, np.float32)
        line[int(0.2 * width) : int(0.8 * width)] = 4 * height
        grove(rng, tones, line, (0.6, 1.1), int(rng.integers(1, 4)), 0.0)
    return to_image(tones)


def _torii(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a shrine gate, with lanterns along its path."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    tone = int(rng.integers(30, 120))
    half, tall = half * 0.8, min(tall, half * 2.2)
    draw.polygon(
        [
            (x - 0.3 * half, ground),
            (x + 0.3 * half, ground),
            (x + half, image.height),
            (x - half, image.height),
        ],
        fill=205,
    )
    thick = tall * 0.045
    for side in (-1, 1):
        foot, head = x + side * half * 0.8, x + side * half * 0.7
        draw.polygon(
            [
                (head - thick, ground - tall),
                (head + thick, ground - tall),
                (foot + thick, ground),
                (foot - thick, ground),
            ],
            fill=tone,
        )
        draw.polygon(
            [(head - thick, ground - tall), (head, ground - tall), (foot, ground), (foot - thick, ground)],
            fill=min(255, tone + 40),
        )
        for step in (0.5, 1.1):
            _lantern(draw, (x + side * half * (1.05 + 0.3 * step), ground + 0.1 * tall * step), tall)
    _lintels(draw, (x, ground, half, tall), thick, tone)


def _lintels(draw: Draw, site: Site, thick: float, tone: int) -> None:
    """Lay the two beams and the tablet of a shrine gate."""
    x, ground, half, tall = site
    beam = ground - 0.78 * tall
    draw.rectangle((x - 0.85 * half, beam, x + 0.85 * half, beam + 1.6 * thick), fill=tone)
    top = ground - tall
    lintel = [
        (x - 1.1 * half, top - 2.4 * thick),
        (x, top - 1.2 * thick),
        (x + 1.1 * half, top - 2.4 * thick),
    ]
    lintel += [
        (x + 1.05 * half, top + 0.6 * thick),
        (x, top + 1.4 * thick),
        (x - 1.05 * half, top + 0.6 * thick),
    ]
    draw.polygon(lintel, fill=max(0, tone - 15))
    draw.rectangle((x - 0.1 * half, top + thick, x + 0.1 * half, beam), fill=max(0, tone - 20))


def _lantern(draw: Draw, foot: tuple[float, float], tall: float) -> None:
    """Draw a stone lantern as it stands beside a gate ``tall`` pixels high."""
    x, y = foot
    thick = 0.045 * tall
    draw.rectangle((x - thick, y - 0.25 * tall, x + thick, y), fill=110)
    draw.rectangle((x - 2 * thick, y - 0.32 * tall, x + 2 * thick, y - 0.22 * tall), fill=70)


def _monument(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw an obelisk, an inscribed stone or a statue on its pedestal."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    half = min(half * 0.45, tall * 0.3)
    tone = int(rng.integers(110, 200))
    top = ground
    for i in range(int(rng.integers(2, 5))):
        step = tall * rng.uniform(0.04, 0.12)
        wide = half * (1.4 - 0.25 * i)
        draw.rectangle((x - wide, top - step, x + wide, top), fill=max(0, tone - 14 * i))
        draw.rectangle((x + 0.55 * wide, top - step, x + wide, top), fill=max(0, tone - 55))
        draw.line((x - wide, top - step, x + wide, top - step), min(255, tone + 45), 2)
        top -= step
    kind = int(rng.integers(3))
    wide, head = half * 0.42, ground - tall
    if kind == 0:
        draw.polygon([(x - wide, top), (x - 0.7 * wide, head + 0.1 * tall), (x, head), (x, top)], fill=tone)
        draw.polygon(
            [(x + wide, top), (x + 0.7 * wide, head + 0.1 * tall), (x, head), (x, top)], fill=tone - 60
        )
    elif kind == 1:
        draw.polygon(
            [(x - wide, top), (x - 0.9 * wide, head), (x + 0.6 * wide, head - 5), (x + wide, top)],
            fill=tone - 40,
        )
        for i in range(3):
            column = x - 0.5 * wide + 0.45 * i * wide
            for y in np.arange(head + 0.08 * tall, top - 0.08 * tall, 0.05 * tall):
                draw.rectangle((column - 2, y, column + 3, y + 0.03 * tall), fill=45)
    else:
        _statue(rng, draw, (x, top), wide, tall - (ground - top))


def _statue(
    rng: np.random.Generator, draw: Draw, foot: tuple[float, float], wide: float, body: float
) -> None:
    """Draw a bronze figure, ``body`` pixels high."""
    x, top = foot
    draw.polygon(
        [
            (x - 0.5 * wide, top - 0.8 * body),
            (x + 0.5 * wide, top - 0.8 * body),
            (x + 0.8 * wide, top),
            (x - 0.8 * wide, top),
        ],
        fill=45,
    )
    draw.polygon(
        [
            (x - 0.5 * wide, top - 0.8 * body),
            (x - 0.1 * wide, top - 0.8 * body),
            (x - 0.3 * wide, top),
            (x - 0.8 * wide, top),
        ],
        fill=85,
    )
    draw.ellipse((x - 0.1 * body, top - body, x + 0.1 * body, top - 0.78 * body), fill=60)
    draw.line(
        (x + 0.4 * wide, top - 0.7 * body, x + 1.1 * wide, top - rng.uniform(0.5, 1) * body),
        50,
        max(2, int(0.07 * body)),
    )


def _spire(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a stupa, prang or pyramid: rings of stone narrowing to a point."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    half = min(half, tall * 0.6)
    bulge = rng.uniform(0.6, 2.4)
    rings = int(rng.integers(14, 40))
    tone = rng.uniform(110, 190)
    for i in range(rings):
        low, high = i / rings, (i + 1) / rings
        wide = half * ((1 - low) ** bulge * 0.95 + 0.03) * (1.06 if i % 3 == 0 else 0.97)
        y0, y1 = ground - tall * high, ground - tall * low
        for j in range(10):
            a, b = x - wide + 0.2 * wide * j, x - wide + 0.2 * wide * (j + 1)
            light = tone * (1.15 - 0.075 * j) * rng.uniform(0.75, 1.15)
            draw.rectangle((a, y0, b, y1), fill=int(np.clip(light, 0, 250)))
        draw.line((x - wide, y1, x + wide, y1), 40, 1)
    draw.line((x, ground - tall, x, ground - 1.12 * tall), 70, max(1, int(half * 0.03)))
    for side in (-1, 1):
        if rng.random() < 0.5:
            cx, low = x + side * half * 0.85, tall * rng.uniform(0.2, 0.5)
            draw.polygon(
                [(cx - 0.2 * half, ground), (cx, ground - low), (cx + 0.2 * half, ground)],
                fill=int(tone * 0.7),
            )


def _bridge(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a bridge on arches, or an iron truss, over water."""
    _, ground, _, _ = site
    width, height = image.size
    tones = to_tones(image)
    lay_water(rng, tones, int(min(ground, 0.8 * height)), rng.uniform(0, 0.5))
    image.paste(to_image(tones))
    draw = ImageDraw.Draw(image)
    deck = ground - rng.uniform(0.2, 0.4) * height
    tone = int(rng.integers(60, 190))
    spans = int(rng.integers(2, 6))
    if rng.random() < 0.5:
        draw.rectangle((0, deck, width, ground + 4), fill=tone)
        for i in range(spans):
            left, right = (i + 0.12) * width / spans, (i + 0.88) * width / spans
            reach = min(ground - deck - 6, (right - left) / 2)
            draw.pieslice((left, ground - reach, right, ground + reach + 8), 180, 360, fill=max(0, tone - 90))
            draw.arc((left, ground - reach, right, ground + reach), 180, 360, min(255, tone + 50), 3)
        draw.rectangle((0, deck - 8, width, deck), fill=min(255, tone + 30))
    else:
        top = deck - rng.uniform(0.12, 0.25) * height
        panel = width / (spans * 6)
        for i in range(spans * 6):
            left = i * panel
            draw.line((left, deck, left, top), 35, 2)
            draw.line((left, deck, left + panel, top), 45, 2)
            draw.line((left, top, left + panel, deck), 45, 2)
        for y in (top, deck):
            draw.line((0, y, width, y), 25, 5)
        for i in range(spans + 1):
            draw.rectangle(
                (i * width / spans - 9, deck, i * width / spans + 9, ground + 0.05 * height), fill=tone
            )
