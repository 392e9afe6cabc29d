"""MLflow as a Dagster resource: one run per asset attempt, found again by a deterministic key.

Only this package knows MLflow. ``dagster-mlflow`` is not used: in multiprocess runs it splits one
Dagster run into several MLflow runs, and it leaves runs open after a kill.
"""

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run

from assets.outputs import CONFIG_SHA256
from assets.tracking import OUTPUT_TAG, Champion, RegisteredVersion
from orchestration.resources.registry import PROFILE_TAG, ModelRegistry
from zuroku.artifacts import Artifact
from zuroku.config import Settings, config_hash
from zuroku.errors import ConfigError
from zuroku.indexes.place_decisions import DECISIONS

KEY_TAG = "zuroku.key"
DAGSTER_RUN_TAG = "dagster.run_id"
INSTANCE_TAG = "dagster.instance"
_PARAM_LIMIT = 6000


class TrackedRun:
    """An open MLflow run; a ``zuroku.tracking.Tracker``."""

    def __init__(self, client: MlflowClient, run: Run, registry: ModelRegistry, url: str) -> None:
        self._client = client
        self._registry = registry
        self.run_id: str = run.info.run_id
        self.url = url

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record ``metrics`` in one call."""
        now = int(time.time() * 1000)
        rows = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        self._client.log_batch(self.run_id, metrics=rows)

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Copy the file at ``path`` into the run."""
        self._client.log_artifact(self.run_id, str(path), folder or None)

    def log_picture(self, name: str, data: bytes) -> None:
        """Keep the PNG or JPEG ``data`` under ``pictures/``."""
        kind = "png" if data.startswith(b"\x89PNG") else "jpg"
        with self._client._log_artifact_helper(self.run_id, f"pictures/{name}.{kind}") as path:
            Path(path).write_bytes(data)

    def log_output(self, artifact: Artifact) -> None:
        """Tag the run with the SHA-256 of ``artifact``."""
        self._client.set_tag(self.run_id, OUTPUT_TAG, artifact.sha256)

    def register(self, name: str, bundle: Artifact) -> RegisteredVersion:
        """Register ``bundle`` as a version of the model ``name``, its bytes unchanged."""
        return self._registry.register(name, bundle, self.run_id)


