"""Seals and library stamps: square, round and oval, in red or black, over blank paper or text.

Characters are either kanji pressed into seal form or invented ones of even, rounded strokes.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zuroku.datasets.sample.lettering import japanese_font, set_line
from zuroku.datasets.sample.noise import Field, fractal, smoothstep, to_tones
from zuroku.datasets.sample.style import BookStyle, Colour
from zuroku.datasets.sample.words import FAMILY_NAMES, NUMERALS, pick, running_text, seal_text

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_REDS: tuple[Colour, ...] = ((196, 50, 42), (178, 40, 52), (214, 84, 66), (160, 52, 48), (120, 40, 90))


def draw_seal(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw one seal filling most of ``size``; ``RGB`` where the book is in colour, else ``L``."""
    width, height = size
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    inset = rng.uniform(0.02, 0.12) * min(size)
    box = (inset, inset, width - inset, height - inset)
    kinds = (_square, _round, _oval, _column, _label)
    kinds[int(rng.choice(len(kinds), p=(0.62, 0.13, 0.08, 0.12, 0.05)))](rng, draw, box)
    if rng.random() < 0.5:
        mask = mask.rotate(float(rng.normal(0, 3)), Image.Resampling.BILINEAR)
    ink = _press(rng, mask)
    page = to_tones(_text_under(rng, size)) if rng.random() < 0.45 else np.ones((height, width), np.float32)
    if style.scan == "colour" and rng.random() < 0.85:
        red = _REDS[int(rng.integers(len(_REDS)))]
        bands = [page * (1 - ink * (1 - red[band] / 255)) for band in range(3)]
        return Image.fromarray((np.stack(bands, 2) * 255).astype(np.uint8))
    depth = rng.uniform(0.35, 0.8) if rng.random() < 0.35 else rng.uniform(0.85, 1)
    return Image.fromarray((page * (1 - depth * ink) * 255).astype(np.uint8))


def _press(rng: np.random.Generator, mask: Image.Image) -> Field:
    """Press the cut seal onto paper: rounded corners, ragged edges, patchy ink; ``(h, w)`` in [0, 1]."""
    size = mask.size
    soft = to_tones(mask.filter(ImageFilter.GaussianBlur(max(size) / rng.uniform(180, 380))))
    ragged = rng.uniform(0.02, 0.16)
    grain = rng.standard_normal((size[1], size[0]), np.float32)
    edge = soft + ragged * (fractal(rng, size, (50, 50), 0.7, 3) + 0.5 * grain)
    ink = smoothstep(np.asarray(edge, np.float32), 0.38, 0.62)
    if rng.random() < 0.6:
        ink = ink * smoothstep(fractal(rng, size, (5, 5), 0.75, 6), -3.2 + rng.uniform(0, 1.6), -0.6)
    return ink


