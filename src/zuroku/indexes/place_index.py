"""Searching an index of places: the nearest photographs of a vector, everywhere or in one area.

``PlaceIndex`` is what all engines offer. The embedded one, Qdrant Edge, lives here, a server or cluster in
``place_server``; what the photographs are stands in the bundle, whichever engine found them. From neighbours
to an answer leads ``geo.answers``.
"""

import importlib.metadata
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import qdrant_edge as edge

from zuroku.artifacts import locked
from zuroku.errors import BundleError, EvaluationError, StorageError, ZurokuError
from zuroku.indexes.place_bundle import (
    AREAS,
    GIVEN_COLUMNS,
    PlaceBundle,
    PlaceManifest,
    read_place_bundle,
)

Where = Mapping[str, str]
"""Areas that neighbours must lie in, by the column of ``AREAS``: ``{"prefecture": "13"}``."""

SHARDS = ".place_shards"
_KEPT_SHARDS = 2
_BATCH = 2048
_SAMPLED = 8
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class PlaceNeighbours:
    """The nearest photographs of one vector, best first; of equal scores the lower row comes first.

    ``scores`` is ``(m,)`` float32 cosine similarity, ``rows`` ``(m,)`` int64 of the bundle's payload. m is
    below k only where an area holds fewer photographs.
    """

    scores: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


class PlaceIndex(Protocol):
    """An open index of places, whatever searches it."""

    @property
    def bundle(self) -> PlaceBundle:
        """What is known of the photographs, by row."""
        ...

    def search(
        self, vector: npt.NDArray[np.floating], k: int, where: Where | None = None, *, encoder_sha256: str
    ) -> PlaceNeighbours:
        """Return the ``k`` photographs most similar to ``vector`` ``(d,)``, of any length but zero.

        ``where`` keeps to areas; ``encoder_sha256`` names the encoder that made the vector.

        Raises:
            BundleError: another encoder made the vector than made the index.
            EvaluationError: the vector, ``k`` or ``where`` cannot be searched for.
        """
        ...

    def count(self, where: Where | None = None) -> int:
        """Return how many photographs lie in the areas ``where``, or in the whole index."""
        ...

    def close(self) -> None:
        """Let go of the engine."""
        ...


def open_place_index(path: Path, shards: Path | None = None) -> "EdgePlaceIndex":
    """Verify the bundle in ``path`` and open it with the embedded engine.

    The engine's files are made on the first opening, which takes seconds per 10,000 photographs, and with a
    graph minutes: open once where a bundle is published. They are kept in ``shards`` (by default a hidden
    folder beside the bundle) under the bundle's hash; the two last used stay. Several processes may have the
    same ones open.

    Raises:
        BundleError: there is no index, its files do not fit together, or the engine's are not of this bundle.
        IntegrityError: the bundle is not what was sealed.
        StorageError: ``shards`` cannot be written.
    """
    bundle = read_place_bundle(path)
    folder = shards if shards is not None else bundle.path.parent / SHARDS
    version = importlib.metadata.version("qdrant-edge-py")
    target = folder / f"{bundle.sha256[:16]}-{version}"
    try:
        with locked(folder / ".shards.lock"), _explained(target):
            if not target.exists():
                work = folder / f".{target.name}.partial"
                shutil.rmtree(work, ignore_errors=True)
                _fill_shard(bundle, work)
                os.replace(work, target)
            os.utime(target)
            _forget_old(folder, keep=target)
            index = EdgePlaceIndex(bundle, edge.EdgeShard.load(str(target)))
    except OSError as error:
        raise StorageError(
            f"{folder} cannot hold the engine's files: {error.strerror}",
            expected="a folder that can be written, with room for the vectors and their graph",
            remedy="free space, or name another folder for them",
        ) from error
    with _explained(target):
        index.check(target)
    return index


@dataclass(frozen=True)
class EdgePlaceIndex:
    """An index in this process: a ``PlaceIndex``."""

    bundle: PlaceBundle
    shard: edge.EdgeShard

    def search(
        self, vector: npt.NDArray[np.floating], k: int, where: Where | None = None, *, encoder_sha256: str
    ) -> PlaceNeighbours:
        """See ``PlaceIndex.search``."""
        query = checked_query(self.bundle.manifest, vector, k, encoder_sha256)
        breadth = max(k, self.bundle.manifest.settings.search_breadth)
        found = self.shard.search(
            edge.SearchRequest(
                edge.Query.Nearest(query.tolist()),
                k,
                filter=_edge_filter(where),
                params=edge.SearchParams(hnsw_ef=breadth),
            )
        )
        return sorted_neighbours([point.score for point in found], [int(point.id) for point in found])

    def count(self, where: Where | None = None) -> int:
        """See ``PlaceIndex.count``."""
        return self.shard.count(edge.CountRequest(exact=True, filter=_edge_filter(where)))

    def close(self) -> None:
        """See ``PlaceIndex.close``."""
        self.shard.close()

    def check(self, folder: Path) -> None:
        """Check by their count and some of the vectors that the engine's files are of this bundle.

        Raises:
            BundleError: they are not.
        """
        rows = np.unique(np.linspace(0, len(self.bundle) - 1, _SAMPLED).astype(np.int64))
        records = self.shard.retrieve(rows.tolist(), with_payload=False, with_vector=True)
        kept = {record.id: record.vector for record in records}
        same = [
            row in kept and np.allclose(np.asarray(kept[row]), self.bundle.vectors[row], atol=_TOLERANCE)
            for row in rows.tolist()
        ]
        if self.count() == len(self.bundle) and all(same):
            return
        raise BundleError(
            f"{folder} holds {self.count()} photographs, and {same.count(False)} of {len(same)} that were "
            "compared differ from the bundle",
            expected=f"the {len(self.bundle)} photographs of {self.bundle.path}",
            remedy=f"delete {folder}; it is made again from the bundle",
        )


