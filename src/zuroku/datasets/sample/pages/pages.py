"""Whole pages for the generated sample collection, planned and rendered with their zones.

This is the package's public face. ``plan_pages`` is cheap and lists the whole collection;
``render_page`` draws one page and can run in any process.
"""

import io
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from zuroku.config import Settings
from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.pages.look import draw_look
from zuroku.datasets.sample.pages.opening import Face, print_opening
from zuroku.datasets.sample.pages.photography import photograph
from zuroku.datasets.sample.words import book_title
from zuroku.datasets.zones import ZonedImage

_ILLUSTRATED_SHARE = 0.6

_FACES: dict[tuple[bool, bool], tuple[tuple[Face, float], ...]] = {
    # (rare, illustrated): faces with their frequency
    (False, False): (("text", 0.55), ("table", 0.28), ("chapter", 0.12), ("blank", 0.05)),
    (False, True): (("figures", 0.68), ("plate", 0.22), ("across", 0.1)),
    (True, False): (("text", 0.9), ("blank", 0.1)),
    (True, True): (("figures", 0.52), ("plate", 0.36), ("across", 0.12)),
}


class PageSampleSettings(Settings):
    """How many pages are generated and of what books; the seed fixes every pixel."""

    seed: int = Field(default=0, ge=0)
    books: int = Field(default=40, ge=1)
    pages_per_book: int = Field(default=8, ge=2, description="photographs; every book has both labels")
    first_pid: int = Field(default=9100001, ge=1_000_000, le=9_999_999)
    long_side_px: int = Field(default=1600, ge=640, le=3200)
    rare_share: float = Field(default=0.4, ge=0, le=1, description="books before 1868 (kotenseki)")
    spread_share: float = Field(default=0.7, ge=0, le=1, description="books photographed opening by opening")

    @model_validator(mode="after")
    def _pids_suffice(self) -> Self:
        if self.first_pid + self.books > 10_000_000:
            raise ValueError("PIDs have seven digits: first_pid leaves no room for so many books")
        return self


@dataclass(frozen=True)
class PagePlan:
    """One page image still to be drawn; everything ``render_page`` needs.

    ``item_id`` is ``PID_frame``, ``group`` the PID of the book, ``label`` ``illustrated`` or ``plain``.
    ``faces`` lists what is printed on its leaves from left to right.
    """

    item_id: str
    group: str
    title: str
    label: str
    rare: bool
    spread: bool
    faces: tuple[Face, ...]
    number: int
    stamps: int
    book_seed: int
    page_seed: int
    long_side_px: int


def plan_pages(settings: PageSampleSettings) -> list[PagePlan]:
    """List the collection's pages, by book and frame; equal settings give an equal list."""
    rng = seeded_rng(settings.seed, 3)
    rare_books = rng.permutation(settings.books) < round(settings.rare_share * settings.books)
    spread_books = rng.permutation(settings.books) < round(settings.spread_share * settings.books)
    plans = []
    for book in range(settings.books):
        plans += _plan_book(
            settings, rng, str(settings.first_pid + book), bool(rare_books[book]), bool(spread_books[book])
        )
    return plans


def _plan_book(
    settings: PageSampleSettings, rng: np.random.Generator, pid: str, rare: bool, spread: bool
) -> list[PagePlan]:
    book_seed = int(rng.integers(2**62))
    look = draw_look(book_seed, rare, spread)
    title = book_title(rng, look.subject)
    count = settings.pages_per_book
    drawn = int(np.clip(round(rng.normal(_ILLUSTRATED_SHARE, 0.08) * count), 1, count - 1))
    # The first frame is never illustrated: it shows the cover or the title.
    illustrated = [False, *(rng.permutation(count - 1) < drawn).tolist()]
    frame = int(rng.integers(1, 4))
    plans = []
    for place, with_figures in enumerate(illustrated):
        faces = _faces(rng, rare, spread, with_figures, first=place == 0, last=place == count - 1)
        stamps = int(rng.poisson(look.stamps))
        if place == 0 and faces != ("cover",):
            stamps += int(rng.random() < 0.7)
        plans.append(
            PagePlan(
                item_id=f"{pid}_{frame}",
                group=pid,
                title=title,
                label="illustrated" if with_figures else "plain",
                rare=rare,
                spread=spread,
                faces=faces,
                number=2 * frame - 1 if spread else frame,
                stamps=stamps,
                book_seed=book_seed,
                page_seed=int(rng.integers(2**62)),
                long_side_px=settings.long_side_px,
            )
        )
        frame += int(rng.integers(1, 6))
    return plans


def _faces(
    rng: np.random.Generator, rare: bool, spread: bool, illustrated: bool, first: bool, last: bool
) -> tuple[Face, ...]:
    """Choose what is printed on the leaves of one photograph, left to right."""
    if first and rare and rng.random() < 0.4:
        return ("cover",)
    if first and not rare:
        return _opening_with(rng, "title", "blank") if spread else ("title",)
    if last and rare and not illustrated:
        return _opening_with(rng, "colophon", "text") if spread else ("colophon",)
    face = _choose(rng, rare, illustrated)
    if not spread:
        return ("plate",) if face == "across" else (face,)
    if face == "across":
        return ("across",)
    second = _choose(rng, rare, illustrated and rng.random() < 0.45)
    return _opening_with(rng, face, "plate" if second == "across" else second)


def _opening_with(rng: np.random.Generator, face: Face, other: Face) -> tuple[Face, ...]:
    return (face, other) if rng.random() < 0.5 else (other, face)


def _choose(rng: np.random.Generator, rare: bool, illustrated: bool) -> Face:
    faces = _FACES[rare, illustrated]
    return faces[int(rng.choice(len(faces), p=[odds for _, odds in faces]))][0]


def render_page(plan: PagePlan) -> ZonedImage:
    """Print and photograph the planned page; the same plan gives the same bytes anywhere."""
    look = draw_look(plan.book_seed, plan.rare, plan.spread)
    rng = seeded_rng(plan.page_seed)
    opening = print_opening(look, rng, plan.long_side_px, plan.faces, plan.number, plan.title, plan.stamps)
    image, zones = photograph(look, rng, opening, plan.title)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=look.style.jpeg_quality)
    return ZonedImage(buffer.getvalue(), zones)
