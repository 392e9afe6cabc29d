"""Western buildings in photographs: halls, schools, offices and towers."""

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.projection import Quad, Site, paste_quad, trapezoid


def draw_facade(
    rng: np.random.Generator, size: tuple[int, int], grid: tuple[int, int], kind: str, door: bool = False
) -> Image.Image:
    """Draw a wall of ``size`` pixels with ``grid`` = (columns, rows) of windows, seen straight on.

    ``kind`` is ``brick``, ``stone``, ``board`` or ``plaster``; walls are grey (``L``).
    """
    width, height = size
    base = {"brick": 95, "stone": 165, "board": 140, "plaster": 205}[kind] + int(rng.integers(-25, 25))
    wall = Image.new("L", size, base)
    draw = ImageDraw.Draw(wall)
    pitch = {"brick": 4, "stone": 12, "board": 6, "plaster": height}[kind]
    for y in range(0, height, pitch):
        draw.line((0, y, width, y), base - 22, 1)
    columns, rows = grid
    wide, high = width / columns, height / rows
    arched = rng.random() < 0.4
    trim = int(np.clip(base + rng.choice((-50, 60)), 20, 250))
    glass = int(rng.choice((15, 30, 60)))
    for row in range(rows):
        draw.rectangle((0, row * high, width, row * high + 0.07 * high), fill=trim)
        draw.line((0, row * high + 0.08 * high, width, row * high + 0.08 * high), 30, 1)
        for column in range(columns):
            left, top = (column + 0.26) * wide, (row + 0.26) * high
            pane = (left, top, left + 0.48 * wide, top + 0.6 * high)
            _window(rng, draw, pane, (glass, trim), arched)
        if row < rows and rng.random() < 0.4:
            for column in range(columns + 1):
                draw.rectangle(
                    (column * wide - 3, row * high, column * wide + 3, (row + 1) * high), fill=trim
                )
    if door:
        draw.rectangle((0.43 * width, 0.68 * height, 0.57 * width, height), fill=18, outline=trim, width=4)
    return wall


def _window(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    tones: tuple[int, int],
    arched: bool,
) -> None:
    """Draw a sash window in ``box`` (left, top, right, bottom); ``tones`` are of glass and frame."""
    left, top, right, bottom = box
    glass, trim = tones
    if arched:
        reach = 0.35 * (bottom - top)
        arch = (left, top - 0.8 * reach, right, top + 1.2 * reach)
        draw.pieslice(arch, 180, 360, fill=glass, outline=trim, width=2)
    draw.rectangle(box, fill=glass, outline=trim, width=2)
    draw.line(((left + right) / 2, top, (left + right) / 2, bottom), trim, 1)
    draw.line((left, (top + bottom) / 2, right, (top + bottom) / 2), trim, 1)
    if rng.random() < 0.12:
        draw.rectangle((left + 2, top + 2, right - 2, (top + bottom) / 2), fill=185)


