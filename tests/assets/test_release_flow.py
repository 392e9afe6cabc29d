"""The release as Dagster runs it: gate, alias and publication, with answers in place of a network.

Datasets, splits, gate, MLflow, sealing and publishing are the real ones. Only the model's output is
replaced: a bundle's card says which classes it is blind to, and everything else it answers rightly.
"""

import copy
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

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
from orchestration.rollback import roll_back_model
from tests.orchestration.test_tracker import onnx_model
from tests.unit.training import figure_data
from zuroku import publishing
from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.errors import BundleError, ConfigError
from zuroku.evaluation.hierarchy import build_hierarchy
from zuroku.models.bundle import TaggerCard
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.profile import Profile
from zuroku.publishing import publish, published
from zuroku.reports import figure_tagger
from zuroku.reports.provenance import measured_on
from zuroku.reports.release import judge_figure_tagger, read_verdict

pytestmark = pytest.mark.slow
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


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact]:
    return figure_data.make(tmp_path_factory.mktemp("data"))


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
        measured = measured_on(self.dataset, self.splits, challenger) | data
        row = {"true_positives": 1, "false_positives": 0, "support": 1}
        metrics = {"macro_f1": {"value": macro_f1}, "per_tag": dict.fromkeys(LABELS, row), "data": measured}
        name = hashlib.sha256(json.dumps(metrics).encode()).hexdigest()[:16]
        text = json.dumps(metrics)
        return build(
            self.profile.home / "evaluations" / name,
            lambda work: (work / "metrics.json").write_text(text) and None,
        )

    def release(self, challenger: Artifact, evaluation: Artifact | None = None) -> dg.ExecuteInProcessResult:
        before = {
            "ndl_imagelabel": Artifact(self.dataset.root, self.dataset.version, "manifest.parquet"),
            "figure_splits": self.splits,
            MODEL: challenger,
            f"{MODEL}_evaluation": evaluation or self.evaluation(challenger),
        }
        given = [_given(name, artifact) for name, artifact in before.items()]
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


