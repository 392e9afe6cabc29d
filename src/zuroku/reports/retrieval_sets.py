"""An embedder on published retrieval sets with golden answers: dataset in, scores with intervals out.

The protocols are ``evaluation.retrieval``'s; here images become vectors and manifests become ground truth.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zuroku.config import Settings
from zuroku.datasets.ground_truth.oxford import read_oxford
from zuroku.datasets.manifest import Dataset
from zuroku.errors import SplitError
from zuroku.evaluation.bootstrap import Interval, bootstrap_items
from zuroku.evaluation.checks import raise_if_any
from zuroku.evaluation.ranking import Ranks
from zuroku.evaluation.retrieval import holidays, oxford5k, ukbench
from zuroku.models.embedding.findings import has_directions
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.reports.embeddings import Vectors
from zuroku.reports.object_crops import cut_out, rank_best_pairs

GROUND_TRUTH = "ground_truth"

RetrievalProtocol = Literal["ukbench", "holidays", "oxford5k"]

_UKBENCH_GROUP = 4
_SHOWN = 5


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


@dataclass(frozen=True)
class RetrievalTask:
    """Manifest ``rows`` of ``dataset`` to search, and what is asked of them, in whole or cut out by boxes.

    ``queries`` ``(q,)`` are places among the rows, ``boxes`` ``(q, 4)`` what of them asks, in pixels, and
    ``groups`` what each shows. ``score`` turns ranks ``(n, q)`` into one value per query.
    """

    dataset: Dataset
    rows: Sequence[Any]
    queries: npt.NDArray[np.intp]
    groups: list[str]
    score: Callable[[Ranks], npt.NDArray[np.float64]]
    boxes: npt.NDArray[np.float64] | None = None


def retrieval_task(dataset: Dataset, rows: Sequence[Any], protocol: RetrievalProtocol) -> RetrievalTask:
    """Return what ``protocol`` asks of manifest ``rows`` of ``dataset``.

    UKBench: NS-score in [0, 4], every image a query. Holidays: average precision, the first image of a scene
    the query. Oxford: average precision, queries cut out by their boxes; ``rows`` must be the whole dataset.

    Raises:
        SplitError: there is no row.
        EvaluationError, SourceError: the rows are not what the protocol asks for.
    """
    if not rows:
        raise SplitError(
            f"no image of {dataset.root}",
            expected="at least two groups of images",
            remedy="name another split, or extend the dataset",
        )
    groups = [str(row.group) for row in rows]
    _refuse_broken(dataset, rows, groups, protocol)
    codes = np.unique(groups, return_inverse=True)[1]
    places = np.arange(len(rows))
    if protocol == "ukbench":
        return RetrievalTask(
            dataset, rows, places, groups, lambda ranks: ukbench(ranks, codes).astype(np.float64)
        )
    if protocol == "holidays":
        queries = places[[_asks(row) for row in rows]]
        asked = [groups[place] for place in queries]
        return RetrievalTask(
            dataset, rows, queries, asked, lambda ranks: holidays(ranks, codes, queries).average_precision
        )
    truth = read_oxford(dataset.root / GROUND_TRUTH, [str(row.item_id) for row in rows])
    return RetrievalTask(
        dataset,
        rows,
        truth.query_images,
        # Several queries show one building, by the names that the original gave them.
        [query.rsplit("_", 1)[0] for query in truth.queries],
        lambda ranks: oxford5k(ranks, truth.good, truth.ok, truth.junk, len(rows)).average_precision,
        truth.boxes,
    )


def score_queries(
    task: RetrievalTask, pictures: Sequence[Vectors], embedder: EmbedderPredictor
) -> QueryScores | None:
    """Return the scores of ``task``, whose rows are ``pictures`` of ``(k, d)`` vectors each.

    One vector stands for a whole image, several for its parts, ranked by ``rank_best_pairs``. A query that a
    box cuts out is of one part, whatever the gallery. Where a vector is of length zero or not finite, as a
    collapsed embedder makes them, there is no ranking and nothing to score.

    Raises:
        EvaluationError: as the protocol's function.
    """
    if task.boxes is None:
        asking = [pictures[place] for place in task.queries]
    else:
        asking = [
            embedder.embed_bytes(cut_out(task.dataset.read(task.rows[place]), box))[None]
            for place, box in zip(task.queries, task.boxes, strict=True)
        ]
    if not has_directions(np.concatenate([*asking, *pictures])):
        return None
    return QueryScores(task.score(rank_best_pairs(asking, pictures)), task.groups)


def _asks(row: Any) -> bool:
    return str(row.item_id).endswith("00")


def _refuse_broken(
    dataset: Dataset, rows: Sequence[Any], groups: Sequence[str], protocol: RetrievalProtocol
) -> None:
    """Refuse groups that the protocol cannot score; Oxford's ground truth is checked where it is read."""
    sizes = Counter(groups)
    faults = []
    broken = sorted(group for group, size in sizes.items() if size != _UKBENCH_GROUP)
    if protocol == "ukbench" and broken:
        named = ", ".join(broken[:_SHOWN])
        faults.append(f"{len(broken)} groups of {dataset.root} are not of four images ({named})")
    answerable = [_asks(row) and sizes[group] > 1 for row, group in zip(rows, groups, strict=True)]
    if protocol == "holidays" and not any(answerable):
        faults.append(f"no scene of {dataset.root} has a query and another image")
    raise_if_any(
        faults,
        expected="UKBench: four images of every object; Holidays: scenes of several images, one named …00",
        remedy="look into quarantine.parquet for images that were left out, and ingest the whole set again",
    )
