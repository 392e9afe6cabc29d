"""``make demo``: the main job, headless, running only what is not current.

Three waves: first the data stages, of which DVC decides whether their commands run; then, with the data
versions known, whatever of the lineages is stale, in one run; at last what gathers results of all of
them, in a run of its own, because within one Dagster passes over whatever needs a failed asset. What
fails takes along what depends on it and nothing else.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import groupby
from pathlib import Path

import dagster as dg

from assets.lineages import build_assets, config_hashes
from orchestration.currency import Stale, stale_assets, topological
from orchestration.definitions import build_definitions, build_tracker
from orchestration.environment import Environment, environment, prepare_state
from orchestration.jobs import DATASETS, SHARED_TAG, build_jobs, selected_assets
from orchestration.outcome import Outcome, interrupted
from orchestration.process_groups import interrupt_on_hangup
from orchestration.publications import publication_fault, publications
from orchestration.resources.artifact_store import ArtifactStore
from orchestration.resources.tracker import MlflowTracker
from orchestration.sensors import DEMO_TAG, close_orphans, end_dead_runs
from orchestration.summary import print_summary
from orchestration.terminal import terminal_logger
from zuroku.artifacts import locked, write_atomically
from zuroku.errors import ZurokuError

_POLL_S = 5
_STOPPED = 130


def run_jobs(settings: Environment, names: Sequence[str], lineages: Sequence[str] = ()) -> Outcome:
    """Run what is not current of the jobs ``names``, or of their ``lineages`` alone.

    Raises:
        ConfigError: there is no such lineage.
        BusyError: another ``make demo`` is at work on the same state.
        KeyboardInterrupt: Ctrl-C or SIGTERM came; the run is ended, and nothing else is started.
    """
    prepare_state(settings)
    tracker = build_tracker(settings)
    definitions = build_definitions(settings.profile, tracker, {"terminal": terminal_logger})
    selected = selected_assets(definitions, names, lineages)
    with _alone(settings.profile.home) as demo, dg.DagsterInstance.get() as instance:
        # What a kill left behind, first: an open Dagster run would keep its MLflow run open.
        end_dead_runs(instance, demo)
        close_orphans(instance, tracker)
        waves = _Waves(settings, definitions, tracker, instance, demo)
        for name, keys in selected.items():
            for wave in _Wave:
                waves.run(name, keys, wave)
    return waves.outcome


@contextmanager
def _alone(home: Path) -> Iterator[str]:
    """Hold the lock of the state folder ``home`` and give the folder's identity."""
    with locked(home / "demo.lock", wait=False):
        identity = home / "demo.id"
        if not identity.is_file():
            write_atomically(identity, uuid.uuid4().hex.encode())
        yield identity.read_text()


class _Wave(Enum):
    """What runs together, in this order."""

    DATASETS = auto()
    LINEAGES = auto()
    SHARED = auto()


def _wave_of(spec: dg.AssetSpec) -> _Wave:
    if SHARED_TAG in spec.tags:
        return _Wave.SHARED
    return _Wave.DATASETS if spec.group_name == DATASETS else _Wave.LINEAGES


