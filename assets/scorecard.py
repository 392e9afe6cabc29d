"""The scorecard of all lineages, generated from tracked runs."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.checks import check_results, check_specs
from assets.outputs import ARTIFACT, CONFIG_SHA256, FAILED_CHECKS, OWNERS, materialized
from assets.tracking import OUTPUT_TAG, RunTracking
from zuroku.config import canonical_json
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.reports.scorecard import ScorecardSettings, scorecard_rows, write_scorecard

SCORECARD = "paper_scorecard"


def scorecard_asset(
    profile: Profile, measured: list[str], config_hashes: Mapping[dg.AssetKey, str]
) -> dg.AssetsDefinition:
    """Return the asset that sets our runs, those of ``measured`` assets, beside the sources' claims.

    ``config_hashes`` are those of the profile, by asset.
    """
    settings = profile.load(SCORECARD, ScorecardSettings)

    @dg.asset(
        name=SCORECARD,
        description="Every number the sources claim, ours beside it with interval, protocol and verdict.",
        group_name="reports",
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"report"},
        code_version="1",
        deps=measured,
        tags={"every_job": "true"},
        check_specs=check_specs(SCORECARD, ("main_claims_measured",), ()),
    )
    def scorecard(
        context: dg.AssetExecutionContext, tracker: dg.ResourceParam[RunTracking]
    ) -> dg.MaterializeResult:
        rows = scorecard_rows(
            settings,
            lambda asset: measured_run(tracker.finished_runs(asset), config_hashes.get(dg.AssetKey(asset))),
        )
        digest = hashlib.sha256(canonical_json(rows).encode()).hexdigest()
        artifact = write_scorecard(rows, profile.home / "outputs" / SCORECARD / digest[:16])
        open_claims = [row for row in rows if row["ours"] is None]
        # Claims that a study answers may wait for it; the main line's may not.
        missing = [row["quantity"] for row in open_claims if not row["study"]]
        says = f"{len(open_claims)} claims without a finished run, of the main line: {missing or 'none'}"
        page = (artifact.path / "scorecard.md").read_text(encoding="utf-8")
        return materialized(
            artifact,
            settings,
            metadata={"scorecard": dg.MetadataValue.md(page)},
            checks=check_results([Finding("main_claims_measured", not missing, says)], ()),
        )

    return scorecard


def measured_run(runs: Sequence[Mapping[str, Any]], config_sha256: str | None) -> Mapping[str, Any] | None:
    """Return the run whose numbers count, of finished ``runs``, newest first.

    The newest one with the configuration of the profile (a try in the launchpad has another) and without a
    failed blocking check says which output counts. The oldest with that output made it: later ones found it
    there, in no time.
    """
    good = [
        run
        for run in runs
        if run["tags"].get(CONFIG_SHA256) == config_sha256 and run["metrics"].get(FAILED_CHECKS) == 0
    ]
    made = [run for run in good if run["tags"][OUTPUT_TAG] == good[0]["tags"][OUTPUT_TAG]]
    return made[-1] if made else None
