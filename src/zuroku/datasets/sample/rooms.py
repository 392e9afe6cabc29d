"""Photographs of interiors: classrooms, offices, parlours, tatami rooms, halls and exhibitions."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zuroku.datasets.sample.crowds import draw_bystander, draw_group, draw_listeners
from zuroku.datasets.sample.landscape import soften
from zuroku.datasets.sample.lettering import set_line
from zuroku.datasets.sample.noise import fractal, to_image, to_tones
from zuroku.datasets.sample.projection import Camera, paste_quad
from zuroku.datasets.sample.style import BookStyle
from zuroku.datasets.sample.words import running_text

Draw = ImageDraw.ImageDraw


def draw_room(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Photograph a furnished room or an assembly of ``size`` = (width, height), in grey."""
    width, height = size
    image = Image.new("L", size, 40)
    japanese = rng.random() < 0.35
    half = rng.uniform(2.2, 6)
    tall = rng.uniform(2.6, 3.4) if half < 4 else rng.uniform(3.5, 6)
    deep = rng.uniform(4, 13)
    eye = rng.uniform(1.2, min(2.3, tall - 0.6))
    middle = (rng.uniform(0.25, 0.75) * width, rng.uniform(0.35, 0.55) * height)
    camera = Camera(max(size) * rng.uniform(0.6, 1.0), eye, middle)
    _shell(rng, image, camera, (half, tall, deep), japanese)
    draw = ImageDraw.Draw(image)
    _lamps(rng, draw, camera, (half, tall, deep))
    _furnish(rng, draw, camera, (half, tall, deep), size)
    return soften(_light(rng, image), 0.4 + 0.5 * style.blur_px)


