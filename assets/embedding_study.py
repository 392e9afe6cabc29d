"""The comparison of embedders: the four models of Aoike 2021 §3.2.1, all else equal."""

import dagster as dg

from assets.checks import check_results, check_specs
from assets.embeddings import FIGURE_SPLITS, GROUP, MODEL
from assets.figures import DATASET as FIGURES
from assets.outputs import ARTIFACT, OWNERS, launch_config, reported, resolve
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.reports.embedding_comparison import (
    EmbeddingComparisonSettings,
    compare_embedders,
    comparison_metrics,
    read_embedding_comparison,
)

COMPARISON = "embedding_comparison"
IMAGENET = f"{MODEL}_imagenet"
OPEN_IMAGES = f"{MODEL}_open_images"
IMET = f"{MODEL}_imet"
CHAIN = f"{MODEL}_open_images_imet"
COMPARED = (IMAGENET, OPEN_IMAGES, IMET, CHAIN, MODEL)
"""Models ① to ④ of the paper, in its order, and the main line's."""

_CODE_VERSION = "2"


def compared(profile: Profile) -> tuple[str, ...]:
    """Return the models that ``profile`` compares.

    Model ③ has no configuration of its own where the main line's embedder is that very model.
    """
    return tuple(name for name in COMPARED if name != IMET or (profile.configs / f"{IMET}.yaml").is_file())


def comparison_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that sets the embedders side by side on the same figures."""
    defaults = profile.load(COMPARISON, EmbeddingComparisonSettings)
    launch = launch_config(defaults)
    models = compared(profile)
    ins = {name: dg.AssetIn(name) for one in models for name in (one, f"{one}_evaluation")}

    @dg.asset(
        name=COMPARISON,
        description="Embedders on the same figures (Aoike 2021 §3.2.1): quality, size, cost of int8.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report", "mlflow"},
        code_version=_CODE_VERSION,
        ins={"dataset": dg.AssetIn(FIGURES), "splits": dg.AssetIn(FIGURE_SPLITS), **ins},
        tags={"study": GROUP},
        check_specs=check_specs(COMPARISON, ("every_embedder_beats_chance",), ()),
    )
    def comparison(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        tracker: dg.ResourceParam[RunTracking],
        dataset: Artifact,
        splits: Artifact,
        **made: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, EmbeddingComparisonSettings)
        inputs = {FIGURES: dataset, "splits": splits, **made}
        embedders = {name: (made[name], made[f"{name}_evaluation"]) for name in models}
        target = profile.output(COMPARISON, _CODE_VERSION, settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = compare_embedders(Dataset(dataset.path), splits, embedders, settings, target)
            rows = read_embedding_comparison(report.path)
            weak = [row["model"] for row in rows if row["map_other_books"]["low"] <= row["chance"]]
            says = f"embedders that are not surely better than chance: {', '.join(weak) or 'none'}"
            checks = check_results([Finding("every_embedder_beats_chance", not weak, says)], ())
            return reported(report, settings, run, comparison_metrics(rows), (), checks)

    return comparison
