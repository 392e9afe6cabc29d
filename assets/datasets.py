"""Dataset assets: each runs the DVC stage of its own name and is versioned by its manifest."""

import json
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.checks import check_results, check_specs
from assets.outputs import ARTIFACT, OWNERS, materialized
from assets.stores import Stages
from zuroku.artifacts import Artifact
from zuroku.datasets.collection import CollectionSettings, collection_fingerprint, load_collection
from zuroku.datasets.findings import DATASET_CHECKS, dataset_findings, page_findings, photo_findings
from zuroku.datasets.manifest import CARD, MANIFEST, Dataset
from zuroku.datasets.pages.collection import PageCollectionSettings
from zuroku.datasets.photos.collection import PhotoCollectionSettings
from zuroku.datasets.places.findings import PLACE_CHECKS, place_findings
from zuroku.datasets.street_views import StreetViewSettings, read_boundary
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.reports.place_figures import dataset_sheet

DVC_POOL = "dvc"
_Collection = CollectionSettings | PageCollectionSettings | PhotoCollectionSettings | StreetViewSettings
_BLOCKING = ("schema", "unique_items", "decodable", "classes")


def dataset_asset(
    profile: Profile,
    stage: str,
    description: str,
    class_floor: int,
    study: str | None = None,
    sources: Sequence[str] = (),
) -> dg.AssetsDefinition:
    """Return the asset of the DVC stage ``stage``, which reads the stages ``sources``.

    ``class_floor`` is the least number of items that a class should have.
    """
    settings = load_collection(profile.configs / f"{stage}.yaml")
    checks = PLACE_CHECKS if isinstance(settings, StreetViewSettings) else DATASET_CHECKS

    @dg.asset(
        name=stage,
        description=description,
        group_name="datasets",
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"dvc", "parquet"},
        code_version="1",
        deps=list(sources),
        pool=DVC_POOL,
        tags={"study": study} if study else {},
        check_specs=check_specs(stage, checks, _BLOCKING),
    )
    def dataset(context: dg.AssetExecutionContext, stages: dg.ResourceParam[Stages]) -> dg.MaterializeResult:
        folder = profile.dataset(stage)
        changed = source_changed(folder / CARD, collection_fingerprint(settings, profile.root, folder.parent))
        outcome = stages.reproduce(stage, force=changed, say=context.log.info)
        found = Dataset(folder)
        numbers = {name: found.card[name] for name in ("items", "groups", "quarantined", "licence", "source")}
        places = isinstance(settings, StreetViewSettings)
        return materialized(
            Artifact(folder, found.version, proof=MANIFEST),
            settings,
            metadata={
                **numbers,
                "classes": dg.MetadataValue.json(found.card["counts"]),
                "dvc_md5": outcome.md5,
                "stage_ran": outcome.ran,
            },
            pictures={"photographs": dataset_sheet(found)} if places else {},
            checks=check_results(_findings(found, settings, class_floor), _BLOCKING),
        )

    return dataset


def _findings(found: Dataset, settings: _Collection, floor: int) -> list[Finding]:
    if isinstance(settings, PageCollectionSettings):
        return page_findings(found, settings.classes, settings.labelled, floor)
    if isinstance(settings, StreetViewSettings):
        return place_findings(found, read_boundary(settings, found.root.parent))
    if isinstance(settings, PhotoCollectionSettings):
        return photo_findings(found, settings.classes, settings.labelled, floor, settings.keeps_twins)
    return dataset_findings(found, settings.hierarchy, settings.labelled, floor)


def source_changed(card: Path, fingerprint: str | None) -> bool:
    """Say whether the source lists other items than those ingested; DVC does not watch sources.

    ``fingerprint`` is that of what the source holds now; None where DVC or only a fetch can tell.
    """
    if not card.is_file() or fingerprint is None:
        return False
    recorded = json.loads(card.read_text(encoding="utf-8"))["fingerprint"]
    return bool(recorded != fingerprint)
