"""A profile with the release asset and what stands before it, with answers in place of a network.

Datasets, splits, gate, MLflow, sealing and publishing are the real ones. Only the model's output is
replaced: a bundle's card says which classes it is blind to, and everything else it answers rightly.
"""

import copy
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import yaml

from assets import figures
from assets import release as release_module
from assets.outputs import ARTIFACT
from assets.release import release_asset
from orchestration.resources.tracker import MlflowTracker
from tests.orchestration.test_tracker import onnx_model
from tests.unit.training import figure_data
from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.hierarchy import build_hierarchy
from zuroku.models.bundle import TaggerCard
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.profile import Profile
from zuroku.publishing import published
from zuroku.reports.provenance import measured_on
from zuroku.reports.release import judge_figure_tagger, read_verdict

MODEL = "figure_tagger"
LABELS = list(build_hierarchy(figure_data.HIERARCHY).labels)
FLOOR = 0.5
GATE = {"delta": 0.03, "floor": 0.6, "resamples": 100, "seed": 1}


class Answers(TaggerPredictor):
    """Says the truth of every figure but of the classes named in ``settings["blind_to"]``."""

    def predict_all(self, reads: Iterable) -> npt.NDArray[np.float32]:
        classes = [read.args[0].label for read in reads]
        told = self.hierarchy.targets(classes) * 0.8 + 0.1
        told[[name in self.card.settings["blind_to"] for name in classes]] = 0.1
        return told


class Workshop:
    """A profile with the release asset, and what stands before it in the graph."""

    def __init__(self, root: Path, data: tuple[Dataset, Artifact]) -> None:
        self.dataset, self.splits = data
        self.profile = Profile("sample", root)
        self.profile.configs.mkdir(parents=True)
        values = {"model": MODEL, "gate": GATE}
        (self.profile.configs / f"{MODEL}_release.yaml").write_text(yaml.safe_dump(values))
        (self.profile.configs / f"{MODEL}_evaluation.yaml").write_text(yaml.safe_dump({"floor": FLOOR}))
        self.tracker = MlflowTracker(
            tracking_uri=f"sqlite:///{root / 'mlflow.db'}", artifact_root=(root / "artifacts").as_uri()
        )

    def of(self, profile: str) -> "Workshop":
        """Return the same workshop, with its registry and its models, as another profile has it."""
        other = copy.copy(self)
        other.profile = Profile(profile, self.profile.root)
        shutil.copytree(self.profile.configs, other.profile.configs)
        addresses = {"tracking_uri": self.tracker.tracking_uri, "artifact_root": self.tracker.artifact_root}
        other.tracker = MlflowTracker(**addresses, profile=profile)
        return other

    def bundle(
        self, name: str, blind_to: tuple[str, ...] = (), seen: tuple[str, ...] = (), note: str = ""
    ) -> Artifact:
        card = TaggerCard(
            name=name, labels=LABELS, hierarchy=figure_data.HIERARCHY, trained=LABELS,
            thresholds=[0.5] * len(LABELS), temperature=1.0, size_px=32, preprocessing="none",
            backbone="none", data={}, settings={"blind_to": blind_to}, validation={}, licence="CC0-1.0",
            code_version="1",
        )  # fmt: skip

        def make(work: Path) -> None:
            (work / "card.json").write_text(card.model_dump_json())
            (work / "model.onnx").write_bytes(onnx_model())
            (work / "training_groups.json").write_text(json.dumps(seen))
            (work / "README.md").write_text(f"# {name}\n{note}")

        return build(self.profile.home / "bundles" / f"{name}{note}", make)

    def evaluation(self, challenger: Artifact, macro_f1: float = FLOOR, **data: str) -> Artifact:
        """Return what an evaluation of ``challenger`` says; ``data`` tells of what else it was made."""
        row = {"true_positives": 1, "false_positives": 0, "support": 1}
        metrics = {"macro_f1": {"value": macro_f1}, "per_tag": dict.fromkeys(LABELS, row)}
        return self.report(challenger, metrics, **data)

    def report(self, challenger: Artifact, metrics: dict[str, Any], **data: str) -> Artifact:
        metrics |= {"data": measured_on(self.dataset, self.splits, challenger) | data}
        name = hashlib.sha256(json.dumps(metrics).encode()).hexdigest()[:16]
        text = json.dumps(metrics)
        return build(
            self.profile.home / "evaluations" / name,
            lambda work: (work / "metrics.json").write_text(text) and None,
        )

    def release(self, challenger: Artifact, evaluation: Artifact | None = None) -> dg.ExecuteInProcessResult:
        asset = release_asset(
            self.profile,
            MODEL,
            "ndl_imagelabel",
            "figure_splits",
            "figures",
            "macro F1",
            judge_figure_tagger,
            figures.blocking_findings(self.profile),
        )
        before = {MODEL: challenger, f"{MODEL}_evaluation": evaluation or self.evaluation(challenger)}
        return self.materialize(asset, before)

    def materialize(
        self, asset: dg.AssetsDefinition, before: dict[str, Artifact]
    ) -> dg.ExecuteInProcessResult:
        before |= {
            "ndl_imagelabel": Artifact(self.dataset.root, self.dataset.version, "manifest.parquet"),
            "figure_splits": self.splits,
        }
        given = [_given(name, artifact) for name, artifact in before.items()]
        resources = {"io_manager": dg.mem_io_manager, "tracker": self.tracker}
        return dg.materialize([*given, asset], resources=resources, raise_on_error=False)

    def alias(self) -> str | None:
        champion = self.tracker.champion(MODEL)
        return champion.sha256 if champion else None

    def publication(self) -> str | None:
        found = published(self.profile.champion(MODEL))
        return found.sha256 if found else None

    def test_groups(self) -> list[str]:
        table = pd.read_parquet(self.splits.path / "splits.parquet")
        return list(table.loc[table["split"] == "test", "group"])


def _given(name: str, artifact: Artifact) -> dg.AssetsDefinition:
    @dg.asset(name=name, dagster_type=ARTIFACT)
    def given() -> Artifact:
        return artifact

    return given


def judgement(result: dg.ExecuteInProcessResult) -> dict:
    """The verdict of a run that went through, with its check."""
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    return read_verdict(result.output_for_node(f"{MODEL}_release").path) | {"check": check.passed}


def failure(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    (event,) = result.get_step_failure_events()
    error = event.event_specific_data.error
    return (error.cause or error).message


def kill_before_publishing(workshop: Workshop, bundle: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    """Release ``bundle`` and be killed when its alias is set and nothing is published."""

    def killed(bundle: Artifact, champion: Path, by: str) -> Artifact:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(release_module, "publish", killed)
        assert not workshop.release(bundle).success
