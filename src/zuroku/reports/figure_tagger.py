"""Evaluating a figure tagger on one split: numbers, predictions, pictures, and a page to read."""

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
from PIL import Image
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.images import decode_rgb
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.bootstrap import Interval, bootstrap_counts, group_sums
from zuroku.evaluation.calibration import expected_calibration_error
from zuroku.evaluation.confusion import confusion_matrix, predicted_classes
from zuroku.evaluation.gate import Evaluated
from zuroku.evaluation.hierarchy import LabelHierarchy
from zuroku.evaluation.multilabel import (
    average_precision,
    label_counts,
    label_scores,
    macro_f1,
    mean_average_precision,
    micro_f1,
)
from zuroku.findings import Finding
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.reports.contact_sheet import contact_sheet
from zuroku.reports.figures import confusion_matrix_figure, label_bars, reliability_diagram
from zuroku.reports.provenance import METRICS, measured_on
from zuroku.training.figure_tagger import LabelledFigures, labelled_figures

PREDICTIONS = "predictions.parquet"
ORIGINAL_THRESHOLD = 0.5
"""The cut of the original's training metric (it tags at 0.4)."""


class EvaluationSettings(Settings):
    """How a tagger is evaluated. ``split`` is ``test`` but for the faithful variant, which has none."""

    split: str = "test"
    resamples: int = Field(default=2000, ge=100)
    seed: int = 20211211
    confidence: float = Field(default=0.95, gt=0, lt=1)
    worst: int = Field(default=24, ge=1, description="errors shown in the contact sheet")
    floor: float = Field(default=0.5, ge=0, le=1, description="macro F1 below which nothing is released")


@dataclass(frozen=True)
class ScoredFigures:
    """A split with a model's probabilities and decisions, all ``(n, n_labels)`` in the same order."""

    figures: LabelledFigures
    probabilities: npt.NDArray[np.float32]
    decisions: npt.NDArray[np.bool_]
    hierarchy: LabelHierarchy

    @property
    def item_ids(self) -> list[str]:
        """The id of each figure."""
        return [str(row.item_id) for row in self.figures.rows]

    def item_counts(self) -> npt.NDArray[np.int64]:
        """True positives, false positives and false negatives per figure: ``(n, 3, n_labels)``."""
        return label_counts(self.figures.targets, self.decisions)

    def evaluated(self) -> Evaluated:
        """What the gate compares: macro F1 of any figures."""
        counts = self.item_counts()
        return Evaluated(
            "macro F1",
            self.item_ids,
            self.figures.groups,
            self.figures.classes,
            lambda indices: float(macro_f1(counts[indices].sum(0))),
        )


def score_figures(
    dataset: Dataset,
    splits: pd.DataFrame,
    bundle: Path,
    split: str,
    split_by: str = "group",
    hierarchy: LabelHierarchy | None = None,
) -> ScoredFigures:
    """Run the bundle's tagger, as it is served, on the figures of ``split``.

    With a ``hierarchy`` the outcome is given over its labels: one that the model lacks is never emitted
    (the gate compares models with different outputs on the challenger's labels).
    """
    predictor = TaggerPredictor(bundle)
    shown = hierarchy or predictor.hierarchy
    figures = labelled_figures(dataset, splits, split, shown, split_by)
    probabilities = predictor.predict_all(partial(dataset.read, row) for row in figures.rows)
    decisions = predictor.decide(probabilities)
    # An untrained output had no gradient: whatever it says is not a probability.
    probabilities[:, ~predictor.active] = 0
    return ScoredFigures(
        figures,
        _columns(probabilities, predictor.hierarchy, shown).astype(np.float32),
        _columns(decisions, predictor.hierarchy, shown).astype(np.bool_),
        shown,
    )


def evaluate_figure_tagger(
    dataset: Dataset,
    splits: Artifact,
    bundle: Artifact,
    settings: EvaluationSettings,
    target: Path,
    split_by: str = "group",
) -> Artifact:
    """Evaluate ``bundle`` and write metrics, predictions, pictures and report to ``target``."""
    return build(target, partial(_evaluate, dataset, splits, bundle, settings, split_by))


def read_metrics(report: Path) -> dict[str, Any]:
    """Return the numbers of a finished evaluation."""
    metrics: dict[str, Any] = json.loads((report / METRICS).read_text(encoding="utf-8"))
    return metrics


