"""Building the index of places, the gallery through the champion with its policy and areas; and its checks.

The bundle itself is ``indexes.place_build``'s, what it keeps of areas ``place_area_files``', searching it
``indexes.place_index``'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zuroku.artifacts import Artifact
from zuroku.config import Settings
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.images import decode_rgb
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_labels import read_labels
from zuroku.datasets.places.table import read_places
from zuroku.findings import Finding
from zuroku.indexes.answer_policy import POLICY
from zuroku.indexes.canary import CanarySettings
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.place_bundle import (
    PLACE_THUMBNAIL_PX,
    PlaceIndexSettings,
    PlaceSource,
    read_place_bundle,
)
from zuroku.indexes.place_index import open_place_index
from zuroku.indexes.thumbnail import thumbnail_jpeg
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.place_area_files import area_files
from zuroku.reports.place_figures import folded_panorama
from zuroku.reports.place_policy import PolicySettings, choose_policy
from zuroku.reports.place_vectors import locate_photographs, nearest_photographs
from zuroku.streams import ordered_map

PLACE_INDEX_CHECKS = ("finds_itself", "agrees_with_exact_search")

_THREADS = 4
_PROBES = 64
_K = 10
_LEAST_RECALL = 0.95
_EQUAL = 1e-5


class PlaceIndexingSettings(Settings):
    """How the index is built."""

    index: PlaceIndexSettings = PlaceIndexSettings(name="place_index")


class PlaceSwitchSettings(PlaceIndexingSettings):
    """How the index is built, and what its canary allows."""

    canary: CanarySettings = CanarySettings()


def index_places(
    dataset: Dataset,
    labels: Artifact,
    splits: Artifact,
    features: Mapping[str, FeatureTable],
    geolocator: Artifact,
    answers: PolicySettings,
    settings: PlaceIndexingSettings,
    kept: Path,
    target: Path,
) -> Artifact:
    """Write the index of the train and val photographs of ``dataset`` to ``target``, test photographs never.

    ``features`` are the tables that the labels were made from, as for ``label_dataset``: they are named and
    drawn (``place_area_files``), and all are credited. The index carries the policy of answers that
    ``geolocator`` chooses by ``answers`` on the val photographs: that of an evaluation may be another
    model's, which was not released. Vectors that are in ``kept`` are not computed again.

    Raises:
        BundleError: there is nothing to index, or it does not fit together.
        ImageError, OSError: a photograph cannot be read or decoded.
        StorageError: the disk is full. Nothing stays behind.
    """
    predictor = GeolocatorPredictor(geolocator.path)
    table = pd.read_parquet(splits.path / "splits.parquet")
    # A group that stands in the splits twice, too.
    tested = table["group"].isin(table.loc[table["split"] == "test", "group"])
    gallery = locate_photographs(dataset, read_labels(labels.path), table[~tested], predictor, kept)
    rows = {row.item_id: row for row in dataset.rows()}
    held = [rows[item_id] for item_id in gallery.table["item_id"]]
    policy = choose_policy(gallery, answers).model_dump_json(indent=2).encode()
    data = {str(dataset.card["name"]): dataset.version, "place_labels": labels.sha256}
    data |= {"splits": splits.sha256} | {name: found.version for name, found in features.items()}
    return build_place_index(
        gallery.vectors,
        _payload(dataset, gallery.table, held),
        predictor.sha256,
        settings.index,
        target,
        _thumbnails(dataset, held),
        {POLICY: policy} | area_files(features, predictor.classes),
        _sources(features),
        data,
    )


def place_index_findings(folder: Path) -> list[Finding]:
    """Check that photographs find themselves, and that the engine finds what an exact search does."""
    bundle = read_place_bundle(folder)
    probes = np.linspace(0, len(bundle) - 1, min(_PROBES, len(bundle))).round().astype(np.intp)
    vectors = np.asarray(bundle.vectors, dtype=np.float32)
    k = min(_K, len(bundle))
    exact, scores = nearest_photographs(vectors[probes], vectors, k)
    index, encoder = open_place_index(folder), bundle.manifest.encoder_sha256
    try:
        found = [index.search(vectors[probe], k, encoder_sha256=encoder) for probe in probes]
    finally:
        index.close()
    # Copies of one picture have one score, so scores are compared, not rows.
    itself = sum(float(near.scores[0]) >= 1 - 1e-4 for near in found)
    recall = _recall(exact, scores, [near.rows for near in found], [near.scores for near in found])
    return [
        Finding(PLACE_INDEX_CHECKS[0], itself == len(probes), f"{itself} of {len(probes)} find themselves"),
        Finding(
            PLACE_INDEX_CHECKS[1],
            recall >= _LEAST_RECALL,
            f"recall@{k} {recall:.3f} of an exact search",
            {"recall": recall},
        ),
    ]


def _recall(
    exact: np.ndarray[Any, np.dtype[np.intp]],
    scores: np.ndarray[Any, np.dtype[np.float32]],
    rows: Sequence[Any],
    found: Sequence[Any],
) -> float:
    """Return the share of exact neighbours found; another of the same score as the last one counts too."""
    hits = [
        np.isin(near, exact[i]) | (np.asarray(near_scores) >= scores[i, -1] - _EQUAL)
        for i, (near, near_scores) in enumerate(zip(rows, found, strict=True))
    ]
    return float(np.concatenate(hits).sum() / exact.size)


def _payload(dataset: Dataset, table: pd.DataFrame, rows: Sequence[Any]) -> pd.DataFrame:
    """Return ``table`` with where each photograph lies and whose it is; ``rows`` are those of ``dataset``."""
    authors = read_places(dataset.root).set_index("item_id")["author"]
    return table.assign(
        image=[f"{row.shard}/{row.offset}/{row.length}" for row in rows],
        licence=[row.licence for row in rows],
        source_url=[row.source_url for row in rows],
        author=authors.loc[table["item_id"]].to_numpy(),
    )


def _sources(features: Mapping[str, FeatureTable]) -> list[PlaceSource]:
    """Return whom the index credits for its map."""
    return [
        PlaceSource(of=name, licence=found.card["licence"], citation=found.card.get("citation", ""))
        for name, found in features.items()
    ]


def _thumbnails(dataset: Dataset, rows: Sequence[Any]) -> Iterator[bytes]:
    def thumbnail(row: Any) -> bytes:
        return thumbnail_jpeg(folded_panorama(decode_rgb(dataset.read(row))), PLACE_THUMBNAIL_PX)

    with ThreadPoolExecutor(_THREADS) as executor:
        yield from ordered_map(executor, thumbnail, rows, window=8 * _THREADS)
