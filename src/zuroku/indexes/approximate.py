"""The nearest vectors without a scan of all: short codes name candidates, which are compared exactly.

The structure is IVF-PQ (Jégou, Douze and Schmid 2011) with the fast scan of André, Kermarrec and Le
Scouarnec 2015, by faiss: a seeded rotation; lists around k-means centres; per list, what is left of each
vector in codes of 2 bits per dimension. It was chosen by measurement (``benchmarks/index_engines.py``):
nearly as quick as a graph and with higher recall, built many times sooner, and a fifteenth of the vectors'
size, where a graph takes as much again as they. The rotation makes recall independent of how the embedder's
dimensions are laid out: without it, vectors along principal axes lost a tenth of their neighbours. Arrays and
one file; no tags, no payload.
"""

import math
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from zuroku.errors import BundleError
from zuroku.indexes.nearest import Mask, Rows, Scores, nearest_rows
from zuroku.indexes.threads import single_threaded

Codes = faiss.Index

_SEED = 20211211
_MOST_LISTS = 1024
_POINTS_PER_LIST = 64
_ITERATIONS = 10
_CODE_BITS = 4  # what the fast scan holds in registers
_DIMENSIONS_PER_CODE = 2
# So much of the lists is probed, and more of a smaller space: so many rows are looked through in any case.
_PROBED_SHARE, _PROBED_ROWS = 0.1875, 24_576
_CHUNK_ROWS = 16_384

# Candidates for k neighbours: with these, recall@10 was above 0.99 and recall@100 above 0.98. Half as many
# to spare do as well among pictures that differ; among near copies, seventy of each, they lost 2 % of ten.
_SPARE_CANDIDATES = 200
_CANDIDATES_PER_NEIGHBOUR = 4
_CANDIDATE_SHARE = 0.25  # with more candidates than this the scan is as quick
# With books left out, k are taken of the best of so many times k: a query's own book is what lies near it.
_DEPTH_WHEN_FILTERED = 4


def can_approximate(count: int, dimension: int) -> bool:
    """Tell whether ``count`` vectors of ``dimension`` fill the lists, and whose dimensions fill the codes."""
    return count >= _POINTS_PER_LIST * 16 and dimension % _DIMENSIONS_PER_CODE == 0


def write_codes(vectors: Scores, path: Path) -> None:
    """Write the structure of the unit vectors ``(n, d)`` to ``path``.

    Equal vectors give equal bytes on machines of one kind. Memory holds the codes, a sample of 64 vectors per
    list (65,536 at most) and a chunk of vectors.

    Raises:
        OSError: the disk is full.
    """
    count, dimension = vectors.shape
    # A power of two near the root of the count.
    n_lists = min(_MOST_LISTS, 2 ** round(math.log2(math.sqrt(count))))
    rotation = faiss.RandomRotationMatrix(dimension, dimension)
    lists = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(dimension),
        dimension,
        n_lists,
        dimension // _DIMENSIONS_PER_CODE,
        _CODE_BITS,
        faiss.METRIC_INNER_PRODUCT,
    )
    lists.cp.seed = lists.pq.cp.seed = _SEED
    lists.cp.niter, lists.cp.spherical = _ITERATIONS, True
    lists.cp.min_points_per_centroid = 1  # else faiss writes to the terminal
    lists.nprobe = math.ceil(n_lists * min(1, max(_PROBED_SHARE, _PROBED_ROWS / count)))
    codes = faiss.IndexPreTransform(rotation, lists)
    rng = np.random.default_rng(_SEED)
    sample = rng.choice(count, min(count, _POINTS_PER_LIST * n_lists), replace=False)
    with single_threaded():
        rotation.init(_SEED)
        codes.train(np.array(vectors[np.sort(sample)]))
        for start in range(0, count, _CHUNK_ROWS):
            codes.add(np.array(vectors[start : start + _CHUNK_ROWS]))
    with path.open("wb") as file:
        # Not by name: faiss would report a full disk without its number.
        faiss.write_index(codes, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]


def read_codes(path: Path, count: int, dimension: int) -> Codes:
    """Return the structure in ``path``, which must be sealed and verified: faiss trusts what it reads.

    Raises:
        BundleError: it is none of ``count`` vectors of ``dimension``.
    """
    try:
        codes = faiss.read_index(str(path))
        fault = f"holds {codes.ntotal} × {codes.d}" if (codes.ntotal, codes.d) != (count, dimension) else ""
    except RuntimeError as error:
        fault = f"cannot be read: {error}"
    if fault:
        raise BundleError(
            f"{path} {fault}", expected=f"codes of {count} × {dimension}", remedy="build the index again"
        )
    return codes


def approximate_rows(
    codes: Codes, queries: Scores, vectors: Scores, k: int, excluded: Mask | None = None
) -> tuple[Scores, Rows]:
    """Return what ``nearest_rows`` does, but for neighbours that are not among the candidates.

    ``codes`` are those of ``vectors``. Scores are exact. A query whose candidates do not hold ``k`` rows that
    are not ``excluded``, well within their depth, is answered by an exact scan.
    """
    depth = k if excluded is None else _DEPTH_WHEN_FILTERED * k
    n_candidates = _SPARE_CANDIDATES + _CANDIDATES_PER_NEIGHBOUR * depth
    if n_candidates > _CANDIDATE_SHARE * len(vectors):
        return nearest_rows(queries, vectors, k, excluded)
    scores = np.empty((len(queries), k), dtype=np.float32)
    rows = np.empty((len(queries), k), dtype=np.int64)
    unanswered = []
    with single_threaded():
        found = codes.search(queries, n_candidates)[1]
        for number, candidates in enumerate(found):
            best = _best(queries[number], vectors, candidates, depth, excluded)
            if len(best[1]) < k:
                unanswered.append(number)
            else:
                scores[number], rows[number] = best[0][:k], best[1][:k]
    if unanswered:
        scores[unanswered], rows[unanswered] = nearest_rows(queries[unanswered], vectors, k, excluded)
    return scores, rows


def _best(
    query: Scores, vectors: Scores, candidates: Rows, depth: int, excluded: Mask | None
) -> tuple[Scores, Rows]:
    """Return scores and rows of the ``depth`` best candidates, less those excluded; −1 is none."""
    # By row, so that of equal scores the lower row comes first.
    rows = np.sort(candidates[candidates >= 0])
    products: npt.NDArray[np.float32] = vectors[rows] @ query
    order = np.argsort(-products, kind="stable")[:depth]
    if excluded is not None:
        order = order[~excluded[rows[order]]]
    return products[order], rows[order]
