"""Zones of a page: what lies where, and what it says. No file format and no model here."""

from dataclasses import dataclass
from typing import Literal

NDL_DOCL_CLASSES = (
    "1_overall",
    "2_handwritten",
    "3_typography",
    "4_illustration",
    "5_stamp",
    "6_headline",
    "7_caption",
    "8_textline",
    "9_table",
)
"""The zone classes of NDL-DocL. Rare books use 1–5, modern ones 1 and 4–9."""


@dataclass(frozen=True)
class Zone:
    """A box on a page with its class, in pixels of the image as stored.

    ``x`` runs right and ``y`` down from the upper left corner; the box spans ``[x_min, x_max)`` by
    ``[y_min, y_max)``. ``text`` is what a line says, where somebody knows; ``direction`` is how it runs
    (``tate`` vertical, ``yoko`` horizontal).
    """

    label: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    text: str = ""
    direction: Literal["", "tate", "yoko"] = ""


@dataclass(frozen=True)
class ZonedImage:
    """An encoded page image and its zones."""

    data: bytes
    zones: tuple[Zone, ...]
