"""The nearest vectors by an exact scan, block by block. Arrays in, arrays out; no files, no tags.

Never wrong, as fast as faiss's exact scans, and a filter costs nothing: so a tag is always searched like
this, and a space as long as it is small; a larger one by ``approximate``. It reads vectors where they lie,
mapped from disk, and is as fast as memory. A copy in half precision is read in half the time, and leaves
few vectors that could be nearest to one query.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import faiss
import numpy as np
import numpy.typing as npt

from zuroku.indexes.threads import single_threaded
from zuroku.streams import ordered_map

# A block of 16,384 vectors of 512 dimensions are 32 MiB: few enough calls, and memory stays flat. Of many
# queries at once, the scores of a block take 8 MiB.
_BLOCK_ROWS = 16_384
_BLOCK_SCORES = 1 << 21
_MAX_QUERIES = 4096

HALVED_ROWS = range(2048, 32_769)
"""How many vectors are worth a copy in half precision: a scan of fewer is quick, a copy of more is large."""
_ROWS_HALVED_AT_ONCE = 1024
# Rounding hides differences below 0.001: more than so many others that near the k-th best are seldom.
_SPARE_CANDIDATES = 32
_CANDIDATE_SHARE = 1 / 8  # with more candidates than this the scan is as quick

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def nearest_rows(
    queries: Scores, vectors: Scores, k: int, excluded: Mask | None = None
) -> tuple[Scores, Rows]:
    """Return the ``k`` largest inner products of each query, and the rows they belong to.

    ``queries`` is ``(q, d)`` and ``vectors`` ``(n, d)``, both finite float32; rows where ``excluded``,
    ``(n,)`` bool, is true are passed over. The result is ``(q, k)`` float32, falling, and ``(q, k)`` int64;
    of equal scores the lower row comes first. Where fewer than ``k`` rows are left, the rest is NaN and −1.
    """
    parts = [
        _nearest(queries[start : start + _MAX_QUERIES], vectors, k, excluded)
        for start in range(0, len(queries), _MAX_QUERIES)
    ] or [_nothing(0, k)]
    scores, rows = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    scores[rows < 0] = np.nan
    return scores, rows


@dataclass(frozen=True)
class Halves:
    """A copy of vectors ``(n, d)`` in half precision, for faiss to scan.

    No vector is farther than ``error`` from its copy, or longer than ``longest``.
    """

    copy: faiss.IndexScalarQuantizer
    error: float
    longest: float


def halves(vectors: Scores) -> Halves:
    """Return a copy of the finite vectors ``(n, d)`` float32 in half precision."""
    half = faiss.ScalarQuantizer.QT_fp16
    copy = faiss.IndexScalarQuantizer(vectors.shape[1], half, faiss.METRIC_INNER_PRODUCT)
    error = longest = 0.0
    with single_threaded():
        for start in range(0, len(vectors), _ROWS_HALVED_AT_ONCE):
            part = vectors[start : start + _ROWS_HALVED_AT_ONCE]
            copy.add(part)
            lost = part - copy.reconstruct_n(start, len(part))
            error = max(error, float(np.linalg.norm(lost, axis=1).max()))
            longest = max(longest, float(np.linalg.norm(part, axis=1).max()))
    return Halves(copy, error, longest)


def nearest_rows_by_halves(
    halved: Halves, query: Scores, vectors: Scores, k: int, excluded: Mask | None = None
) -> tuple[Scores, Rows]:
    """Return what ``nearest_rows`` does for one query ``(1, d)``, but for the rounding of scores.

    ``halved`` are ``vectors``. The rows whose halves have the largest products are compared exactly. Any
    other row's product is at most the last of those and what halves may be wrong by (Cauchy-Schwarz). Where
    that could reach the ``k``-th best, all vectors are scanned.
    """
    n_candidates = k + _SPARE_CANDIDATES
    if n_candidates > _CANDIDATE_SHARE * len(vectors):
        return nearest_rows(query, vectors, k, excluded)
    with single_threaded():
        coarse, candidates = (found[0] for found in halved.copy.search(query, n_candidates))
        # Row by row, so that equal vectors have equal products.
        exact = np.vecdot(vectors[candidates], query[0])
    # Twice what d products and their sum can lose in float32 (Higham 2002, section 3.1), here and in a scan.
    rounding = 2 * (len(query[0]) + 2) * np.finfo(np.float32).eps * (halved.longest + halved.error)
    slack = np.linalg.norm(query) * (halved.error + rounding)
    allowed = np.arange(n_candidates) if excluded is None else np.flatnonzero(~excluded[candidates])
    best = allowed[np.lexsort((candidates[allowed], -exact[allowed]))][:k]
    is_proven = len(best) == k and exact[best[-1]] > coarse[-1] + slack
    # For some types of copies and some processors faiss rounds the query too: what it found must bear out
    # the bound.
    if not is_proven or np.abs(coarse - exact).max() > slack:
        return nearest_rows(query, vectors, k, excluded)
    return exact[None, best], candidates[None, best]


def _nearest(queries: Scores, vectors: Scores, k: int, excluded: Mask | None) -> tuple[Scores, Rows]:
    if len(queries) == 1 and len(vectors) <= _BLOCK_ROWS:
        return _nearest_to_one(queries[0], vectors, k, excluded)
    best = _nothing(len(queries), k)
    size = min(_BLOCK_ROWS, max(1024, _BLOCK_SCORES // len(queries)))
    # Blocks of equal size, so that no thread waits for another's larger one.
    size = max(1, math.ceil(len(vectors) / max(1, math.ceil(len(vectors) / size))))
    find = partial(_block_candidates, queries, vectors, k, excluded, size)
    pending: list[_Candidates] = []
    for query, row, score in _in_threads(find, range(0, len(vectors), size)):
        # An equal score of a later row never displaces one that is kept.
        better = score > best[0][query, -1]
        pending.append((query[better], row[better], score[better]))
        # Sorting is dear: after the first blocks little is better, and it can wait.
        if sum(len(scores) for _, _, scores in pending) >= best[0].size:
            best, pending = _merge(best, pending), []
    return _merge(best, pending)


def _nearest_to_one(query: Scores, vectors: Scores, k: int, excluded: Mask | None) -> tuple[Scores, Rows]:
    """Return what the scan by blocks does; merging would take a fifth of the time of a scan so small."""
    best = _nothing(1, k)
    with single_threaded():
        scores = vectors @ query
    if excluded is not None:
        scores[excluded] = -np.inf
    least = np.partition(scores, -k)[-k] if len(scores) > k else -np.inf
    rows = np.flatnonzero((scores >= least) & (scores > -np.inf))
    kept = rows[np.argsort(-scores[rows], kind="stable")[:k]]
    best[0][0, : len(kept)], best[1][0, : len(kept)] = scores[kept], kept
    return best


def _nothing(n_queries: int, k: int) -> tuple[Scores, Rows]:
    return np.full((n_queries, k), -np.inf, dtype=np.float32), np.full((n_queries, k), -1, dtype=np.int64)


_Candidates = tuple[Rows, Rows, Scores]
"""Query, row and score of each candidate: three arrays ``(m,)``, ordered by query, then row."""


def _block_candidates(
    queries: Scores, vectors: Scores, k: int, excluded: Mask | None, size: int, start: int
) -> _Candidates:
    """Return the ``k`` best rows of one block for each query, and all that equal the last of them."""
    scores = queries @ vectors[start : start + size].T
    if excluded is not None:
        scores[:, excluded[start : start + size]] = -np.inf
    candidate = scores > -np.inf
    if scores.shape[1] > k:
        candidate &= scores >= np.partition(scores, -k, axis=1)[:, -k, None]
    query, column = np.nonzero(candidate)
    return query, column + start, scores[query, column]


def _merge(best: tuple[Scores, Rows], found: list[_Candidates]) -> tuple[Scores, Rows]:
    """Return the best of both. The rows of ``found`` rise and come after those of ``best``."""
    n_queries, k = best[0].shape
    kept_before = (np.repeat(np.arange(n_queries), k), best[1].ravel(), best[0].ravel())
    query, row, score = (np.concatenate(arrays) for arrays in zip(kept_before, *found, strict=True))
    # The sort is stable: equal scores stay in the order of their rows.
    order = np.lexsort((-score, query))
    first = np.searchsorted(query[order], np.arange(n_queries))
    kept = order[first[:, None] + np.arange(k)]
    return score[kept], row[kept]


def _in_threads(find: partial[_Candidates], starts: range) -> Iterator[_Candidates]:
    """Yield ``find(start)`` in order, from one thread per core, each with BLAS on that thread alone.

    Blocks taken one by one only share what is free, where BLAS's threads would wait for each other.
    """
    threads = len(os.sched_getaffinity(0))
    with single_threaded():
        if min(threads, len(starts)) == 1:  # starting a thread takes longer than a small scan
            yield from map(find, starts)
            return
        with ThreadPoolExecutor(threads) as executor:
            yield from ordered_map(executor, find, starts, window=2 * threads)
