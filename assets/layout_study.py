"""The comparison of layout detectors: Table 4 of Aoike 2021, with what has come since."""

import dagster as dg

from assets.checks import check_results, check_specs
from assets.layout import DATASET, GROUP, MODEL, SPLITS
from assets.outputs import ARTIFACT, OWNERS, launch_config, reported, resolve
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.reports.layout_comparison import (
    LayoutComparisonSettings,
    compare_layout,
    comparison_metrics,
    read_comparison,
)

COMPARISON = "layout_comparison"

STUDIED = tuple(f"{MODEL}_{name}" for name in ("yolov5u", "yolo26", "deeplabv3", "lraspp"))
"""The detectors beside the main line's: each has a configuration file of its name."""

_CODE_VERSION = "2"


def comparison_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that sets all detectors side by side on one split, in one run."""
    defaults = profile.load(COMPARISON, LayoutComparisonSettings)
    launch = launch_config(defaults)
    compared = (MODEL, *STUDIED)
    ins = {name: dg.AssetIn(name) for detector in compared for name in (detector, f"{detector}_evaluation")}

    @dg.asset(
        name=COMPARISON,
        description="Detectors side by side (Aoike 2021, Table 4): quality, milliseconds per page, size.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report", "mlflow"},
        code_version=_CODE_VERSION,
        ins={"dataset": dg.AssetIn(DATASET), "splits": dg.AssetIn(SPLITS), **ins},
        tags={"study": GROUP},
        check_specs=check_specs(COMPARISON, ("every_detector_finds_figures",), ()),
    )
    def comparison(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        tracker: dg.ResourceParam[RunTracking],
        dataset: Artifact,
        splits: Artifact,
        **made: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, LayoutComparisonSettings)
        inputs = {DATASET: dataset, "splits": splits, **made}
        detectors = {name: (made[name], made[f"{name}_evaluation"]) for name in compared}
        target = profile.output(COMPARISON, _CODE_VERSION, settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = compare_layout(Dataset(dataset.path), splits, detectors, settings, target)
            metrics = comparison_metrics(read_comparison(report.path))
            blind = [name for name in compared if not metrics.get(f"figure_ap30.{name}")]
            says = f"detectors that find no figure: {', '.join(blind) or 'none'}"
            checks = check_results([Finding("every_detector_finds_figures", not blind, says)], ())
            return reported(report, settings, run, metrics, (), checks)

    return comparison
