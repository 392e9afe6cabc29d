"""Evaluating layout on made detections: numbers by hand, intervals, and the rows of the comparison."""

import json
from collections import namedtuple

import numpy as np
import pytest

from zuroku.detections import Detections
from zuroku.reports.layout import (
    LayoutEvaluationSettings,
    ScoredPages,
    flat_layout_metrics,
    layout_findings,
    layout_metrics,
    spelled,
)
from zuroku.reports.layout_comparison import PAPER_ROWS, comparison_metrics
from zuroku.training.pages import AnnotatedPages

Row = namedtuple("Row", "item_id group")
CLASSES = ("overall", "figure", "table")
SETTINGS = LayoutEvaluationSettings(resamples=100)

WHOLE = [0.0, 0.0, 100.0, 100.0]
FIGURE = [10.0, 10.0, 50.0, 50.0]


def detections(*boxes: tuple[list[float], float, int]) -> Detections:
    return Detections(
        np.array([box for box, _, _ in boxes], dtype=np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in boxes], dtype=np.float32),
        np.array([label for _, _, label in boxes], dtype=np.int64),
    )


def scored(found: list[Detections], with_figure: list[bool]) -> ScoredPages:
    """Return pages, two to a book, all with an overall region and some with a figure."""
    rows = [Row(f"page{i}", f"book{i // 2}") for i in range(len(found))]
    boxes = [np.array([WHOLE, FIGURE] if has else [WHOLE], dtype=np.float32) for has in with_figure]
    labels = [np.array([0, 1] if has else [0], dtype=np.int64) for has in with_figure]
    return ScoredPages(AnnotatedPages(rows, boxes, labels), found, found, CLASSES, (1,), (0,))


def test_numbers_of_a_case_worked_out_by_hand() -> None:
    half = [0.0, 0.0, 100.0, 50.0]
    found = [
        detections((WHOLE, 0.9, 0), (FIGURE, 0.8, 1)),  # all right
        detections((half, 0.9, 0)),  # half the region, the figure missed
        detections((WHOLE, 0.9, 0), (FIGURE, 0.9, 1)),  # a figure where there is none
        detections((WHOLE, 0.9, 0)),
    ]
    metrics = layout_metrics(scored(found, [True, True, False, False]), SETTINGS)
    assert metrics["overall_iou"]["value"] == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    # One of two figures, behind a false alarm: precision 1/2 up to recall .5, 51 of 101 places.
    assert metrics["figure_ap30"]["value"] == pytest.approx(0.5 * 51 / 101)
    assert metrics["per_class"]["table"] == {"zones": 0, "ap50": None}
    assert metrics["per_class"]["figure"]["zones"] == 2
    json.dumps(metrics)


def test_books_without_figures_stay_in_every_draw() -> None:
    """Only one book holds figures: there is an estimate, and no interval to be had."""
    found = [detections((FIGURE, 0.8, 1))] * 2 + [detections((FIGURE, 0.9, 1))] * 2
    metrics = layout_metrics(scored(found, [True, True, False, False]), SETTINGS)
    assert metrics["figure_ap30"]["value"] == pytest.approx(0.5, abs=0.01)
    assert metrics["figure_ap30"]["low"] is None
    assert "no interval" in spelled(metrics["figure_ap30"])
    assert "figure_ap30_low" not in flat_layout_metrics(metrics)


def test_pages_without_any_figure_have_no_figure_metric_and_fail_the_floor() -> None:
    found = [detections((WHOLE, 0.9, 0))] * 4
    metrics = layout_metrics(scored(found, [False] * 4), SETTINGS)
    assert metrics["figure_ap30"] is None
    assert "figure_ap30" not in flat_layout_metrics(metrics)
    floor, lost = layout_findings(metrics, SETTINGS)
    assert not floor.passed
    assert lost.passed


def test_a_class_of_which_nothing_is_found_is_told() -> None:
    found = [detections((WHOLE, 0.9, 0))] * 4
    _, lost = layout_findings(layout_metrics(scored(found, [True] * 4), SETTINGS), SETTINGS)
    assert not lost.passed
    assert "figure" in lost.says


def test_the_gate_compares_two_detectors_page_by_page() -> None:
    good = scored([detections((FIGURE, 0.8, 1))] * 4, [True] * 4).evaluated()
    blind = scored([detections()] * 4, [True] * 4).evaluated()
    everything = np.arange(4)
    assert good.statistic(everything) == pytest.approx(1.0)
    assert blind.statistic(everything) == 0.0
    assert list(good.truths) == list(blind.truths)
    assert hash(good.truths[0]) == hash(blind.truths[0])


def test_the_paper_has_no_metrics_of_ours() -> None:
    ours = {
        "model": "fcos",
        "architecture": "x",
        "ms_per_page": 9.0,
        "overall_iou": {"value": 0.8},
        "figure_ap30": None,
        "figure_ap50_95": {"value": 0.2},
    }
    flat = comparison_metrics([ours, *PAPER_ROWS])
    assert flat == {"ms_per_page.fcos": 9.0, "overall_iou.fcos": 0.8, "figure_ap50_95.fcos": 0.2}
