"""Photographs of things before a backdrop: vessels, sculpture, tools, coins, blades, boxes, scrolls.

A thing is a height field, lit from one side; turned vessels get theirs from a profile, all others
from a silhouette blown up like a cushion.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import distance_transform_edt

from zuroku.datasets.sample.noise import Field, fractal, resize_field, smoothstep, to_image, to_tones
from zuroku.datasets.sample.strokes import Points, ellipse, points, rectangle, spline
from zuroku.datasets.sample.style import BookStyle

Mask = Image.Image
_SIDE = 220
"""Things are modelled on a square of this many pixels, then scaled onto the photograph."""


def draw_object(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Photograph one to three things of a kind before a backdrop of ``size`` = (width, height), in grey."""
    canvas = _backdrop(rng, size)
    makers: tuple[Callable[[np.random.Generator], tuple[Field, Field]], ...]
    makers = (vessel, vessel, _sculpture, _tool, _disc, _box, _panel, _mask_or_helmet)
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
    rng: np.random.Generator,
    canvas: Field,
    thing: tuple[Field, Field],
    at: tuple[float, float],
    scale: float,
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


def light_relief(rng: np.random.Generator, height: Field, albedo: Field | float, gloss: float) -> Field:
    """Light a height field (pixels, ``(h, w)``) from above left: diffuse light and a highlight."""
    down, across = np.gradient(height)
    scale = 1 / np.sqrt(1 + across**2 + down**2)
    side = rng.uniform(-0.7, 0.7)
    lx, ly, lz = side, -rng.uniform(0.2, 0.6), rng.uniform(0.5, 0.9)
    norm = float(np.sqrt(lx**2 + ly**2 + lz**2))
    facing = np.clip((-across * lx - down * ly + lz) * scale / norm, 0, 1)
    # The half vector between light and viewer places the highlight.
    hx, hy, hz = lx / norm, ly / norm, lz / norm + 1
    shine = np.clip((-across * hx - down * hy + hz) * scale / float(np.sqrt(hx**2 + hy**2 + hz**2)), 0, 1)
    ambient = rng.uniform(0.1, 0.35)
    return np.asarray(albedo * (ambient + (1.1 - ambient) * facing) + gloss * shine**40, np.float32)


def vessel(rng: np.random.Generator) -> tuple[Field, Field]:
    """Turn a vase, jar, bowl, bottle or ewer; return tones and mask, ``(side, side)``."""
    rows = np.arange(_SIDE, dtype=np.float32)
    squat = rng.random() < 0.3
    top, bottom = (60, 160) if squat else (14, 206)
    knots = int(rng.integers(4, 7))
    radii = rng.uniform(0.28, 1.0, knots)
    radii[-1] = max(radii[-1] * 0.7, 0.3)
    if rng.random() < 0.5:
        radii[int(rng.integers(0, 2))] = rng.uniform(0.15, 0.4)
    profile = spline(np.stack([np.linspace(top, bottom, knots), radii], 1), per_span=16)
    radius = np.interp(rows, profile[:, 0], profile[:, 1]).astype(np.float32) * (
        90 if squat else rng.uniform(50, 95)
    )
    radius = np.where((rows >= top) & (rows <= bottom), np.maximum(radius, 4), 0)
    x = rows - _SIDE / 2
    bow = np.clip(1 - (x[None] / np.maximum(radius[:, None], 0.5)) ** 2, 0, 1)
    mask = np.clip(radius[:, None] - np.abs(x[None]) + 0.5, 0, 1)
    height = np.sqrt(bow) * radius[:, None]
    around = np.arcsin(np.clip(x[None] / np.maximum(radius[:, None], 0.5), -1, 1))
    glaze = _glaze(rng, around.astype(np.float32), rows[:, None] / _SIDE)
    tones = light_relief(rng, height.astype(np.float32), glaze, rng.uniform(0, 0.6))
    tones *= 0.55 + 0.45 * np.sqrt(np.clip(bow * 2.5, 0, 1))
    mask = mask.astype(np.float32)
    image, cover = to_image(tones), to_image(mask)
    _mouth_and_handles(rng, image, cover, radius, top, bottom)
    return to_tones(image), to_tones(cover)


