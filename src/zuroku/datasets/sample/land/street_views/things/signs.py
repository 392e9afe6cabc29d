"""Sign boards with Japanese type: fascias, blades, banners, lanterns, name boards, road signs.

They are flat and unlit. What is written comes from the town's habits and the plan.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.land.street_views.camera.optics import Colour
from zuroku.datasets.sample.land.street_views.habits import TownHabits
from zuroku.datasets.sample.lettering import set_line


def fascia(town: TownHabits, name: str, size: tuple[int, int]) -> Image.Image:
    """Draw a board over a shop, ``size`` = (width, height) pixels."""
    width, height = size
    board = Image.new("RGB", size, town.board)
    letter = min(0.74 * height, width / (len(name) * 1.1 + 0.5))
    if letter >= 6:
        at = ((width - letter * len(name)) / 2, (height - 1.25 * letter) / 2)
        set_line(ImageDraw.Draw(board), at, name, letter, town.letters)
    else:
        _strokes(
            ImageDraw.Draw(board),
            (0.12 * width, 0.3 * height, 0.88 * width, 0.7 * height),
            town.letters,
            len(name),
        )
    return board


@lru_cache(maxsize=64)
def column(text: str, board: Colour, letters: Colour, letter_px: int, rounded: bool = False) -> Image.Image:
    """Draw an upright board with one column of type; ``rounded`` cuts off its corners (RGBA)."""
    wide, tall = round(1.45 * letter_px), round((len(text) * 1.06 + 0.5) * letter_px)
    picture = Image.new("RGBA", (wide, tall), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, wide - 1, tall - 1), (0.3 if rounded else 0.06) * wide, (*board, 255))
    edge = tuple(int(0.7 * c) for c in board)
    draw.rounded_rectangle(
        (0, 0, wide - 1, tall - 1), (0.3 if rounded else 0.06) * wide, outline=edge, width=2
    )
    set_line(
        draw, (0.22 * letter_px, 0.02 * letter_px), text, letter_px, letters, vertical=True, spacing=1.06
    )
    return picture


@lru_cache(maxsize=64)
def name_board(text: str, board: Colour, letters: Colour, letter_px: int) -> Image.Image:
    """Draw a level board with one line of type (RGB)."""
    size = (round((len(text) + 1.0) * letter_px), round(1.5 * letter_px))
    picture = Image.new("RGB", size, board)
    draw = ImageDraw.Draw(picture)
    set_line(draw, (0.5 * letter_px, 0.02 * letter_px), text, letter_px, letters)
    draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=letters, width=max(1, letter_px // 12))
    return picture


def blade_words(rng: np.random.Generator, town: TownHabits, name: str) -> str:
    """Return what stands on a board of the town: at times its name, at times a trade."""
    word = town.words[int(rng.integers(len(town.words)))]
    return (name[:4] + word if rng.random() < 0.5 else word) if name else word


@lru_cache(maxsize=8)
def stop_sign(side: int = 48) -> Image.Image:
    """Draw Japan's sign to stop: a red triangle on its tip (RGBA)."""
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(1, 3), (side - 2, 3), (side / 2, side - 2)], fill=(246, 246, 244, 255))
    draw.polygon([(4, 5), (side - 5, 5), (side / 2, side - 6)], fill=(200, 34, 40, 255))
    set_line(draw, (0.22 * side, 0.08 * side), "止まれ", 0.19 * side, (250, 250, 250))
    return picture


@lru_cache(maxsize=32)
def road_sign(text: str) -> Image.Image:
    """Draw the blue sign with a road's name (RGB)."""
    return name_board(text, (24, 62, 132), (246, 246, 248), 22)


def _strokes(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], fill: Colour, count: int
) -> None:
    """Stand in for type too small to set."""
    left, top, right, bottom = box
    step = (right - left) / max(1, count)
    for i in range(count):
        draw.rectangle((left + i * step, top, left + (i + 0.7) * step, max(top, bottom)), fill=fill)
