"""The tables of Open Images, streamed: which photographs have wanted labels, and what is said of those.

They are read front to back, twice those of images and boxes: first to learn which photographs come into
question, then to keep what is said of the chosen. Nothing here knows where photographs lie.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zuroku.datasets.photos.csv_stream import numbers, stream_rows
from zuroku.errors import SourceError

Indices = npt.NDArray[np.int64]

Box = tuple[str, float, float, float, float]
"""Class, then x_min, y_min, x_max, y_max in shares of width and height."""

_IMAGE_COLUMNS = (
    "ImageID",
    "OriginalURL",
    "OriginalLandingURL",
    "License",
    "AuthorProfileURL",
    "Author",
    "Title",
)
_LABEL_COLUMNS = ("ImageID", "LabelName", "Confidence")
_BOX_COLUMNS = ("ImageID", "LabelName", "XMin", "YMin", "XMax", "YMax")
_DESCRIPTION_HEADERS = ("LabelName", "id")
_IMAGE_ID = r"^[0-9a-f]{16}$"


@dataclass(frozen=True)
class SubsetTables:
    """The tables of one subset on disk."""

    images: Path
    labels: Path | None
    boxes: Path | None


class ImageRow(NamedTuple):
    """What the table of images says of one photograph."""

    image_id: str
    original_url: str
    landing_url: str
    licence: str
    author_url: str
    author: str
    title: str


@dataclass(frozen=True)
class Chosen:
    """The chosen photographs, sorted by id, with their labels and boxes in flat arrays.

    Photograph ``i`` has the classes ``label_classes[label_starts[i]:label_starts[i + 1]]``, and likewise
    the boxes, whose ``corners`` ``(n, 4)`` are x_min, y_min, x_max, y_max in shares of width and height.
    ``box_starts`` is None where the subset has no boxes, or none are asked for.
    """

    rows: list[ImageRow]
    names: Sequence[str]
    label_classes: Indices
    label_starts: Indices
    box_classes: Indices
    box_starts: Indices | None
    corners: npt.NDArray[np.float32]

    def labels(self, position: int) -> tuple[str, ...]:
        """Return the names of the classes of the photograph at ``position``, sorted."""
        span = slice(self.label_starts[position], self.label_starts[position + 1])
        return tuple(sorted(self.names[number] for number in self.label_classes[span]))

    def boxes(self, position: int) -> tuple[Box, ...] | None:
        """Return class and corners of each box of the photograph at ``position``, in the table's order."""
        if self.box_starts is None:
            return None
        span = slice(self.box_starts[position], self.box_starts[position + 1])
        rows = zip(self.box_classes[span].tolist(), self.corners[span].tolist(), strict=True)
        return tuple((self.names[number], *corners) for number, corners in rows)


