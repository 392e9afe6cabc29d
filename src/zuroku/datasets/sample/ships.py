"""Steamers and small boats in photographs of water."""

import numpy as np
from PIL import ImageDraw


def draw_steamer(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, bow: tuple[float, float], long: float
) -> None:
    """Draw a steamship, its waterline starting at ``bow``, ``long`` pixels from stem to stern."""
    x, y = bow
    deck = y - 0.09 * long
    draw.polygon(
        [(x - 0.03 * long, deck - 0.02 * long), (x + 1.02 * long, deck), (x + long, y), (x, y)], fill=25
    )
    draw.line((x, deck + 0.015 * long, x + long, deck + 0.015 * long), 190, max(1, int(long / 150)))
    draw.rectangle((x + 0.3 * long, deck - 0.05 * long, x + 0.7 * long, deck), fill=205)
    for i in range(8):
        left = x + (0.32 + 0.046 * i) * long
        draw.rectangle((left, deck - 0.035 * long, left + 0.02 * long, deck - 0.015 * long), fill=60)
    for i in range(int(rng.integers(1, 4))):
        left = x + (0.4 + 0.12 * i) * long
        draw.rectangle((left, deck - 0.17 * long, left + 0.05 * long, deck - 0.05 * long), fill=45)
        smoke = int(rng.integers(90, 160))
        for k in range(5):
            r = (0.02 + 0.012 * k) * long
            cx, cy = left + 0.04 * k * long, deck - (0.19 + 0.02 * k) * long
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=smoke + 12 * k)
    for place in (0.18, 0.85):
        mast = x + place * long
        draw.line((mast, deck, mast, deck - 0.3 * long), 40, max(1, int(long / 160)))
        draw.line((mast, deck - 0.28 * long, x + 0.5 * long, deck - 0.05 * long), 110, 1)


def draw_boats(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: tuple[int, int], horizon: float, count: int
) -> None:
    """Strew sailing and rowing boats over the water below row ``horizon``."""
    width, height = size
    for near in np.sort(rng.uniform(0.03, 0.8, count)):
        x, y = rng.uniform(0, 1) * width, horizon + near * (height - horizon)
        long = width * (0.03 + 0.22 * near)
        hull = [(x, y - 0.16 * long), (x + long, y - 0.2 * long), (x + 0.85 * long, y), (x + 0.12 * long, y)]
        draw.polygon(hull, fill=int(rng.integers(20, 60)))
        draw.line((x, y + 2, x + long, y + 2), 90, max(1, int(0.04 * long)))
        if rng.random() < 0.6:
            mast, top = x + 0.5 * long, y - rng.uniform(0.8, 1.3) * long
            sail = [
                (mast - 0.3 * long, top),
                (mast + 0.3 * long, top + 4),
                (mast + 0.33 * long, y - 0.25 * long),
            ]
            draw.polygon([*sail, (mast - 0.28 * long, y - 0.25 * long)], fill=int(rng.integers(150, 240)))
