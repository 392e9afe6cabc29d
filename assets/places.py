"""The geodata of the geolocation lineage: feature tables of DVC stages, labels and splits of photographs."""

import dagster as dg
import pandas as pd

from assets.checks import check_results, check_specs
from assets.datasets import DVC_POOL, source_changed
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, resolve
from assets.stores import Stages
from zuroku.artifacts import Artifact
from zuroku.datasets.collection import load_features
from zuroku.datasets.geodata.collection import features_fingerprint
from zuroku.datasets.geodata.features import CARD, FEATURES, FeatureTable
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_labels import (
    IMBALANCE,
    LABEL_CHECKS,
    PlaceLabelSettings,
    label_dataset,
    label_findings,
    markdown_table,
    read_labels,
)
from zuroku.datasets.place_splits import PlaceSplitSettings, write_place_splits
from zuroku.datasets.source import NOT_STATED
from zuroku.evaluation.place_leakage import PLACE_SPLIT_CHECKS, place_split_findings
from zuroku.findings import Finding
from zuroku.geo.sampling import points_by_class
from zuroku.profile import Profile
from zuroku.reports.place_figures import points_map

GROUP = "geolocation"
ROADS, LANDMARKS = "osm_roads", "osm_landmarks"
AREAS, ADMIN = "census_areas", "admin_areas"
POINTS = "sample_points"
PHOTOGRAPHS = "street_views"
LABELS = "place_labels"
SPLITS = "place_splits"

# What an asset makes changes with its version; raise it with the code behind the asset.
CODE_VERSIONS = {"labels": "1", "splits": "3"}

_FEATURE_CHECKS = ("has_features", "licence_stated")


def features_asset(
    profile: Profile, stage: str, description: str, sources: tuple[str, ...] = ()
) -> dg.AssetsDefinition:
    """Return the asset of the DVC stage ``stage``, a table of features made from the stages ``sources``."""
    settings = load_features(profile.configs / f"{stage}.yaml")
    # A land without landmarks has one head less; nothing works without areas and roads.
    blocking = () if stage == LANDMARKS else _FEATURE_CHECKS[:1]

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
        check_specs=check_specs(stage, _FEATURE_CHECKS, blocking),
    )
    def features(context: dg.AssetExecutionContext, stages: dg.ResourceParam[Stages]) -> dg.MaterializeResult:
        folder = profile.dataset(stage)
        changed = source_changed(folder / CARD, features_fingerprint(settings, profile.root))
        outcome = stages.reproduce(stage, force=changed, say=context.log.info)
        found = FeatureTable(folder)
        pictures, tables = {}, {}
        if stage == POINTS:
            areas = FeatureTable(profile.dataset(AREAS)).frame
            pictures["map"] = points_map(found.frame, areas)
            counts = markdown_table(points_by_class(found.frame, areas))
            tables["by_municipality"] = dg.MetadataValue.md(counts)
        return materialized(
            Artifact(folder, found.version, proof=FEATURES),
            settings,
            metadata={
                "features": found.card["features"],
                "licence": found.card["licence"],
                "kinds": dg.MetadataValue.json(found.card["counts"]),
                "report": dg.MetadataValue.json(found.card["report"]),
                "dvc_md5": outcome.md5,
                "stage_ran": outcome.ran,
                **tables,
            },
            pictures=pictures,
            checks=check_results(_findings(found), blocking),
        )

    return features


def labels_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that joins every photograph to its areas, its nearest road and landmark."""
    defaults = profile.load(LABELS, PlaceLabelSettings)
    launch = launch_config(defaults)
    blocking = LABEL_CHECKS[:1]

    @dg.asset(
        name=LABELS,
        description="Prefecture, municipality, town, road and landmark of every photograph (spatial join).",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"parquet"},
        code_version=CODE_VERSIONS["labels"],
        ins={
            "photographs": dg.AssetIn(PHOTOGRAPHS),
            "areas": dg.AssetIn(AREAS),
            "admin": dg.AssetIn(ADMIN),
            "roads": dg.AssetIn(ROADS),
            "landmarks": dg.AssetIn(LANDMARKS),
        },
        check_specs=check_specs(LABELS, LABEL_CHECKS, blocking),
        automation_condition=RETRAIN,
    )
    def place_labels(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        photographs: Artifact,
        areas: Artifact,
        admin: Artifact,
        roads: Artifact,
        landmarks: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, PlaceLabelSettings)
        tables = {"areas": areas, "admin": admin, "roads": roads, "landmarks": landmarks}
        inputs = {"photographs": photographs, **tables}
        target = profile.output(LABELS, CODE_VERSIONS["labels"], settings, inputs)
        found = label_dataset(
            Dataset(photographs.path),
            {name: FeatureTable(table.path) for name, table in tables.items()},
            settings,
            target,
        )
        labels = read_labels(found.path)
        return materialized(
            found,
            settings,
            metadata={
                "photographs": len(labels),
                "imbalance": dg.MetadataValue.md((found.path / IMBALANCE).read_text(encoding="utf-8")),
            },
            checks=check_results(label_findings(labels, settings), blocking),
        )

    return place_labels


def splits_asset(profile: Profile, name: str, study: str | None) -> dg.AssetsDefinition:
    """Return the asset of splits of photographs by place, with as much distance as ``name`` configures."""
    defaults = profile.load(name, PlaceSplitSettings)
    launch = launch_config(defaults)
    # Splits that keep a distance cannot reach every municipality.
    blocking = PLACE_SPLIT_CHECKS[:2]

    @dg.asset(
        name=name,
        description=f"Train, val and test by place, blocks of {defaults.block_km:g} km apart; permanent.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"parquet"},
        code_version=CODE_VERSIONS["splits"],
        ins={"photographs": dg.AssetIn(PHOTOGRAPHS), "labels": dg.AssetIn(LABELS)},
        tags={"study": study} if study else {},
        check_specs=check_specs(name, PLACE_SPLIT_CHECKS, blocking),
        automation_condition=None if study else RETRAIN,
    )
    def splits(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        photographs: Artifact,
        labels: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, PlaceSplitSettings)
        inputs = {"photographs": photographs, "labels": labels}
        ledger = profile.home / "splits" / f"{name}.parquet"
        target = profile.output(name, CODE_VERSIONS["splits"], settings, inputs)
        dataset, places = Dataset(photographs.path), read_labels(labels.path)
        found = write_place_splits(dataset, places, settings, "group", ledger, target)
        table = pd.read_parquet(found.path / "splits.parquet")
        return materialized(
            found,
            settings,
            metadata={
                f"{split}_groups": int(count) for split, count in table["split"].value_counts().items()
            },
            checks=check_results(place_split_findings(places, table), blocking),
        )

    return splits


def _findings(found: FeatureTable) -> list[Finding]:
    count, licence = found.card["features"], str(found.card["licence"])
    return [
        Finding(_FEATURE_CHECKS[0], count > 0, f"{count} features"),
        Finding(_FEATURE_CHECKS[1], licence != NOT_STATED, f"licence: {licence}"),
    ]
