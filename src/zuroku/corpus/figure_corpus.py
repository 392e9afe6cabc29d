"""Reading a finished figure corpus, a batch of rows at a time."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zuroku.corpus.line import CARD
from zuroku.corpus.tables import FIGURES, PAGES
from zuroku.datasets.manifest import SHARDS
from zuroku.datasets.shards import ShardReader


@dataclass(frozen=True)
class FigureCorpus:
    """What ``run_line`` made: ``pages.parquet``, ``figures.parquet``, ``shards/*.tar``, ``corpus.json``."""

    root: Path

    @cached_property
    def card(self) -> dict[str, Any]:
        """What ``corpus.json`` says of counts and origin."""
        card: dict[str, Any] = json.loads((self.root / CARD).read_text(encoding="utf-8"))
        return card

    def pages(self, columns: Sequence[str] | None = None, rows: int = 4096) -> Iterator[pa.RecordBatch]:
        """Yield the page rows (see ``PAGES_SCHEMA``), at most ``rows`` at a time."""
        return self._batches(PAGES, columns, rows)

    def figures(self, columns: Sequence[str] | None = None, rows: int = 1024) -> Iterator[pa.RecordBatch]:
        """Yield the figure rows (see ``figures_schema``), at most ``rows`` at a time."""
        return self._batches(FIGURES, columns, rows)

    @cached_property
    def reader(self) -> ShardReader:
        """Reader of the crops."""
        return ShardReader(self.root / SHARDS)

    def crop(self, row: Any) -> bytes:
        """Return the JPEG of a figure row (a mapping with ``shard``, ``offset``, ``length``)."""
        return self.reader.read(row["shard"], row["offset"], row["length"])

    def _batches(self, name: str, columns: Sequence[str] | None, rows: int) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self.root / name) as file:
            yield from file.iter_batches(rows, columns=None if columns is None else list(columns))
