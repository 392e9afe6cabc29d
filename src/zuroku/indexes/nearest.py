"""The nearest vectors by an exact scan, block by block. Arrays in, arrays out; no files, no tags.

Exact and in numpy because it was measured (``benchmarks/index_engines.py``): it is as fast as faiss's exact
scans, reads vectors where they lie, mapped from disk, and a filter costs nothing. A graph index answers ten
times sooner or more, but takes up to a minute to build per hundred thousand figures, holds them all in
memory, and loses neighbours, under a filter most of all. Codes of 8 bits lose some always.
"""

import math
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from zuroku.streams import ordered_map

# A block of 16,384 vectors of 512 dimensions are 32 MiB: few enough calls, and memory stays flat. Of many
# queries at once, the scores of a block take 8 MiB.
_BLOCK_ROWS = 16_384
_BLOCK_SCORES = 1 << 21
_MAX_QUERIES = 4096

_blas = threading.Lock()

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


def _nearest(queries: Scores, vectors: Scores, k: int, excluded: Mask | None) -> tuple[Scores, Rows]:
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

    BLAS's own threads wait for each other in every call: where another process, or PyTorch's OpenMP, holds
    a core, a scan took up to a hundred times as long. Blocks taken one by one only share what is free.
    """
    threads = len(os.sched_getaffinity(0))
    # One search at a time: the limit belongs to the process, and each search uses all cores anyway.
    with _blas, _blas_libraries().limit(limits=1, user_api="blas"):
        if min(threads, len(starts)) == 1:  # starting a thread takes longer than a small scan
            yield from map(find, starts)
            return
        with ThreadPoolExecutor(threads) as executor:
            yield from ordered_map(executor, find, starts, window=2 * threads)


@cache
def _blas_libraries() -> ThreadpoolController:
    return ThreadpoolController()