def _glaze(rng: np.random.Generator, around: Field, down: Field) -> Field:
    """Paint a vessel: ``around`` (radians) and ``down`` (0–1) locate each point; returns its albedo."""
    base = rng.uniform(0.25, 0.9)
    albedo = base + 0.06 * fractal(rng, (_SIDE, _SIDE), (9, 9), 0.7, 5)
    ink = 0.12 if base > 0.45 else 0.85
    kind = int(rng.integers(6))
    if kind == 0:
        albedo = np.where(np.sin(down * rng.uniform(25, 110)) > rng.uniform(0.2, 0.9), ink, albedo)
    elif kind == 1:
        # Scales of waves: arcs in staggered rows.
        v = down * rng.uniform(12, 22)
        u = around * rng.uniform(3, 6) + 0.5 * np.floor(v)
        arcs = np.hypot(u - np.round(u), v - np.floor(v) - 1)
        albedo = np.where(np.sin(arcs * 26) > 0.1, ink, albedo)
    elif kind == 2:
        flowers = fractal(rng, (_SIDE, _SIDE), (9, 9), 0.5, 3)
        albedo = np.where((np.abs(flowers) < 0.16) | (flowers > 1.5), ink, albedo)
    elif kind == 3:
        albedo = albedo * (1 - 0.45 * (down > rng.uniform(0.3, 0.7) + 0.05 * np.sin(3 * around)))
    elif kind == 4:
        albedo = np.where(
            np.sin(around * rng.uniform(8, 24) + down * rng.uniform(-30, 30)) > 0.6, ink, albedo
        )
    return np.asarray(albedo, np.float32)


def _mouth_and_handles(
    rng: np.random.Generator, image: Mask, cover: Mask, radius: Field, top: int, bottom: int
) -> None:
    """Open the vessel's mouth; at times add a handle, a spout or ears, on tones and cover alike."""
    middle, lip = _SIDE / 2, float(radius[top + 1])
    rim = (middle - lip, top - 0.18 * lip, middle + lip, top + 0.18 * lip)
    draw, shape = ImageDraw.Draw(image), ImageDraw.Draw(cover)
    shape.ellipse(rim, fill=255)
    draw.ellipse(rim, fill=int(rng.integers(15, 60)), outline=190, width=2)
    if rng.random() < 0.45:
        thick = int(rng.integers(6, 13))
        y0, y1 = top + 0.12 * (bottom - top), top + 0.6 * (bottom - top)
        for side in (-1, 1) if rng.random() < 0.4 else (1,):
            reach = middle + side * (radius[int(y0)] + rng.uniform(22, 42))
            knots = points(
                (middle + side * radius[int(y0)] * 0.9, y0),
                (reach, y0 + 4),
                (reach, (y0 + y1) / 2),
                (middle + side * radius[int(y1)] * 0.9, y1),
            )
            _tube(draw, shape, spline(knots), thick)
        if rng.random() < 0.6:
            belly = middle - radius[int(y1)] * 0.9
            knots = points((belly, y1), (belly - 30, y1 - 20), (max(8.0, belly - 48), top + 10))
            _tube(draw, shape, spline(knots), thick)


