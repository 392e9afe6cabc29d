"""Google Landmarks Dataset v2 (Weyand et al. 2020): photographs of Wikimedia Commons by landmark.

``train.csv`` has ``id, url, landmark_id``, ``train_attribution.csv`` has ``id, url, author, license, title``;
photographs lie at ``a/b/c/abc….jpg``. It was published without coordinates, so these come from a further
table: of landmarks (their Commons categories looked up in Wikimedia or OpenStreetMap) or of images (their
Commons pages). What such a table leaves out is counted and skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from zuroku.config import Settings
from zuroku.datasets.photos.csv_stream import stream_rows
from zuroku.datasets.places.boundary import OUTSIDE, WITHOUT_COORDINATES
from zuroku.datasets.places.provider import PlaceItem, Places
from zuroku.datasets.places.published.rows import BLOCK_BYTES, file_below, placed_rows
from zuroku.datasets.source import SourceItem

_TRAIN = ("id", "url", "landmark_id")
_ATTRIBUTION = ("id", "url", "author", "license", "title")


class Gldv2Settings(Settings):
    """The published tables, the photographs, and where coordinates come from."""

    train: Path
    images: Path
    attribution: Path | None = None
    coordinates: Path = Field(description="CSV with a key and its coordinates")
    keyed_by: Literal["landmark", "image"] = "landmark"
    key_column: str = "landmark_id"
    latitude_column: str = "latitude"
    longitude_column: str = "longitude"


@dataclass(frozen=True)
class Gldv2:
    """Provider of the set; paths start at ``root``, ``licence`` holds where no attribution gives another."""

    settings: Gldv2Settings
    root: Path
    licence: str

    def places(self, boundary: BaseGeometry | None) -> Places:
        """List the photographs with coordinates, in the order of ``train.csv``; the group is the landmark.

        Raises:
            SourceError: a table is missing or lacks a column.
        """
        settings = self.settings
        train, folder = self.root / settings.train, self.root / settings.images
        skipped: dict[str, int] = {}
        positions = self._positions(boundary)
        chosen = list(_chosen(train, settings.keyed_by, positions, skipped))
        credits = self._credits({row["id"] for row, _ in chosen})
        items, files = [], [train, self.root / settings.coordinates]
        for row, position in chosen:
            image_id = row["id"]
            path = file_below(folder, f"{'/'.join(image_id[:3])}/{image_id}.jpg")
            files.append(path)
            items.append(self._item(row, credits.get(image_id, {}), path, position))
        return Places(items, skipped=skipped, files=files)

    def _positions(self, boundary: BaseGeometry | None) -> dict[str, tuple[float, float] | None]:
        """Return the position of every key that has one, None where it lies outside ``boundary``."""
        settings = self.settings
        columns = (settings.key_column, settings.latitude_column, settings.longitude_column)

        def rows(cut: BaseGeometry | None) -> Iterator[tuple[str, tuple[float, float]]]:
            batches = stream_rows(self.root / settings.coordinates, columns, BLOCK_BYTES)
            for row, latitude, longitude in placed_rows(batches, *columns[1:], cut, {}):
                yield row[settings.key_column], (latitude, longitude)

        outside: dict[str, tuple[float, float] | None] = {}
        if boundary is not None:
            outside = dict.fromkeys(key for key, _ in rows(None))
        return outside | dict(rows(boundary))

    def _credits(self, ids: set[str]) -> dict[str, dict[str, Any]]:
        if self.settings.attribution is None:
            return {}
        wanted = pa.array(sorted(ids), pa.string())
        found = {}
        for batch in stream_rows(self.root / self.settings.attribution, _ATTRIBUTION, BLOCK_BYTES):
            for row in batch.filter(pc.is_in(batch.column("id"), wanted)).to_pylist():
                found[row["id"]] = row
        return found

    def _item(
        self, row: dict[str, Any], credit: dict[str, Any], path: Path, position: tuple[float, float]
    ) -> PlaceItem:
        item = SourceItem(
            item_id=row["id"],
            label="",
            group=row["landmark_id"],
            title=credit.get("title", ""),
            licence=credit.get("license") or self.licence,
            source_url=credit.get("url") or row["url"],
            read=path.read_bytes,
        )
        return PlaceItem(item, *position, author=credit.get("author", ""))


def _chosen(
    train: Path,
    keyed_by: Literal["landmark", "image"],
    positions: dict[str, tuple[float, float] | None],
    skipped: dict[str, int],
) -> Iterator[tuple[dict[str, Any], tuple[float, float]]]:
    """Yield the photographs with a position; others are counted."""
    column = "landmark_id" if keyed_by == "landmark" else "id"
    for batch in stream_rows(train, _TRAIN, BLOCK_BYTES):
        known = batch.filter(pc.is_in(batch.column(column), pa.array(list(positions), pa.string())))
        if missing := len(batch) - len(known):
            skipped[WITHOUT_COORDINATES] = skipped.get(WITHOUT_COORDINATES, 0) + missing
        for row in known.to_pylist():
            position = positions[row[column]]
            if position is None:
                skipped[OUTSIDE] = skipped.get(OUTSIDE, 0) + 1
            else:
                yield row, position
