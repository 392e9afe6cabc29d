"""The canary of an index of places: queries from the photographs, answers by the geolocator that made it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zuroku.datasets.manifest import Dataset
from zuroku.indexes.canary import Answer, CanaryQuery, CanarySettings, Region, disturbed, draw_evenly
from zuroku.indexes.place_bundle import PlaceBundle, read_place_bundle
from zuroku.models.geolocation.kept import kept_geolocator
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.place_vectors import nearest_photographs


@dataclass(frozen=True)
class PlaceKind:
    """Indexes of the photographs of ``dataset``; ``geolocators`` holds the last released versions."""

    dataset: Dataset
    geolocators: Path

    def open(self, folder: Path) -> "OpenPlaces":
        """Open the bundle in ``folder``; raises as ``read_place_bundle``."""
        return OpenPlaces(read_place_bundle(folder), self)

    def sources(self, wanted: Collection[str]) -> dict[str, str]:
        """Return the SHA-256 of those ``wanted`` photographs that the dataset holds."""
        return {row.item_id: row.sha256 for row in self.dataset.rows() if row.item_id in wanted}

    def geolocator(self, sha256: str) -> GeolocatorPredictor:
        """Return the released geolocator with that seal.

        Raises:
            BundleError: it is not kept any more.
            IntegrityError: it is not what was sealed.
        """
        return kept_geolocator(self.geolocators, sha256)


@dataclass(frozen=True)
class OpenPlaces:
    """An index of places and the photographs of today."""

    bundle: PlaceBundle
    kind: PlaceKind

    def holds(self, sources: Collection[str]) -> set[str]:
        """Return those ``sources`` that the index holds."""
        return set(self.bundle.payload["item_id"].to_pylist()) & set(sources)

    def draw(self, settings: CanarySettings) -> list[CanaryQuery]:
        """Draw photographs evenly over prefectures and disturb them.

        Raises:
            ImageError: a photograph does not decode.
        """
        draw = np.random.default_rng(settings.seed)
        prefectures = self.bundle.payload["prefecture"].to_numpy(zero_copy_only=False)
        strata = {name: np.flatnonzero(prefectures == name).tolist() for name in set(prefectures)}
        drawn = draw_evenly(strata, settings.queries, draw)
        items = self.bundle.rows([row for _, row in drawn])["item_id"]
        held = {row.item_id: row for row in self.kind.dataset.rows()}
        return [
            CanaryQuery(
                Region(item),
                held[item].sha256,
                prefecture,
                disturbed(self.kind.dataset.read(held[item]), draw),
            )
            for (prefecture, _), item in zip(drawn, items, strict=True)
            if item in held
        ]

    def answers(self, queries: Sequence[CanaryQuery], k: int) -> list[list[Answer]]:
        """Answer each query everywhere, by a full scan: another check compares the engine with one.

        Raises:
            BundleError, IntegrityError: as ``PlaceKind.geolocator``.
        """
        encoder = self.kind.geolocator(self.bundle.manifest.encoder_sha256)
        vectors = encoder.predict(query.picture for query in queries).vectors
        found, scores = nearest_photographs(vectors, self.bundle.vectors, k)
        items = [self.bundle.rows(rows)["item_id"] for rows in found]
        return [
            [
                Answer(Region(item), float(score), self.bundle.thumbnail(int(row)) or b"")
                for item, row, score in zip(*near, strict=True)
            ]
            for near in zip(items, found, scores, strict=True)
        ]
