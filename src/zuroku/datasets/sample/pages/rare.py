"""Pages of rare books (before 1868): block-printed or written by brush, framed, on folded leaves.

Annotated as NDL-DocL does: the halved lettering of the fold and what is written inside pictures are
not annotated; headings and colophons in regular script are typography.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zuroku.datasets.sample.pages.brush import write_column
from zuroku.datasets.sample.pages.leaf import Leaf, inset
from zuroku.datasets.sample.pages.plates import draw_plate, plate_boxes
from zuroku.datasets.sample.pages.prose import Word, kanji_number
from zuroku.datasets.sample.pages.sheet import hull
from zuroku.datasets.sample.pages.typesetting import (
    Line,
    Slot,
    Type,
    break_lines,
    line_slots,
    set_line,
    set_zone,
)
from zuroku.datasets.sample.strokes import Box
from zuroku.datasets.sample.words import pick

_COVERS = ((52, 70, 78), (44, 58, 92), (120, 88, 58), (96, 104, 80), (150, 124, 84), (70, 62, 58))


def draw_text_page(leaf: Leaf) -> None:
    """Fill the frame with columns of text."""
    draw_frame(leaf)
    _flow(leaf, [])


def draw_figure_page(leaf: Leaf) -> None:
    """Print pictures within the frame, and columns of text around them."""
    draw_frame(leaf)
    boxes = plate_boxes(leaf.rng, leaf.block)
    if leaf.rng.random() < 0.3:
        for box in boxes:
            _part_off(leaf, box)
    for box in boxes:
        draw_plate(leaf, inset(box, 0.3 * leaf.body.em_px), slender=3)
    _flow(leaf, [inset(box, -0.3 * leaf.body.em_px) for box in boxes])


def draw_plate_page(leaf: Leaf) -> None:
    """Print one picture that fills the frame, perhaps under a line of text."""
    draw_frame(leaf)
    left, top, right, bottom = inset(leaf.block, 2 * leaf.unit)
    if leaf.rng.random() < 0.35:
        cut = right - leaf.rng.integers(1, 4) * leaf.body.pitch_px
        _flow(leaf, [(left, top, cut, bottom)])
        right = cut - 0.3 * leaf.body.em_px
    draw_plate(leaf, (left, top, right, bottom), slender=3)


def draw_colophon(leaf: Leaf) -> None:
    """Print the colophon: date, author and booksellers in a few large lines."""
    draw_frame(leaf)
    rng, writer = leaf.rng, leaf.writer()
    left, top, right, bottom = leaf.block
    lines = [writer.date() + pick(rng, ("正月吉旦", "春三月", "秋九月", "歳次丙辰")), writer.name() + "著"]
    lines += [
        pick(rng, ("東都書林", "浪華書肆", "皇都書房", "江戸日本橋通")),
        *(writer.name() + "板" for _ in range(int(rng.integers(1, 4)))),
    ]
    pitch = (right - left) / (len(lines) + 0.5)
    for number, text in enumerate(lines):
        setting = leaf.scaled(rng.uniform(1.0, 1.5), face="heavy")
        spacing = rng.uniform(1.0, 1.3)
        long = len(text) * setting.em_px * spacing
        start = top + rng.uniform(0.02, 0.9) * max(0.0, bottom - top - long - leaf.body.em_px)
        x = right - (number + 0.75) * pitch - setting.em_px / 2
        set_zone(leaf.sheet, "3_typography", (x, start), Line(text), setting, spacing)


def draw_blank_page(leaf: Leaf) -> None:
    """Leave the page empty, within its frame or without."""
    if leaf.rng.random() < 0.3:
        draw_frame(leaf)


def draw_cover(leaf: Leaf) -> None:
    """Dye the leaf as a cover and paste a title slip on it; the whole slip is a handwritten line."""
    rng, sheet = leaf.rng, leaf.sheet
    colour = np.array(_COVERS[int(rng.integers(len(_COVERS)))]) + rng.integers(-12, 13)
    red, green, blue = (int(max(20, band)) for band in colour)
    fill = (red, green, blue) if sheet.coloured else int(0.3 * red + 0.59 * green + 0.11 * blue)
    left, top, right, bottom = leaf.box
    sheet.draw.rectangle((left, top, right, bottom), fill=fill)
    wide = leaf.width * rng.uniform(0.13, 0.19)
    long = leaf.height * rng.uniform(0.5, 0.7)
    x = left + leaf.width * (rng.uniform(0.06, 0.12) if rng.random() < 0.6 else rng.uniform(0.38, 0.46))
    slip = (
        round(x),
        round(top + 0.03 * leaf.height),
        round(x + wide),
        round(top + 0.03 * leaf.height + long),
    )
    sheet.draw.rectangle(slip, fill=sheet.tone(int(rng.integers(190, 245))))
    if rng.random() < 0.6:
        sheet.frame(inset(slip, 3 * leaf.unit), leaf.unit)
    text = leaf.title.replace(" ", "")
    hand = replace(leaf.look.hand, em_px=round(min(0.62 * wide, 0.85 * long / len(text))))
    written = write_column(
        sheet, rng, hand, ((slip[0] + slip[2] - hand.em_px) / 2, slip[1] + 0.06 * long), text, 0.9 * long
    )
    sheet.zone("2_handwritten", slip, text[: written[1]] if written else text, "tate")


def draw_frame(leaf: Leaf) -> None:
    """Rule the block's frame and, at the fore-edge, the half of the fold strip that this side shows."""
    look, sheet, unit = leaf.look, leaf.sheet, leaf.unit
    if look.frame == "none":
        return
    left, top, right, bottom = inset(leaf.block, -0.35 * leaf.body.em_px)
    outer = leaf.box[0] if leaf.bound == "right" else leaf.box[2]
    weight = unit * (3.5 if look.frame == "heavy" else 1.5)
    start, end = min(left, outer), max(right, outer)
    for y in (top, bottom):
        sheet.rule((start, y, end, y), weight)
    inner, fold = (right, left) if leaf.bound == "right" else (left, right)
    sheet.rule((inner, top, inner, bottom), weight)
    sheet.rule((fold, top, fold, bottom), unit)
    if look.frame == "double":
        inside = inset((left, top, right, bottom), 3 * unit)
        for y in (inside[1], inside[3]):
            sheet.rule((inside[0], y, inside[2], y), unit)
        x = inside[2] if leaf.bound == "right" else inside[0]
        sheet.rule((x, inside[1], x, inside[3]), unit)
    _fold_strip(leaf, outer, fold, (top, bottom))


