"""One embedder on the sets of the Feature Tuning study: a row of its table, kept set by set.

What is trained is said in ``feature_tuning``, how rows become tables in ``feature_tuning_page``.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zuroku.artifacts import Artifact, write_atomically
from zuroku.config import Settings, canonical_json
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.bootstrap import Interval
from zuroku.models.embedding.findings import spread_of
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.embeddings import embed_items
from zuroku.reports.object_crops import (
    BoxOrigin,
    ObjectBoxes,
    annotated_boxes,
    detected_boxes,
    embed_crops,
)
from zuroku.reports.retrieval_sets import (
    IntervalSettings,
    RetrievalProtocol,
    RetrievalTask,
    retrieval_task,
    score_queries,
)


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


@dataclass(frozen=True)
class SearchedSet:
    """A set with what is asked of its rows, and their boxes if they are searched by crops."""

    settings: RetrievalSet
    task: RetrievalTask
    boxes: ObjectBoxes | None = None

    @property
    def title(self) -> str:
        """The name it has in rows and on the page."""
        return self.settings.dataset

    @property
    def says(self) -> str:
        """What is searched, and by which boxes."""
        one = self.settings
        part = f"the {one.split} groups" if one.split else "all groups"
        says = f"{self.title}: {len(self.task.rows)} images, {part}, protocol {one.protocol}"
        if self.boxes is None:
            return says
        counts = self.boxes.counts
        return (
            f"{says}; crops: {counts['boxes']} boxes {self.boxes.origin}, and "
            f"{counts['images_without_boxes']} images without any, which stay whole"
        )

    def with_boxes(self, detector: Artifact | None) -> "SearchedSet":
        """Return the set with the boxes that it asks for, those of ``detector`` if they are to be found."""
        data, rows = self.task.dataset, self.task.rows
        if self.settings.crops == "annotated":
            return replace(self, boxes=annotated_boxes(data, rows))
        if self.settings.crops == "detected" and detector is not None:
            found = detected_boxes(PageDetector(detector.path), data, rows)
            origin = f"{found.origin}, `{detector.sha256[:8]}`"
            return replace(self, boxes=replace(found, origin=origin, detector_sha256=detector.sha256))
        return self


def open_set(settings: RetrievalSet, data: Dataset, split_of: Mapping[str, str]) -> SearchedSet:
    """Return the set of ``settings`` with its ground truth, without boxes.

    Raises:
        SplitError, EvaluationError, SourceError: the images are not what the protocol asks for.
    """
    rows = [row for row in data.rows() if settings.split is None or split_of.get(row.group) == settings.split]
    return SearchedSet(settings, retrieval_task(data, rows, settings.protocol))


def search_sets(
    name: str, bundle: Artifact, sets: Sequence[SearchedSet], intervals: IntervalSettings, kept: Path
) -> dict[str, Any]:
    """Return what the embedder in ``bundle`` scores on ``sets``, and how its vectors lie on the first.

    ``scores`` are by whole images, ``crops`` by what boxes cut out, ``gains`` of these over those, paired by
    query; each by set. A set where vectors cannot be compared has none, and is among those that
    ``collapsed``. What was searched before is taken from the folder ``kept``.
    """
    embedder = EmbedderPredictor(bundle.path)
    row: dict[str, Any] = {"variant": name, "bundle_sha256": bundle.sha256, "dimension": embedder.dimension}
    found = {one.title: _kept_search(embedder, bundle, one, intervals, kept) for one in sets}
    first = found[sets[0].title]
    row |= {number: first[number] for number in ("mean_cosine", "effective_rank")}
    row["collapsed"] = [title for title, part in found.items() if part["collapsed"]]
    for kind in ("scores", "crops", "gains", "boxes", "detector_sha256"):
        row[kind] = {title: part[kind] for title, part in found.items() if part[kind] is not None}
    return row | {"tap_norms": embedder.card.tap_norms}


def _kept_search(
    embedder: EmbedderPredictor, bundle: Artifact, one: SearchedSet, intervals: IntervalSettings, kept: Path
) -> dict[str, Any]:
    made_of = {
        "bundle": bundle.sha256,
        "set": one.settings.model_dump(mode="json"),
        "data": one.task.dataset.version,
        "items": [str(row.item_id) for row in one.task.rows],
        "detector": one.boxes.detector_sha256 if one.boxes else None,
        "intervals": intervals.model_dump(mode="json"),
    }
    path = kept / f"{hashlib.sha256(canonical_json(made_of).encode()).hexdigest()}.json"
    if not path.exists():
        found = _search(embedder, one, intervals)
        write_atomically(path, json.dumps(found, allow_nan=False).encode())
    part: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return part


def _search(embedder: EmbedderPredictor, one: SearchedSet, intervals: IntervalSettings) -> dict[str, Any]:
    task = one.task
    vectors = embed_items(embedder, task.dataset, task.rows)
    spread = spread_of(vectors)
    images = list(vectors[:, None])
    whole = score_queries(task, images, embedder)
    part: dict[str, Any] = dict.fromkeys(("scores", "crops", "gains", "boxes", "detector_sha256"))
    part |= {"mean_cosine": _finite(spread.mean_cosine), "effective_rank": _finite(spread.effective_rank)}
    part["collapsed"] = spread.collapsed or whole is None
    if whole is not None:
        part["scores"] = _numbers(whole.interval(intervals))
    if one.boxes is None:
        return part
    part |= {"boxes": one.boxes.counts, "detector_sha256": one.boxes.detector_sha256}
    cut = score_queries(
        task, embed_crops(embedder, task.dataset, task.rows, one.boxes.boxes, images), embedder
    )
    if cut is None:
        return part | {"collapsed": True}
    part["crops"] = _numbers(cut.interval(intervals))
    if whole is not None:
        part["gains"] = _numbers(cut.minus(whole).interval(intervals))
    return part


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbers(found: Interval) -> dict[str, float]:
    return {"value": found.estimate, "low": found.lower, "high": found.upper}
