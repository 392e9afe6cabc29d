"""Setting Japanese type on a drawing: one line, down or across.

What the letters say comes from ``words``.
"""

from functools import lru_cache

from PIL import ImageDraw, ImageFont

from zuroku.fonts import japanese_font_path

_TURNED = str.maketrans("ー―-()", "｜｜｜︵︶")


@lru_cache(maxsize=64)
def japanese_font(size_px: int) -> ImageFont.FreeTypeFont:
    """Load the Japanese font at ``size_px``."""
    # The basic layout is several times faster, and no ligature matters here.
    return ImageFont.truetype(japanese_font_path(), size_px, layout_engine=ImageFont.Layout.BASIC)


def set_line(
    draw: ImageDraw.ImageDraw,
    xy: tuple[float, float],
    text: str,
    size_px: float,
    fill: int | tuple[int, int, int],
    vertical: bool = False,
    spacing: float = 1.05,
    bold_px: int = 0,
) -> None:
    """Set ``text`` with its top left corner at ``xy``; ``spacing`` is the advance down in ems.

    ``bold_px`` thickens every stroke by that many pixels on both sides.
    """
    font = japanese_font(max(6, round(size_px)))
    if not vertical:
        draw.text(xy, text, fill=fill, font=font, stroke_width=bold_px)
        return
    x, y = xy
    for letter in text.translate(_TURNED):
        draw.text((x, y), letter, fill=fill, font=font, stroke_width=bold_px)
        y += size_px * spacing
