"""People seen from afar in photographs: walking figures, rows of a group portrait, listeners.

Portraits are in ``persons``.
"""

import numpy as np
from PIL import ImageDraw


def draw_bystander(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, foot: tuple[float, float], tall: float
) -> None:
    """Draw someone standing, ``tall`` pixels high, on a grey (``L``) image."""
    x, y = foot
    head = 0.075 * tall
    tone = int(rng.choice((18, 35, 60, 110, 190)))
    wide = tall * rng.uniform(0.1, 0.15)
    robe = rng.random() < 0.5
    hem = wide * (1.15 if robe else 0.7)
    shoulder = y - 0.8 * tall
    elbow = 1.2 * wide * rng.uniform(0.9, 1.3)
    body = [(x - 0.35 * wide, shoulder - 0.02 * tall), (x + 0.35 * wide, shoulder - 0.02 * tall)]
    body += [(x + 0.9 * wide, shoulder + 0.04 * tall), (x + elbow, y - 0.45 * tall), (x + hem, y)]
    body += [(x - hem, y), (x - elbow, y - 0.45 * tall), (x - 0.9 * wide, shoulder + 0.04 * tall)]
    draw.ellipse((x - 0.5 * wide, y - 0.02 * tall, x + 2.5 * wide, y + 0.03 * tall), fill=60)
    draw.polygon(body, fill=tone)
    lit = [body[7], (x - 0.3 * wide, shoulder), (x - 0.5 * hem, y), (x - hem, y), body[6]]
    draw.polygon(lit, fill=min(230, tone + int(rng.integers(8, 40))))
    if robe:
        sash = y - 0.52 * tall
        draw.line((x - 0.95 * wide, sash, x + 0.95 * wide, sash), max(0, tone - 30), max(1, int(0.06 * tall)))
    if not robe:
        draw.line((x, y - 0.42 * tall, x, y), fill=max(0, tone - 25), width=max(1, int(tall / 50)))
    _head(rng, draw, (x, shoulder - 0.9 * head), head, turned=rng.random() < 0.3)


def _head(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, at: tuple[float, float], radius: float, turned: bool
) -> None:
    """Draw a head of ``radius`` pixels, with features where it is large enough to show them."""
    x, y = at
    skin = int(rng.integers(150, 225))
    draw.ellipse(
        (x - 0.85 * radius, y - radius, x + 0.85 * radius, y + 1.15 * radius), fill=22 if turned else skin
    )
    if turned:
        return
    cap = rng.random()
    brow = y - (0.35 if cap < 0.8 else 0.1) * radius
    draw.chord(
        (x - 0.95 * radius, y - 1.25 * radius, x + 0.95 * radius, brow + 0.5 * radius), 165, 375, fill=20
    )
    if cap > 0.8:
        draw.rectangle((x - 1.2 * radius, brow - 0.15 * radius, x + 1.2 * radius, brow), fill=30)
    if radius > 5:
        for side in (-0.35, 0.35):
            spot = x + side * radius
            draw.ellipse((spot - 1, y - 1, spot + 0.12 * radius, y + 0.1 * radius), fill=60)
        draw.line((x - 0.2 * radius, y + 0.65 * radius, x + 0.2 * radius, y + 0.65 * radius), fill=95)
        draw.chord(
            (x - 0.1 * radius, y - radius, x + 0.85 * radius, y + 1.1 * radius), -70, 70, fill=skin - 14
        )


def draw_strollers(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    horizon: float,
    tall: tuple[float, float],
    count: int,
) -> None:
    """Scatter ``count`` people over the ground below row ``horizon``; ``tall`` are pixels far and near."""
    width, height = size
    for near in np.sort(rng.uniform(0.05, 0.95, count)):
        foot = (rng.uniform(0.05, 0.95) * width, horizon + near * (height - horizon))
        draw_bystander(rng, draw, foot, tall[0] + near * (tall[1] - tall[0]))


def draw_group(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], rows: int
) -> None:
    """Draw a group portrait in ``box`` (left, top, right, bottom): ``rows`` rows, each before the last."""
    left, top, right, bottom = box
    head = (bottom - top) / (2.2 * rows + 5.5)
    pitch = head * rng.uniform(2.6, 3.4)
    dark = int(rng.choice((20, 30, 45)))
    mixed = rng.random() < 0.4
    for row in range(rows):
        y = top + head * (1.4 + 2.2 * row)
        offset = rng.uniform(0, pitch)
        for x in np.arange(left + offset, right, pitch):
            jitter = rng.normal(0, 0.12 * head, 2)
            at = (float(x) + jitter[0], y + jitter[1])
            tone = int(rng.choice((18, 60, 130, 210))) if mixed else dark + int(rng.integers(-8, 25))
            _bust(rng, draw, at, head, min(bottom, y + 7 * head), tone)


def _bust(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    head: float,
    floor: float,
    tone: int,
) -> None:
    """Draw a person facing the camera, head at ``at``, body down to row ``floor``."""
    x, y = at
    neck, half = y + 1.1 * head, 1.45 * head
    shape = [(x - 0.5 * head, neck), (x + 0.5 * head, neck), (x + half, neck + 0.8 * head)]
    shape += [(x + half * 1.1, floor), (x - half * 1.1, floor), (x - half, neck + 0.8 * head)]
    draw.polygon(shape, fill=tone)
    draw.line([(x - half, neck + 0.8 * head), (x - half * 1.1, floor)], fill=min(240, tone + 40), width=1)
    collar = [(x - 0.35 * head, neck), (x + 0.35 * head, neck), (x, neck + 1.3 * head)]
    draw.polygon(collar, fill=int(rng.choice((210, 190, 90))))
    _head(rng, draw, at, head, turned=False)


def draw_listeners(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    first_row: float,
    rows: int,
    head_px: tuple[float, float],
) -> None:
    """Draw an audience from behind, from row ``first_row`` (pixels) to the lower edge.

    ``head_px`` are the radii of heads in the farthest and the nearest row.
    """
    width, height = size
    for row in range(rows):
        near = (row + 1) / rows
        head = head_px[0] + (head_px[1] - head_px[0]) * near**1.5
        y = first_row + (height - first_row) * near**1.4 - head
        for x in np.arange(rng.uniform(0, 3 * head), width, head * rng.uniform(2.7, 3.6)):
            tone = int(rng.choice((15, 30, 55, 90, 200), p=(0.35, 0.3, 0.15, 0.1, 0.1)))
            px, py = float(x) + rng.normal(0, 0.3 * head), y + rng.normal(0, 0.25 * head)
            draw.ellipse((px - 1.9 * head, py + 0.8 * head, px + 1.9 * head, py + 6 * head), fill=tone)
            draw.ellipse(
                (px - 0.9 * head, py - head, px + 0.9 * head, py + 1.2 * head), fill=int(rng.integers(8, 40))
            )
            draw.arc((px - 0.9 * head, py - head, px + 0.9 * head, py + 1.2 * head), 200, 330, fill=95)
