"""The Feature Tuning study on a tiny set: which images each way trains on, and what the page says."""

from pathlib import Path

import pandas as pd
import pytest

from tests.unit.training import figure_data
from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.models.bundle import training_groups
from zuroku.reports.feature_tuning import (
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
            "backbone": "tf_efficientnet_lite0",
            "weights": "packaged",
            "size_px": 64,
            "taps": ["stage3", "gap"],
            "dimension": 16,
            "losses": {"softmax": {"kind": "softmax"}},
            "tune_backbone": LOOP,
            "tune_head": LOOP,
        },
        "sets": [{"dataset": "objects", "protocol": "ukbench", "split": "test"}],
        "shown_taps": ["stage3"],
        "intervals": {"resamples": 20},
    }
)

Studied = tuple[Artifact, Path, pd.DataFrame]


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    root = tmp_path_factory.mktemp("tuning")
    dataset, splits = figure_data.make(root, books=24, figures=4)
    datasets: dict[str, Dataset] = {"objects": dataset}
    report = run_feature_tuning(datasets, splits, SETTINGS, root / "study", "1")
    return report, root / "study.variants", pd.read_parquet(splits.path / "splits.parquet")


@pytest.mark.slow
def test_only_the_papers_way_trains_on_what_is_searched(studied: Studied) -> None:
    _, bundles, splits = studied
    searched = set(splits.loc[splits["split"] == "test", "group"])
    assert searched
    for variant in ("plain", "tuned3", "tuned6"):
        assert not searched & set(training_groups(bundles / f"softmax-{variant}"))
        assert searched <= set(training_groups(bundles / "trained_on_test" / f"softmax-{variant}"))


@pytest.mark.slow
def test_every_variant_stands_in_both_tables_and_every_tap_in_the_first(studied: Studied) -> None:
    report, _, _ = studied
    rows = read_results(report.path)
    names = [f"softmax-{variant}" for variant in VARIANTS]
    assert {row["variant"] for row in rows if row["trained_on_test"]} == set(names)
    assert {row["variant"] for row in rows if not row["trained_on_test"]} == {
        *names,
        "softmax-stage3",
        "softmax-gap",
    }
    assert all(0 <= row["scores"]["objects"]["value"] <= 4 for row in rows)
    headline, papers = (report.path / "report.md").read_text(encoding="utf-8").split("## The paper's way")
    assert headline.count("| softmax-") == 7
    assert papers.count("| softmax-") == 5


@pytest.mark.slow
def test_a_second_call_returns_what_is_there(studied: Studied) -> None:
    report, bundles, _ = studied

    def never(work: Path) -> None:
        raise AssertionError("built again")

    assert build(report.path, never) == report
    assert not list(bundles.rglob("*.partial"))


def test_scores_of_the_papers_way_have_names_of_their_own() -> None:
    row = {"variant": "softmax-plain", "scores": {"objects": {"value": 3.0}}, "trained_on_test": False}
    other = row | {"scores": {"objects": {"value": 4.0}}, "trained_on_test": True}
    assert flat_results([row, other]) == {
        "objects.softmax-plain": 3.0,
        "objects.softmax-plain.trained_on_test": 4.0,
    }