def checked_query(
    manifest: PlaceManifest, vector: npt.NDArray[np.floating], k: int, encoder_sha256: str
) -> npt.NDArray[np.float32]:
    """Return ``vector`` at unit length.

    Raises:
        BundleError: another encoder made it than made the index.
        EvaluationError: it is of another width, zero or not finite, or ``k`` is below 1 or above the count.
    """
    if encoder_sha256 != manifest.encoder_sha256:
        raise BundleError(
            f"a query made by the encoder {encoder_sha256}",
            expected=f"the encoder of the index {manifest.settings.name}: {manifest.encoder_sha256}",
            remedy="embed the query with the encoder of the index, or build the index again",
        )
    query = np.asarray(vector, dtype=np.float32)
    faults = []
    if query.shape != (manifest.dimension,):
        faults.append(f"a query of shape {query.shape}")
    elif not np.isfinite(query).all() or not 0 < np.linalg.norm(query) < np.inf:
        faults.append("a query that is not finite or of length zero")
    if not 1 <= k <= manifest.count:
        faults.append(f"k = {k} in an index of {manifest.count} photographs")
    if faults:
        raise EvaluationError(
            "; ".join(faults),
            expected=f"a finite vector ({manifest.dimension},) and k from 1 to {manifest.count}",
            remedy="give the vector as the encoder makes it, and ask for no more neighbours than there are",
        )
    unit: npt.NDArray[np.float32] = query / np.linalg.norm(query)
    return unit


def checked_where(where: Where | None) -> Where:
    """Return ``where``, empty for None.

    Raises:
        EvaluationError: it names a column that is no area, or an area "".
    """
    unknown = [
        f"{name} = {value!r}" for name, value in (where or {}).items() if name not in AREAS or not value
    ]
    if unknown:
        raise EvaluationError(
            f"a search where {', '.join(unknown)}",
            expected=f"codes of areas, by {', '.join(AREAS)}",
            remedy="leave out the filter where no area is known",
        )
    return where or {}


def sorted_neighbours(scores: list[float], rows: list[int]) -> PlaceNeighbours:
    """Return what an engine found, best first and of equal scores the lower row first."""
    of, at = np.array(scores, dtype=np.float32), np.array(rows, dtype=np.int64)
    order = np.lexsort((at, -of))
    return PlaceNeighbours(of[order], at[order])


def row_payload(bundle: PlaceBundle, start: int, stop: int) -> list[dict[str, object]]:
    """Return what engines keep beside the vectors of rows ``[start, stop)``."""
    rows: list[dict[str, object]] = (
        bundle.payload.select(list(GIVEN_COLUMNS)).slice(start, stop - start).to_pylist()
    )
    return rows


def scan_limit_kb(manifest: PlaceManifest) -> int:
    """Return below how many KB of vectors Qdrant scans all instead of following a graph; 0 would be never."""
    return max(1, (manifest.settings.approximate_from * manifest.dimension * 4 - 1) // 1024)


def _edge_filter(where: Where | None) -> edge.Filter | None:
    areas = checked_where(where)
    conditions: list[edge.ConditionType] = [
        edge.FieldCondition(name, match=edge.MatchValue(value)) for name, value in areas.items()
    ]
    return edge.Filter(must=conditions) if conditions else None


def _fill_shard(bundle: PlaceBundle, folder: Path) -> None:
    manifest, limit = bundle.manifest, scan_limit_kb(bundle.manifest)
    config = edge.EdgeConfig(
        edge.EdgeVectorParams(manifest.dimension, edge.Distance.Dot),
        hnsw_config=edge.HnswIndexConfig(
            manifest.settings.graph_links, manifest.settings.graph_breadth, full_scan_threshold=limit
        ),
        # One segment, all of it in the graph; and no log, because a killed build begins again.
        optimizers=edge.EdgeOptimizersConfig(
            default_segment_number=1, max_segment_size=1 << 30, indexing_threshold=limit
        ),
        wal_enabled=False,
    )
    shard = edge.EdgeShard.create(str(folder), config)
    for start in range(0, len(bundle), _BATCH):
        vectors = bundle.vectors[start : start + _BATCH].tolist()
        payload = row_payload(bundle, start, start + _BATCH)
        points = [
            edge.Point(start + number, vector, known)
            for number, (vector, known) in enumerate(zip(vectors, payload, strict=True))
        ]
        shard.update(edge.UpdateOperation.upsert_points(points))
    for name in AREAS:
        shard.update(edge.UpdateOperation.create_field_index(name, edge.PayloadSchemaType.Keyword))
    shard.optimize()
    shard.flush()
    shard.close()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what the engine raises on making or opening its files into our error."""
    try:
        yield
    except (ZurokuError, OSError):
        raise
    except Exception as error:  # the engine knows no narrower kind
        raise BundleError(
            f"the engine cannot use {folder}: {error}",
            expected="files as the engine left them",
            remedy=f"delete {folder}; it is made again from the bundle",
        ) from error


def _forget_old(folder: Path, keep: Path) -> None:
    """Remove all but the shards last used. A process that still has one open keeps it until it ends."""
    shards = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    shards.sort(key=lambda path: (path == keep, path.stat().st_mtime))
    for path in shards[:-_KEPT_SHARDS]:
        shutil.rmtree(path)
