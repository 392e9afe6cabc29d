"""Sensors that keep the books in order."""

import dagster as dg

from orchestration.resources.tracker import MlflowTracker, instance_id

_ACTIVE = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


# A run of ``make demo`` bears the identity of the state folder in which no two of them go on at once.
DEMO_TAG = "zuroku/demo"


def end_dead_runs(instance: dg.DagsterInstance, demo: str) -> list[str]:
    """Report as failed the runs of ``make demo`` in the state folder ``demo`` that a kill left open.

    The caller holds the folder's lock, so that none of them can still be at work.
    """
    left = instance.get_runs(dg.RunsFilter(tags={DEMO_TAG: demo}, statuses=list(_ACTIVE)))
    for run in left:
        instance.report_run_failed(run, "Its process was killed.")
    return [run.run_id for run in left]


def close_orphans(instance: dg.DagsterInstance, tracker: MlflowTracker) -> list[str]:
    """End MLflow runs of ``instance`` whose Dagster run has ended or is gone (a kill ends nothing).

    The MLflow server may be shared: what another instance has opened is left to that one.
    """

    def is_active(run_id: str) -> bool:
        run = instance.get_run_by_id(run_id)
        return run is not None and run.status in _ACTIVE

    return tracker.close_orphans(instance_id(instance), is_active)


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends MLflow runs that a killed process left open.",
)
def close_orphaned_runs(
    context: dg.SensorEvaluationContext, tracker: dg.ResourceParam[MlflowTracker]
) -> dg.SkipReason:
    """End orphaned MLflow runs and say how many there were."""
    closed = close_orphans(context.instance, tracker)
    return dg.SkipReason(f"closed {len(closed)} orphaned MLflow runs")
