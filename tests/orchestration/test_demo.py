"""How the demo runs its assets: which lineages, what a failure takes along, and what it waits for."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration import demo
from orchestration.demo import run_jobs
from orchestration.environment import Environment
from orchestration.jobs import SHARED_TAG, selected_assets
from orchestration.resources.tracker import DAGSTER_RUN_TAG, INSTANCE_TAG, MlflowTracker, instance_id
from orchestration.sensors import DEMO_TAG, close_orphans, end_dead_runs
from orchestration.terminal import terminal_logger
from tests.workspace import REPOSITORY
from zuroku.artifacts import locked
from zuroku.errors import BusyError, ConfigError
from zuroku.profile import Profile

POOL = "dvc"


def asset(name: str, group: str, deps: list[str] = [], fails: bool = False) -> dg.AssetsDefinition:  # noqa: B006
    @dg.asset(
        name=name,
        group_name=group,
        deps=deps,
        code_version="1",
        pool=POOL if group == "datasets" else None,
        tags={SHARED_TAG: "true"} if group == "reports" else {},
        check_specs=[dg.AssetCheckSpec("holds", asset=name, blocking=True)],
    )
    def made() -> dg.MaterializeResult:
        if fails:
            raise RuntimeError(f"{name} has no source")
        checked = dg.AssetCheckResult(
            passed=name != "doubtful", check_name="holds", description="1 of 2 is missing"
        )
        return dg.MaterializeResult(metadata={"stage_ran": True}, check_results=[checked])

    return made


GRAPH = [
    asset("books", "datasets"),
    asset("streets", "datasets", fails=True),
    asset("tagger", "figures", ["books"]),
    asset("geolocator", "geolocation", ["streets"]),
    asset("place_index", "geolocation", ["geolocator"]),
    asset("doubtful", "layout", ["books"]),
    asset("layout_release", "layout", ["doubtful"]),
    asset("corpus", "corpus", ["tagger"]),
    asset("scorecard", "reports", ["tagger", "geolocator", "doubtful"]),
]


def definitions(graph: list[dg.AssetsDefinition] = GRAPH) -> dg.Definitions:
    job = dg.define_asset_job("demo_job", selection="*")
    return dg.Definitions(
        assets=graph,
        jobs=[job],
        loggers={"terminal": terminal_logger},
        executor=dg.in_process_executor,
    )


def prepare(settings: Environment) -> None:
    """Lay out Dagster's home as for one machine, but leave the streams of this process alone."""
    settings.dagster_home.mkdir()
    values = yaml.safe_load((REPOSITORY / "orchestration" / "instance" / "local.yaml").read_text())
    kept = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    (settings.dagster_home / "dagster.yaml").write_text(yaml.safe_dump(values | {"compute_logs": kept}))


