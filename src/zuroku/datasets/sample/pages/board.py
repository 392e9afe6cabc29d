"""What lies around the book in the photograph: board, strap, lower leaves, shadow, ruler and slip."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from zuroku.datasets.sample.lettering import set_line
from zuroku.datasets.sample.noise import to_image
from zuroku.datasets.sample.pages.look import PageLook
from zuroku.datasets.sample.pages.opening import Opening
from zuroku.datasets.sample.pages.sheet import hull
from zuroku.datasets.sample.pages.warp import Warp
from zuroku.datasets.sample.strokes import Box
from zuroku.datasets.sample.style import Colour

_CHART: tuple[Colour, ...] = (
    (20, 20, 22),
    (90, 90, 92),
    (170, 170, 172),
    (244, 244, 244),
    (206, 40, 48),
    (236, 204, 60),
    (40, 140, 80),
    (40, 130, 200),
    (70, 50, 130),
    (200, 60, 120),
)


def lay_on_board(
    look: PageLook, rng: np.random.Generator, warp: Warp, opening: Opening, paper: Image.Image, title: str
) -> tuple[Image.Image, Box]:
    """Put the photographed ``paper`` on its board; return the image and the box of the whole book."""
    size = paper.size
    board = _board(look, rng, size)
    draw = ImageDraw.Draw(board)
    body = hull(list(opening.leaves))
    if look.strap:
        half = size[0] * rng.uniform(0.006, 0.012)
        x = opening.gutter_x + rng.normal(0, 1)
        draw.rectangle((x - half, 0, x + half, size[1]), fill=_tone(board, int(rng.integers(5, 30))))
    outlines = [warp.outline(_stacked(look, opening, leaf)) for leaf in opening.leaves]
    _shadow(look, rng, board, outlines)
    boxes = [warp.box(leaf) for leaf in opening.leaves]
    if look.cover_edge and not look.rare:
        edge = look.cover_edge * (body[3] - body[1])
        cover = (body[0] - 1.6 * edge, body[1] - edge, body[2] + 1.6 * edge, body[3] + edge)
        red, green, blue = look.style.palette[0]
        dye = (int(0.7 * red), int(0.7 * green), int(0.7 * blue))
        fill = dye if board.mode == "RGB" else sum(dye) // 3
        draw.polygon(warp.outline(cover).ravel().tolist(), fill=fill)
        boxes.append(warp.box(cover))
    boxes += _leaf_stack(look, rng, warp, opening, board)
    # Nothing on the board has edges sharper than the lens draws them.
    board = board.filter(ImageFilter.GaussianBlur(0.6))
    if look.ruler:
        _ruler(look, rng, board, max(box[3] for box in boxes), title)
    mask = Image.new("L", (2 * size[0], 2 * size[1]), 0)
    cut = ImageDraw.Draw(mask)
    for leaf in opening.leaves:
        cut.polygon((2 * warp.outline(leaf)).ravel().tolist(), fill=255)
    return Image.composite(paper, board, mask.reduce(2)), hull(boxes)


def _tone(board: Image.Image, value: int) -> int | Colour:
    return (value, value, value) if board.mode == "RGB" else value


def _board(look: PageLook, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Return the empty board, slightly uneven, in the mode of the book's scan."""
    width, height = size
    slope = rng.normal(0, 0.02, 2)
    light = (
        1
        + slope[0] * np.linspace(-1, 1, width, dtype=np.float32)[None]
        + slope[1] * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    )
    grain = look.style.noise * rng.standard_normal((height, width), np.float32)
    board = to_image(np.asarray(look.board / 255 * light + 0.6 * grain, np.float32))
    return board.convert("RGB") if look.style.scan == "colour" else board


def _stacked(look: PageLook, opening: Opening, leaf: Box) -> Box:
    """Return the box of ``leaf`` with the lower leaves that show at its fore-edge."""
    reach = look.leaf_stack * _step(leaf)
    if abs(leaf[2] - opening.gutter_x) < 1:
        return leaf[0] - reach, leaf[1], leaf[2], leaf[3]
    return leaf[0], leaf[1], leaf[2] + reach, leaf[3]


