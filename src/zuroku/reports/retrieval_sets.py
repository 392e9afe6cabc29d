"""An embedder on published retrieval sets with golden answers: dataset in, scores with intervals out.

The protocols are ``evaluation.retrieval``'s; here images become vectors and manifests become ground truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zuroku.config import Settings
from zuroku.datasets.ground_truth.oxford import read_oxford
from zuroku.datasets.manifest import Dataset
from zuroku.errors import SplitError
from zuroku.evaluation.bootstrap import Interval, bootstrap_items
from zuroku.evaluation.retrieval import holidays, oxford5k, ukbench
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.reports.embeddings import Vectors
from zuroku.reports.object_crops import cut_out, rank_best_pairs

GROUND_TRUTH = "ground_truth"

RetrievalProtocol = Literal["ukbench", "holidays", "oxford5k"]


class IntervalSettings(Settings):
    """How intervals are drawn."""

    resamples: int = 1000
    seed: int = 20211211
    confidence: float = 0.95


@dataclass(frozen=True)
class QueryScores:
    """One score per query, ``(n,)``, NaN where it has no positives, and its group: thing, scene, building."""

    values: npt.NDArray[np.float64]
    groups: list[str]

    def interval(self, settings: IntervalSettings) -> Interval:
        """Return the mean with its interval by group."""
        known = np.flatnonzero(np.isfinite(self.values))
        return bootstrap_items(
            [self.groups[place] for place in known],
            lambda indices: float(self.values[known][indices].mean()),
            resamples=settings.resamples,
            seed=settings.seed,
            confidence=settings.confidence,
        )

    def minus(self, other: "QueryScores") -> "QueryScores":
        """Return how much better each query does here than in ``other``: the same queries, paired."""
        return replace(self, values=self.values - other.values)


def score_queries(
    dataset: Dataset,
    rows: Sequence[Any],
    pictures: Sequence[Vectors],
    embedder: EmbedderPredictor,
    protocol: RetrievalProtocol,
) -> QueryScores:
    """Return the scores of manifest ``rows`` of ``dataset``, whose ``pictures`` are ``(k, d)`` vectors each.

    One vector stands for a whole image, several for its parts, ranked by ``rank_best_pairs``. UKBench:
    NS-score in [0, 4], every image a query. Holidays: average precision, the first image of a scene the
    query. Oxford: average precision, queries cut out by their boxes, and so of one part whatever the
    gallery; ``rows`` must be the whole dataset.

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
    groups = [str(row.group) for row in rows]
    codes = np.unique(groups, return_inverse=True)[1]
    if protocol == "ukbench":
        return QueryScores(ukbench(rank_best_pairs(pictures, pictures), codes).astype(np.float64), groups)
    if protocol == "holidays":
        queries = np.array([place for place, row in enumerate(rows) if str(row.item_id).endswith("00")])
        ranks = rank_best_pairs([pictures[place] for place in queries], pictures)
        precisions = holidays(ranks, codes, queries).average_precision
        return QueryScores(precisions, [groups[place] for place in queries])
    truth = read_oxford(dataset.root / GROUND_TRUTH, [str(row.item_id) for row in rows])
    cut = [
        embedder.embed_bytes(cut_out(dataset.read(rows[image]), box))[None]
        for image, box in zip(truth.query_images, truth.boxes, strict=True)
    ]
    scores = oxford5k(rank_best_pairs(cut, pictures), truth.good, truth.ok, truth.junk, len(truth.images))
    # Several queries show one building, by the names that the original gave them.
    return QueryScores(scores.average_precision, [query.rsplit("_", 1)[0] for query in truth.queries])
