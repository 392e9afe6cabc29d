"""Retrieval sets end to end on datasets whose vectors are known."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zuroku.errors import EvaluationError, SourceError, SplitError
from zuroku.reports.embeddings import embed_items
from zuroku.reports.retrieval_sets import IntervalSettings, QueryScores, retrieval_task, score_queries

SETTINGS = IntervalSettings(resamples=50)


class Row:
    def __init__(self, item_id: str, group: str, colour: tuple[int, int, int]) -> None:
        self.item_id, self.group, self.colour = item_id, group, colour


class ColourData:
    """Images of one colour each; the left half of an image may be of another."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, row: Row) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (40, 20), row.colour).save(buffer, format="PNG")
        return buffer.getvalue()


class ColourEmbedder:
    """The mean colour of a picture as its vector."""

    dimension = 3

    def embed_bytes(self, data: bytes) -> np.ndarray:
        with Image.open(io.BytesIO(data)) as image:
            mean = np.asarray(image.convert("RGB"), dtype=np.float32).mean(axis=(0, 1)) + 1
        return mean / np.linalg.norm(mean)

    def embed(self, reads):
        for read in reads:
            yield self.embed_bytes(read())


COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 10)]


def objects(mixed: bool) -> list[Row]:
    """Four objects of four views; mixed, every view has another object's colour."""
    return [
        Row(f"ukbench{4 * o + v:05}", f"{o:05}", COLOURS[(o + v) % 4 if mixed else o])
        for o in range(4)
        for v in range(4)
    ]


def score(rows: list[Row], protocol: str, root: Path):
    data, embedder = ColourData(root), ColourEmbedder()
    pictures = list(embed_items(embedder, data, rows)[:, None])  # type: ignore[arg-type]
    task = retrieval_task(data, rows, protocol)  # type: ignore[arg-type]
    return score_queries(task, pictures, embedder).interval(SETTINGS)  # type: ignore[arg-type, union-attr]


def test_objects_that_look_alike_find_all_four_views(tmp_path: Path) -> None:
    found = score(objects(mixed=False), "ukbench", tmp_path)
    assert (found.estimate, found.lower, found.upper) == (4, 4, 4)
    assert score(objects(mixed=True), "ukbench", tmp_path).estimate == pytest.approx(1)


def test_a_scene_is_sought_by_its_first_photograph(tmp_path: Path) -> None:
    rows = [Row(f"{1000 + s}{v:02}", str(1000 + s), COLOURS[s]) for s in range(4) for v in range(3)]
    assert score(rows, "holidays", tmp_path).estimate == 1
    rows[1].colour = COLOURS[1]  # a view of the first scene that looks like the second
    assert score(rows, "holidays", tmp_path).estimate < 1


def buildings(root: Path) -> list[Row]:
    """Two buildings of three views, with their ground truth."""
    truth = root / "ground_truth"
    truth.mkdir()
    rows = [Row(f"a_{n}", f"a_{n}", COLOURS[0]) for n in range(3)]
    rows += [Row(f"b_{n}", f"b_{n}", COLOURS[1]) for n in range(3)]
    for name in ("a", "b"):
        (truth / f"{name}_1_query.txt").write_text(f"oxc1_{name}_0 5.0 5.0 30.0 15.0\n")
        (truth / f"{name}_1_good.txt").write_text(f"{name}_1\n")
        (truth / f"{name}_1_ok.txt").write_text(f"{name}_2\n")
        (truth / f"{name}_1_junk.txt").write_text(f"{name}_0\n")
    return rows


def test_buildings_are_sought_by_what_the_box_shows(tmp_path: Path) -> None:
    assert score(buildings(tmp_path), "oxford5k", tmp_path).estimate == 1


def test_groups_that_have_lost_an_image_are_refused_before_anything_is_embedded(tmp_path: Path) -> None:
    data = ColourData(tmp_path)
    with pytest.raises(EvaluationError, match=r"2 groups of .* are not of four images \(00000, 00003\)"):
        retrieval_task(data, objects(mixed=False)[1:-1], "ukbench")  # type: ignore[arg-type]
    scenes = [Row("100000", "1000", COLOURS[0]), Row("100101", "1001", COLOURS[1])]
    with pytest.raises(EvaluationError, match=r"no scene of .* has a query and another image"):
        retrieval_task(data, scenes, "holidays")  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="unknown images"):
        retrieval_task(data, buildings(tmp_path)[:-1], "oxford5k")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, np.nan])
def test_vectors_that_cannot_be_compared_have_no_scores(tmp_path: Path, value: float) -> None:
    rows, embedder = buildings(tmp_path), ColourEmbedder()
    data = ColourData(tmp_path)
    task = retrieval_task(data, rows, "oxford5k")  # type: ignore[arg-type]
    pictures = list(embed_items(embedder, data, rows)[:, None])  # type: ignore[arg-type]
    assert score_queries(task, [*pictures[:-1], pictures[-1] * value], embedder) is None  # type: ignore[arg-type]
    embedder.embed_bytes = lambda data: np.full(3, value, dtype=np.float32)  # type: ignore[method-assign]
    assert score_queries(task, pictures, embedder) is None  # type: ignore[arg-type]


def test_nothing_to_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="no image"):
        score([], "ukbench", tmp_path)


def test_a_gain_is_paired_by_query_and_passes_over_queries_without_positives() -> None:
    groups = ["a", "a", "b", "c"]
    better = QueryScores(np.array([0.9, 0.5, 0.7, np.nan]), groups)
    worse = QueryScores(np.array([0.8, 0.4, 0.6, np.nan]), groups)
    gain = better.minus(worse).interval(SETTINGS)
    assert (gain.estimate, gain.lower, gain.upper) == pytest.approx((0.1, 0.1, 0.1))
    assert gain.n_groups == 2