def draw_block_building(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a western hall, straight on or from a corner, with roof, gable, dome or tower."""
    x, ground, half, tall = site
    kind = str(rng.choice(("brick", "stone", "board", "plaster")))
    rows = int(rng.integers(1, 4))
    columns = int(rng.integers(5, 13))
    wall = draw_facade(rng, (360, 60 * rows + 40), (columns, rows), kind, door=True)
    tall = min(tall, half * (0.35 + 0.3 * rows))
    body = tall * rng.uniform(0.5, 0.65)
    draw = ImageDraw.Draw(image)
    roof = int(rng.integers(40, 120))
    if rng.random() < 0.5:
        _front(rng, image, wall, (x, ground, 1.1 * half, body), tall, kind, roof)
        return
    edge = x + rng.uniform(-0.4, 0.4) * half
    drop = rng.uniform(0.05, 0.3) * body
    left, right = x - 1.15 * half, x + 1.15 * half
    top, near = ground - body, ground + 0.25 * drop
    light: Quad = ((left, top + drop), (edge, top), (edge, near), (left, ground - 0.2 * drop))
    shade: Quad = ((edge, top), (right, top + drop), (right, ground - 0.2 * drop), (edge, near))
    paste_quad(image, wall, light)
    end = draw_facade(rng, (300, 60 * rows + 40), (max(3, columns // 2), rows), kind)
    paste_quad(image, end.point([int(v * 0.6) for v in range(256)]), shade)
    apex = top - 0.22 * tall
    draw.polygon(
        [(left, top + drop), (edge, top), (edge + 0.1 * half, apex), (left + 0.2 * half, apex + 0.6 * drop)],
        fill=roof,
    )
    draw.polygon(
        [
            (right, top + drop),
            (edge, top),
            (edge + 0.1 * half, apex),
            (right - 0.2 * half, apex + 0.6 * drop),
        ],
        fill=int(roof * 0.65),
    )
    if rng.random() < 0.5:
        _crown(rng, image, (edge, top + 0.1 * drop, half * 0.8, tall - body), kind, roof)


def _front(
    rng: np.random.Generator,
    image: Image.Image,
    wall: Image.Image,
    base: tuple[float, float, float, float],
    tall: float,
    kind: str,
    roof: int,
) -> None:
    """Set a building square to the camera; ``base`` is middle x, ground, half width and wall height."""
    x, ground, half, body = base
    draw = ImageDraw.Draw(image)
    half *= 1.1
    top = ground - body
    paste_quad(image, wall, ((x - half, top), (x + half, top), (x + half, ground), (x - half, ground)))
    slope = 0.2 * tall
    draw.polygon(
        [
            (x - 1.04 * half, top),
            (x - 0.9 * half, top - slope),
            (x + 0.9 * half, top - slope),
            (x + 1.04 * half, top),
        ],
        fill=roof,
    )
    draw.line((x - 1.04 * half, top, x + 1.04 * half, top), 30, 3)
    _crown(rng, image, (x, top, half, tall - body), kind, roof)


def _crown(
    rng: np.random.Generator,
    image: Image.Image,
    base: tuple[float, float, float, float],
    kind: str,
    roof: int,
) -> None:
    """Set a gable, dome, tower or chimneys on a building; ``base`` is middle x, y, half width, height."""
    x, y, half, tall = base
    draw = ImageDraw.Draw(image)
    choice = int(rng.integers(4))
    if choice == 0:
        reach = half * rng.uniform(0.2, 0.4)
        draw.polygon([(x - reach, y), (x, y - 0.6 * tall), (x + reach, y)], fill=185, outline=45)
        draw.ellipse((x - 0.15 * reach, y - 0.3 * tall, x + 0.15 * reach, y - 0.1 * tall), fill=40)
    elif choice == 1:
        _dome(rng, draw, base, roof)
    elif choice == 2:
        _turret(rng, image, base, kind, roof)
    else:
        for place in rng.uniform(-0.8, 0.8, int(rng.integers(1, 5))):
            cx = x + place * half
            draw.rectangle((cx - 0.03 * half, y - 0.6 * tall, cx + 0.03 * half, y - 0.1 * tall), fill=80)


def _turret(
    rng: np.random.Generator,
    image: Image.Image,
    base: tuple[float, float, float, float],
    kind: str,
    roof: int,
) -> None:
    """Set a small tower with a pointed roof."""
    x, y, half, tall = base
    draw = ImageDraw.Draw(image)
    reach = half * rng.uniform(0.1, 0.18)
    shaft = draw_facade(rng, (60, 120), (1, 2), kind)
    paste_quad(
        image,
        shaft,
        (
            (x - reach, y - tall),
            (x + reach, y - tall),
            (x + reach, y + 0.3 * tall),
            (x - reach, y + 0.3 * tall),
        ),
    )
    draw.polygon([(x - 1.2 * reach, y - tall), (x, y - 1.55 * tall), (x + 1.2 * reach, y - tall)], fill=roof)


def _dome(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, base: tuple[float, float, float, float], roof: int
) -> None:
    """Set a dome on a drum with pillars."""
    x, y, half, tall = base
    reach = half * rng.uniform(0.15, 0.35)
    draw.rectangle((x - reach, y - 0.4 * tall, x + reach, y), fill=150)
    for i in range(7):
        column = x - reach + 2 * reach * (i + 0.5) / 7
        draw.rectangle((column - 0.06 * reach, y - 0.32 * tall, column + 0.06 * reach, y), fill=35)
    dome = (
        x - 1.05 * reach,
        y - 0.4 * tall - 1.1 * reach,
        x + 1.05 * reach,
        y - 0.4 * tall + 1.1 * reach,
    )
    draw.pieslice(dome, 180, 360, fill=roof + 30)
    draw.pieslice(dome, 285, 360, fill=roof)
    draw.line((x, dome[1], x, dome[1] - 0.3 * tall), 40, 3)


def draw_tower(rng: np.random.Generator, image: Image.Image, site: Site) -> None:
    """Draw a church, clock tower, lighthouse or storeyed tower."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    wide = min(half * 0.5, tall * rng.uniform(0.09, 0.2))
    kind = str(rng.choice(("brick", "stone", "board", "plaster")))
    rows = int(rng.integers(3, 7))
    body = tall * 0.72
    taper = rng.uniform(0.6, 1.0)
    if rng.random() < 0.6:
        _nave(rng, image, site, kind)
    shaft = draw_facade(rng, (110, 60 * rows), (int(rng.integers(1, 3)), rows), kind, door=True)
    head = wide * taper
    paste_quad(image, shaft, trapezoid(x, (ground - body, head), (ground, wide)))
    shadow = Image.new("L", image.size, 0)
    ImageDraw.Draw(shadow).polygon(
        [
            (x + 0.3 * head, ground - body),
            (x + head, ground - body),
            (x + wide, ground),
            (x + 0.3 * wide, ground),
        ],
        fill=110,
    )
    image.paste(30, (0, 0), shadow)
    _spire(rng, draw, site, head)


def _spire(rng: np.random.Generator, draw: ImageDraw.ImageDraw, site: Site, head: float) -> None:
    """Crown a tower, whose top is ``head`` wide from its middle, with a cornice, a clock and a point."""
    x, ground, _, tall = site
    body = 0.72 * tall
    draw.rectangle((x - 1.2 * head, ground - body - 4, x + 1.2 * head, ground - body + 4), fill=60)
    if rng.random() < 0.5:
        face = 0.55 * head
        draw.ellipse(
            (x - face, ground - 0.97 * body, x + face, ground - 0.97 * body + 2 * face),
            fill=225,
            outline=40,
            width=2,
        )
    draw.polygon(
        [(x - 1.1 * head, ground - body), (x, ground - tall), (x + 1.1 * head, ground - body)],
        fill=int(rng.integers(40, 110)),
    )
    draw.line((x, ground - tall, x, ground - 1.07 * tall), 50, 2)


def _nave(rng: np.random.Generator, image: Image.Image, site: Site, kind: str) -> None:
    """Draw the body of a church beside its tower."""
    x, ground, half, tall = site
    draw = ImageDraw.Draw(image)
    nave = draw_facade(rng, (240, 90), (int(rng.integers(4, 8)), 1), kind)
    side = float(rng.choice((-1, 1)))
    left, right = sorted((x, x + side * half * 1.6))
    paste_quad(
        image,
        nave,
        ((left, ground - 0.3 * tall), (right, ground - 0.3 * tall), (right, ground), (left, ground)),
    )
    slope = [(left, ground - 0.3 * tall), (left + 0.1 * half, ground - 0.45 * tall)]
    draw.polygon([*slope, (right - 0.1 * half, ground - 0.45 * tall), (right, ground - 0.3 * tall)], fill=70)
