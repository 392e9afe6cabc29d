"""Searching an index bundle: open it, find the nearest figures, tell what is known of them.

The scan itself is ``nearest``; drawing results belongs to ``reports.search_sheet``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from zuroku.artifacts import verify
from zuroku.datasets.shards import ShardReader
from zuroku.errors import BundleError, EvaluationError
from zuroku.indexes.bundle import (
    ENCODER,
    PAYLOAD,
    PAYLOAD_SCHEMA,
    THUMBNAILS,
    UNIT_TOLERANCE,
    VECTORS,
    IndexedFigure,
    IndexManifest,
    read_manifest,
)
from zuroku.indexes.nearest import nearest_rows


@dataclass(frozen=True)
class Nearest:
    """The nearest rows of each query, best first.

    ``scores`` is ``(q, k)`` float32 cosine similarity, ``rows`` ``(q, k)`` int64; NaN and −1 where fewer
    than ``k`` figures are left.
    """

    scores: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


def load_index(path: Path) -> "FigureIndex":
    """Verify the index bundle in ``path`` and return it; every byte is read once for that.

    A link such as a published champion is followed once, here: the index stays the same while it is in use,
    whatever is published meanwhile.

    Raises:
        BundleError: there is no index, or vectors, payload and manifest do not fit together.
        IntegrityError: its files are not what was sealed.
    """
    folder = path.resolve()
    manifest = read_manifest(folder)
    sha256 = verify(folder).sha256
    index = FigureIndex(folder, manifest, sha256)
    index.check()
    return index


@dataclass(frozen=True)
class FigureIndex:
    """An index bundle on disk; ``sha256`` is that of its seal. Vectors are mapped, not read."""

    path: Path
    manifest: IndexManifest
    sha256: str

    def __len__(self) -> int:
        return self.manifest.count

    @cached_property
    def vectors(self) -> npt.NDArray[np.float32]:
        """``(n, d)`` float32 unit vectors, read-only, mapped from disk.

        Raises:
            BundleError: the file is cut short or no array.
        """
        try:
            vectors: npt.NDArray[np.float32] = np.load(self.path / VECTORS, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BundleError(
                f"{self.path / VECTORS} cannot be read: {error}",
                expected=f"{self.manifest.count} × {self.manifest.dimension} float32",
                remedy="restore the bundle from its remote, or build it again",
            ) from error
        return vectors

    def search(
        self,
        vectors: npt.NDArray[np.float32],
        k: int,
        encoder_sha256: str,
        tag: str | None = None,
        exclude_pids: Collection[str] = (),
    ) -> Nearest:
        """Return the ``k`` figures most similar to each of the unit vectors ``(q, d)``, by an exact scan.

        ``encoder_sha256`` names the encoder that made the queries. ``tag`` keeps to figures with that
        primary tag; figures of the books ``exclude_pids`` are passed over.

        Raises:
            BundleError: another encoder made the queries than made this index.
            EvaluationError: queries, ``k`` or ``tag`` cannot be searched for.
        """
        self._refuse_other_encoder(encoder_sha256)
        queries = self._checked_queries(vectors)
        if k < 1:
            raise EvaluationError(f"k = {k}", expected="at least one neighbour", remedy="ask for more")
        start, stop = (0, len(self)) if tag is None else self._slice(tag)
        excluded = self._rows_of_books(exclude_pids)[start:stop] if exclude_pids else None
        scores, rows = nearest_rows(queries, self.vectors[start:stop], k, excluded)
        return Nearest(scores, np.where(rows < 0, rows, rows + start))

    def payload(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> list[IndexedFigure]:
        """Return what is known of the figures in ``rows``, in that order.

        Raises:
            EvaluationError: a row is not in the index (−1 where a search found too few).
        """
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= len(self))]
        if len(outside):
            raise EvaluationError(
                f"row {outside[0]} of an index of {len(self)} figures",
                expected="rows that a search found",
                remedy="leave out the rows −1: fewer figures were left than were asked for",
            )
        if not len(wanted):
            return []
        groups = np.searchsorted(self._group_starts, wanted, side="right") - 1
        read, place = np.unique(groups, return_inverse=True)
        sizes = np.diff(self._group_starts)[read]
        first = np.cumsum(sizes) - sizes
        table = self._payload_file.read_row_groups(read.tolist())
        taken = table.take(pa.array(first[place] + wanted - self._group_starts[groups]))
        return [IndexedFigure(**row) for row in taken.to_pylist()]

    def thumbnail(self, row: int) -> bytes:
        """Return the JPEG of the figure in ``row``; raises as ``payload``."""
        return self.thumbnail_of(self.payload([row])[0])

    def thumbnail_of(self, figure: IndexedFigure) -> bytes:
        """Return the JPEG of a figure that ``payload`` gave."""
        return self._thumbnails.read(figure.shard, figure.offset, figure.length)

    @property
    def encoder_folder(self) -> Path:
        """The folder of the bundle of the encoder that made the index.

        Raises:
            BundleError: the index was built without it.
        """
        folder = self.path / ENCODER
        if not folder.is_dir():
            raise BundleError(
                f"{self.path} holds no encoder",
                expected=f"the bundle of {self.manifest.encoder.name} in {ENCODER}/",
                remedy="build the index again with its encoder",
            )
        return folder

    def check(self) -> None:
        """Check that vectors, payload and manifest fit together; all mismatches are named at once.

        Raises:
            BundleError: they do not.
        """
        manifest = self.manifest
        faults = []
        shape = (manifest.count, manifest.dimension)
        if self.vectors.shape != shape or self.vectors.dtype != np.dtype(np.float32):
            faults.append(f"{VECTORS} is {self.vectors.shape} {self.vectors.dtype}")
        if not self._payload_file.schema_arrow.equals(PAYLOAD_SCHEMA, check_metadata=False):
            faults.append(f"{PAYLOAD} has the columns {', '.join(self._payload_file.schema_arrow.names)}")
        if self._payload_file.metadata.num_rows != manifest.count:
            faults.append(f"{PAYLOAD} has {self._payload_file.metadata.num_rows} rows")
        if faults:
            raise BundleError(
                f"the files of {self.path} do not fit together: {'; '.join(faults)}",
                expected=f"{manifest.count} × {manifest.dimension} float32 and as many rows with the columns "
                f"{', '.join(PAYLOAD_SCHEMA.names)}",
                remedy="build the index again",
            )

    @cached_property
    def _payload_file(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path / PAYLOAD)
        except (OSError, pa.ArrowInvalid) as error:
            raise BundleError(
                f"{self.path / PAYLOAD} cannot be read: {error}",
                expected="a Parquet file",
                remedy="restore the bundle from its remote, or build it again",
            ) from error

    @cached_property
    def _group_starts(self) -> npt.NDArray[np.int64]:
        """First row of each row group of the payload, and the number of rows at the end."""
        metadata = self._payload_file.metadata
        sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    @cached_property
    def _thumbnails(self) -> ShardReader:
        return ShardReader(self.path / THUMBNAILS)

    @cached_property
    def _books(self) -> tuple[npt.NDArray[np.int32], list[str]]:
        """The book of each row as an index into the list of all books."""
        column = pq.read_table(self.path / PAYLOAD, columns=["pid"], read_dictionary=["pid"])["pid"]
        coded = column.unify_dictionaries().combine_chunks()
        return np.asarray(coded.indices), coded.dictionary.to_pylist()

    def _rows_of_books(self, pids: Collection[str]) -> npt.NDArray[np.bool_]:
        codes, names = self._books
        return np.isin(codes, [code for code, name in enumerate(names) if name in pids])

    def _slice(self, tag: str) -> tuple[int, int]:
        if tag not in self.manifest.slices:
            raise EvaluationError(
                f"no figure of {self.manifest.name} has the primary tag {tag!r}",
                expected=f"one of {', '.join(self.manifest.slices)}",
                remedy="name one of these, or search without a tag",
            )
        return self.manifest.slices[tag]

    def _refuse_other_encoder(self, sha256: str) -> None:
        encoder = self.manifest.encoder
        if sha256 != encoder.sha256:
            raise BundleError(
                f"a query made by the encoder {sha256}",
                expected=f"the encoder of {self.manifest.name}: {encoder.name} {encoder.sha256}",
                remedy="embed the query with the encoder that the index names, or build the index again",
            )

    def _checked_queries(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        dimension = self.manifest.dimension
        if queries.ndim != 2 or queries.shape[1] != dimension:
            fault = f"queries of shape {queries.shape}"
        elif not np.isfinite(queries).all():
            bad = np.flatnonzero(~np.isfinite(queries).all(axis=1))
            fault = f"{len(bad)} queries that are not finite, the first in row {bad[0]}"
        elif (lengths := np.abs(np.linalg.norm(queries, axis=1) - 1)).max(initial=0) > UNIT_TOLERANCE:
            fault = f"a query in row {lengths.argmax()} that is not of unit length"
        else:
            return queries
        raise EvaluationError(
            fault,
            expected=f"finite unit vectors (q, {dimension})",
            remedy="give the vectors as the index's encoder makes them",
        )
