"""The corpus line: pages in, tagged and embedded figures out, and the index that finds them."""

import json
from collections.abc import Iterable, Mapping

import dagster as dg

from assets.canary import canary_metadata, canary_pictures
from assets.checks import check_results, check_specs
from assets.figures import MODEL as TAGGER
from assets.layout import MODEL as DETECTOR
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, resolve
from zuroku.artifacts import Artifact, verify
from zuroku.corpus.batches import BatchPages, CorpusSettings, batch_names
from zuroku.corpus.bundles import StageBundles
from zuroku.corpus.canary import FigureKind
from zuroku.corpus.executors import ThreadExecutor, UnitExecutor
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.findings import CORPUS_CHECKS, CorpusCheckSettings, corpus_findings
from zuroku.corpus.indexing import INDEX_CHECKS, FigureIndexingSettings, index_figures, index_findings
from zuroku.corpus.line import run_line
from zuroku.corpus.manifest import list_batches, read_batches
from zuroku.findings import Finding
from zuroku.indexes.bundle import IndexSettings
from zuroku.indexes.switch import CANARY_CHECK, recipe, switch_index
from zuroku.profile import Profile
from zuroku.reports.corpus import corpus_sheet
from zuroku.reports.release import ReleaseSettings

GROUP = "corpus"
PAGES = "page_corpus"
FIGURES = "corpus_figures"
MANIFEST = "corpus_manifest"
INDEX = "figure_index"

# What an asset makes changes with its version; raise it with the code behind the asset.
CODE_VERSIONS = {"figures": "3", "manifest": "1", "index": "3"}


def figures_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that finds, cuts out, tags and embeds the figures of one batch of books."""
    settings = profile.load(FIGURES, CorpusSettings)
    embedders = dict(settings.embedders)
    models = _models(profile, (DETECTOR, TAGGER, *embedders.values()))

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
            **{f"{name}_release": dg.AssetIn(f"{name}_release") for name in models},
        },
        check_specs=check_specs(FIGURES, CORPUS_CHECKS, CORPUS_CHECKS[:2]),
        automation_condition=RETRAIN,
    )
    def corpus_figures(
        context: dg.AssetExecutionContext,
        pages: Artifact,
        **releases: Artifact,
    ) -> dg.MaterializeResult:
        batch = BatchPages(pages.path, context.partition_key, settings.batches)
        champions = _champions(profile, models)
        bundles = StageBundles(
            champions[DETECTOR].path,
            champions[TAGGER].path,
            {space: champions[name].path for space, name in embedders.items()},
            settings.stage,
        )
        # The batch and the bundles, not the whole corpus and the verdicts: other batches may grow, and a
        # champion may be confirmed, without this work being done again.
        inputs = {"pages": Artifact(pages.path, batch.fingerprint), **champions}
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
    """Return the asset that builds the index of all figures, checks it, and switches to it."""
    defaults = profile.load(INDEX, FigureIndexingSettings)
    launch = launch_config(defaults)
    corpus = profile.load(FIGURES, CorpusSettings)
    models = _models(profile, corpus.embedders.values())
    checks = (*INDEX_CHECKS, CANARY_CHECK)

    @dg.asset(
        name=INDEX,
        description="Vectors, payload and thumbnails of all figures as one bundle, published when it holds.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"parquet"},
        code_version=CODE_VERSIONS["index"],
        ins={"batches": dg.AssetIn(MANIFEST)},
        deps=[f"{name}_release" for name in models],
        check_specs=check_specs(INDEX, checks, checks),
        automation_condition=RETRAIN,
        pool=INDEX,
    )
    def figure_index(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        batches: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, FigureIndexingSettings)
        champions = _champions(profile, models)
        built_by = recipe(settings, IndexSettings)
        target = profile.output(INDEX, CODE_VERSIONS["index"], built_by, {"batches": batches, **champions})
        embedders = {space: champions[name] for space, name in corpus.embedders.items()}
        figures = read_batches(batches.path, profile.home)
        made = index_figures(figures, embedders, corpus.stage.routes, built_by, target)
        findings = index_findings(made.path, figures)
        kind = FigureKind(figures)
        verdict = switch_index(
            made, profile.champion(settings.name), kind, settings.canary, findings, profile.name
        )
        spaces = json.loads((made.path / "manifest.json").read_text(encoding="utf-8"))["spaces"]
        return materialized(
            made,
            settings,
            metadata={
                "figures": sum(space["count"] for space in spaces.values()),
                "slices": dg.MetadataValue.json({name: space["slices"] for name, space in spaces.items()}),
                **canary_metadata(verdict),
            },
            pictures=canary_pictures(verdict),
            checks=check_results([*findings, verdict.finding], checks),
        )

    return figure_index


def _models(profile: Profile, assets: Iterable[str]) -> dict[str, str]:
    """Return the registered name of the model that each asset trains."""
    return {name: profile.load(f"{name}_release", ReleaseSettings).model for name in assets}


def _champions(profile: Profile, models: Mapping[str, str]) -> dict[str, Artifact]:
    """Return the verified bundle in use of each model; links are followed once."""
    return {name: verify(profile.champion(model).resolve()) for name, model in models.items()}


def _executor(settings: CorpusSettings) -> UnitExecutor:
    if settings.ray is None:
        return ThreadExecutor(settings.workers)
    # Ray is imported only where it is asked for: it takes seconds.
    from zuroku.corpus.ray_executor import RayExecutor

    return RayExecutor(settings.ray)
