"""People on the pavement and vending machines: small things that every street has."""

from functools import lru_cache

from PIL import Image, ImageDraw

from zuroku.datasets.sample.land.street_views.camera.optics import Colour, tone
from zuroku.datasets.sample.land.street_views.habits import jittered
from zuroku.datasets.sample.noise import seeded_rng

PERSONS = 10
MACHINES = 6

_CLOTHES: tuple[Colour, ...] = (
    (44, 50, 66),
    (210, 206, 198),
    (120, 44, 48),
    (74, 96, 120),
    (150, 130, 100),
    (58, 62, 58),
    (196, 170, 60),
    (96, 72, 110),
)


@lru_cache(maxsize=PERSONS)
def person(which: int) -> Image.Image:
    """Draw somebody who walks by, 40 by 100 pixels (RGBA)."""
    rng = seeded_rng(which, 61)
    picture = Image.new("RGBA", (40, 100), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    coat, legs = (jittered(rng, _CLOTHES[int(i)], 12) for i in rng.integers(0, len(_CLOTHES), 2))
    stride = int(rng.integers(1, 8))
    skirt = rng.random() < 0.3
    for side in (-1, 1):
        foot = 20 + side * stride
        draw.polygon(
            [(16, 52), (24, 52), (foot + 4, 96), (foot - 4, 96)], fill=(*tone(legs, 0.8 + 0.1 * side), 255)
        )
        draw.ellipse((foot - 5, 93, foot + 5, 99), fill=(36, 32, 32, 255))
    if skirt:
        draw.polygon([(13, 44), (27, 44), (31, 72), (9, 72)], fill=(*legs, 255))
    draw.rounded_rectangle((11, 19, 29, 57), 6, fill=(*coat, 255))
    draw.rectangle((22, 22, 29, 55), fill=(*tone(coat, 0.78), 255))
    for side in (-1, 1):
        x = 20 + 10 * side
        draw.line((x, 24, x + side * 2, 50), fill=(*tone(coat, 0.7 + 0.15 * (side < 0)), 255), width=5)
    draw.ellipse((14, 3, 26, 18), fill=(214, 176, 148, 255))
    draw.pieslice((13, 1, 27, 17), 175, 365, fill=(*jittered(rng, (40, 34, 32), 20), 255))
    if rng.random() < 0.4:
        draw.rectangle((29, 40, 38, 54), fill=(*jittered(rng, (110, 80, 60), 40), 255))
    return picture


@lru_cache(maxsize=MACHINES)
def machine(which: int) -> Image.Image:
    """Draw the front of a vending machine, 50 by 90 pixels (RGB)."""
    rng = seeded_rng(which, 62)
    body = jittered(rng, ((206, 40, 38), (236, 236, 232), (32, 84, 160))[which % 3], 8)
    picture = Image.new("RGB", (50, 90), body)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((5, 6, 44, 52), fill=(222, 230, 232))
    for row in range(3):
        for column in range(7):
            x, y = 7 + 5 * column + column // 3, 9 + 15 * row
            draw.rectangle((x, y, x + 3, y + 9), fill=jittered(rng, (140, 120, 110), 90))
        draw.rectangle((5, 20 + 15 * row, 44, 21 + 15 * row), fill=(150, 156, 160))
    draw.rectangle((8, 70, 34, 80), fill=(30, 30, 34))
    draw.rectangle((38, 56, 44, 66), fill=(190, 192, 190))
    draw.rectangle((0, 0, 49, 89), outline=tone(body, 0.7))
    return picture
