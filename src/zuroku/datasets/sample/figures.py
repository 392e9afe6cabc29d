"""The generated sample collection: figures of invented old Japanese books, planned and rendered.

This is the package's public face. ``plan_figures`` is cheap and lists the whole collection;
``render_figure`` draws one figure and can run in any process.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image
from pydantic import Field, field_validator, model_validator

from zuroku.config import Settings
from zuroku.datasets.ndl_imagelabel import PUBLISHED_CLASS_COUNTS
from zuroku.datasets.sample.books import assign_classes
from zuroku.datasets.sample.buildings import draw_landmark
from zuroku.datasets.sample.graphs import draw_graph
from zuroku.datasets.sample.illustrations import draw_colour_illustration, draw_illustration
from zuroku.datasets.sample.maps import draw_map
from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.objects import draw_object
from zuroku.datasets.sample.persons import draw_person
from zuroku.datasets.sample.rooms import draw_room
from zuroku.datasets.sample.scanning import scan, screen, surround
from zuroku.datasets.sample.scenery import draw_scenery
from zuroku.datasets.sample.seals import draw_seal
from zuroku.datasets.sample.style import BookStyle, draw_style
from zuroku.datasets.sample.words import book_title

Drawer = Callable[[BookStyle, np.random.Generator, tuple[int, int]], Image.Image]

DRAWERS: dict[str, Drawer] = {
    "graphic_map": draw_map,
    "graphic_graph": draw_graph,
    "graphic_illustcolor": draw_colour_illustration,
    "graphic_illust": draw_illustration,
    "picture_landmark": draw_landmark,
    "picture_outdoor": draw_scenery,
    "picture_object": draw_object,
    "picture_indoor": draw_room,
    "picture_person": draw_person,
    "stamp": draw_seal,
}
"""How each class is drawn: an ideal print of (width, height) pixels, mode ``L`` or ``RGB``."""

# The range of log(width / height) per class, after what these figures look like in print.
_SHAPES = {
    "graphic_map": (-0.4, 0.5),
    "graphic_graph": (-0.4, 0.6),
    "graphic_illustcolor": (-0.5, 0.4),
    "graphic_illust": (-0.5, 0.5),
    "picture_landmark": (-0.4, 0.5),
    "picture_outdoor": (-0.15, 0.6),
    "picture_object": (-0.55, 0.45),
    "picture_indoor": (0.0, 0.5),
    "picture_person": (-0.5, 0.1),
    "stamp": (-0.12, 0.12),
}


_DETAIL_SHARE = 0.3
"""Share of figures that show only a part of what was drawn."""


class SampleSettings(Settings):
    """How large the generated collection is and what it holds; the seed fixes every pixel."""

    seed: int = Field(default=0, ge=0)
    books: int = Field(default=220, ge=1)
    figures_per_book_min: int = Field(default=2, ge=1)
    figures_per_book_max: int = Field(default=9, ge=1)
    class_weights: dict[str, float] = Field(
        default={name: round(count**0.5, 1) for name, count in PUBLISHED_CLASS_COUNTS.items()},
        description="relative frequency of classes; by default the roots of NDL's counts, so that "
        "a small sample still shows the rare ones",
    )
    long_side_px_min: int = Field(default=300, ge=96)
    long_side_px_max: int = Field(default=560, le=2000)
    first_pid: int = Field(default=9000001, ge=1_000_000, le=9_999_999)

    @field_validator("class_weights")
    @classmethod
    def _classes_can_be_drawn(cls, weights: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(weights) - set(DRAWERS))
        if unknown:
            raise ValueError(f"cannot draw {', '.join(unknown)}; known are {', '.join(sorted(DRAWERS))}")
        if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError("weights must not be negative, and one must be positive")
        return weights

    @model_validator(mode="after")
    def _ranges_are_ordered(self) -> Self:
        if self.figures_per_book_min > self.figures_per_book_max:
            raise ValueError("figures_per_book_min is larger than figures_per_book_max")
        if self.long_side_px_min > self.long_side_px_max:
            raise ValueError("long_side_px_min is larger than long_side_px_max")
        if self.first_pid + self.books > 10_000_000:
            raise ValueError("PIDs have seven digits: first_pid leaves no room for so many books")
        return self


@dataclass(frozen=True)
class FigurePlan:
    """One figure still to be drawn; everything ``render_figure`` needs.

    ``item_id`` is ``PID_frame_index``, ``group`` the PID of the book, ``width_px`` and
    ``height_px`` the size of the finished image.
    """

    item_id: str
    label: str
    group: str
    title: str
    book_seed: int
    coloured_book: bool
    figure_seed: int
    width_px: int
    height_px: int


def plan_figures(settings: SampleSettings) -> list[FigurePlan]:
    """List the collection's figures, by book and frame; equal settings give an equal list."""
    rng = seeded_rng(settings.seed, 0)
    sizes = rng.integers(settings.figures_per_book_min, settings.figures_per_book_max + 1, settings.books)
    plans = []
    for number, (kind, labels) in enumerate(assign_classes(rng, sizes.tolist(), settings.class_weights)):
        book_seed = int(rng.integers(2**62))
        title = book_title(rng, kind.subject)
        pid = str(settings.first_pid + number)
        frame, index = int(rng.integers(3, 12)), 0
        for label in labels:
            item_id = f"{pid}_{frame}_{index}"
            figure_seed = int(rng.integers(2**62))
            width, height = _figure_size(rng, label, settings)
            coloured = "graphic_illustcolor" in labels
            plans.append(
                FigurePlan(item_id, label, pid, title, book_seed, coloured, figure_seed, width, height)
            )
            # Some pages carry several figures.
            same_page = rng.random() < 0.25
            frame, index = (frame, index + 1) if same_page else (frame + int(rng.integers(1, 9)), 0)
    return plans


