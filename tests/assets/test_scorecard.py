"""Which run the scorecard shows: no try, none that was stopped, and the one that did the work."""

from typing import Any

import dagster as dg

from assets.outputs import reported
from assets.scorecard import measured_run
from orchestration.resources.tracker import MlflowTracker
from tests.orchestration.test_tracker import empty_store, tracker  # noqa: F401
from zuroku.artifacts import build
from zuroku.config import Settings, config_hash


class Values(Settings):
    floor: float = 0.5


def run(run_id: str, config: str = "ours", output: str = "a", failed: int = 0) -> dict[str, Any]:
    tags = {"config_sha256": config, "output.sha256": output}
    return {"run_id": run_id, "tags": tags, "metrics": {"blocking_checks_failed": failed}}


def chosen(*newest_first: dict[str, Any]) -> str | None:
    found = measured_run(newest_first, "ours")
    return found and found["run_id"]


def test_a_try_and_a_run_that_was_stopped_do_not_count() -> None:
    tried, stopped = run("tried", config="another", output="b"), run("stopped", output="c", failed=1)
    assert chosen(tried, stopped, run("good")) == "good"
    assert chosen(tried, stopped) is None
    assert chosen() is None


def test_the_run_that_made_the_output_counts_and_not_one_that_found_it() -> None:
    assert chosen(run("found"), run("made"), run("before", output="b")) == "made"
    # Older output that is back, such as after a change was undone: made then, and found now.
    assert chosen(run("back"), run("between", output="b"), run("first")) == "first"


def test_reports_leave_what_the_choice_is_made_by(tracker: MlflowTracker, tmp_path) -> None:  # noqa: F811
    report = build(tmp_path / "report", lambda work: (work / "report.md").write_text("# r\n") and None)

    @dg.asset(code_version="1", check_specs=[dg.AssetCheckSpec("floor", asset="thing", blocking=True)])
    def thing(
        context: dg.AssetExecutionContext, tracker: dg.ResourceParam[MlflowTracker]
    ) -> dg.MaterializeResult:
        reached = context.run.tags["reached"] == "yes"
        severity = dg.AssetCheckSeverity.ERROR
        check = dg.AssetCheckResult(check_name="floor", passed=reached, severity=severity)
        with tracker.run(context, Values(), {}) as open_run:
            return reported(report, Values(), open_run, {"f1": 0.5}, (), [check])

    for reached in ("yes", "no"):
        resources = {"tracker": tracker, "io_manager": dg.mem_io_manager}
        dg.materialize([thing], resources=resources, tags={"reached": reached}, raise_on_error=False)
    newest, oldest = tracker.finished_runs("thing")
    assert [one["metrics"]["blocking_checks_failed"] for one in (newest, oldest)] == [1, 0]
    found = measured_run([newest, oldest], config_hash(Values()))
    assert found is not None
    assert found["run_id"] == oldest["run_id"]
    assert found["tags"]["output.sha256"] == report.sha256
