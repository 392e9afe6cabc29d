"""Photographs of things before a backdrop: vessels, sculpture, tools, coins, blades, boxes, scrolls.

A thing is a height field, lit from one side; turned vessels get theirs from a profile, all others
from a silhouette blown up like a cushion.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zuroku.datasets.sample.noise import Field, fractal, resize_field, to_image, to_tones
from zuroku.datasets.sample.panels import cast_disc, hang_panel
from zuroku.datasets.sample.relief import cushion, light_relief
from zuroku.datasets.sample.strokes import Points, ellipse, place, points, spline
from zuroku.datasets.sample.style import BookStyle
from zuroku.datasets.sample.vessels import vessel

Mask = Image.Image
_SIDE = 220
"""Things are modelled on a square of this many pixels, then scaled onto the photograph."""


def draw_object(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Photograph one to three things of a kind before a backdrop of ``size`` = (width, height), in grey."""
    canvas = _backdrop(rng, size)
    makers: tuple[Callable[[np.random.Generator], tuple[Field, Field]], ...]
    makers = (vessel, vessel, _sculpture, _tool, cast_disc, _box, hang_panel, _mask_or_helmet)
    maker = makers[int(rng.integers(len(makers)))]
    width, height = size
    several = rng.random() < 0.3
    count = int(rng.integers(2, 4)) if several else 1
    flip = size[0] < size[1]
    for i in range(count):
        tones, mask = maker(rng)
        across, down = _extent(mask)
        room = (width * 0.9, height * 0.9 / count) if flip else (width * 0.9 / count, height * 0.9)
        scale = min(room[0] / across, room[1] / down) * rng.uniform(0.8, 1.0)
        middle = (i + 0.5) / count
        at = (0.5 * width, middle * height) if flip else (middle * width, 0.5 * height)
        _set_down(rng, canvas, (tones, mask), at, scale)
    image = to_image(canvas)
    return image.filter(ImageFilter.GaussianBlur(0.4 + 0.4 * style.blur_px))


def _extent(mask: Field) -> tuple[int, int]:
    return int((mask.max(0) > 0.5).sum()) + 1, int((mask.max(1) > 0.5).sum()) + 1


