"""Japanese buildings in photographs: halls, pagodas and castles under swept roofs."""

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.projection import Site, trapezoid
from zuroku.datasets.sample.strokes import place, points, spline


def draw_roof(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    eaves: tuple[float, float, float],
    rise: float,
    ridge: float,
    tone: int,
) -> None:
    """Draw a swept tiled roof on a grey image.

    ``eaves`` are middle x, y and half width in pixels, ``rise`` the height of the ridge above them and
    ``ridge`` its half width as a share of the eaves'.
    """
    x, y, half = eaves
    lift = 0.16 * rise
    knee, top = half * (ridge + 0.12), half * ridge
    flank = spline(points((half, -lift), (half * 0.78, -lift), (knee, -0.62 * rise), (top, -rise)))
    right = place(flank, x, y)
    left = place(flank * (-1, 1), x, y)
    under = place(spline(points((-half, -lift), (-half * 0.5, 0.0), (half * 0.5, 0.0), (half, -lift))), x, y)
    outline = np.concatenate([left[::-1], under, right])
    draw.polygon(outline.ravel().tolist(), fill=tone)
    draw.line(place(under, 0, 2).ravel().tolist(), 18, max(2, int(0.05 * rise)))
    count = int(np.clip(half / 4, 8, 46))
    for t in np.linspace(-1, 1, count):
        course = [(x + t * top, y - rise), (x + t * half * (ridge + 0.2), y - 0.5 * rise)]
        course.append((x + t * half * 0.97, y - lift * abs(t) ** 2))
        draw.line(course, fill=max(0, tone - 28) if rng.random() < 0.7 else tone + 30, width=1)
    _ridge(draw, eaves, rise, ridge, tone)


def _ridge(
    draw: ImageDraw.ImageDraw, eaves: tuple[float, float, float], rise: float, ridge: float, tone: int
) -> None:
    """Lay the ridge with its end tiles."""
    x, y, half = eaves
    thick = max(2, int(0.06 * rise))
    draw.line((x - half * ridge, y - rise, x + half * ridge, y - rise), max(0, tone - 35), 2 * thick)
    for side in (-1, 1):
        end = x + side * half * ridge
        draw.ellipse(
            (end - thick * 1.3, y - rise - 2.4 * thick, end + thick * 1.3, y - rise + thick),
            fill=max(0, tone - 30),
        )


def _storey(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], white: bool
) -> None:
    """Draw a storey's wall in ``box``: plaster with slits, or pillars before shadow and lattice."""
    left, top, right, bottom = box
    bays = int(np.clip((right - left) / max(8.0, (bottom - top) * 0.55), 3, 13))
    draw.rectangle(box, fill=int(rng.integers(200, 245)) if white else int(rng.integers(25, 60)))
    draw.rectangle((left, top, right, top + 0.22 * (bottom - top)), fill=120 if white else 15)
    for i in range(bays):
        x0, x1 = left + (right - left) * i / bays, left + (right - left) * (i + 1) / bays
        if white:
            slit = (
                x0 + 0.35 * (x1 - x0),
                top + 0.4 * (bottom - top),
                x0 + 0.62 * (x1 - x0),
                top + 0.75 * (bottom - top),
            )
            draw.rectangle(slit, fill=45)
        elif rng.random() < 0.75:
            jamb = 0.12 * (x1 - x0)
            panel = (x0 + jamb, top + 0.3 * (bottom - top), x1 - jamb, bottom - 0.04 * (bottom - top))
            draw.rectangle(panel, fill=int(rng.choice((20, 50, 90, 190))))
            for x in np.arange(panel[0], panel[2], 4):
                draw.line((x, panel[1], x, panel[3]), 30, 1)
        if not white:
            draw.rectangle((x0 - 2, top, x0 + 2, bottom), fill=125)
    draw.rectangle((right - 3, top, right, bottom), fill=70)


