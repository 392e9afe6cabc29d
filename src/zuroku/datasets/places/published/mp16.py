"""MP-16 (MediaEval 2016 Placing Task): 4.7 million photographs of YFCC100M, as GeoEstimation publishes them.

``mp16_places365.csv`` has ``IMG_ID, LAT, LON`` (``34/8d/9055806529.jpg``), ``mp16_urls.csv`` image and
address without a header. Photographs lie under their ids in a folder, or in shards ``*.msg``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from zuroku.config import Settings
from zuroku.datasets.folder_listing import existing_folder
from zuroku.datasets.photos.csv_stream import stream_rows
from zuroku.datasets.places.provider import PlaceItem, Places, position_group, refused_item
from zuroku.datasets.places.published.message_shards import sharded_images
from zuroku.datasets.places.published.rows import BLOCK_BYTES, PlacedRow, file_below, header_of, placed_rows
from zuroku.datasets.source import SourceItem
from zuroku.errors import SourceError

_COLUMNS = ("IMG_ID", "LAT", "LON")


class Mp16Settings(Settings):
    """The table, where the photographs lie, and the table of their addresses (null: the collection's)."""

    table: Path
    images: Path = Field(description="folder with <IMG_ID>, or with *.msg")
    urls: Path | None = None


@dataclass(frozen=True)
class Mp16:
    """Provider of the set; paths start at ``root``, ``licence`` and ``url`` hold for lack of better ones."""

    settings: Mp16Settings
    root: Path
    licence: str
    url: str

    def places(self, boundary: BaseGeometry | None) -> Places:
        """List the photographs, sorted by id; the group is the author where the table has it, else the place.

        Raises:
            SourceError: a table or shard is missing or not as published.
        """
        table = self.root / self.settings.table
        columns = [*_COLUMNS, *(["AUTHOR"] if "AUTHOR" in header_of(table) else [])]
        skipped: dict[str, int] = {}
        batches = stream_rows(table, columns, BLOCK_BYTES)
        rows = sorted(placed_rows(batches, "LAT", "LON", boundary, skipped), key=lambda row: row[0]["IMG_ID"])
        ids = {row["IMG_ID"] for row, _, _ in rows}
        addresses = {} if self.settings.urls is None else _addresses(self.root / self.settings.urls, ids)
        folder = existing_folder(self.root / self.settings.images)
        shards = sorted(folder.glob("*.msg"))
        read = self._sharded(shards, ids) if shards else {}
        items, refused, files = [], [], [table, *shards]
        for row in rows:
            image_id = row[0]["IMG_ID"]
            source_url = addresses.get(image_id, self.url)
            if not shards:
                path = file_below(folder, image_id)
                files.append(path)
                items.append(self._item(row, source_url, path.read_bytes))
            elif image_id in read:
                items.append(self._item(row, source_url, read[image_id]))
            else:
                refused.append(
                    refused_item(
                        image_id,
                        source_url,
                        "no shard holds it",
                        expected="every photograph of the table",
                        remedy="fetch it again, or allow more to be missing (ingest.max_quarantined_share)",
                    )
                )
        return Places(items, refused, skipped, files)

    def _sharded(self, shards: list[Path], ids: set[str]) -> dict[str, Callable[[], bytes]]:
        return {
            image_id: image.read
            for shard in shards
            for image_id, image in sharded_images(shard)
            if image_id in ids
        }

    def _item(self, row: PlacedRow, source_url: str, read: Callable[[], bytes]) -> PlaceItem:
        cells, latitude, longitude = row
        author = cells.get("AUTHOR", "")
        group = author or position_group(latitude, longitude)
        item = SourceItem(cells["IMG_ID"], "", group, "", self.licence, source_url, read)
        return PlaceItem(item, latitude, longitude, author=author)


def _addresses(path: Path, ids: set[str]) -> dict[str, str]:
    """Return the addresses of the photographs ``ids`` from the table without a header."""
    wanted = pa.array(sorted(ids), pa.string())
    found: dict[str, str] = {}
    try:
        reader = pcsv.open_csv(
            path,
            read_options=pcsv.ReadOptions(block_size=BLOCK_BYTES, column_names=["id", "url"]),
            convert_options=pcsv.ConvertOptions(
                column_types={"id": pa.string(), "url": pa.string()}, strings_can_be_null=False
            ),
        )
        for batch in reader:
            kept = batch.filter(pc.is_in(batch.column("id"), wanted))
            found.update(zip(kept.column("id").to_pylist(), kept.column("url").to_pylist(), strict=True))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{path} cannot be read as the published table: {str(error).splitlines()[0]}",
            expected="rows of image id and address, without a header",
            remedy="take the published file again",
        ) from error
    return found
