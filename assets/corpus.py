"""The corpus line: pages in, tagged and embedded figures out, and the index that finds them."""

import json

import dagster as dg

from assets.checks import check_results, check_specs
from assets.figures import MODEL as TAGGER
from assets.layout import MODEL as DETECTOR
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, resolve
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact, verify
from zuroku.corpus.batches import BatchPages, CorpusSettings, batch_names
from zuroku.corpus.bundles import StageBundles
from zuroku.corpus.executors import ThreadExecutor, UnitExecutor
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.findings import CORPUS_CHECKS, CorpusCheckSettings, corpus_findings
from zuroku.corpus.indexing import INDEX_CHECKS, index_figures, index_findings
from zuroku.corpus.line import run_line
from zuroku.corpus.manifest import list_batches, read_batches
from zuroku.findings import Finding
from zuroku.indexes.bundle import IndexSettings
from zuroku.models.embedder_predictor import EmbedderSettings, build_embedder
from zuroku.models.findings import EMBEDDER_CHECKS, embedder_findings
from zuroku.profile import Profile
from zuroku.publishing import publish
from zuroku.reports.corpus import corpus_sheet
from zuroku.reports.release import ReleaseSettings

GROUP = "corpus"
PAGES = "page_corpus"
EMBEDDER = "figure_embedder"
FIGURES = "corpus_figures"
MANIFEST = "corpus_manifest"
INDEX = "figure_index"

# What an asset makes changes with its version; raise it with the code behind the asset.
CODE_VERSIONS = {"embedder": "1", "figures": "1", "manifest": "1", "index": "1"}


def embedder_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset of the embedder: a frozen backbone, until embeddings are trained."""
    defaults = profile.load(EMBEDDER, EmbedderSettings)
    launch = launch_config(defaults)

    @dg.asset(
        name=EMBEDDER,
        description="The embedder of figures: a frozen backbone, GAP, unit length, as a bundle.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"onnx", "mlflow"},
        code_version=CODE_VERSIONS["embedder"],
        check_specs=check_specs(EMBEDDER, EMBEDDER_CHECKS, EMBEDDER_CHECKS),
        automation_condition=RETRAIN,
    )
    def embedder(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, EmbedderSettings)
        target = profile.output(EMBEDDER, CODE_VERSIONS["embedder"], settings, {})
        with tracker.run(context, settings, {}) as run:
            bundle = build_embedder(settings, target, CODE_VERSIONS["embedder"])
            version = run.register(EMBEDDER, bundle)
            return materialized(
                bundle,
                settings,
                run,
                metadata={"model_version": version.version},
                checks=check_results(embedder_findings(bundle.path), EMBEDDER_CHECKS),
            )

    return embedder


def figures_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that finds, cuts out, tags and embeds the figures of one batch of books."""
    settings = profile.load(FIGURES, CorpusSettings)
    models = {name: profile.load(f"{name}_release", ReleaseSettings).model for name in (DETECTOR, TAGGER)}

    @dg.asset(
        name=FIGURES,
        description="Pages → boxes → crops → tags → vectors, by the champions, one batch of books at a time.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"parquet", "openvino"},
        code_version=CODE_VERSIONS["figures"],
        partitions_def=dg.StaticPartitionsDefinition(batch_names(settings.batches)),
        ins={
            "pages": dg.AssetIn(PAGES),
            "detector_release": dg.AssetIn(f"{DETECTOR}_release"),
            "tagger_release": dg.AssetIn(f"{TAGGER}_release"),
            "embedder": dg.AssetIn(EMBEDDER),
        },
        check_specs=check_specs(FIGURES, CORPUS_CHECKS, CORPUS_CHECKS[:2]),
        automation_condition=RETRAIN,
    )
    def corpus_figures(
        context: dg.AssetExecutionContext,
        pages: Artifact,
        detector_release: Artifact,
        tagger_release: Artifact,
        embedder: Artifact,
    ) -> dg.MaterializeResult:
        batch = BatchPages(pages.path, context.partition_key, settings.batches)
        detector, tagger = (verify(profile.champion(models[name]).resolve()) for name in (DETECTOR, TAGGER))
        bundles = StageBundles(detector.path, tagger.path, embedder.path, settings.stage)
        # The batch and the bundles, not the whole corpus and the verdicts: other batches may grow, and a
        # champion may be confirmed, without this work being done again.
        inputs = {"pages": Artifact(pages.path, batch.fingerprint), "embedder": embedder}
        inputs |= {"detector": detector, "tagger": tagger}
        target = profile.output(FIGURES, CODE_VERSIONS["figures"], settings, inputs)
        made = run_line(batch, bundles.open, settings.line, target, _executor(settings))
        corpus = FigureCorpus(made.path)
        return materialized(
            made,
            settings,
            metadata={name: corpus.card[name] for name in ("pages", "figures", "bad_pages")},
            pictures={"figures": corpus_sheet(corpus)},
            checks=check_results(corpus_findings(corpus, CorpusCheckSettings()), CORPUS_CHECKS[:2]),
        )

    return corpus_figures


