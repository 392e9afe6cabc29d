"""Tags of a whole corpus by the released model: one JSON per book, and a page that shows some."""

import json
from collections import Counter
from functools import partial
from itertools import groupby
from pathlib import Path

from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.reports.figure_tagger import error_sheet
from zuroku.tagging import TaggingReport, encode_tags, tag_images


class TaggingSettings(Settings):
    """How a corpus is tagged. ``threshold`` replaces the model's own (the original's was 0.4)."""

    threshold: float | None = Field(default=None, gt=0, lt=1)
    shown: int = Field(default=24, ge=1)


def tag_corpus(
    dataset: Dataset, predictor: TaggerPredictor, settings: TaggingSettings, target: Path
) -> Artifact:
    """Write ``tags/<book>.json`` for every book of ``dataset``, a summary and a contact sheet."""
    return build(target, partial(_tag, dataset, predictor, settings))


def _tag(dataset: Dataset, predictor: TaggerPredictor, settings: TaggingSettings, out: Path) -> None:
    (out / "tags").mkdir(exist_ok=True)
    (out / "pictures").mkdir(exist_ok=True)
    report = TaggingReport()
    counts: Counter[str] = Counter()
    without = 0
    shown: list[tuple[object, list[str]]] = []
    ordered = sorted(dataset.rows(), key=lambda row: (row.group, row.item_id))
    for group, members in groupby(ordered, key=lambda row: row.group):
        by_id = {row.item_id: row for row in members}
        reads = ((item_id, partial(dataset.read, row)) for item_id, row in by_id.items())
        tags = tag_images(predictor, reads, report, settings.threshold)
        (out / "tags" / f"{group}.json").write_bytes(encode_tags(tags))
        for item_id, found in tags.items():
            counts.update(tag["tag"] for tag in found)
            without += not found
            # The first figure of each book, so that many books show.
            if item_id == next(iter(tags)) and len(shown) < settings.shown:
                deepest = found[-1:] or [{"tag": "no tag", "confidence": 0.0}]
                shown.append((by_id[item_id], [f"{t['tag']} {t['confidence']:.2f}" for t in deepest]))
    summary = {
        "tagged": report.tagged,
        "without_tags": without,
        "skipped": report.skipped,
        "tags": dict(counts.most_common()),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    sheet = error_sheet(
        dataset, [row for row, _ in shown], [caption for _, caption in shown], "tagged figures"
    )
    (out / "pictures" / "tagged.jpg").write_bytes(sheet)
