"""What came of a demo: how many assets ran, which failed and why, and which were dropped for that.

A failure ends what depends on it and nothing else. Running things is not here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.events import RunFailureReason

from orchestration.currency import parents
from orchestration.jobs import SHARED_TAG
from orchestration.terminal import cause_of, check_of


@dataclass
class Outcome:
    """Grows as runs end. ``failed`` holds the reasons; ``dropped`` the failed asset that each one needs."""

    ran: int = 0
    failed: dict[dg.AssetKey, str] = field(default_factory=dict)
    dropped: dict[dg.AssetKey, dg.AssetKey] = field(default_factory=dict)

    def without_dropped(self, specs: Iterable[dg.AssetSpec]) -> list[dg.AssetSpec]:
        """Return ``specs`` (in topological order) less those that need what failed, which are now dropped."""
        kept = []
        for spec in specs:
            lost = [key for key in parents(spec) if key in self.failed or key in self.dropped]
            # What gathers results of all lineages does so without those that failed.
            if lost and SHARED_TAG not in spec.tags:
                self.dropped[spec.key] = self.dropped.get(lost[0], lost[0])
            else:
                kept.append(spec)
        return kept

    def add(self, result: dg.ExecuteInProcessResult, tried: Iterable[dg.AssetKey]) -> None:
        """Take in what failed in the run of the assets ``tried``."""
        if not result.success:
            reasons = _reasons(result.all_events)
            self.failed |= reasons or dict.fromkeys(tried, f"its run {result.run_id} failed as a whole")


def interrupted(events: Iterable[dg.DagsterEvent]) -> bool:
    """Say whether a run ended because a signal came, and not by itself."""
    ends = [event.job_failure_data for event in events if event.is_job_failure]
    return any(end.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION for end in ends)


def _reasons(events: Sequence[dg.DagsterEvent]) -> Mapping[dg.AssetKey, str]:
    """Return why assets failed: their step did, or a check that stops what comes after them."""
    reasons = {
        # Dagster names the step of an asset by its key.
        dg.AssetKey(event.step_key.split("__")): cause_of(event)
        for event in events
        if event.event_type == dg.DagsterEventType.STEP_FAILURE and event.step_key
    }
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if check.blocking and not check.passed:
                # The step fails with it, and that failure does not tell what the check found.
                reasons[check.asset_key] = check_of(check)
    return reasons
