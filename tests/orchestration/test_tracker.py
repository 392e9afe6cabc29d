"""The MLflow resource: one run per attempt, ended whatever happens; models by their seal."""

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import onnx
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from mlflow import MlflowClient
from pydantic import Field

from orchestration.resources.tracker import MlflowTracker, flatten, instance_id
from orchestration.sensors import close_orphaned_runs, close_orphans
from zuroku.artifacts import Artifact, build, verify
from zuroku.config import Settings
from zuroku.errors import ConfigError
from zuroku.models.bundle import TaggerCard


class Values(Settings):
    rate: float = 0.5


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables made: a second that not every test has to spend."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def tracker(tmp_path: Path, empty_store: Path) -> MlflowTracker:
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
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
        own = instance_id(instance)
        result = materialize(tracker, lambda context, run: run.log_metrics({"f1": 0.5}), instance)
    (run,) = runs(tracker)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"f1": 0.5}
    assert run.data.params == {"rate": "0.5"}
    assert run.data.tags["input.data.sha256"] == "abc"
    assert run.data.tags["code_version"] == "7"
    assert run.data.tags["dagster.run_id"] == result.run_id
    assert result.run_id in run.data.tags["dagster.url"]
    assert run.data.tags["dagster.instance"] == own


def test_an_input_that_is_a_dataset_is_tagged_with_what_dvc_calls_it(tracker: MlflowTracker) -> None:
    @dg.asset
    def pages() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"sha256": "abc", "dvc_md5": "def.dir"})

    @dg.asset
    def splits() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"sha256": "123"})

    @dg.asset(code_version="1", deps=[pages, splits])
    def thing(context: dg.AssetExecutionContext, tracker: dg.ResourceParam[MlflowTracker]) -> None:
        inputs = {"dataset": Artifact(Path("x"), "abc"), "splits": Artifact(Path("y"), "123")}
        with tracker.run(context, Values(), inputs):
            pass

    assert dg.materialize([pages, splits, thing], resources={"tracker": tracker}).success
    (run,) = runs(tracker)
    assert run.data.tags["input.dataset.dvc_md5"] == "def.dir"
    assert "input.splits.dvc_md5" not in run.data.tags


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
    experiment = client.create_experiment("zuroku", tracker.artifact_root)
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.JobDefinition(name="job", graph_def=dg.GraphDefinition(name="graph", node_defs=[]))
        alive = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
        dead = instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE).run_id
        own = {"dagster.instance": instance_id(instance)}
        opened = {
            name: client.create_run(experiment, tags=own | {"dagster.run_id": run_id}).info.run_id
            for name, run_id in (("alive", alive), ("dead", dead), ("gone", "no-such-run"))
        }
        closed = close_orphans(instance, tracker)
    assert set(closed) == {opened["dead"], opened["gone"]}
    assert client.get_run(opened["dead"]).info.status == "KILLED"
    assert client.get_run(opened["alive"]).info.status == "RUNNING"


def test_an_instance_leaves_the_runs_of_others_on_the_server_alone(tracker: MlflowTracker) -> None:
    with dg.DagsterInstance.ephemeral() as one, dg.DagsterInstance.ephemeral() as other:
        assert materialize(tracker, lambda context, run: None, one).success
        (run,) = runs(tracker)
        # As a kill leaves it.
        tracker.client.update_run(run.info.run_id, "RUNNING")
        assert close_orphans(other, tracker) == []
        assert close_orphans(one, tracker) == [run.info.run_id]
    assert [run.info.status for run in runs(tracker)] == ["KILLED"]


def test_an_instance_opened_again_has_its_id_and_another_has_another(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
            ids.append(instance_id(instance))
    with dg.DagsterInstance.ephemeral() as other:
        assert ids[0] == ids[1] != instance_id(other)


def onnx_model() -> bytes:
    """The least that the registry reads inputs and outputs of."""
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 2]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
    content: bytes = onnx.helper.make_model(graph).SerializeToString()
    return content


def bundle(root: Path, temperature: float) -> Artifact:
    card = TaggerCard(
        name="t", labels=["a"], hierarchy={"a": []}, trained=["a"], thresholds=[0.5], temperature=temperature,
        size_px=32, preprocessing="none", backbone="none", data={}, settings={}, validation={},
        licence="CC0-1.0", code_version="1",
    )  # fmt: skip

    def make(work: Path) -> None:
        (work / "card.json").write_text(card.model_dump_json())
        (work / "model.onnx").write_bytes(onnx_model())
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


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError, SystemExit])
def test_a_stopped_asset_ends_its_run_as_killed(
    tracker: MlflowTracker, interruption: type[BaseException]
) -> None:
    def stop(context: object, run: object) -> None:
        raise interruption

    with dg.DagsterInstance.ephemeral() as instance:
        try:
            assert not materialize(tracker, stop, instance).success
        except SystemExit:
            assert interruption is SystemExit
    assert [run.info.status for run in runs(tracker)] == ["KILLED"]


