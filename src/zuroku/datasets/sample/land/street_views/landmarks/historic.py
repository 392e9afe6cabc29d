"""Shrines, temples, pagodas and castles, put together from the parts of ``elevations``."""

import numpy as np

from zuroku.datasets.sample.land.street_views.camera.optics import tone
from zuroku.datasets.sample.land.street_views.habits import jittered
from zuroku.datasets.sample.land.street_views.landmarks.elevations import Elevation
from zuroku.datasets.sample.land.street_views.landmarks.orders import PALE, ROOFS, STONE, WOODS, Order


def shrine(order: Order) -> Elevation:
    """A shrine behind its gate, a lantern on either side."""
    rng, wood = order.rng, order.pick(WOODS[:3])
    tall, half = float(rng.uniform(7.5, 10)), float(rng.uniform(4, 5.2))
    sheet = Elevation(19, 12.5)
    hall = order.pick(ROOFS)
    sheet.box(-6, 6, 0, 0.9, STONE)
    sheet.bays(-5, 5, 0.9, 4.2, 5, tone(wood, 0.85), order.pick(PALE))
    sheet.swept_roof(0, 4.1, 7.4, 4.4, hall, 0.42, 0.1)
    sheet.gable(0, 4.3, 2.6, 1.9, tone(hall, 0.9), tone(wood, 0.8))
    sheet.box(-1.6, 1.6, 0, 0.9, tone(STONE, 1.15))
    for side in (-1, 1):
        sheet.post(side * half, 0, tall - 0.5, 0.75, wood, -side * 0.35)
        sheet.box(side * half - 0.6, side * half + 0.6, 0, 0.55, tone(STONE, 0.7))
        x = side * (half + 2.4)
        sheet.box(x - 0.5, x + 0.5, 0, 0.4, STONE)
        sheet.post(x, 0.4, 1.7, 0.35, STONE)
        sheet.box(x - 0.45, x + 0.45, 1.7, 2.3, tone(STONE, 0.9), (255, 220, 150))
        sheet.shape([(x - 0.75, 2.3), (x + 0.75, 2.3), (x, 2.9)], tone(STONE, 0.75))
    sheet.box(-half - 0.7, half + 0.7, tall - 2.2, tall - 1.6, tone(wood, 0.92))
    top = [(-half - 1.6, tall + 0.35), (0, tall), (half + 1.6, tall + 0.35)]
    sheet.shape([*top, (half + 1.4, tall - 0.75), (0, tall - 0.95), (-half - 1.4, tall - 0.75)], wood)
    cap = [(-half - 1.8, tall + 0.62), (0, tall + 0.3), (half + 1.8, tall + 0.62)]
    sheet.shape([*cap, (half + 1.6, tall + 0.2), (0, tall - 0.1), (-half - 1.6, tall + 0.2)], (44, 42, 44))
    sheet.box(-0.55, 0.55, tall - 2.1, tall - 0.6, (52, 48, 44))
    sheet.letters(0, tall - 1.35, order.name[:2], 0.6, (232, 200, 110), upright=True)
    return sheet


def temple(order: Order) -> Elevation:
    """A temple's hall with one roof or two."""
    rng, wood, roof = order.rng, order.pick(WOODS[1:]), order.pick(ROOFS)
    half, wall = float(rng.uniform(6.5, 9)), float(rng.uniform(3.6, 4.8))
    sheet = Elevation(2 * half + 7, wall + 9)
    sheet.box(-half - 1, half + 1, 0, 1.1, STONE)
    for i in range(4):
        sheet.box(-2.2, 2.2, 0.27 * i, 0.27 * (i + 1), tone(STONE, 1.16 - 0.08 * i))
    sheet.bays(-half, half, 1.1, 1.1 + wall, int(rng.choice((5, 7))), wood, order.pick(PALE))
    if rng.random() < 0.5:
        sheet.swept_roof(0, 0.9 + wall, half + 3, 1.6, roof, 0.8, 0.3)
        sheet.box(-half * 0.75, half * 0.75, 2.4 + wall, 3.4 + wall, order.pick(PALE))
        sheet.swept_roof(0, 3.3 + wall, half + 1.5, 4.0, roof, 0.5, 0.14)
    else:
        sheet.swept_roof(0, 0.9 + wall, half + 3, 5.6, roof, 0.5, 0.1)
        sheet.gable(0, 1.1 + wall, 3, 2.2, tone(roof, 0.88), wood)
    sheet.box(-0.9, 0.9, wall - 0.2, wall + 0.5, (44, 40, 38))
    sheet.letters(0, wall + 0.15, order.name[:2] + "寺", 0.55, (230, 196, 100))
    return sheet


