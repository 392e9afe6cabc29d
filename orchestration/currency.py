"""Which assets are current: nothing runs twice.

An asset is current when the code version, the hash of its resolved configuration and the data
versions of its inputs equal those of its last success, the output of that is still there, and so is what
it published. Dagster alone does not know the configuration; and it records what was made before it looks at
blocking checks, so that an asset stopped by one seems to have succeeded.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

import dagster as dg
from dagster import DagsterInstance

from assets.outputs import CONFIG_SHA256
from orchestration.resources.artifact_store import ArtifactStore
from zuroku.errors import IntegrityError

_INPUT_VERSION = "dagster/input_data_version/"
_CODE_VERSION = "dagster/code_version"
_DATA_VERSION = "dagster/data_version"
# What Dagster records as the version of an input that was never made.
_NEVER_MADE = "INITIAL"


@dataclass(frozen=True)
class Stale:
    """An asset, or one of its partitions, that has to run, and why."""

    key: dg.AssetKey
    reason: str
    partition: str | None = None


def topological(specs: Iterable[dg.AssetSpec]) -> list[dg.AssetSpec]:
    """Return ``specs`` so that every asset stands after those it depends on."""
    by_key = {spec.key: spec for spec in specs}
    order = TopologicalSorter({key: parents(spec) for key, spec in by_key.items()})
    return [by_key[key] for key in order.static_order() if key in by_key]


def parents(spec: dg.AssetSpec) -> list[dg.AssetKey]:
    """Return the keys that ``spec`` depends on, sorted."""
    return sorted(dep.asset_key for dep in spec.deps)


def stale_assets(
    instance: DagsterInstance,
    specs: Iterable[dg.AssetSpec],
    config_hashes: Mapping[dg.AssetKey, str],
    store: ArtifactStore,
    serving_fault: Callable[[dg.AssetKey], str] = lambda key: "",
) -> list[Stale]:
    """Return those of ``specs`` (in topological order) that are not current, with the reason.

    Whatever depends on a stale asset is stale too: its inputs are about to change. ``serving_fault`` says
    what is wrong with what an asset published, or nothing.
    """
    specs = list(specs)
    partitioned = {
        spec.key: [name for name in partitions(spec) if name] for spec in specs if spec.partitions_def
    }
    stale: list[Stale] = []
    for spec in specs:
        waiting = [item for item in stale if item.key in parents(spec)]
        for partition in partitions(spec):
            if waiting:
                reason = f"{waiting[0].key.to_user_string()} will change"
            else:
                reason = _why_stale(
                    instance, spec, partition, partitioned, config_hashes.get(spec.key), store
                ) or serving_fault(spec.key)
            if reason:
                stale.append(Stale(spec.key, reason, partition))
    return stale


def partitions(spec: dg.AssetSpec) -> list[str | None]:
    """Return the partitions of an asset, or a single None for an asset without any."""
    definition = spec.partitions_def
    return [None] if definition is None else list(definition.get_partition_keys())


def _why_stale(
    instance: DagsterInstance,
    spec: dg.AssetSpec,
    partition: str | None,
    partitioned: Mapping[dg.AssetKey, list[str]],
    config_hash: str | None,
    store: ArtifactStore,
) -> str:
    record = _last_materialization(instance, spec.key, partition)
    if record is None or record.asset_materialization is None:
        return "never made"
    last = record.asset_materialization
    tags = last.tags or {}
    if tags.get(_CODE_VERSION) != spec.code_version:
        return f"code version {tags.get(_CODE_VERSION)} → {spec.code_version}"
    recorded = last.metadata.get(CONFIG_SHA256)
    if config_hash is not None and (recorded is None or recorded.value != config_hash):
        return "its configuration changed"
    for parent in parents(spec):
        if _changed(instance, parent, partitioned.get(parent), tags, record.storage_id):
            return f"{parent.to_user_string()} changed"
    if failed := _stopped_by(instance, record.run_id, spec.key, partition):
        return f"its check {failed} failed"
    try:
        output = store.load(spec.key, partition)
    except IntegrityError:
        return "its output is gone or changed"
    # Profiles and folders may share Dagster's storage, and what it recorded last may be another's.
    return "" if output.sha256 == tags.get(_DATA_VERSION) else "its output is not what was made last"


def _stopped_by(
    instance: DagsterInstance, run_id: str, key: dg.AssetKey, partition: str | None
) -> str | None:
    """Return the name of a blocking check of ``key`` that failed in the run ``run_id``, if one did."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        found = entry.get_dagster_event().asset_check_evaluation_data
        # A run has one partition, and a check that knows none was of that one.
        concerned = found.asset_key == key and found.partition in (None, partition)
        if concerned and found.blocking and not found.passed:
            return found.check_name
    return None


def _changed(
    instance: DagsterInstance,
    parent: dg.AssetKey,
    names: list[str] | None,
    tags: Mapping[str, str],
    storage_id: int,
) -> bool:
    """Say whether ``parent`` has another version than a materialization with ``tags`` was made from."""
    if names is None:
        return tags.get(f"{_INPUT_VERSION}{parent.to_user_string()}") != data_version(instance, parent)
    # Dagster records no version for each partition read, so a partition made since counts as a change.
    records = (_last_materialization(instance, parent, name) for name in names)
    return any(record is None or record.storage_id > storage_id for record in records)


def _last_materialization(
    instance: DagsterInstance, key: dg.AssetKey, partition: str | None
) -> dg.EventLogRecord | None:
    wanted = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
    return next(iter(instance.fetch_materializations(wanted, limit=1).records), None)


def data_version(instance: DagsterInstance, key: dg.AssetKey) -> str:
    """Return the data version of the latest materialization of ``key``."""
    record = _last_materialization(instance, key, None)
    if record is None or record.asset_materialization is None:
        return _NEVER_MADE
    return (record.asset_materialization.tags or {}).get(_DATA_VERSION, _NEVER_MADE)
