"""A folder of photographs with coordinates, in their EXIF or in a table beside them: anybody's own city.

Listing reads the heads of files at most. What a table may say is known to ``photo_table``.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from zuroku.artifacts import file_sha256
from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import IMAGE_SUFFIXES, existing_folder, list_folder
from zuroku.datasets.images import HEAD_BYTES, phone_format, phone_format_error
from zuroku.datasets.places.boundary import usable_coordinates
from zuroku.datasets.places.exif import exif_position
from zuroku.datasets.places.photo_table import PhotoRow, PlaceColumns, read_photo_table
from zuroku.datasets.places.provider import PlaceItem, Places, position_group, refused_item
from zuroku.datasets.source import SourceItem
from zuroku.errors import GeoDataError, ImageError, ZurokuError

PHOTO_SUFFIXES = IMAGE_SUFFIXES | {".webp"}
# Looked at, so that the ingest can say why they are refused, instead of passing them over in silence.
_UNREADABLE_SUFFIXES = frozenset({".heic", ".heif", ".avif"})

_NO_POSITION = "no coordinates"


class PlaceFolderSettings(Settings):
    """Where photographs lie, and the table that names their coordinates (null: their EXIF does)."""

    root: Path
    table: str | None = Field(default=None, description="CSV or GeoJSON file in root")
    columns: PlaceColumns = PlaceColumns()
    author: str = Field(default="", description="of photographs for which the table names none")


@dataclass(frozen=True)
class PhotoFolder:
    """Provider of the photographs in a folder; ``licence`` and ``url`` hold where a row names none.

    The group of a photograph is its row's, else its sequence, else a hash of its position to 11 m, so that
    photographs of one place are never split.
    """

    settings: PlaceFolderSettings
    licence: str
    url: str

    def places(self, boundary: BaseGeometry | None) -> Places:
        """List the photographs, sorted by path. Those without a usable position are refused, with the reason.

        Raises:
            SourceError, GeoDataError: the folder is missing, holds no photograph or links that leave it, or
                the table is faulty (``read_photo_table``).
        """
        root = existing_folder(self.settings.root)
        photos = _photos(root)
        if self.settings.table is None:
            by_exif = [_row_of_exif(name, path) for name, path in photos.items()]
            return self._places(by_exif, photos, {}, [], boundary)
        table = root / self.settings.table
        listed = [_named(row) for row in read_photo_table(table, self.settings.columns)]
        unnamed = len(photos.keys() - {row.file for row in listed})
        skipped = {"photographs that the table does not name": unnamed} if unnamed else {}
        contradicting = _contradicting(listed, photos)
        rows = [(row, _fault_of(row, photos, contradicting)) for row in listed]
        return self._places(rows, photos, skipped, [table], boundary)

    def _places(
        self,
        rows: list[tuple[PhotoRow, str]],
        photos: dict[str, Path],
        skipped: dict[str, int],
        files: list[Path],
        boundary: BaseGeometry | None,
    ) -> Places:
        """Turn ``rows``, each with the reason why it is refused or an empty text, into items."""
        rows = sorted(rows, key=lambda entry: entry[0].file)
        good = [row for row, reason in rows if not reason]
        positions = np.array([row.position for row in good], dtype=np.float64).reshape(-1, 2)
        kept = usable_coordinates(positions[:, 0], positions[:, 1], boundary, skipped)
        refused = [
            refused_item(
                row.file,
                row.texts.get("source_url", ""),
                reason,
                expected="a readable photograph with one position, decimal degrees in WGS84",
                remedy="mend or remove it; how many may be bad is configured (ingest.max_quarantined_share)",
            )
            for row, reason in rows
            if reason
        ]
        items = [self._item(row, photos[row.file]) for row, keep in zip(good, kept, strict=True) if keep]
        return Places(items, refused, skipped, [*files, *photos.values()])

    def _item(self, row: PhotoRow, path: Path) -> PlaceItem:
        assert row.position is not None  # refused otherwise
        latitude, longitude = row.position
        texts = row.texts
        # A semicolon would part the name of one sequence into several.
        sequence = texts.get("sequence", "").replace(";", ",")
        item = SourceItem(
            item_id=row.file,
            label="",
            group=texts.get("group") or sequence or position_group(latitude, longitude),
            title=texts.get("title", ""),
            licence=texts.get("licence") or self.licence,
            source_url=texts.get("source_url") or self.url,
            read=path.read_bytes,
        )
        return PlaceItem(
            item,
            latitude,
            longitude,
            row.heading,
            texts.get("captured_at", ""),
            sequence,
            texts.get("author") or self.settings.author,
            texts.get("slice", ""),
        )


def file_phone_format(path: Path) -> str:
    """Return the ``phone_format`` of a file; an empty text also where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return phone_format(file.read(HEAD_BYTES))
    except OSError:
        return ""


def _photos(root: Path) -> dict[str, Path]:
    """Return the photographs below ``root`` by their relative paths (NFC, as tables write them), sorted."""
    faults = FaultList()
    found = {_nfc(path.relative_to(root).as_posix()): path for path in _walk(root, faults)}
    if not found:
        faults.add("folders without a photograph", str(root))
    faults.raise_if_any(
        str(root),
        expected=f"photographs ({', '.join(sorted(PHOTO_SUFFIXES))}) in one folder and its subfolders",
        remedy="check the root in the configuration, or move away what does not belong",
    )
    return dict(sorted(found.items()))


def _walk(root: Path, faults: FaultList) -> Iterator[Path]:
    waiting = [root]
    while waiting:
        files, folders = list_folder(waiting.pop(), root, faults)
        waiting += folders
        yield from (file for file in files if file.suffix.lower() in PHOTO_SUFFIXES | _UNREADABLE_SUFFIXES)


def _row_of_exif(name: str, path: Path) -> tuple[PhotoRow, str]:
    position, reason = None, _NO_POSITION
    try:
        position = exif_position(path)
    except (GeoDataError, ImageError) as error:
        reason = _advice(error)
    except OSError as error:
        reason = f"cannot be read: {error}"
    return PhotoRow(name, name, position, {}, float("nan")), "" if position else reason


def _advice(error: ZurokuError) -> str:
    return f"{error.found}; {error.remedy}"


def _named(row: PhotoRow) -> PhotoRow:
    name = _nfc(row.file.replace("\\", "/").removeprefix("./"))
    return PhotoRow(row.place, name, row.position, row.texts, row.heading)


def _fault_of(row: PhotoRow, photos: dict[str, Path], contradicting: set[str]) -> str:
    if row.file not in photos:
        return "the table names it, but it is not in the folder"
    if name := file_phone_format(photos[row.file]):
        return _advice(phone_format_error(name))
    if row.position is None:
        return _NO_POSITION
    if row.file in contradicting:
        return "the same bytes stand at another position too"
    return ""


def _contradicting(rows: list[PhotoRow], photos: dict[str, Path]) -> set[str]:
    """Return the files whose bytes the table places twice, differently; only files of equal size are read."""
    by_size: dict[int, list[PhotoRow]] = defaultdict(list)
    for row in rows:
        if row.file in photos and row.position is not None:
            by_size[photos[row.file].stat().st_size].append(row)
    by_bytes: dict[str, list[PhotoRow]] = defaultdict(list)
    for alike in by_size.values():
        if len({row.position for row in alike}) > 1:
            for row in alike:
                by_bytes[file_sha256(photos[row.file])].append(row)
    return {
        row.file for alike in by_bytes.values() if len({row.position for row in alike}) > 1 for row in alike
    }


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
