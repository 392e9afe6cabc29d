"""Detectors side by side in the form of Aoike 2021, Table 4: quality, milliseconds per page, size."""

import io
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.models.bundle import ONNX, WEIGHTS
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.layout import read_layout_metrics, spelled

COMPARISON = "comparison.json"

PAPER_ROWS: tuple[Mapping[str, Any], ...] = (
    {"model": "DeepLabv3+ (paper)", "overall_iou": 0.65, "figure_ap30": 0.37, "ms_per_page": 800},
    {"model": "ESPNetv2 (paper)", "overall_iou": 0.89, "figure_ap30": 0.66, "ms_per_page": 300},
    {"model": "YOLOv5 (paper)", "overall_iou": 0.96, "figure_ap30": 0.62, "ms_per_page": 100},
)
"""Table 4: NDL-DocL, a Xeon W-3245 with an RTX 2080 Ti."""


class LayoutComparisonSettings(Settings):
    """How many test pages are timed, how often."""

    split: str = "test"
    timed_pages: int = Field(default=32, ge=1)
    rounds: int = Field(default=5, ge=1)


def compare_layout(
    dataset: Dataset,
    splits: Artifact,
    detectors: Mapping[str, tuple[Artifact, Artifact]],
    settings: LayoutComparisonSettings,
    target: Path,
) -> Artifact:
    """Write the table of ``detectors`` (name → bundle and evaluation) to ``target``.

    Pages are timed from encoded bytes to boxes, one after the other and on all cores, the detectors in
    turn, so that a busy machine slows all of them alike.
    """
    return build(target, partial(_compare, dataset, splits, detectors, settings))


def read_comparison(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a finished comparison: ours first, then the paper's."""
    rows: list[dict[str, Any]] = json.loads((folder / COMPARISON).read_text(encoding="utf-8"))
    return rows


def comparison_metrics(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return our rows' numbers by flat names, ``metric.model``, for a tracker."""
    flat: dict[str, float] = {}
    for row in rows:
        if "architecture" not in row:
            continue
        flat[f"ms_per_page.{row['model']}"] = row["ms_per_page"]
        for name in ("overall_iou", "figure_ap30", "figure_ap50_95"):
            if row[name] is not None:
                flat[f"{name}.{row['model']}"] = row[name]["value"]
    return flat


def _compare(
    dataset: Dataset,
    splits: Artifact,
    detectors: Mapping[str, tuple[Artifact, Artifact]],
    settings: LayoutComparisonSettings,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    split_of = dict(zip(table["group"], table["split"], strict=True))
    rows = [row for row in dataset.rows() if split_of[row.group] == settings.split][: settings.timed_pages]
    pages = [dataset.read(row) for row in rows]
    loaded = {name: PageDetector(bundle.path) for name, (bundle, _) in detectors.items()}
    seconds = _interleaved(loaded, pages, settings.rounds)
    compared: list[dict[str, Any]] = []
    for name, (bundle, evaluation) in detectors.items():
        metrics, card = read_layout_metrics(evaluation.path), loaded[name].card
        compared.append(
            {
                "model": name,
                "architecture": card.architecture,
                "initial_weights": card.initial_weights,
                "code_licence": card.code_licence,
                "input_px": card.size_px,
                "overall_iou": metrics["overall_iou"],
                "figure_ap30": metrics["figure_ap30"],
                "figure_ap50_95": metrics["figure_ap50_95"],
                "map50": metrics["map50"],
                "ms_per_page": 1000 * statistics.median(seconds[name]) / len(pages),
                "ms_low": 1000 * min(seconds[name]) / len(pages),
                "ms_high": 1000 * max(seconds[name]) / len(pages),
                "onnx_mb": (bundle.path / ONNX).stat().st_size / 1e6,
                "weights_mb": (bundle.path / WEIGHTS).stat().st_size / 1e6,
            }
        )
    everything = [*compared, *map(dict, PAPER_ROWS)]
    (out / COMPARISON).write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")
    (out / "report.md").write_text(_page(compared, len(pages)), encoding="utf-8")


def _interleaved(
    detectors: Mapping[str, PageDetector], pages: Sequence[bytes], rounds: int
) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in detectors}
    for number in range(rounds + 1):
        for name, detector in detectors.items():
            started = time.perf_counter()
            for _ in detector.detect(partial(bytes, page) for page in pages):
                pass
            # The first round compiles the networks for the shapes that occur.
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _page(rows: Sequence[Mapping[str, Any]], n_pages: int) -> str:
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    write("# Layout detectors side by side\n")
    write(
        f"One split, one run; {n_pages} pages timed from encoded bytes to boxes on this machine's cores. The "
        "paper's rows are of other data (NDL-DocL) and another machine (Xeon W-3245, RTX 2080 Ti).\n"
    )
    write(
        "| model | from | input | overall IoU | figure AP@0.3 | AP@0.5:0.95 | ms/page | ONNX MB | licence |"
    )
    write("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        write(
            f"| {row['model']} ({row['architecture']}) | {row['initial_weights']} | {row['input_px']} px | "
            f"{spelled(row['overall_iou'])} | {spelled(row['figure_ap30'])} | "
            f"{spelled(row['figure_ap50_95'])} | {row['ms_per_page']:.1f} "
            f"[{row['ms_low']:.1f}, {row['ms_high']:.1f}] | {row['onnx_mb']:.1f} | {row['code_licence']} |"
        )
    for row in PAPER_ROWS:
        write(
            f"| {row['model']} | — | — | {row['overall_iou']:.2f} | {row['figure_ap30']:.2f} | — | "
            f"{row['ms_per_page']} | — | — |"
        )
    return buffer.getvalue()
