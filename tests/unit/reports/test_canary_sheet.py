"""The sheet of the worst queries: who stands where, and which answer is the known one."""

import io

import numpy as np
from PIL import Image

from zuroku.indexes.canary import Answer, CanaryQuery, Region, replay
from zuroku.reports.canary_sheet import canary_sheet

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


def square(colour: tuple[int, int, int], size: tuple[int, int] = (130, 130)) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", size, colour).save(encoded, "PNG")
    return encoded.getvalue()


def columns(sheet: bytes, colour: tuple[int, int, int]) -> list[int]:
    """The columns of the sheet whose first row shows a square of ``colour``."""
    image = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB")).astype(int)
    row = image[26 + 8 + 60]
    middles = row[8 + 60 :: 128][:11]
    return np.flatnonzero(np.abs(middles - colour).max(axis=1) < 40).tolist()


def test_a_row_is_the_query_then_five_old_answers_then_five_new_ones() -> None:
    query = CanaryQuery(Region("known", (0, 0, 9, 9)), "", "stamp", square(RED))
    old = [Answer(Region(f"old{n}"), 0.9, square(GREEN)) for n in range(10)]
    new = [Answer(Region(f"new{n}"), 0.9, square(BLUE)) for n in range(2)]
    sheet = canary_sheet([replay(query, old, new)])
    assert (columns(sheet, RED), columns(sheet, GREEN), columns(sheet, BLUE)) == (
        [0],
        [1, 2, 3, 4, 5],
        [6, 7],
    )


def test_panoramas_are_folded_as_their_thumbnails_are_and_wide_figures_are_not() -> None:
    wide = square(RED, (480, 120))
    photograph = CanaryQuery(Region("photo"), "", "13", wide)
    figure = CanaryQuery(Region("page", (0, 0, 9, 9)), "", "stamp", wide)
    sheets = [canary_sheet([replay(query, [], [])]) for query in (photograph, figure)]
    heights = []
    for sheet in sheets:
        image = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB")).astype(int)
        heights.append(int((np.abs(image[:, 68] - RED).max(axis=1) < 40).sum()))
    # About the edges JPEG leaves a pixel or two in doubt.
    assert [round(height, -1) for height in heights] == [120, 30]


def test_no_more_than_four_queries_are_shown_and_a_missing_thumbnail_leaves_a_blank() -> None:
    query = CanaryQuery(Region("known"), "", "stamp", square(RED))
    one = replay(query, [Answer(query.answer, 1.0, b"")], [])
    sizes = [Image.open(io.BytesIO(canary_sheet([one] * n))).size for n in (4, 9)]
    assert sizes[0] == sizes[1]
