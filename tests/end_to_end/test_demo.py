"""The main job on a tiny sample, as ``make demo`` runs it: what it makes, and what a second one runs.

One workspace serves all tests, in their order: a demo is killed and run again, the first tests only read what
it made, and the last ones change something and run it once more.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from assets import figures
from orchestration.demo import run_jobs
from orchestration.environment import Environment
from orchestration.sensors import DEMO_TAG
from tests.workspace import REPOSITORY, edit, tiny_workspace
from zuroku.artifacts import verify
from zuroku.cli import app
from zuroku.datasets.manifest import Dataset

pytestmark = pytest.mark.slow

# ``make demo``, struck by the kernel inside of the first asset that holds a pool.
_KILLED = """
import os, signal
from orchestration import demo
from orchestration.resources.data_store import DataStore
DataStore.reproduce = lambda *arguments, **options: os.kill(os.getpid(), signal.SIGKILL)
demo.main()
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A workspace in which the demo was killed once and then ran to its end."""
    root = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(root / "var" / "sample" / "dagster"))
        # MLflow leaves the address of an earlier test's database there, for processes started later.
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        settings = tiny_workspace(root)
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED], cwd=REPOSITORY, env=os.environ | {"ZUROKU_ROOT": str(root)}
        )
        assert killed.returncode == -signal.SIGKILL
        assert dagster_statuses() == [dg.DagsterRunStatus.STARTED]
        assert not run_jobs(settings, ["demo_job"]).failed
        yield settings


def dagster_statuses() -> list[dg.DagsterRunStatus]:
    """Return the statuses of the demo's runs, the first run first."""
    with dg.DagsterInstance.get() as instance:
        return [run.status for run in reversed(instance.get_runs()) if DEMO_TAG in run.tags]


def latest(settings: Environment, name: str) -> Path:
    pointer = json.loads((settings.profile.home / "latest" / f"{name}.json").read_text())
    return settings.profile.var / pointer["path"]


def client_of(settings: Environment) -> MlflowClient:
    return MlflowClient(settings.tracking_uri)


def runs_of(settings: Environment) -> list:
    client = client_of(settings)
    return client.search_runs([e.experiment_id for e in client.search_experiments()])


def test_every_output_is_there_and_sealed(finished: Environment) -> None:
    names = ["figure_splits", "figure_tagger", "figure_tagger_evaluation", "figure_label_issues"]
    names += ["figure_tagger_release", "figure_tags", "paper_scorecard"]
    names += ["page_splits", "layout_detector", "layout_detector_evaluation", "layout_detector_release"]
    names += ["imet2019_splits", "figure_embedder", "figure_embedder_evaluation", "figure_embedder_release"]
    names += ["corpus_manifest", "figure_index"]
    names += ["place_labels", "place_splits", "geolocator", "geolocator_evaluation", "geolocator_release"]
    names += ["place_index"]
    names += ["corpus_figures/batch_0000", "corpus_figures/batch_0001"]
    for name in names:
        verify(latest(finished, name))
    Dataset(finished.profile.dataset("ndl_imagelabel")).verify()


def test_every_tracked_run_is_finished_and_names_its_inputs(finished: Environment) -> None:
    runs = {run.data.tags["dagster.asset"]: run for run in runs_of(finished)}
    assert {"figure_tagger", "figure_tagger_evaluation", "figure_tagger_release", "figure_tags"} <= set(runs)
    manifest = Dataset(finished.profile.dataset("ndl_imagelabel")).version
    for name, run in runs.items():
        assert run.info.status == "FINISHED", name
        assert run.data.tags["dagster.run_id"], name
        assert run.data.tags["code_version"], name
    assert runs["figure_tagger"].data.tags["input.ndl_imagelabel.sha256"] == manifest
    assert runs["figure_tagger"].data.params["loop.epochs"] == "2"
    assert "figure_tagger_evaluation" in runs["figure_tagger_evaluation"].data.tags["mlflow.note.content"]


