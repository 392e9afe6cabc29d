"""City gates and ruins in photographs: rough stone with battlements."""

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.facades import draw_facade
from zuroku.datasets.sample.projection import Site, paste_quad


def draw_fortress(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a city gate or ruin: towers with battlements about an arch, in rough stone."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    tall = min(tall, 1.5 * half)
    stone = draw_facade(rng, (300, 140), (6, 1), "stone")
    tone = int(rng.integers(60, 140))
    wall = ground - tall * rng.uniform(0.4, 0.65)
    draw.rectangle((x - 1.3 * half, wall, x + 1.3 * half, ground), fill=tone)
    _battlements(draw, (x - 1.3 * half, x + 1.3 * half), wall, 0.07 * tall, tone)
    for side in (-1, 1):
        cx, reach = x + side * half * rng.uniform(0.4, 0.8), half * rng.uniform(0.18, 0.28)
        top = ground - tall * rng.uniform(0.8, 1.0)
        draw.rectangle((cx - reach, top, cx + reach, ground), fill=min(255, tone + 20))
        draw.rectangle((cx + 0.4 * reach, top, cx + reach, ground), fill=max(0, tone - 30))
        _battlements(draw, (cx - reach, cx + reach), top, 0.08 * tall, tone)
        for y in (0.2, 0.5):
            slit = top + y * (ground - top)
            draw.rectangle((cx - 0.12 * reach, slit, cx + 0.1 * reach, slit + 0.1 * tall), fill=20)
    arch = half * rng.uniform(0.14, 0.25)
    draw.rectangle((x - arch, ground - 1.3 * arch, x + arch, ground), fill=15)
    draw.pieslice((x - arch, ground - 2.3 * arch, x + arch, ground - 0.3 * arch), 180, 360, fill=15)
    for _ in range(160):
        px, py = x + rng.uniform(-1.3, 1.3) * half, rng.uniform(wall, ground)
        draw.rectangle(
            (px, py, px + 0.06 * half, py + 0.03 * half), fill=int(np.clip(tone + rng.normal(0, 22), 0, 255))
        )
    if rng.random() < 0.5:
        left, right = x + 1.1 * half, x + 1.9 * half
        paste_quad(image, stone, ((left, wall), (right, wall + 8), (right, ground), (left, ground)))


def _battlements(
    draw: ImageDraw.ImageDraw, span: tuple[float, float], y: float, tall: float, tone: int
) -> None:
    """Crown a wall between x positions ``span`` with merlons."""
    for left in np.arange(span[0], span[1] - 0.5 * tall, 1.5 * tall):
        draw.rectangle((left, y - tall, left + 0.8 * tall, y), fill=tone)
