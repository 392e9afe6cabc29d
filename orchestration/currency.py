"""Which assets are current: nothing runs twice.

An asset is current when the code version, the hash of its resolved configuration and the data
versions of its inputs equal those of its last success, and its output is still there. Dagster alone
does not know the configuration.
"""

from collections.abc import Iterable, Mapping
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
    """An asset that has to run, and why."""

    key: dg.AssetKey
    reason: str


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
) -> list[Stale]:
    """Return those of ``specs`` (in topological order) that are not current, with the reason.

    Whatever depends on a stale asset is stale too: its inputs are about to change.
    """
    stale: dict[dg.AssetKey, Stale] = {}
    for spec in specs:
        waiting = [parent for parent in parents(spec) if parent in stale]
        if waiting:
            reason = f"{waiting[0].to_user_string()} will change"
        else:
            reason = _why_stale(instance, spec, config_hashes.get(spec.key), store)
        if reason:
            stale[spec.key] = Stale(spec.key, reason)
    return list(stale.values())


def _why_stale(
    instance: DagsterInstance, spec: dg.AssetSpec, config_hash: str | None, store: ArtifactStore
) -> str:
    event = instance.get_latest_materialization_event(spec.key)
    if event is None or event.asset_materialization is None:
        return "never made"
    last = event.asset_materialization
    tags = last.tags or {}
    if tags.get(_CODE_VERSION) != spec.code_version:
        return f"code version {tags.get(_CODE_VERSION)} → {spec.code_version}"
    recorded = last.metadata.get(CONFIG_SHA256)
    if config_hash is not None and (recorded is None or recorded.value != config_hash):
        return "its configuration changed"
    for parent in parents(spec):
        if tags.get(f"{_INPUT_VERSION}{parent.to_user_string()}") != data_version(instance, parent):
            return f"{parent.to_user_string()} changed"
    try:
        store.load(spec.key)
    except IntegrityError:
        return "its output is gone or changed"
    return ""


def data_version(instance: DagsterInstance, key: dg.AssetKey) -> str:
    """Return the data version of the latest materialization of ``key``."""
    event = instance.get_latest_materialization_event(key)
    if event is None or event.asset_materialization is None:
        return _NEVER_MADE
    return (event.asset_materialization.tags or {}).get(_DATA_VERSION, _NEVER_MADE)