def test_the_alias_the_registry_and_the_published_bundle_are_the_same_bytes(finished: Environment) -> None:
    client = client_of(finished)
    version = client.get_model_version_by_alias("figure_tagger", "champion")
    bundle = verify(finished.profile.champion("figure_tagger"))
    assert version.tags["bundle.sha256"] == bundle.sha256 == verify(latest(finished, "figure_tagger")).sha256
    files = {path.name for path in bundle.path.iterdir()}
    assert {"model.onnx", "model.safetensors", "card.json", "training_groups.json"} <= files
    assert not any(name.endswith((".pkl", ".pt", ".pth", ".ckpt", ".bin")) for name in files)


def test_no_test_book_was_trained_on(finished: Environment) -> None:
    splits = pd.read_parquet(latest(finished, "figure_splits") / "splits.parquet")
    seen = set(json.loads((latest(finished, "figure_tagger") / "training_groups.json").read_text()))
    assert seen == set(splits.loc[splits["split"] != "test", "group"])


def test_the_command_line_tags_as_the_graph_did(finished: Environment, tmp_path: Path) -> None:
    corpus = Dataset(finished.profile.dataset("figure_corpus"))
    for row in corpus.rows():
        folder = tmp_path / "in" / row.group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row.item_id}.jpg").write_bytes(corpus.read(row))
    arguments = [
        "tag",
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
        "--var",
        str(finished.profile.var),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    made = latest(finished, "figure_tags") / "tags"
    assert sorted(p.name for p in made.iterdir()) == sorted(p.name for p in (tmp_path / "out").iterdir())
    for path in made.iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


def test_the_command_line_geolocates_with_what_was_released(finished: Environment, tmp_path: Path) -> None:
    photographs = Dataset(finished.profile.dataset("street_views"))
    image = tmp_path / "view.webp"
    image.write_bytes(photographs.read(photographs.rows()[0]))
    page = tmp_path / "map.html"
    arguments = ["geolocate", str(image), "--map", str(page), "--var", str(finished.profile.var)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "municipality:" in result.output
    assert "<html" in page.read_text(encoding="utf-8")


def test_the_killed_run_is_ended_and_held_nothing_up(finished: Environment) -> None:
    first, *others = dagster_statuses()
    assert first == dg.DagsterRunStatus.FAILURE
    assert set(others) == {dg.DagsterRunStatus.SUCCESS}


def test_a_second_demo_runs_nothing(finished: Environment) -> None:
    before = len(runs_of(finished))
    assert run_jobs(finished, ["demo_job"]).ran == 0
    assert len(runs_of(finished)) == before


def test_one_lineage_mends_what_is_served(finished: Environment) -> None:
    served = finished.profile.champion("figure_tagger")
    before = verify(served).sha256
    shutil.rmtree(served.parent)
    # The release, and the tags that depend on it; the corpus is of another lineage.
    assert run_jobs(finished, ["demo_job"], ["figures"]).ran == 2
    assert verify(served).sha256 == before


def test_what_a_change_makes_run(finished: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code, configuration and data in turn: exactly what depends on the change runs."""
    root = finished.profile.root

    monkeypatch.setitem(figures.CODE_VERSIONS, "tags", "2")
    assert run_jobs(finished, ["demo_job"], ["figures"]).ran == 1

    edit(root, "figure_tagger_evaluation", worst=6)
    # evaluation, then release, tags and scorecard behind it; two batches, their manifest and the index
    batches = made(finished, "corpus_figures")
    assert run_jobs(finished, ["demo_job"]).ran == 8
    # The champion is the same, so the batches were only looked at.
    assert made(finished, "corpus_figures") == batches
    assert made(finished, "figure_tagger") == 1

    edit(root, "ndl_imagelabel", generated={"seed": 1, "books": 40})
    # the stage and everything after it, the judgement of the embedder too; the corpus is not touched
    assert run_jobs(finished, ["demo_job"]).ran == 14
    assert made(finished, "figure_tagger") == 2
    with sqlite3.connect(finished.profile.var / "mlflow.db") as database:
        statuses = {row[0] for row in database.execute("select status from runs")}
    assert statuses == {"FINISHED"}


def made(settings: Environment, name: str) -> int:
    """Return how many outputs of an asset there are: one for every recipe."""
    folder = settings.profile.home / "outputs" / name
    return sum(path.is_dir() and not path.name.startswith(".") for path in folder.iterdir())
