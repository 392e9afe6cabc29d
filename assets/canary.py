"""What the canary of an index shows in the report of its asset."""

from typing import Any

import dagster as dg

from zuroku.indexes.switch import CanaryVerdict, worst_table
from zuroku.reports.canary_sheet import canary_sheet


def canary_metadata(verdict: CanaryVerdict) -> dict[str, Any]:
    """Return what the canary says, its numbers, and the worst queries as a table."""
    told: dict[str, Any] = {"canary": verdict.finding.says}
    told |= {f"canary_{name}": number for name, number in verdict.finding.numbers.items()}
    if verdict.replays:
        told["canary_worst"] = dg.MetadataValue.md(worst_table(verdict.replays))
    return told


def canary_pictures(verdict: CanaryVerdict) -> dict[str, bytes]:
    """Return the sheet of the worst queries, where any were replayed."""
    return {"canary": canary_sheet(verdict.replays)} if verdict.replays else {}
