"""Photographs of places as a geolocator sees them: vectors, answers of the heads, and their true places.

What is made of them, scores or an index, belongs to the modules beside.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_clusters import CLUSTER, clusters
from zuroku.errors import IntegrityError
from zuroku.geo.distances import Coordinates
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.geolocation.predictor import Geolocation, GeolocatorPredictor
from zuroku.models.geolocation.views import picture_views
from zuroku.reports.kept_vectors import Arrays, KeptVectors
from zuroku.streams import ordered_map

_BLOCK = 1024
_COSINES = 1 << 26
"""Held at a time by a search: 256 MB, and twice that for their order."""
_THREADS = 4

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class LocatedPhotographs:
    """``n`` photographs: ``table`` (labels, group, split, cluster), unit ``vectors`` ``(n, d)``, ``heads``.

    ``heads`` maps each task to the classes ``(n,)`` that the model names, "" where it has no such head.
    """

    table: pd.DataFrame
    vectors: npt.NDArray[np.float32]
    heads: Mapping[str, npt.NDArray[np.object_]]

    @property
    def coordinates(self) -> Coordinates:
        """The true places ``(n, 2)``, latitude and longitude in degrees."""
        places: Coordinates = self.table[["latitude", "longitude"]].to_numpy(dtype=np.float64)
        return places

    def part(self, splits: Sequence[str]) -> "LocatedPhotographs":
        """Return the photographs of ``splits``."""
        rows = np.flatnonzero(self.table["split"].isin(list(splits)))
        heads = {task: names[rows] for task, names in self.heads.items()}
        return LocatedPhotographs(self.table.iloc[rows].reset_index(drop=True), self.vectors[rows], heads)


def locate_photographs(
    dataset: Dataset, labels: pd.DataFrame, splits: pd.DataFrame, predictor: GeolocatorPredictor, kept: Path
) -> LocatedPhotographs:
    """Return every photograph of ``dataset`` that is in train, val or test, as ``predictor`` sees it.

    ``labels`` are the rows of the manifest, in its order, with their item_id, group and coordinates. What the
    predictor says is kept in ``kept`` and taken from there.

    Raises:
        IntegrityError: the labels are of other photographs.
        ImageError, OSError: a photograph cannot be read or decoded.
        StorageError: ``kept`` has no room.
    """
    if labels["item_id"].tolist() != dataset.manifest["item_id"].tolist():
        raise IntegrityError(
            f"labels of {len(labels)} photographs that are not the {len(dataset.manifest)} of {dataset.root}",
            expected="one row of labels for each row of the manifest, in its order",
            remedy="label this dataset again",
        )
    table = labels.assign(split=labels["group"].map(dict(zip(splits["group"], splits["split"], strict=True))))
    # Groups that separate blocks take part in nothing.
    used = table["split"].isin(["train", "val", "test"]).to_numpy()
    table.loc[used, CLUSTER] = clusters(table.loc[used, "group"], splits)
    blocks = KeptVectors(kept, f"geolocator-{predictor.sha256[:16]}", dataset)
    found = _of_rows(dataset, np.flatnonzero(used), blocks, partial(_located, dataset, predictor))
    heads = {
        task: np.array([*names, ""], dtype=object)[found[task]] for task, names in predictor.classes.items()
    }
    return LocatedPhotographs(table[used].reset_index(drop=True), found["vectors"], heads)


def raw_features(
    dataset: Dataset, table: pd.DataFrame, embedder: EmbedderPredictor, views: int, kept: Path
) -> LocatedPhotographs:
    """Return the photographs of ``table`` by an embedder of pictures, the mean over each one's squares.

    Several are read, decoded and embedded at a time. What comes out is kept in ``kept`` and taken from there.

    Raises:
        ImageError, OSError: a photograph cannot be read or decoded.
        StorageError: ``kept`` has no room.
    """
    number = {item_id: place for place, item_id in enumerate(dataset.manifest["item_id"])}
    wanted = np.array([number[item_id] for item_id in table["item_id"]], dtype=np.intp)
    blocks = KeptVectors(kept, f"embedder-{views}-{embedder.sha256[:16]}", dataset)
    order, back = np.unique(wanted, return_inverse=True)
    found = _of_rows(dataset, order, blocks, partial(_embedded, dataset, embedder, views))
    return LocatedPhotographs(table, found["vectors"][back], {})


def _of_rows(
    dataset: Dataset, wanted: Rows, blocks: KeptVectors, make: Callable[[list[Any]], Arrays]
) -> Arrays:
    """Return the arrays of the rows ``wanted`` of ``dataset``, ascending, from blocks that ``make`` makes."""
    if not len(wanted):
        return make([])
    rows, parts = dataset.rows(), []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        first, last = np.searchsorted(wanted, [start, start + len(block)])
        # A block is made whole, for others may want the rest of it.
        if first < last:
            found = blocks.block(start, start + len(block), partial(make, block))
            parts.append({name: array[wanted[first:last] - start] for name, array in found.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _located(dataset: Dataset, predictor: GeolocatorPredictor, rows: list[Any]) -> Arrays:
    """Return the unit vectors of ``rows``, and of each task the number of the best class, -1 without any."""
    vectors = np.empty((len(rows), predictor.dimension), dtype=np.float32)
    best = {task: np.full(len(rows), -1, dtype=np.int32) for task in predictor.classes}
    for place, found in enumerate(predictor.stream(partial(dataset.read, row) for row in rows)):
        if not isinstance(found, Geolocation):
            raise found
        vectors[place] = found.vector
        for task, names in predictor.classes.items():
            if names:
                best[task][place] = found.probabilities[task].argmax()
    return {"vectors": vectors} | best


def _embedded(dataset: Dataset, embedder: EmbedderPredictor, views: int, rows: list[Any]) -> Arrays:
    """Return the unit vectors of ``rows``, the mean over the squares of each."""
    size = embedder.size_px

    def embed(row: Any) -> npt.NDArray[np.float32]:
        squares = picture_views(dataset.read(row), size, views)
        mean: npt.NDArray[np.float32] = np.mean([embedder.embed_pixels(square) for square in squares], axis=0)
        return mean

    # The model is compiled here, not by whichever thread comes first.
    embedder.embed_pixels(np.zeros((size, size, 3), dtype=np.uint8))
    vectors = np.empty((len(rows), embedder.dimension), dtype=np.float32)
    with ThreadPoolExecutor(_THREADS) as executor:
        for place, vector in enumerate(ordered_map(executor, embed, rows, window=8 * _THREADS)):
            vectors[place] = vector
    return {"vectors": vectors / np.linalg.norm(vectors, axis=1, keepdims=True)}


def nearest_photographs(
    queries: npt.NDArray[np.float32], gallery: npt.NDArray[np.float32], k: int
) -> tuple[Rows, npt.NDArray[np.float32]]:
    """Return rows and cosines ``(q, min(k, n))`` of the photographs nearest to each query, nearest first.

    All vectors are of unit length. The search is exact, in blocks of queries; of equal cosines that are
    found, the lower row comes first.
    """
    k = min(k, len(gallery))
    rows = np.empty((len(queries), k), dtype=np.intp)
    scores = np.empty((len(queries), k), dtype=np.float32)
    height = max(1, _COSINES // max(1, len(gallery)))
    for start in range(0, len(queries), height):
        block = slice(start, start + height)
        cosines = queries[block] @ gallery.T
        found = np.sort(np.argpartition(-cosines, k - 1, axis=1)[:, :k], axis=1)
        near = np.take_along_axis(cosines, found, axis=1)
        order = np.argsort(-near, axis=1, kind="stable")
        rows[block] = np.take_along_axis(found, order, axis=1)
        scores[block] = np.take_along_axis(near, order, axis=1)
    return rows, scores
