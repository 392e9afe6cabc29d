"""Pages of modern books (after 1868): printed text, headings, figures, tables, title pages.

Annotated as NDL-DocL does: page numbers and running titles are text lines; what is written inside
figures and tables is not annotated.
"""

from collections.abc import Sequence
from itertools import pairwise

from zuroku.datasets.sample.pages.leaf import Leaf, inset
from zuroku.datasets.sample.pages.plates import captioned_plate, draw_plate, plate_boxes
from zuroku.datasets.sample.pages.prose import kanji_number
from zuroku.datasets.sample.pages.tables import draw_table
from zuroku.datasets.sample.pages.typesetting import (
    Line,
    Slot,
    break_lines,
    length_px,
    line_slots,
    set_zone,
)
from zuroku.datasets.sample.strokes import Box


def draw_text_page(leaf: Leaf, chapter: bool = False) -> None:
    """Print a page of running text; with ``chapter`` one opens on it."""
    _furnish(leaf)
    _flow(leaf, [], opening=chapter)


def draw_chapter_page(leaf: Leaf) -> None:
    """Print a page on which a chapter opens."""
    draw_text_page(leaf, chapter=True)


def draw_figure_page(leaf: Leaf) -> None:
    """Print figures with their captions, and text around them."""
    _furnish(leaf)
    boxes = plate_boxes(leaf.rng, leaf.block)
    for box in boxes:
        captioned_plate(leaf, box)
    gap = 0.7 * leaf.body.em_px
    _flow(leaf, [inset(box, -gap) for box in boxes])


def draw_plate_page(leaf: Leaf) -> None:
    """Print one figure that fills the page: within the margins, or bled off at its edges."""
    block = leaf.block
    if leaf.rng.random() < 0.2:
        bled = inset(leaf.box, -2 * leaf.unit) if leaf.rng.random() < 0.5 else leaf.box
        draw_plate(leaf, bled)
        return
    if leaf.rng.random() < 0.5:
        _furnish(leaf)
    captioned_plate(leaf, inset(block, -leaf.rng.uniform(0, 0.25) * leaf.look.fore_edge * leaf.width))


def draw_table_page(leaf: Leaf) -> None:
    """Print one or two tables with their titles, and text around them."""
    _furnish(leaf)
    rng, em = leaf.rng, leaf.body.em_px
    left, top, right, bottom = leaf.block
    whole = rng.random() < 0.35
    share = 1.0 if whole else rng.uniform(0.3, 0.62)
    start = top if rng.random() < 0.5 else bottom - share * (bottom - top)
    box = (left, start, right, start + share * (bottom - top))
    title = leaf.writer().caption(int(rng.integers(1, 60))) + rng.choice(("表", "一覧", "比較表"))
    setting = leaf.scaled(1.0, direction="yoko")
    text = str(title)[: int((right - left) / em)]
    x = (left + right - length_px(text, setting)) / 2
    set_zone(leaf.sheet, "7_caption", (x, box[1]), Line(text), setting)
    draw_table(leaf, (box[0], box[1] + 1.6 * em, box[2], box[3]))
    if not whole:
        _flow(leaf, [inset(box, -0.7 * em)])


def draw_title_page(leaf: Leaf) -> None:
    """Print the title page: the title large, author and publisher beside or below it."""
    rng, sheet = leaf.rng, leaf.sheet
    left, top, right, bottom = inset(leaf.block, 0.02 * leaf.width)
    if rng.random() < 0.6:
        sheet.frame((left, top, right, bottom), leaf.unit * rng.choice((1, 2, 3)))
    writer = leaf.writer()
    tate = leaf.look.direction == "tate" or rng.random() < 0.3
    title, _, volume = leaf.title.partition(" ")
    direction = "tate" if tate else "yoko"
    room = 0.72 * (bottom - top if tate else right - left)
    large = min(0.11 * leaf.width, room / len(title)) / leaf.body.em_px
    lines = [(title, large * rng.uniform(0.8, 1), 0.5, "6_headline")]
    if volume:
        lines.append((volume, 0.5 * large, 0.64, "6_headline"))
    lines.append((writer.name() + "著", 1.5, 0.22, "8_textline"))
    lines.append((writer.name() + rng.choice(("書店", "堂発兌", "書房")), 1.4, 0.82, "8_textline"))
    for text, scale, place, label in lines:
        setting = leaf.scaled(scale, direction=direction, face=leaf.look.heading_face)
        spacing = min(rng.uniform(1, 1.5), 1.25 * room / length_px(text, setting))
        long = length_px(text, setting, max(0.95, spacing))
        em = setting.em_px
        if tate:
            # The author stands to the right of the title, the publisher to its left.
            at = (right - place * (right - left) - em / 2, top + 0.5 * (bottom - top - long))
        else:
            at = (
                (left + right - long) / 2,
                top + (place if place != 0.5 else 0.42) * (bottom - top) - em / 2,
            )
        set_zone(sheet, label, at, Line(text), setting, max(0.95, spacing))


def draw_blank_page(leaf: Leaf) -> None:
    """Leave the page blank, or nearly so."""
    if leaf.rng.random() < 0.25:
        setting = leaf.scaled(1.3)
        left, top, right, _ = leaf.block
        at = (right - 2 * setting.em_px, top) if setting.direction == "tate" else (left, top)
        set_zone(leaf.sheet, "6_headline", at, Line(leaf.writer().heading()[:14]), setting)


