"""The published layout of NDL-ImageLabel 1.0: its table of figures, their names and class counts.

The facts are those of https://github.com/ndl-lab/imagetagdataset. Reading folders and downloading
live elsewhere.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from zuroku.datasets.faults import FaultList
from zuroku.datasets.tables import Row, read_rows
from zuroku.errors import SourceError

LICENCE = "Public Domain Mark 1.0"

PUBLISHED_CLASS_COUNTS: Mapping[str, int] = {
    "graphic_map": 581,
    "graphic_graph": 371,
    "graphic_illustcolor": 170,
    "graphic_illust": 2695,
    "picture_landmark": 728,
    "picture_outdoor": 748,
    "picture_object": 401,
    "picture_indoor": 232,
    "stamp": 479,
}
"""Images per class in version 1.0, 6,405 in all."""

COLUMNS: Mapping[str, str] = {
    "ファイル名": "file_name",
    "ラベル名": "label",
    "ファイルのディレクトリパス": "path",
    "タイトル": "title",
    "資料のURL": "book_url",
    "当該画像のフルサイズのURL(IIIF Image API)": "image_url",
}
"""Columns of the published ``metadata.csv``, and the names they have here."""

# PID of the book, frame (a scanned opening), 0-based index of the figure on it.
_FILE_NAME = re.compile(r"(?P<item_id>(?P<pid>\d+)_(?P<frame>\d+)_(?P<index>\d+))\.jpg")
_IMAGE_URL = re.compile(
    r"https?://[^/]+/api/iiif/(?P<pid>\d+)/R(?P<frame>\d{7})/pct:(?P<region>[\d.]+(?:,[\d.]+){3})"
    r"/[^/]+/0/default\.jpg"
)
_BOOK_URL = re.compile(r"https?://.+/(?P<pid>\d+)/?")


def read_metadata(path: Path) -> pd.DataFrame:
    """Read the published ``metadata.csv`` at ``path``: one row per figure, in the order of the file.

    The frame has the columns ``item_id`` (``PID_frame_index``), ``pid`` (str), ``frame`` and ``index``
    (int64), ``region`` (``x,y,w,h`` in percent of the frame), ``file_name``, ``label``, ``path`` (with
    forward slashes), ``title``, ``book_url`` and ``image_url``.

    Raises:
        SourceError: the file is missing, empty, not UTF-8, lacks a column, or has rows that disagree
            with the published layout; all of these are counted, the first five of each with their lines.
    """
    faults = FaultList()
    rows = read_rows(path, list(COLUMNS), faults)
    seen: dict[str, int] = {}
    records = [record for row in rows if (record := _record(row, seen, faults))]
    if not rows:
        faults.add("tables without a row", "only the header")
    faults.raise_if_any(
        str(path),
        expected="rows such as 1017141_454_0.jpg, graphic_graph, graphic_graph\\1017141_454_0.jpg, a title, "
        "the book's URL and the crop's URL, all with one PID and frame",
        remedy="take metadata.csv from https://github.com/ndl-lab/imagetagdataset again, or mend those lines",
    )
    return pd.DataFrame.from_records(records)


def check_class_counts(labels: Iterable[str], published: Mapping[str, int] = PUBLISHED_CLASS_COUNTS) -> None:
    """Compare how often each class occurs in ``labels`` with the published table.

    Raises:
        SourceError: a class is missing, unknown, or has another count; all differences are listed.
    """
    counts = Counter(labels)
    differences = [
        f"{label} {counts[label]} instead of {published.get(label, 0)}"
        for label in sorted(counts.keys() | published.keys())
        if counts[label] != published.get(label, 0)
    ]
    if differences:
        raise SourceError(
            f"{len(differences)} class counts differ from the published ones: {', '.join(differences)}",
            expected=f"{sum(published.values())} images in {len(published)} classes",
            remedy="fetch and unpack the archive again; if files were moved or added on purpose, leave this "
            "check out",
        )


def _record(row: Row, seen: dict[str, int], faults: FaultList) -> dict[str, str | int] | None:
    """Turn a row into a record, or note why that cannot be done."""
    cells = {english: row.values[japanese] for japanese, english in COLUMNS.items()}
    place = f"line {row.line}: {cells['file_name']!r}"
    name = _FILE_NAME.fullmatch(cells["file_name"])
    if name is None:
        faults.add("file names not of the form PID_frame_index.jpg", place)
        return None
    if not cells["label"]:
        faults.add("rows without a class", place)
    item_id = name["item_id"]
    if item_id in seen:
        faults.add("figures listed twice", f"{place}, first on line {seen[item_id]}")
    seen.setdefault(item_id, row.line)
    cells["path"] = cells["path"].replace("\\", "/")
    if cells["path"] != f"{cells['label']}/{cells['file_name']}":
        faults.add("paths that are not class\\file name", f"{place} at {cells['path']!r}")
    region = _checked_region(cells, name, place, faults)
    numbers = {"frame": int(name["frame"]), "index": int(name["index"])}
    return {"item_id": item_id, "pid": name["pid"], **numbers, "region": region, **cells}


def _checked_region(cells: Mapping[str, str], name: re.Match[str], place: str, faults: FaultList) -> str:
    """Check both URLs against the file name and return the region of the crop."""
    book = _BOOK_URL.fullmatch(cells["book_url"])
    if book is None or book["pid"] != name["pid"]:
        faults.add("book URLs without the PID of the file name", f"{place}, {cells['book_url']!r}")
    crop = _IMAGE_URL.fullmatch(cells["image_url"])
    if crop is None:
        faults.add("image URLs that are no IIIF crop", f"{place}, {cells['image_url']!r}")
    elif (crop["pid"], int(crop["frame"])) != (name["pid"], int(name["frame"])):
        faults.add(
            "image URLs of another PID or frame than the file name", f"{place}, {cells['image_url']!r}"
        )
    elif not _is_region(crop["region"]):
        faults.add("image URLs with an impossible region", f"{place}, {crop['region']}")
    return crop["region"] if crop else ""


def _is_region(text: str) -> bool:
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        return False
    return 0 <= x < 100 and 0 <= y < 100 and 0 < width <= 100 and 0 < height <= 100
