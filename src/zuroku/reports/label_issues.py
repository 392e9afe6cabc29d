"""The label-issue list: figures whose label fits their look badly, for a person to review."""

import json
from functools import partial
from pathlib import Path

from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.label_issues import LabelIssueSettings, find_label_issues
from zuroku.models.embedding.frozen import frozen_embeddings
from zuroku.reports.figure_tagger import error_sheet


class LabelIssueReportSettings(Settings):
    """Which frozen backbone looks at the figures, and how many suspects are shown."""

    backbone: str = "tf_efficientnet_lite0"
    weights: str = "packaged"
    size_px: int = 128
    shown: int = 24
    suspicious_share: float = Field(
        default=0.15, gt=0, le=1, description="more suspects than this is a warning"
    )
    probe: LabelIssueSettings = LabelIssueSettings()


def report_label_issues(dataset: Dataset, settings: LabelIssueReportSettings, target: Path) -> Artifact:
    """Write ``issues.csv`` (suspects first), a summary and a contact sheet to ``target``.

    Out-of-fold predictions of a linear probe on frozen embeddings, folds by book (cleanlab;
    Northcutt 2021). Nothing is corrected: labels are for people to change.
    """
    return build(target, partial(_report, dataset, settings))


def _report(dataset: Dataset, settings: LabelIssueReportSettings, out: Path) -> None:
    rows = [row for row in dataset.rows() if row.reviewed]
    reads = (partial(dataset.read, row) for row in rows)
    embeddings = frozen_embeddings(reads, settings.backbone, settings.weights, settings.size_px)
    issues = find_label_issues(
        [row.item_id for row in rows],
        embeddings,
        [row.label for row in rows],
        [row.group for row in rows],
        settings.probe,
    )
    issues.table.to_csv(out / "issues.csv", index=False)
    suspects = issues.table[issues.table["is_issue"]]
    summary = {
        "figures": len(rows),
        "suspects": len(suspects),
        "share": len(suspects) / len(rows),
        "left_out": list(issues.left_out),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    by_id = {row.item_id: row for row in rows}
    shown = list(suspects.head(settings.shown).itertuples())
    captions = [[str(s.label), f"→ {s.suggested}", f"{s.quality:.2f}"] for s in shown]
    sheet = error_sheet(dataset, [by_id[s.item_id] for s in shown], captions, "labels to review")
    (out / "pictures").mkdir(exist_ok=True)
    (out / "pictures" / "suspects.jpg").write_bytes(sheet)
