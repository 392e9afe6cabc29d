"""Average precision of detections, by COCO's protocol, at any thresholds of IoU.

Matching is done once per page (``match_page``), accumulation over any pages with repeats
(``average_precision``), so that a bootstrap by book repeats only the cheap half. Unit: one box of one class;
each class is matched by itself. The average precision of tags lives in ``multilabel``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zuroku.evaluation.bootstrap import IndexStatistic
from zuroku.evaluation.boxes import as_boxes, iou_matrix
from zuroku.evaluation.checks import Array, finite_faults, raise_if_any, shape_faults

PAPER_THRESHOLDS = (0.3,)
"""Aoike 2021, Table 4: figures, mAP@0.3. The paper does not say how precision is interpolated."""

COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""AP@[.5:.95] (Lin et al. 2014): IoU from .5 to .95 in steps of .05."""

_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class PageMatches:
    """The detections of one class on one page, matched with the truths of that class.

    ``scores`` is ``(d,)``, best first; ``hits`` ``(t, d)`` says which detections found a truth at each of the
    ``t`` ``thresholds`` of IoU; ``n_truths`` counts the truths.
    """

    thresholds: tuple[float, ...]
    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    n_truths: int


def match_page(
    boxes: Array, scores: Array, truths: Array, thresholds: Sequence[float], max_detections: int = 100
) -> PageMatches:
    """Match ``boxes`` ``(d, 4)`` with ``scores`` ``(d,)`` to ``truths`` ``(m, 4)``, of one class and page.

    COCO's rule: from the best score down (equal scores in the order given, the first ``max_detections``
    only), a detection takes the truth still free with which its IoU is largest, if that is at least the
    threshold; of truths with the same IoU the last.

    Raises:
        EvaluationError: boxes are no boxes, scores do not fit them, a threshold is outside (0, 1], or
            ``max_detections`` is below 1.
    """
    boxes, truths = as_boxes(boxes=boxes, truths=truths)
    scores, floors = np.asarray(scores, dtype=np.float64), np.array(thresholds, dtype=np.float64)
    faults = shape_faults((len(boxes),), scores=scores) + finite_faults(scores=scores)
    faults += [f"a threshold of {floor:g}" for floor in floors if not 0 < floor <= 1]
    faults += [] if len(floors) else ["no threshold"]
    faults += [] if max_detections > 0 else [f"max_detections {max_detections}"]
    raise_if_any(
        faults,
        expected=f"one score for each of {len(boxes)} boxes, thresholds of IoU in (0, 1], max_detections ≥ 1",
        remedy="pass boxes and scores of the same page and class",
    )
    order = np.argsort(-scores, kind="stable")[:max_detections]
    hits = _greedy_hits(iou_matrix(boxes[order], truths), floors)
    return PageMatches(tuple(floors.tolist()), scores[order], hits, len(truths))


def average_precision(pages: Sequence[PageMatches]) -> NDArray[np.float64]:
    """Return the average precision ``(t,)`` of one class over ``pages``, at each of their thresholds.

    COCO's: the mean over recall 0, .01, …, 1 of the largest precision at that recall or more, 0 where that
    recall is not reached. Equal scores rank in the order of the pages. A page counts as often as it is
    given. NaN where the pages hold no truth.

    Raises:
        EvaluationError: no page, or pages matched at different thresholds.
    """
    return _Pool(pages).average_precision(np.arange(len(pages)))


def mean_average_precision(classes: Sequence[Sequence[PageMatches]]) -> float:
    """Return the mean of ``average_precision`` over the thresholds and over the classes that have truths.

    ``classes`` holds each class's pages; with one class this is its AP@[thresholds]. NaN where no class has
    a truth.

    Raises:
        EvaluationError: no class, a class without pages, or different numbers of pages or thresholds.
    """
    return map_statistic(classes)(np.arange(len(classes[0]) if classes else 0))


