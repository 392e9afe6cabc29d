"""Figures that lie in folders: by class, by book, or beside a table; chosen by configuration.

Listing happens here and decodes nothing. What is on the disk but must not be read (links that
leave the folder, names that are no text) is refused by ``folder_listing``; the layout with a table
is ``figure_table``.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import Field, field_validator, model_validator

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.figure_table import TableColumns, table_items, template_fields
from zuroku.datasets.folder_listing import existing_folder, is_image, list_folder
from zuroku.datasets.ndl_imagelabel import read_metadata
from zuroku.datasets.source import SourceItem

METADATA = "metadata.csv"
NDL_GROUP_PATTERN = r"(\d+)_\d+_\d+"

_TEMPLATE_FIELDS = {"item_id", "label", "group"}


class FolderSettings(Settings):
    """Where a collection lies on disk and how it is laid out.

    ``class_folders`` is ``<root>/<label>/<item_id>.jpg``, as NDL-ImageLabel is published;
    ``book_folders`` is ``<root>/<book>/<name>.jpg`` without labels; ``table`` is a CSV file in
    ``root`` that names path, label and group of every figure.
    """

    root: Path
    layout: Literal["class_folders", "table", "book_folders"]
    licence: str = Field(min_length=1)
    group_pattern: str = Field(
        default=NDL_GROUP_PATTERN,
        description="class_folders: what the whole file stem must match; its first parenthesis is the group",
    )
    metadata: Path | None = Field(
        default=None,
        description="class_folders: titles and URLs in NDL's layout; metadata.csv in root if there",
    )
    source_url: str = Field(
        default="",
        description="template: {item_id}, {label}, {group}; for a table the names of its columns",
    )
    table: str = "labels.csv"
    path_column: str = "path"
    label_column: str = "label"
    group_column: str = "group"

    @field_validator("group_pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if groups == 0:
            raise ValueError(r"without a parenthesis nothing names the group; NDL's is (\d+)_\d+_\d+")
        return pattern

    @model_validator(mode="after")
    def _knows_its_fields(self) -> Self:
        unknown = template_fields(self.source_url) - _TEMPLATE_FIELDS
        if self.layout != "table" and unknown:
            known = ", ".join(sorted(_TEMPLATE_FIELDS))
            raise ValueError(f"source_url names {', '.join(sorted(unknown))}; known are {known}")
        return self


def folder_items(settings: FolderSettings, classes: Collection[str]) -> list[SourceItem]:
    """List the figures of the folder that ``settings`` describes, in a stable order.

    ``classes`` are the labels of the configured hierarchy; ``book_folders`` has none and needs none.

    Raises:
        SourceError: the folder is not in its layout; all faults are listed at once.
    """
    if settings.layout == "class_folders":
        return class_folder_items(
            settings.root,
            classes,
            settings.licence,
            group_pattern=settings.group_pattern,
            source_url=settings.source_url,
            metadata=settings.metadata,
        )
    if settings.layout == "book_folders":
        return book_folder_items(settings.root, settings.licence, source_url=settings.source_url)
    columns = TableColumns(settings.path_column, settings.label_column, settings.group_column)
    return table_items(
        settings.root, settings.table, columns, classes, settings.licence, source_url=settings.source_url
    )


def class_folder_items(
    root: Path,
    classes: Collection[str],
    licence: str,
    *,
    group_pattern: str = NDL_GROUP_PATTERN,
    source_url: str = "",
    metadata: Path | None = None,
) -> list[SourceItem]:
    """List ``<root>/<label>/<item_id>.<jpg|jpeg|png|tif|tiff>``, sorted by label and name.

    Title and source URL come from ``metadata`` (else from ``metadata.csv`` in ``root``, if there) for
    the figures it names. The folder decides the label, so that a figure is relabelled by moving it.
    Where several files claim one item id nobody knows which is right: each is listed under its path
    as id, and its ``read`` raises ``OSError``, so that ingest quarantines them all with that reason.

    Raises:
        SourceError: unknown or empty class folders, misnamed files, images outside class folders,
            links leaving ``root``, or a table not in NDL's layout.
    """
    root = existing_folder(root)
    pattern = re.compile(group_pattern)
    faults = FaultList()
    known = _known_figures(root, metadata)
    items: list[tuple[Path, SourceItem]] = []
    for folder in _folders_of(root, faults, kind="class"):
        label = _nfc(folder.name)
        if label not in classes:
            faults.add("class folders that the label hierarchy lacks", label)
            continue
        for path in _images_of(folder, root, faults, kind="class"):
            stem = _nfc(path.stem)
            match = pattern.fullmatch(stem)
            if match is None or not match[1]:
                faults.add(f"file names not of the form {group_pattern}", _relative(path, root))
                continue
            title, url = known.get(stem) or ("", _fill(source_url, stem, label, match[1]))
            items.append((path, SourceItem(stem, label, match[1], title, licence, url, path.read_bytes)))
    faults.raise_if_any(
        str(root),
        expected=f"one folder of images per class; the classes are {', '.join(sorted(classes))}",
        remedy="add the class to the label hierarchy of the configuration, or move away what does not belong",
    )
    return _with_unique_ids(items, root)


def book_folder_items(root: Path, licence: str, *, source_url: str = "") -> list[SourceItem]:
    """List the unlabelled figures ``<root>/<book>/<name>.jpg``; the group is the book.

    The item id is ``<name>`` where that begins with ``<book>_`` (NDL's names do), else
    ``<book>/<name>``. Ids claimed twice are treated as in ``class_folder_items``.

    Raises:
        SourceError: empty book folders, images outside them, or links leaving ``root``.
    """
    root = existing_folder(root)
    faults = FaultList()
    items: list[tuple[Path, SourceItem]] = []
    for folder in _folders_of(root, faults, kind="book"):
        book = _nfc(folder.name)
        for path in _images_of(folder, root, faults, kind="book"):
            stem = _nfc(path.stem)
            item_id = stem if stem.startswith(f"{book}_") else f"{book}/{stem}"
            url = _fill(source_url, item_id, "", book)
            items.append((path, SourceItem(item_id, "", book, "", licence, url, path.read_bytes)))
    faults.raise_if_any(
        str(root),
        expected="one folder of images per book, named by its PID",
        remedy="move away what does not belong",
    )
    return _with_unique_ids(items, root)


def _known_figures(root: Path, metadata: Path | None) -> dict[str, tuple[str, str]]:
    """Map item ids to title and crop URL, as far as a table names them."""
    path = metadata or root / METADATA
    if metadata is None and not path.exists():
        return {}
    table: pd.DataFrame = read_metadata(path)
    return dict(zip(table["item_id"], zip(table["title"], table["image_url"], strict=True), strict=True))


def _folders_of(root: Path, faults: FaultList, kind: str) -> list[Path]:
    files, folders = list_folder(root, root, faults)
    for path in filter(is_image, files):
        faults.add(f"images outside a {kind} folder", path.name)
    if not folders:
        faults.add(f"roots without a {kind} folder", str(root))
    return folders


def _images_of(folder: Path, root: Path, faults: FaultList, kind: str) -> list[Path]:
    files, folders = list_folder(folder, root, faults)
    for inner in folders:
        faults.add(f"folders inside a {kind} folder", _relative(inner, root))
    for path in files:
        if not is_image(path):
            faults.add("files that are no .jpg, .jpeg, .png, .tif or .tiff", _relative(path, root))
    images = list(filter(is_image, files))
    if not images:
        faults.add(f"{kind} folders without an image", folder.name)
    return images


def _with_unique_ids(entries: list[tuple[Path, SourceItem]], root: Path) -> list[SourceItem]:
    """Return the items by path; files that claim one id become unreadable items named by their paths."""
    claims: dict[str, list[str]] = {}
    for path, item in entries:
        claims.setdefault(item.item_id, []).append(_relative(path, root))
    return [
        item
        if len(claims[item.item_id]) == 1
        else replace(item, item_id=_relative(path, root), read=_refusal(item.item_id, claims[item.item_id]))
        for path, item in entries
    ]


def _refusal(item_id: str, paths: Iterable[str]) -> Callable[[], bytes]:
    return partial(_refuse, f"several files claim the id {item_id}: {', '.join(paths)}; keep the right one")


def _refuse(reason: str) -> bytes:
    raise OSError(reason)


def _fill(template: str, item_id: str, label: str, group: str) -> str:
    return template.format_map({"item_id": item_id, "label": label, "group": group})


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _nfc(name: str) -> str:
    """Compose ``name``: macOS writes kana with separate voicing marks, configuration does not."""
    return unicodedata.normalize("NFC", name)
