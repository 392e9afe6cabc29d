"""Type and brush: line breaking, room for lines, and boxes that hold the ink and nothing more."""

from dataclasses import replace

import numpy as np
import pytest

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.pages.brush import Hand, write_column
from zuroku.datasets.sample.pages.glyphs import cut_glyph
from zuroku.datasets.sample.pages.look import PageLook, draw_look
from zuroku.datasets.sample.pages.opening import Face, Opening, print_opening
from zuroku.datasets.sample.pages.prose import Word, Writer
from zuroku.datasets.sample.pages.sheet import Sheet
from zuroku.datasets.sample.pages.typesetting import Line, Slot, Type, break_lines, line_slots, set_line

TATE = Type(20, 34.0, "tate", "ming")
YOKO = Type(20, 34.0, "yoko", "gothic")


def dark(sheet: Sheet, paper: int = 160) -> np.ndarray:
    return np.asarray(sheet.image.convert("L")) < paper


def ink_bounds(ink: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def bare_opening(seed: int, rare: bool, face: Face, **changes: object) -> Opening:
    """Print one leaf of a book without frames, rules, borders or stamps: lines and figures are all."""
    look: PageLook = replace(draw_look(seed, rare, spread=False), frame="none", rules=False, tiers=1)
    look = replace(look, style=replace(look.style, border="none"), **changes)  # type: ignore[arg-type]
    return print_opening(look, seeded_rng(seed, 9), 900, (face,), 12, "試験之書", stamps=0)


@pytest.mark.parametrize("setting", [TATE, YOKO])
def test_box_of_a_line_is_its_ink_with_readings(setting: Type) -> None:
    sheet = Sheet((300, 300), coloured=False)
    box = set_line(sheet, (80, 80), Line("漢字を讀む。", ((0, 2, "かんじ"),)), setting)
    assert box == pytest.approx(ink_bounds(dark(sheet)), abs=1.5)
    across = (box[2] - box[0], box[3] - box[1])[setting.direction == "yoko"]  # type: ignore[index]
    assert 1.2 * setting.em_px < across < 1.7 * setting.em_px


def test_a_blank_line_has_no_box() -> None:
    assert set_line(Sheet((60, 60), coloured=True), (5, 5), Line("　　"), TATE) is None


def test_punctuation_moves_to_the_upper_right_in_vertical_setting() -> None:
    for mark in "、。":
        upright, across = cut_glyph(mark, 40, "gothic", vertical=True), cut_glyph(mark, 40, "gothic")
        assert upright is not None
        assert across is not None
        assert upright.left > 20
        assert upright.top + upright.mask.height < 22
        assert across.left < 20 < across.top


def test_long_vowel_mark_stands_upright_in_vertical_setting() -> None:
    glyph = cut_glyph("ー", 40, "gothic", vertical=True)
    assert glyph is not None
    assert glyph.mask.height > 3 * glyph.mask.width


def test_ming_has_thinner_horizontals_than_gothic() -> None:
    bar = {face: cut_glyph("一", 60, face) for face in ("ming", "gothic", "heavy")}
    ming, gothic, heavy = (glyph.mask.height for glyph in bar.values() if glyph)
    assert ming < gothic < heavy


def test_lines_break_at_the_grid_and_punctuation_hangs() -> None:
    words = [Word("一二三四"), Word("五六", "ごろく"), Word("。七八九十"), Word("子丑", "ねうし")]
    slots = [Slot(0, 0, 6 * 20.0), Slot(0, 0, 5 * 20.0), Slot(0, 0, 5 * 20.0)]
    lines = break_lines(words, slots, TATE)
    # The full stop hangs beyond the sixth letter; the reading of a broken word is dropped.
    assert [line.text for line in lines] == ["一二三四五六。", "七八九十子", "丑"]
    assert [line.rubies for line in lines] == [((4, 2, "ごろく"),), (), ()]


def test_latin_letters_are_narrower_in_horizontal_lines() -> None:
    lines = break_lines([Word("1234567890" * 3)], [Slot(0, 0, 200.0)], YOKO)
    assert 15 < len(lines[0].text) < 22


def test_slots_leave_holes_out_and_run_in_reading_order() -> None:
    block, hole = (0.0, 0.0, 200.0, 400.0), (100.0, 150.0, 200.0, 250.0)
    slots = line_slots(block, [hole], TATE)
    assert slots[0].x == 180
    assert [slot.x for slot in slots] == sorted((slot.x for slot in slots), reverse=True)
    for slot in slots:
        crosses = slot.x + 20 > hole[0] and slot.y < hole[3] and slot.y + slot.length_px > hole[1]
        assert not crosses
    assert sum(slot.length_px for slot in slots if slot.x == 180) == 300
    rows = line_slots(block, [hole], YOKO)
    assert [row.y for row in rows] == sorted(row.y for row in rows)
    assert {row.length_px for row in rows} == {200.0, 100.0}


def test_a_column_of_brush_writing_stays_in_its_room_and_box() -> None:
    for seed in range(4):
        sheet = Sheet((120, 420), coloured=False)
        written = write_column(
            sheet, seeded_rng(seed), Hand(24, 0.9, 0.6, 0.05), (50, 20), "むかし男ありけり" * 9, 360
        )
        assert written is not None
        box, count = written
        assert 12 < count < 40
        assert box == pytest.approx(ink_bounds(dark(sheet)), abs=2.5)
        assert box[1] > 10
        assert box[3] < 400
        assert 16 < box[2] - box[0] < 44


def test_brush_writing_needs_room_for_a_letter() -> None:
    assert (
        write_column(Sheet((60, 60), False), seeded_rng(1), Hand(30, 0.5, 0.5, 0), (20, 5), "鬱鬱", 8) is None
    )


@pytest.mark.parametrize(
    ("seed", "rare", "face", "direction"),
    [
        (1, False, "text", "tate"),
        (2, False, "figures", "yoko"),
        (3, True, "text", "tate"),
        (4, True, "figures", "tate"),
    ],
)
def test_zones_hold_all_ink_and_touch_it_on_every_side(
    seed: int, rare: bool, face: Face, direction: str
) -> None:
    opening = bare_opening(seed, rare, face, direction=direction)
    ink = dark(opening.sheet)
    covered = np.zeros_like(ink)
    assert len(opening.sheet.zones) > 5
    for zone in opening.sheet.zones:
        left, top, right, bottom = (round(e) for e in (zone.x_min, zone.y_min, zone.x_max, zone.y_max))
        covered[top:bottom, left:right] = True
        near = 3 if zone.label == "2_handwritten" else 2
        # A photograph's edge may be pale.
        picture = zone.label == "4_illustration"
        inside = (dark(opening.sheet, 240) if picture else ink)[top:bottom, left:right]
        for side in (inside[:near], inside[-near:], inside[:, :near], inside[:, -near:]):
            assert side.any(), zone
    # What no zone holds: ink at most at the fold of a rare book, and antialiased edges.
    assert (ink & ~covered).sum() < 0.002 * ink.sum()


def test_prose_has_many_characters_and_the_writer_s_forms() -> None:
    modern = Writer(seeded_rng(1), "plain")
    text = "".join(word.text for _ in range(600) for word in modern.sentence())
    assert len(set(text)) > 1000
    assert text.endswith("。")
    official = Writer(seeded_rng(1), "official", old_forms=True)
    strict = "".join(word.text for _ in range(100) for word in official.sentence())
    assert not any("ぁ" <= letter <= "ん" for letter in strict)
    assert "国" not in strict
    assert "学" not in strict


def test_readings_are_given_to_kanji_only() -> None:
    writer = Writer(seeded_rng(2), "literary", ruby_share=1.0)
    read = [word for _ in range(60) for word in writer.sentence() if word.ruby]
    assert len(read) > 100
    assert not any("ぁ" <= word.text[-1] <= "ん" for word in read)
