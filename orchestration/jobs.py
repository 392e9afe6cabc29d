"""Jobs: which assets run together. ``demo_job`` is the main line, ``study_*`` compare and ablate."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

STUDY_TAG = "study"
SHARED_TAG = "every_job"


def build_jobs(assets: Sequence[dg.AssetsDefinition]) -> dict[str, Any]:
    """Return ``demo_job`` (every asset outside a study) and one ``study_<lineage>`` per tag value."""
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
    for lineage, keys in studies.items():
        name = f"study_{lineage}"
        jobs[name] = dg.define_asset_job(
            name,
            selection=dg.AssetSelection.assets(*keys, *shared),
            description=f"Comparisons and ablations of {lineage}.",
        )
    return jobs
