"""Embedders side by side on the same figures (Aoike 2021 §3.2.1): quality, size, what small numbers cost."""

import io
import json
from collections.abc import Mapping, Sequence
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
from zuroku.evaluation.ranking import rank_gallery
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.reports.embeddings import Vectors, embedded_figures, read_embedding_metrics

COMPARISON = "comparison.json"

_BYTES = {"float32": 4, "float16": 2, "int8": 1}


class EmbeddingComparisonSettings(Settings):
    """Which figures are searched among, and how deep."""

    split: str = "test"
    k: int = Field(default=10, ge=1)


def compare_embedders(
    dataset: Dataset,
    splits: Artifact,
    embedders: Mapping[str, tuple[Artifact, Artifact]],
    settings: EmbeddingComparisonSettings,
    target: Path,
) -> Artifact:
    """Write the table of ``embedders`` (name → bundle and evaluation) to ``target``."""
    return build(target, partial(_compare, dataset, splits, embedders, settings))


def read_embedding_comparison(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a finished comparison."""
    rows: list[dict[str, Any]] = json.loads((folder / COMPARISON).read_text(encoding="utf-8"))
    return rows


def comparison_metrics(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the numbers by flat names, ``metric.model``, for a tracker."""
    flat: dict[str, float] = {}
    for row in rows:
        flat[f"map_other_books.{row['model']}"] = row["map_other_books"]["value"]
        flat[f"purity.{row['model']}"] = row["purity"]["value"]
        flat |= {f"recall_{kind}.{row['model']}": value for kind, value in row["recall"].items()}
    return flat


def stored_as(vectors: Vectors, kind: str) -> Vectors:
    """Return unit ``vectors`` ``(n, d)`` as they come back from ``kind``: float32, float16 or int8.

    int8 has one scale for all vectors, so that inner products need no other.
    """
    if kind == "int8":
        scale = np.abs(vectors).max() / 127
        rounded: Vectors = (np.round(vectors / scale) * scale).astype(np.float32)
        return rounded
    return np.asarray(vectors.astype(kind), dtype=np.float32)


def recall_of(vectors: Vectors, kind: str, k: int) -> float:
    """Return the share of the ``k`` nearest neighbours, among the others, that storing as ``kind`` keeps."""
    k = min(k, len(vectors) - 1)
    exact, kept = (_neighbours(stored, k) for stored in (vectors, stored_as(vectors, kind)))
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(exact, kept, strict=True)]))


def _neighbours(vectors: Vectors, k: int) -> list[list[int]]:
    ranks = rank_gallery(vectors, vectors, k + 1).T
    return [[other for other in row.tolist() if other != query][:k] for query, row in enumerate(ranks)]


def _compare(
    dataset: Dataset,
    splits: Artifact,
    embedders: Mapping[str, tuple[Artifact, Artifact]],
    settings: EmbeddingComparisonSettings,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    rows = []
    for name, (bundle, evaluation) in embedders.items():
        embedder = EmbedderPredictor(bundle.path)
        vectors: npt.NDArray[np.float32] = embedded_figures(dataset, table, settings.split, embedder).vectors
        metrics = read_embedding_metrics(evaluation.path)
        rows.append(
            {
                "model": name,
                "backbone": embedder.card.backbone,
                "weights": _short(embedder.card.weights),
                "dimension": embedder.dimension,
                "trained_on": embedder.card.n_classes,
                "recall": {kind: recall_of(vectors, kind, settings.k) for kind in _BYTES},
                "mb_per_million": {kind: size * embedder.dimension for kind, size in _BYTES.items()},
                **{key: value for key, value in metrics.items() if key != "centroid_distances"},
            }
        )
    (out / COMPARISON).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    (out / "report.md").write_text(_page(rows, settings), encoding="utf-8")


def _short(weights: str) -> str:
    kind, _, sha256 = weights.partition(":")
    return f"{kind} {sha256[:8]}".rstrip()


def _page(rows: Sequence[Mapping[str, Any]], settings: EmbeddingComparisonSettings) -> str:
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    write("# Embedders side by side\n")
    write(
        f"{rows[0]['n_figures']} figures of {rows[0]['n_books']} {settings.split} books; neighbours of the "
        f"same book are passed over, by chance {rows[0]['chance']:.3f}. Recall: neighbours among the "
        f"{settings.k} nearest that stay when vectors are stored smaller.\n"
    )
    write(
        "| embedder | from | d | mAP in other books | purity | silhouette | AMI | landmark→outdoor | "
        "persons apart | MB per million f32/f16/int8 | recall f16 | recall int8 |"
    )
    write("|" + "---|" * 12)
    for row in rows:
        spans = [
            f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
            for found in (row["map_other_books"], row["purity"])
        ]
        apart = f"{row['person_separation']:.3f}" if "person_separation" in row else "—"
        sizes = "/".join(f"{size}" for size in row["mb_per_million"].values())
        write(
            f"| {row['model']} | {row['weights']} | {row['dimension']} | {spans[0]} | {spans[1]} | "
            f"{row['silhouette']:.3f} | {row['adjusted_mutual_information']:.3f} | "
            f"{row.get('landmark_outdoor_rank', '—')} | {apart} | "
            f"{sizes} | {row['recall']['float16']:.3f} | {row['recall']['int8']:.3f} |"
        )
    return buffer.getvalue()
