"""Vectors to search and queries that are not among them, as like real embeddings as can be had in any number.

``figures``: embeddings of the generated figures and pages (tf_efficientnet_lite0, along 512 principal axes),
mixed: between one picture and another, and moved along the difference of two more, so that the spectrum and
the neighbourhoods stay those of pictures. A part of the pictures is kept for half of the queries.
``copies``: the same embeddings with a little Gaussian noise: of 100,000, seventy lie around each picture.
``clusters``: Gaussian clusters in a space of few dimensions, laid into many with some noise.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zuroku.datasets.manifest import Dataset
from zuroku.models.embedding.frozen import frozen_embeddings

Vectors = npt.NDArray[np.float32]
Draw = Callable[[int], Vectors]
"""Draws so many unit vectors ``(n, DIMENSION)``."""

DIMENSION = 512
TRUE_NEIGHBOURS = 100

_ROOT = Path(__file__).resolve().parents[1]
_FEATURES = _ROOT / "var/benchmarks/figure_features.npy"
_STAGES = ("ndl_imagelabel", "figure_corpus", "page_corpus")
_KEPT_PICTURES = 100
_COPY_NOISE = 0.1
_SEED = 20211211
_CHUNK_ROWS = 65_536
_LATENT, _CLUSTERS = 48, 200


def write_vectors(kind: str, count: int, n_queries: int, folder: Path) -> None:
    """Write ``vectors.npy``, ``queries.npy`` and ``truth.npy`` to ``folder`` unless they are there.

    The truth is ``(n_queries, TRUE_NEIGHBOURS)`` int64: the nearest rows by a full scan.
    """
    truth = folder / "truth.npy"
    if truth.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(_SEED)
    draw, draw_query = SETS[kind](rng)
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (count, DIMENSION))
    for start in range(0, count, _CHUNK_ROWS):
        part = vectors[start : start + _CHUNK_ROWS]
        part[:] = draw(len(part))
    vectors.flush()
    queries = np.concatenate([draw(n_queries - n_queries // 2), draw_query(n_queries // 2)])
    np.save(folder / "queries.npy", rng.permutation(queries))
    np.save(folder / "truth.partial.npy", nearest(np.load(folder / "queries.npy"), vectors))
    (folder / "truth.partial.npy").rename(truth)


def nearest(queries: Vectors, vectors: Vectors) -> npt.NDArray[np.int64]:
    """Return the nearest rows by numpy alone, none of the systems that are measured."""
    scores = np.concatenate(
        [queries @ vectors[start : start + _CHUNK_ROWS].T for start in range(0, len(vectors), _CHUNK_ROWS)],
        axis=1,
    )
    best = np.argpartition(-scores, TRUE_NEIGHBOURS, axis=1)[:, :TRUE_NEIGHBOURS]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def features() -> Vectors:
    """Return ``(n, d)`` embeddings of the sample's pictures, from the cache where there is one."""
    if not _FEATURES.exists():
        datasets = [Dataset(_ROOT / "var/sample/data" / stage) for stage in _STAGES]
        reads = (partial(dataset.read, row) for dataset in datasets for row in dataset.rows())
        found = frozen_embeddings(reads, "tf_efficientnet_lite0", "packaged", 224)
        _FEATURES.parent.mkdir(parents=True, exist_ok=True)
        np.save(_FEATURES.with_suffix(".partial.npy"), found)
        _FEATURES.with_suffix(".partial.npy").rename(_FEATURES)
    vectors: Vectors = np.load(_FEATURES)
    return vectors


def _pictures(rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """Return the embeddings to draw from, and those that only queries are drawn from."""
    pictures = features()
    axes = np.linalg.svd(pictures, full_matrices=False)[2][:DIMENSION]
    pictures = rng.permutation(pictures @ axes.T)
    return pictures[_KEPT_PICTURES:], pictures[:_KEPT_PICTURES]


def _figures(rng: np.random.Generator) -> tuple[Draw, Draw]:
    def draw(some: Vectors, n: int) -> Vectors:
        first, second, minuend, subtrahend = (some[rng.integers(0, len(some), n)] for _ in range(4))
        share = rng.uniform(0.5, 1, (n, 1)).astype(np.float32)
        shift = rng.uniform(0.1, 0.5, (n, 1)).astype(np.float32)
        return _unit(share * first + (1 - share) * second + shift * (minuend - subtrahend))

    shown, kept = _pictures(rng)
    return partial(draw, shown), partial(draw, kept)


def _copies(rng: np.random.Generator) -> tuple[Draw, Draw]:
    def draw(some: Vectors, n: int) -> Vectors:
        noise = rng.standard_normal((n, DIMENSION), dtype=np.float32)
        return _unit(_unit(some[rng.integers(0, len(some), n)]) + _COPY_NOISE / math.sqrt(DIMENSION) * noise)

    shown, kept = _pictures(rng)
    return partial(draw, shown), partial(draw, kept)


def _clusters(rng: np.random.Generator) -> tuple[Draw, Draw]:
    centres = rng.standard_normal((_CLUSTERS, _LATENT), dtype=np.float32)
    spread = rng.standard_normal((_LATENT, DIMENSION), dtype=np.float32)

    def draw(n: int) -> Vectors:
        latent = centres[rng.integers(0, _CLUSTERS, n)] + rng.standard_normal((n, _LATENT), dtype=np.float32)
        return _unit(latent @ spread + rng.standard_normal((n, DIMENSION), dtype=np.float32))

    return draw, draw


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


SETS: dict[str, Callable[[np.random.Generator], tuple[Draw, Draw]]] = {
    "figures": _figures,
    "copies": _copies,
    "clusters": _clusters,
}
"""What draws the vectors, and what draws half of the queries."""
