"""The Feature Tuning study on a tiny set: which images each way trains on, crops, and what the page says."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.unit.training import figure_data
from tests.unit.training.traced_export import traced_export
from zuroku.artifacts import Artifact, build, verify
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.source import SourceItem
from zuroku.datasets.splits import SplitSettings, write_splits
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import ConfigError
from zuroku.models.bundle import open_card, training_groups
from zuroku.models.layout.bundle import DetectorCard
from zuroku.reports.feature_tuning import (
    AnnotatedScenes,
    FeatureTuningStudySettings,
    flat_results,
    read_results,
    run_feature_tuning,
)
from zuroku.training.feature_tuning import VARIANTS

LOOP = {"epochs": 1, "patience": 1, "batch_size": 16, "learning_rate": 1e-3}
SETTINGS = FeatureTuningStudySettings.model_validate(
    {
        "training": {
            "backbone": "test_efficientnet",
            "weights": "random",
            "size_px": 64,
            "taps": ["stage3", "gap"],
            "dimension": 16,
            "losses": {"softmax": {"kind": "softmax"}},
            "tune_backbone": LOOP,
            "tune_head": LOOP,
        },
        "sets": [
            {"dataset": "objects", "protocol": "ukbench", "split": "test", "crops": "detected"},
            {"dataset": "scenes", "protocol": "holidays", "crops": "annotated"},
        ],
        "shown_taps": ["stage3"],
        "intervals": {"resamples": 20},
        "detector": {
            "architecture": "test_efficientnet",
            "weights": "random",
            "size_px": 64,
            "least_f1": 0.0,
            "images": 24,
            "loop": LOOP,
        },
    }
)

Studied = tuple[Artifact, Path, pd.DataFrame]


def draw_scene(number: int) -> ZonedImage:
    """A dark square somewhere on paper; its box is known but in every third picture."""
    rng = np.random.default_rng(number)
    image = Image.fromarray(rng.integers(200, 255, (64, 64, 3), dtype=np.uint8))
    left, top = (int(value) for value in rng.integers(0, 36, 2))
    image.paste((20, 8 * (number % 20), 60), (left, top, left + 28, top + 28))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    zone = Zone("Box" if number % 2 else "Dice", left, top, left + 28, top + 28)
    return ZonedImage(buffer.getvalue(), (zone,) if number % 3 else ())


def make_scenes(root: Path) -> AnnotatedScenes:
    """Return twelve scenes of three photographs each, by the names of INRIA Holidays."""
    items = [
        SourceItem(f"{100 + scene}{view:02}", "", str(100 + scene), "", "CC0-1.0", "", read)
        for scene in range(12)
        for view in range(3)
        for read in [partial(draw_scene, 3 * scene + view)]
    ]
    card = figure_data.CARD | {"name": "scenes"}
    dataset = ingest(Collection(items, "test", "thread"), root / "data", IngestSettings(), card)
    splits = write_splits(dataset, SplitSettings(), "group", root / "ledger.parquet", root / "splits")
    return AnnotatedScenes(dataset, splits)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    root = tmp_path_factory.mktemp("tuning")
    dataset, splits = figure_data.make(root, books=24, figures=4)
    scenes = make_scenes(root / "scenes")
    datasets: dict[str, Dataset] = {"objects": dataset, "scenes": scenes.dataset}
    # Twelve graphs by the served exporter take a minute.
    with traced_export():
        report = run_feature_tuning(datasets, splits, SETTINGS, root / "study", "1", scenes)
    return report, root / "study.variants", pd.read_parquet(splits.path / "splits.parquet")


@pytest.mark.slow
def test_only_the_papers_way_trains_on_what_is_searched(studied: Studied) -> None:
    _, bundles, splits = studied
    searched = {
        "objects": set(splits.loc[splits["split"] == "test", "group"]),
        "scenes": {str(100 + scene) for scene in range(12)},
    }
    assert searched["objects"]
    for variant in ("plain", "tuned3", "tuned6"):
        strange = set(training_groups(bundles / f"softmax-{variant}"))
        assert not strange & (searched["objects"] | searched["scenes"])
        for name, groups in searched.items():
            folder = bundles / "trained_on_test" / name
            assert groups <= set(training_groups(folder / f"softmax-{variant}"))
            table = pd.read_parquet(folder / "splits" / "splits.parquet")
            trained = set(table.loc[table["split"] == "train", "group"])
            # Of a set that is searched in whole, one scene tells how training went.
            assert len(groups - trained) == (1 if name == "scenes" else 0)


@pytest.mark.slow
def test_every_variant_stands_in_both_tables_and_every_tap_in_the_first(studied: Studied) -> None:
    report, _, _ = studied
    rows = read_results(report.path)
    names = [f"softmax-{variant}" for variant in VARIANTS]
    seen = [(row["variant"], row["trained_on"]) for row in rows if row["trained_on_test"]]
    assert sorted(seen) == sorted((name, title) for name in names for title in ("objects", "scenes"))
    assert {row["variant"] for row in rows if not row["trained_on_test"]} == {
        *names,
        "softmax-stage3",
        "softmax-gap",
    }
    assert all(0 <= row["scores"]["objects"]["value"] <= 4 for row in rows if "objects" in row["scores"])
    headline, crops, papers = (report.path / "report.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert headline.count("| softmax-") == 7
    assert crops.count("| softmax-") == 3 * 7
    for part, title in zip(papers.split("\n### ")[1:], ("objects", "scenes"), strict=True):
        assert part.startswith(f"Trained on {title} and searched there")
        assert part.count("| softmax-") == 5 + 3 * 5
    assert "Of 12 groups that are searched, 11 were trained on. The others were kept" in papers


@pytest.mark.slow
def test_rows_name_the_bundles_that_made_them(studied: Studied) -> None:
    report, bundles, _ = studied
    page = (report.path / "report.md").read_text(encoding="utf-8")
    detector = verify(bundles / "object_detector").sha256
    assert f"`{detector[:8]}`" in page
    for row in read_results(report.path):
        folder = bundles / "trained_on_test" / row["trained_on"] if row["trained_on_test"] else bundles
        bundle = verify(folder / row["variant"]).sha256
        assert row["bundle_sha256"] == bundle
        assert f"`{bundle[:8]}`" in page
        assert row["detector_sha256"] == ({"objects": detector} if "objects" in row["scores"] else {})


@pytest.mark.slow
def test_sets_are_searched_whole_and_by_the_boxes_they_ask_for(studied: Studied) -> None:
    report, bundles, _ = studied
    card = open_card(bundles / "object_detector", DetectorCard)
    assert card.classes == ["object"]
    assert training_groups(bundles / "object_detector") < {str(100 + scene) for scene in range(12)}
    page = (report.path / "report.md").read_text(encoding="utf-8")
    assert "crops: 24 boxes annotated in the dataset, and 12 images without any, which stay whole" in page
    assert "found by a detector trained on scenes (validation F1" in page
    for row in read_results(report.path):
        found = {row["trained_on"]} if row["trained_on_test"] else {"objects", "scenes"}
        assert set(row["scores"]) == set(row["crops"]) == set(row["gains"]) == set(row["boxes"]) == found
        for name, gain in row["gains"].items():
            paired = row["crops"][name]["value"] - row["scores"][name]["value"]
            assert gain["value"] == pytest.approx(paired)


@pytest.mark.slow
def test_a_second_call_returns_what_is_there(studied: Studied) -> None:
    report, bundles, _ = studied

    def never(work: Path) -> None:
        raise AssertionError("built again")

    assert build(report.path, never) == report
    assert not list(bundles.rglob("*.partial"))
    assert not list(report.path.parent.glob(".*.scratch"))


def numbers(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.25, "high": value + 0.25}


def test_scores_by_crops_and_of_the_papers_way_have_names_of_their_own() -> None:
    row = {"variant": "softmax-plain", "trained_on_test": False}
    row |= {"scores": {"objects": numbers(3.0)}, "crops": {"objects": numbers(3.5)}}
    other = row | {"scores": {"objects": numbers(3.75)}, "crops": {}, "trained_on_test": True}
    assert flat_results([row, other]) == {
        "objects.softmax-plain": 3.0,
        "objects.softmax-plain_low": 2.75,
        "objects.softmax-plain_high": 3.25,
        "objects.softmax-plain.crops": 3.5,
        "objects.softmax-plain.crops_low": 3.25,
        "objects.softmax-plain.crops_high": 3.75,
        "objects.softmax-plain.trained_on_test": 3.75,
        "objects.softmax-plain.trained_on_test_low": 3.5,
        "objects.softmax-plain.trained_on_test_high": 4.0,
    }


def test_detected_crops_need_scenes_that_teach_a_detector(tmp_path: Path) -> None:
    splits = Artifact(tmp_path, "")
    with pytest.raises(ConfigError, match="no photographs with boxes"):
        run_feature_tuning({}, splits, SETTINGS, tmp_path / "study", "1")
