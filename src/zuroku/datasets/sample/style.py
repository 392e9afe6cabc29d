"""The look a book gives all its figures: paper, ink, press and scanner.

Figures of one book share a ``BookStyle``, so a split by figure leaks and a split by book does not.
What a figure shows is not decided here.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from zuroku.datasets.sample.noise import seeded_rng

Colour = tuple[int, int, int]

_PIGMENTS: tuple[Colour, ...] = (
    (196, 74, 52),
    (222, 120, 96),
    (236, 190, 84),
    (226, 160, 60),
    (112, 140, 84),
    (150, 176, 116),
    (88, 128, 160),
    (150, 180, 196),
    (150, 98, 70),
    (190, 150, 110),
    (186, 60, 96),
    (228, 176, 170),
    (120, 104, 150),
    (70, 84, 110),
    (108, 168, 160),
    (206, 200, 150),
)


@dataclass(frozen=True)
class BookStyle:
    """How one book was printed and scanned.

    Colours are RGB in 0–255, lengths are pixels at a long side of 500 px and shares are in [0, 1].
    """

    scan: Literal["film", "grey", "colour"]
    medium: Literal["pen", "woodcut", "engraving"]
    paper: Colour
    ink: Colour
    palette: tuple[Colour, ...]
    line_weight_px: float
    shading: float
    """Share of drawn bodies that get a shaded flank."""
    screen_pitch_px: float
    """Pitch of the halftone screen; 0 stands for a print in continuous grey."""
    screen_angle: float
    contrast: float
    """Strength of the tone curve of photographs; 1 leaves them as they are."""
    brightness: float
    grain: float
    film_curve: float
    """How far a microfilm pushed greys towards black and white, in [0, 1]."""
    noise: float
    mottle: float
    """How coarsely the paper shows in a poor scan, in tones."""
    bold_type: bool
    blur_px: float
    bleed: float
    yellowing: float
    spots: float
    gutter: float
    skew_deg: float
    jpeg_quality: int
    border: Literal["none", "thin", "double", "heavy"]
    caption: Literal["none", "below", "side"]
    horizontal_text: bool
    margin: float
    photo_shape: Literal["rectangle", "oval", "mixed"]


def _paper(rng: np.random.Generator, scan: str) -> tuple[Colour, float]:
    """Draw the paper's colour and how unevenly it has yellowed."""
    if scan == "film":
        return (tone := int(rng.integers(225, 256)), tone, tone), float(rng.uniform(0, 0.06))
    if scan == "grey":
        return (tone := int(rng.integers(165, 242)), tone, tone), float(rng.uniform(0, 0.15))
    value = rng.uniform(172, 240)
    warmth = rng.uniform(0.03, 0.3)
    red, green, blue = value, value * (1 - 0.45 * warmth), value * (1 - 1.15 * warmth)
    return (int(red), int(green), int(blue)), float(rng.uniform(0.02, 0.22))


def _palette(rng: np.random.Generator) -> tuple[Colour, ...]:
    chosen = rng.permutation(len(_PIGMENTS))[: int(rng.integers(3, 8))]
    wash = rng.uniform(0, 0.45)
    return tuple(tuple(int(c + (255 - c) * wash) for c in _PIGMENTS[i]) for i in chosen)  # type: ignore[misc]


def draw_style(book_seed: int, coloured: bool = False) -> BookStyle:
    """Draw the style of the book with ``book_seed``; a ``coloured`` book was scanned in colour."""
    rng = seeded_rng(book_seed, 1)
    scan = str(rng.choice(["film", "grey", "colour"], p=[0.38, 0.34, 0.28]))
    if coloured:
        scan = "colour"
    paper, yellowing = _paper(rng, scan)
    dark = rng.uniform(5, 60) if scan != "film" else rng.uniform(0, 25)
    tint = rng.uniform(0, 0.5) if scan == "colour" else 0.0
    return BookStyle(
        scan=scan,  # type: ignore[arg-type]
        medium=rng.choice(["pen", "woodcut", "engraving"], p=[0.45, 0.3, 0.25]),
        paper=paper,
        ink=(int(dark * (1 + tint)), int(dark), int(dark * (1 - 0.6 * tint))),
        palette=_palette(rng),
        line_weight_px=float(rng.uniform(0.9, 2.2)),
        shading=float(max(0.0, rng.uniform(-0.25, 0.9))),
        screen_pitch_px=float(rng.choice([0, 1], p=[0.5, 0.5]) * rng.uniform(2.2, 4.6)),
        screen_angle=float(rng.uniform(0.1, 1.4)),
        contrast=float(rng.uniform(0.75, 1.9)),
        brightness=float(rng.uniform(-0.08, 0.1)),
        grain=float(rng.uniform(0.01, 0.08)),
        film_curve=float(rng.uniform(0.35, 1.0)) if scan == "film" else float(rng.uniform(0, 0.2)),
        noise=float(rng.uniform(0.004, 0.04)),
        mottle=float(max(0.0, rng.uniform(-0.05, 0.06)) * (0.25 if scan == "colour" else 1)),
        bold_type=bool(rng.random() < 0.4),
        blur_px=float(rng.uniform(0.2, 1.1)),
        bleed=float(max(0.0, rng.uniform(-0.1, 0.16))),
        yellowing=yellowing,
        spots=float(max(0.0, rng.uniform(-0.6, 1))),
        gutter=float(rng.uniform(0, 0.5)),
        skew_deg=float(rng.uniform(0, 1.6)),
        jpeg_quality=int(rng.integers(60, 93)),
        border=rng.choice(["none", "thin", "double", "heavy"], p=[0.5, 0.3, 0.1, 0.1]),
        caption=rng.choice(["none", "below", "side"], p=[0.45, 0.35, 0.2]),
        horizontal_text=bool(rng.random() < 0.35),
        margin=float(rng.uniform(0, 0.07)),
        photo_shape=rng.choice(["rectangle", "oval", "mixed"], p=[0.85, 0.03, 0.12]),
    )
