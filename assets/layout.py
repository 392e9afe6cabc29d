"""The layout lineage: detectors of zones on pages, and their evaluation."""

import dagster as dg
import pandas as pd

from assets.checks import check_results, check_specs
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, reported, resolve
from assets.release import Blocking
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact
from zuroku.datasets.images import decode_rgb
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.models.bundle import open_card
from zuroku.models.layout.bundle import DetectorCard
from zuroku.models.layout.findings import DETECTOR_CHECKS, detector_findings
from zuroku.profile import Profile
from zuroku.reports.layout import (
    LAYOUT_CHECKS,
    LayoutEvaluationSettings,
    evaluate_layout,
    flat_layout_metrics,
    layout_findings,
    read_layout_metrics,
)
from zuroku.training.layout_detector import LayoutDetectorSettings, train_layout_detector
from zuroku.training.pages import annotated_pages

GROUP = "layout"
DATASET = "ndl_docl"
SPLITS = "page_splits"
MODEL = "layout_detector"

# What an asset makes changes with its version; raise it with the code behind the asset.
CODE_VERSIONS = {"detector": "6", "evaluation": "3"}

_CHECKED_PAGES = 4
_SHOWN = ("overall_iou", "figure_ap30", "figure_ap50_95")


def detector_asset(profile: Profile, name: str, model: str, study: str | None) -> dg.AssetsDefinition:
    """Return the asset that trains the detector ``name`` and registers it in MLflow as ``model``."""
    defaults = profile.load(name, LayoutDetectorSettings)
    launch = launch_config(defaults)

    @dg.asset(
        name=name,
        description=f"Detector of zones (Aoike 2021 §3.3), {defaults.family}: {defaults.architecture}.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"pytorch", "onnx", "mlflow"},
        code_version=CODE_VERSIONS["detector"],
        ins={"dataset": dg.AssetIn(DATASET), "splits": dg.AssetIn(SPLITS)},
        tags={"study": study} if study else {},
        check_specs=check_specs(name, DETECTOR_CHECKS, DETECTOR_CHECKS),
        automation_condition=None if study else RETRAIN,
    )
    def detector(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
        splits: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, LayoutDetectorSettings)
        inputs = {DATASET: dataset, "splits": splits}
        data = Dataset(dataset.path)
        target = profile.output(name, CODE_VERSIONS["detector"], settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            bundle = train_layout_detector(data, splits, settings, target, CODE_VERSIONS["detector"], run)
            card = open_card(bundle.path, DetectorCard)
            run.log_metrics({f"validation_{key}": value for key, value in card.validation.items()})
            version = run.register(model, bundle)
            return materialized(
                bundle,
                settings,
                run,
                metadata={
                    **card.validation,
                    "model_version": version.version,
                    "card": dg.MetadataValue.md((bundle.path / "README.md").read_text(encoding="utf-8")),
                },
                checks=check_results(_detector_findings(data, splits, bundle, card), DETECTOR_CHECKS),
            )

    return detector


def evaluation_asset(profile: Profile, detector: str, study: str | None) -> dg.AssetsDefinition:
    """Return the asset that evaluates ``detector`` on the frozen test books."""
    name = f"{detector}_evaluation"
    task = f"{MODEL}_evaluation"
    defaults = profile.load(task, LayoutEvaluationSettings)
    launch = launch_config(defaults)
    blocking = () if study else LAYOUT_CHECKS[:1]

    @dg.asset(
        name=name,
        description="Table 4's metrics with intervals by book, AP by class, and sheets of detections.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report", "mlflow"},
        code_version=CODE_VERSIONS["evaluation"],
        ins={
            "dataset": dg.AssetIn(DATASET),
            "splits": dg.AssetIn(SPLITS),
            "detector": dg.AssetIn(detector),
        },
        tags={"study": study} if study else {},
        check_specs=check_specs(name, LAYOUT_CHECKS, blocking),
        automation_condition=None if study else RETRAIN,
    )
    def evaluation(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
        splits: Artifact,
        detector: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, LayoutEvaluationSettings)
        inputs = {DATASET: dataset, "splits": splits, "detector": detector}
        target = profile.output(name, CODE_VERSIONS["evaluation"], settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = evaluate_layout(Dataset(dataset.path), splits, detector, settings, target)
            metrics = read_layout_metrics(report.path)
            checks = check_results(layout_findings(metrics, settings), blocking)
            files = ("report.md", "metrics.json")
            return reported(report, settings, run, flat_layout_metrics(metrics), _SHOWN, checks, files)

    return evaluation


def blocking_findings(profile: Profile) -> Blocking:
    """Return what asks a finished evaluation of the detector whether it may be released."""
    settings = profile.load(f"{MODEL}_evaluation", LayoutEvaluationSettings)
    return lambda report: layout_findings(read_layout_metrics(report), settings)[:1]


def _detector_findings(
    dataset: Dataset, splits: Artifact, bundle: Artifact, card: DetectorCard
) -> list[Finding]:
    table = pd.read_parquet(splits.path / "splits.parquet")
    rows = annotated_pages(dataset, table, "val", card.classes).rows[:_CHECKED_PAGES]
    pages = [decode_rgb(dataset.read(row)) for row in rows]
    return detector_findings(bundle.path, card, pages, table.loc[table["split"] == "test", "group"].tolist())
