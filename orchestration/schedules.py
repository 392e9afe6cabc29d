"""The calendar: when lineages are brought up to date whether or not anyone asks."""

import dagster as dg


def build_schedules() -> list[dg.ScheduleDefinition]:
    """Return the weekly retrain of every model, stopped until someone turns it on."""
    return [
        dg.ScheduleDefinition(
            name="weekly_retrain",
            job_name="retrain_job",
            cron_schedule="0 3 * * 1",
            execution_timezone="Asia/Tokyo",
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description="Mondays at 03:00: ingest what is new, retrain, and let the gates decide.",
        )
    ]