def _step(leaf: Box) -> float:
    """Return how far each lower leaf shows, in pixels."""
    return 0.0045 * (leaf[2] - leaf[0])


def _leaf_stack(
    look: PageLook, rng: np.random.Generator, warp: Warp, opening: Opening, board: Image.Image
) -> list[Box]:
    """Draw the lower leaves' edges, from the lowest up; return their boxes."""
    draw = ImageDraw.Draw(board)
    boxes = []
    for leaf in opening.leaves:
        whole = _stacked(look, opening, leaf)
        for count in range(look.leaf_stack, 0, -1):
            share = count / look.leaf_stack
            box = (
                leaf[0] + share * (whole[0] - leaf[0]),
                leaf[1] + rng.uniform(0, 1.5),
                leaf[2] + share * (whole[2] - leaf[2]),
                leaf[3] + rng.uniform(-1, 1.5),
            )
            light = rng.uniform(0.62, 0.97)
            red, green, blue = (int(light * band) for band in look.style.paper)
            fill = (red, green, blue) if board.mode == "RGB" else green
            draw.polygon(warp.outline(box).ravel().tolist(), fill=fill)
            boxes.append(warp.box(box))
    return boxes


def _shadow(look: PageLook, rng: np.random.Generator, board: Image.Image, outlines: list[np.ndarray]) -> None:
    """Let the book throw a soft shadow on the board, in place."""
    reach = 0.01 * board.width * rng.uniform(0.4, 1.5)
    side = rng.choice((-1, 1))
    small = Image.new("L", (board.width // 4 + 1, board.height // 4 + 1), 255)
    draw = ImageDraw.Draw(small)
    for outline in outlines:
        shifted = (outline + np.array([side * reach, 0.7 * reach])) / 4
        draw.polygon(shifted.ravel().tolist(), fill=int(255 * (1 - rng.uniform(0.2, 0.5))))
    soft = small.filter(ImageFilter.GaussianBlur(reach / 4)).resize(board.size, Image.Resampling.BILINEAR)
    board.paste(ImageChops.multiply(board, soft.convert(board.mode)))


def _ruler(look: PageLook, rng: np.random.Generator, board: Image.Image, below: float, title: str) -> None:
    """Lay a ruler below the book with a slip that names it, or a colour chart beside them."""
    draw = ImageDraw.Draw(board)
    width, height = board.size
    room = height - below
    thick = 0.03 * max(width, height)
    if room < 1.6 * thick:
        return
    y = below + rng.uniform(0.15, 0.5) * (room - 1.5 * thick)
    ink = _tone(board, 30)
    draw.rectangle((0, y, width, y + thick), fill=_tone(board, 236))
    step = width / rng.uniform(36, 48)
    first = int(rng.integers(5, 30))
    for tick in range(int(width / step * 10) + 1):
        x = tick * step / 10
        long = 0.4 if tick % 10 == 0 else 0.28 if tick % 5 == 0 else 0.18
        draw.line((x, y, x, y + long * thick), fill=ink)
        if tick % 10 == 0:
            set_line(draw, (x - 0.25 * thick, y + 0.42 * thick), str(first + tick // 10), 0.42 * thick, ink)
    if room - (y - below) > 2.6 * thick:
        text = f"標本図書館　　タイトル『{title}』　請求記号　{rng.integers(1, 900)}-{rng.integers(1, 400)}"
        em = 0.4 * thick
        x = rng.uniform(0.05, 0.25) * width
        draw.rectangle(
            (x, y + 1.05 * thick, x + em * (len(text) + 1), y + 2.2 * thick), fill=_tone(board, 250)
        )
        set_line(draw, (x + em, y + 1.3 * thick), text, em, ink)
    if board.mode == "RGB" and rng.random() < 0.35:
        patch = 1.2 * thick
        for number, colour in enumerate(_CHART):
            x = 0.62 * width + patch * (number // 2)
            top = y + (1.15 + 0.55 * (number % 2)) * thick
            draw.rectangle((x, top, x + patch, top + 0.55 * thick), fill=colour)
