"""The code location: assets of one profile, with the resources, jobs and automation around them."""

from collections.abc import Mapping

import dagster as dg

from assets.lineages import build_assets
from orchestration.automation import automation_sensor
from orchestration.environment import Environment, environment
from orchestration.jobs import build_jobs
from orchestration.resources.artifact_store import ArtifactStore
from orchestration.resources.data_store import DataStore
from orchestration.resources.tracker import MlflowTracker
from orchestration.schedules import build_schedules
from orchestration.sensors import close_orphaned_runs
from zuroku.indexes.place_decisions import DECISIONS
from zuroku.profile import Profile


def build_tracker(settings: Environment) -> MlflowTracker:
    """Return the tracker of the environment."""
    return MlflowTracker(
        tracking_uri=settings.tracking_uri,
        artifact_root=settings.artifact_root,
        ui_url=settings.mlflow_url,
        dagster_url=settings.dagster_url,
        profile=settings.profile.name,
        decision=settings.decision,
        decisions=settings.profile.var / DECISIONS,
    )


def build_definitions(
    profile: Profile, tracker: MlflowTracker, loggers: Mapping[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """Return everything Dagster loads, for ``profile``; ``loggers`` replace Dagster's console."""
    assets = build_assets(profile)
    jobs = build_jobs(assets)
    return dg.Definitions(
        assets=assets,
        jobs=list(jobs.values()),
        schedules=build_schedules(),
        sensors=[automation_sensor(), close_orphaned_runs],
        resources={
            "io_manager": ArtifactStore(var=str(profile.var), profile=profile.name),
            "stages": DataStore(root=str(profile.root), profile=profile.name),
            "tracker": tracker,
        },
        loggers=loggers,
        # The demo's steps are short and share a model's imports: one process, .03 s a step, not .7.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Load the definitions of the profile that the environment names."""
    settings = environment()
    tracker = build_tracker(settings)
    return build_definitions(settings.profile, tracker)
