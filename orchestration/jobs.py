"""Jobs: which assets run together. ``demo_job`` is the main line, ``study_*`` compare and ablate.

``retrain_job`` is the part of the main line that one run can hold.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from zuroku.errors import ConfigError

DATASETS = "datasets"
STUDY_TAG = "study"
SHARED_TAG = "every_job"


def build_jobs(assets: Sequence[dg.AssetsDefinition]) -> dict[str, Any]:
    """Return ``demo_job`` (every asset outside a study), ``retrain_job`` and one ``study_<lineage>`` per tag.

    A run has one partition or none, so ``retrain_job`` leaves out what has partitions and what reads it.
    """
    studies: dict[str, list[dg.AssetKey]] = {}
    main: list[dg.AssetKey] = []
    shared: list[dg.AssetKey] = []
    for definition in assets:
        for key in definition.keys:
            tags = definition.tags_by_key[key]
            lineage = tags.get(STUDY_TAG)
            (main if lineage is None else studies.setdefault(lineage, [])).append(key)
            if SHARED_TAG in tags:
                shared.append(key)
    jobs = {
        "demo_job": dg.define_asset_job(
            "demo_job",
            selection=dg.AssetSelection.assets(*main),
            description="Raw data to released model, index and report: the main line of every lineage.",
        )
    }
    partitioned = [key for one in assets if one.partitions_def is not None for key in one.keys]
    jobs["retrain_job"] = dg.define_asset_job(
        "retrain_job",
        selection=dg.AssetSelection.assets(*main) - dg.AssetSelection.assets(*partitioned).downstream(),
        description="Raw data to released models and report in one run: the main line without the corpus.",
    )
    for lineage, keys in studies.items():
        name = f"study_{lineage}"
        jobs[name] = dg.define_asset_job(
            name,
            selection=dg.AssetSelection.assets(*keys, *shared),
            description=f"Comparisons and ablations of {lineage}.",
        )
    return jobs


def selected_assets(
    definitions: dg.Definitions, names: Sequence[str], lineages: Sequence[str] = ()
) -> Mapping[str, frozenset[dg.AssetKey]]:
    """Return what each of the jobs ``names`` runs: all of it, or ``lineages`` and what they are made from.

    Raises:
        ConfigError: the jobs hold no lineage of such a name.
    """
    held = {
        name: frozenset(definitions.resolve_job_def(name).asset_layer.selected_asset_keys) for name in names
    }
    if not lineages:
        return held
    specs = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    shared = {key for key, spec in specs.items() if SHARED_TAG in spec.tags}
    own = {key: specs[key].group_name for keys in held.values() for key in keys if key not in shared}
    known = sorted({str(group) for group in own.values()} - {DATASETS})
    if unknown := sorted(set(lineages) - set(known)):
        raise ConfigError(
            f"no lineage is called {', '.join(unknown)}",
            expected=f"names among {', '.join(known)}, separated by commas",
            remedy="correct LINEAGE, or leave it out to run every lineage",
        )
    wanted = set(shared)
    found = [key for key, group in own.items() if group in lineages]
    while found:
        key = found.pop()
        if key not in wanted:
            wanted.add(key)
            found += [dep.asset_key for dep in specs[key].deps]
    return {name: keys & wanted for name, keys in held.items()}
