"""The engines that an index could search by: each builds its structure in a folder, and opens it to search.

How long they take, and who takes turns with whom, is in ``index_engines``. Every constant was set so that an
engine finds 99 % of the ten nearest among 10⁵ pictures, where it can.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import qdrant_edge as qdrant

from benchmarks.index_vectors import Vectors
from zuroku.indexes.approximate import approximate_rows, read_codes, write_codes
from zuroku.indexes.nearest import halves, nearest_rows, nearest_rows_by_halves

Search = Callable[[Vectors, int], npt.NDArray[np.int64]]
"""Returns the ``k`` rows ``(1, k)`` nearest to one query ``(1, d)``."""

OURS = "zuroku, codes"
EXACT = "zuroku, exact scan"
EXACT_BY_HALVES = "zuroku, exact by halves"

_CHUNK_ROWS = 16_384
_SAMPLE_ROWS = 65_536
_M, _EF_CONSTRUCTION, _EF_SEARCH = 32, 80, 128
_CANDIDATES = 400
_SEED = 7
_INNER_PRODUCT = faiss.METRIC_INNER_PRODUCT


@dataclass(frozen=True)
class Engine:
    """``build`` fills an empty folder from mapped vectors; ``open`` makes a search of both."""

    build: Callable[[Vectors, Path], None]
    open: Callable[[Vectors, Path], Search]


def _nothing(vectors: Vectors, folder: Path) -> None:
    """Build nothing: the engine searches the vectors as they lie, or fills its memory when it is opened."""


def _exact(vectors: Vectors, folder: Path) -> Search:
    return lambda query, k: nearest_rows(query, vectors, k)[1]


def _exact_by_halves(vectors: Vectors, folder: Path) -> Search:
    halved = halves(vectors)
    return lambda query, k: nearest_rows_by_halves(halved, query, vectors, k)[1]


def _write_codes(vectors: Vectors, folder: Path) -> None:
    write_codes(vectors, folder / "codes")


def _codes(vectors: Vectors, folder: Path) -> Search:
    codes = read_codes(folder / "codes", *vectors.shape)
    return lambda query, k: approximate_rows(codes, query, vectors, k)[1]


def _flat(vectors: Vectors, folder: Path) -> Search:
    index = faiss.IndexFlatIP(vectors.shape[1])
    _fill(index, vectors)
    return lambda query, k: index.search(query, k)[1]


def _faiss(make: Callable[[int], Any]) -> Engine:
    """Return the engine that is the index ``make(dimension)``, filled in chunks."""

    def build(vectors: Vectors, folder: Path) -> None:
        index = make(vectors.shape[1])
        if not index.is_trained:
            index.train(np.array(vectors[:_SAMPLE_ROWS]))
        _fill(index, vectors)
        faiss.write_index(index, str(folder / "index"))

    def opened(vectors: Vectors, folder: Path) -> Search:
        index = faiss.read_index(str(folder / "index"))
        return lambda query, k: index.search(query, k)[1]

    return Engine(build, opened)


def _refined(make: Callable[[int], Any]) -> Engine:
    """Return the engine that finds candidates by codes, compared with a copy of the vectors in memory."""
    codes = _faiss(make)

    def opened(vectors: Vectors, folder: Path) -> Search:
        base, whole = faiss.read_index(str(folder / "index")), faiss.IndexFlatIP(vectors.shape[1])
        _fill(whole, vectors)
        index = faiss.IndexRefine(base, whole)

        def search(query: Vectors, k: int) -> npt.NDArray[np.int64]:
            index.k_factor = max(_CANDIDATES / k, 8)
            return index.search(query, k)[1]  # type: ignore[no-any-return]

        return search

    return Engine(codes.build, opened)


def _fill(index: Any, vectors: Vectors) -> None:
    for start in range(0, len(vectors), _CHUNK_ROWS):
        index.add(np.array(vectors[start : start + _CHUNK_ROWS]))


def _hnsw(dimension: int) -> Any:
    index = faiss.IndexHNSWFlat(dimension, _M, _INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = _EF_CONSTRUCTION, _EF_SEARCH
    return index


def _int8(dimension: int) -> Any:
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, _INNER_PRODUCT)


def _product_codes(dimension: int) -> Any:
    return _rotated(dimension, faiss.IndexPQFastScan(dimension, dimension // 4, 4, _INNER_PRODUCT))


def _bits(dimension: int) -> Any:
    return faiss.IndexRaBitQFastScan(dimension, _INNER_PRODUCT)


def _rotated(dimension: int, index: Any) -> Any:
    rotation = faiss.RandomRotationMatrix(dimension, dimension)
    rotation.init(_SEED)
    rotated = faiss.IndexPreTransform(rotation, index)
    index.this.disown()  # the two belong to what is returned
    rotation.this.disown()
    rotated.own_fields = True
    return rotated


def _build_qdrant(vectors: Vectors, folder: Path) -> None:
    params = qdrant.EdgeVectorParams(vectors.shape[1], qdrant.Distance.Dot)
    graph = qdrant.HnswIndexConfig(_M // 2, _EF_CONSTRUCTION, full_scan_threshold=1000)
    # One segment, as in the other engines; and all of it is indexed, not only what is large.
    whole = qdrant.EdgeOptimizersConfig(
        default_segment_number=1, max_segment_size=1 << 30, indexing_threshold=1000
    )
    config = qdrant.EdgeConfig(params, hnsw_config=graph, optimizers=whole)
    shard = qdrant.EdgeShard.create(str(folder / "shard"), config)
    for start in range(0, len(vectors), _CHUNK_ROWS // 8):
        rows = vectors[start : start + _CHUNK_ROWS // 8].tolist()
        points = [qdrant.Point(start + number, row) for number, row in enumerate(rows)]
        shard.update(qdrant.UpdateOperation.upsert_points(points))
    shard.optimize()
    shard.flush()
    shard.close()


def _qdrant(vectors: Vectors, folder: Path) -> Search:
    shard = qdrant.EdgeShard.load(str(folder / "shard"))
    params = qdrant.SearchParams(hnsw_ef=_EF_SEARCH)

    def search(query: Vectors, k: int) -> npt.NDArray[np.int64]:
        request = qdrant.SearchRequest(qdrant.Query.Nearest(query[0].tolist()), k, params=params)
        return np.array([[point.id for point in shard.search(request)]])

    return search


ENGINES = {
    EXACT: Engine(_nothing, _exact),
    EXACT_BY_HALVES: Engine(_nothing, _exact_by_halves),
    OURS: Engine(_write_codes, _codes),
    "faiss flat": Engine(_nothing, _flat),
    "faiss int8": _faiss(_int8),
    f"faiss HNSW (M {_M}, ef {_EF_SEARCH})": _faiss(_hnsw),
    "faiss PQ fast scan, refined": _refined(_product_codes),
    "faiss RaBitQ fast scan, refined": _refined(_bits),
    f"qdrant-edge HNSW (m {_M // 2}, ef {_EF_SEARCH})": Engine(_build_qdrant, _qdrant),
}
