"""The canary's parts: what is the same, how much has changed, which pictures are drawn, what is kept."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from zuroku.artifacts import verify
from zuroku.errors import IntegrityError
from zuroku.indexes.canary import (
    Answer,
    CanaryQuery,
    CanarySettings,
    Region,
    churn,
    disturbed,
    draw_evenly,
    read_canary,
    replay,
    write_canary,
)

BOX = (10.0, 20.0, 110.0, 220.0)


def slow_churn(before: list[Region], after: list[Region]) -> float:
    """By trying every way to pair the shorter list with some of the longer one."""
    short, long = sorted((before, after), key=len)
    if not short:
        return float(bool(before))

    def same(one: Region, other: Region) -> bool:
        if one.source != other.source or one.box is None or other.box is None:
            return one.source == other.source and one.box == other.box
        (a, b, c, d), (e, f, g, h) = one.box, other.box
        shared = max(0.0, min(c, g) - max(a, e)) * max(0.0, min(d, h) - max(b, f))
        return shared / ((c - a) * (d - b) + (g - e) * (h - f) - shared) >= 0.5

    best = max(
        sum(same(one, other) for one, other in zip(short, partners, strict=True))
        for partners in itertools.permutations(long, len(short))
    )
    return 1 - best / len(before)


def regions(draw: np.random.Generator, count: int) -> list[Region]:
    """Regions of two sources, often overlapping, some of them whole sources."""
    found = []
    for _ in range(count):
        corner = draw.integers(0, 4, 2) * 10.0
        box = (corner[0], corner[1], corner[0] + 40, corner[1] + 30 + 10.0 * draw.integers(0, 2))
        found.append(Region(f"page{draw.integers(2)}", None if draw.random() < 0.2 else box))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_churn_is_that_of_the_best_pairing(seed: int) -> None:
    draw = np.random.default_rng(seed)
    before, after = regions(draw, int(draw.integers(0, 6))), regions(draw, int(draw.integers(0, 6)))
    assert churn(before, after) == pytest.approx(slow_churn(before, after))
    assert churn(after, before) == pytest.approx(slow_churn(after, before))


def test_order_is_no_churn_nor_are_more_answers_but_fewer_are() -> None:
    a, b, c, d = (Region(name) for name in "abcd")
    assert churn([a, b, c], [c, a, b]) == 0
    assert churn([a, b], [d, b, c, a]) == 0
    assert churn([a, b, c, d], [a, Region("e")]) == 0.75
    assert churn([], [a]) == 0
    assert churn([a], []) == 1


def test_one_box_cannot_stand_for_two() -> None:
    twice = [Region("page", BOX), Region("page", (10, 20, 110, 200))]
    assert churn(twice, [Region("page", BOX), Region("other", BOX)]) == 0.5


@pytest.mark.parametrize(
    ("box", "same"),
    [
        (BOX, True),
        ((10, 20, 110, 120), True),  # half of it: an intersection over union of exactly 0.5
        ((10, 20, 110, 119), False),
        ((300, 20, 400, 220), False),
    ],
)
def test_a_moved_box_is_the_same_figure_while_half_is_shared(box: tuple, same: bool) -> None:
    assert Region("page", BOX).shows(Region("page", box)) is same
    assert not Region("page", BOX).shows(Region("other", box))


def test_a_whole_source_is_not_a_part_of_it() -> None:
    assert Region("photo").shows(Region("photo"))
    assert not Region("photo").shows(Region("photo", BOX))


def test_rows_are_drawn_evenly_and_what_a_small_stratum_lacks_comes_from_the_large() -> None:
    strata = {"few": range(100, 102), "many": range(50), "some": [7, 9, 11, 13, 15, 17]}
    drawn = draw_evenly(strata, 14, np.random.default_rng(1))
    counts = {name: sum(one == name for one, _ in drawn) for name in strata}
    assert counts == {"few": 2, "some": 6, "many": 6}
    assert len(set(drawn)) == 14
    assert all(row in strata[name] for name, row in drawn)
    assert drawn == sorted(drawn) == draw_evenly(strata, 14, np.random.default_rng(1))
    assert drawn != draw_evenly(strata, 14, np.random.default_rng(2))


def test_no_more_is_drawn_than_there_is_nor_than_asked_for() -> None:
    strata = {"a": [0, 1], "b": [2], "c": [3, 4, 5]}
    assert [row for _, row in draw_evenly(strata, 99, np.random.default_rng(0))] == list(range(6))
    # Fewer than there are strata: the largest come first.
    assert {name for name, _ in draw_evenly(strata, 2, np.random.default_rng(0))} == {"a", "c"}


def picture(size: tuple[int, int]) -> bytes:
    pixels = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


@pytest.mark.parametrize(
    ("size", "least", "most"),
    [
        ((400, 200), (275, 137), (295, 148)),  # three quarters of 92 to 98 %
        ((1600, 1000), (480, 320), (545, 320)),  # the shorter side to 320
        ((1, 1), (1, 1), (1, 1)),
    ],
)
def test_a_disturbed_picture_is_cropped_smaller_and_a_jpeg(size: tuple, least: tuple, most: tuple) -> None:
    made = disturbed(picture(size), np.random.default_rng(0))
    with Image.open(io.BytesIO(made)) as image:
        assert image.format == "JPEG"
        for side, low, high in zip(image.size, least, most, strict=True):
            assert low <= side <= high
    assert made == disturbed(picture(size), np.random.default_rng(0))


def query(source: str, box: tuple | None = None) -> CanaryQuery:
    return CanaryQuery(Region(source, box), "ab" * 32, "stamp", b"jpeg of " + source.encode())


def test_the_set_is_read_as_it_was_written_and_another_takes_its_place(tmp_path) -> None:
    folder = tmp_path / "models" / "canary"
    assert read_canary(folder) == []
    queries = [query("p1", BOX), query("p2")]
    write_canary(queries, "cd" * 32, CanarySettings(), folder)
    assert read_canary(folder) == queries
    first = verify(folder).sha256
    write_canary(queries[:1], "cd" * 32, CanarySettings(), folder)
    assert read_canary(folder) == queries[:1]
    assert verify(folder).sha256 != first
    assert [path.name for path in folder.parent.iterdir()] == ["canary"]


def test_a_set_that_was_tampered_with_is_refused(tmp_path) -> None:
    folder = tmp_path / "canary"
    write_canary([query("p1")], "cd" * 32, CanarySettings(), folder)
    (folder / "queries.parquet").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"(?s)changed queries.parquet.*delete .*canary: a new set"):
        read_canary(folder)


def answers(*sources: str) -> list[Answer]:
    return [Answer(Region(source), 0.9, b"") for source in sources]


def test_an_answer_is_lost_only_if_it_was_there_before() -> None:
    found = replay(query("a"), answers("b", "a"), answers("a", "c"))
    assert (found.rank_before, found.rank_after, found.lost, found.churn) == (2, 1, False, 0.5)
    assert replay(query("a"), answers("a"), answers("b")).lost
    never = replay(query("a"), answers("b"), answers("b"))
    assert (never.rank_before, never.lost) == (None, False)
