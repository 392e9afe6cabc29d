"""Release assets: the gate between a challenger and the alias, and what happens when it opens."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from assets.checks import check_results, check_specs
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, report_pictures, resolve
from assets.tracking import RunTracking
from zuroku.artifacts import Artifact, build, verify
from zuroku.datasets.manifest import Dataset
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.publishing import publish, published, require_publishable, require_publisher, turn
from zuroku.reports.provenance import require_evaluation
from zuroku.reports.release import ReleaseSettings, read_verdict

_CODE_VERSION = "2"
_CHECK = ("alias_equals_publication",)


Judge = Callable[[Dataset, Artifact, Artifact, Artifact | None, Any, Path], Artifact]
"""Writes the verdict on a challenger, given dataset, splits, challenger, champion, rule and target.

The rule is the ``gate`` of the settings that the release takes. The champion may be the challenger itself: a
model is released again.
"""
Blocking = Callable[[Path], Iterable[Finding]]
"""Returns those findings of a finished evaluation that must hold, by the configuration of the profile."""


def release_asset(
    profile: Profile,
    asset: str,
    dataset: str,
    splits: str,
    group: str,
    metric: str,
    judge: Judge,
    blocking: Blocking,
    kind: type[ReleaseSettings] = ReleaseSettings,
) -> dg.AssetsDefinition:
    """Return the asset that judges what ``asset`` trained last, and moves alias and publication if it wins.

    ``metric`` is what ``judge`` compares, in words; ``kind`` are the settings that hold its rule. Before
    that, what must not be released is refused: a model that was not evaluated or did not pass, one that was
    taken back, one where another profile released.
    """
    name = f"{asset}_release"
    defaults = profile.load(name, kind)
    launch = launch_config(defaults)
    model = defaults.model

    @dg.asset(
        name=name,
        description=(
            f"Challenger against champion on one frozen test set: no lower {metric}, and the lower bound "
            "of the paired, by-book difference above −δ. Then the alias moves and the bundle is published."
        ),
        group_name=group,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"mlflow"},
        code_version=_CODE_VERSION,
        ins={
            "dataset": dg.AssetIn(dataset),
            "splits": dg.AssetIn(splits),
            "challenger": dg.AssetIn(asset),
            "evaluation": dg.AssetIn(f"{asset}_evaluation"),
        },
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
        challenger: Artifact,
        evaluation: Artifact,
        tracker: dg.ResourceParam[RunTracking],
    ) -> dg.MaterializeResult:
        settings = resolve(config, kind)
        data = Dataset(dataset.path)
        # Checks of one run do not reach an asset that is materialized alone.
        require_evaluation(evaluation.path, data, splits, challenger, blocking)
        folder = profile.champion(model)
        # Nobody else moves the alias or the link between the champion that is judged and the one that is set.
        with turn(folder, say=context.log.info):
            champion = _champion(profile, tracker, model)
            # After what a kill left is mended: only then does the link say what is in use.
            require_publishable(challenger.sha256, folder, profile.name)
            inputs = {"dataset": dataset, "splits": splits, "challenger": challenger}
            inputs |= {"champion": champion} if champion else {}
            # Without the evaluation: it opens the gate, and the verdict does not follow from it.
            target = profile.output(name, _CODE_VERSION, settings, inputs)
            with tracker.run(context, settings, inputs | {"evaluation": evaluation}) as run:
                judged = judge(data, splits, challenger, champion, settings.gate, target)
                verdict = read_verdict(judged.path)
                if verdict["promoted"]:
                    version = run.register(model, challenger)
                    tracker.set_champion(model, version.version)
                    publish(challenger, folder, profile.name)
                context.log.info("%s", verdict["reason"])
                run.log_metrics({"promoted": float(verdict["promoted"]), "challenger": verdict["challenger"]})
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


def _champion(profile: Profile, tracker: RunTracking, model: str) -> Artifact | None:
    """Return the champion's verified bytes, or None where there is none.

    What is published is mended from the registry first, if a kill came between alias and publication.

    Raises:
        ConfigError: another profile released the champion.
    """
    champion = tracker.champion(model)
    if champion is None:
        return None
    folder = profile.champion(model)
    require_publisher(folder, champion.profile, profile.name)
    found = published(folder)
    if found is None or found.sha256 != champion.sha256:
        restored = profile.var / "models" / model / "restored" / champion.sha256[:16]
        copy = build(restored, lambda work: tracker.fetch(model, champion.version, work))
        found = publish(verify(copy.path, champion.sha256), folder, champion.profile or profile.name)
    return Artifact(folder.resolve(), found.sha256)


def _alias_finding(profile: Profile, tracker: RunTracking, model: str) -> Finding:
    champion, found = tracker.champion(model), published(profile.champion(model))
    alias, copy = champion.sha256 if champion else "none", found.sha256 if found else "none"
    return Finding(_CHECK[0], alias == copy, f"alias champion: {alias[:16]}, published bundle: {copy[:16]}")
