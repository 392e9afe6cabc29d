"""Pages to be worked on: where the bytes of each lie, in a stable order, and nothing decoded.

A source is a folder of scans or a dataset; pages from IIIF enter as a dataset by ingest. What happens
to a page belongs to ``stage``.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pyarrow.parquet as pq

from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder, list_folder
from zuroku.datasets.manifest import MANIFEST, SHARDS, Dataset
from zuroku.errors import ImageError, IntegrityError, SourceError
from zuroku.tagging import IMAGE_SUFFIXES

MAX_PAGE_BYTES = 1 << 30
"""A larger file is no page: the largest image that is decoded has 600 MB even as bare pixels."""

_COLUMNS = ["item_id", "group", "title", "licence", "source_url", "shard", "offset", "length"]


@dataclass(frozen=True)
class Page:
    """One page and the place of its bytes.

    ``page_id`` is unique in its source; ``group`` is the book (its PID). ``file`` is a POSIX path below
    the source's root; the page is ``length`` bytes from ``offset`` on, or the whole file.
    """

    page_id: str
    group: str
    title: str
    licence: str
    source_url: str
    file: str
    offset: int = 0
    length: int | None = None

    def read(self, root: Path) -> bytes:
        """Return the encoded image.

        Raises:
            OSError: the file is missing or cannot be read.
            IntegrityError: the file ends before the page does.
            ImageError: the file is larger than ``MAX_PAGE_BYTES``.
        """
        with (root / self.file).open("rb") as file:
            file.seek(self.offset)
            data = file.read(MAX_PAGE_BYTES + 1 if self.length is None else self.length)
        if len(data) > MAX_PAGE_BYTES:
            raise ImageError(
                f"{self.file} is larger than {MAX_PAGE_BYTES:,} bytes",
                expected="a file that holds one page",
                remedy="split it, or scale the scan down",
            )
        if self.length is not None and len(data) != self.length:
            raise IntegrityError(
                f"{self.file} ends {self.length - len(data)} bytes early at offset {self.offset}",
                expected=f"{self.length} bytes",
                remedy="fetch the shard again: it is cut short",
            )
        return data


class PageSource(Protocol):
    """Pages in an order that does not change. ``fingerprint`` changes whenever the list may have."""

    @property
    def root(self) -> Path:
        """The folder below which the pages' files lie."""

    @property
    def fingerprint(self) -> str:
        """A hash of what the source holds."""

    def __iter__(self) -> Iterator[Page]:
        """List the pages without reading them."""


class FolderPages:
    """The images in ``root``, and those in the folders directly below it, a book each.

    A page's id is the stem of its file where that is ``<book>_<number>`` (NDL's names are), else
    ``<book>/<stem>``; in a book where two files share a stem, ``<book>/<file name>``. One folder is
    listed at a time, so memory grows with the largest book alone.
    """

    def __init__(self, root: Path, licence: str = "") -> None:
        self.root = existing_folder(root)
        self._licence = licence

    @cached_property
    def fingerprint(self) -> str:
        """Hash of names, sizes and times: what can change without anyone saying so."""
        digest = hashlib.sha256()
        for page in self:
            status = (self.root / page.file).stat()
            digest.update(f"{page.file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Page]:
        """List the pages by book and by name.

        Raises:
            SourceError: names that are no text, or links that leave ``root``; all of a folder at once.
        """
        files, folders = self._listed(self.root)
        yield from self._book(self.root, files)
        for folder in folders:
            yield from self._book(folder, self._listed(folder)[0])

    def _listed(self, folder: Path) -> tuple[list[Path], list[Path]]:
        faults = FaultList()
        files, folders = list_folder(folder, self.root, faults)
        faults.raise_if_any(
            str(folder),
            expected="plain files with names in UTF-8",
            remedy="rename them, or copy what is linked into the folder",
        )
        return [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES], folders

    def _book(self, folder: Path, files: list[Path]) -> Iterator[Page]:
        book = _composed(folder.name)
        ambiguous = any(count > 1 for count in Counter(_composed(path.stem) for path in files).values())
        for path in files:
            name = _composed(path.name if ambiguous else path.stem)
            known = not ambiguous and name.startswith(f"{book}_") and name[len(book) + 1 :].isdecimal()
            yield Page(
                page_id=name if known else f"{book}/{name}",
                group=book,
                title="",
                licence=self._licence,
                source_url="",
                file=path.relative_to(self.root).as_posix(),
            )


class DatasetPages:
    """The items of the dataset in ``folder``, in the order of its manifest, a batch of rows at a time."""

    def __init__(self, folder: Path) -> None:
        self._dataset = Dataset(folder.resolve())
        self.root = self._dataset.root / SHARDS

    @property
    def fingerprint(self) -> str:
        """The dataset's version, which follows from the bytes of all items."""
        return self._dataset.version

    def __iter__(self) -> Iterator[Page]:
        """List the items."""
        with pq.ParquetFile(self._dataset.root / MANIFEST) as manifest:
            for batch in manifest.iter_batches(1024, columns=_COLUMNS):
                for row in batch.to_pylist():
                    row["page_id"], row["file"] = row.pop("item_id"), row.pop("shard")
                    yield Page(**row)


def page_source(folder: Path, licence: str = "") -> PageSource:
    """Return the pages of ``folder``, be it a dataset or a folder of images.

    ``licence`` is that of images in a folder; a dataset knows its own.

    Raises:
        SourceError: there is no such folder.
    """
    if (folder / MANIFEST).is_file():
        return DatasetPages(folder)
    return FolderPages(folder, licence)


def no_page(pages: PageSource) -> SourceError:
    """Return the error that ``pages`` holds none."""
    return SourceError(
        f"no page in {pages.root}",
        expected="a dataset, or a folder of images or of one folder of images per book",
        remedy="check the path",
    )


def _composed(name: str) -> str:
    """Compose ``name``: macOS writes kana with separate voicing marks, other systems do not."""
    return unicodedata.normalize("NFC", name)