def _tube(draw: ImageDraw.ImageDraw, shape: ImageDraw.ImageDraw, path: Points, thick: int) -> None:
    """Draw a round rod along ``path``: dark below, lit along its upper edge."""
    flat = path.ravel().tolist()
    shape.line(flat, 255, thick, joint="curve")
    draw.line(flat, 55, thick, joint="curve")
    draw.line((path - (1.2, 1.2)).ravel().tolist(), 120, max(2, thick // 2), joint="curve")
    draw.line((path - (2, 2)).ravel().tolist(), 200, max(1, thick // 5), joint="curve")


def cushion(rng: np.random.Generator, mask: Mask, roundness_px: float, carving: float) -> Field:
    """Blow up a silhouette (``L``): height in pixels, round towards its edges, carved by noise."""
    inside = np.asarray(mask) > 127
    depth = np.minimum(distance_transform_edt(inside), roundness_px)
    height = np.sqrt(np.maximum(0, roundness_px**2 - (roundness_px - depth) ** 2))
    texture = fractal(rng, mask.size, (10, 10), 0.65, 5)
    return np.asarray(height + carving * texture, np.float32)


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
    """Carve a seated or standing figure, or a bust, on a pedestal."""
    mask, draw = _blank()
    seated = rng.random() < 0.5
    cx, head = 110.0, rng.uniform(13, 19)
    _draw_shape(draw, ellipse(cx, 32, head * 0.85, head))
    _draw_shape(draw, ellipse(cx, 32 - head, head * 0.5, head * 0.5))
    wide = rng.uniform(26, 40)
    if seated:
        _draw_shape(
            draw,
            spline(
                points(
                    (cx - 10, 44),
                    (cx - wide, 62),
                    (cx - wide, 120),
                    (cx + wide, 120),
                    (cx + wide, 62),
                    (cx + 10, 44),
                ),
                closed=True,
            ),
        )
        _draw_shape(draw, ellipse(cx, 140, wide * 1.9, 24))
    else:
        knots = ((cx - 8, 44), (cx - wide, 62), (cx - wide * 0.8, 120), (cx - wide, 182), (cx + wide, 182))
        _draw_shape(
            draw, spline(points(*knots, (cx + wide * 0.8, 120), (cx + wide, 62), (cx + 8, 44)), closed=True)
        )
        for side in (-1, 1):
            arm = (
                (cx + side * wide, 64),
                (cx + side * wide * rng.uniform(1.1, 1.6), 95),
                (cx + side * 20, rng.uniform(90, 130)),
            )
            draw.line(spline(points(*arm)).ravel().tolist(), 255, 14, joint="curve")
    base = 160 if seated else 178
    for i in range(int(rng.integers(1, 4))):
        half = wide * (1.5 - 0.15 * i)
        draw.rectangle((cx - half, base + 12 * i, cx + half, base + 10 + 12 * i), fill=255)
    tones, cover = _solid(
        rng, mask, rng.uniform(14, 26), rng.uniform(0.8, 2.4), rng.uniform(0.25, 0.85), rng.uniform(0, 0.4)
    )
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


def _disc(rng: np.random.Generator) -> tuple[Field, Field]:
    """Cast a coin, mirror, roof tile end or sword guard: a flat disc with rings and relief."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) - _SIDE / 2
    r, angle = np.hypot(x, y) / 98, np.arctan2(y, x)
    petals = int(rng.integers(4, 17))
    height = 3 * smoothstep(r, 0.86, 0.9) + 2.5 * np.exp(-(((r - rng.uniform(0.45, 0.7)) / 0.03) ** 2))
    height += 2.2 * smoothstep(np.cos(angle * petals) - 6 * np.abs(r - 0.35), -0.4, 0.5)
    height += 9 * np.sqrt(np.clip(1 - (r / 0.14) ** 2, 0, 1))
    height += rng.uniform(0.5, 1.6) * fractal(rng, (_SIDE, _SIDE), (14, 14), 0.7, 4)
    mask = smoothstep(1 - r, 0, 0.02)
    if rng.random() < 0.35:
        mask = mask * smoothstep(np.maximum(np.abs(x), np.abs(y)), 14, 17)
    height -= 4 * smoothstep(r, 0.96, 1)
    return light_relief(rng, height, rng.uniform(0.2, 0.75), rng.uniform(0, 0.4)), mask


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


def _panel(rng: np.random.Generator) -> tuple[Field, Field]:
    """Hang a scroll, textile, inscription or relief: something flat with a pattern."""
    half = rng.uniform(40, 85)
    image, cover = (
        Image.new("L", (_SIDE, _SIDE), int(rng.integers(120, 215))),
        Image.new("L", (_SIDE, _SIDE), 0),
    )
    draw = ImageDraw.Draw(image)
    box = (110 - half, 12, 110 + half, 208)
    ImageDraw.Draw(cover).rectangle(box, fill=255)
    kind = int(rng.integers(3))
    if kind == 0:
        draw.rectangle((110 - 0.75 * half, 44, 110 + 0.75 * half, 170), fill=int(rng.integers(190, 245)))
        for _ in range(int(rng.integers(4, 12))):
            knots = np.cumsum(rng.normal(0, 16, (5, 2)), 0) + (110 + rng.normal(0, 8), rng.uniform(70, 140))
            draw.line(spline(knots).ravel().tolist(), int(rng.integers(20, 120)), int(rng.integers(1, 6)))
    elif kind == 1:
        pitch = rng.uniform(12, 34)
        for row, y in enumerate(np.arange(12, 208, pitch)):
            for x in np.arange(110 - half + pitch * 0.5 * (row % 2), 110 + half, pitch):
                draw.ellipse((x, y, x + 0.7 * pitch, y + 0.7 * pitch), outline=40, width=2)
                draw.ellipse((x + 0.2 * pitch, y + 0.2 * pitch, x + 0.5 * pitch, y + 0.5 * pitch), fill=60)
    relief = fractal(rng, (_SIDE, _SIDE), (12, 12), 0.65, 5) * (3.0 if kind == 2 else 0.5)
    return light_relief(rng, relief, to_tones(image), 0.0), to_tones(cover)


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