@pytest.fixture
def workshop(tmp_path: Path, data: tuple[Dataset, Artifact], monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setattr(figure_tagger, "TaggerPredictor", Answers)
    return Workshop(tmp_path, data)


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


def test_the_first_model_has_to_reach_the_floor(workshop: Workshop) -> None:
    weak, good = workshop.bundle("weak", blind_to=("bars", "noise")), workshop.bundle("good")
    verdict = judgement(workshop.release(weak))
    assert not verdict["promoted"]
    assert verdict["check"], "no alias and no publication are equal too"
    assert (workshop.alias(), workshop.publication()) == (None, None)

    verdict = judgement(workshop.release(good))
    assert verdict["promoted"]
    assert verdict["check"]
    assert workshop.alias() == workshop.publication() == good.sha256


def test_a_worse_challenger_changes_nothing(workshop: Workshop) -> None:
    good, worse = workshop.bundle("good"), workshop.bundle("worse", blind_to=("noise",))
    workshop.release(good)
    result = workshop.release(worse)
    verdict = judgement(result)
    assert not verdict["promoted"]
    assert verdict["challenger"] < verdict["champion"] == 1.0
    assert verdict["bundles"] == {"challenger": worse.sha256, "champion": good.sha256}
    assert workshop.alias() == workshop.publication() == good.sha256
    pictures = result.output_for_node(f"{MODEL}_release").path / "pictures"
    assert {path.name for path in pictures.iterdir()} == {"lost.jpg", "won.jpg"}


def test_alias_and_publication_move_together_and_back(workshop: Workshop) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    assert workshop.alias() == workshop.publication() == old.sha256
    verdict = judgement(workshop.release(better))
    assert verdict["promoted"]
    assert verdict["difference"] > 0
    assert workshop.alias() == workshop.publication() == better.sha256

    assert roll_back_model(workshop.profile, workshop.tracker, MODEL).sha256 == old.sha256
    assert workshop.alias() == workshop.publication() == old.sha256
    said = failure(workshop.release(better))
    assert "was taken back, and is held" in said
    assert workshop.alias() == workshop.publication() == old.sha256
    # Trained again, it has another seal, and is judged as any other.
    assert judgement(workshop.release(workshop.bundle("better", note="again")))["promoted"]


def test_a_model_that_the_registry_has_lost_is_not_gone_back_to(workshop: Workshop) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    workshop.release(better)
    version = workshop.tracker.version_of(MODEL, old.sha256)
    assert version is not None
    workshop.tracker.client.delete_model_version(MODEL, version.version)
    with pytest.raises(BundleError, match=f"no version of {MODEL} in the registry has the seal {old.sha256}"):
        roll_back_model(workshop.profile, workshop.tracker, MODEL)
    assert workshop.alias() == workshop.publication() == better.sha256
    assert judgement(workshop.release(better))["promoted"]


def test_what_has_no_champion_in_the_registry_is_no_model(workshop: Workshop) -> None:
    with pytest.raises(BundleError, match="no model figure_index in the registry"):
        roll_back_model(workshop.profile, workshop.tracker, "figure_index")


def test_a_kill_between_alias_and_link_of_a_rollback_is_mended(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    workshop.release(better)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_switch", killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back_model(workshop.profile, workshop.tracker, MODEL)
    assert (workshop.alias(), workshop.publication()) == (old.sha256, better.sha256)
    assert "is held" in failure(workshop.release(better))
    roll_back_model(workshop.profile, workshop.tracker, MODEL)
    assert workshop.alias() == workshop.publication() == old.sha256


def kill_before_publishing(workshop: Workshop, bundle: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    """Release ``bundle`` and be killed when its alias is set and nothing is published."""

    def killed(bundle: Artifact, champion: Path, by: str) -> Artifact:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(release_module, "publish", killed)
        assert not workshop.release(bundle).success


def test_a_release_that_was_killed_before_it_published_is_taken_back(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    kill_before_publishing(workshop, better, monkeypatch)
    assert (workshop.alias(), workshop.publication()) == (better.sha256, old.sha256)
    assert roll_back_model(workshop.profile, workshop.tracker, MODEL).sha256 == old.sha256
    assert workshop.alias() == workshop.publication() == old.sha256
    assert "is held" in failure(workshop.release(better))
    assert judgement(workshop.release(old))["check"], "the one gone back to is not held"


def test_a_model_of_another_profile_is_taken_back_by_that_profile_only(workshop: Workshop) -> None:
    full = workshop.of("full")
    full.release(full.bundle("real"))
    with pytest.raises(ConfigError, match=f"`ZUROKU_PROFILE=full make rollback MODEL={MODEL}`"):
        roll_back_model(workshop.profile, workshop.tracker, MODEL)


def test_a_model_is_released_only_with_an_evaluation_of_it_that_it_passed(workshop: Workshop) -> None:
    good, other = workshop.bundle("good"), workshop.bundle("other", blind_to=("noise",))
    said = failure(workshop.release(good, workshop.evaluation(other)))
    assert f"its bundle is {other.sha256}, not {good.sha256}" in said
    said = failure(workshop.release(good, workshop.evaluation(good, splits="0" * 64)))
    assert f"its splits is {'0' * 64}" in said
    said = failure(workshop.release(good, workshop.evaluation(good, macro_f1=FLOOR - 0.01)))
    assert "metric_floor failed: macro F1 0.490, floor 0.500" in said
    assert (workshop.alias(), workshop.publication()) == (None, None)
    assert workshop.tracker.version_of(MODEL, good.sha256) is None


def test_the_sample_does_not_replace_what_another_profile_released(workshop: Workshop) -> None:
    full = workshop.of("full")
    generated, real = workshop.bundle("generated", blind_to=("noise",)), full.bundle("real")
    workshop.release(generated)
    assert judgement(full.release(real))["promoted"]
    for lost in (False, True):
        if lost:
            # The registry still knows whose the champion is.
            shutil.rmtree(workshop.profile.var / "models")
        said = failure(workshop.release(generated))
        assert "was published by the profile full" in said
        assert workshop.alias() == real.sha256
    assert workshop.publication() is None
    assert judgement(full.release(real))["promoted"]
    assert workshop.publication() == real.sha256


def test_releasing_the_champion_again_makes_no_second_version_and_says_so(workshop: Workshop) -> None:
    good = workshop.bundle("good")
    assert "no model in use yet" in judgement(workshop.release(good))["reason"]
    for _ in range(2):
        verdict = judgement(workshop.release(good))
        assert verdict["promoted"]
        assert verdict["check"]
        assert "it is the model already in use" in verdict["reason"]
    versions = workshop.tracker.client.search_model_versions(f"name = '{MODEL}'")
    assert [version.version for version in versions] == [1]
    assert workshop.alias() == workshop.publication() == good.sha256


def test_a_kill_between_alias_and_publication_is_mended_by_the_next_release(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    kill_before_publishing(workshop, better, monkeypatch)
    assert (workshop.alias(), workshop.publication()) == (better.sha256, old.sha256)

    # Even one that promotes nothing mends what the kill left.
    verdict = judgement(workshop.release(workshop.bundle("worst", blind_to=("bars", "noise"))))
    assert not verdict["promoted"]
    assert verdict["bundles"]["champion"] == better.sha256
    assert verdict["check"]
    assert workshop.alias() == workshop.publication() == better.sha256


def test_a_lost_publication_comes_back_from_the_registry(workshop: Workshop) -> None:
    good = workshop.bundle("good")
    workshop.release(good)
    shutil.rmtree(workshop.profile.var / "models")
    assert workshop.publication() is None
    judgement(workshop.release(workshop.bundle("worse", blind_to=("noise",))))
    assert workshop.publication() == good.sha256


def test_a_model_that_trained_on_a_test_book_is_refused_as_champion_and_as_challenger(
    workshop: Workshop,
) -> None:
    books = tuple(workshop.test_groups())
    leaky = workshop.bundle("leaky", seen=books[:1])
    said = failure(workshop.release(leaky))
    assert "IntegrityError" in said
    assert "the challenger" in said
    assert "trained on 1 groups of the test set" in said
    assert (workshop.alias(), workshop.publication()) == (None, None)

    # As if the splits had been drawn anew after it was released.
    client = workshop.tracker.client
    run = client.create_run(client.get_experiment_by_name("zuroku").experiment_id)
    version = workshop.tracker.registry.register(MODEL, leaky, run.info.run_id)
    workshop.tracker.set_champion(MODEL, version.version)
    publish(leaky, workshop.profile.champion(MODEL), "sample")
    said = failure(workshop.release(workshop.bundle("good")))
    assert "IntegrityError" in said
    assert "the champion" in said
    assert workshop.alias() == workshop.publication() == leaky.sha256


def test_a_registry_whose_bytes_changed_is_not_published(workshop: Workshop) -> None:
    good = workshop.bundle("good")
    workshop.release(good)
    shutil.rmtree(workshop.profile.var / "models")
    (stored,) = (workshop.profile.root / "artifacts").rglob("model.onnx")
    stored.write_bytes(b"forged")
    said = failure(workshop.release(workshop.bundle("worse", blind_to=("noise",))))
    assert "IntegrityError" in said
    assert workshop.publication() is None
