"""The scorecard: what the sources claim, what our tracked runs measured, and how far they compare.

No number of ours is typed: each comes from a finished run and names it.
"""

import html
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings

Run = Mapping[str, Any]


class Claim(Settings):
    """A number that a source states, and the run and metric that answer it.

    ``low`` and ``high`` are equal for a single number; ``better`` is lower for errors. ``difference``
    says how our protocol differs; ``comparable`` is false where the data are others, so that nobody reads the
    row as a contest.
    """

    lineage: str
    source: str
    quantity: str
    low: float
    high: float
    asset: str
    metric: str
    difference: str
    better: Literal["higher", "lower"] = "higher"
    comparable: bool = False
    study: bool = Field(default=False, description="answered by a study, which may not have run yet")


class ScorecardSettings(Settings):
    """The claims, in the order of the page."""

    claims: list[Claim]


def scorecard_rows(
    settings: ScorecardSettings, latest_run: Callable[[str], Run | None]
) -> list[dict[str, Any]]:
    """Return one row per claim; ``latest_run`` gives an asset's newest finished run, if there is one."""
    return [_row(claim, latest_run(claim.asset)) for claim in settings.claims]


def write_scorecard(rows: list[dict[str, Any]], target: Path) -> Artifact:
    """Write ``scorecard.json``, ``scorecard.md`` and ``scorecard.html`` to ``target``."""
    return build(target, partial(_write, rows))


def _row(claim: Claim, run: Run | None) -> dict[str, Any]:
    row = claim.model_dump()
    metrics = run["metrics"] if run else {}
    if run is None or claim.metric not in metrics:
        return row | {
            "ours": None,
            "verdict": f"not measured: no finished run of {claim.asset} (`make study`)",
        }
    value = metrics[claim.metric]
    low, high = metrics.get(f"{claim.metric}_low"), metrics.get(f"{claim.metric}_high")
    return row | {
        "ours": value,
        "ours_low": low,
        "ours_high": high,
        "run_id": run["run_id"],
        "run_url": run["url"],
        "seconds": run["seconds"],
        "profile": run["tags"].get("profile", ""),
        "verdict": _verdict(claim, value, low, high),
    }


def _verdict(claim: Claim, value: float, low: float | None, high: float | None) -> str:
    higher = claim.better == "higher"
    if low is not None and low > claim.high:
        relation = "above the claim"
    elif high is not None and high < claim.low:
        relation = "below the claim"
    elif value >= claim.low if higher else value <= claim.high:
        relation = "the claim is reached"
    else:
        relation = f"{'below' if higher else 'above'} the claim, "
        relation += "without an interval" if low is None else "within the interval"
    return relation if claim.comparable else f"{relation}, on other data: no contest"


def _write(rows: list[dict[str, Any]], out: Path) -> None:
    (out / "scorecard.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    header = ["lineage", "source", "quantity", "claimed", "ours", "protocol", "verdict", "run"]
    cells = [_cells(row) for row in rows]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in cells]
    page = (
        "# Scorecard\n\nWhat the sources claim beside what finished runs measured.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    (out / "scorecard.md").write_text(page, encoding="utf-8")
    (out / "scorecard.html").write_text(_html(header, cells), encoding="utf-8")


def _cells(row: dict[str, Any]) -> list[str]:
    claimed = f"{row['low']:g}" if row["low"] == row["high"] else f"{row['low']:g}–{row['high']:g}"
    claimed += " (lower is better)" if row["better"] == "lower" else ""
    ours = "—"
    if row["ours"] is not None:
        ours = f"{row['ours']:.3f}"
        if row["ours_low"] is not None:
            ours += f" [{row['ours_low']:.3f}, {row['ours_high']:.3f}]"
    run = f"{row['run_id'][:8]}, {row['profile']}, {row['seconds']:.0f} s" if row.get("run_id") else "—"
    return [
        row["lineage"], row["source"], row["quantity"], claimed, ours, row["difference"], row["verdict"], run
    ]  # fmt: skip


def _html(header: list[str], cells: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>zuroku scorecard</title>"
        "<style>body{font:15px/1.5 sans-serif;margin:2rem}table{border-collapse:collapse}"
        "td,th{border:1px solid #bbb;padding:.4rem .6rem;text-align:left;vertical-align:top}</style>"
        f"<h1>Scorecard</h1><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></html>\n"
    )
