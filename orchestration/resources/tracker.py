"""MLflow as a Dagster resource: one run per asset attempt, found again by a deterministic key.

Only this package knows MLflow. ``dagster-mlflow`` is not used: in multiprocess runs it splits one
Dagster run into several MLflow runs, and it leaves runs open after a kill.
"""

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from pydantic import PrivateAttr

from assets.tracking import Champion, RegisteredVersion
from orchestration.resources.registry import ModelRegistry
from zuroku.artifacts import Artifact
from zuroku.config import Settings

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

    def register(self, name: str, bundle: Artifact) -> RegisteredVersion:
        """Register ``bundle`` as a version of the model ``name``, its bytes unchanged."""
        return self._registry.register(name, bundle, self.run_id)


class MlflowTracker(dg.ConfigurableResource):
    """Where runs are tracked.

    ``tracking_uri`` is a database address or that of a server; ``artifact_root`` a folder or an
    object store (unused with a server, which has its own).
    """

    tracking_uri: str
    artifact_root: str
    ui_url: str = "http://127.0.0.1:5000"
    dagster_url: str = "http://127.0.0.1:3000"
    profile: str = "sample"
    experiment: str = "zuroku"

    _client: MlflowClient | None = PrivateAttr(default=None)

    @property
    def client(self) -> MlflowClient:
        """The client, connected on first use."""
        if self._client is None:
            # MLflow resolves ``models:/`` addresses through the process-wide address, not the client's.
            mlflow.set_tracking_uri(self.tracking_uri)
            self._client = MlflowClient(self.tracking_uri)
        return self._client

    @property
    def registry(self) -> ModelRegistry:
        """The model registry beside the runs."""
        return ModelRegistry(self.client)

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
            f"tags.`dagster.asset` = '{asset}' and tags.profile = '{self.profile}' "
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
        if found is not None:
            return str(found.experiment_id)
        location = None if self.tracking_uri.startswith("http") else self.artifact_root
        return str(self.client.create_experiment(self.experiment, artifact_location=location))

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
            "profile": self.profile,
            "dagster.url": f"{self.dagster_url}/runs/{context.run_id}",
            "mlflow.note.content": (
                f"[Dagster run]({self.dagster_url}/runs/{context.run_id}) of the asset "
                f"[{asset}]({self.dagster_url}/assets/{asset})"
            ),
            "code_version": str(context.assets_def.code_versions_by_key[context.asset_key]),
            "git_commit": git_commit(),
        }
        for name, artifact in inputs.items():
            tags[f"input.{name}.sha256"] = artifact.sha256
            tags[f"input.{name}.path"] = str(artifact.path)
        run = self.client.create_run(experiment_id, run_name=asset, tags=tags)
        params = [Param(name, value[:_PARAM_LIMIT]) for name, value in flatten(settings).items()]
        self.client.log_batch(run.info.run_id, params=params)
        return run


def instance_id(instance: dg.DagsterInstance) -> str:
    """Return the UUID that the run storage of ``instance`` keeps of itself.

    Every process with that storage reads the same, and no other storage has it.
    """
    # All run storages that Dagster brings have it (SQLite, Postgres, MySQL, in memory); the base lacks it.
    return str(instance.run_storage.get_run_storage_id())  # type: ignore[attr-defined]


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
