"""The MLflow resource: one run per attempt, ended whatever happens; models by their seal."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.resources.tracker import MlflowTracker
from orchestration.sensors import close_orphans
from zuroku.artifacts import Artifact, build, verify
from zuroku.config import Settings
from zuroku.models.bundle import TaggerCard


class Values(Settings):
    rate: float = 0.5


@pytest.fixture
def tracker(tmp_path: Path) -> MlflowTracker:
    return MlflowTracker(
        tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", artifact_root=(tmp_path / "artifacts").as_uri()
    )


def materialize(tracker: MlflowTracker, body, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    @dg.asset(code_version="7")
    def thing(context: dg.AssetExecutionContext, tracker: dg.ResourceParam[MlflowTracker]) -> None:
        with tracker.run(context, Values(), {"data": Artifact(Path("x"), "abc")}) as run:
            body(context, run)

    return dg.materialize([thing], resources={"tracker": tracker}, instance=instance, raise_on_error=False)


def runs(tracker: MlflowTracker) -> list:
    client = tracker.client
    return client.search_runs([e.experiment_id for e in client.search_experiments()])


def test_a_run_is_ended_and_tagged(tracker: MlflowTracker) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(tracker, lambda context, run: run.log_metrics({"f1": 0.5}), instance)
    (run,) = runs(tracker)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"f1": 0.5}
    assert run.data.params == {"rate": "0.5"}
    assert run.data.tags["input.data.sha256"] == "abc"
    assert run.data.tags["code_version"] == "7"
    assert run.data.tags["dagster.run_id"] == result.run_id
    assert result.run_id in run.data.tags["dagster.url"]


def test_a_failing_asset_ends_its_run_as_failed(tracker: MlflowTracker) -> None:
    def fail(context: object, run: object) -> None:
        raise ValueError("broken")

    with dg.DagsterInstance.ephemeral() as instance:
        assert not materialize(tracker, fail, instance).success
    assert [run.info.status for run in runs(tracker)] == ["FAILED"]


def test_the_same_attempt_finds_its_run_again(tracker: MlflowTracker) -> None:
    def twice(context: dg.AssetExecutionContext, run: object) -> None:
        with tracker.run(context, Values(), {}) as again:
            assert again.run_id == run.run_id  # type: ignore[attr-defined]

    with dg.DagsterInstance.ephemeral() as instance:
        assert materialize(tracker, twice, instance).success
        assert materialize(tracker, lambda context, run: None, instance).success
    assert len(runs(tracker)) == 2


def test_runs_of_dead_processes_are_closed_and_living_ones_are_not(tracker: MlflowTracker) -> None:
    client = tracker.client
    experiment = client.create_experiment("zuroku")
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.JobDefinition(name="job", graph_def=dg.GraphDefinition(name="graph", node_defs=[]))
        alive = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
        dead = instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE).run_id
        opened = {
            name: client.create_run(experiment, tags={"dagster.run_id": run_id}).info.run_id
            for name, run_id in (("alive", alive), ("dead", dead), ("gone", "no-such-run"))
        }
        closed = close_orphans(instance, tracker)
    assert set(closed) == {opened["dead"], opened["gone"]}
    assert client.get_run(opened["dead"]).info.status == "KILLED"
    assert client.get_run(opened["alive"]).info.status == "RUNNING"


def bundle(root: Path, temperature: float) -> Artifact:
    card = TaggerCard(
        name="t", labels=["a"], hierarchy={"a": []}, trained=["a"], thresholds=[0.5], temperature=temperature,
        size_px=32, preprocessing="none", backbone="none", data={}, settings={}, validation={},
        licence="CC0-1.0", code_version="1",
    )  # fmt: skip

    def make(work: Path) -> None:
        (work / "card.json").write_text(card.model_dump_json())
        (work / "model.onnx").write_bytes(b"onnx")
        (work / "README.md").write_text("# t\n")

    return build(root / f"bundle{temperature}", make)


def test_a_bundle_is_registered_once_and_fetched_unchanged(tracker: MlflowTracker, tmp_path: Path) -> None:
    one, two = bundle(tmp_path, 1.0), bundle(tmp_path, 2.0)
    versions = []

    def register(context: object, run: object) -> None:
        versions.extend(run.register("t", artifact) for artifact in (one, one, two))  # type: ignore[attr-defined]

    with dg.DagsterInstance.ephemeral() as instance:
        assert materialize(tracker, register, instance).success
    assert [version.version for version in versions] == ["1", "1", "2"]
    assert tracker.champion("t") is None
    tracker.set_champion("t", "1")
    tracker.set_champion("t", "2")
    champion = tracker.champion("t")
    assert champion is not None
    assert champion.sha256 == two.sha256
    copy = build(tmp_path / "fetched", lambda work: tracker.fetch("t", "1", work))
    assert verify(copy.path).sha256 == one.sha256