def _figure_size(rng: np.random.Generator, label: str, settings: SampleSettings) -> tuple[int, int]:
    """Draw the width and height in pixels of a figure of class ``label``."""
    long_side = int(rng.integers(settings.long_side_px_min, settings.long_side_px_max + 1))
    low, high = _SHAPES[label]
    aspect = float(np.exp(rng.uniform(low, high)))
    if aspect >= 1:
        return long_side, round(long_side / aspect)
    return round(long_side * aspect), long_side


def draw_figure(plan: FigurePlan) -> Image.Image:
    """Draw, print and scan the planned figure; mode ``L`` or ``RGB``."""
    style = draw_style(plan.book_seed, plan.coloured_book)
    rng = seeded_rng(plan.figure_seed)
    drawing = DRAWERS[plan.label](style, rng, (plan.width_px, plan.height_px))
    if plan.label != "stamp" and rng.random() < _DETAIL_SHARE:
        # A place is not to be recognised by too small a part.
        place = plan.label in {"picture_landmark", "picture_outdoor", "picture_indoor"}
        drawing = _detail(rng, drawing, 0.65 if place else 0.4)
    if plan.label.startswith("picture_"):
        drawing = screen(style, rng, drawing)
    return scan(style, rng, surround(style, rng, drawing))


def _detail(rng: np.random.Generator, drawing: Image.Image, least: float) -> Image.Image:
    """Enlarge a part of ``drawing``, of at least the share ``least`` of its sides, to its size."""
    share = rng.uniform(least, 0.9)
    wide, tall = share * drawing.width, share * drawing.height
    left, top = rng.uniform(0, drawing.width - wide), rng.uniform(0, drawing.height - tall)
    box = (left, top, left + wide, top + tall)
    return drawing.resize(drawing.size, Image.Resampling.BICUBIC, box)


def render_figure(plan: FigurePlan) -> bytes:
    """Return the planned figure as JPEG bytes; the same plan gives the same bytes anywhere."""
    quality = draw_style(plan.book_seed, plan.coloured_book).jpeg_quality
    buffer = io.BytesIO()
    draw_figure(plan).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
