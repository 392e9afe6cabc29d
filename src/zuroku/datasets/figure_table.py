"""Figures named by a table: a CSV file with path, label and group of every figure beside the images."""

import string
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder, table_file
from zuroku.datasets.source import SourceItem
from zuroku.datasets.tables import Row, read_rows


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a table name a figure's file, its label and its group."""

    path: str
    label: str
    group: str


def table_items(
    root: Path,
    table: str,
    columns: TableColumns,
    classes: Collection[str],
    licence: str,
    *,
    source_url: str = "",
) -> list[SourceItem]:
    """List the figures named by the CSV file ``table`` in ``root``, sorted by path.

    The item id is the path without its suffix. Files that the table does not name are no part of the
    collection. ``source_url`` is a template over the columns of the table; where a column it names is
    empty, the address is empty.

    Raises:
        SourceError: columns are missing, or rows name no file, a file outside ``root``, an unknown
            label, no group, or a figure twice; all listed with their lines.
    """
    root = existing_folder(root)
    faults = FaultList()
    wanted = [columns.path, columns.label, columns.group]
    rows = read_rows(root / table, list(dict.fromkeys(wanted + sorted(template_fields(source_url)))), faults)
    if not rows:
        faults.add("tables without a row", "only the header")
    items: dict[str, tuple[int, SourceItem]] = {}
    for row in rows:
        item = _table_item(row, root, columns, classes, faults)
        if item is None:
            continue
        url = _address(source_url, row)
        first = items.setdefault(item.item_id, (row.line, replace(item, licence=licence, source_url=url)))
        if first[0] != row.line:
            faults.add("figures listed twice", f"line {row.line}: {item.item_id}, first on line {first[0]}")
    faults.raise_if_any(
        str(root / table),
        expected=f"path, label and group of an image below {root} per row; the classes are "
        f"{', '.join(sorted(classes))}",
        remedy="mend those lines, add missing classes to the label hierarchy, or restore missing files",
    )
    return [items[item_id][1] for item_id in sorted(items)]


def _table_item(
    row: Row, root: Path, columns: TableColumns, classes: Collection[str], faults: FaultList
) -> SourceItem | None:
    name, label, group = (
        row.values[column].strip() for column in (columns.path, columns.label, columns.group)
    )
    path = table_file(root, name, f"line {row.line}", faults)
    if label not in classes:
        faults.add("labels that the label hierarchy lacks", f"line {row.line}: {label!r}")
    if not group:
        faults.add("rows without a group", f"line {row.line}")
    if path is None:
        return None
    item_id = path.relative_to(root).with_suffix("").as_posix()
    return SourceItem(item_id, label, group, "", "", "", path.read_bytes)


def _address(template: str, row: Row) -> str:
    complete = all(row.values[field].strip() for field in template_fields(template))
    return template.format_map(row.values) if complete else ""


def template_fields(template: str) -> set[str]:
    """Return the names in braces of ``template``."""
    return {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
