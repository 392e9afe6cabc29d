"""Cutting type: one letter as a small mask, in the faces of old print, for both directions.

One font file serves all faces; what tells them apart is done to its outlines. Where letters go is
decided in ``typesetting``.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from zuroku.datasets.sample.lettering import japanese_font

Face = Literal["ming", "gothic", "heavy"]
"""Ming: thin horizontals, strong verticals. Gothic: even strokes. Heavy: even and bold."""

_SCALE = 4
_PAD = 0.25
_FAINT = 40

_PRESENTATION = str.maketrans("、。「」『』()（）〔〕…ー―－", "︑︒﹁﹂﹃﹄︵︶︵︶︹︺︙ー―－")
# The font has no code point for these in vertical setting: they are turned about the main diagonal.
_TURNED = frozenset("ー―－～=：；")
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ")


class Glyph(NamedTuple):
    """A letter's ink: mask ``L`` cut to the ink, and where its upper left corner lies in the em square."""

    mask: Image.Image
    left: int
    top: int


@lru_cache(maxsize=20_000)
def cut_glyph(letter: str, em_px: int, face: Face, vertical: bool = False) -> Glyph | None:
    """Cut ``letter`` for an em square of ``em_px``; None where it has no ink (a space).

    In vertical setting punctuation, brackets and small kana sit where vertical type has them.
    """
    if vertical:
        letter = letter.translate(_PRESENTATION)
    size = em_px * _SCALE
    pad = round(_PAD * em_px) * _SCALE
    cell = Image.new("L", (size + 2 * pad, size + 2 * pad), 0)
    # Noto's em square reaches from 0.88 above the baseline to 0.12 below.
    ImageDraw.Draw(cell).text(
        (pad, pad + 0.88 * size), letter, fill=255, font=japanese_font(size), anchor="ls"
    )
    if vertical and letter in _TURNED:
        cell = cell.transpose(Image.Transpose.TRANSPOSE)
    mask = Image.fromarray(_shape(np.asarray(cell), face, em_px)).reduce(_SCALE)
    box = mask.point(lambda tone: 255 * (tone > _FAINT)).getbbox()
    if box is None:
        return None
    shift = round(0.1 * em_px) if vertical and letter in _SMALL_KANA else 0
    offset = pad // _SCALE
    return Glyph(mask.crop(box), box[0] - offset + shift, box[1] - offset - shift)


def _shape(ink: npt.NDArray[np.uint8], face: Face, em_px: int) -> npt.NDArray[np.uint8]:
    """Thin or thicken the strokes of a letter, ``(h, w)`` at ``_SCALE`` times its size."""
    if face == "ming":
        # Small type was cut with more contrast here than it had, for it would not show otherwise.
        thin = max(1, round((0.036 if em_px < 20 else 0.026) * em_px * _SCALE))
        thick = max(1, round(0.018 * em_px * _SCALE))
        shaped = ink.copy()
        shaped[thin:] = np.minimum(ink[thin:], ink[:-thin])
        shaped[:, thick:] = np.maximum(shaped[:, thick:], shaped[:, :-thick])
        return shaped
    if face == "heavy":
        thick = max(1, round(0.03 * em_px * _SCALE))
        shaped = ink.copy()
        shaped[:, thick:] = np.maximum(ink[:, thick:], ink[:, :-thick])
        shaped[thick:] = np.maximum(shaped[thick:], shaped[:-thick])
        return shaped
    return ink


@lru_cache(maxsize=2_000)
def advance(letter: str) -> float:
    """Return how far ``letter`` moves on in horizontal setting, in ems: Latin letters are narrow."""
    return 1.0 if ord(letter) >= 0x2000 else float(japanese_font(100).getlength(letter)) / 100
