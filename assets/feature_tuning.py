"""Feature Tuning (Tani and Wada): all variants trained and judged in one study asset."""

import dagster as dg

from assets.checks import check_results, check_specs
from assets.outputs import ARTIFACT, OWNERS, launch_config, materialized, resolve
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.reports.feature_tuning import (
    FeatureTuningStudySettings,
    flat_results,
    read_results,
    run_feature_tuning,
)
from zuroku.reports.figure_tagger import report_pictures

GROUP = "feature_tuning"
ASSET = "feature_tuning"
OBJECTS = "ukbench"
SEARCHED = (OBJECTS, "holidays", "oxford5k")

_CODE_VERSION = "2"


def feature_tuning_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that trains every variant on objects and searches three sets with it."""
    defaults = profile.load(ASSET, FeatureTuningStudySettings)
    launch = launch_config(defaults)

    @dg.asset(
        name=ASSET,
        description="Layers plain, joined and retuned (Tani and Wada), by loss; each tap alone; three sets.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"pytorch", "report", "mlflow"},
        code_version=_CODE_VERSION,
        ins={"splits": dg.AssetIn(f"{OBJECTS}_splits"), **{name: dg.AssetIn(name) for name in SEARCHED}},
        tags={"study": GROUP},
        check_specs=check_specs(ASSET, ("not_collapsed",), ()),
    )
    def feature_tuning(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        tracker: dg.ResourceParam[RunTracking],
        splits: Artifact,
        **searched: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, FeatureTuningStudySettings)
        inputs = {"splits": splits, **searched}
        datasets = {name: Dataset(found.path) for name, found in searched.items()}
        target = profile.output(ASSET, _CODE_VERSION, settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = run_feature_tuning(datasets, splits, settings, target, _CODE_VERSION)
            rows = read_results(report.path)
            run.log_metrics(flat_results(rows))
            run.log_artifact(report.path / "report.md", "report")
            page = (report.path / "report.md").read_text(encoding="utf-8")
            fallen = [row["variant"] for row in rows if row["collapsed"]]
            finding = Finding(
                "not_collapsed", not fallen, f"collapsed variants: {', '.join(fallen) or 'none'}"
            )
            return materialized(
                report,
                settings,
                run,
                metadata={"table": dg.MetadataValue.md(page)},
                pictures=report_pictures(report.path),
                checks=check_results([finding], ()),
            )

    return feature_tuning