@dataclass(frozen=True)
class _Waves:
    """Runs waves of assets in ``instance`` and keeps their ``outcome``."""

    settings: Environment
    definitions: dg.Definitions
    tracker: MlflowTracker
    instance: dg.DagsterInstance
    demo: str
    outcome: Outcome = field(default_factory=Outcome)

    def run(self, name: str, keys: Collection[dg.AssetKey], wave: _Wave) -> None:
        """Run what is not current of ``wave`` among the assets ``keys`` of the job ``name``."""
        specs = [spec for spec in topological(self.definitions.resolve_all_asset_specs()) if spec.key in keys]
        datasets = wave is _Wave.DATASETS
        own = self._ready([spec for spec in specs if _wave_of(spec) is wave])
        # Asking DVC is how a dataset is found current.
        todo = [Stale(spec.key, "ask DVC") for spec in own] if datasets else self._stale(own)
        for item in todo:
            batch = f" {item.partition}" if item.partition else ""
            print(f"· {item.key.to_user_string()}{batch}: {item.reason}")
        # A run has one partition, so a partitioned asset parts what comes before it from what comes after.
        for partition, items in groupby(todo, key=lambda item: item.partition):
            planned = {item.key for item in items}
            ready = self._ready([spec for spec in own if spec.key in planned])
            if ready:
                self._execute(name, [spec.key for spec in ready], partition, datasets)
                # What Dagster passed over, because what it needs failed in the same run, is told too.
                self._ready(ready)

    def _stale(self, specs: list[dg.AssetSpec]) -> list[Stale]:
        profile = self.settings.profile
        store = ArtifactStore(var=str(profile.var), profile=profile.name)
        served = publications(profile)

        def fault(key: dg.AssetKey) -> str:
            return publication_fault(served[key], self.tracker.champion) if key in served else ""

        return stale_assets(self.instance, specs, config_hashes(profile), store, fault)

    def _ready(self, specs: list[dg.AssetSpec]) -> list[dg.AssetSpec]:
        before = set(self.outcome.dropped)
        ready = self.outcome.without_dropped(specs)
        for key, cause in self.outcome.dropped.items():
            if key not in before:
                print(f"– {key.to_user_string()}: dropped, it needs {cause.to_user_string()}")
        return ready

    def _execute(self, name: str, keys: list[dg.AssetKey], partition: str | None, datasets: bool) -> None:
        self._wait_for_pools(keys)
        result = self.definitions.resolve_job_def(name).execute_in_process(
            instance=self.instance,
            asset_selection=keys,
            partition_key=partition,
            raise_on_error=False,
            run_config={"loggers": {"terminal": {}}},
            tags={DEMO_TAG: self.demo},
        )
        if interrupted(result.all_events):
            # Dagster turns Ctrl-C and SIGTERM into the end of a run; they mean the whole command.
            raise KeyboardInterrupt
        self.outcome.add(result, keys)
        made = [event.materialization for event in result.get_asset_materialization_events()]
        self.outcome.ran += (
            sum(bool(one.metadata["stage_ran"].value) for one in made) if datasets else len(made)
        )

    def _wait_for_pools(self, keys: list[dg.AssetKey]) -> None:
        """Wait until no run from elsewhere (the browser, a schedule) uses a pool of the assets ``keys``."""
        pools = {pool for key in keys for pool in self.definitions.resolve_assets_def(key).node_def.pools}
        at_work = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
        told: set[str] = set()
        # Waiting is done here: inside of its runs, Dagster waits without a word and hears no signal.
        while others := [run for run in self.instance.get_runs(at_work) if pools & _pools(run)]:
            for run in others:
                if run.run_id not in told:
                    told.add(run.run_id)
                    print(
                        f"Waiting for run {run.run_id} of {run.job_name}; if dead, end it in `make ui`.",
                        flush=True,
                    )
            time.sleep(_POLL_S)


def _pools(run: dg.DagsterRun) -> set[str]:
    return set() if run.run_op_concurrency is None else {*(run.run_op_concurrency.all_pools or ())}


def main() -> None:
    """Run ``demo_job``, or with ``--study`` every study too, and say what was made and where to look."""
    parser = argparse.ArgumentParser(prog="orchestration.demo", description=main.__doc__)
    parser.add_argument("--study", action="store_true", help="run the study jobs too")
    parser.add_argument("--lineage", default="", help="only these lineages, separated by commas")
    arguments = parser.parse_args()
    interrupt_on_hangup()
    settings = environment()
    started = time.monotonic()
    names = ["demo_job"]
    lineages = [lineage.strip() for lineage in arguments.lineage.split(",") if lineage.strip()]
    try:
        if arguments.study:
            jobs = build_jobs(build_assets(settings.profile))
            names += [name for name in jobs if name.startswith("study_")]
        outcome = run_jobs(settings, names, lineages)
    except ZurokuError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nStopped. What finished is kept; the same command goes on from here.")
        sys.exit(_STOPPED)
    print_summary(settings, outcome, time.monotonic() - started)
    sys.exit(bool(outcome.failed))


if __name__ == "__main__":
    main()
