"""Rows of the Feature Tuning study by an embedder whose vectors are known: collapses, and what is kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.unit.reports.test_retrieval_sets import ColourData, ColourEmbedder, Row, objects
from zuroku.artifacts import Artifact
from zuroku.errors import EvaluationError
from zuroku.reports import feature_tuning, feature_tuning_search
from zuroku.reports.feature_tuning import FeatureTuningStudySettings, flat_results, run_feature_tuning
from zuroku.reports.feature_tuning_page import SetOnPage, feature_tuning_page
from zuroku.reports.feature_tuning_search import RetrievalSet, SearchedSet, open_set, search_sets
from zuroku.reports.object_crops import ObjectBoxes
from zuroku.reports.retrieval_sets import IntervalSettings

BUNDLE = Artifact(Path("bundle"), "ab" * 32)
INTERVALS = IntervalSettings(resamples=20)
TRAINING = {"tune_backbone": {"epochs": 1, "patience": 1}, "tune_head": {"epochs": 1, "patience": 1}}


class Data(ColourData):
    """Images of one colour, with the name of a dataset."""

    version = "1"

    def __init__(self, root: Path, rows: list[Row]) -> None:
        super().__init__(root)
        self._rows = rows

    def rows(self) -> list[Row]:
        return self._rows


class Embedder(ColourEmbedder):
    """Colours as vectors; what is ``dark`` kills all units, and every ``asked`` picture is counted."""

    dark: tuple[int, ...] = ()
    asked = 0

    def __init__(self, folder: Path) -> None:
        self.card = SimpleNamespace(tap_norms={})

    def embed_bytes(self, data: bytes) -> np.ndarray:
        place, Embedder.asked = Embedder.asked, Embedder.asked + 1
        vector = super().embed_bytes(data)
        return np.zeros_like(vector) if place in self.dark else vector


@pytest.fixture(autouse=True)
def known_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_tuning_search, "EmbedderPredictor", Embedder)
    monkeypatch.setattr(Embedder, "asked", 0)


def searched(root: Path, crops: bool = False) -> SearchedSet:
    settings = RetrievalSet(dataset="objects", protocol="ukbench")
    one = open_set(settings, Data(root, objects(mixed=False)), {})  # type: ignore[arg-type]
    if not crops:
        return one
    half = np.array([[0, 0, 20, 20]], dtype=np.float64)
    return SearchedSet(one.settings, one.task, ObjectBoxes("known", [half] * 16, "cd" * 32))


def search(tmp_path: Path, one: SearchedSet, bundle: Artifact = BUNDLE, **more: Any) -> dict[str, Any]:
    intervals = more.get("intervals", INTERVALS)
    return search_sets("softmax-plain", bundle, [one], intervals, tmp_path)


def test_a_row_tells_what_made_it(tmp_path: Path) -> None:
    row = search(tmp_path, searched(tmp_path, crops=True))
    assert row["scores"] == row["crops"] == {"objects": {"value": 4, "low": 4, "high": 4}}
    assert row["gains"]["objects"]["value"] == 0
    assert row["bundle_sha256"] == BUNDLE.sha256
    assert row["detector_sha256"] == {"objects": "cd" * 32}
    assert row["collapsed"] == []


@pytest.mark.parametrize(("dead", "lost"), [((3,), {"scores", "gains"}), ((20,), {"crops", "gains"})])
def test_one_dead_vector_is_a_collapse_without_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: tuple[int, ...], lost: set[str]
) -> None:
    monkeypatch.setattr(Embedder, "dark", dead)  # of the sixteen images, or of their crops
    row = search(tmp_path, searched(tmp_path, crops=True))
    assert {kind for kind in ("scores", "crops", "gains") if not row[kind]} == lost
    assert row["collapsed"] == ["objects"]
    way = {"trained_on": "objects", "trained_on_test": False}
    assert ("objects.softmax-plain" in flat_results([row | way])) is ("scores" not in lost)
    page = feature_tuning_page([row | way], [SetOnPage("objects", "ukbench", "sixteen", 4, 4)])
    (line,) = [line for line in page.splitlines() if line.startswith("| softmax-plain | `abababab`")]
    assert "(collapsed on objects)" in line
    assert ("| — |" in line) is ("scores" in lost)
    assert "| softmax-plain | gain | — |" in page
    assert "cannot be compared" in page


def test_what_was_searched_is_not_searched_again(tmp_path: Path) -> None:
    one = searched(tmp_path, crops=True)
    first = search(tmp_path, one)
    asked = Embedder.asked
    assert asked == 32
    assert search(tmp_path, searched(tmp_path, crops=True)) == first
    assert Embedder.asked == asked


@pytest.mark.parametrize("change", ["bundle", "set", "rows", "intervals", "detector"])
def test_anything_else_is_searched_anew(tmp_path: Path, change: str) -> None:
    one = searched(tmp_path, crops=True)
    search(tmp_path, one)
    asked = Embedder.asked
    more: dict[str, Any] = {}
    if change == "bundle":
        more["bundle"] = Artifact(BUNDLE.path, "ef" * 32)
    elif change == "intervals":
        more["intervals"] = IntervalSettings(resamples=21)
    elif change == "set":
        one = searched(tmp_path)
    elif change == "rows":
        settings, data = one.settings, Data(tmp_path, objects(mixed=False)[4:])
        one = open_set(settings, data, {})  # type: ignore[arg-type]
    else:
        boxes = ObjectBoxes("known", one.boxes.boxes, "99" * 32)  # type: ignore[union-attr]
        one = SearchedSet(one.settings, one.task, boxes)
    search(tmp_path, one, **more)
    assert Embedder.asked > asked


def test_a_dataset_is_not_searched_by_two_protocols() -> None:
    twice = [{"dataset": "one", "protocol": protocol} for protocol in ("ukbench", "holidays")]
    with pytest.raises(ValidationError, match="a dataset comes twice among one, one"):
        FeatureTuningStudySettings.model_validate(
            {"training": TRAINING, "sets": twice, "shown_taps": ["gap"]}
        )


def test_broken_sets_are_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_tuning, "tune_features", lambda *_: pytest.fail("trained"))
    monkeypatch.setattr(feature_tuning.pd, "read_parquet", lambda _: {"group": [], "split": []})
    whole, broken = objects(mixed=False), objects(mixed=False)[1:]
    datasets: dict[str, Any] = {"one": Data(tmp_path, whole), "two": Data(tmp_path, broken)}
    settings = FeatureTuningStudySettings.model_validate(
        {
            "training": TRAINING,
            "sets": [{"dataset": name, "protocol": "ukbench"} for name in datasets],
            "shown_taps": ["gap"],
        }
    )
    with pytest.raises(EvaluationError, match=r"1 groups of .* are not of four images"):
        run_feature_tuning(datasets, Artifact(tmp_path, ""), settings, tmp_path / "study", "1")
