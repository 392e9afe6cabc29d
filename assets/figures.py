"""The figure-tagging lineage: splits, tagger, evaluation, label issues, tags of the corpus."""

import json

import dagster as dg
import pandas as pd

from assets.checks import check_results, check_specs
from assets.outputs import (
    ARTIFACT,
    OWNERS,
    RETRAIN,
    launch_config,
    materialized,
    report_pictures,
    reported,
    resolve,
)
from assets.release import Blocking
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact, verify
from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.models.bundle import read_card
from zuroku.models.findings import BUNDLE_CHECKS, bundle_findings
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.profile import Profile
from zuroku.reports.corpus_tags import TaggingSettings, tag_corpus
from zuroku.reports.figure_tagger import (
    EvaluationSettings,
    evaluate_figure_tagger,
    evaluation_findings,
    flat_tagger_metrics,
    read_metrics,
)
from zuroku.reports.label_issues import LabelIssueReportSettings, report_label_issues
from zuroku.training.figure_tagger import FigureTaggerSettings, labelled_figures, train_figure_tagger

GROUP = "figures"
DATASET = "ndl_imagelabel"
CORPUS = "figure_corpus"
MODEL = "figure_tagger"

# What an asset makes changes with its version; raise it with the code behind the asset.
CODE_VERSIONS = {"tagger": "3", "evaluation": "2", "label_issues": "1", "tags": "1"}


