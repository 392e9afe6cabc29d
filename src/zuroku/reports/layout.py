"""Evaluating a layout detector on one split: Aoike 2021, Table 4, with intervals, per class, and pictures."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.detections import Detections
from zuroku.evaluation.bootstrap import IndexStatistic, bootstrap_items
from zuroku.evaluation.detection import (
    COCO_THRESHOLDS,
    PAPER_THRESHOLDS,
    PageMatches,
    map_statistic,
    match_page,
)
from zuroku.evaluation.gate import Evaluated
from zuroku.evaluation.regions import mean_iou_statistic, region_iou
from zuroku.findings import Finding
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.page_sheet import page_sheet
from zuroku.reports.provenance import METRICS, measured_on
from zuroku.training.pages import AnnotatedPages, ZoneClasses, annotated_pages

LAYOUT_CHECKS = ("metric_floor", "finds_every_class")


class LayoutEvaluationSettings(Settings):
    """How a detector is evaluated."""

    split: str = "test"
    resamples: int = Field(default=1000, ge=100)
    seed: int = 20211211
    confidence: float = Field(default=0.95, gt=0, lt=1)
    shown: int = Field(default=12, ge=1, description="pages on the sheet of detections")
    floor: float = Field(default=0.3, ge=0, le=1, description="figure AP@0.3 below which nothing is released")


@dataclass(frozen=True)
class ScoredPages:
    """A split with what a detector found on each page, in the same order."""

    pages: AnnotatedPages
    found: list[Detections]
    confident: list[Detections]
    classes: tuple[str, ...]
    figure_labels: tuple[int, ...]
    overall_labels: tuple[int, ...]

    def matches(self, label: int, thresholds: Sequence[float]) -> list[PageMatches]:
        """Match the boxes of one class on every page."""
        return [
            match_page(
                found.boxes[found.labels == label],
                found.scores[found.labels == label],
                boxes[labels == label],
                thresholds,
            )
            for found, boxes, labels in zip(self.found, self.pages.boxes, self.pages.labels, strict=True)
        ]

    def holds(self, wanted: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Say of each page whether it has a zone of one of the classes ``wanted``."""
        return np.array([bool(np.isin(labels, wanted).any()) for labels in self.pages.labels])

    def figure_statistic(self, thresholds: Sequence[float]) -> IndexStatistic:
        """Average precision of figures over any pages."""
        return map_statistic([self.matches(label, thresholds) for label in self.figure_labels])

    def overall_ious(self) -> npt.NDArray[np.float64]:
        """IoU of the overall region of each page; NaN where none is annotated."""
        return np.array(
            [
                region_iou(
                    found.boxes[np.isin(found.labels, self.overall_labels)],
                    boxes[np.isin(labels, self.overall_labels)],
                )
                for found, boxes, labels in zip(
                    self.confident, self.pages.boxes, self.pages.labels, strict=True
                )
            ]
        )

    def evaluated(self) -> Evaluated:
        """What the gate compares: average precision of figures, IoU .5 to .95."""
        # A draw of books without any figure says nothing: both sides get the same.
        statistic = self.figure_statistic(COCO_THRESHOLDS)
        truths = [
            tuple(map(tuple, np.column_stack([boxes, labels]).tolist()))
            for boxes, labels in zip(self.pages.boxes, self.pages.labels, strict=True)
        ]
        return Evaluated(
            "figure AP@0.5:0.95",
            self.pages.item_ids,
            self.pages.groups,
            truths,
            lambda indices: float(np.nan_to_num(statistic(indices))),
        )