def class_names(path: Path) -> dict[str, str]:
    """Return label (``/m/011k07``) → display name from a table of classes, with or without a header.

    Raises:
        SourceError: no such table, rows of other than two cells, or a label or a name that stands twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unlike(path, str(error), "label, display name per row, in UTF-8") from error
    if rows and rows[0][0] in _DESCRIPTION_HEADERS:
        rows = rows[1:]
    names = {row[0]: row[1] for row in rows if len(row) == 2}
    if not names or not len(set(names.values())) == len(names) == len(rows):
        found = f"{len(rows)} rows, {len(names)} labels and {len(set(names.values()))} names"
        raise _unlike(path, found, "label, display name per row, each once")
    return names


def choose_images(
    tables: SubsetTables, names: Mapping[str, str], max_images: int | None, seed: int, zones: bool
) -> Chosen:
    """Choose photographs that have a verified label or a box of a class in ``names`` (label → name).

    Only labels of confidence 1 count: 0 means verified to be absent. Where there are more than
    ``max_images``, those with the least SHA-256 of seed and id are drawn, whatever the order of the tables.

    Raises:
        SourceError: a table is not as published, or no listed photograph has such a label.
    """
    ids = _image_ids(tables.images)
    kinds = pa.array(list(names))
    images, classes = np.divmod(_labels(tables, ids, kinds), len(kinds))
    candidates = np.unique(images)
    if len(candidates) == 0:
        found = f"none of its {len(ids)} photographs has a wanted label"
        raise _unlike(tables.images, found, "the tables of labels and boxes of these photographs")
    chosen = _drawn(ids, candidates, max_images, seed)
    chosen_ids = ids.take(pa.array(chosen))
    kept = np.isin(images, chosen)
    if zones and tables.boxes is not None:
        box_images, box_classes, corners = _boxes(tables.boxes, chosen_ids, kinds)
        box_starts = _starts(box_images, np.arange(len(chosen)))
    else:
        box_classes, box_starts = np.zeros(0, np.int64), None
        corners = np.zeros((0, 4), np.float32)
    return Chosen(
        rows=_image_rows(tables.images, chosen_ids),
        names=list(names.values()),
        label_classes=classes[kept],
        label_starts=_starts(images[kept], chosen),
        box_classes=box_classes,
        box_starts=box_starts,
        corners=corners,
    )


def _image_ids(path: Path) -> pa.Array:
    """Return the ids of the table of images, sorted."""
    batches = [batch.column("ImageID") for batch in stream_rows(path, ("ImageID",))]
    ids = pa.chunked_array(batches, pa.string()).combine_chunks()
    strange = ids.filter(pc.invert(pc.match_substring_regex(ids, _IMAGE_ID)))
    twice = len(ids) - len(pc.unique(ids))
    if len(strange) or twice:
        found = f"{len(strange)} ids of another form {strange[:5].to_pylist()} and {twice} that stand twice"
        raise _unlike(path, found, "ids of 16 hexadecimal digits, each once")
    return ids.take(pc.sort_indices(ids))


def _labels(tables: SubsetTables, ids: pa.Array, kinds: pa.Array) -> Indices:
    """Return image × number of ``kinds`` + class of all that is verified or has a box, ascending, each once.

    Images and classes are counted as in ``ids`` and ``kinds``.
    """
    found: list[Indices] = []
    if tables.labels is not None:
        for batch in stream_rows(tables.labels, _LABEL_COLUMNS):
            present = pc.equal(numbers(batch, "Confidence", tables.labels), 1.0)
            found.append(_pairs(batch.filter(present), ids, kinds))
    if tables.boxes is not None:
        for batch in stream_rows(tables.boxes, _BOX_COLUMNS[:2]):
            found.append(_pairs(batch, ids, kinds))
    return np.unique(_joined(found))


def _pairs(batch: pa.RecordBatch, ids: pa.Array, kinds: pa.Array) -> Indices:
    images, classes, _ = _indices(batch, ids, kinds)
    return np.unique(images * len(kinds) + classes)


def _boxes(path: Path, ids: pa.Array, kinds: pa.Array) -> tuple[Indices, Indices, npt.NDArray[np.float32]]:
    """Return image, class and corners of the boxes of ``ids``, sorted by image."""
    images, classes, corners = [], [], []
    for batch in stream_rows(path, _BOX_COLUMNS):
        image, kind, known = _indices(batch, ids, kinds)
        sides = [numbers(batch, name, path).filter(known).to_numpy() for name in _BOX_COLUMNS[2:]]
        images.append(image)
        classes.append(kind)
        corners.append(np.stack(sides, 1).astype(np.float32))
    order = np.argsort(_joined(images), kind="stable")
    flat = np.concatenate(corners) if corners else np.zeros((0, 4), np.float32)
    return _joined(images)[order], _joined(classes)[order], flat[order]


def _indices(batch: pa.RecordBatch, ids: pa.Array, kinds: pa.Array) -> tuple[Indices, Indices, pa.Array]:
    """Return image and class of the rows whose image and class are known, and which rows those are."""
    classes = pc.index_in(batch.column("LabelName"), kinds)
    images = pc.index_in(batch.column("ImageID"), ids)
    known = pc.and_(pc.is_valid(classes), pc.is_valid(images))
    return _as_numpy(images.filter(known)), _as_numpy(classes.filter(known)), known


def _drawn(ids: pa.Array, candidates: Indices, max_images: int | None, seed: int) -> Indices:
    """Return up to ``max_images`` of the candidate positions, ascending."""
    if max_images is None or len(candidates) <= max_images:
        return candidates
    lots = [_lot(seed, image_id) for image_id in ids.take(pa.array(candidates)).to_pylist()]
    order = sorted(range(len(lots)), key=lots.__getitem__)
    return np.sort(candidates[order[:max_images]])


def _lot(seed: int, image_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{image_id}".encode()).digest()


def _image_rows(path: Path, ids: pa.Array) -> list[ImageRow]:
    """Return what the table says of ``ids``, in their order."""
    rows: list[Any] = [None] * len(ids)
    for batch in stream_rows(path, _IMAGE_COLUMNS):
        places = pc.index_in(batch.column("ImageID"), ids)
        known = pc.is_valid(places)
        columns = [batch.column(name).filter(known).to_pylist() for name in _IMAGE_COLUMNS]
        for place, *cells in zip(places.filter(known).to_pylist(), *columns, strict=True):
            rows[place] = ImageRow(*(cell.strip() for cell in cells))
    return rows


def _starts(images: Indices, chosen: Indices) -> Indices:
    """Return where each chosen image begins in the ascending ``images``, and where the last ends."""
    return np.append(np.searchsorted(images, chosen), len(images))


def _as_numpy(column: pa.Array) -> Indices:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)


def _joined(parts: list[Indices]) -> Indices:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _unlike(path: Path, found: str, expected: str) -> SourceError:
    return SourceError(
        f"{path} is not as published: {found}",
        expected=expected,
        remedy="take the published file again; if it is another one, name that in the configuration",
    )
