"""Judging an embedder on tagged figures: do figures of one tag lie together, across books?

The original looked at a UMAP plot (Aoike 2021 §3.2.1). The same plot is drawn here, over several seeds,
beside numbers in the space that is searched. Search protocols with golden answers live in ``retrieval_sets``.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
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
from zuroku.errors import SplitError
from zuroku.evaluation.bootstrap import bootstrap_items
from zuroku.evaluation.gate import Evaluated
from zuroku.evaluation.similarity import (
    adjusted_mutual_information,
    centroid_distances,
    centroid_rank,
    cluster_embeddings,
    neighbour_average_precision,
    neighbour_purity,
    silhouettes,
)
from zuroku.findings import Finding
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.reports.embedding_map import embedding_map
from zuroku.reports.figures import distance_matrix_figure
from zuroku.reports.provenance import METRICS, measured_on

EMBEDDING_CHECKS = ("above_floor", "better_than_chance")

_LANDMARK, _OUTDOOR, _PERSON = "picture_landmark", "picture_outdoor", "picture_person"

Vectors = npt.NDArray[np.float32]


class EmbeddingEvaluationSettings(Settings):
    """How an embedder is judged on figures. ``left_out`` of the plot as in the original."""

    split: str = "test"
    k: int = Field(default=5, ge=1, description="neighbours whose tags are looked at")
    resamples: int = Field(default=1000, ge=100)
    seed: int = 20211211
    confidence: float = Field(default=0.95, gt=0, lt=1)
    map_seeds: list[int] = Field(default=[1, 2, 3], min_length=1)
    left_out: list[str] = Field(default=["graphic_illustcolor"])
    floor: float = Field(default=0.3, ge=0, le=1, description="mAP below which nothing is released")


@dataclass(frozen=True)
class EmbeddedFigures:
    """Figures with their vectors ``(n, d)``, tags and books."""

    item_ids: list[str]
    tags: list[str]
    books: list[str]
    vectors: Vectors

    def average_precisions(self) -> npt.NDArray[np.float64]:
        """Average precision of finding each figure's tag in all other books, ``(n,)``."""
        return neighbour_average_precision(self.vectors, self.tags, self.books)

    def evaluated(self) -> Evaluated:
        """What the gate compares: the mean of ``average_precisions``."""
        values = self.average_precisions()
        return Evaluated(
            "mAP of tags in other books",
            self.item_ids,
            self.books,
            self.tags,
            lambda indices: float(np.nanmean(values[indices])),
        )


def embed_items(embedder: EmbedderPredictor, dataset: Dataset, rows: Sequence[Any]) -> Vectors:
    """Return the vectors ``(n, d)`` of manifest ``rows``, as the embedder is served.

    Raises:
        ImageError, OSError: an item cannot be read or decoded.
    """
    return embed_reads(embedder, [partial(dataset.read, row) for row in rows])


def embed_reads(embedder: EmbedderPredictor, reads: Sequence[Callable[[], bytes]]) -> Vectors:
    """Return the vectors ``(n, d)`` of encoded pictures, read when their turn comes.

    Raises:
        ImageError, OSError: a picture cannot be read or decoded.
    """
    vectors = np.empty((len(reads), embedder.dimension), dtype=np.float32)
    for place, vector in enumerate(embedder.embed(reads)):
        if isinstance(vector, Exception):
            raise vector
        vectors[place] = vector
    return vectors


def embedded_figures(
    dataset: Dataset, splits: pd.DataFrame, split: str, embedder: EmbedderPredictor
) -> EmbeddedFigures:
    """Return the reviewed, tagged figures of the books of ``split`` with their vectors.

    Raises:
        SplitError: there is none.
    """
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    rows = [row for row in dataset.rows() if row.label and row.reviewed and split_of.get(row.group) == split]
    if not rows:
        raise SplitError(
            f"no tagged figure of {dataset.root} is in the split {split!r}",
            expected="at least one reviewed figure with a tag",
            remedy="extend the splits with this dataset, or add books",
        )
    return EmbeddedFigures(
        [str(row.item_id) for row in rows],
        [str(row.label) for row in rows],
        [str(row.group) for row in rows],
        embed_items(embedder, dataset, rows),
    )


def evaluate_embedder(
    dataset: Dataset,
    splits: Artifact,
    embedder: Artifact,
    settings: EmbeddingEvaluationSettings,
    target: Path,
) -> Artifact:
    """Write metrics, a page and pictures of ``embedder`` on the figures of one split to ``target``."""
    return build(target, partial(_evaluate, dataset, splits, embedder, settings))