def evaluation_findings(metrics: dict[str, Any], settings: EvaluationSettings) -> list[Finding]:
    """Check that macro F1 reaches the floor and that the model tells tags apart."""
    macro = metrics["macro_f1"]["value"]
    emitted = [
        tag for tag, row in metrics["per_tag"].items() if row["true_positives"] + row["false_positives"]
    ]
    wanted = [tag for tag, row in metrics["per_tag"].items() if row["support"]]
    missing = sorted(set(wanted) - set(emitted))
    return [
        Finding(
            "metric_floor",
            macro >= settings.floor,
            f"macro F1 {macro:.3f}, floor {settings.floor:.3f}",
            {"macro_f1": macro, "floor": settings.floor},
        ),
        Finding(
            "not_collapsed",
            2 * len(emitted) > len(wanted),
            f"tags that occur and are never told: {', '.join(missing) or 'none'}",
        ),
    ]


def flat_tagger_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an evaluation by flat names, those that are defined."""
    flat: dict[str, float] = {}
    for key, value in metrics.items():
        if isinstance(value, dict) and key in ("macro_f1", "micro_f1", "pooled_f1"):
            flat |= {key: value["value"], f"{key}_low": value["low"], f"{key}_high": value["high"]}
        elif isinstance(value, dict) and key == "per_tag":
            flat |= {f"f1.{tag}": row["f1"] for tag, row in value.items()}
            flat |= {f"ap.{tag}": row["average_precision"] for tag, row in value.items()}
        elif isinstance(value, int | float):
            flat[key] = float(value)
    return {key: value for key, value in flat.items() if np.isfinite(value)}


def error_sheet(
    dataset: Dataset, rows: Sequence[Any], captions: Sequence[list[str]], title: str = ""
) -> bytes:
    """Return a contact sheet of figures with what should be known about each."""
    pictures: list[tuple[Image.Image, list[str]]] = []
    for row, caption in zip(rows, captions, strict=True):
        pictures.append((decode_rgb(dataset.read(row), min_side_px=256), caption))
    return contact_sheet(pictures, title=title)


def _evaluate(
    dataset: Dataset,
    splits: Artifact,
    bundle: Artifact,
    settings: EvaluationSettings,
    split_by: str,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    scored = score_figures(dataset, table, bundle.path, settings.split, split_by)
    per_tag = _per_tag(scored, settings)
    predicted = predicted_classes(scored.decisions, scored.probabilities, scored.hierarchy)
    confusion = confusion_matrix(
        scored.figures.classes, scored.decisions, scored.probabilities, scored.hierarchy
    )
    metrics = _metrics(scored, settings) | {
        "per_tag": per_tag.set_index("label").to_dict(orient="index"),
        "class_accuracy": float(np.mean(np.array(predicted) == np.array(scored.figures.classes))),
        "left_out": per_tag.loc[per_tag["support"] == 0, "label"].tolist(),
        "data": measured_on(dataset, splits, bundle),
    }
    (out / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    per_tag.to_csv(out / "per_tag.csv", index=False)
    confusion.to_csv(out / "confusion.csv")
    _predictions(scored, predicted).to_parquet(out / PREDICTIONS, index=False)
    pictures = out / "pictures"
    pictures.mkdir(exist_ok=True)
    shown = per_tag[per_tag["support"] > 0]
    (pictures / "confusion.png").write_bytes(confusion_matrix_figure(confusion))
    (pictures / "f1_by_tag.png").write_bytes(
        label_bars(shown["label"], shown["f1"], shown["f1_low"], shown["f1_high"], "F1 by tag")
    )
    (pictures / "reliability.png").write_bytes(
        reliability_diagram(scored.figures.targets, scored.probabilities)
    )
    worst = _worst(scored, predicted, settings.worst)
    captions = [[f"{scored.figures.classes[i]}", f"→ {predicted[i]}"] for i in worst]
    sheet = error_sheet(dataset, [scored.figures.rows[i] for i in worst], captions, "worst errors")
    (pictures / "worst_errors.jpg").write_bytes(sheet)
    (out / "report.md").write_text(_page(metrics, per_tag, confusion, settings), encoding="utf-8")


def _metrics(scored: ScoredFigures, settings: EvaluationSettings) -> dict[str, Any]:
    targets = scored.figures.targets
    decided = scored.item_counts()
    # The original's metric: no hierarchy, no chosen cuts, one threshold for all.
    pooled = label_counts(targets, scored.probabilities > ORIGINAL_THRESHOLD)
    intervals = {
        name: bootstrap_counts(
            group_sums(counts, scored.figures.groups),
            statistic,
            resamples=settings.resamples,
            seed=settings.seed,
            confidence=settings.confidence,
        )
        for name, counts, statistic in (
            ("macro_f1", decided, macro_f1),
            ("micro_f1", decided, micro_f1),
            ("pooled_f1", pooled, micro_f1),
        )
    }
    evaluated = targets.any(axis=0)
    return {
        "split": settings.split,
        "n_items": len(targets),
        "n_groups": len(set(scored.figures.groups)),
        **{name: _spelled(found) for name, found in intervals.items()},
        "mean_average_precision": mean_average_precision(targets, scored.probabilities),
        "calibration_error": expected_calibration_error(
            targets[:, evaluated], scored.probabilities[:, evaluated]
        ),
    }


def _per_tag(scored: ScoredFigures, settings: EvaluationSettings) -> pd.DataFrame:
    table = label_scores(scored.figures.targets, scored.decisions, scored.hierarchy.labels).table
    table["average_precision"] = average_precision(scored.figures.targets, scored.probabilities)
    counts = group_sums(scored.item_counts(), scored.figures.groups)
    bounds = [_tag_interval(counts[:, :, [column]], settings) for column in range(len(table))]
    table["f1_low"], table["f1_high"] = zip(*bounds, strict=True)
    return table


def _tag_interval(counts: npt.NDArray[Any], settings: EvaluationSettings) -> tuple[float, float]:
    """Return the interval of one tag's F1 over the books that have it or were told to have it."""
    concerned = counts[counts.any(axis=(1, 2))]
    if len(concerned) < 2 or not concerned[:, [0, 2]].any():
        return float("nan"), float("nan")
    found = bootstrap_counts(
        concerned, micro_f1, resamples=settings.resamples, seed=settings.seed, confidence=settings.confidence
    )
    return found.lower, found.upper