def test_every_retry_and_every_partition_has_a_run_of_its_own(tracker: MlflowTracker) -> None:
    @dg.asset(
        code_version="1",
        partitions_def=dg.StaticPartitionsDefinition(["east", "west"]),
        retry_policy=dg.RetryPolicy(max_retries=1),
    )
    def thing(context: dg.AssetExecutionContext, tracker: dg.ResourceParam[MlflowTracker]) -> None:
        with tracker.run(context, Values(), {}):
            if context.retry_number == 0:
                raise ValueError("the first attempt fails")

    with dg.DagsterInstance.ephemeral() as instance:
        for partition in ("east", "west"):
            resources = {"tracker": tracker}
            assert dg.materialize(
                [thing], resources=resources, instance=instance, partition_key=partition
            ).success
    found = runs(tracker)
    assert sorted(
        (run.data.tags["dagster.partition"], run.data.tags["dagster.attempt"], run.info.status)
        for run in found
    ) == [
        ("east", "0", "FAILED"),
        ("east", "1", "FINISHED"),
        ("west", "0", "FAILED"),
        ("west", "1", "FINISHED"),
    ]
    assert len({run.data.tags["zuroku.key"] for run in found}) == 4


def test_settings_become_flat_parameters() -> None:
    class Loop(Settings):
        epochs: int = 3
        sizes: list[int] = Field(default=[1, 2])

    class Nested(Settings):
        loop: Loop = Loop()
        tags: dict[str, list[str]] = Field(default={"map": ["graphic"]})
        nothing: dict[str, str] = Field(default={})
        name: str | None = None

    assert flatten(Nested()) == {
        "loop.epochs": "3",
        "loop.sizes": "[1, 2]",
        "tags.map": "['graphic']",
        "nothing": "{}",
        "name": "None",
    }


def test_finished_runs_are_those_of_the_asset_and_profile_newest_first(tracker: MlflowTracker) -> None:
    def fail(context: object, run: object) -> None:
        raise ValueError("broken")

    other = MlflowTracker(
        tracking_uri=tracker.tracking_uri, artifact_root=tracker.artifact_root, profile="full"
    )
    with dg.DagsterInstance.ephemeral() as instance:
        for number in (1.0, 2.0):
            body = lambda context, run, number=number: run.log_metrics({"f1": number})  # noqa: E731
            assert materialize(tracker, body, instance).success
        materialize(tracker, fail, instance)
        assert materialize(other, lambda context, run: run.log_metrics({"f1": 3.0}), instance).success
    found = tracker.finished_runs("thing")
    assert [run["metrics"]["f1"] for run in found] == [2.0, 1.0]
    assert found[0]["params"] == {"rate": "0.5"}
    assert found[0]["url"].endswith(found[0]["run_id"])
    assert tracker.finished_runs("another") == []


def test_runs_that_no_dagster_run_of_the_instance_opened_are_left_alone(tracker: MlflowTracker) -> None:
    client = tracker.client
    experiment = client.create_experiment("zuroku", tracker.artifact_root)
    for tags in ({}, {"dagster.instance": "this"}, {"dagster.run_id": "gone"}):
        client.create_run(experiment, tags=tags)
    assert tracker.close_orphans("this", lambda run_id: False) == []
    assert {run.info.status for run in runs(tracker)} == {"RUNNING"}


def test_artifacts_stay_where_the_experiment_was_made_for(tracker: MlflowTracker, tmp_path: Path) -> None:
    elsewhere = replace(tracker, artifact_root=(tmp_path / "elsewhere").as_uri())
    with dg.DagsterInstance.ephemeral() as instance:
        assert materialize(tracker, lambda context, run: None, instance).success
        for same in (tracker.artifact_root, f"{tracker.artifact_root}/"):
            assert materialize(replace(tracker, artifact_root=same), lambda c, run: None, instance).success
        with pytest.raises(ConfigError, match="ZUROKU_ARTIFACTS") as caught:
            close_orphans(instance, elsewhere)
    assert caught.value.expected == elsewhere.artifact_root
    assert str(tmp_path / "artifacts") in caught.value.found


def test_a_folder_for_artifacts_may_be_relative(
    tracker: MlflowTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = replace(tracker, artifact_root="kept")
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            assert materialize(relative, lambda context, run: None, instance).success
    assert {run.info.artifact_uri.startswith(str(tmp_path / "kept")) for run in runs(tracker)} == {True}


def test_addresses_are_not_shown(tracker: MlflowTracker) -> None:
    """Dagster shows the fields of a configured resource, and a log shows what is printed."""
    secret = replace(
        tracker, tracking_uri="postgresql://anyone:hush@db/mlflow", artifact_root="s3://k:hush@b"
    )
    assert "hush" not in repr(secret)

    @dg.asset
    def thing(tracker: dg.ResourceParam[MlflowTracker]) -> None: ...

    definitions = dg.Definitions(assets=[thing], sensors=[close_orphaned_runs], resources={"tracker": secret})
    snapshot = RepositorySnap.from_def(definitions.get_repository_def())
    assert "close_orphaned_runs" in dg.serialize_value(snapshot)
    assert "hush" not in dg.serialize_value(snapshot)


def test_a_model_that_was_never_registered_has_no_champion(tracker: MlflowTracker) -> None:
    assert tracker.champion("nobody") is None
    assert tracker.version_of("nobody", "0" * 64) is None