def embedding_metrics(figures: EmbeddedFigures, settings: EmbeddingEvaluationSettings) -> dict[str, Any]:
    """Return what the space of ``figures`` is like, with intervals by book where a figure has a value."""
    distances = centroid_distances(figures.vectors, figures.tags)
    clusters = cluster_embeddings(figures.vectors, len(distances), settings.seed)
    shares = np.unique(figures.tags, return_counts=True)[1] / len(figures.tags)
    metrics: dict[str, Any] = {
        "n_figures": len(figures.tags),
        "n_books": len(set(figures.books)),
        "k": settings.k,
        "dimension": int(figures.vectors.shape[1]),
        "purity": _interval(
            neighbour_purity(figures.vectors, figures.tags, figures.books, settings.k), figures, settings
        ),
        "map_other_books": _interval(figures.average_precisions(), figures, settings),
        # What drawing figures at random would give, whichever the tag.
        "chance": float((shares**2).sum()),
        "silhouette": float(silhouettes(figures.vectors, figures.tags).mean()),
        "adjusted_mutual_information": adjusted_mutual_information(clusters, figures.tags),
        "centroid_distances": distances.to_dict(),
    }
    if {_LANDMARK, _OUTDOOR} <= set(distances.index):
        metrics["landmark_outdoor_rank"] = centroid_rank(distances, _LANDMARK, _OUTDOOR)
    if _PERSON in distances.index and len(distances) > 1:
        metrics["person_separation"] = float(distances.loc[_PERSON].drop(_PERSON).to_numpy().min())
    return metrics


def read_embedding_metrics(folder: Path) -> dict[str, Any]:
    """Return the metrics of a finished evaluation."""
    metrics: dict[str, Any] = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return metrics


def flat_embedding_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers under flat names for a tracker; an interval as ``name_low`` and ``name_high``."""
    flat: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, int | float):
            flat[name] = float(value)
        elif "value" in value:
            flat |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
    return flat


def embedding_findings(metrics: Mapping[str, Any], settings: EmbeddingEvaluationSettings) -> list[Finding]:
    """Check that the space is good enough to release, and surely better than chance."""
    found = metrics["map_other_books"]
    says = f"mAP {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
    return [
        Finding(EMBEDDING_CHECKS[0], found["value"] >= settings.floor, f"{says}, floor {settings.floor}"),
        Finding(
            EMBEDDING_CHECKS[1], found["low"] > metrics["chance"], f"{says}, chance {metrics['chance']:.3f}"
        ),
    ]


def _evaluate(
    dataset: Dataset,
    splits: Artifact,
    embedder: Artifact,
    settings: EmbeddingEvaluationSettings,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    figures = embedded_figures(dataset, table, settings.split, EmbedderPredictor(embedder.path))
    metrics = embedding_metrics(figures, settings) | {"data": measured_on(dataset, splits, embedder)}
    (out / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (out / "report.md").write_text(embedding_page(metrics, settings), encoding="utf-8")
    pictures = out / "pictures"
    pictures.mkdir(exist_ok=True)
    shown = [place for place, tag in enumerate(figures.tags) if tag not in settings.left_out]
    tags = [figures.tags[place] for place in shown]
    (pictures / "umap.png").write_bytes(embedding_map(figures.vectors[shown], tags, settings.map_seeds))
    distances = pd.DataFrame(metrics["centroid_distances"])
    (pictures / "centroids.png").write_bytes(distance_matrix_figure(distances))


def _interval(
    values: npt.NDArray[np.float64], figures: EmbeddedFigures, settings: EmbeddingEvaluationSettings
) -> dict[str, float]:
    # A figure whose tag no other book has says nothing, in whichever draw.
    kept = np.flatnonzero(np.isfinite(values))
    found = bootstrap_items(
        [figures.books[place] for place in kept],
        lambda indices: float(values[kept][indices].mean()),
        resamples=settings.resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )
    return {"value": found.estimate, "low": found.lower, "high": found.upper}


def embedding_page(metrics: Mapping[str, Any], settings: EmbeddingEvaluationSettings) -> str:
    """Return the metrics as a page to read, in Markdown."""
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    write(f"# The embedding of figures, on the {settings.split} books\n")
    write(
        f"{metrics['n_figures']} figures of {metrics['n_books']} books, {metrics['dimension']} dimensions. "
        f"Neighbours of the same book are passed over. Intervals: {settings.confidence:.0%}, by book.\n"
    )
    names = {"purity": f"purity of the {metrics['k']} nearest", "map_other_books": "mAP in other books"}
    for key, name in names.items():
        found = metrics[key]
        write(f"- {name}: {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]")
    write(f"- by chance: {metrics['chance']:.3f}")
    write(f"- silhouette: {metrics['silhouette']:.3f}")
    write(f"- AMI of k-means: {metrics['adjusted_mutual_information']:.3f}")
    if "landmark_outdoor_rank" in metrics:
        write(f"- outdoor scenes are tag no. {metrics['landmark_outdoor_rank']} from landmarks")
    if "person_separation" in metrics:
        write(f"- persons to the nearest other tag: {metrics['person_separation']:.3f} (cosine distance)")
    left_out = ", ".join(settings.left_out) or "nothing"
    write(f"\n`pictures/umap.png` leaves out {left_out}; distances of tags: `pictures/centroids.png`.")
    return buffer.getvalue()
