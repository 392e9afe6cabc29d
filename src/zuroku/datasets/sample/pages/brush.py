"""Brush writing: letters of the font made cursive, joined up and inked by a brush.

No font of the running hand is at hand. A column is written large: its letters are squeezed and
stretched, joined by thin links, bent on a mesh, and inked with a living pressure.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zuroku.datasets.sample.noise import ridge_line, smoothstep, to_image, to_tones
from zuroku.datasets.sample.pages.glyphs import Glyph, cut_glyph
from zuroku.datasets.sample.pages.sheet import Sheet, ink_box
from zuroku.datasets.sample.strokes import Box, points, spline

_SCALE = 2
_TALL = frozenset("しりくけもうそらへるとのてをにはかよれ")


@dataclass(frozen=True)
class Hand:
    """How a writer writes: ``em_px`` per kanji, shares in [0, 1].

    ``cursive`` is how far letters bend, and how often they join.
    """

    em_px: int
    cursive: float
    weight: float
    lean: float


def write_column(
    sheet: Sheet, rng: np.random.Generator, hand: Hand, xy: tuple[float, float], text: str, room_px: float
) -> tuple[Box, int] | None:
    """Write ``text`` downwards from ``xy`` (upper left) until ``room_px`` is full.

    Returns the box of the ink and how many letters found room; None where there is not even one.
    """
    em = hand.em_px * _SCALE
    pad = em // 2
    strip = Image.new("L", (2 * em, round(room_px * _SCALE) + 2 * pad), 0)
    written, end = _letters(rng, hand, strip, text, pad)
    if not written:
        return None
    strip = strip.crop((0, 0, strip.width, min(strip.height, end + pad)))
    mask = _ink(rng, hand, _bend(rng, hand, strip)).reduce(_SCALE)
    box = ink_box(mask.point(lambda tone: 255 - tone), 255 - 60)
    if box is None:
        return None
    mask = mask.crop(box)
    left = round(xy[0] - hand.em_px / 2) + box[0]
    top = round(xy[1] - pad / _SCALE) + box[1]
    sheet.ink(mask, (left, top))
    return (left, top, left + mask.width, top + mask.height), written


def _letters(
    rng: np.random.Generator, hand: Hand, strip: Image.Image, text: str, top: int
) -> tuple[int, int]:
    """Set letters into ``strip``; return how many there was room for, and where the last ends."""
    draw = ImageDraw.Draw(strip)
    em = hand.em_px * _SCALE
    y, tail = float(top), None
    sway = 0.12 * em * (ridge_line(rng, len(text) + 1, 0.6, 4) - 0.5)
    for number, letter in enumerate(text):
        glyph = _glyph(letter, em)
        if glyph is None:
            y, tail = y + 0.6 * em, None
            continue
        kana = _is_kana(letter)
        wide = rng.uniform(0.62, 0.95) if kana else rng.uniform(0.88, 1.08)
        high = rng.uniform(0.55, 0.95) if kana else rng.uniform(0.85, 1.1)
        if letter in _TALL and rng.random() < 0.3:
            wide, high = 0.8 * wide, 1.5 * high
        width, height = max(3, round(glyph.mask.width * wide)), max(3, round(glyph.mask.height * high))
        if y + height > strip.height - top:
            return number, round(y)
        x = round(em + sway[number] + rng.normal(0, 0.03 * em) - width / 2)
        draw.bitmap((x, round(y)), glyph.mask.resize((width, height), Image.Resampling.BILINEAR), fill=255)
        head, foot = _ends(letter, em)
        if tail is not None and rng.random() < hand.cursive * (0.95 if kana else 0.5):
            _join(rng, draw, tail, (x + head * width, y + 1), em)
        tail = (x + foot * width, y + height - 1)
        y += height + em * rng.uniform(-0.02, 0.14)
    return len(text), round(y)


def _is_kana(letter: str) -> bool:
    return "ぁ" <= letter <= "ヺ"


def _glyph(letter: str, em_px: int) -> Glyph | None:
    """Cut kana boldly and kanji thinly, so that a blunt brush does not fill them."""
    return cut_glyph(letter, em_px, "heavy" if _is_kana(letter) else "gothic", vertical=True)


@lru_cache(maxsize=4_000)
def _ends(letter: str, em_px: int) -> tuple[float, float]:
    """Return where the brush enters at the top and leaves at the foot, as shares of the width."""
    glyph = _glyph(letter, em_px)
    if glyph is None:
        return 0.5, 0.5
    ink = np.asarray(glyph.mask) > 120
    places = np.arange(ink.shape[1]) / ink.shape[1]
    rows = np.flatnonzero(ink.any(axis=1))
    if len(rows) == 0:
        return 0.5, 0.5
    first, last = ink[rows[0]], ink[rows[-1]]
    return float(places[first].mean()), float(places[last].mean())


def _join(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    em: int,
) -> None:
    """Draw the thin link that a brush leaves between two letters."""
    middle = (
        (start[0] + end[0]) / 2 + rng.normal(0, 0.12) * em,
        (start[1] + end[1]) / 2,
    )
    draw.line(spline(points(start, middle, end), per_span=4).ravel().tolist(), 230, max(2, round(0.06 * em)))


def _bend(rng: np.random.Generator, hand: Hand, strip: Image.Image) -> Image.Image:
    """Bend and slant ``strip`` on a mesh with cells of a third of an em."""
    em = hand.em_px * _SCALE
    columns, rows = 6, max(2, round(3 * strip.height / em))
    x, y = np.meshgrid(np.linspace(0, strip.width, columns + 1), np.linspace(0, strip.height, rows + 1))
    amount = 0.09 * em * hand.cursive
    targets_x, targets_y = x.round().astype(int), y.round().astype(int)
    x = x + rng.normal(0, amount, x.shape) + hand.lean * (y % em - em / 2)
    y = y + rng.normal(0, amount, y.shape) + 0.12 * (x - strip.width / 2)
    cells = []
    for row in range(rows):
        for column in range(columns):
            place = (slice(row, row + 2), slice(column, column + 2))
            (x00, x01), (x10, x11) = x[place].tolist()
            (y00, y01), (y10, y11) = y[place].tolist()
            (left, right), (top, bottom) = (
                targets_x[row, column : column + 2].tolist(),
                targets_y[row : row + 2, column].tolist(),
            )
            cells.append(((left, top, right, bottom), (x00, y00, x10, y10, x11, y11, x01, y01)))
    return strip.transform(strip.size, Image.Transform.MESH, cells, Image.Resampling.BILINEAR)


def _ink(rng: np.random.Generator, hand: Hand, strip: Image.Image) -> Image.Image:
    """Round the strokes off and let the pressure swell and fade along the column."""
    em = hand.em_px * _SCALE
    soft = to_tones(strip.filter(ImageFilter.GaussianBlur(0.032 * em)))
    # Brushes press on the downward stroke: horizontals are thinner.
    soft = np.minimum(soft, np.roll(soft, max(1, round(0.025 * em)), axis=0))
    pressure = ridge_line(rng, strip.height, 0.8, 8)[:, None]
    level = 0.66 - 0.32 * hand.weight - 0.25 * (pressure - 0.5)
    return to_image(smoothstep(soft - level.astype(np.float32), -0.12, 0.12))