def draw_hall(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a temple or shrine hall, or a two-storeyed gate, on its platform with steps."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    tall = min(tall, half * rng.uniform(1.0, 1.7))
    base = 0.08 * tall
    draw.rectangle(
        (x - half * 0.95, ground - base, x + half * 0.95, ground), fill=int(rng.integers(120, 200))
    )
    for i in range(5):
        y = ground - base * (1 - i / 5)
        draw.rectangle((x - half * 0.25, y, x + half * 0.25, y + base / 5), fill=170 - 22 * (i % 2))
    tone = int(rng.integers(50, 130))
    storeys = 2 if rng.random() < 0.35 else 1
    y, share = ground - base, 0.82
    for storey in range(storeys):
        wall = tall * (0.3 if storeys == 1 else 0.2)
        _storey(rng, draw, (x - half * share, y - wall, x + half * share, y), white=rng.random() < 0.2)
        rise = tall * (0.55 if storey == storeys - 1 else 0.14)
        draw_roof(
            rng, draw, (x, y - wall + 0.05 * tall, half * (share + 0.2)), rise, rng.uniform(0.45, 0.75), tone
        )
        y -= wall + (0.12 * tall if storey < storeys - 1 else 0)
        share *= 0.82
    if storeys == 1 and rng.random() < 0.5:
        # A curved gable over the entrance.
        draw_roof(rng, draw, (x, y + 0.1 * tall, half * 0.36), 0.24 * tall, 0.12, max(20, tone - 20))


def draw_pagoda(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a pagoda of three or five storeys with its finial."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    storeys = int(rng.choice((2, 3, 5)))
    half = min(half, tall * (0.32 if storeys > 2 else 0.42))
    step = tall * 0.78 / storeys
    tone = int(rng.integers(40, 110))
    draw.rectangle((x - half, ground - 0.03 * tall, x + half, ground), fill=170)
    for i in range(storeys):
        share = 1 - 0.42 * i / storeys
        y = ground - 0.03 * tall - i * step
        _storey(
            rng,
            draw,
            (x - 0.55 * half * share, y - 0.6 * step, x + 0.55 * half * share, y),
            white=rng.random() < 0.15,
        )
        rise = step * (0.5 if i < storeys - 1 else 0.75)
        draw_roof(rng, draw, (x, y - 0.5 * step, half * share), rise, 0.5 if i < storeys - 1 else 0.06, tone)
    draw.line((x, ground - 0.78 * tall, x, ground - tall), 50, max(2, int(0.03 * half)))
    for y in np.linspace(0.84, 0.95, 7):
        draw.line((x - 0.06 * half, ground - y * tall, x + 0.06 * half, ground - y * tall), 50, 2)


def draw_castle(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a castle keep: a battered stone base and plastered storeys that shrink upwards."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    half = min(half, tall * 0.75)
    stone = tall * rng.uniform(0.15, 0.35)
    draw.polygon(trapezoid(x, (ground - stone, 0.75 * half), (ground, half)), fill=75)
    for _ in range(90):
        y = rng.uniform(0, 1)
        reach = half * (1 - 0.25 * y)
        px, py, r = x + rng.uniform(-0.95, 0.95) * reach, ground - y * stone, rng.uniform(0.02, 0.06) * half
        draw.ellipse(
            (px - r, py - 0.7 * r, px + r, py + 0.6 * r), fill=int(rng.integers(70, 170)), outline=35
        )
    storeys = int(rng.integers(2, 5))
    step = (tall - stone) * 0.9 / storeys
    tone = int(rng.integers(55, 120))
    y = ground - stone
    for i in range(storeys):
        share = 0.74 * (1 - 0.5 * i / storeys)
        _storey(rng, draw, (x - half * share, y - 0.62 * step, x + half * share, y), white=rng.random() < 0.9)
        last = i == storeys - 1
        draw_roof(
            rng,
            draw,
            (x, y - 0.55 * step, half * (share + 0.12)),
            step * (0.95 if last else 0.45),
            0.55 if last else 0.75,
            tone,
        )
        if not last and rng.random() < 0.6:
            _gable(rng, draw, (x, y), half, step)
        y -= step


def _gable(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, at: tuple[float, float], half: float, step: float
) -> None:
    """Set a small plastered gable on the roof of a storey that stands ``at`` x, y."""
    x, y = at[0] + rng.uniform(-0.3, 0.3) * half, at[1]
    reach = 0.25 * half
    edge = [(x - reach, y - 0.6 * step), (x, y - 1.02 * step), (x + reach, y - 0.6 * step)]
    draw.polygon(edge, fill=225, outline=40)
    draw.line(edge, 45, max(2, int(0.05 * half)))
