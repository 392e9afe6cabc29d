"""Feature Tuning side by side: every variant and every tap alone, on the sets that the paper searches.

Tani and Wada trained on all the images that they tested. Here the groups of UKBench that are searched were
never trained on; their way is repeated beside it, labelled as such. They saw it work best on detected
objects, so a set may be searched twice: by whole images, and by what boxes cut out of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.errors import ConfigError
from zuroku.evaluation.bootstrap import Interval
from zuroku.models.embedding.create import load_network
from zuroku.models.embedding.findings import spread_of
from zuroku.models.embedding.grad_cam import grad_cam
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.contact_sheet import contact_sheet
from zuroku.reports.embeddings import embed_items
from zuroku.reports.feature_tuning_page import SetOnPage, feature_tuning_page
from zuroku.reports.object_crops import (
    BoxOrigin,
    ObjectBoxes,
    annotated_boxes,
    detected_boxes,
    embed_crops,
)
from zuroku.reports.retrieval_sets import IntervalSettings, RetrievalProtocol, score_queries
from zuroku.tracking import NullTracker
from zuroku.training.feature_tuning import FeatureTuningSettings, tap_bundles, tune_features
from zuroku.training.object_detector import ObjectDetectorSettings, train_object_detector

RESULTS = "results.json"

_CAM_PICTURES = 4


class RetrievalSet(Settings):
    """A dataset to search, and how its answers are scored. Without a ``split`` all of it is searched.

    With ``crops`` it is searched a second time by what boxes cut out: those that the dataset holds, or those
    that a detector finds. Two images are then as similar as their most similar two crops; an image without
    a box stays whole.
    """

    dataset: str
    protocol: RetrievalProtocol
    split: str | None = None
    crops: BoxOrigin | None = None


class FeatureTuningStudySettings(Settings):
    """What is trained on the first of ``sets``, and what is searched with every variant."""

    training: FeatureTuningSettings
    sets: list[RetrievalSet] = Field(min_length=1)
    shown_taps: list[str] = Field(min_length=1, description="taps on the sheet of Grad-CAM")
    intervals: IntervalSettings = IntervalSettings()
    detector: ObjectDetectorSettings = Field(
        default=ObjectDetectorSettings(), description="trained where a set asks for detected crops"
    )

    @property
    def detects(self) -> bool:
        """Whether any set is searched by crops of a detector."""
        return any(one.crops == "detected" for one in self.sets)


@dataclass(frozen=True)
class AnnotatedScenes:
    """Photographs with boxes, and their splits: what the detector of objects is trained on."""

    dataset: Dataset
    splits: Artifact


@dataclass(frozen=True)
class _Searched:
    """A set with the rows that are searched, and their boxes if they are searched by crops."""

    settings: RetrievalSet
    data: Dataset
    rows: list[Any]
    boxes: ObjectBoxes | None


def run_feature_tuning(
    datasets: Mapping[str, Dataset],
    splits: Artifact,
    settings: FeatureTuningStudySettings,
    target: Path,
    code_version: str,
    scenes: AnnotatedScenes | None = None,
) -> Artifact:
    """Train all variants beside ``target`` and write scores, a page and a sheet of Grad-CAM to ``target``.

    ``splits`` are those of the first set, on whose train groups the variants are trained; ``scenes`` teach
    the detector, where a set asks for its crops. Killed and called again, it goes on with what was not
    finished.

    Raises:
        ConfigError: a set asks for detected crops, and there are no scenes.
    """
    bundles = target.with_name(f"{target.name}.variants")
    detector = _detector(settings, scenes, bundles, code_version)
    trained_on = datasets[settings.sets[0].dataset]
    variants = tune_features(trained_on, splits, settings.training, bundles, code_version)
    variants |= tap_bundles(settings.training, variants, bundles, code_version)
    seen = build(bundles / "splits_with_test", partial(_train_on_test, splits))
    cheating = tune_features(trained_on, seen, settings.training, bundles / "trained_on_test", code_version)
    return build(target, partial(_judge, datasets, splits, variants, cheating, detector, settings))


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a finished judgement, one per variant; ``trained_on_test`` marks the paper's way."""
    rows: list[dict[str, Any]] = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    return rows


