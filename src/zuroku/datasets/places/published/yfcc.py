"""YFCC100M (Thomee et al. 2016): 100 million photographs and videos of Flickr, 48 million with coordinates.

The table has tabs and no header: 23 columns as first published, 25 with a row number and the hash by which
AWS's multimedia-commons names the files (``data/images/abc/def/abcdef….jpg``). Texts are percent-encoded,
longitude stands before latitude. It is streamed, also compressed (.gz, .bz2): only what is kept is held.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from zuroku.config import Settings
from zuroku.datasets.places.provider import PlaceItem, Places
from zuroku.datasets.places.published.rows import BLOCK_BYTES, file_below, iso_time, placed_rows
from zuroku.datasets.source import SourceItem
from zuroku.errors import SourceError

_COLUMNS = [
    *("photoid", "uid", "unickname", "datetaken", "dateuploaded", "capturedevice", "title", "description"),
    *("usertags", "machinetags", "longitude", "latitude", "accuracy", "pageurl", "downloadurl"),
    *("licensename", "licenseurl", "serverid", "farmid", "secret", "secretoriginal", "ext", "marker"),
]
_LAYOUTS = {23: _COLUMNS, 25: ["row", "photoid", "hash", *_COLUMNS[1:]]}
_READ = {
    *("photoid", "hash", "uid", "unickname", "datetaken", "title", "longitude", "latitude", "accuracy"),
    *("pageurl", "licensename", "ext", "marker"),
}
_VIDEOS = "videos"
_ROUGH = "coordinates too rough"
_OTHER_LENGTH = "rows with another number of columns"
_PHOTO = "0"


class YfccSettings(Settings):
    """The table, and where the photographs lie: by hash where the table has it, else ``<photoid>.<ext>``."""

    table: Path
    images: Path
    min_accuracy: int = Field(
        default=1, ge=1, le=16, description="Flickr's levels: 1 world, 3 country, 11 city, 16 street"
    )


@dataclass(frozen=True)
class Yfcc:
    """Provider of the set; paths start at ``root``."""

    settings: YfccSettings
    root: Path

    def places(self, boundary: BaseGeometry | None) -> Places:
        """List the photographs with coordinates, in the table's order; the group is the photographer.

        Raises:
            SourceError: the table is missing or has other columns.
        """
        table, folder = self.root / self.settings.table, self.root / self.settings.images
        skipped: dict[str, int] = {}
        batches = self._photographs(table, skipped)
        items, files = [], [table]
        for row, latitude, longitude in placed_rows(batches, "latitude", "longitude", boundary, skipped):
            path = file_below(folder, _file_name(row))
            files.append(path)
            items.append(_item(row, path, latitude, longitude))
        return Places(items, skipped=skipped, files=files)

    def _photographs(self, table: Path, skipped: dict[str, int]) -> Iterator[pa.RecordBatch]:
        """Yield the batches of the table without videos and without what is placed too roughly."""
        levels = pa.array([str(level) for level in range(1, self.settings.min_accuracy)], pa.string())
        for batch in _batches(table, skipped):
            photos = batch.filter(pc.equal(batch.column("marker"), _PHOTO))
            # Where there are no coordinates there is no level either, and that is counted elsewhere.
            rough = pc.is_in(photos.column("accuracy"), levels)
            fine = photos.filter(pc.invert(rough))
            _count(skipped, _VIDEOS, len(batch) - len(photos))
            _count(skipped, _ROUGH, len(photos) - len(fine))
            yield fine


def _batches(table: Path, skipped: dict[str, int]) -> Iterator[pa.RecordBatch]:
    count = _count_columns(table)
    if count not in _LAYOUTS:
        raise _unlike(table, f"its first line has {count} columns")
    names = _LAYOUTS[count]
    wanted = [name for name in _READ if name in names]

    def skip(row: Any) -> str:
        _count(skipped, _OTHER_LENGTH, 1)
        return "skip"

    try:
        yield from pcsv.open_csv(
            table,
            read_options=pcsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, column_names=names),
            parse_options=pcsv.ParseOptions(
                delimiter="\t", quote_char=False, double_quote=False, invalid_row_handler=skip
            ),
            convert_options=pcsv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise _unlike(table, str(error).splitlines()[0]) from error


def _count_columns(table: Path) -> int:
    try:
        with pa.input_stream(table) as file, io.BufferedReader(file) as buffered:
            return len(buffered.readline().split(b"\t"))
    except (pa.ArrowException, OSError) as error:
        raise _unlike(table, str(error)) from error


def _count(skipped: dict[str, int], reason: str, number: int) -> None:
    if number:
        skipped[reason] = skipped.get(reason, 0) + number


def _file_name(row: dict[str, Any]) -> str:
    if digest := row.get("hash"):
        return f"{digest[:3]}/{digest[3:6]}/{digest}.{row['ext']}"
    return f"{row['photoid']}.{row['ext']}"


def _item(row: dict[str, Any], path: Path, latitude: float, longitude: float) -> PlaceItem:
    author = unquote_plus(row["unickname"]) or row["uid"]
    item = SourceItem(
        item_id=f"yfcc_{row['photoid']}",
        label="",
        group=row["uid"],
        title=unquote_plus(row["title"]),
        licence=row["licensename"],
        source_url=row["pageurl"],
        read=path.read_bytes,
    )
    return PlaceItem(item, latitude, longitude, captured_at=iso_time(row["datetaken"]), author=author)


def _unlike(table: Path, found: str) -> SourceError:
    return SourceError(
        f"{table} is not as published: {found}",
        expected="the tab-separated table of YFCC100M with 23 or 25 columns and no header",
        remedy="take the published file again",
    )
