"""From findings of the domain to Dagster's asset checks."""

from collections.abc import Iterable, Sequence

import dagster as dg

from zuroku.findings import Finding


def check_specs(asset: str, names: Sequence[str], blocking: Iterable[str]) -> list[dg.AssetCheckSpec]:
    """Return the specs of the checks ``names`` of ``asset``; those in ``blocking`` stop the run."""
    stopping = set(blocking)
    return [
        dg.AssetCheckSpec(name, asset=asset, blocking=name in stopping, description=name.replace("_", " "))
        for name in names
    ]


def check_results(findings: Iterable[Finding], blocking: Iterable[str]) -> list[dg.AssetCheckResult]:
    """Return what ``findings`` came to; a failed check that blocks nothing is a warning."""
    stopping = set(blocking)
    return [
        dg.AssetCheckResult(
            check_name=finding.check,
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.ERROR if finding.check in stopping else dg.AssetCheckSeverity.WARN,
            description=finding.says,
            metadata=dict(finding.numbers),
        )
        for finding in findings
    ]