def _worst(scored: ScoredFigures, predicted: Sequence[str], n: int) -> list[int]:
    """Return the wrongly classed figures with the largest cross-entropy, worst first."""
    p = np.clip(scored.probabilities.astype(float), 1e-6, 1 - 1e-6)
    y = scored.figures.targets
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1)
    wrong = [i for i, name in enumerate(scored.figures.classes) if predicted[i] != name]
    return sorted(wrong, key=lambda i: -loss[i])[:n]


def _predictions(scored: ScoredFigures, predicted: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "item_id": scored.item_ids,
            "group": scored.figures.groups,
            "class": scored.figures.classes,
            "predicted": list(predicted),
        }
    )
    for column, label in enumerate(scored.hierarchy.labels):
        table[f"p_{label}"] = scored.probabilities[:, column]
        table[f"d_{label}"] = scored.decisions[:, column]
    return table


def _columns(values: npt.NDArray[Any], own: LabelHierarchy, shown: LabelHierarchy) -> npt.NDArray[Any]:
    """Reorder the columns of ``own`` labels to those of ``shown``; a label it lacks is all zero."""
    place = {label: column for column, label in enumerate(own.labels)}
    empty = np.zeros(len(values), dtype=values.dtype)
    return np.stack([values[:, place[label]] if label in place else empty for label in shown.labels], axis=1)


def _spelled(found: Interval) -> dict[str, float]:
    return {"value": found.estimate, "low": found.lower, "high": found.upper}


def _page(
    metrics: dict[str, Any], per_tag: pd.DataFrame, confusion: pd.DataFrame, settings: EvaluationSettings
) -> str:
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    percent = f"{settings.confidence:.0%}"
    write(f"# Evaluation on the {metrics['split']} books\n")
    write(f"{metrics['n_items']} figures of {metrics['n_groups']} books. Intervals: {percent}, by book.\n")
    for name in ("macro_f1", "micro_f1", "pooled_f1"):
        found = metrics[name]
        write(f"- {name}: {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]")
    for name in ("mean_average_precision", "class_accuracy", "calibration_error"):
        write(f"- {name}: {metrics[name]:.3f}")
    if metrics["left_out"]:
        write(f"- left out, for want of images: {', '.join(metrics['left_out'])}")
    write("\n| tag | precision | recall | F1 | interval | AP | figures |\n|---|---|---|---|---|---|---|")
    for row in per_tag[per_tag["support"] > 0].itertuples():
        write(
            f"| {row.label} | {row.precision:.3f} | {row.recall:.3f} | {row.f1:.3f} | "
            f"{row.f1_low:.3f}–{row.f1_high:.3f} | {row.average_precision:.3f} | {row.support} |"
        )
    write("\nRows: the true class. Columns: the class told.\n")
    write("| | " + " | ".join(map(str, confusion.columns)) + " |")
    write("|---" * (len(confusion.columns) + 1) + "|")
    for row_name, numbers in confusion.iterrows():
        write(f"| {row_name} | " + " | ".join(map(str, numbers)) + " |")
    return buffer.getvalue()
