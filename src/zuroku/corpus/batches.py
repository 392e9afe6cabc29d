"""Batches of books: the partitions of a corpus. A book stays in its batch when the corpus grows."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import Field

from zuroku.config import Settings
from zuroku.corpus.executors import RaySettings
from zuroku.corpus.line import LineSettings
from zuroku.corpus.pages import DatasetPages, Page
from zuroku.corpus.stage import StageSettings
from zuroku.datasets.manifest import MANIFEST


class CorpusSettings(Settings):
    """How a corpus is cut into batches and units, what of a page becomes a figure, and who works.

    ``ray`` hands the units to a Ray cluster (or a local one, without an address); without it, threads of
    this process do the work. What the figures do not follow from is left out where the settings are
    serialised, and so out of their hash: finished batches are found again when it changes.
    """

    batches: int = Field(ge=1, description="partitions; a change moves books between them")
    workers: int = Field(default=2, ge=1, exclude=True, description="threads, where there is no cluster")
    line: LineSettings = LineSettings()
    stage: StageSettings = StageSettings()
    embedders: dict[str, str] = Field(
        default={"general": "figure_embedder"}, description="space → the embedder whose champion fills it"
    )
    ray: RaySettings | None = Field(default=None, exclude=True)


def batch_names(batches: int) -> list[str]:
    """Return the names of the batches in order."""
    return [f"batch_{number:04d}" for number in range(batches)]


def batch_of(group: str, batches: int) -> str:
    """Return the batch of the book ``group``: by its hash, so that other books never move it."""
    digest = hashlib.sha256(group.encode()).digest()
    return batch_names(batches)[int.from_bytes(digest[:8], "big") % batches]


class BatchPages:
    """The pages of a dataset whose books are in one batch."""

    def __init__(self, folder: Path, batch: str, batches: int) -> None:
        self._pages = DatasetPages(folder)
        self._manifest = folder / MANIFEST
        self._batch = batch
        self._batches = batches
        self.root = self._pages.root

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids and bytes of this batch's pages: other batches may grow without changing it."""
        digest = hashlib.sha256(self._batch.encode())
        with pq.ParquetFile(self._manifest) as manifest:
            for rows in manifest.iter_batches(4096, columns=["item_id", "group", "sha256"]):
                for row in rows.to_pylist():
                    if batch_of(row["group"], self._batches) == self._batch:
                        digest.update(f"{row['item_id']} {row['sha256']}\n".encode())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Page]:
        """List the pages."""
        for page in self._pages:
            if batch_of(page.group, self._batches) == self._batch:
                yield page
