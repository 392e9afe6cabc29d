"""The look that all pages of one book share: format, type, layout habits, and how it was photographed.

``BookStyle`` (paper, ink, press, scanner) is taken over from the figures and fitted to whole pages.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from zuroku.datasets.sample.books import KINDS, BookKind
from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.pages.brush import Hand
from zuroku.datasets.sample.pages.glyphs import Face
from zuroku.datasets.sample.pages.prose import Manner
from zuroku.datasets.sample.pages.sheet import Direction
from zuroku.datasets.sample.style import BookStyle, draw_style

_FIGURE_BOOKS = tuple(kind for kind in KINDS if set(kind.mix) != {"stamp"})
_RARE_FIGURES = {"graphic_illust": 6.0, "graphic_illustcolor": 2.0, "graphic_map": 1.0}


@dataclass(frozen=True)
class PageLook:
    """How the pages of one book look.

    Shares are of the leaf's height (``em``, ``head``, ``foot``) or width (``gutter``, ``fore_edge``), of
    the image (``fill``), or of words (``ruby_share``).
    """

    rare: bool
    spread: bool
    style: BookStyle
    subject: str
    figures: tuple[tuple[str, float], ...]
    """Classes of figures in the book with their frequency."""
    image_aspect: float
    """Long by short side of the photograph."""
    leaf_aspect: float
    """Height by width of a leaf."""
    fill: float
    head: float
    foot: float
    gutter: float
    fore_edge: float
    manner: Manner
    old_forms: bool
    ruby_share: float
    direction: Direction
    em: float
    pitch: float
    """Distance from line to line in ems."""
    face: Face
    heading_face: Face
    tiers: int
    frame: Literal["none", "single", "double", "heavy"]
    rules: bool
    """Whether thin rules part the columns."""
    page_number: Literal["none", "top", "bottom", "side"]
    number_dashes: bool
    running_title: Literal["none", "top", "side"]
    script: Literal["brush", "print"]
    """How a rare book's text is written; modern books are printed."""
    hand: Hand
    """The hand of a rare book; its ``em_px`` is set for each leaf."""
    board: int
    """Tone of the background, 0–255."""
    strap: bool
    ruler: bool
    leaf_stack: int
    """How many lower leaves show at the fore-edges."""
    cover_edge: float
    """How far the boards of a modern binding stand out, by the leaf's height; 0 where they do not."""
    curl: float
    browning: float
    bleed: float
    stamps: float
    """Mean number of stamps on a page."""


def draw_look(book_seed: int, rare: bool, spread: bool) -> PageLook:
    """Draw the look of the book with ``book_seed``."""
    rng = seeded_rng(book_seed, 2)
    kind = _FIGURE_BOOKS[int(rng.integers(len(_FIGURE_BOOKS)))]
    style = _page_style(rng, book_seed, kind, rare)
    direction: Direction = "tate" if rare or rng.random() < 0.68 else "yoko"
    classical = rare and rng.random() < 0.75
    film = style.scan == "film"
    pitch = rng.uniform(1.35, 1.7) if classical else rng.uniform(1.55, 2.05)
    return PageLook(
        rare=rare,
        spread=spread,
        style=style,
        subject="literature" if rare else kind.subject,
        figures=tuple(_RARE_FIGURES.items()) if rare else _without_stamps(kind),
        image_aspect=float(rng.choice((4 / 3, 4 / 3, 1.41, 1.5)) if spread else rng.uniform(1.3, 1.5)),
        leaf_aspect=float(rng.uniform(1.3, 1.55)),
        # Some films cut the edges of the leaves off.
        fill=float(rng.uniform(0.98, 1.04) if film and rng.random() < 0.25 else rng.uniform(0.77, 0.95)),
        head=float(rng.uniform(0.12, 0.2) if rare else rng.uniform(0.1, 0.16)),
        foot=float(rng.uniform(0.06, 0.1) if rare else rng.uniform(0.08, 0.14)),
        gutter=float(rng.uniform(0.03, 0.07) if rare else rng.uniform(0.09, 0.15)),
        fore_edge=float(rng.uniform(0.06, 0.1) if rare else rng.uniform(0.09, 0.15)),
        manner="classical" if classical else _manner(rng, rare),
        old_forms=bool(rare or rng.random() < 0.7),
        ruby_share=float(rng.choice((0.0, 0.06, 0.3, 0.8), p=(0.45, 0.3, 0.15, 0.1))),
        direction=direction,
        em=float(1 / (rng.uniform(27, 42) if rare else rng.uniform(38, 56))),
        pitch=float(pitch),
        face="gothic" if rng.random() < 0.12 else "ming",
        heading_face=rng.choice(("ming", "gothic", "heavy"), p=(0.35, 0.3, 0.35)),
        tiers=1 if rare or rng.random() < 0.82 else 2,
        frame=_frame(rng, rare),
        rules=bool(rng.random() < (0.4 if rare else 0.06)),
        page_number="none" if rare else rng.choice(("top", "bottom", "side"), p=(0.4, 0.35, 0.25)),
        number_dashes=bool(rng.random() < 0.25),
        running_title="none" if rare else rng.choice(("none", "top", "side"), p=(0.4, 0.3, 0.3)),
        script="brush" if classical or rng.random() < 0.3 else "print",
        hand=Hand(
            em_px=1,
            cursive=float(rng.uniform(0.45, 1)),
            weight=float(rng.uniform(0.42, 0.8)),
            lean=float(rng.uniform(0, 0.12)),
        ),
        board=int(_board(rng, rare, style)),
        strap=bool(spread and rng.random() < (0.75 if rare else 0.4)),
        ruler=bool(not film and rng.random() < (0.6 if rare else 0.12)),
        leaf_stack=int(rng.integers(0, 7)),
        cover_edge=float(rng.choice((0, 1), p=(0.7, 0.3)) * rng.uniform(0.006, 0.016)),
        curl=float(rng.uniform(0, 0.022)),
        browning=float(max(0.0, rng.uniform(-0.1, 0.2)) if style.scan == "colour" else 0.0),
        bleed=float(max(0.0, rng.uniform(-0.06, 0.16)) + (0.04 if rare else 0.0)),
        stamps=float(rng.uniform(0.05, 0.6) if rare else rng.uniform(0, 0.15)),
    )


