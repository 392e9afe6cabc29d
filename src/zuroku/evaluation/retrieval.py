"""Image-retrieval protocols: ranks and ground truth in, one value per query out.

Ranks are ``(k, n_queries)`` database indices, best first; ``ranking`` makes them from embeddings. Where
fewer than all images are ranked, a positive beyond the end counts as never found: average precision is then
a lower bound. Values per query, in the order of the columns, suit ``bootstrap.bootstrap_items``. Reading
ground truth lives in ``zuroku.datasets.ground_truth``, recognition and landmarks in ``landmarks``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zuroku.evaluation.checks import Array, raise_if_any
from zuroku.evaluation.ranking import Ranks, places, rank_faults

Indices = Sequence[Sequence[int] | NDArray[np.integer]]
"""Database indices of some kind, ``(m,)`` for each query."""

REVISITED_DEPTHS = (1, 5, 10)
"""The k of mP@k that the revisited benchmark reports."""

_UKBENCH_GROUP = 4


@dataclass(frozen=True)
class RankingScores:
    """Scores of a ranking in [0, 1], query by query; NaN for a query without positives.

    ``average_precision`` is ``(n_queries,)``, ``precision_at`` maps k to the same. The means leave out NaN.
    """

    average_precision: NDArray[np.float64]
    precision_at: Mapping[int, NDArray[np.float64]]

    @property
    def mean_average_precision(self) -> float:
        """The mAP."""
        return float(np.nanmean(self.average_precision))

    def mean_precision_at(self, k: int) -> float:
        """Return mP@k."""
        return float(np.nanmean(self.precision_at[k]))


def ukbench(ranks: Ranks, groups: Array) -> NDArray[np.int64]:
    """Return for each query how many of its first four are of its group, itself among them: 0 to 4.

    The mean is the score of Nistér and Stewénius 2006 ("our simplest measure" on the data's
    page), often called NS-score. Every image is a query: ``ranks`` is ``(k, n)``, k ≥ 4, and ``groups``
    ``(n,)``. What stands below the fourth place does not matter.

    Raises:
        EvaluationError: ranks or groups do not fit, fewer than four are ranked, or a group is not of four.
    """
    ranks, groups = np.asarray(ranks), np.asarray(groups)
    faults = rank_faults(ranks, len(groups), len(groups))
    if ranks.ndim == 2 and len(ranks) < _UKBENCH_GROUP:
        faults.append(f"only {len(ranks)} images are ranked for each query")
    sizes = np.unique(groups, return_counts=True)[1]
    if (sizes != _UKBENCH_GROUP).any():
        faults.append(f"{int((sizes != _UKBENCH_GROUP).sum())} of {len(sizes)} groups are not of four images")
    raise_if_any(
        faults,
        expected="ranks (4 or more, n) of database indices, no index twice in a column, and groups of four",
        remedy="rank all images for every image, in the order of the ground truth",
    )
    counts: NDArray[np.int64] = (groups[ranks[:_UKBENCH_GROUP]] == groups).sum(axis=0)
    return counts


def holidays(ranks: Ranks, groups: Array, queries: Array) -> RankingScores:
    """Score INRIA Holidays (Jégou, Douze, Schmid 2008): positives are the rest of the query's group.

    ``groups`` is ``(n,)`` over the database; ``queries`` ``(n_queries,)`` are database indices, and a query
    that is ranked itself is passed over. AP is that of the authors' program ``holidays_map.py``: trapezoids
    between the precisions before and at each positive, which is also the rule of the Oxford Buildings'
    ``compute_ap``. The rectangle rule of most other programs gives as much or more.

    Raises:
        EvaluationError: as ``score_rankings``, or a query is no index of the database.
    """
    groups, queries = np.asarray(groups), np.asarray(queries)
    fits = queries.ndim == 1 and np.issubdtype(queries.dtype, np.integer)
    unknown = [int(query) for query in queries if not 0 <= query < len(groups)] if fits else []
    faults = [] if fits else [f"queries of shape {queries.shape} hold {queries.dtype}"]
    faults += [f"queries outside the database of {len(groups)} ({places(unknown)})"] if unknown else []
    raise_if_any(
        faults,
        expected="queries (n_queries,) that are database indices",
        remedy="take groups and queries from the same list of images",
    )
    same = [np.flatnonzero(groups == groups[query]) for query in queries]
    positives = [found[found != query] for found, query in zip(same, queries, strict=True)]
    return score_rankings(ranks, positives, [[query] for query in queries.tolist()], len(groups))


def oxford5k(ranks: Ranks, good: Indices, ok: Indices, junk: Indices, n_database: int) -> RankingScores:
    """Score Oxford Buildings (Philbin et al. 2007) or Paris (2008), the original protocol.

    Good and ok images are positives, junk is taken out of the ranking as if it were not there, and AP is
    by trapezoids, as in the authors' ``compute_ap``. The image of the query is in the database and
    among the good: it is not left out.

    Raises:
        EvaluationError: as ``score_rankings``.
    """
    return score_rankings(ranks, _joined(good, ok), junk, n_database)


def revisited(
    ranks: Ranks,
    easy: Indices,
    hard: Indices,
    junk: Indices,
    n_database: int,
    depths: Sequence[int] = REVISITED_DEPTHS,
) -> dict[str, RankingScores]:
    """Score ROxford or RParis (Radenović et al. 2018, "Evaluation protocol"): the protocols "E", "M" and "H".

    Easy takes the easy images as positives and passes over hard and junk ones; Medium takes easy and hard,
    and passes over junk; Hard takes hard, and passes over easy and junk. As in the authors'
    ``evaluate.py``, a query without positives is left out of the means.

    Raises:
        EvaluationError: as ``score_rankings``.
    """
    parts = {
        "E": (easy, _joined(junk, hard)),
        "M": (_joined(easy, hard), junk),
        "H": (hard, _joined(junk, easy)),
    }
    lacking = [name for name, (positives, _) in parts.items() if not any(map(len, positives))]
    raise_if_any(
        [f"no query has a positive in {' and '.join(lacking)}"] if lacking else [],
        expected="easy and hard images for at least one query each",
        remedy="take the published ground truth: a score of no query is none",
    )
    return {
        name: score_rankings(ranks, positives, ignored, n_database, depths)
        for name, (positives, ignored) in parts.items()
    }


def score_rankings(
    ranks: Ranks, positives: Indices, ignored: Indices, n_database: int, depths: Sequence[int] = ()
) -> RankingScores:
    """Score ``ranks`` after taking the ``ignored`` images of each query out of its column.

    Precision at k is that of ``evaluate.py`` of the revisited benchmark: hits among the first min(k, place of
    the last positive), divided by that number, so that 1 can be reached with fewer than k positives. Of a
    ranking cut off before its last positive, that place is unknown but later, and k itself divides (the
    program would take the last positive found); with k images left in the ranking the result is that of the
    whole.

    Raises:
        EvaluationError: ``ranks`` are not integers ``(1 to n_database, n_queries)``, an index lies outside
            the database or comes twice in a column; the ground truth is of another number of queries, names
            unknown images, one twice, or one as both positive and ignored; no query has positives; or a
            depth is below 1.
    """
    ranks = np.asarray(ranks)
    faults = rank_faults(ranks, n_database, len(positives)) + truth_faults(positives, ignored, n_database)
    faults += [f"a precision at {k}" for k in depths if k < 1]
    raise_if_any(
        faults,
        expected="ranks (k, n_queries) of database indices, no index twice in a column, and for each query "
        "positive and ignored images of the database, no image twice",
        remedy="rank the very images that the ground truth lists, in its order: one column per query",
    )
    average = np.full(len(positives), np.nan)
    precision = {k: average.copy() for k in depths}
    for query, column in enumerate(ranks.T):
        n_positives = len(positives[query])
        if n_positives == 0:
            continue
        left = column[~np.isin(column, np.asarray(ignored[query], np.intp))]
        found = np.flatnonzero(np.isin(left, positives[query]))
        average[query] = trapezoid_average_precision(found, n_positives)
        for k in depths:
            depth = min(k, int(found[-1]) + 1) if len(found) == n_positives else k
            precision[k][query] = (found < depth).sum() / depth
    return RankingScores(average, precision)


def trapezoid_average_precision(found: NDArray[np.integer], n_positives: int) -> float:
    """Return the area under precision over recall, by trapezoids, of one ranking.

    ``found`` ``(m,)`` are the places of the positives found, rising from 0; those never found add nothing.
    At each positive recall rises by 1/``n_positives``, at the mean of the precisions just before (1 at the
    very top) and just after it.
    """
    hits = np.arange(len(found))
    before = np.where(found == 0, 1.0, hits / np.maximum(found, 1))
    after = (hits + 1) / (found + 1)
    return float((before + after).sum() / (2 * n_positives))


def truth_faults(positives: Indices, ignored: Indices, n_database: int) -> list[str]:
    """Name what is wrong with the ground truth of a database of ``n_database`` images."""
    if len(positives) != len(ignored):
        return [f"positives of {len(positives)} queries and ignored images of {len(ignored)}"]
    if not any(map(len, positives)):
        return ["no query has a positive"]
    kinds: dict[str, list[int]] = {"no integers": [], f"outside 0 to {n_database - 1}": [], "named twice": []}
    odd, outside, twice = kinds.values()
    for query, parts in enumerate(zip(positives, ignored, strict=True)):
        named = np.concatenate([np.asarray(part) for part in parts if len(part)] or [np.empty(0, np.intp)])
        if not np.issubdtype(named.dtype, np.integer):
            odd.append(query)
        elif len(named) and (named.min() < 0 or named.max() >= n_database):
            outside.append(query)
        elif len(np.unique(named)) < len(named):
            twice.append(query)
    return [
        f"images {kind} in the ground truth of {len(queries)} quer{'ies' if len(queries) > 1 else 'y'} "
        f"({places(queries)})"
        for kind, queries in kinds.items()
        if queries
    ]


def _joined(first: Indices, second: Indices) -> list[list[int]]:
    raise_if_any(
        [f"ground truth of {len(first)} and of {len(second)} queries"] if len(first) != len(second) else [],
        expected="every kind of image for every query, even if there are none",
        remedy="give an empty list where a query has no image of a kind",
    )
    return [[*one, *other] for one, other in zip(first, second, strict=True)]