def tagger_asset(
    profile: Profile, name: str, model: str, splits: str, by: str, study: str | None
) -> dg.AssetsDefinition:
    """Return the asset that trains the tagger ``name`` and registers it in MLflow as ``model``."""
    defaults = profile.load(name, FigureTaggerSettings)
    launch = launch_config(defaults)
    # A random split of images shares books by design; that is what the variant is there to show.
    blocking = BUNDLE_CHECKS if by == "group" else BUNDLE_CHECKS[:1]
    checks = check_specs(name, BUNDLE_CHECKS, blocking)

    @dg.asset(
        name=name,
        description="Multi-label figure tagger (Aoike 2021 §2.1) as a bundle: ONNX, safetensors, card.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"pytorch", "onnx", "mlflow"},
        code_version=CODE_VERSIONS["tagger"],
        ins={"dataset": dg.AssetIn(DATASET), "splits": dg.AssetIn(splits)},
        tags={"study": study} if study else {},
        check_specs=checks,
        automation_condition=None if study else RETRAIN,
    )
    def tagger(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
        splits: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, FigureTaggerSettings)
        inputs = {DATASET: dataset, "splits": splits}
        data = Dataset(dataset.path)
        target = profile.output(name, CODE_VERSIONS["tagger"], settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            bundle = train_figure_tagger(data, splits, settings, target, CODE_VERSIONS["tagger"], run, by)
            card = read_card(bundle.path)
            run.log_metrics({f"validation_{key}": value for key, value in card.validation.items()})
            version = run.register(model, bundle)
            findings = _bundle_findings(data, splits, bundle, by)
            return materialized(
                bundle,
                settings,
                run,
                metadata={
                    **card.validation,
                    "model_version": version.version,
                    "temperature": card.temperature,
                    "card": dg.MetadataValue.md((bundle.path / "README.md").read_text(encoding="utf-8")),
                },
                checks=check_results(findings, blocking),
            )

    return tagger


def evaluation_asset(
    profile: Profile, name: str, task: str, tagger: str, splits: str, by: str, study: str | None
) -> dg.AssetsDefinition:
    """Return the asset that evaluates ``tagger`` on the split that ``task`` names."""
    defaults = profile.load(task, EvaluationSettings)
    launch = launch_config(defaults)
    names = ("metric_floor", "not_collapsed")
    blocking = () if study else names

    @dg.asset(
        name=name,
        description="F1, average precision, calibration, confusion and worst errors, with intervals by book.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report", "mlflow"},
        code_version=CODE_VERSIONS["evaluation"],
        ins={"dataset": dg.AssetIn(DATASET), "splits": dg.AssetIn(splits), "tagger": dg.AssetIn(tagger)},
        tags={"study": study} if study else {},
        check_specs=check_specs(name, names, blocking),
        automation_condition=None if study else RETRAIN,
    )
    def evaluation(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
        splits: Artifact,
        tagger: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, EvaluationSettings)
        inputs = {DATASET: dataset, "splits": splits, "tagger": tagger}
        target = profile.output(name, CODE_VERSIONS["evaluation"], settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = evaluate_figure_tagger(Dataset(dataset.path), splits, tagger, settings, target, by)
            metrics = read_metrics(report.path)
            checks = check_results(evaluation_findings(metrics, settings), blocking)
            files = ("report.md", "metrics.json", "per_tag.csv", "confusion.csv")
            return reported(
                report, settings, run, flat_tagger_metrics(metrics), ("macro_f1", "micro_f1"), checks, files
            )

    return evaluation


def blocking_findings(profile: Profile) -> Blocking:
    """Return what asks a finished evaluation of the tagger whether it may be released."""
    settings = profile.load(f"{MODEL}_evaluation", EvaluationSettings)
    return lambda report: evaluation_findings(read_metrics(report), settings)


def label_issues_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that lists figures whose label a person should look at again."""
    defaults = profile.load("figure_label_issues", LabelIssueReportSettings)
    launch = launch_config(defaults)
    name = "figure_label_issues"

    @dg.asset(
        name=name,
        description="Suspicious labels by confident learning on frozen features, folds by book (cleanlab).",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report", "mlflow"},
        code_version=CODE_VERSIONS["label_issues"],
        ins={"dataset": dg.AssetIn(DATASET)},
        check_specs=check_specs(name, ("few_suspects",), ()),
        automation_condition=RETRAIN,
    )
    def label_issues(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, LabelIssueReportSettings)
        inputs = {DATASET: dataset}
        target = profile.output(name, CODE_VERSIONS["label_issues"], settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = report_label_issues(Dataset(dataset.path), settings, target)
            summary = json.loads((report.path / "summary.json").read_text(encoding="utf-8"))
            run.log_metrics({key: summary[key] for key in ("figures", "suspects", "share")})
            run.log_artifact(report.path / "issues.csv", "report")
            says = f"{summary['suspects']} of {summary['figures']} labels look wrong to the probe"
            finding = Finding("few_suspects", summary["share"] < settings.suspicious_share, says)
            return materialized(
                report,
                settings,
                run,
                metadata={"suspects": summary["suspects"], "share": summary["share"]},
                pictures=report_pictures(report.path),
                checks=check_results([finding], ()),
            )

    return label_issues


def tags_asset(profile: Profile, model: str) -> dg.AssetsDefinition:
    """Return the asset that tags the corpus with the champion of ``model``."""
    defaults = profile.load("figure_tags", TaggingSettings)
    launch = launch_config(defaults)
    name = "figure_tags"

    @dg.asset(
        name=name,
        description="Tags of the corpus by the champion, one JSON per book in the original's form.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"json", "openvino"},
        code_version=CODE_VERSIONS["tags"],
        ins={"corpus": dg.AssetIn(CORPUS)},
        deps=["figure_tagger_release"],
        check_specs=check_specs(name, ("every_figure_tagged",), ()),
        automation_condition=RETRAIN,
    )
    def tags(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        corpus: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, TaggingSettings)
        # The bundle itself, not the verdict: a champion may be confirmed without any tag changing.
        champion = verify(profile.champion(model).resolve())
        predictor = TaggerPredictor(champion.path)
        inputs = {CORPUS: corpus, model: champion}
        target = profile.output(name, CODE_VERSIONS["tags"], settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            tagged = tag_corpus(Dataset(corpus.path), predictor, settings, target)
            summary = json.loads((tagged.path / "summary.json").read_text(encoding="utf-8"))
            run.log_metrics({"tagged": summary["tagged"], "untagged": summary["without_tags"]})
            says = f"{summary['without_tags']} of {summary['tagged']} figures have no tag"
            finding = Finding("every_figure_tagged", summary["without_tags"] == 0, says)
            return materialized(
                tagged,
                settings,
                run,
                metadata={"figures": summary["tagged"], "tags": dg.MetadataValue.json(summary["tags"])},
                pictures=report_pictures(tagged.path),
                checks=check_results([finding], ()),
            )

    return tags


def _bundle_findings(dataset: Dataset, splits: Artifact, bundle: Artifact, by: str) -> list[Finding]:
    table = pd.read_parquet(splits.path / "splits.parquet")
    predictor = TaggerPredictor(bundle.path)
    figures = labelled_figures(dataset, table, "val", predictor.hierarchy, by)
    pictures = [square_pixels(dataset.read(row), predictor.card.size_px) for row in figures.rows[:32]]
    return bundle_findings(bundle.path, pictures, table.loc[table["split"] == "test", "group"].tolist())