def _page_style(rng: np.random.Generator, book_seed: int, kind: BookKind, rare: bool) -> BookStyle:
    """Fit the figures' style to whole pages; geometry, bleed and gutter are done elsewhere.

    Blur and noise are given for figures filling a small picture; a page's letters need a sharper
    lens. Rare books are woodcuts, photographed in colour more often than not.
    """
    coloured = rng.random() < 0.65 if rare else "graphic_illustcolor" in kind.mix
    style = draw_style(book_seed, coloured)
    if rare and style.scan == "colour":
        # Paper of mulberry bast is light and warm; ink of soot prints grey rather than black.
        value, warmth, soot = rng.uniform(205, 240), rng.uniform(0.05, 0.2), int(rng.uniform(30, 80))
        paper = (int(value), int(value * (1 - 0.4 * warmth)), int(value * (1 - 1.1 * warmth)))
        style = replace(style, paper=paper, ink=(soot, soot, soot - 4))
    return replace(
        style,
        medium="woodcut" if rare else style.medium,
        blur_px=0.25 * style.blur_px,
        noise=min(style.noise, 0.02),
        mottle=0.5 * style.mottle,
        film_curve=min(style.film_curve, 0.75),
        skew_deg=0.0,
        gutter=0.0,
        bleed=0.0,
    )


def _without_stamps(kind: BookKind) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(weight)) for name, weight in kind.mix.items() if name != "stamp")


def _manner(rng: np.random.Generator, rare: bool) -> Manner:
    manners: tuple[Manner, ...] = ("plain", "literary", "official")
    return manners[int(rng.choice(3, p=(0, 0.3, 0.7) if rare else (0.45, 0.3, 0.25)))]


def _frame(rng: np.random.Generator, rare: bool) -> Literal["none", "single", "double", "heavy"]:
    frames: tuple[Literal["none", "single", "double", "heavy"], ...] = ("none", "single", "double", "heavy")
    return frames[int(rng.choice(4, p=(0.2, 0.25, 0.2, 0.35) if rare else (0.78, 0.12, 0.06, 0.04)))]


def _board(rng: np.random.Generator, rare: bool, style: BookStyle) -> float:
    """Choose the tone that the book was laid on: grey or white boards, black on many films."""
    if style.scan == "film":
        return float(rng.choice((rng.uniform(0, 25), rng.uniform(235, 254)), p=(0.6, 0.4)))
    if rare:
        return float(rng.uniform(140, 190))
    return float(rng.choice((rng.uniform(8, 50), rng.uniform(140, 200), rng.uniform(238, 254))))
