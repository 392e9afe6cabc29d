"""Sheets of pages with the boxes found on them, for people to look at."""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from zuroku.datasets.images import decode_rgb
from zuroku.detections import Detections
from zuroku.fonts import japanese_font_path
from zuroku.reports.contact_sheet import contact_sheet

_PAGE_PX = 320
_COLOURS = (
    "#1f77b4", "#8c564b", "#7f7f7f", "#d62728", "#9467bd", "#ff7f0e", "#2ca02c", "#bcbd22", "#17becf",
)  # fmt: skip


def page_sheet(
    pages: Sequence[bytes],
    found: Sequence[Detections],
    names: Sequence[str],
    classes: Sequence[str],
    columns: int = 4,
) -> bytes:
    """Return a JPEG of ``pages`` (encoded) with their boxes drawn and named by class."""
    pictures: list[tuple[Image.Image, list[str]]] = []
    for data, boxes, name in zip(pages, found, names, strict=True):
        pictures.append((_drawn(decode_rgb(data), boxes, classes), [name]))
    return contact_sheet(pictures, columns=columns, title="detections", thumbnail_px=_PAGE_PX)


def _drawn(page: Image.Image, found: Detections, classes: Sequence[str]) -> Image.Image:
    scale = _PAGE_PX / max(page.size)
    small = page.resize((max(1, round(page.width * scale)), max(1, round(page.height * scale))))
    draw = ImageDraw.Draw(small)
    font: Any = ImageFont.truetype(str(japanese_font_path()), 9)
    # The best last, so that it lies on top.
    for box, label in reversed(list(zip(found.boxes, found.labels, strict=True))):
        colour = _COLOURS[label % len(_COLOURS)]
        left, top, right, bottom = (float(value) * scale for value in box)
        draw.rectangle((left, top, right, bottom), outline=colour, width=2)
        draw.text((left + 2, top), classes[label], fill=colour, font=font)
    return small