def score_pages(
    dataset: Dataset, pages: AnnotatedPages, detector: PageDetector, zones: ZoneClasses
) -> ScoredPages:
    """Run ``detector``, as it is served, on ``pages``, whose labels index the classes of ``zones``.

    A detector with other classes is scored on those of ``zones``: what it does not know it does not find.

    Raises:
        ImageError: a page does not decode.
    """
    place = {name: label for label, name in enumerate(zones.classes)}
    known = np.array([place.get(name, -1) for name in detector.classes], dtype=np.int64)
    found = []
    for page in detector.detect(partial(dataset.read, row) for row in pages.rows):
        if not isinstance(page, Detections):
            raise page
        found.append(page)
    return ScoredPages(
        pages,
        [_relabelled(page, known) for page in found],
        [_relabelled(detector.confident(page), known) for page in found],
        tuple(zones.classes),
        tuple(place[name] for name in zones.figure_classes),
        tuple(place[name] for name in zones.overall_classes),
    )


def zones_of(detector: PageDetector) -> ZoneClasses:
    """Return the classes that a detector was made for."""
    card = detector.card
    return ZoneClasses(
        classes=card.classes, figure_classes=card.figure_classes, overall_classes=card.overall_classes
    )


def evaluate_layout(
    dataset: Dataset, splits: Artifact, bundle: Artifact, settings: LayoutEvaluationSettings, target: Path
) -> Artifact:
    """Write metrics, a page and sheets of detections on the configured split to ``target``."""
    return build(target, partial(_evaluate, dataset, splits, bundle, settings))


def layout_metrics(scored: ScoredPages, settings: LayoutEvaluationSettings) -> dict[str, Any]:
    """Return Table 4's numbers with intervals by book, and average precision by class."""
    statistics = {
        "figure_ap30": (scored.figure_statistic(PAPER_THRESHOLDS), scored.holds(scored.figure_labels)),
        "figure_ap50_95": (scored.figure_statistic(COCO_THRESHOLDS), scored.holds(scored.figure_labels)),
        "overall_iou": (mean_iou_statistic(scored.overall_ious()), scored.holds(scored.overall_labels)),
    }
    everything = np.arange(len(scored.pages.rows))
    per_class = {}
    for label, name in enumerate(scored.classes):
        zones = int(sum((labels == label).sum() for labels in scored.pages.labels))
        per_class[name] = {
            "zones": zones,
            "ap50": _number(map_statistic([scored.matches(label, [0.5])])(everything)) if zones else None,
        }
    present = [row["ap50"] for row in per_class.values() if row["ap50"] is not None]
    return {
        "split": settings.split,
        "n_pages": len(scored.pages.rows),
        "n_groups": len(set(scored.pages.groups)),
        **{
            name: _interval(scored.pages.groups, statistic, holds, settings)
            for name, (statistic, holds) in statistics.items()
        },
        "map50": float(np.mean(present)) if present else None,
        "per_class": per_class,
    }


def read_layout_metrics(folder: Path) -> dict[str, Any]:
    """Return the metrics of a finished evaluation."""
    metrics: dict[str, Any] = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return metrics


def flat_layout_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """Return the defined numbers of an evaluation by flat names, for a tracker."""
    flat: dict[str, float] = {}
    for name in ("figure_ap30", "figure_ap50_95", "overall_iou"):
        found = metrics[name]
        if found is not None:
            told = {name: found["value"], f"{name}_low": found["low"], f"{name}_high": found["high"]}
            flat |= {key: value for key, value in told.items() if value is not None}
    flat |= {
        f"ap50.{name}": row["ap50"] for name, row in metrics["per_class"].items() if row["ap50"] is not None
    }
    return flat | ({"map50": metrics["map50"]} if metrics["map50"] is not None else {})


def spelled(found: Mapping[str, float | None] | None) -> str:
    """Return a metric of ``layout_metrics`` with its interval, as people read it."""
    if found is None:
        return "no such zone"
    if found["low"] is None:
        return f"{found['value']:.3f} (one book: no interval)"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def layout_findings(metrics: dict[str, Any], settings: LayoutEvaluationSettings) -> list[Finding]:
    """Check that figures are found at all, and that no class that occurs is lost altogether."""
    found = metrics["figure_ap30"]
    value = found["value"] if found else 0.0
    lost = [name for name, row in metrics["per_class"].items() if row["ap50"] == 0]
    return [
        Finding(
            LAYOUT_CHECKS[0], value >= settings.floor, f"figure AP@0.3 is {value:.3f}, floor {settings.floor}"
        ),
        Finding(
            LAYOUT_CHECKS[1], not lost, f"classes of which nothing is found: {', '.join(lost) or 'none'}"
        ),
    ]