def _backdrop(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """Return a studio backdrop: cloth or wall, at times a table's edge."""
    width, height = size
    kind = rng.random()
    tone = (
        rng.uniform(0.72, 0.95)
        if kind < 0.55
        else rng.uniform(0.04, 0.2)
        if kind < 0.75
        else rng.uniform(0.3, 0.65)
    )
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    field = tone * (
        1 - rng.uniform(0, 0.2) * (x - rng.uniform(-0.7, 0.7)) ** 2 + rng.uniform(-0.15, 0.15) * y
    )
    field = field + rng.uniform(0, 0.035) * fractal(rng, size, (5, 5), 0.7, 4)
    if rng.random() < 0.35:
        edge = rng.uniform(0.3, 0.75)
        field = np.where(y > edge, field * rng.uniform(0.6, 1.3) + rng.uniform(-0.08, 0.08), field)
    return np.asarray(field, np.float32)


def _set_down(
    rng: np.random.Generator, canvas: Field, thing: tuple[Field, Field], at: tuple[float, float], scale: float
) -> None:
    """Scale ``thing`` (tones and mask) and lay it, with its soft shadow, centred ``at`` x, y pixels."""
    side = max(24, round(_SIDE * scale))
    mask = resize_field(thing[1], (side, side))
    tones = resize_field(thing[0], (side, side))
    rows, columns = np.nonzero(mask > 0.5)
    left = round(at[0] - (columns.min() + columns.max()) / 2)
    top = round(at[1] - (rows.min() + rows.max()) / 2)
    blurred = to_image(mask).filter(ImageFilter.GaussianBlur(side * rng.uniform(0.015, 0.06)))
    drop = (round(side * rng.uniform(0.01, 0.08)), round(side * rng.uniform(0, 0.04)))
    _blend(canvas, to_tones(blurred) * rng.uniform(0.2, 0.75), 0.06, (left + drop[0], top + drop[1]))
    _blend(canvas, mask, tones, (left, top))


def _blend(canvas: Field, mask: Field, tones: Field | float, corner: tuple[int, int]) -> None:
    """Blend ``tones`` through ``mask`` with the top left corner at ``corner``, cut to the canvas."""
    left, top = corner
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas.shape[1], left + mask.shape[1]), min(canvas.shape[0], top + mask.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    window = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    part = canvas[y0:y1, x0:x1]
    part += mask[window] * ((tones if isinstance(tones, float) else tones[window]) - part)


def _solid(
    rng: np.random.Generator, mask: Mask, roundness: float, carving: float, albedo: float, gloss: float
) -> tuple[Field, Field]:
    height = cushion(rng, mask, roundness, carving)
    speckle = albedo * (1 + 0.12 * fractal(rng, mask.size, (16, 16), 0.8, 4))
    return light_relief(rng, height, np.asarray(speckle, np.float32), gloss), to_tones(mask)


def _blank() -> tuple[Mask, ImageDraw.ImageDraw]:
    mask = Image.new("L", (_SIDE, _SIDE), 0)
    return mask, ImageDraw.Draw(mask)


def _draw_shape(draw: ImageDraw.ImageDraw, shape: Points, tone: int = 255) -> None:
    draw.polygon(shape.ravel().tolist(), fill=tone)


def _sculpture(rng: np.random.Generator) -> tuple[Field, Field]:
    """Carve a seated or standing figure on a pedestal."""
    mask, draw = _blank()
    seated = rng.random() < 0.5
    cx, head = 110.0, rng.uniform(13, 19)
    _draw_shape(draw, ellipse(cx, 32, head * 0.85, head))
    _draw_shape(draw, ellipse(cx, 32 - head, head * 0.5, head * 0.5))
    wide = rng.uniform(26, 40)
    hip, foot = (0.95, 120) if seated else (1.0, 182)
    flank = points((8, 44), (wide, 62), (0.8 * wide, 0.5 * (62 + foot)), (hip * wide, foot))
    trunk = np.concatenate([flank, (flank * (-1, 1))[::-1]])
    _draw_shape(draw, spline(place(trunk, cx, 0), closed=True))
    if seated:
        _draw_shape(draw, ellipse(cx, 140, wide * 1.9, 24))
    else:
        for side in (-1, 1):
            elbow = (cx + side * wide * rng.uniform(1.1, 1.6), 95)
            arm = points((cx + side * wide, 64), elbow, (cx + side * 20, rng.uniform(90, 130)))
            draw.line(spline(arm).ravel().tolist(), 255, 14, joint="curve")
    base = 160 if seated else 178
    for i in range(int(rng.integers(1, 4))):
        half = wide * (1.5 - 0.15 * i)
        draw.rectangle((cx - half, base + 12 * i, cx + half, base + 10 + 12 * i), fill=255)
    roundness, carving = rng.uniform(14, 26), rng.uniform(0.8, 2.4)
    tones, cover = _solid(rng, mask, roundness, carving, rng.uniform(0.25, 0.85), rng.uniform(0, 0.4))
    image = to_image(tones)
    _features(rng, ImageDraw.Draw(image), (cx, 32), head, wide)
    return to_tones(image), cover


def _features(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, face: tuple[float, float], head: float, wide: float
) -> None:
    """Cut eyes, mouth and the folds of a robe into a sculpture."""
    x, y = face
    for side in (-1, 1):
        draw.arc((x + side * 0.4 * head - 3, y - 2, x + side * 0.4 * head + 3, y + 3), 0, 180, 25, 1)
    draw.line((x - 3, y + 0.5 * head, x + 3, y + 0.5 * head), 40, 1)
    draw.line((x, y, x - 1, y + 0.3 * head), 50, 1)
    for i in range(int(rng.integers(4, 9))):
        drop = 14 + 13 * i
        fold = spline(
            points(
                (x - wide * 0.8, y + drop),
                (x + rng.uniform(-8, 8), y + drop + 18),
                (x + wide * 0.8, y + drop),
            )
        )
        draw.line(fold.ravel().tolist(), int(rng.integers(20, 70)), 1)


def _tool(rng: np.random.Generator) -> tuple[Field, Field]:
    """Lay out a sword, spear, axe, spoon, pipe or comb-like implement."""
    mask, draw = _blank()
    kind = int(rng.integers(4))
    bend = rng.uniform(-22, 22)
    spine = spline(points((110, 8), (110 + bend, 90), (110, 212)), per_span=20)
    thick = rng.uniform(4, 12)
    draw.line(spine.ravel().tolist(), 255, round(thick), joint="curve")
    if kind == 0:
        draw.rectangle((92, 148, 128, 154), fill=255)
        draw.line((110, 150, 110, 212), 255, round(thick * 1.5))
    elif kind == 1:
        _draw_shape(draw, ellipse(110, 34, rng.uniform(16, 40), rng.uniform(20, 32)))
    elif kind == 2:
        blade = ((104, 20), (150, 8), (168, 36), (150, 66), (104, 56))
        _draw_shape(draw, spline(points(*blade), closed=True))
    else:
        for i in range(int(rng.integers(3, 8))):
            x = 76 + 10 * i
            draw.line((x, 10, x, 70), 255, 5)
        draw.rectangle((74, 60, 150, 74), fill=255)
    mask = mask.rotate(float(rng.uniform(-80, 80)), Image.Resampling.BILINEAR)
    return _solid(rng, mask, rng.uniform(4, 10), 0.6, rng.uniform(0.2, 0.8), rng.uniform(0, 0.7))


def _box(rng: np.random.Generator) -> tuple[Field, Field]:
    """Build a chest, table or cabinet, seen from a corner, with its fittings."""
    image, cover = Image.new("L", (_SIDE, _SIDE), 0), Image.new("L", (_SIDE, _SIDE), 0)
    draw, shape = ImageDraw.Draw(image), ImageDraw.Draw(cover)
    wide, tall, deep = rng.uniform(90, 140), rng.uniform(50, 120), rng.uniform(20, 60)
    x, y = (200 - wide - deep) / 2 + 10, 205.0 - tall
    lift = deep * rng.uniform(0.3, 0.7)
    base = rng.uniform(60, 190)
    front = [(x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall)]
    side = [
        (x + wide, y),
        (x + wide + deep, y - lift),
        (x + wide + deep, y + tall - lift),
        (x + wide, y + tall),
    ]
    lid = [(x, y), (x + deep, y - lift), (x + wide + deep, y - lift), (x + wide, y)]
    for face, light in ((front, 0.85), (side, 0.45), (lid, 1.2)):
        draw.polygon(face, fill=int(min(250, base * light)), outline=20)
        shape.polygon(face, fill=255)
    if rng.random() < 0.35:
        # A table: the space under the board is open.
        shape.rectangle((x + 9, y + 16, x + wide - 9, y + tall + 2), fill=0)
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    for i in range(rows):
        for j in range(columns):
            left, top = x + wide * j / columns + 3, y + tall * i / rows + 3
            draw.rectangle((left, top, left + wide / columns - 6, top + tall / rows - 6), outline=30)
            knob = (left + wide / columns / 2 - 3, top + tall / rows / 2 - 3)
            draw.ellipse(
                (knob[0] - 3, knob[1] - 3, knob[0] + 4, knob[1] + 4), fill=int(rng.choice((25, 220)))
            )
    wood = 1 + 0.12 * fractal(rng, (_SIDE, _SIDE), (3, 40), 0.7, 4)
    return np.asarray(to_tones(image) * wood, np.float32), to_tones(cover)


def _mask_or_helmet(rng: np.random.Generator) -> tuple[Field, Field]:
    """Model a theatre mask or a helmet."""
    mask, draw = _blank()
    helmet = rng.random() < 0.5
    brow = rng.uniform(60, 80)
    if helmet:
        _draw_shape(draw, spline(points((40, 120), (60, 50), (110, 28), (160, 50), (180, 120)), closed=True))
        _draw_shape(draw, points((36, 118), (184, 118), (206, 172), (14, 172)))
        for side in (-1, 1):
            horn = ((110 + side * 8, 70), (110 + side * 50, 40), (110 + side * 44, 8))
            draw.line(spline(points(*horn)).ravel().tolist(), 255, 9, joint="curve")
    else:
        _draw_shape(
            draw,
            spline(points((52, 60), (110, 18), (168, 60), (160, 140), (110, 204), (60, 140)), closed=True),
        )
    tones, cover = _solid(
        rng, mask, rng.uniform(35, 60), rng.uniform(0.5, 2.0), rng.uniform(0.3, 0.9), rng.uniform(0, 0.5)
    )
    image = to_image(tones)
    draw = ImageDraw.Draw(image)
    if helmet:
        for y in range(122, 172, 9):
            draw.line((16, y, 204, y), 25, 2)
        for x in np.linspace(-60, 60, 9):
            draw.line((110, 30, 110 + x, 118), 40, 1)
    else:
        for side in (-1, 1):
            eye = 110 + side * 26
            draw.ellipse((eye - 12, brow + 20, eye + 12, brow + 30), fill=12)
            draw.arc((eye - 18, brow - 2, eye + 18, brow + 24), 190, 350, 30, 4)
        draw.polygon([(110, brow + 30), (100, brow + 62), (120, brow + 62)], outline=70)
        draw.ellipse((88, brow + 76, 132, brow + 76 + rng.uniform(8, 24)), fill=15)
    return to_tones(image), cover
