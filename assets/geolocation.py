"""The geolocation lineage: geolocators, their evaluation, and the index of places that answers come from."""

from pathlib import Path

import dagster as dg
import pandas as pd

from assets.canary import canary_metadata, canary_pictures
from assets.checks import check_results, check_specs
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, reported, resolve
from assets.places import ADMIN, AREAS, GROUP, LABELS, LANDMARKS, PHOTOGRAPHS, ROADS, SPLITS
from assets.release import Blocking
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact, verify
from zuroku.config import config_hash
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.indexes.switch import CANARY_CHECK, recipe, switch_index
from zuroku.models.bundle import open_card
from zuroku.models.geolocation.card import GeolocatorCard
from zuroku.models.geolocation.findings import GEOLOCATOR_CHECKS, geolocator_findings
from zuroku.profile import Profile
from zuroku.reports.geolocation import (
    GEOLOCATION_CHECKS,
    GeolocationEvaluationSettings,
    evaluate_geolocator,
    flat_geolocation_metrics,
    geolocation_findings,
    read_geolocation_metrics,
)
from zuroku.reports.geolocation_release import GeolocatorReleaseSettings
from zuroku.reports.place_canary import PlaceKind
from zuroku.reports.place_indexing import (
    PLACE_INDEX_CHECKS,
    PlaceIndexingSettings,
    PlaceSwitchSettings,
    index_places,
    place_index_findings,
)
from zuroku.training.geolocator import GeolocatorTrainingSettings, train_geolocator

MODEL = "geolocator"
INDEX = "place_index"
_SHOWN = ("median_km", "within_25_km", "coverage")
STUDIED = (f"{MODEL}_paper_scales", f"{MODEL}_geoclip_scales")
OTHER_SPLITS = {f"{MODEL}_split_{split}": f"{SPLITS}_{split}" for split in ("paper", "5km", "25km")}
"""The geolocator trained on the paper's random split, and on splits that keep more distance."""
PAPER = f"{MODEL}_paper"
"""The paper's whole recipe: its random split, its scales (``geolocator_paper_scales``) and its answer."""

# What an asset makes changes with its version; raise it with the code behind the asset.
CODE_VERSIONS = {"geolocator": "2", "evaluation": "4", "index": "4"}


def geolocator_asset(
    profile: Profile, name: str, model: str, task: str, splits: str, study: str | None
) -> dg.AssetsDefinition:
    """Return the asset that trains ``name`` on ``splits`` as ``task`` says, and registers it as ``model``."""
    defaults = profile.load(task, GeolocatorTrainingSettings)
    launch = launch_config(defaults)

    @dg.asset(
        name=name,
        description="Image and location encoder in one space, five heads (Hirata et al. §3.2), as a bundle.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"pytorch", "onnx", "mlflow"},
        code_version=CODE_VERSIONS["geolocator"],
        ins={
            "photographs": dg.AssetIn(PHOTOGRAPHS),
            "labels": dg.AssetIn(LABELS),
            "splits": dg.AssetIn(splits),
        },
        tags={"study": study} if study else {},
        check_specs=check_specs(name, GEOLOCATOR_CHECKS, GEOLOCATOR_CHECKS),
        automation_condition=None if study else RETRAIN,
    )
    def geolocator(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        photographs: Artifact,
        labels: Artifact,
        splits: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, GeolocatorTrainingSettings)
        inputs = {PHOTOGRAPHS: photographs, "labels": labels, "splits": splits}
        target = profile.output(name, CODE_VERSIONS["geolocator"], settings, inputs)
        data = Dataset(photographs.path)
        with tracker.run(context, settings, inputs) as run:
            version = CODE_VERSIONS["geolocator"]
            bundle = train_geolocator(data, labels, splits, settings, target, version, run)
            card = open_card(bundle.path, GeolocatorCard)
            run.log_metrics({f"validation_{key}": value for key, value in card.validation.items()})
            registered = run.register(model, bundle)
            table = pd.read_parquet(splits.path / "splits.parquet")
            tested = table.loc[table["split"] == "test", "group"].tolist()
            return materialized(
                bundle,
                settings,
                run,
                metadata={
                    **card.validation,
                    "model_version": registered.version,
                    "card": dg.MetadataValue.md((bundle.path / "README.md").read_text(encoding="utf-8")),
                },
                checks=check_results(geolocator_findings(bundle.path, tested), GEOLOCATOR_CHECKS),
            )

    return geolocator