def _evaluate(
    dataset: Dataset, splits: Artifact, bundle: Artifact, settings: LayoutEvaluationSettings, out: Path
) -> None:
    detector = PageDetector(bundle.path)
    table = pd.read_parquet(splits.path / "splits.parquet")
    pages = annotated_pages(dataset, table, settings.split, detector.classes)
    scored = score_pages(dataset, pages, detector, zones_of(detector))
    metrics = layout_metrics(scored, settings) | {"data": measured_on(dataset, splits, bundle)}
    (out / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (out / "report.md").write_text(layout_page(metrics, settings), encoding="utf-8")
    (out / "pictures").mkdir(exist_ok=True)
    chosen = _spread(pages.groups, settings.shown)
    sheet = page_sheet(
        [dataset.read(pages.rows[i]) for i in chosen],
        [scored.confident[i] for i in chosen],
        [pages.item_ids[i] for i in chosen],
        scored.classes,
    )
    (out / "pictures" / "detections.jpg").write_bytes(sheet)


def _spread(groups: Sequence[str], n: int) -> list[int]:
    """Return the places of ``n`` pages, book by book in turn, so that many books show."""
    turn: dict[str, int] = {}
    keyed = []
    for place, group in enumerate(groups):
        turn[group] = turn.get(group, -1) + 1
        keyed.append((turn[group], place))
    return [place for _, place in sorted(keyed)[:n]]


def _interval(
    groups: Sequence[str],
    statistic: IndexStatistic,
    holds: npt.NDArray[np.bool_],
    settings: LayoutEvaluationSettings,
) -> dict[str, float | None] | None:
    """Return the estimate on all pages and its interval over the books with a page that ``holds`` a truth.

    With a single such book there is no interval. Pages of the other books stay in every draw: without them
    a draw would miss their false alarms, and a draw of them alone has no value.
    """
    if not holds.any():
        return None
    books = set(np.array(groups)[holds])
    drawn = np.flatnonzero([group in books for group in groups])
    kept = np.flatnonzero([group not in books for group in groups])
    value = statistic(np.arange(len(groups)))
    if len(books) < 2:
        return {"value": value, "low": None, "high": None}
    found = bootstrap_items(
        [groups[int(i)] for i in drawn],
        lambda indices: statistic(np.concatenate([drawn[indices], kept])),
        resamples=settings.resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )
    return {"value": value, "low": found.lower, "high": found.upper}


def _relabelled(page: Detections, known: npt.NDArray[np.int64]) -> Detections:
    labels = known[page.labels]
    kept = labels >= 0
    return Detections(page.boxes[kept], page.scores[kept], labels[kept])


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def layout_page(metrics: dict[str, Any], settings: LayoutEvaluationSettings) -> str:
    """Return the metrics as a page to read, in Markdown."""
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    write(f"# Layout on the {metrics['split']} books\n")
    write(
        f"{metrics['n_pages']} pages of {metrics['n_groups']} books. "
        f"Intervals: {settings.confidence:.0%}, by book.\n"
    )
    names = {
        "overall_iou": "IoU of the overall region",
        "figure_ap30": "figure AP@0.3",
        "figure_ap50_95": "figure AP@0.5:0.95",
    }
    for key, name in names.items():
        write(f"- {name}: {spelled(metrics[key])}")
    write("\n| class | zones | AP@0.5 |\n|---|---|---|")
    for name, row in metrics["per_class"].items():
        write(f"| {name} | {row['zones']} | {'—' if row['ap50'] is None else format(row['ap50'], '.3f')} |")
    return buffer.getvalue()