def manifest_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that lists all batches: what stands between partitions and whatever reads them all."""
    settings = profile.load(FIGURES, CorpusSettings)

    @dg.asset(
        name=MANIFEST,
        description="Every batch of figures with its SHA-256: one version for the whole corpus.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"json"},
        code_version=CODE_VERSIONS["manifest"],
        check_specs=check_specs(MANIFEST, ("no_bad_pages",), ()),
        automation_condition=RETRAIN,
    )
    def corpus_manifest(corpus_figures: dict[str, Artifact]) -> dg.MaterializeResult:
        target = profile.output(MANIFEST, CODE_VERSIONS["manifest"], settings, corpus_figures)
        made = list_batches(corpus_figures, profile.home, target)
        summary = json.loads((made.path / "summary.json").read_text(encoding="utf-8"))
        says = f"{summary['bad_pages']} of {summary['pages']} pages were passed over"
        finding = Finding("no_bad_pages", summary["bad_pages"] == 0, says)
        return materialized(made, settings, metadata=summary, checks=check_results([finding], ()))

    return corpus_manifest


def index_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that builds the index of all figures, checks it, and publishes it."""
    defaults = profile.load(INDEX, IndexSettings)
    launch = launch_config(defaults)

    @dg.asset(
        name=INDEX,
        description="Vectors, payload and thumbnails of all figures as one bundle, published when it holds.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"parquet"},
        code_version=CODE_VERSIONS["index"],
        ins={"batches": dg.AssetIn(MANIFEST), "embedder": dg.AssetIn(EMBEDDER)},
        check_specs=check_specs(INDEX, INDEX_CHECKS, INDEX_CHECKS),
        automation_condition=RETRAIN,
        pool=INDEX,
    )
    def figure_index(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        batches: Artifact,
        embedder: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, IndexSettings)
        inputs = {"batches": batches, "embedder": embedder}
        target = profile.output(INDEX, CODE_VERSIONS["index"], settings, inputs)
        made = index_figures(read_batches(batches.path, profile.home), embedder, settings, target)
        findings = index_findings(made.path)
        if all(finding.passed for finding in findings):
            publish(made, profile.champion(INDEX))
        manifest = json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))
        return materialized(
            made,
            settings,
            metadata={"figures": manifest["count"], "slices": dg.MetadataValue.json(manifest["slices"])},
            checks=check_results(findings, INDEX_CHECKS),
        )

    return figure_index


def _executor(settings: CorpusSettings) -> UnitExecutor:
    if settings.ray is None:
        return ThreadExecutor(settings.workers)
    # Ray is imported only where it is asked for: it takes seconds.
    from zuroku.corpus.ray_executor import RayExecutor

    return RayExecutor(settings.ray)