def _flow(leaf: Leaf, holes: Sequence[Box], opening: bool = False) -> None:
    """Fill the type area around ``holes`` with paragraphs and headings."""
    rng, setting = leaf.rng, leaf.body
    slots = [slot for tier in _tiers(leaf) for slot in line_slots(tier, holes, setting)]
    # A chapter may end on this page.
    end = len(slots) if rng.random() < 0.85 else int(len(slots) * rng.uniform(0.4, 1))
    slots = slots[:end]
    writer = leaf.writer()
    if opening:
        slots = slots[_heading(leaf, slots, rng.uniform(1.4, 2.0)) :]
    while slots:
        if rng.random() < 0.1:
            slots = slots[_heading(leaf, slots, rng.uniform(1.0, 1.45)) :]
        lines = break_lines(writer.paragraph(int(rng.integers(1, 6))), slots, setting)
        for slot, line in zip(slots, lines, strict=False):
            set_zone(leaf.sheet, "8_textline", (slot.x, slot.y), line, setting)
        slots = slots[len(lines) :]


def _tiers(leaf: Leaf) -> list[Box]:
    """Cut the type area into the book's tiers, parted by a rule."""
    left, top, right, bottom = leaf.block
    if leaf.look.tiers == 1:
        return [leaf.block]
    gap = leaf.body.em_px
    if leaf.look.direction == "tate":
        middle = (top + bottom) / 2
        return [(left, top, right, middle - gap), (left, middle + gap, right, bottom)]
    middle = (left + right) / 2
    return [(left, top, middle - gap, bottom), (middle + gap, top, right, bottom)]


def _heading(leaf: Leaf, slots: Sequence[Slot], scale: float) -> int:
    """Set a heading in the room of the first slots; return how many it takes up."""
    setting = leaf.scaled(scale, face=leaf.look.heading_face)
    tate = setting.direction == "tate"
    count = int(-(-1.6 * setting.em_px // leaf.body.pitch_px)) + (scale > 1.35)
    if len(slots) < count + 1 or not _side_by_side(slots[:count], tate):
        return 0
    text = leaf.writer().heading()
    first, last, em = slots[0], slots[count - 1], setting.em_px
    room = first.length_px - 2 * leaf.body.em_px
    spacing = leaf.rng.uniform(1.2, 1.8) if len(text) < 7 else 1.0
    if length_px(text, setting, spacing) > room:
        spacing = 1.0
        while length_px(text, setting) > room and len(text) > 2:
            text = text[:-1]
    indent = leaf.body.em_px * leaf.rng.choice((1, 2, 3))
    if not tate and scale > 1.35:
        indent = (first.length_px - length_px(text, setting, spacing)) / 2
    indent = max(0.0, min(float(indent), first.length_px - length_px(text, setting, spacing)))
    if tate:
        middle = (first.x + last.x + leaf.body.em_px) / 2
        at = (middle - em / 2, first.y + indent)
    else:
        middle = (first.y + last.y + leaf.body.em_px) / 2
        at = (first.x + indent, middle - em / 2)
    set_zone(leaf.sheet, "6_headline", at, Line(text), setting, spacing)
    return count


def _side_by_side(slots: Sequence[Slot], tate: bool) -> bool:
    """Say whether ``slots`` are neighbouring lines of equal length."""
    starts = {(slot.y if tate else slot.x, slot.length_px) for slot in slots}
    across = [slot.x if tate else slot.y for slot in slots]
    return len(starts) == 1 and all((a > b if tate else a < b) for a, b in pairwise(across))


def _furnish(leaf: Leaf) -> None:
    """Print what every page has: page number, running title, and the frame around the type area."""
    look, sheet = leaf.look, leaf.sheet
    if look.frame != "none":
        gap = 0.55 * leaf.body.em_px
        sheet.frame(inset(leaf.block, -gap), leaf.unit * (2.5 if look.frame == "heavy" else 1))
        if look.frame == "double":
            sheet.frame(inset(leaf.block, -gap - 3 * leaf.unit), leaf.unit)
    if look.tiers == 2 and look.direction == "tate":
        left, top, right, bottom = leaf.block
        sheet.rule((left, (top + bottom) / 2, right, (top + bottom) / 2), leaf.unit)
    _running_title(leaf)
    _page_number(leaf)


def _running_title(leaf: Leaf) -> None:
    left, top, right, _ = leaf.block
    text = leaf.title.replace(" ", "　")
    if leaf.look.running_title == "top":
        setting = leaf.scaled(0.75, direction="yoko")
        long = length_px(text, setting)
        x = (left + right - long) / 2
        set_zone(leaf.sheet, "8_textline", (x, top - 2.6 * leaf.body.em_px), Line(text), setting)
    elif leaf.look.running_title == "side":
        setting = leaf.scaled(0.72, direction="tate")
        gap = 1.3 * leaf.body.em_px
        x = left - gap - setting.em_px if leaf.bound == "right" else right + gap
        set_zone(leaf.sheet, "8_textline", (x, top + 0.08 * leaf.height), Line(text), setting)


def _page_number(leaf: Leaf) -> None:
    left, top, right, bottom = leaf.block
    em = leaf.body.em_px
    at_left = leaf.bound == "right"
    habit = leaf.look.page_number
    if habit == "side":
        setting = leaf.scaled(0.75, direction="tate")
        x = left - 1.3 * em - setting.em_px if at_left else right + 1.3 * em
        number = Line(kanji_number(leaf.number))
        set_zone(leaf.sheet, "8_textline", (x, bottom - 0.2 * leaf.height), number, setting)
        return
    setting = leaf.scaled(0.85, direction="yoko")
    text = str(leaf.number) if leaf.look.direction == "yoko" else kanji_number(leaf.number)
    if habit == "bottom":
        text = f"― {text} ―" if leaf.look.number_dashes else text
        x, y = (left + right - length_px(text, setting)) / 2, bottom + 1.4 * em
    else:
        x = left if at_left else right - length_px(text, setting)
        y = top - 2.6 * em
    set_zone(leaf.sheet, "8_textline", (x, y), Line(text), setting)