def evaluation_asset(
    profile: Profile, geolocator: str, task: str, splits: str, study: str | None
) -> dg.AssetsDefinition:
    """Return the asset that judges ``geolocator`` on the test places of ``splits`` as ``task`` says."""
    name = f"{geolocator}_evaluation"
    defaults = profile.load(task, GeolocationEvaluationSettings)
    launch = launch_config(defaults)
    blocking = () if study else defaults.blocking_checks

    @dg.asset(
        name=name,
        description="Distances by answer rule, area and head start; heads, radius, abstention, slices, bias.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report", "mlflow"},
        code_version=CODE_VERSIONS["evaluation"],
        ins={
            "photographs": dg.AssetIn(PHOTOGRAPHS),
            "labels": dg.AssetIn(LABELS),
            "splits": dg.AssetIn(splits),
            "geolocator": dg.AssetIn(geolocator),
        },
        tags={"study": study} if study else {},
        check_specs=check_specs(name, GEOLOCATION_CHECKS, blocking),
        automation_condition=None if study else RETRAIN,
    )
    def evaluation(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        photographs: Artifact,
        labels: Artifact,
        splits: Artifact,
        geolocator: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, GeolocationEvaluationSettings)
        inputs = {PHOTOGRAPHS: photographs, "labels": labels, "splits": splits, "geolocator": geolocator}
        version = CODE_VERSIONS["evaluation"]
        target = profile.output(name, version, settings, inputs)
        data = Dataset(photographs.path)
        with tracker.run(context, settings, inputs) as run:
            report = evaluate_geolocator(
                data, labels, splits, geolocator, settings, profile.vectors, target, version
            )
            metrics = read_geolocation_metrics(report.path)
            checks = check_results(geolocation_findings(metrics, settings), blocking)
            # The true places of the test photographs stay in the report's folder.
            files = ("report.md", "metrics.json", "policy.json")
            return reported(report, settings, run, flat_geolocation_metrics(metrics), _SHOWN, checks, files)

    return evaluation


def blocking_findings(profile: Profile) -> Blocking:
    """Return what asks a finished evaluation of the geolocator whether it may be released."""
    settings = profile.load(f"{MODEL}_evaluation", GeolocationEvaluationSettings)

    def blocking(report: Path) -> list[Finding]:
        findings = geolocation_findings(read_geolocation_metrics(report), settings)
        return [finding for finding in findings if finding.check in settings.blocking_checks]

    return blocking


def index_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that builds the index of the champion's gallery, checks it, and switches to it."""
    defaults = profile.load(INDEX, PlaceSwitchSettings)
    launch = launch_config(defaults)
    answers = profile.load(f"{MODEL}_evaluation", GeolocationEvaluationSettings)
    model = profile.load(f"{MODEL}_release", GeolocatorReleaseSettings).model
    checks = (*PLACE_INDEX_CHECKS, CANARY_CHECK)

    @dg.asset(
        name=INDEX,
        description="Vectors, places and thumbnails of the gallery (Qdrant), published when it holds.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"qdrant", "parquet"},
        code_version=CODE_VERSIONS["index"],
        ins={
            "photographs": dg.AssetIn(PHOTOGRAPHS),
            "labels": dg.AssetIn(LABELS),
            "splits": dg.AssetIn(SPLITS),
            "areas": dg.AssetIn(AREAS),
            "admin": dg.AssetIn(ADMIN),
            "roads": dg.AssetIn(ROADS),
            "landmarks": dg.AssetIn(LANDMARKS),
        },
        # The evaluation hands nothing over, but how answers are made is chosen by its configuration.
        deps=[f"{MODEL}_release", f"{MODEL}_evaluation"],
        check_specs=check_specs(INDEX, checks, checks),
        automation_condition=RETRAIN,
        pool=INDEX,
    )
    def place_index(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        photographs: Artifact,
        labels: Artifact,
        splits: Artifact,
        areas: Artifact,
        admin: Artifact,
        roads: Artifact,
        landmarks: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, PlaceSwitchSettings)
        built_by = recipe(settings, PlaceIndexingSettings)
        champion = verify(profile.champion(model).resolve())
        tables = {"areas": areas, "admin": admin, "roads": roads, "landmarks": landmarks}
        inputs = {PHOTOGRAPHS: photographs, "labels": labels, "splits": splits, model: champion} | tables
        version = f"{CODE_VERSIONS['index']}.{config_hash(answers)[:12]}"
        target = profile.output(INDEX, version, built_by, inputs)
        dataset = Dataset(photographs.path)
        made = index_places(
            dataset,
            labels,
            splits,
            {name: FeatureTable(table.path) for name, table in tables.items()},
            champion,
            answers,
            built_by,
            profile.vectors,
            target,
        )
        findings = place_index_findings(made.path)
        kind = PlaceKind(dataset, geolocators=champion.path.parent)
        in_use = profile.champion(settings.index.name)
        verdict = switch_index(made, in_use, kind, settings.canary, findings, profile.name)
        return materialized(
            made,
            settings,
            metadata={finding.check: finding.says for finding in findings} | canary_metadata(verdict),
            pictures=canary_pictures(verdict),
            checks=check_results([*findings, verdict.finding], checks),
        )

    return place_index
