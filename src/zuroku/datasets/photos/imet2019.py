"""iMet Collection 2019 (Zhang et al. 2019): museum objects with many attributes each.

``train.csv`` has ``id`` and ``attribute_ids`` (numbers separated by spaces), ``labels.csv`` has
``attribute_id`` and ``attribute_name`` (``culture::french``, ``tag::vases``), ``train/`` the images.
It is published to those who sign in, so it is never fetched without their archive.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder
from zuroku.datasets.source import SourceItem
from zuroku.datasets.tables import Row, read_rows

IMAGES = "train"
_IMAGES_TABLE = "train.csv"
_NAMES_TABLE = "labels.csv"
_COLUMNS = ("id", "attribute_ids")
_NAME_COLUMNS = ("attribute_id", "attribute_name")


def imet_items(root: Path, licence: str, url: str) -> list[SourceItem]:
    """List the objects that ``train.csv`` names, sorted by id; the labels are names of attributes.

    Nothing published says which photographs show the same object, so each is a group of its own.

    Raises:
        SourceError: a table is missing, not UTF-8 or lacks a column; rows name an unknown attribute, none,
            an image that is missing, or one a second time; all faults are listed at once.
    """
    root = existing_folder(root)
    faults = FaultList()
    names = _attribute_names(root / _NAMES_TABLE, faults)
    items: dict[str, SourceItem] = {}
    for row in read_rows(root / _IMAGES_TABLE, _COLUMNS, faults):
        item = _item(row, root, names, licence, url, faults)
        if item.item_id in items:
            faults.add("images listed twice", f"line {row.line}: {item.item_id}")
        items[item.item_id] = item
    if not items:
        faults.add("tables without a row", _IMAGES_TABLE)
    faults.raise_if_any(
        str(root / _IMAGES_TABLE),
        expected=f"an id with its image in {IMAGES}/ and attributes of {_NAMES_TABLE} per row",
        remedy="unpack the published archive again, its inner archives too, or mend those lines",
    )
    return [items[item_id] for item_id in sorted(items)]


def _attribute_names(path: Path, faults: FaultList) -> dict[str, str]:
    names: dict[str, str] = {}
    for row in read_rows(path, _NAME_COLUMNS, faults):
        number, name = (row.values[column].strip() for column in _NAME_COLUMNS)
        if number in names or not name:
            faults.add("attributes named twice or not at all", f"{path.name} line {row.line}: {number!r}")
        names[number] = name
    return names


def _item(
    row: Row, root: Path, names: Mapping[str, str], licence: str, url: str, faults: FaultList
) -> SourceItem:
    item_id, numbers = row.values["id"].strip(), row.values["attribute_ids"].split()
    place = f"line {row.line}: {item_id!r}"
    path = root / IMAGES / f"{item_id}.png"
    if not item_id.isalnum():
        faults.add("ids that are no plain names", place)
    elif not os.path.isfile(path):
        faults.add("images that are missing", place)
    for number in numbers:
        if number not in names:
            faults.add(f"attributes that {_NAMES_TABLE} lacks", f"{place}: {number!r}")
    if not numbers:
        faults.add("objects without an attribute", place)
    labels = tuple(sorted({names[number] for number in numbers if number in names}))
    return SourceItem(item_id, "", item_id, "", licence, url, path.read_bytes, labels=labels)