def pagoda(order: Order) -> Elevation:
    """A pagoda of three or five storeys."""
    rng, wood, roof = order.rng, order.pick(WOODS), order.pick(ROOFS)
    tiers = int(rng.choice((3, 5, 5)))
    storey = float(rng.uniform(3.3, 4.0))
    sheet = Elevation(15, tiers * storey + 8)
    sheet.box(-5, 5, 0, 1, STONE)
    y = 1.0
    pale = order.pick(PALE)
    for tier in range(tiers):
        half = 3.5 - 0.34 * tier
        sheet.bays(-half, half, y, y + 0.62 * storey, 3, wood, pale)
        if tier:
            sheet.box(-half - 0.5, half + 0.5, y, y + 0.35, tone(wood, 0.8))
        sheet.swept_roof(0, y + 0.58 * storey, half + 2.9, 0.46 * storey, roof, 0.42, 0.34)
        y += storey
    sheet.post(0, y - 0.1, y + 6, 0.24, (120, 108, 72))
    for i in range(7):
        wide = 0.75 - 0.07 * i
        sheet.box(-wide, wide, y + 0.9 + 0.5 * i, y + 1.08 + 0.5 * i, (128, 114, 76))
    return sheet


def _stone_base(rng: np.random.Generator, sheet: Elevation, halves: tuple[float, float], base: float) -> None:
    """Draw the sloping base of a castle; ``halves`` are half its width at foot and head."""
    foot, head = halves
    sheet.shape(
        [
            (-foot, 0),
            (foot, 0),
            (head + 0.5, 0.6 * base),
            (head, base),
            (-head, base),
            (-head - 0.5, 0.6 * base),
        ],
        STONE,
    )
    for _ in range(150):
        y = float(rng.uniform(0, base - 0.5))
        reach = foot - (foot - head) * y / base
        x = float(rng.uniform(-reach, reach - 0.9))
        sheet.box(x, x + float(rng.uniform(0.5, 1.1)), y, y + 0.5, jittered(rng, STONE, 26))


def castle(order: Order) -> Elevation:
    """A keep on its stone base."""
    rng, roof = order.rng, order.pick(ROOFS)
    pale = order.pick(((240, 238, 230), (240, 238, 230), (58, 56, 58)), 6)
    tiers, base = int(rng.integers(3, 6)), float(rng.uniform(4, 7))
    storey = 3.9
    sheet = Elevation(27, base + tiers * storey + 4)
    foot, head = 12.5, 9.6
    _stone_base(rng, sheet, (foot, head), base)
    y = base
    for tier in range(tiers):
        half = (head - 0.6) * (1 - 0.15 * tier)
        sheet.box(-half, half, y, y + 0.66 * storey, pale)
        sheet.box(-half, half, y, y + 0.2 * storey, (62, 54, 48) if rng.random() < 0.5 else tone(pale, 0.9))
        sheet.box(-half, half, y + 0.55 * storey, y + 0.66 * storey, tone(pale, 0.7))
        count = max(3, int(half / 1.1))
        for i in range(count):
            x = -half + (i + 0.5) * 2 * half / count
            sheet.box(x - 0.28, x + 0.28, y + 0.26 * storey, y + 0.5 * storey, (54, 50, 48), (240, 200, 130))
        last = tier == tiers - 1
        sheet.swept_roof(
            0,
            y + 0.62 * storey,
            half + 1.5,
            (0.85 if last else 0.42) * storey,
            roof,
            0.55 if last else 0.84,
            0.2,
        )
        if tier % 2 == 0 or last:
            sheet.gable(0, y + 0.66 * storey, 0.34 * half + 0.8, 0.5 * storey, tone(roof, 0.82), pale)
        y += storey
    for side in (-1, 1):
        sheet.box(side * 2.6 - 0.25, side * 2.6 + 0.25, y + 0.4, y + 1.6, (196, 160, 60))
    return sheet
