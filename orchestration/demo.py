"""``make demo``: the main job, headless, running only what is not current.

Two waves, because two schedulers own the edges: first the data stages (DVC decides whether their
commands run), then, with the data versions known, whatever of the rest is stale, in one run.
"""

import argparse
import time
from itertools import groupby

import dagster as dg

from assets.lineages import build_assets, config_hashes
from orchestration.currency import Stale, stale_assets, topological
from orchestration.definitions import build_definitions, build_tracker
from orchestration.environment import Environment, environment, prepare_state
from orchestration.jobs import build_jobs
from orchestration.resources.artifact_store import ArtifactStore
from orchestration.sensors import close_orphans
from orchestration.summary import print_summary
from orchestration.terminal import terminal_logger


def run_jobs(settings: Environment, names: list[str]) -> int:
    """Run what is not current of the jobs ``names``; return the number of assets that ran.

    Raises:
        SystemExit: an asset or a blocking check failed (status 1).
    """
    prepare_state(settings)
    tracker = build_tracker(settings)
    definitions = build_definitions(settings.profile, tracker, {"terminal": terminal_logger})
    ran = 0
    with dg.DagsterInstance.get() as instance:
        close_orphans(instance, tracker)
        for name in names:
            for wave in (True, False):
                ran += _run_wave(settings, definitions, instance, name, datasets=wave)
    return ran


def _run_wave(
    settings: Environment,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    name: str,
    datasets: bool,
) -> int:
    job = definitions.resolve_job_def(name)
    selected = job.asset_layer.selected_asset_keys
    ordered = [spec for spec in topological(definitions.resolve_all_asset_specs()) if spec.key in selected]
    wave = [spec for spec in ordered if (spec.group_name == "datasets") == datasets]
    if datasets:
        # Asking DVC is how a dataset is found current.
        todo = [Stale(spec.key, "ask DVC") for spec in wave]
    else:
        store = ArtifactStore(var=str(settings.profile.var), profile=settings.profile.name)
        todo = stale_assets(instance, wave, config_hashes(settings.profile), store)
    if not todo:
        return 0
    for item in todo:
        batch = f" {item.partition}" if item.partition else ""
        print(f"· {item.key.to_user_string()}{batch}: {item.reason}")
    ran = 0
    # A run has one partition, so a partitioned asset parts what comes before it from what comes after.
    for partition, items in groupby(todo, key=lambda item: item.partition):
        some = list(items)
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[item.key for item in some],
            partition_key=partition,
            raise_on_error=False,
            run_config={"loggers": {"terminal": {}}},
        )
        ran += _finish(result, some, datasets)
    return ran


def _finish(result: dg.ExecuteInProcessResult, todo: list[Stale], datasets: bool) -> int:
    if not result.success:
        print(f"\nRun {result.run_id} failed. What finished is kept; the same command goes on from here.")
        raise SystemExit(1)
    if not datasets:
        return len(todo)
    stages = list(result.get_asset_materialization_events())
    return sum(bool(event.materialization.metadata["stage_ran"].value) for event in stages)


def main() -> None:
    """Run ``demo_job``, or with ``--study`` every study, and say what was made and where to look."""
    parser = argparse.ArgumentParser(prog="orchestration.demo", description=main.__doc__)
    parser.add_argument("--study", action="store_true", help="run the study jobs too")
    arguments = parser.parse_args()
    settings = environment()
    started = time.monotonic()
    names = ["demo_job"]
    if arguments.study:
        names += [name for name in build_jobs(build_assets(settings.profile)) if name.startswith("study_")]
    ran = run_jobs(settings, names)
    print_summary(settings, ran, time.monotonic() - started)


if __name__ == "__main__":
    main()