@dataclass(frozen=True, kw_only=True)
class MlflowTracker:
    """Where runs are tracked.

    ``tracking_uri`` is a database address or that of a server; ``artifact_root`` a folder or an
    object store (unused with a server, which has its own). Both may hold passwords, so this is no
    ``ConfigurableResource``: Dagster shows the fields of one to everybody. ``decision`` says who allows
    restricted models to leave this machine and why, and is kept in the file ``decisions``.
    """

    tracking_uri: str = field(repr=False)
    artifact_root: str = field(repr=False)
    ui_url: str = "http://127.0.0.1:5000"
    dagster_url: str = "http://127.0.0.1:3000"
    profile: str = "sample"
    experiment: str = "zuroku"
    decision: str = ""
    decisions: Path = Path("var") / DECISIONS

    @cached_property
    def client(self) -> MlflowClient:
        """The client, connected on first use."""
        # MLflow resolves ``models:/`` addresses through the process-wide address, not the client's.
        mlflow.set_tracking_uri(self.tracking_uri)
        return MlflowClient(self.tracking_uri)

    @property
    def registry(self) -> ModelRegistry:
        """The model registry beside the runs."""
        return ModelRegistry(self.client, self.decision, self.decisions)

    @contextmanager
    def run(
        self, context: dg.AssetExecutionContext, settings: Settings, inputs: Mapping[str, Artifact]
    ) -> Iterator[TrackedRun]:
        """Open the run of this asset attempt; it is ended whatever happens inside.

        Every input is tagged with the SHA-256 of what was read, the configuration becomes
        parameters, and Dagster's run page learns the address of the MLflow run.
        """
        experiment_id = self._experiment_id()
        run = self._find_or_create(context, experiment_id, settings, inputs)
        url = f"{self.ui_url}/#/experiments/{experiment_id}/runs/{run.info.run_id}"
        context.log.info("MLflow run %s", url)
        status = "FAILED"
        try:
            yield TrackedRun(self.client, run, self.registry, url)
            status = "FINISHED"
        except (KeyboardInterrupt, SystemExit, dg.DagsterExecutionInterruptedError):
            status = "KILLED"
            raise
        finally:
            self.client.set_terminated(run.info.run_id, status)

    def champion(self, name: str) -> Champion | None:
        """Return the version of the model ``name`` that holds the alias ``champion``."""
        return self.registry.champion(name)

    def set_champion(self, name: str, version: str) -> None:
        """Move the alias ``champion`` of the model ``name`` to ``version``."""
        self.registry.set_champion(name, version)

    def version_of(self, name: str, sha256: str) -> RegisteredVersion | None:
        """Return the registered version whose bundle has the seal ``sha256``."""
        return self.registry.version_of(name, sha256)

    def fetch(self, name: str, version: str, folder: Path) -> None:
        """Copy the bundle of a registered version into ``folder``."""
        self.registry.fetch(name, version, folder)

    def finished_runs(self, asset: str) -> list[dict[str, Any]]:
        """Return the finished runs of ``asset``, newest first: run id, url, tags, params, metrics."""
        experiment_id = self._experiment_id()
        runs = self.client.search_runs(
            [experiment_id],
            f"tags.`dagster.asset` = '{asset}' and tags.{PROFILE_TAG} = '{self.profile}' "
            "and attributes.status = 'FINISHED'",
            order_by=["attributes.start_time DESC"],
        )
        return [
            {
                "run_id": run.info.run_id,
                "url": f"{self.ui_url}/#/experiments/{experiment_id}/runs/{run.info.run_id}",
                "seconds": (run.info.end_time - run.info.start_time) / 1000,
                "tags": run.data.tags,
                "params": run.data.params,
                "metrics": run.data.metrics,
            }
            for run in runs
        ]

    def close_orphans(self, instance: str, is_active: Callable[[str], bool]) -> list[str]:
        """End runs still open although ``is_active(dagster_run_id)`` is false; return their ids.

        Only those that the Dagster instance with the id ``instance`` opened: it knows no others' runs.
        """
        own = f"attributes.status = 'RUNNING' and tags.`{INSTANCE_TAG}` = '{instance}'"
        closed = []
        for run in self.client.search_runs([self._experiment_id()], own):
            dagster_run = run.data.tags.get(DAGSTER_RUN_TAG)
            if dagster_run is not None and not is_active(dagster_run):
                self.client.set_terminated(run.info.run_id, "KILLED")
                closed.append(run.info.run_id)
        return closed

    def _experiment_id(self) -> str:
        found = self.client.get_experiment_by_name(self.experiment)
        location = None if self.tracking_uri.startswith("http") else _absolute(self.artifact_root)
        if found is None:
            return str(self.client.create_experiment(self.experiment, artifact_location=location))
        # MLflow takes the place from the experiment, whatever is said afterwards.
        if location is not None and found.artifact_location.rstrip("/") != location.rstrip("/"):
            raise ConfigError(
                f"the MLflow experiment {self.experiment} keeps its artifacts in {found.artifact_location}",
                expected=location,
                remedy="set ZUROKU_ARTIFACTS to the first, or MLFLOW_TRACKING_URI to another database",
            )
        return str(found.experiment_id)

    def _find_or_create(
        self,
        context: dg.AssetExecutionContext,
        experiment_id: str,
        settings: Settings,
        inputs: Mapping[str, Artifact],
    ) -> Run:
        key = run_key(context)
        found = self.client.search_runs([experiment_id], f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
        if found:
            return found[0]
        asset = context.asset_key.to_user_string()
        tags = {
            KEY_TAG: key,
            DAGSTER_RUN_TAG: context.run_id,
            INSTANCE_TAG: instance_id(context.instance),
            "dagster.asset": asset,
            "dagster.partition": context.partition_key if context.has_partition_key else "",
            "dagster.attempt": str(context.retry_number),
            "dagster.job": context.job_name,
            PROFILE_TAG: self.profile,
            "dagster.url": f"{self.dagster_url}/runs/{context.run_id}",
            "mlflow.note.content": (
                f"[Dagster run]({self.dagster_url}/runs/{context.run_id}) of the asset "
                f"[{asset}]({self.dagster_url}/assets/{asset})"
            ),
            "code_version": str(context.assets_def.code_versions_by_key[context.asset_key]),
            "git_commit": git_commit(),
            CONFIG_SHA256: config_hash(settings),
        }
        md5s = dvc_md5s(context)
        for name, artifact in inputs.items():
            tags[f"input.{name}.sha256"] = artifact.sha256
            tags[f"input.{name}.path"] = str(artifact.path)
            if artifact.sha256 in md5s:
                tags[f"input.{name}.dvc_md5"] = md5s[artifact.sha256]
        run = self.client.create_run(experiment_id, run_name=asset, tags=tags)
        params = [Param(name, value[:_PARAM_LIMIT]) for name, value in flatten(settings).items()]
        self.client.log_batch(run.info.run_id, params=params)
        return run


def _absolute(place: str) -> str:
    """Return the folder or address ``place`` as MLflow records it: a folder from the root on."""
    return place if "://" in place else str(Path(place).absolute())


def instance_id(instance: dg.DagsterInstance) -> str:
    """Return the UUID that the run storage of ``instance`` keeps of itself.

    Every process with that storage reads the same, and no other storage has it.
    """
    # All run storages that Dagster brings have it (SQLite, Postgres, MySQL, in memory); the base lacks it.
    return str(instance.run_storage.get_run_storage_id())  # type: ignore[attr-defined]


def dvc_md5s(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Return what DVC calls those inputs of the asset that are datasets, by their SHA-256.

    A dataset has both names: its manifest's, and that by which DVC restores it.
    """
    found = {}
    for key in context.assets_def.dependency_keys:
        event = context.instance.get_latest_materialization_event(key)
        made = event.asset_materialization if event else None
        if made and {"dvc_md5", "sha256"} <= made.metadata.keys():
            found[str(made.metadata["sha256"].value)] = str(made.metadata["dvc_md5"].value)
    return found


def run_key(context: dg.AssetExecutionContext) -> str:
    """Return the key of one attempt: equal for Dagster run, asset, partition and retry."""
    partition = context.partition_key if context.has_partition_key else ""
    parts = (context.run_id, context.asset_key.to_user_string(), partition, str(context.retry_number))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def flatten(settings: Settings) -> dict[str, str]:
    """Return the resolved configuration as ``{"loop.epochs": "5", …}``."""
    flat: dict[str, str] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = str(value)

    walk("", settings.model_dump(mode="json"))
    return flat


@cache
def git_commit() -> str:
    """Return the commit of the code that runs, with ``+`` if it has changes; empty outside git."""
    root = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=root, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changed else "")
