"""Setting type: breaking prose into lines, finding room for them, and printing them with readings.

Letters stand on a fixed grid of ems, as Japanese type does; a line's box holds the ink of its letters
and of the small readings beside them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zuroku.datasets.sample.pages.glyphs import Face, advance, cut_glyph
from zuroku.datasets.sample.pages.prose import Word
from zuroku.datasets.sample.pages.sheet import Direction, Sheet, hull
from zuroku.datasets.sample.strokes import Box

_HANGING = frozenset("、。」』)）・")


@dataclass(frozen=True)
class Type:
    """How a text is set: ``em_px`` per letter, ``pitch_px`` from line to line."""

    em_px: int
    pitch_px: float
    direction: Direction
    face: Face
    tone: int = 0


@dataclass(frozen=True)
class Line:
    """Letters of one line; ``rubies`` are (first letter, letters read, reading)."""

    text: str
    rubies: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class Slot:
    """Room for one line: where its first em square begins, and how long it may be."""

    x: float
    y: float
    length_px: float


def line_slots(block: Box, holes: Sequence[Box], setting: Type) -> list[Slot]:
    """Rule ``block`` into room for lines, in reading order, leaving out ``holes``.

    Vertical lines run from right to left, horizontal ones downwards; a line cut by a hole becomes
    two where each part holds at least four letters.
    """
    em, tate = setting.em_px, setting.direction == "tate"
    left, top, right, bottom = block
    count = int(((right - left if tate else bottom - top) - em) // setting.pitch_px) + 1
    slots = []
    for number in range(count):
        near = right - em - number * setting.pitch_px if tate else top + number * setting.pitch_px
        start, end = (top, bottom) if tate else (left, right)
        cuts = sorted(
            (hole[1], hole[3]) if tate else (hole[0], hole[2])
            for hole in holes
            if (hole[0] < near + em and near < hole[2] if tate else hole[1] < near + em and near < hole[3])
        )
        for low, high in _gaps(start, end, cuts):
            if high - low >= 4 * em:
                slots.append(Slot(near, low, high - low) if tate else Slot(low, near, high - low))
    return slots


def _gaps(start: float, end: float, cuts: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield what ``cuts`` (sorted) leave of the stretch from ``start`` to ``end``."""
    for low, high in cuts:
        if low > start:
            yield start, low
        start = max(start, high)
    if end > start:
        yield start, end


def break_lines(words: Sequence[Word], slots: Sequence[Slot], setting: Type) -> list[Line]:
    """Break ``words`` into lines that fit ``slots``, one each, until either runs out.

    Closing punctuation that would open a line hangs at the end of the one before. A reading is
    dropped where its word is broken.
    """
    letters = "".join(word.text for word in words)
    lines: list[Line] = []
    start = 0
    for slot in slots:
        if start >= len(letters):
            break
        end = start + _fitting(letters, start, slot.length_px / setting.em_px, setting.direction)
        while end < len(letters) and letters[end] in _HANGING and end - start > 1:
            end += 1
        lines.append(Line(letters[start:end], tuple(_readings(words, start, end))))
        start = end
    return lines


def _fitting(letters: str, start: int, room_em: float, direction: Direction) -> int:
    """Return how many letters from ``start`` fit into ``room_em``, at least one."""
    if direction == "tate":
        return max(1, int(room_em + 0.01))
    used = 0.0
    for count, letter in enumerate(letters[start:]):
        used += advance(letter)
        if used > room_em + 0.01:
            return max(1, count)
    return len(letters) - start


def _readings(words: Sequence[Word], start: int, end: int) -> Iterator[tuple[int, int, str]]:
    at = 0
    for word in words:
        if word.ruby and start <= at and at + len(word.text) <= end:
            yield at - start, len(word.text), word.ruby
        at += len(word.text)
        if at >= end:
            return


def set_line(
    sheet: Sheet, xy: tuple[float, float], line: Line, setting: Type, spacing: float = 1.0
) -> Box | None:
    """Print ``line`` with its first em square at ``xy``; return the box of its ink, None if blank.

    ``spacing`` is the advance in ems (of each letter's own width): headings are often spaced out.
    """
    tate = setting.direction == "tate"
    em = setting.em_px
    places = [0.0]
    for letter in line.text:
        places.append(places[-1] + em * spacing * (1.0 if tate else advance(letter)))
    boxes = []
    for letter, along in zip(line.text, places, strict=False):
        at = (xy[0], xy[1] + along) if tate else (xy[0] + along, xy[1])
        boxes.append(_print(sheet, letter, at, em, setting))
    small = max(5, round(em * 0.48))
    for first, count, reading in line.rubies:
        start, end = places[first], places[first + count] - em * (spacing - 1)
        step = max((end - start) / len(reading), 0.95 * small)
        begin = (start + end - step * len(reading)) / 2
        for number, letter in enumerate(reading):
            along = begin + step * number + (step - small) / 2
            at = (xy[0] + em * 1.02, xy[1] + along) if tate else (xy[0] + along, xy[1] - small * 1.04)
            boxes.append(_print(sheet, letter, at, small, setting))
    inked = [box for box in boxes if box is not None]
    return hull(inked) if inked else None


def _print(sheet: Sheet, letter: str, at: tuple[float, float], em_px: int, setting: Type) -> Box | None:
    glyph = cut_glyph(letter, em_px, setting.face, setting.direction == "tate")
    if glyph is None:
        return None
    x, y = round(at[0]) + glyph.left, round(at[1]) + glyph.top
    sheet.ink(glyph.mask, (x, y), setting.tone)
    return x, y, x + glyph.mask.width, y + glyph.mask.height


def length_px(text: str, setting: Type, spacing: float = 1.0) -> float:
    """Return how long ``text`` becomes when set with ``spacing``."""
    ems = float(len(text)) if setting.direction == "tate" else sum(map(advance, text))
    return ems * setting.em_px * spacing


def set_zone(
    sheet: Sheet, label: str, xy: tuple[float, float], line: Line, setting: Type, spacing: float = 1.0
) -> Box | None:
    """Print ``line`` as ``set_line`` does and record it as a zone of class ``label``."""
    box = set_line(sheet, xy, line, setting, spacing)
    if box is not None:
        sheet.zone(label, box, line.text.strip("　 "), setting.direction)
    return box