def _text_under(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Print columns of the page that the seal was pressed on."""
    width, height = size
    page = Image.new("L", size, 255)
    draw = ImageDraw.Draw(page)
    em = max(size) * rng.uniform(0.05, 0.13)
    pitch = em * rng.uniform(1.3, 2.4)
    first = width - em * rng.uniform(0.2, 2)
    tone = int(rng.integers(0, 90))
    for x in np.arange(first, first - rng.uniform(0.5, 1.1) * width, -pitch):
        top = rng.uniform(-0.1, 0.5) * height if rng.random() < 0.4 else -0.5 * em
        line = running_text(rng, int((height - top) / em) + 1)
        set_line(draw, (float(x), top), line, em, tone, vertical=True)
    return page


def _square(rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Cut a square seal of four to nine characters, raised (red strokes) or sunk (red ground)."""
    side = min(box[2] - box[0], box[3] - box[1])
    border = side * rng.uniform(0.012, 0.035)
    sunk = rng.random() < 0.12
    if sunk:
        draw.rectangle(box, fill=255)
    else:
        radius = side * rng.uniform(0, 0.07)
        draw.rounded_rectangle(box, radius, outline=255, width=round(border * rng.choice((1, 1, 1.8))))
        if rng.random() < 0.4:
            draw.rounded_rectangle(
                _shrink(box, 2.4 * border), radius, outline=255, width=max(1, round(0.5 * border))
            )
    columns, rows = ((2, 2), (2, 2), (2, 3), (3, 2), (3, 3), (3, 3), (1, 2), (3, 4))[int(rng.integers(8))]
    _characters(rng, draw, _shrink(box, 3.6 * border), (columns, rows), 0 if sunk else 255)


def _shrink(box: Box, by: float) -> Box:
    return box[0] + by, box[1] + by, box[2] - by, box[3] - by


def _characters(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box, grid: tuple[int, int], tone: int
) -> None:
    """Fill ``box`` with characters in ``grid`` = (columns, rows), read down and from the right."""
    columns, rows = grid
    wide, high = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
    invented = rng.random() < 0.6
    weight = min(wide, high) * rng.uniform(0.06, 0.1)
    for i, letter in enumerate(seal_text(rng, columns * rows)):
        x, y = box[0] + (columns - 1 - i // rows) * wide, box[1] + i % rows * high
        cell = _shrink((x, y, x + wide, y + high), 0.045 * min(wide, high))
        if invented:
            _invented_glyph(rng, draw, cell, max(1.5, weight), tone)
        else:
            _pressed_glyph(draw, cell, letter, weight, tone)


def _pressed_glyph(draw: ImageDraw.ImageDraw, cell: Box, letter: str, weight: float, tone: int) -> None:
    """Stretch a printed kanji to fill ``cell``, with strokes about ``weight`` pixels wide."""
    font = japanese_font(96)
    glyph = Image.new("L", (110, 110), 0)
    ImageDraw.Draw(glyph).text((7, -14), letter, fill=255, font=font, stroke_width=round(weight / 12))
    cut = glyph.crop(glyph.getbbox() or (0, 0, 110, 110))
    left, top, right, bottom = (round(edge) for edge in cell)
    cut = cut.resize((max(8, right - left), max(8, bottom - top)), Image.Resampling.BILINEAR)
    draw.bitmap((left, top), cut, fill=tone)


def _invented_glyph(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, cell: Box, weight: float, tone: int
) -> None:
    """Draw a character that only looks like seal script: parts side by side or stacked."""
    left, top, right, bottom = cell
    wide, high = right - left, bottom - top
    if wide > 9 * weight and rng.random() < 0.55:
        cut = left + wide * rng.uniform(0.38, 0.62)
        _invented_glyph(rng, draw, (left, top, cut - weight, bottom), weight, tone)
        _invented_glyph(rng, draw, (cut + weight, top, right, bottom), weight, tone)
    elif high > 7 * weight and rng.random() < 0.9:
        cut = top + high * rng.uniform(0.3, 0.65)
        _invented_glyph(rng, draw, (left, top, right, cut - 0.8 * weight), weight, tone)
        _invented_glyph(rng, draw, (left, cut + 0.8 * weight, right, bottom), weight, tone)
    else:
        _part(rng, draw, cell, weight, tone)


def _part(rng: np.random.Generator, draw: ImageDraw.ImageDraw, cell: Box, weight: float, tone: int) -> None:
    """Draw one part of an invented character: a box, an arch, a vessel, bars or a comb."""
    left, top, right, bottom = cell
    middle, waist = (left + right) / 2, (top + bottom) / 2
    pen = max(1, round(weight))
    motif = int(rng.integers(6))
    radius = min(right - left, bottom - top) * 0.35
    if motif == 0:
        draw.rounded_rectangle(cell, radius, outline=tone, width=pen)
        draw.line((left, waist, right, waist), tone, pen)
    elif motif in (1, 2):
        # An arch, open below; as a vessel, open above.
        start, shift = (180, 0) if motif == 1 else (0, -(bottom - top))
        draw.arc((left, top + shift, right, 2 * bottom - top + shift), start, start + 180, tone, pen)
        draw.line((middle, top, middle, bottom), tone, pen)
    elif motif == 3:
        for y in np.linspace(top, bottom, 3):
            draw.line((left, y, right, y), tone, pen)
        draw.line((middle, top, middle, bottom), tone, pen)
    elif motif == 4:
        for x in np.linspace(left, right, 3):
            draw.line((x, top, x, bottom), tone, pen)
        draw.line((left, waist, right, waist), tone, pen)
    else:
        path = [(left, top), (right, top), (right, waist), (left, waist), (left, bottom), (right, bottom)]
        draw.line(path, tone, pen, joint="curve")


def _round(rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Cut a round stamp: a ring of letters about a date or a short name."""
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    radius = min(box[2] - box[0], box[3] - box[1]) / 2
    outer = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    pen = max(2, round(radius * rng.uniform(0.015, 0.05)))
    draw.ellipse(outer, outline=255, width=pen)
    inner = radius * rng.uniform(0.52, 0.66)
    if rng.random() < 0.7:
        draw.ellipse(_shrink(outer, radius - inner), outline=255, width=max(1, pen // 2))
    _ring(rng, draw, middle, (radius + inner) / 2, (radius - inner) * 0.6)
    if rng.random() < 0.6:
        date = f"{int(rng.integers(1, 45))}.{int(rng.integers(1, 13))}.{int(rng.integers(1, 29))}"
        em = inner * 0.42
        set_line(draw, (middle[0] - 0.26 * em * len(date), middle[1] - 0.7 * em), date, em, 255)
        for y in (-0.75 * em, 0.75 * em):
            draw.line(
                (middle[0] - inner, middle[1] + y, middle[0] + inner, middle[1] + y), 255, max(1, pen // 2)
            )
    else:
        half = inner * 0.62
        inside = (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)
        _characters(rng, draw, inside, (int(rng.integers(1, 3)), 2), 255)


def _ring(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    middle: tuple[float, float],
    radius: float,
    em: float,
    flat: float = 1.0,
) -> None:
    """Set letters around ``middle``, upright towards the rim; ``flat`` squeezes the circle."""
    text = seal_text(rng, int(rng.integers(7, 17))) if rng.random() < 0.7 else "IMPERIAL LIBRARY TOKIO "
    font = japanese_font(max(8, round(em)))
    side = round(em * 1.5)
    for i, letter in enumerate(text):
        angle = 2 * np.pi * i / len(text) - np.pi / 2
        glyph = Image.new("L", (side, side), 0)
        ImageDraw.Draw(glyph).text(
            (side / 2, side / 2), letter, fill=255, font=font, anchor="mm", stroke_width=1
        )
        glyph = glyph.rotate(-90 - float(np.degrees(angle)), Image.Resampling.BILINEAR)
        x = middle[0] + np.cos(angle) * radius - side / 2
        y = middle[1] + np.sin(angle) * radius * flat - side / 2
        draw.bitmap((x, y), glyph, fill=255)


def _oval(rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Cut an oval ownership stamp."""
    width, height = box[2] - box[0], box[3] - box[1]
    flat = rng.uniform(0.55, 0.75)
    lying = (box[0], box[1] + height * (1 - flat) / 2, box[2], box[3] - height * (1 - flat) / 2)
    pen = max(2, round(width * 0.012))
    draw.ellipse(lying, outline=255, width=pen)
    draw.ellipse(_shrink(lying, 3 * pen), outline=255, width=max(1, pen // 2))
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    _ring(rng, draw, middle, width * 0.39, width * 0.085, flat=flat * 0.98)
    em = width * 0.13
    name = pick(rng, FAMILY_NAMES) + rng.choice(("蔵書", "文庫", "図書", "氏蔵"))
    set_line(draw, (middle[0] - 0.5 * em * len(name), middle[1] - 0.75 * em), name, em, 255)


def _column(rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Cut a narrow seal of one or two columns."""
    wide, high = box[2] - box[0], box[3] - box[1]
    columns = int(rng.integers(1, 3))
    half = min(wide / 2, high * columns * rng.uniform(0.11, 0.17))
    middle = (box[0] + box[2]) / 2
    strip = (middle - half, box[1], middle + half, box[3])
    border = wide * rng.uniform(0.008, 0.022)
    draw.rectangle(strip, outline=255, width=max(2, round(border)))
    rows = int(rng.integers(4, 7))
    _characters(rng, draw, _shrink(strip, 3 * border), (columns, rows), 255)


def _label(rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Print a shelf label: ruled fields with numbers, under a library's name."""
    wide, high = box[2] - box[0], box[3] - box[1]
    pen = max(2, round(wide * 0.01))
    draw.rectangle(box, outline=255, width=pen)
    draw.rectangle(_shrink(box, 3 * pen), outline=255, width=max(1, pen // 2))
    em = wide / 7
    name = seal_text(rng, 3) + "図書館"
    set_line(draw, (box[0] + 0.5 * em, box[1] + 0.4 * em), name, em, 255)
    for row in range(3):
        y = box[1] + high * (0.3 + 0.22 * row)
        draw.line((box[0] + 3 * pen, y, box[2] - 3 * pen, y), 255, pen)
        entry = (
            rng.choice(("函", "架", "号", "冊"))
            + "　"
            + NUMERALS[int(rng.integers(9))]
            + str(rng.integers(1, 999))
        )
        set_line(draw, (box[0] + em, y + 0.2 * em), entry, em * 0.8, 255)
