"""From embeddings to ranks: which images of a gallery come first for each query.

Only the order is made here, and ranks that come from elsewhere are checked. What an order is worth lives
in ``retrieval``; the search that answers users, in ``zuroku.indexes``.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from zuroku.evaluation.checks import Array, empty_faults, raise_if_any, shape_faults

Ranks = NDArray[np.integer]
"""Database indices ``(k, n_queries)``, best first: one column per query, as revisitop writes them."""

# 64 MiB of float32 cosines; those of a block of the gallery are in float64 for a moment, at most 128 MiB.
_BLOCK_COSINES = 1 << 24
_BLOCK_ROWS = 1024
# The step of float32 just below 1: finer differences are rounding, which depends on the place in a block.
_COSINE_STEP = 2.0**-24
_SHOWN = 5


def rank_gallery(queries: Array, gallery: Array, k: int | None = None) -> NDArray[np.int32]:
    """Return for each query the indices of the ``k`` gallery rows of largest cosine, best first.

    ``queries`` is ``(n_queries, d)`` and ``gallery`` ``(n_gallery, d)``, floats of any length. The result
    is ``(k, n_queries)``; without ``k`` the whole gallery is ranked. Cosines are computed in float64 and
    rounded to steps of 2⁻²⁴, so that equal embeddings tie wherever they stand; of equal cosines the lower
    index comes first. Beside the result this takes some 200 MiB, or a few times the cosines of one query.

    Raises:
        EvaluationError: an array is empty or not two-dimensional, the widths differ, an embedding is zero or
            not finite, or ``k`` is not between 1 and ``n_gallery``.
    """
    queries, gallery = np.asarray(queries), np.asarray(gallery)
    faults = []
    if k is not None and gallery.ndim == 2 and not 1 <= k <= len(gallery):
        faults.append(f"k is {k} for a gallery of {len(gallery)}")
    blocks = cosine_blocks(queries, gallery, faults)
    ranks = np.empty((len(queries), len(gallery) if k is None else k), dtype=np.int32)
    for start, cosines in blocks:
        for row, of_query in enumerate(cosines, start):
            ranks[row] = _best(of_query, ranks.shape[1])
    return ranks.T


def cosine_blocks(
    queries: Array, gallery: Array, faults: list[str] | None = None
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Return the cosines of all queries with the gallery, some queries at a time, for ``rank_gallery``.

    Each block is the first query's number and ``(b, n_gallery) float32``, rounded as there. The arrays are
    checked when this is called, together with the ``faults`` that the caller found.

    Raises:
        EvaluationError: as ``rank_gallery``.
    """
    queries, gallery = np.asarray(queries), np.asarray(gallery)
    faults = (faults or []) + shape_faults((None, None), queries=queries, gallery=gallery)
    faults += empty_faults(queries=queries, gallery=gallery)
    if queries.ndim == gallery.ndim == 2 and queries.shape[1] != gallery.shape[1]:
        faults.append(f"queries are {queries.shape[1]} wide and the gallery {gallery.shape[1]}")
    for name, array in {"queries": queries, "gallery": gallery}.items():
        if not np.issubdtype(array.dtype, np.floating):
            faults.append(f"{name} hold {array.dtype}")
        elif array.ndim == 2:
            faults += _length_faults(name, _lengths(array))
    raise_if_any(
        faults,
        expected="queries (n_queries, d) and gallery (n_gallery, d) of floats, one row per image, finite and "
        "not zero; k from 1 to n_gallery",
        remedy="embed both with the same model, and transpose arrays that hold one image per column",
    )
    return _cosine_blocks(queries, gallery)


def rank_faults(ranks: Array, n_database: int, n_queries: int, *, gaps: bool = False) -> list[str]:
    """Name what is wrong with ``ranks``, which should be ``(1 to n_database, n_queries)`` integers.

    With ``gaps``, −1 stands for "nothing answered here", and an index may come again in its column, which
    may then have more than ``n_database`` places.
    """
    if not np.issubdtype(ranks.dtype, np.integer):
        return [f"ranks hold {ranks.dtype}"]
    fits = ranks.ndim == 2 and ranks.shape[1] == n_queries and len(ranks) > 0
    if not fits or (len(ranks) > n_database and not gaps):
        return [f"ranks have shape {ranks.shape} for {n_database} images and {n_queries} queries"]
    outside, repeating = [], []
    for query, column in enumerate(ranks.T):
        if column.min() < (-1 if gaps else 0) or column.max() >= n_database:
            outside.append(query)
            continue
        ordered = np.sort(column)
        if not gaps and (ordered[1:] == ordered[:-1]).any():
            repeating.append(query)
    kinds = {f"outside 0 to {n_database - 1}": outside, "that come twice": repeating}
    return [
        f"indices {kind} in {len(columns)} column{'s' if len(columns) > 1 else ''} ({places(columns)})"
        for kind, columns in kinds.items()
        if columns
    ]


def places(numbers: list[int]) -> str:
    """Spell the first five of ``numbers``, and how many more there are."""
    rest = len(numbers) - _SHOWN
    return ", ".join(map(str, numbers[:_SHOWN])) + (f", and {rest} more" if rest > 0 else "")


def _best(cosines: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    candidates = np.arange(len(cosines))
    if k < len(cosines):
        # All that equal the last are kept for the stable sort, which leaves the lower index first.
        candidates = np.flatnonzero(cosines >= np.partition(cosines, -k)[-k])
    return candidates[np.argsort(-cosines[candidates], kind="stable")[:k]]


def _cosine_blocks(queries: Array, gallery: Array) -> Iterator[tuple[int, NDArray[np.float32]]]:
    size = max(1, _BLOCK_COSINES // len(gallery))
    lengths = _lengths(gallery)
    for start in range(0, len(queries), size):
        block = queries[start : start + size].astype(np.float64)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        cosines = np.empty((len(block), len(gallery)), dtype=np.float32)
        for first in range(0, len(gallery), _BLOCK_ROWS):
            rows = slice(first, first + _BLOCK_ROWS)
            steps = block @ (gallery[rows] / (_COSINE_STEP * lengths[rows, None])).T
            cosines[:, rows] = np.rint(steps, out=steps)
        cosines *= _COSINE_STEP
        yield start, cosines


def _lengths(array: Array) -> NDArray[np.float64]:
    """Return the length of each row, in float64; a row that is not finite has none that is."""
    lengths = np.empty(len(array))
    for first in range(0, len(array), _BLOCK_ROWS):
        rows = slice(first, first + _BLOCK_ROWS)
        lengths[rows] = np.linalg.norm(array[rows].astype(np.float64), axis=1)
    return lengths


def _length_faults(name: str, lengths: NDArray[np.float64]) -> list[str]:
    kinds = {"NaN or infinite": ~np.isfinite(lengths), "of length zero": lengths == 0}
    return [
        f"{name} have {int(bad.sum())} row{'s' if bad.sum() > 1 else ''} {kind} "
        f"({places(np.flatnonzero(bad).tolist())})"
        for kind, bad in kinds.items()
        if bad.any()
    ]
