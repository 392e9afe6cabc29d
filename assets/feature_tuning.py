"""Feature Tuning (Tani and Wada): all variants trained and judged in one study asset."""

import dagster as dg

from assets.checks import check_results, check_specs
from assets.embeddings import SCENES
from assets.outputs import ARTIFACT, OWNERS, launch_config, reported, resolve
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.reports.feature_tuning import (
    AnnotatedScenes,
    FeatureTuningStudySettings,
    flat_results,
    read_results,
    run_feature_tuning,
)

GROUP = "feature_tuning"
ASSET = "feature_tuning"
OBJECTS = "ukbench"
SEARCHED = (OBJECTS, "holidays", "oxford5k")

_CODE_VERSION = "5"


def feature_tuning_asset(profile: Profile) -> dg.AssetsDefinition:
    """Return the asset that trains every variant on objects and searches three sets with it.

    Photographs with boxes come in where the profile asks for the crops of a detector.
    """
    defaults = profile.load(ASSET, FeatureTuningStudySettings)
    launch = launch_config(defaults)
    scenes = (SCENES, f"{SCENES}_splits") if defaults.detects else ()

    @dg.asset(
        name=ASSET,
        description="Layers plain, joined and retuned (Tani and Wada), by loss; each tap alone; three sets.",
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"pytorch", "report", "mlflow"},
        code_version=_CODE_VERSION,
        ins={
            "splits": dg.AssetIn(f"{OBJECTS}_splits"),
            **{name: dg.AssetIn(name) for name in (*SEARCHED, *scenes)},
        },
        tags={"study": GROUP},
        check_specs=check_specs(ASSET, ("not_collapsed",), ()),
    )
    def feature_tuning(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        tracker: dg.ResourceParam[RunTracking],
        splits: Artifact,
        **made: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, FeatureTuningStudySettings)
        inputs = {"splits": splits, **made}
        datasets = {name: Dataset(made[name].path) for name in SEARCHED}
        boxed = AnnotatedScenes(Dataset(made[scenes[0]].path), made[scenes[1]]) if scenes else None
        target = profile.output(ASSET, _CODE_VERSION, settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            report = run_feature_tuning(datasets, splits, settings, target, _CODE_VERSION, boxed)
            rows = read_results(report.path)
            fallen = [row["variant"] for row in rows if row["collapsed"]]
            says = f"collapsed variants: {', '.join(fallen) or 'none'}"
            checks = check_results([Finding("not_collapsed", not fallen, says)], ())
            return reported(report, settings, run, flat_results(rows), (), checks)

    return feature_tuning