def _light(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Let windows glow and corners fall into the dark."""
    glow = image.resize((image.width // 4, image.height // 4)).filter(
        ImageFilter.GaussianBlur(image.width / 90)
    )
    glow = glow.resize(image.size, Image.Resampling.BILINEAR)
    tones = np.maximum(to_tones(image), 0.35 * to_tones(glow))
    height, width = tones.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    away = (x - rng.uniform(-0.6, 0.6)) ** 2 + (y - rng.uniform(-0.3, 0.3)) ** 2
    tones *= 1 - rng.uniform(0.1, 0.32) * away
    tones *= 1 + 0.07 * fractal(rng, (width, height), (30, 30), 0.85, 4)
    return to_image(tones)


def _shell(
    rng: np.random.Generator,
    image: Image.Image,
    camera: Camera,
    room: tuple[float, float, float],
    japanese: bool,
) -> None:
    """Build floor, ceiling and the three walls of ``room`` = (half width, height, depth) in metres."""
    half, tall, deep = room
    near = 0.55
    a, b = camera.at, deep
    back = (a(-half, tall, b), a(half, tall, b), a(half, 0, b), a(-half, 0, b))
    left = (a(-half, tall, near), a(-half, tall, b), a(-half, 0, b), a(-half, 0, near))
    right = (a(half, tall, b), a(half, tall, near), a(half, 0, near), a(half, 0, b))
    floor = (a(-half, 0, b), a(half, 0, b), a(half, 0, near), a(-half, 0, near))
    ceiling = (a(-half, tall, near), a(half, tall, near), a(half, tall, b), a(-half, tall, b))
    tone = int(rng.integers(60, 185))
    paste_quad(image, _floor(rng, japanese), floor)
    paste_quad(image, _ceiling(rng, japanese), ceiling)
    bays = max(2, round(deep / rng.uniform(1.6, 3)))
    lit = rng.random()
    for quad, windows, light in ((left, lit < 0.6, 0.75), (right, lit > 0.4, 0.9)):
        wall = _wall(rng, bays, tone, windows, japanese)
        paste_quad(image, wall.point([int(v * light) for v in range(256)]), quad)
    end = (
        _end_wall(rng, tone)
        if rng.random() < 0.6
        else _wall(rng, max(2, round(half)), tone, rng.random() < 0.5, japanese)
    )
    paste_quad(image, end, back)


def _floor(rng: np.random.Generator, japanese: bool) -> Image.Image:
    """Draw a floor from above: mats, boards, tiles or a carpet."""
    base = int(rng.integers(60, 150))
    floor = Image.new("L", (256, 256), base + 40 if japanese else base)
    draw = ImageDraw.Draw(floor)
    if japanese:
        for row in range(8):
            for column in range(5):
                x, y = column * 56 - 28 * (row % 2), row * 32
                draw.rectangle((x, y, x + 56, y + 32), outline=25, width=2)
    elif rng.random() < 0.6:
        for x in range(0, 256, int(rng.integers(5, 14))):
            draw.line((x, 0, x, 256), base - int(rng.integers(10, 35)), 1)
    else:
        step = int(rng.integers(14, 40))
        for i, y in enumerate(range(0, 256, step)):
            for x in range(step * (i % 2), 256, 2 * step):
                draw.rectangle((x, y, x + step, y + step), fill=base + 45)
    return floor


def _ceiling(rng: np.random.Generator, japanese: bool) -> Image.Image:
    """Draw a ceiling from below: boards on battens, coffers or plaster."""
    base = int(rng.integers(35, 120)) if japanese else int(rng.integers(60, 230))
    ceiling = Image.new("L", (256, 256), base)
    draw = ImageDraw.Draw(ceiling)
    step = int(rng.integers(14, 60))
    thick = int(rng.integers(1, 7))
    for y in range(0, 256, step):
        draw.line((0, y, 256, y), max(0, base - 45), thick)
    if rng.random() < 0.4:
        for x in range(0, 256, step):
            draw.line((x, 0, x, 256), max(0, base - 45), thick)
    return ceiling


def _wall(rng: np.random.Generator, bays: int, tone: int, windows: bool, japanese: bool) -> Image.Image:
    """Draw a side wall straight on: paper screens, windows with light outside, or panels."""
    width, height = 70 * bays, 160
    wall = Image.new("L", (width, height), tone)
    draw = ImageDraw.Draw(wall)
    draw.rectangle((0, 112, width, height), fill=int(tone * 0.6))
    for bay in range(bays):
        left = 70 * bay
        if japanese:
            draw.rectangle((left + 3, 34, left + 67, 156), fill=232 if windows else tone, outline=30, width=2)
            for x in range(left + 3, left + 67, 11):
                draw.line((x, 34, x, 130), 60, 1)
            for y in range(34, 130, 16):
                draw.line((left + 3, y, left + 67, y), 60, 1)
            draw.rectangle((left - 3, 0, left + 3, height), fill=35)
        elif windows:
            draw.rectangle(
                (left + 13, 28, left + 57, 110), fill=int(rng.integers(215, 256)), outline=40, width=3
            )
            for x in (left + 28, left + 42):
                draw.line((x, 28, x, 110), 55, 2)
            for y in (48, 68, 88):
                draw.line((left + 13, y, left + 57, y), 55, 2)
            if rng.random() < 0.5:
                draw.polygon([(left + 8, 24), (left + 26, 24), (left + 14, 116), (left + 8, 116)], fill=90)
        elif rng.random() < 0.6:
            _framed(rng, draw, (left + 16, 30 + int(rng.integers(0, 20)), left + 54, 82))
    draw.rectangle((0, 0, width, 8), fill=int(tone * 0.5))
    return wall


def _framed(rng: np.random.Generator, draw: Draw, box: tuple[float, float, float, float]) -> None:
    """Hang a picture, a certificate or a map."""
    draw.rectangle(box, fill=int(rng.integers(120, 235)), outline=int(rng.choice((20, 210))), width=3)
    for _ in range(4):
        x, y = rng.uniform(box[0] + 6, box[2] - 6), rng.uniform(box[1] + 6, box[3] - 6)
        r = rng.uniform(2, 7)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.integers(30, 140)))


def _end_wall(rng: np.random.Generator, tone: int) -> Image.Image:
    """Draw the far wall straight on: blackboard, stage, alcove, showcase or door with pictures."""
    wall = Image.new("L", (320, 180), tone)
    draw = ImageDraw.Draw(wall)
    kind = int(rng.choice(5, p=(0.2, 0.2, 0.14, 0.3, 0.16)))
    if kind == 0:
        draw.rectangle((40, 50, 280, 120), fill=28, outline=120, width=4)
        for i in range(int(rng.integers(0, 6))):
            set_line(draw, (245 - 26 * i, 56), running_text(rng, 4), 14, 190, vertical=True)
        draw.rectangle((0, 150, 320, 180), fill=int(tone * 0.55))
    elif kind == 1:
        draw.rectangle((50, 30, 270, 140), fill=int(rng.integers(90, 235)))
        for x in range(6, 60, 9):
            draw.line((x, 20, x + 4, 150), 25, 5)
            draw.line((320 - x, 20, 316 - x, 150), 25, 5)
        draw.rectangle((40, 14, 280, 34), fill=35)
        draw.rectangle((30, 138, 290, 180), fill=70)
        draw.rectangle((135, 104, 185, 140), fill=110)
    elif kind == 2:
        draw.rectangle((40, 34, 150, 176), fill=int(tone * 0.45))
        draw.rectangle((80, 44, 112, 140), fill=220)
        draw.line((95, 60, 100, 120), 40, 4)
        draw.rectangle((40, 160, 150, 176), fill=60)
        draw.rectangle((150, 10, 158, 180), fill=35)
        for y in (70, 100):
            draw.line((165, y, 290, y + 6), 45, 5)
    elif kind == 3:
        draw.rectangle((30, 60, 290, 145), fill=20, outline=170, width=4)
        for x in range(42, 280, int(rng.integers(18, 36))):
            r = rng.uniform(5, 11)
            base = rng.uniform(80, 120) + r
            draw.ellipse((x - r, base - 2 * r, x + r, base), fill=int(rng.integers(120, 240)))
            draw.rectangle((x - 1.2 * r, base, x + 1.2 * r, base + 6), fill=110)
        set_line(draw, (90, 28), running_text(rng, 9), 16, 30)
    else:
        draw.rectangle((60, 50, 120, 180), fill=int(tone * 0.5), outline=30, width=3)
        for x in (150, 230):
            _framed(rng, draw, (x, 40, x + 60, 90))
    return wall


def _lamps(rng: np.random.Generator, draw: Draw, camera: Camera, room: tuple[float, float, float]) -> None:
    """Hang lamps on cords, and at times stand pillars along the room."""
    half, tall, deep = room
    if rng.random() < 0.3:
        for z in np.arange(deep - 1, 1.5, -2.2):
            for side in (-1, 1):
                x = side * half * 0.72
                camera.block(draw, (x - 0.12, 0, float(z)), (x + 0.12, tall, float(z) + 0.2), 70)
    if rng.random() < 0.6:
        for z in np.arange(deep - 0.8, 1.2, -rng.uniform(1.5, 3.5)):
            x = float(rng.choice((0.0, -0.4 * half, 0.4 * half)))
            top, lamp = camera.at(x, tall, float(z)), camera.at(x, tall - 0.7, float(z))
            r = camera.focal_px * 0.13 / float(z)
            draw.line((*top, *lamp), 25, 1)
            draw.pieslice(
                (lamp[0] - 1.6 * r, lamp[1] - r, lamp[0] + 1.6 * r, lamp[1] + r), 180, 360, fill=190
            )
            draw.ellipse((lamp[0] - 0.7 * r, lamp[1] - 0.4 * r, lamp[0] + 0.7 * r, lamp[1] + r), fill=255)


def _furnish(
    rng: np.random.Generator,
    draw: Draw,
    camera: Camera,
    room: tuple[float, float, float],
    size: tuple[int, int],
) -> None:
    """Fill the room: desks in rows, a table with chairs, an audience, a group, showcases or little."""
    half, _, deep = room
    kind = rng.random()
    if kind < 0.25:
        for z in np.arange(deep - 1.2, 1.1, -1.1):
            for x in np.arange(-half + 0.5, half - 0.9, 1.3):
                _desk(rng, draw, camera, (float(x), float(z)))
    elif kind < 0.5:
        first = camera.at(0, 0.9, deep * 0.75)[1]
        head = max(3.0, camera.focal_px * 0.11 / (deep * 0.75))
        draw_listeners(rng, draw, size, first, int(rng.integers(3, 8)), (head, head * rng.uniform(2, 4)))
    elif kind < 0.68:
        z = deep * rng.uniform(0.45, 0.75)
        left, top = camera.at(-half * 0.75, 1.75, z)
        right, _ = camera.at(half * 0.75, 0, z)
        bottom = min(size[1], camera.at(0, 0, z * 0.6)[1])
        draw_group(rng, draw, (left, top, right, bottom), int(rng.integers(1, 4)))
    elif kind < 0.8:
        _table(rng, draw, camera, room)
    elif kind < 0.9:
        for z in np.arange(deep - 0.5, 1.3, -1.6):
            for side in (-1, 1):
                x = side * half * 0.7
                camera.block(
                    draw, (x - 0.5, 0, float(z)), (x + 0.5, 0.9, float(z) + 1), int(rng.integers(40, 120))
                )
                camera.block(
                    draw,
                    (x - 0.25, 0.9, float(z) + 0.2),
                    (x + 0.25, 1.25, float(z) + 0.6),
                    int(rng.integers(120, 220)),
                )


def _desk(rng: np.random.Generator, draw: Draw, camera: Camera, at: tuple[float, float]) -> None:
    """Draw a school desk at x, z metres, at times with a pupil seen from behind."""
    x, z = at
    camera.block(draw, (x, 0.6, z), (x + 0.9, 0.68, z + 0.45), 105)
    for leg in (x + 0.03, x + 0.83):
        camera.block(draw, (leg, 0, z), (leg + 0.05, 0.6, z + 0.05), 40)
    if rng.random() < 0.55:
        foot = camera.at(x + 0.45, 0.1, z - 0.25)
        draw_bystander(rng, draw, foot, camera.focal_px * 1.25 / (z - 0.25))


def _table(rng: np.random.Generator, draw: Draw, camera: Camera, room: tuple[float, float, float]) -> None:
    """Draw a long table with people or chairs about it, and things on it."""
    half, _, deep = room
    wide, z0, z1 = half * rng.uniform(0.3, 0.55), deep * 0.35, deep * rng.uniform(0.55, 0.8)
    peopled = rng.random() < 0.6
    for x in np.arange(-wide, wide, 0.65):
        if peopled:
            draw_bystander(rng, draw, camera.at(float(x), 0, z1 + 0.4), camera.focal_px * 1.4 / (z1 + 0.4))
        else:
            camera.block(draw, (float(x), 0.4, z1 + 0.2), (float(x) + 0.4, 1.0, z1 + 0.3), 45)
    camera.block(draw, (-wide, 0.1, z0), (wide, 0.75, z1), int(rng.choice((45, 80, 200))))
    for _ in range(int(rng.integers(2, 10))):
        x, z = rng.uniform(-0.85, 0.85) * wide, rng.uniform(z0, z1)
        camera.block(
            draw,
            (x, 0.75, z),
            (x + 0.14, 0.75 + rng.uniform(0.02, 0.3), z + 0.1),
            int(rng.choice((30, 220, 160))),
        )
    for side in (-1, 1):
        for z in np.arange(z1, z0, -0.7):
            x = side * (wide + 0.35)
            if peopled:
                draw_bystander(rng, draw, camera.at(x, 0, float(z)), camera.focal_px * 1.3 / float(z))
            else:
                camera.block(draw, (x - 0.2, 0, float(z)), (x + 0.2, 0.45, float(z) + 0.4), 50)
                camera.block(
                    draw, (x + side * 0.15, 0.45, float(z)), (x + side * 0.2, 1.0, float(z) + 0.4), 40
                )
