"""CSV tables from outside, read strictly: encoding, header and row lengths, with line numbers.

What the columns mean belongs to the reader of each table.
"""

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zuroku.datasets.faults import FaultList
from zuroku.errors import SourceError


@dataclass(frozen=True)
class Row:
    """One row: the number of its first line in the file (the header is line 1), and its cells by column."""

    line: int
    values: dict[str, str]


def read_rows(path: Path, columns: Sequence[str], faults: FaultList) -> list[Row]:
    """Read the UTF-8 CSV file at ``path``, which must have ``columns`` and may have more.

    Rows whose length differs from the header's are noted in ``faults`` and left out.

    Raises:
        SourceError: the file is missing, empty, not UTF-8 (a BOM is accepted), broken CSV, or lacks
            a column.
    """
    lines = _parse(_decode(_read(path), path), path)
    header = _checked_header(lines[0][1], path, columns)
    return [
        Row(line, dict(zip(header, cells, strict=True)))
        for line, cells in lines[1:]
        if _fits(cells, header, line, faults)
    ]


def _parse(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """Return every row that is not blank, the header too, with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = []
    line = 1
    try:
        for cells in reader:
            if cells:
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise SourceError(
            f"{path} is broken CSV in the row that begins on line {line}: {error}",
            expected="comma-separated values with double quotes closed",
            remedy="mend that row, or take the published file again",
        ) from error
    return rows


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}",
            expected="a readable CSV file",
            remedy="check the path in the configuration and the rights of the file",
        ) from error
    # A lone byte-order mark is what an editor leaves of an emptied file.
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise SourceError(
            f"{path} is empty",
            expected="a CSV table with a header",
            remedy="take the published file again; this copy is cut off",
        )
    return data


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{path} is {_guess_encoding(data)}, not UTF-8 (byte {error.start}, line {line})",
            expected="UTF-8, with or without a byte-order mark",
            remedy=f"convert it (`iconv -f CP932 -t UTF-8 {path.name} > utf8.csv` for Shift-JIS; in Excel "
            "save as 'CSV UTF-8'), or take the published file again",
        ) from error


def _guess_encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    try:
        data.decode("cp932")
    except UnicodeDecodeError:
        return "in an unknown encoding"
    return "Shift-JIS (cp932)"


def _checked_header(header: list[str], path: Path, columns: Sequence[str]) -> list[str]:
    missing = [name for name in columns if name not in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if missing or twice:
        faults = [f"has no column {', '.join(missing)}"] if missing else []
        faults += [f"names {', '.join(twice)} twice"] if twice else []
        if len(header) == 1 and (other := next((sign for sign in ";\t|" if sign in header[0]), "")):
            faults.append(f"seems to be separated by {other!r} (save it with commas)")
        raise SourceError(
            f"{path} {' and '.join(faults)}; its columns are {', '.join(header)}",
            expected=f"the columns {', '.join(columns)}, each once",
            remedy="name the columns so, or name the file's own columns in the configuration",
        )
    return header


def _fits(cells: list[str], header: list[str], line: int, faults: FaultList) -> bool:
    if len(cells) == len(header):
        return True
    faults.add(f"rows without exactly {len(header)} cells", f"line {line}: {len(cells)}")
    return False
