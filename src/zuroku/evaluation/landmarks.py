"""Google Landmarks: mAP@100 of retrieval and the global average precision of recognition.

Both follow the definitions of Google Landmarks Dataset v2 (Weyand et al. 2020, "Metrics") and of its
published program, ``metrics.py`` in DELF. Other retrieval protocols live in ``retrieval``.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from zuroku.evaluation.checks import Array, finite_faults, raise_if_any, shape_faults
from zuroku.evaluation.ranking import Ranks, rank_faults
from zuroku.evaluation.retrieval import Indices, truth_faults

GLD_DEPTH = 100
"""How many answers per query the retrieval challenges score."""

NOTHING = -1
"""Stands in ranks and predictions where there is no answer."""


def gld_average_precision(
    ranks: Ranks, relevant: Indices, n_database: int, k: int = GLD_DEPTH
) -> NDArray[np.float64]:
    """Return AP@k ``(n_queries,)`` of each query; the mean is mAP@k.

    AP@k = Σ P(i)·rel(i) over the first k answers, divided by min(k, number of relevant images), not by k:
    a perfect answer gives 1 however few images are relevant. ``ranks`` is ``(any, n_queries)``, of as many
    places as one likes: what stands below place k is not looked at, and fewer than k places leave the rest
    unanswered, as −1 does. An image that comes again takes its place without counting.

    Raises:
        EvaluationError: ranks do not fit or an index above place k lies outside the database; the ground
            truth is of another number of queries, names unknown images or one twice, or leaves a query
            without relevant images; or ``k`` is below 1.
    """
    ranks = np.atleast_1d(ranks)[: max(k, 1)]
    faults = rank_faults(ranks, n_database, len(relevant), gaps=True)
    faults += truth_faults(relevant, [()] * len(relevant), n_database)
    without = sum(len(images) == 0 for images in relevant)
    if without:
        faults.append(f"{without} queries without relevant images")
    if k < 1:
        faults.append(f"a depth of {k}")
    raise_if_any(
        faults,
        expected="ranks (any, n_queries) of database indices or −1, and for each query at least one relevant "
        "image, all of the database and none twice",
        remedy="leave out the queries that the solution ignores, and keep its order",
    )
    scores = np.empty(len(relevant))
    for query, column in enumerate(ranks.T):
        first = np.zeros(len(column), dtype=np.bool_)
        first[np.unique(column, return_index=True)[1]] = True
        hit = first & np.isin(column, relevant[query])
        precision = np.cumsum(hit) / (np.arange(len(column)) + 1)
        scores[query] = precision[hit].sum() / min(k, len(relevant[query]))
    return scores


def gld_recognition(predictions: Array, confidences: Array, truths: Sequence[Collection[int]]) -> float:
    """Return µAP, also called GAP, of one predicted landmark per query.

    ``predictions`` ``(n,)`` are landmark ids, −1 for none; ``confidences`` ``(n,)`` are finite, of any range;
    ``truths`` holds the landmarks in each query, of which any is right: none for a query that shows no
    landmark, where every prediction is wrong. All predictions are put in one list by falling confidence:
    µAP = Σ P(i)·rel(i) / M, M being the number of queries that show a landmark. Of equal confidences the
    earlier query comes first; the program sorts them by query id, so pass queries in that order.

    Raises:
        EvaluationError: lengths differ, predictions are not integers, a confidence is not finite, or no query
            shows a landmark.
    """
    predictions, confidences = np.asarray(predictions), np.asarray(confidences)
    faults = shape_faults((len(truths),), predictions=predictions, confidences=confidences)
    faults += finite_faults(confidences=confidences)
    if not np.issubdtype(predictions.dtype, np.integer):
        faults.append(f"predictions hold {predictions.dtype}")
    shown = sum(len(truth) > 0 for truth in truths)
    if shown == 0:
        faults.append("no query shows a landmark")
    raise_if_any(
        faults,
        expected="predictions (n,) integers, confidences (n,) finite, and the landmarks of n queries",
        remedy="pass one prediction for each query, −1 where there is none",
    )
    right = np.array([guess in truth for guess, truth in zip(predictions.tolist(), truths, strict=True)])
    order = np.argsort(-confidences, kind="stable")
    hit = right[order[predictions[order] != NOTHING]]
    precision = np.cumsum(hit) / (np.arange(len(hit)) + 1)
    return float(precision[hit].sum() / shown)
