"""CSV tables too long to hold: read in batches, a few columns of text, strictly.

Small tables are read by ``tables``, which knows the lines of all faults. What the columns mean belongs to
the reader of each table.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from zuroku.errors import SourceError

BATCH_BYTES = 32 << 20


def stream_rows(
    path: Path, columns: Sequence[str], batch_bytes: int = BATCH_BYTES
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the UTF-8 CSV file at ``path`` in order, ``columns`` only, all as text.

    About ``batch_bytes`` of the file are held at a time.

    Raises:
        SourceError: the file is missing, empty, not UTF-8 (a BOM is accepted) or broken, or lacks a column.
    """
    try:
        reader = pcsv.open_csv(
            path,
            # One thread, for the numbers of broken rows.
            read_options=pcsv.ReadOptions(block_size=batch_bytes, use_threads=False),
            parse_options=pcsv.ParseOptions(newlines_in_values=True),
            convert_options=pcsv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
        yield from reader
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{path} cannot be read as the published table: {str(error).splitlines()[0]}",
            expected=f"UTF-8, comma-separated, with the columns {', '.join(columns)}",
            remedy="take the published file again; if it is another one, name that in the configuration",
        ) from error


def numbers(batch: pa.RecordBatch, column: str, path: Path) -> pa.Array:
    """Return the texts of ``column`` as float64.

    Raises:
        SourceError: one is no number.
    """
    try:
        return pc.cast(batch.column(column), pa.float64())
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"{path} has something else than numbers in {column}: {str(error).splitlines()[0]}",
            expected="a number in every row",
            remedy="take the published file again",
        ) from error
