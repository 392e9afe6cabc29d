"""Release assets: the gate between a challenger and the alias, and what happens when it opens."""

from datetime import timedelta

import dagster as dg

from assets.checks import check_results, check_specs
from assets.figures import DATASET, GROUP, MODEL, RETRAIN
from assets.outputs import ARTIFACT, OWNERS, launch_config, materialized, resolve
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact, build, verify
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.publishing import publish, published
from zuroku.reports.figure_tagger import report_pictures
from zuroku.reports.release import ReleaseSettings, judge_figure_tagger, read_verdict

_CODE_VERSION = "1"
_CHECK = ("alias_equals_publication",)


def release_asset(profile: Profile, splits: str) -> dg.AssetsDefinition:
    """Return the asset that judges the newest tagger, and moves alias and publication if it wins."""
    name = f"{MODEL}_release"
    defaults = profile.load(name, ReleaseSettings)
    launch = launch_config(defaults)
    model = defaults.model

    @dg.asset(
        name=name,
        description=(
            "Challenger against champion on the same frozen test set: no lower macro F1, and the lower bound "
            "of the paired, by-book difference above −δ. Then the alias moves and the bundle is published."
        ),
        group_name=GROUP,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"mlflow"},
        code_version=_CODE_VERSION,
        ins={"dataset": dg.AssetIn(DATASET), "splits": dg.AssetIn(splits), "tagger": dg.AssetIn(MODEL)},
        # The evaluation hands nothing over, but its blocking checks must have passed.
        deps=[f"{MODEL}_evaluation"],
        check_specs=check_specs(name, _CHECK, _CHECK),
        automation_condition=RETRAIN,
        pool=name,
        # The calendar retrains weekly; a day's grace for the run itself.
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(days=8)),
    )
    def release(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
        splits: Artifact,
        tagger: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, ReleaseSettings)
        champion = _champion(profile, tracker, model, tagger)
        inputs = {DATASET: dataset, "splits": splits, "tagger": tagger}
        inputs |= {"champion": champion} if champion else {}
        target = profile.output(name, _CODE_VERSION, settings, inputs)
        with tracker.run(context, settings, inputs) as run:
            judged = judge_figure_tagger(
                Dataset(dataset.path), splits, tagger, champion, settings.gate, target
            )
            verdict = read_verdict(judged.path)
            if verdict["promoted"]:
                version = run.register(model, tagger)
                tracker.set_champion(model, version.version)
                publish(tagger, profile.champion(model))
            context.log.info("%s", verdict["reason"])
            run.log_metrics({"promoted": float(verdict["promoted"]), "macro_f1": verdict["challenger"]})
            run.log_artifact(judged.path / "report.md", "report")
            return materialized(
                judged,
                settings,
                run,
                metadata={"verdict": verdict["reason"], "promoted": verdict["promoted"]},
                pictures=report_pictures(judged.path),
                checks=check_results([_alias_finding(profile, tracker, model)], _CHECK),
            )

    return release


def _champion(profile: Profile, tracker: RunTracking, model: str, challenger: Artifact) -> Artifact | None:
    """Return the champion's verified bytes, or None where there is none but the challenger itself.

    What is published is mended from the registry first, if a kill came between alias and publication.
    """
    champion = tracker.champion(model)
    if champion is None:
        return None
    folder = profile.champion(model)
    found = published(folder)
    if found is None or found.sha256 != champion.sha256:
        restored = profile.var / "models" / model / "restored" / champion.sha256[:16]
        copy = build(restored, lambda work: tracker.fetch(model, champion.version, work))
        found = publish(verify(copy.path, champion.sha256), folder)
    return None if found.sha256 == challenger.sha256 else Artifact(folder.resolve(), found.sha256)


def _alias_finding(profile: Profile, tracker: RunTracking, model: str) -> Finding:
    champion, found = tracker.champion(model), published(profile.champion(model))
    alias, copy = champion.sha256 if champion else "none", found.sha256 if found else "none"
    return Finding(_CHECK[0], alias == copy, f"alias champion: {alias[:16]}, published bundle: {copy[:16]}")
