"""Contact sheets: small images in rows, each above its caption.

Which images are worth showing, the caller knows. Captions may be Japanese.
"""

import io
from collections.abc import Sequence
from functools import cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from zuroku.errors import EvaluationError
from zuroku.fonts import japanese_font_path

THUMBNAIL_PX = 120

_GAP_PX = 8
_LINE_PX = 15
_TITLE_PX = 26
_PAPER, _INK = (255, 255, 255), (30, 30, 30)


def contact_sheet(
    pictures: Sequence[tuple[Image.Image, Sequence[str]]],
    columns: int = 6,
    title: str = "",
    kind: Literal["JPEG", "PNG"] = "JPEG",
    thumbnail_px: int = THUMBNAIL_PX,
) -> bytes:
    """Return a sheet of (image of any mode and size, caption lines) as an encoded image.

    Images shrink to fit ``thumbnail_px`` squared and are never enlarged; transparency becomes white. A
    caption line that is too wide ends in "…". A sheet without pictures says so: a report without errors
    to show is no fault.

    Raises:
        EvaluationError: ``columns`` is not positive.
    """
    if columns < 1:
        raise EvaluationError(
            f"{columns} columns", expected="at least one column", remedy="leave columns out for six"
        )
    if not pictures:
        pictures = [(Image.new("RGB", (1, 1), _PAPER), ["(none)"])]
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    heights = [thumbnail_px + _LINE_PX * max(len(lines) for _, lines in row) + _GAP_PX for row in rows]
    header = _TITLE_PX if title else 0
    width = _GAP_PX + min(columns, len(pictures)) * (thumbnail_px + _GAP_PX)
    sheet = Image.new("RGB", (width, header + _GAP_PX + sum(heights)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((_GAP_PX, 5), _fitted(title, width - 2 * _GAP_PX, 15), fill=_INK, font=_font(15))
    top = header + _GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for column, (picture, lines) in enumerate(row):
            _place(
                sheet, draw, (_GAP_PX + column * (thumbnail_px + _GAP_PX), top), picture, lines, thumbnail_px
            )
        top += height
    return _encoded(sheet, kind)


def _place(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    picture: Image.Image,
    lines: Sequence[str],
    size_px: int,
) -> None:
    left, top = corner
    thumbnail = _thumbnail(picture, size_px)
    margin = (size_px - thumbnail.width) // 2, (size_px - thumbnail.height) // 2
    sheet.paste(thumbnail, (left + margin[0], top + margin[1]))
    for number, line in enumerate(lines):
        place = (left, top + size_px + number * _LINE_PX)
        draw.text(place, _fitted(line, size_px, 11), fill=_INK, font=_font(11))


def _thumbnail(picture: Image.Image, size_px: int) -> Image.Image:
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.new("RGB", layer.size, _PAPER)
        picture.paste(layer, mask=layer.getchannel("A"))
    thumbnail = picture.convert("RGB")  # always a copy: thumbnail() works in place
    thumbnail.thumbnail((size_px, size_px))
    return thumbnail


def _fitted(line: str, width_px: int, size_px: int) -> str:
    """Return the line, or as much of its start as fits with an ellipsis."""
    font = _font(size_px)
    if font.getlength(line) <= width_px:
        return line
    shown = len(line)
    while shown and font.getlength(line[:shown] + "…") > width_px:
        shown -= 1
    return line[:shown] + "…"


def _encoded(sheet: Image.Image, kind: Literal["JPEG", "PNG"]) -> bytes:
    encoded = io.BytesIO()
    if kind == "JPEG":
        sheet.save(encoded, format="JPEG", quality=78, optimize=True)
    else:
        sheet.quantize(128).save(encoded, format="PNG", optimize=True)
    return encoded.getvalue()


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(japanese_font_path()), size_px)