def map_statistic(classes: Sequence[Sequence[PageMatches]]) -> IndexStatistic:
    """Return ``mean_average_precision`` as a function of page indices ``(m,)``, with repeats.

    For ``bootstrap.bootstrap_items`` with one group (book) per page, and for ``gate.Evaluated``. It is NaN
    for a draw without any truth, which the bootstrap refuses: score a rare class on books that hold it.

    Raises:
        EvaluationError: as ``mean_average_precision``.
    """
    numbers = sorted({len(pages) for pages in classes})
    thresholds = {page.thresholds for pages in classes for page in pages}
    faults = [] if classes else ["no class"]
    faults += [f"classes with {numbers} pages"] if len(numbers) > 1 else []
    faults += [f"pages matched at {len(thresholds)} sets of thresholds"] if len(thresholds) > 1 else []
    raise_if_any(
        faults,
        expected="the same pages for every class, in the same order, matched at the same thresholds",
        remedy="match every page for every class, pages without boxes of a class included",
    )
    pools = [_Pool(pages) for pages in classes]

    def statistic(indices: NDArray[np.intp]) -> float:
        by_class = np.array([pool.average_precision(indices).mean() for pool in pools])
        defined = by_class[~np.isnan(by_class)]
        return float(defined.mean()) if len(defined) else float("nan")

    return statistic


class _Pool:
    """The matches of all pages end to end, so that a resample of pages is a few array operations."""

    def __init__(self, pages: Sequence[PageMatches]) -> None:
        thresholds = {page.thresholds for page in pages}
        raise_if_any(
            []
            if len(thresholds) == 1
            else [f"{len(pages)} pages matched at {len(thresholds)} sets of thresholds"],
            expected="at least one page, all matched at the same thresholds",
            remedy="match all pages by one call's thresholds, pages without boxes included",
        )
        self._scores = np.concatenate([page.scores for page in pages])
        self._hits = np.concatenate([page.hits for page in pages], axis=1)
        self._n_truths = np.array([page.n_truths for page in pages])
        self._n_detections = np.array([len(page.scores) for page in pages])
        self._first = np.cumsum(self._n_detections) - self._n_detections

    def average_precision(self, indices: NDArray[np.intp]) -> NDArray[np.float64]:
        n_truths = int(self._n_truths[indices].sum())
        if n_truths == 0:
            return np.full(len(self._hits), np.nan)
        drawn = self._detections(indices)
        hits = self._hits[:, drawn[np.argsort(-self._scores[drawn], kind="stable")]]
        # The number of hits at which each recall is reached, less one.
        places = np.searchsorted(np.arange(1, n_truths + 1) / n_truths, _RECALLS)
        return np.array([_interpolated(np.flatnonzero(row), places) for row in hits])

    def _detections(self, indices: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the places of all detections of the pages, page by page."""
        lengths = self._n_detections[indices]
        starts = np.cumsum(lengths) - lengths
        return np.repeat(self._first[indices] - starts, lengths) + np.arange(lengths.sum())


def _greedy_hits(ious: NDArray[np.float64], floors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which detections find a truth ``(t, d)``; ``ious`` is ``(d, m)``, the best detection first."""
    n_truths = ious.shape[1]
    hits = np.zeros((len(floors), len(ious)), dtype=bool)
    free = np.ones((len(floors), n_truths), dtype=bool)
    best = ious.max(axis=1, initial=0.0)
    for detection in np.flatnonzero(best >= floors.min()):
        wanted = np.where(free & (ious[detection] >= floors[:, None]), ious[detection], 0.0)
        chosen = n_truths - 1 - wanted[:, ::-1].argmax(axis=1)
        (found,) = np.nonzero(wanted.any(axis=1))
        hits[found, detection] = True
        free[found, chosen[found]] = False
    return hits


def _interpolated(ranks: NDArray[np.intp], places: NDArray[np.intp]) -> float:
    """Return the average precision of hits at ``ranks`` (0 is the best), with recalls reached at ``places``.

    The largest precision from some recall on is always that of a hit: a false positive only lowers it.
    """
    precision = np.arange(1, len(ranks) + 1) / (ranks + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    reached = places[places < len(ranks)]
    return float(envelope[reached].sum() / len(places))
