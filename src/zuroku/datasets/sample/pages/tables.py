"""Ruled tables: headings, stubs and numbers, in horizontal and vertical books."""

import numpy as np

from zuroku.datasets.sample.pages.leaf import Leaf
from zuroku.datasets.sample.pages.prose import kanji_number
from zuroku.datasets.sample.pages.typesetting import Line, Type, length_px, set_line
from zuroku.datasets.sample.strokes import Box
from zuroku.datasets.sample.words import MEASURES, PLACES, TOPICS, UNITS, pick


def draw_table(leaf: Leaf, box: Box) -> None:
    """Rule and fill a table within ``box`` and record it; its cells are not recorded one by one."""
    rng = leaf.rng
    tate = leaf.look.direction == "tate" and rng.random() < 0.7
    setting = leaf.scaled(rng.uniform(0.72, 0.95), direction="tate" if tate else "yoko")
    columns = _edges(rng, box[0], box[2], setting.em_px * (rng.uniform(1.7, 2.6) if tate else 4.2), 12)
    rows = _edges(rng, box[1], box[3], setting.em_px * (5.5 if tate else rng.uniform(1.6, 2.2)), 30)
    _rule(leaf, columns, rows)
    for across in range(len(columns) - 1):
        for down in range(len(rows) - 1):
            cell = (columns[across], rows[down], columns[across + 1], rows[down + 1])
            # Vertical tables are read from the right: their stub is the last column.
            stub = across == (len(columns) - 2 if tate else 0)
            text = _entry(rng, tate, header=down == 0, stub=stub)
            if text:
                _fill(leaf, cell, text, setting)
    margin = leaf.unit
    leaf.sheet.zone(
        "9_table", (columns[0] - margin, rows[0] - margin, columns[-1] + margin, rows[-1] + margin)
    )


def _edges(rng: np.random.Generator, start: float, end: float, least: float, most: int) -> list[float]:
    """Cut the stretch into cells at least ``least`` long; the first, of the headings, may be larger."""
    room = max(2, min(most, int((end - start) / least)))
    count = int(rng.integers(max(2, room // 2), room + 1))
    parts = np.ones(count)
    parts[0] = rng.choice((1.0, 1.4))
    if rng.random() < 0.3:
        parts[1:] += rng.uniform(0, 0.5, count - 1)
    cuts = start + (end - start) * np.cumsum(parts) / parts.sum()
    return [round(start), *(round(cut) for cut in cuts.tolist())]


def _rule(leaf: Leaf, columns: list[float], rows: list[float]) -> None:
    """Draw the rules: a full grid, columns only, or head and foot only; open at the sides or closed."""
    rng, sheet, unit = leaf.rng, leaf.sheet, leaf.unit
    left, right, top, bottom = columns[0], columns[-1], rows[0], rows[-1]
    heavy = unit * rng.choice((1, 2))
    for y in (top, bottom):
        sheet.rule((left, y, right, y), heavy)
    sheet.rule((left, rows[1], right, rows[1]), unit)
    closed = rng.random() < 0.6
    for x in columns if closed else columns[1:-1]:
        sheet.rule((x, top, x, bottom), heavy if x in (left, right) else unit)
    if rng.random() < 0.45:
        for y in rows[2:-1]:
            sheet.rule((left, y, right, y), unit)


def _entry(rng: np.random.Generator, tate: bool, header: bool, stub: bool) -> str:
    if header and stub:
        return pick(rng, ("種別", "地名", "年次", "品目", ""))
    if header:
        return pick(rng, (*TOPICS, *MEASURES)) + ("" if rng.random() < 0.6 else f"({pick(rng, UNITS)})")
    if stub:
        return pick(rng, (*PLACES, *TOPICS))
    if rng.random() < 0.06:
        return pick(rng, ("―", "…", ""))
    value = int(10 ** rng.uniform(0, 3.9))
    return kanji_number(value) if tate else f"{value:,}"


def _fill(leaf: Leaf, cell: Box, text: str, setting: Type) -> None:
    """Set ``text`` in ``cell``: words at its start or middle, numbers flush at its end."""
    tate = setting.direction == "tate"
    em = setting.em_px
    room = (cell[3] - cell[1] if tate else cell[2] - cell[0]) - 0.5 * em
    while length_px(text, setting) > room and len(text) > 1:
        text = text[:-1]
    long = length_px(text, setting)
    if long > room or (cell[2] - cell[0] if tate else cell[3] - cell[1]) < 1.05 * em:
        return
    slack = room - long
    along = 0.25 * em + (slack if text[-1].isdigit() else 0.5 * slack)
    if tate:
        at = ((cell[0] + cell[2] - em) / 2, cell[1] + along)
    else:
        at = (cell[0] + along, (cell[1] + cell[3] - em) / 2)
    set_line(leaf.sheet, at, Line(text), setting)
