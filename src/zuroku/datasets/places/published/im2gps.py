"""IM2GPS (Hays and Efros 2008): 237 test photographs of Flickr, and successors laid out alike (IM2GPS3k).

Coordinates come from a table ``IMG_ID, AUTHOR, LAT, LON, …`` as GeoEstimation publishes it, else from a text
beside each photograph (latitude and longitude, in this order), else from its EXIF. File names are Flickr's:
photo, secret, server, owner.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder
from zuroku.datasets.photos.csv_stream import stream_rows
from zuroku.datasets.photos.image_files import image_files
from zuroku.datasets.places.boundary import usable_coordinates
from zuroku.datasets.places.exif import exif_position
from zuroku.datasets.places.provider import PlaceItem, Places, position_group, refused_item
from zuroku.datasets.places.published.rows import file_below, header_of, placed_rows
from zuroku.datasets.source import SourceItem
from zuroku.errors import GeoDataError, ImageError

_OWNER = re.compile(r"_(\d+@N\d+)$")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


class Im2gpsSettings(Settings):
    """Where the photographs lie, and the table (null: texts beside them, or EXIF)."""

    images: Path
    table: Path | None = Field(default=None, description="CSV with IMG_ID, LAT and LON, perhaps AUTHOR")


@dataclass(frozen=True)
class Im2gps:
    """Provider of the set; paths start at ``root``, ``licence`` and ``url`` hold for every photograph."""

    settings: Im2gpsSettings
    root: Path
    licence: str
    url: str

    def places(self, boundary: BaseGeometry | None) -> Places:
        """List the photographs, sorted by name. Of those without a table, malformed positions are refused.

        Raises:
            SourceError: the folder or the table is missing or not as published.
        """
        folder = self.root / self.settings.images
        if self.settings.table is None:
            return self._beside(existing_folder(folder), boundary)
        table = self.root / self.settings.table
        columns = [name for name in ("IMG_ID", "LAT", "LON", "AUTHOR") if name in header_of(table)]
        skipped: dict[str, int] = {}
        batches = stream_rows(table, columns or ["IMG_ID", "LAT", "LON"])
        items = [
            self._item(row, file_below(folder, row["IMG_ID"]), latitude, longitude)
            for row, latitude, longitude in placed_rows(batches, "LAT", "LON", boundary, skipped)
        ]
        items.sort(key=lambda place: place.item.item_id)
        return Places(items, skipped=skipped, files=[table, *(folder / i.item.item_id for i in items)])

    def _beside(self, folder: Path, boundary: BaseGeometry | None) -> Places:
        faults = FaultList()
        paths = image_files(folder, faults)
        faults.raise_if_any(
            str(folder), expected="the published photographs", remedy="unpack the published archive again"
        )
        found: list[tuple[str, Path, tuple[float, float]]] = []
        refused = []
        for path in paths:
            name = path.relative_to(folder).as_posix()
            try:
                found.append((name, path, _position(path) or (np.nan, np.nan)))
            except (GeoDataError, ImageError) as error:
                refused.append(
                    refused_item(name, self.url, error.found, expected=error.expected, remedy=error.remedy)
                )
        skipped: dict[str, int] = {}
        positions = np.array([position for *_, position in found], dtype=np.float64).reshape(-1, 2)
        kept = usable_coordinates(positions[:, 0], positions[:, 1], boundary, skipped)
        items = [
            self._item({"IMG_ID": name}, path, *position)
            for (name, path, position), keep in zip(found, kept, strict=True)
            if keep
        ]
        return Places(items, refused, skipped, paths)

    def _item(self, row: Mapping[str, str], path: Path, latitude: float, longitude: float) -> PlaceItem:
        owner = _OWNER.search(path.stem)
        author = row.get("AUTHOR") or (owner[1] if owner else "")
        group = author or position_group(latitude, longitude)
        item = SourceItem(row["IMG_ID"], "", group, "", self.licence, self.url, path.read_bytes)
        return PlaceItem(item, latitude, longitude, author=author)


def _position(path: Path) -> tuple[float, float] | None:
    text = path.with_suffix(".txt")
    if not text.is_file():
        return exif_position(path)
    numbers = _NUMBER.findall(text.read_text(encoding="utf-8", errors="replace"))
    if len(numbers) < 2:
        raise GeoDataError(
            f"{text.name} holds no latitude and longitude",
            expected="two numbers, in degrees",
            remedy="take the published file again",
        )
    return float(numbers[0]), float(numbers[1])