STAND_INS = {
    "prepare_state": prepare,
    "close_orphans": lambda instance, tracker: [],
    "build_definitions": lambda *arguments: definitions(),
    "config_hashes": lambda profile: {},
    "publications": lambda profile: {},
}
"""What a demo of this graph needs in place of what the real one builds."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    for name, stand_in in STAND_INS.items():
        monkeypatch.setattr(demo, name, stand_in)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return Environment(Profile("sample", tmp_path), "local", uri, (tmp_path / "a").as_uri(), 5000, 3000)


def names(keys: object) -> list[str]:
    return sorted(key.to_user_string() for key in keys)  # type: ignore[attr-defined]


def test_a_failure_takes_along_what_depends_on_it_and_nothing_else(settings: Environment) -> None:
    outcome = run_jobs(settings, ["demo_job"])
    assert {key.to_user_string(): reason for key, reason in outcome.failed.items()} == {
        "streets": "RuntimeError: streets has no source",
        "doubtful": "blocking check holds failed: 1 of 2 is missing",
    }
    dropped = {key.to_user_string(): cause.to_user_string() for key, cause in outcome.dropped.items()}
    assert dropped == {"geolocator": "streets", "place_index": "streets", "layout_release": "doubtful"}
    # What gathers results of every lineage does without those that failed.
    assert outcome.ran == len(["books", "tagger", "corpus", "doubtful", "scorecard"])


def test_a_configuration_that_cannot_be_used_is_told_without_a_traceback(
    settings: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad(profile: Profile) -> list[dg.AssetsDefinition]:
        raise ConfigError("a loop of 0 epochs", expected="at least 1", remedy="correct it")

    monkeypatch.setattr(demo, "build_assets", bad)
    monkeypatch.setattr(demo, "environment", lambda: settings)
    monkeypatch.setattr(demo, "interrupt_on_hangup", lambda: None)
    monkeypatch.setattr("sys.argv", ["demo", "--study"])
    with pytest.raises(SystemExit, match="a loop of 0 epochs"):
        demo.main()


def terminated_demo(settings: Environment) -> None:
    """Run a demo whose first asset has its process terminated, and leave as the command does."""

    @dg.asset(group_name="datasets", pool=POOL)
    def stopped() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    graph = [stopped, asset("tagger", "figures")]
    for name, stand_in in STAND_INS.items():
        setattr(demo, name, stand_in)
    demo.build_definitions = lambda *arguments: definitions(graph)  # type: ignore[assignment]
    try:
        run_jobs(settings, ["demo_job"])
    except KeyboardInterrupt:
        sys.exit(130)


def test_sigterm_ends_the_run_and_the_command(settings: Environment) -> None:
    # In a process of its own: libraries that other tests have loaded do not bear such a signal.
    process = multiprocessing.get_context("spawn").Process(target=terminated_demo, args=(settings,))
    process.start()
    try:
        process.join(200)
        assert process.exitcode == 130
    finally:
        process.kill()
    with dg.DagsterInstance.get() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE]


def test_a_lineage_is_run_with_what_it_is_made_from() -> None:
    found = selected_assets(definitions(), ["demo_job"], ["corpus"])
    assert names(found["demo_job"]) == ["books", "corpus", "scorecard", "tagger"]
    found = selected_assets(definitions(), ["demo_job"], ["figures", "geolocation"])
    expected = ["books", "geolocator", "place_index", "scorecard", "streets", "tagger"]
    assert names(found["demo_job"]) == expected
    assert len(selected_assets(definitions(), ["demo_job"])["demo_job"]) == len(GRAPH)


def test_an_unknown_lineage_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"figure\n.*corpus, figures, geolocation, layout,"):
        selected_assets(definitions(), ["demo_job"], ["figure", "corpus"])


def test_two_demos_at_once_are_refused(settings: Environment) -> None:
    with locked(settings.profile.home / "demo.lock"), pytest.raises(BusyError, match="demo"):
        run_jobs(settings, ["demo_job"])


def test_runs_that_a_kill_left_open_are_ended_and_their_tracked_runs_with_them(tmp_path: Path) -> None:
    tracker = MlflowTracker(
        tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", artifact_root=tmp_path.as_uri()
    )
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions().resolve_job_def("demo_job")
        started = dg.DagsterRunStatus.STARTED
        here, there, browser = (
            instance.create_run_for_job(job, tags=tags, status=started)
            for tags in ({DEMO_TAG: "here"}, {DEMO_TAG: "there"}, {})
        )
        experiment = tracker.client.create_experiment(tracker.experiment, tmp_path.as_uri())
        tags = {DAGSTER_RUN_TAG: here.run_id, INSTANCE_TAG: instance_id(instance)}
        open_run = tracker.client.create_run(experiment, tags=tags).info.run_id
        assert close_orphans(instance, tracker) == []
        assert end_dead_runs(instance, "here") == [here.run_id]
        assert close_orphans(instance, tracker) == [open_run]
        assert [instance.get_run_by_id(run.run_id).status for run in (here, there, browser)] == [
            dg.DagsterRunStatus.FAILURE,
            started,
            started,
        ]


def test_a_run_from_elsewhere_that_uses_the_same_pool_is_waited_for(
    settings: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(settings)
    monkeypatch.setattr(demo, "prepare_state", lambda settings: None)
    with dg.DagsterInstance.get() as instance:
        job = definitions().resolve_job_def("demo_job")
        other = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey("books")],
            run_config={"loggers": {"terminal": {}}},
        )
        run = instance.get_run_by_id(other.run_id)
        assert run is not None
        instance.run_storage.add_run(run._replace(run_id="a" * 8, status=dg.DagsterRunStatus.STARTED))

        waited = []

        def wait(seconds: float) -> None:
            waited.append(seconds)
            instance.report_run_failed(instance.get_run_by_id("a" * 8))

        monkeypatch.setattr(demo.time, "sleep", wait)
        assert not run_jobs(settings, ["demo_job"], ["figures"]).failed
    assert len(waited) == 1
