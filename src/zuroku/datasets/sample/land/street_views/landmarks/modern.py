"""Towers, stations, museums, parks, monuments and halls."""

from itertools import pairwise

import numpy as np

from zuroku.datasets.sample.land.street_views.camera.optics import Colour, tone
from zuroku.datasets.sample.land.street_views.habits import jittered
from zuroku.datasets.sample.land.street_views.landmarks.elevations import Elevation
from zuroku.datasets.sample.land.street_views.landmarks.orders import PALE, ROOFS, STONE, Order
from zuroku.datasets.sample.land.street_views.things.vegetation import tree_picture


def lattice_tower(order: Order) -> Elevation:
    """A tower of steel bars with one deck or two."""
    rng = order.rng
    tall, half = float(rng.uniform(34, 46)), float(rng.uniform(6, 8))
    paint: Colour = ((206, 74, 44), (150, 160, 168), (228, 228, 230))[int(rng.integers(3))]
    second: Colour = (238, 236, 232) if paint[1] < 100 else tone(paint, 0.8)
    sheet = Elevation(2.6 * half, tall)
    reach = 0.8 * tall

    def edge(y: float) -> float:
        return 0.7 + (half - 0.7) * float((1 - y / reach) ** 1.8)

    levels = np.linspace(0, reach, 12)
    for i, (low, high) in enumerate(pairwise(levels)):
        fill = paint if i // 2 % 2 == 0 else second
        a, b = edge(float(low)), edge(float(high))
        for side in (-1, 1):
            sheet.beam((side * a, float(low)), (side * b, float(high)), 0.55, fill)
            sheet.beam((side * a * 0.45, float(low)), (side * b * 0.45, float(high)), 0.28, tone(fill, 0.75))
            sheet.beam((side * a, float(low)), (-side * b, float(high)), 0.2, tone(fill, 0.85))
        sheet.beam((-b, float(high)), (b, float(high)), 0.3, fill)
    for share in (0.55, 0.8) if rng.random() < 0.5 else (0.62,):
        y, wide = share * tall, edge(min(share * tall, reach)) + float(rng.uniform(1.2, 2.2))
        sheet.box(-wide, wide, y, y + 2.2, tone(second, 0.9))
        sheet.box(-wide, wide, y + 0.8, y + 1.7, (54, 70, 86), (255, 232, 170))
    sheet.post(0, reach, tall, 0.5, paint)
    sheet.box(-half, half, 0, 3.4, (190, 186, 178))
    sheet.box(-half + 0.5, half - 0.5, 0.3, 2.4, (70, 82, 92), (250, 230, 180))
    return sheet


def needle_tower(order: Order) -> Elevation:
    """A slender tower with a saucer."""
    rng = order.rng
    tall, paint = float(rng.uniform(26, 38)), order.pick(PALE)
    sheet = Elevation(14, tall)
    sheet.shape([(-2.2, 0), (2.2, 0), (1.0, 0.72 * tall), (-1.0, 0.72 * tall)], paint)
    sheet.shape([(0.6, 0), (2.2, 0), (1.0, 0.72 * tall), (0.3, 0.72 * tall)], tone(paint, 0.78))
    deck = float(rng.uniform(3, 5))
    y = 0.7 * tall
    sheet.shape([(-1.2, y - 1.4), (1.2, y - 1.4), (deck, y), (-deck, y)], tone(paint, 0.7))
    sheet.box(-deck, deck, y, y + 2.6, tone(order.habits.town.board, 1.0))
    sheet.box(-deck + 0.2, deck - 0.2, y + 0.8, y + 1.9, (50, 66, 82), (255, 232, 170))
    sheet.shape([(-deck, y + 2.6), (deck, y + 2.6), (1.0, y + 4.4), (-1.0, y + 4.4)], tone(paint, 0.9))
    sheet.post(0, y + 4.2, tall, 0.4, (210, 90, 60))
    sheet.box(-5.5, 5.5, 0, 3.2, tone(paint, 0.85))
    sheet.box(-5, 5, 0.2, 2.3, (72, 84, 94), (250, 230, 180))
    return sheet