def _fold_strip(leaf: Leaf, outer: float, fold: float, ends: tuple[float, float]) -> None:
    """Print the fold's lettering, which the edge of the leaf cuts in half: tail, title, leaf number."""
    top, bottom = ends
    em = max(9, round(min(0.9 * abs(outer - fold), 1.2 * leaf.body.em_px)))
    setting = leaf.scaled(em / leaf.body.em_px, direction="tate", face="heavy")
    x = outer - setting.em_px / 2
    high = bottom - top
    # The fish tail: a notched bar at which the leaf is folded.
    y = top + 0.1 * high
    side = fold if abs(outer - fold) > 2 else outer
    tail = [(outer, y), (side, y), (side, y + 0.6 * em), (outer, y + 0.3 * em)]
    leaf.sheet.draw.polygon(tail, fill=leaf.sheet.tone(0))
    title = leaf.title.partition(" ")[0].removesuffix("巻") + "巻"
    set_line(leaf.sheet, (x, y + 1.3 * em), Line(title[:9]), setting, 1.05)
    number = Line(kanji_number((leaf.number + 1) // 2))
    set_line(leaf.sheet, (x, top + 0.82 * high), number, setting)


def _part_off(leaf: Leaf, box: Box) -> None:
    """Rule a cell around ``box``, as picture encyclopaedias do."""
    leaf.sheet.frame(box, leaf.unit)


def _flow(leaf: Leaf, holes: Sequence[Box]) -> None:
    """Fill the frame around ``holes`` with columns, and headings where the text has them."""
    rng, look = leaf.rng, leaf.look
    body = leaf.body
    left, _, right, _ = leaf.block
    # Columns fill the frame evenly.
    count = max(1, int((right - left) // body.pitch_px))
    setting = replace(body, pitch_px=(right - left) / count)
    margin = (setting.pitch_px - body.em_px) / 2
    slots = line_slots((left, leaf.block[1], right - margin, leaf.block[3]), holes, setting)
    if look.rules and not holes:
        for number in range(1, count):
            x = right - number * setting.pitch_px
            leaf.sheet.rule((x, leaf.block[1], x, leaf.block[3]), leaf.unit)
    if rng.random() < 0.12:
        slots = slots[: int(len(slots) * rng.uniform(0.3, 0.9))]
    slots = slots[_heading(leaf, slots) :]
    if look.script == "brush":
        _write(leaf, slots)
    else:
        _print(leaf, slots, setting)


def _heading(leaf: Leaf, slots: Sequence[Slot]) -> int:
    """Set a heading in regular script at the head of the first column; return the columns it takes."""
    rng = leaf.rng
    if not slots or rng.random() > 0.4:
        return 0
    setting = leaf.scaled(rng.uniform(1.0, 1.3), face="heavy", direction="tate")
    text = leaf.writer().subject()[: max(1, int(slots[0].length_px / setting.em_px / 1.3))]
    x = slots[0].x + (leaf.body.em_px - setting.em_px) / 2
    y = slots[0].y + leaf.body.em_px * rng.choice((0.2, 1, 2))
    box = set_zone(leaf.sheet, "3_typography", (x, y), Line(text), setting, rng.uniform(1.0, 1.2))
    if box and leaf.look.frame != "none" and rng.random() < 0.35:
        leaf.sheet.frame(inset(hull([box]), -0.25 * setting.em_px), leaf.unit)
    return 1


def _write(leaf: Leaf, slots: Sequence[Slot]) -> None:
    """Write the slots full by brush."""
    hand = replace(leaf.look.hand, em_px=leaf.body.em_px)
    writer = leaf.writer()
    text = ""
    for slot in slots:
        while len(text) < 3 * slot.length_px / hand.em_px:
            text += "".join(word.text for word in writer.sentence())
            if leaf.rng.random() < 0.06:
                text += "○"
        found = write_column(leaf.sheet, leaf.rng, hand, (slot.x, slot.y), text, slot.length_px)
        if found:
            box, count = found
            leaf.sheet.zone("2_handwritten", box, text[:count], "tate")
            text = text[count:]


def _print(leaf: Leaf, slots: Sequence[Slot], setting: Type) -> None:
    """Print the slots full in regular script."""
    writer = leaf.writer()
    words: list[Word] = []
    letters = sum(slot.length_px for slot in slots) / setting.em_px
    while sum(len(word.text) for word in words) < letters:
        words += writer.sentence()
    for slot, line in zip(slots, break_lines(words, slots, setting), strict=False):
        set_zone(leaf.sheet, "3_typography", (slot.x, slot.y), line, setting)
