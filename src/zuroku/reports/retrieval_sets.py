"""An embedder on published retrieval sets with golden answers: dataset in, scores with intervals out.

The protocols are ``evaluation.retrieval``'s; here images become vectors and manifests become ground truth.
"""

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.config import Settings
from zuroku.datasets.ground_truth.oxford import read_oxford
from zuroku.datasets.images import decode_rgb
from zuroku.datasets.manifest import Dataset
from zuroku.errors import SplitError
from zuroku.evaluation.bootstrap import Interval, bootstrap_items
from zuroku.evaluation.ranking import rank_gallery
from zuroku.evaluation.retrieval import holidays, oxford5k, ukbench
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.reports.embeddings import Vectors, embed_items

GROUND_TRUTH = "ground_truth"

RetrievalProtocol = Literal["ukbench", "holidays", "oxford5k"]


class IntervalSettings(Settings):
    """How intervals are drawn."""

    resamples: int = 1000
    seed: int = 20211211
    confidence: float = 0.95


def retrieval_score(
    dataset: Dataset,
    rows: Sequence[Any],
    embedder: EmbedderPredictor,
    protocol: RetrievalProtocol,
    settings: IntervalSettings,
) -> Interval:
    """Return the score of ``embedder`` on manifest ``rows`` of ``dataset`` with its interval by group.

    UKBench: NS-score in [0, 4], every image a query. Holidays: mAP, the first image of a scene the query.
    Oxford: mAP, queries cut out by their boxes; ``rows`` must be the whole dataset.

    Raises:
        SplitError: there is no row.
        EvaluationError: the rows are not what the protocol asks for.
    """
    if not rows:
        raise SplitError(
            f"no image of {dataset.root}",
            expected="at least two groups of images",
            remedy="name another split, or extend the dataset",
        )
    vectors = embed_items(embedder, dataset, rows)
    values, groups = _values(dataset, rows, vectors, embedder, protocol)
    known = np.flatnonzero(np.isfinite(values))
    return bootstrap_items(
        [groups[place] for place in known],
        lambda indices: float(values[known][indices].mean()),
        resamples=settings.resamples,
        seed=settings.seed,
        confidence=settings.confidence,
    )


def _values(
    dataset: Dataset,
    rows: Sequence[Any],
    vectors: Vectors,
    embedder: EmbedderPredictor,
    protocol: RetrievalProtocol,
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Return the score of each query and its group."""
    groups = [str(row.group) for row in rows]
    codes = np.unique(groups, return_inverse=True)[1]
    if protocol == "ukbench":
        return ukbench(rank_gallery(vectors, vectors), codes).astype(np.float64), groups
    if protocol == "holidays":
        queries = np.array([place for place, row in enumerate(rows) if str(row.item_id).endswith("00")])
        ranks = rank_gallery(vectors[queries], vectors)
        return holidays(ranks, codes, queries).average_precision, [groups[place] for place in queries]
    truth = read_oxford(dataset.root / GROUND_TRUTH, [str(row.item_id) for row in rows])
    queries = np.stack(
        [
            embedder.embed_bytes(_crop(dataset.read(rows[image]), box))
            for image, box in zip(truth.query_images, truth.boxes, strict=True)
        ]
    )
    ranks = rank_gallery(queries, vectors)
    scores = oxford5k(ranks, truth.good, truth.ok, truth.junk, len(truth.images))
    # Several queries show one building, by the names that the original gave them.
    return scores.average_precision, [query.rsplit("_", 1)[0] for query in truth.queries]


def _crop(data: bytes, box: npt.NDArray[np.float64]) -> bytes:
    left, top, right, bottom = box.round().astype(int).tolist()
    buffer = io.BytesIO()
    cut: Image.Image = decode_rgb(data).crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    cut.save(buffer, format="PNG")
    return buffer.getvalue()