def station(order: Order) -> Elevation:
    """A station with its clock and its name."""
    rng, habits = order.rng, order.habits
    half, tall = float(rng.uniform(11, 15)), float(rng.uniform(6, 9))
    wall, band = (
        order.pick(PALE),
        order.pick((habits.town.board, (40, 90, 160), (60, 130, 80), (200, 110, 40))),
    )
    sheet = Elevation(2 * half + 2, tall + 5.5)
    sheet.box(-half, half, 0, tall, wall)
    for x in np.arange(-half + 0.7, half - 1.5, 2.2):
        sheet.box(float(x), float(x) + 1.7, 3.9, tall - 2.3, (88, 112, 130), (255, 238, 190))
        sheet.box(float(x), float(x) + 1.7, 0.2, 3.0, (64, 72, 80), (255, 236, 196))
    sheet.box(-half - 0.7, half + 0.7, 3.1, 3.6, band)
    sheet.box(-half, half, 2.85, 3.1, (60, 60, 62))
    if rng.random() < 0.5:
        rise = float(rng.uniform(2.2, 4))
        roof = order.pick(ROOFS)
        sheet.shape(
            [
                (-half - 0.8, tall),
                (half + 0.8, tall),
                (half * 0.6, tall + 0.7 * rise),
                (-half * 0.6, tall + 0.7 * rise),
            ],
            roof,
        )
        sheet.shape([(-4, tall), (0, tall + rise + 1), (4, tall)], tone(roof, 0.85))
        sheet.shape([(-3.2, tall), (0, tall + rise), (3.2, tall)], wall)
        top = tall + 0.42 * rise
    else:
        sheet.box(-4, 4, tall, tall + 3.4, tone(wall, 0.94))
        top = tall + 1.8
    sheet.draw.ellipse(
        (*sheet.at(-1.1, top + 1.1), *sheet.at(1.1, top - 1.1)), (246, 246, 242, 255), (40, 40, 44, 255), 3
    )
    sheet.beam((0, top), (0.1, top + 0.8), 0.14, (30, 30, 34))
    sheet.beam((0, top), (0.6, top - 0.1), 0.14, (30, 30, 34))
    sheet.box(-4.8, 4.8, tall - 2.1, tall - 0.2, band, band)
    sheet.letters(0, tall - 1.15, order.name[:5] + "駅", 1.35, (252, 252, 250))
    for x in (-half + 1.2, -half / 2, 0.0, half / 2, half - 1.2):
        sheet.post(x, 0, 3.1, 0.35, (150, 152, 154))
    return sheet


def museum(order: Order) -> Elevation:
    """A museum with columns, under a pediment or a dome."""
    rng, stone = order.rng, order.pick(((206, 196, 176), (190, 188, 184), (176, 140, 118)))
    half, tall = float(rng.uniform(11, 14)), float(rng.uniform(8, 10))
    sheet = Elevation(2 * half + 2, tall + 6)
    sheet.box(-half, half, 0, tall, stone)
    for level in (1.6, tall / 2 + 0.6):
        for x in np.arange(-half + 1, half - 1, 2.3):
            if abs(x + 0.6) > 5:
                sheet.box(float(x), float(x) + 1.2, level, level + 2.1, (70, 76, 84), (248, 224, 170))
                sheet.box(float(x) - 0.15, float(x) + 1.35, level + 2.1, level + 2.4, tone(stone, 1.12))
    sheet.box(-half - 0.4, half + 0.4, tall - 0.7, tall, tone(stone, 1.1))
    sheet.box(-5.6, 5.6, 1.2, tall, tone(stone, 0.62))
    columns = int(rng.choice((4, 6, 8)))
    for x in np.linspace(-5.2, 5.2, columns):
        sheet.post(float(x), 1.2, tall - 0.9, 0.95, tone(stone, 1.12))
    sheet.box(-6.2, 6.2, tall - 0.9, tall + 0.5, tone(stone, 1.08))
    sheet.letters(0, tall - 0.25, order.name[:4] + "博物館", 0.8, (70, 60, 50))
    if rng.random() < 0.6:
        sheet.shape([(-6.5, tall + 0.5), (0, tall + 3.4), (6.5, tall + 0.5)], tone(stone, 1.14))
        sheet.shape([(-5, tall + 0.8), (0, tall + 2.9), (5, tall + 0.8)], tone(stone, 0.88))
    else:
        dome = [
            (4.2 * float(np.cos(a)), tall + 0.5 + 4.4 * float(np.sin(a))) for a in np.linspace(0, np.pi, 24)
        ]
        sheet.shape(dome, (96, 140, 122))
        sheet.shape(dome[:12], (78, 118, 104))
    for i in range(5):
        sheet.box(-6.4 + 0.2 * i, 6.4 - 0.2 * i, 0.24 * i, 0.24 * (i + 1), tone(stone, 1.1 - 0.06 * i))
    return sheet


