"""The calendar: what a tick asks for has to run."""

import datetime

import dagster as dg

from orchestration.definitions import build_definitions
from orchestration.jobs import build_jobs
from orchestration.resources.tracker import MlflowTracker
from orchestration.schedules import build_schedules
from tests.workspace import REPOSITORY
from zuroku.profile import Profile

MONDAY = datetime.datetime(2024, 1, 1, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=9)))


@dg.asset
def model() -> int:
    return 1


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["one", "two"]))
def batches(context: dg.AssetExecutionContext, model: int) -> str:
    return context.partition_key


@dg.asset
def index(batches: dict[str, str]) -> list[str]:
    return sorted(batches)


def made_by_a_tick(definitions: dg.Definitions) -> set[str]:
    """Run all that the schedule asks for; return the names of the assets made."""
    (schedule,) = build_schedules()
    repository = definitions.get_repository_def()
    made: set[str] = set()
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=MONDAY, repository_def=repository
        )
        requests = schedule.evaluate_tick(context).run_requests or []
        for request in requests:
            result = definitions.resolve_job_def(schedule.job_name).execute_in_process(
                instance=instance,
                partition_key=request.partition_key,
                run_config=request.run_config,
                raise_on_error=True,
            )
            made |= {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    return made


def test_what_a_tick_asks_for_runs_beside_partitioned_assets() -> None:
    assets = [model, batches, index]
    definitions = dg.Definitions(
        assets=assets,
        jobs=list(build_jobs(assets).values()),
        schedules=build_schedules(),
        resources={"io_manager": dg.mem_io_manager},
    )
    assert made_by_a_tick(definitions) == {"model"}


def test_without_partitions_a_tick_runs_everything() -> None:
    definitions = dg.Definitions(
        assets=[model], jobs=list(build_jobs([model]).values()), schedules=build_schedules()
    )
    assert made_by_a_tick(definitions) == {"model"}


def test_the_calendar_runs_the_main_line_up_to_the_corpus() -> None:
    tracker = MlflowTracker(tracking_uri="sqlite://", artifact_root="unused")
    definitions = build_definitions(Profile("sample", REPOSITORY), tracker)
    (schedule,) = build_schedules()
    job = definitions.resolve_job_def(schedule.job_name)
    assert job.partitions_def is None
    main = definitions.resolve_job_def("demo_job").asset_layer.selected_asset_keys
    left = {key.to_user_string() for key in main - job.asset_layer.selected_asset_keys}
    assert left == {"corpus_figures", "corpus_manifest", "figure_index"}