def flat_results(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the scores by flat names for a tracker: ``set.variant``, and ``.crops`` where searched by them.

    ``.trained_on_test`` at the end marks the paper's way.
    """
    return {
        f"{name}.{row['variant']}{by}{'.trained_on_test' if row['trained_on_test'] else ''}": found["value"]
        for row in rows
        for by, kind in (("", "scores"), (".crops", "crops"))
        for name, found in row[kind].items()
    }


def _detector(
    settings: FeatureTuningStudySettings, scenes: AnnotatedScenes | None, bundles: Path, code_version: str
) -> Artifact | None:
    if not settings.detects:
        return None
    if scenes is None:
        raise ConfigError(
            "detected crops are asked for, but no photographs with boxes are there to teach a detector",
            expected="scenes with boxes and their splits",
            remedy="give the scenes, or leave out crops: detected",
        )
    target = bundles / "object_detector"
    return train_object_detector(
        scenes.dataset, scenes.splits, settings.detector, target, code_version, NullTracker()
    )


def _train_on_test(splits: Artifact, out: Path) -> None:
    """Write the splits with the groups of test among those of train."""
    table = pd.read_parquet(splits.path / "splits.parquet")
    table["split"] = table["split"].replace("test", "train")
    table.to_parquet(out / "splits.parquet", index=False)


def _judge(
    datasets: Mapping[str, Dataset],
    splits: Artifact,
    variants: Mapping[str, Artifact],
    cheating: Mapping[str, Artifact],
    detector: Artifact | None,
    settings: FeatureTuningStudySettings,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    split_of = dict(zip(table["group"], table["split"], strict=True))
    opened = PageDetector(detector.path) if detector else None
    sets = [_searched(one, datasets[one.dataset], split_of, opened) for one in settings.sets]
    rows = [_row(name, bundle, sets, settings.intervals) for name, bundle in variants.items()]
    # Only the first set's images were trained on: on the others both ways are strangers.
    seen = [_row(name, bundle, sets[:1], settings.intervals) for name, bundle in cheating.items()]
    results = [row | {"trained_on_test": False} for row in rows]
    results += [row | {"trained_on_test": True} for row in seen]
    (out / RESULTS).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    listed = [SetOnPage(one.settings.dataset, one.settings.protocol, _listed(one)) for one in sets]
    (out / "report.md").write_text(feature_tuning_page(rows, seen, listed), encoding="utf-8")
    (out / "pictures").mkdir(exist_ok=True)
    plain = next(iter(variants.values()))
    first = sets[0]
    shown = [first.data.read(row) for row in first.rows[::4][:_CAM_PICTURES]]
    sheet = _cam_sheet(plain.path, shown, settings.shown_taps)
    (out / "pictures" / "grad_cam.jpg").write_bytes(sheet)


def _searched(
    settings: RetrievalSet, data: Dataset, split_of: Mapping[str, str], detector: PageDetector | None
) -> _Searched:
    rows = [row for row in data.rows() if settings.split is None or split_of.get(row.group) == settings.split]
    boxes = None
    if settings.crops == "annotated":
        boxes = annotated_boxes(data, rows)
    elif settings.crops == "detected" and detector is not None:
        boxes = detected_boxes(detector, data, rows)
    return _Searched(settings, data, rows, boxes)


def _listed(searched: _Searched) -> str:
    """Say what is searched, and by which boxes."""
    one = searched.settings
    part = f"the {one.split} groups" if one.split else "all groups"
    says = f"{one.dataset}: {len(searched.rows)} images, {part}, protocol {one.protocol}"
    if searched.boxes is None:
        return says
    counts = searched.boxes.counts
    return (
        f"{says}; crops: {counts['boxes']} boxes {searched.boxes.origin}, and "
        f"{counts['images_without_boxes']} images without any, which stay whole"
    )


def _row(
    name: str, bundle: Artifact, sets: Sequence[_Searched], intervals: IntervalSettings
) -> dict[str, Any]:
    """Return what one embedder scores on ``sets``, and how its vectors lie on the first.

    ``gains`` are of crops over whole images, paired by query.
    """
    embedder = EmbedderPredictor(bundle.path)
    row: dict[str, Any] = {"variant": name, "dimension": embedder.dimension}
    row |= {"scores": {}, "crops": {}, "gains": {}, "boxes": {}, "tap_norms": embedder.card.tap_norms}
    for place, one in enumerate(sets):
        vectors = embed_items(embedder, one.data, one.rows)
        images, title = list(vectors[:, None]), one.settings.dataset
        whole = score_queries(one.data, one.rows, images, embedder, one.settings.protocol)
        row["scores"][title] = _numbers(whole.interval(intervals))
        if place == 0:
            spread = spread_of(vectors)
            row |= {**asdict(spread), "collapsed": spread.collapsed}
        if one.boxes is None:
            continue
        crops = embed_crops(embedder, one.data, one.rows, one.boxes.boxes, images)
        cut = score_queries(one.data, one.rows, crops, embedder, one.settings.protocol)
        row["crops"][title] = _numbers(cut.interval(intervals))
        row["gains"][title] = _numbers(cut.minus(whole).interval(intervals))
        row["boxes"][title] = one.boxes.counts
    return row


def _numbers(found: Interval) -> dict[str, float]:
    return {"value": found.estimate, "low": found.lower, "high": found.upper}


def _cam_sheet(bundle: Path, images: Sequence[bytes], taps: Sequence[str]) -> bytes:
    network = load_network(bundle)
    pictures: list[tuple[Image.Image, list[str]]] = []
    for data in images:
        pixels = square_pixels(data, network.settings.size_px)
        pictures.append((Image.fromarray(pixels), ["picture"]))
        for tap in taps:
            heat = grad_cam(network, pixels, tap)[..., None]
            glow = np.array([255, 60, 0], dtype=np.float32)
            shown = (1 - 0.6 * heat) * pixels + 0.6 * heat * glow
            pictures.append((Image.fromarray(shown.astype(np.uint8)), [tap]))
    return contact_sheet(pictures, columns=len(taps) + 1, title="Where vectors come from (Grad-CAM)")