def modern_museum(order: Order) -> Elevation:
    """A museum that is a slanted block with a corner of glass."""
    rng, board = order.rng, order.habits.town.board
    skin = order.pick(((222, 220, 214), (120, 116, 112), (168, 122, 92), (96, 112, 124)))
    half, tall = float(rng.uniform(10, 14)), float(rng.uniform(7, 11))
    slant = float(rng.uniform(-3, 3))
    sheet = Elevation(2 * half + 4, tall + 5)
    sheet.shape([(-half, 0), (half, 0), (half + 1, tall + slant), (-half - 1, tall - slant)], skin)
    for i in range(1, 7):
        y = i * (tall - abs(slant)) / 7
        sheet.box(-half, half, y, y + 0.06, tone(skin, 0.82))
    split = float(rng.uniform(-0.4, 0.4)) * half
    sheet.shape([(split, 0), (half, 0), (half, 0.55 * tall), (split, 0.55 * tall)], (78, 104, 122))
    for x in np.arange(split, half, 1.5):
        sheet.box(float(x), float(x) + 1.3, 0.1, 0.52 * tall, (104, 136, 154), (255, 240, 200))
        sheet.box(float(x), float(x) + 1.3, 0.3 * tall, 0.52 * tall, (150, 180, 196), (255, 240, 200))
    sheet.box(-half + 1, -half + 2.6, 0.6, 0.75 * tall, board, board)
    sheet.letters(
        -half + 1.8,
        0.4 * tall + 0.2,
        order.name[:2] + "美術館",
        0.95,
        order.habits.town.letters,
        upright=True,
    )
    return sheet


def park(order: Order) -> Elevation:
    """The gate of a park, with the region's trees behind it."""
    rng, leaf = order.rng, order.habits.region.leaf
    stone = order.pick((STONE, (176, 120, 96), (130, 128, 126)))
    sheet = Elevation(24, 11)
    tree = order.habits.region.trees[0]
    for _ in range(9):
        x, tall = float(rng.uniform(-11, 11)), float(rng.uniform(5.5, 10))
        size = (round(0.95 * tall * sheet.px), round(tall * sheet.px))
        picture = tree_picture(tree, int(rng.integers(4)), jittered(rng, leaf, 16), 0.4).resize(size)
        left, top = sheet.at(x - 0.47 * tall, tall)
        sheet.picture.alpha_composite(picture, (max(0, int(left)), max(0, int(top))))
    sheet.box(-12, 12, 0, 0.8, tone(leaf, 0.75))
    for side in (-1, 1):
        x = side * float(rng.uniform(3.2, 4.4))
        sheet.box(x - 0.8, x + 0.8, 0, 3.2, stone)
        sheet.box(x + 0.3, x + 0.8, 0, 3.2, tone(stone, 0.8))
        sheet.box(x - 1, x + 1, 3.2, 3.6, tone(stone, 1.15))
    sheet.shape([(-3, 0), (3, 0), (1.2, 0.9), (-1.2, 0.9)], (196, 184, 158))
    if rng.random() < 0.6:
        arch = [(4.6 * float(np.cos(a)), 3.4 + 2.2 * float(np.sin(a))) for a in np.linspace(0, np.pi, 20)]
        inner = [(4.1 * float(np.cos(a)), 3.4 + 1.5 * float(np.sin(a))) for a in np.linspace(np.pi, 0, 20)]
        sheet.shape([*arch, *inner], order.pick(((60, 110, 80), (150, 60, 50), (70, 90, 130))))
    sheet.box(-6.8, -6.0 + 4.4, 0.7, 2.2, (92, 66, 46))
    sheet.letters(-4.2, 1.45, order.name[:3] + "公園", 0.85, (246, 240, 220))
    return sheet


