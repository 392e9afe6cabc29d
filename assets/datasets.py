"""Dataset assets: each runs the DVC stage of its own name and is versioned by its manifest."""

import json
from pathlib import Path

import dagster as dg

from assets.checks import dataset_checks
from assets.outputs import OWNERS, materialized
from assets.stores import Stages
from zuroku.artifacts import Artifact
from zuroku.datasets.collection import CollectionSettings, collection_fingerprint
from zuroku.datasets.manifest import CARD, MANIFEST, Dataset
from zuroku.profile import Profile

DVC_POOL = "dvc"


def dataset_asset(
    profile: Profile, stage: str, description: str, floor: int
) -> tuple[dg.AssetsDefinition, dg.AssetChecksDefinition]:
    """Return the asset of the DVC stage ``stage`` and its checks.

    ``floor`` is the least number of items that every class must have (0 where there are no labels).
    """
    settings = profile.load(stage, CollectionSettings)

    @dg.asset(
        name=stage,
        description=description,
        group_name="datasets",
        owners=OWNERS,
        kinds={"dvc", "parquet"},
        code_version="1",
        pool=DVC_POOL,
        tags={"profile": profile.name},
    )
    def dataset(context: dg.AssetExecutionContext, stages: dg.ResourceParam[Stages]) -> dg.MaterializeResult:
        folder = profile.dataset(stage)
        changed = _source_changed(folder / CARD, collection_fingerprint(settings))
        outcome = stages.reproduce(stage, force=changed, say=context.log.info)
        found = Dataset(folder)
        numbers = {name: found.card[name] for name in ("items", "groups", "quarantined")}
        return materialized(
            Artifact(folder, found.version, proof=MANIFEST),
            settings,
            metadata={
                **numbers,
                "classes": dg.MetadataValue.json(found.card["counts"]),
                "licence": found.card["licence"],
                "source": found.card["source"],
                "dvc_md5": outcome.md5,
                "stage_ran": outcome.ran,
            },
        )

    return dataset, dataset_checks(profile, stage, settings, floor)


def _source_changed(card: Path, fingerprint: str | None) -> bool:
    """Say whether the source lists other items than those ingested; DVC does not watch sources."""
    try:
        recorded = json.loads(card.read_text(encoding="utf-8"))["fingerprint"]
    except FileNotFoundError:
        return False
    return fingerprint is not None and recorded != fingerprint
