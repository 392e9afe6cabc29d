"""The embedding lineage: embedders of figures, trained or frozen, and their evaluation."""

import dagster as dg
import pandas as pd

from assets.checks import check_results, check_specs
from assets.figures import DATASET as FIGURES
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, reported, resolve
from assets.release import Blocking
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.models.bundle import open_card
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.card import EmbedderCard
from zuroku.models.embedding.findings import TRAINED_EMBEDDER_CHECKS, trained_embedder_findings
from zuroku.models.embedding.settings import EmbedderSettings
from zuroku.models.findings import EMBEDDER_CHECKS, embedder_findings
from zuroku.profile import Profile
from zuroku.reports.embeddings import (
    EMBEDDING_CHECKS,
    EmbeddingEvaluationSettings,
    embedding_findings,
    evaluate_embedder,
    flat_embedding_metrics,
    read_embedding_metrics,
)
from zuroku.training.embedder import EmbedderTrainingSettings, train_embedder

GROUP = "embeddings"
MUSEUM = "imet2019"
SCENES = "open_images"
FIGURE_SPLITS = "figure_splits"
MODEL = "figure_embedder"

# What an asset makes changes with its version; raise it with the code behind the asset.
CODE_VERSIONS = {"frozen": "3", "embedder": "2", "evaluation": "2"}

_TRAINED_CHECKS = (*EMBEDDER_CHECKS, *TRAINED_EMBEDDER_CHECKS)
_SHOWN = ("map_other_books", "purity", "silhouette", "chance")


def frozen_asset(profile: Profile, name: str, model: str, study: str | None) -> dg.AssetsDefinition:
    """Return the asset of an embedder that is not trained here: a backbone and its pooling.

    It is registered in MLflow as ``model``.
    """
    defaults = profile.load(name, EmbedderSettings)
    launch = launch_config(defaults)

    @dg.asset(
        name=name,
        description=f"Frozen {defaults.backbone}, unit length (Aoike 2021 §3.2.1, model ①), as a bundle.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"onnx", "mlflow"},
        code_version=CODE_VERSIONS["frozen"],
        tags={"study": study} if study else {},
        check_specs=check_specs(name, EMBEDDER_CHECKS, EMBEDDER_CHECKS),
        automation_condition=None if study else RETRAIN,
    )
    def frozen(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, EmbedderSettings)
        target = profile.output(name, CODE_VERSIONS["frozen"], settings, {})
        with tracker.run(context, settings, {}) as run:
            bundle = build_embedder(settings, target, CODE_VERSIONS["frozen"])
            version = run.register(model, bundle)
            return materialized(
                bundle,
                settings,
                run,
                metadata={"model_version": version.version},
                checks=check_results(embedder_findings(bundle.path), EMBEDDER_CHECKS),
            )

    return frozen


def embedder_asset(
    profile: Profile, name: str, model: str, dataset: str, study: str | None, start: str | None = None
) -> dg.AssetsDefinition:
    """Return the asset that trains the embedder ``name`` on ``dataset`` and registers it as ``model``.

    ``start`` is the embedder that it goes on from; without one, its configuration says.
    """
    defaults = profile.load(name, EmbedderTrainingSettings)
    launch = launch_config(defaults)
    splits = f"{dataset}_splits"
    ins = {"dataset": dg.AssetIn(dataset), "splits": dg.AssetIn(splits)}

    @dg.asset(
        name=name,
        description=f"Embedder trained on {dataset}{f', from {start}' if start else ''} (Aoike 2021 §3.2.1).",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"pytorch", "onnx", "mlflow"},
        code_version=CODE_VERSIONS["embedder"],
        ins=ins | ({"start": dg.AssetIn(start)} if start else {}),
        tags={"study": study} if study else {},
        check_specs=check_specs(name, _TRAINED_CHECKS, _TRAINED_CHECKS),
        automation_condition=None if study else RETRAIN,
    )
    def embedder(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        tracker: dg.ResourceParam[RunTracking],
        dataset: Artifact,
        splits: Artifact,
        **made: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, EmbedderTrainingSettings)
        inputs = {"dataset": dataset, "splits": splits, **made}
        target = profile.output(name, CODE_VERSIONS["embedder"], settings, inputs)
        if made:
            settings = settings.starting_from(str(made["start"].path))
        data = Dataset(dataset.path)
        with tracker.run(context, settings, inputs) as run:
            bundle = train_embedder(data, splits, settings, target, CODE_VERSIONS["embedder"], run)
            card = open_card(bundle.path, EmbedderCard)
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
                checks=check_results(_findings(bundle, splits), _TRAINED_CHECKS),
            )

    return embedder


def evaluation_asset(profile: Profile, embedder: str, study: str | None) -> dg.AssetsDefinition:
    """Return the asset that judges ``embedder`` on the tagged figures of the frozen test books."""
    name = f"{embedder}_evaluation"
    defaults = profile.load(f"{MODEL}_evaluation", EmbeddingEvaluationSettings)
    launch = launch_config(defaults)
    blocking = () if study else EMBEDDING_CHECKS[:1]

    @dg.asset(
        name=name,
        description="Do figures of one tag lie together, across books? Numbers with intervals, UMAP plots.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report", "mlflow"},
        code_version=CODE_VERSIONS["evaluation"],
        ins={
            "dataset": dg.AssetIn(FIGURES),
            "splits": dg.AssetIn(FIGURE_SPLITS),
            "embedder": dg.AssetIn(embedder),
        },
        tags={"study": study} if study else {},
        check_specs=check_specs(name, EMBEDDING_CHECKS, blocking),
        automation_condition=None if study else RETRAIN,
    )
    def evaluation(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
        splits: Artifact,
        embedder: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, EmbeddingEvaluationSettings)
        inputs = {FIGURES: dataset, "splits": splits, "embedder": embedder}
        target = profile.output(name, CODE_VERSIONS["evaluation"], settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = evaluate_embedder(Dataset(dataset.path), splits, embedder, settings, target)
            metrics = read_embedding_metrics(report.path)
            checks = check_results(embedding_findings(metrics, settings), blocking)
            files = ("report.md", "metrics.json")
            return reported(report, settings, run, flat_embedding_metrics(metrics), _SHOWN, checks, files)

    return evaluation


def blocking_findings(profile: Profile) -> Blocking:
    """Return what asks a finished evaluation of an embedder whether it may be released."""
    settings = profile.load(f"{MODEL}_evaluation", EmbeddingEvaluationSettings)
    return lambda report: embedding_findings(read_embedding_metrics(report), settings)[:1]


def _findings(bundle: Artifact, splits: Artifact) -> list[Finding]:
    table = pd.read_parquet(splits.path / "splits.parquet")
    test_groups = table.loc[table["split"] == "test", "group"].tolist()
    return [*embedder_findings(bundle.path), *trained_embedder_findings(bundle.path, test_groups)]