def monument(order: Order) -> Elevation:
    """A stone with an inscription on its steps."""
    rng = order.rng
    stone = order.pick((STONE, (120, 116, 116), (190, 176, 150), (98, 132, 116)))
    tall, half = float(rng.uniform(5, 10)), float(rng.uniform(0.8, 1.8))
    sheet = Elevation(11, tall + 3)
    for i in range(3):
        reach = 4.2 - 0.9 * i
        sheet.box(-reach, reach, 0.5 * i, 0.5 * (i + 1), tone(stone, 1.0 + 0.06 * i))
        sheet.box(0.4 * reach, reach, 0.5 * i, 0.5 * (i + 1), tone(stone, 0.8))
    sheet.shape([(-half, 1.5), (half, 1.5), (0.8 * half, tall), (0, tall + 0.9), (-0.8 * half, tall)], stone)
    sheet.shape([(0.35 * half, 1.5), (half, 1.5), (0.8 * half, tall), (0, tall + 0.9)], tone(stone, 0.74))
    sheet.box(-0.62 * half, 0.3 * half, 1.9, 0.82 * tall, tone(stone, 0.88))
    sheet.letters(
        -0.16 * half, 0.45 * tall + 0.8, order.name[:2] + "之碑", 0.55, (236, 232, 220), upright=True
    )
    if rng.random() < 0.5:
        sheet.post(0, tall + 0.6, tall + 1.7, 0.5, (120, 140, 120))
        sheet.draw.ellipse((*sheet.at(-0.4, tall + 2.5), *sheet.at(0.4, tall + 1.7)), (120, 140, 120, 255))
    return sheet


def hall(order: Order) -> Elevation:
    """A public hall with a clock tower."""
    rng, habits = order.rng, order.habits
    wall = order.pick(((176, 92, 70), (212, 200, 176), (150, 160, 168), (226, 222, 214)))
    half, storeys = float(rng.uniform(10, 14)), int(rng.integers(3, 6))
    tall = 3.5 * storeys + 1
    sheet = Elevation(2 * half + 2, tall + 6)
    sheet.box(-half, half, 0, tall, wall)
    for storey in range(storeys):
        for x in np.arange(-half + 0.8, half - 1.4, 2.1):
            sheet.box(
                float(x),
                float(x) + 1.3,
                3.5 * storey + 1.1,
                3.5 * storey + 3.0,
                (66, 82, 96),
                (255, 236, 190),
            )
            sheet.box(
                float(x),
                float(x) + 1.3,
                3.5 * storey + 2.1,
                3.5 * storey + 3.0,
                (118, 140, 154),
                (255, 236, 190),
            )
        sheet.box(-half, half, 3.5 * storey + 0.35, 3.5 * storey + 0.6, tone(wall, 1.15))
    sheet.box(-half - 0.4, half + 0.4, tall - 0.5, tall, tone(wall, 1.2))
    sheet.box(-2.6, 2.6, 0, tall + 3, tone(wall, 0.9))
    sheet.box(1.4, 2.6, 0, tall + 3, tone(wall, 0.74))
    sheet.draw.ellipse(
        (*sheet.at(-1.2, tall + 2), *sheet.at(1.2, tall - 0.4)), (246, 244, 236, 255), (50, 46, 44, 255), 3
    )
    sheet.box(-4, 4, 0, 3.3, tone(wall, 0.7))
    sheet.box(-1.6, 1.6, 0, 2.6, (58, 66, 74), (255, 232, 180))
    sheet.box(-4.4, 4.4, 3.3, 3.9, habits.town.board, habits.town.board)
    sheet.letters(0, tall - 2.2, order.name[:3] + "会館", 0.95, (250, 246, 236))
    return sheet
