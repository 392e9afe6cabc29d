"""One space of an index on disk: the vectors of one encoder, searched in whole or by tag.

What is known of the figures belongs to ``search``. Rows are those of the whole index.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zuroku.errors import BundleError, EvaluationError
from zuroku.indexes.approximate import Codes, approximate_rows, read_codes
from zuroku.indexes.bundle import CODES, ENCODER, UNIT_TOLERANCE, VECTORS, SpaceManifest
from zuroku.indexes.nearest import (
    HALVED_ROWS,
    Halves,
    Mask,
    halves,
    nearest_rows,
    nearest_rows_by_halves,
)

# Of 512 dimensions 128 MiB. What comes later is scanned: making room for it would take longer than scans.
_MOST_HALVED_ROWS = 131_072


@dataclass(frozen=True)
class Nearest:
    """The nearest rows of each query, best first.

    ``scores`` is ``(q, k)`` float32 cosine similarity, ``rows`` ``(q, k)`` int64; NaN and −1 where fewer
    than ``k`` figures are left. If fewer than ``k`` were searched, there are as many columns as figures.
    """

    scores: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Space:
    """The space ``name`` in the folder ``path``. Vectors are mapped, not read; codes are read once."""

    name: str
    path: Path
    manifest: SpaceManifest

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

    @cached_property
    def _codes(self) -> Codes:
        return read_codes(self.path / CODES, self.manifest.count, self.manifest.dimension)

    @cached_property
    def _halved(self) -> dict[tuple[int, int], Halves]:
        """Copies in half precision of the vectors ``[start, stop)`` that were searched."""
        return {}

    def _halves(self, start: int, stop: int) -> Halves | None:
        kept = sum(last - first for first, last in list(self._halved))  # others may add to it meanwhile
        if (start, stop) not in self._halved and kept + stop - start <= _MOST_HALVED_ROWS:
            self._halved[start, stop] = halves(self.vectors[start:stop])
        return self._halved.get((start, stop))

    @property
    def encoder_folder(self) -> Path:
        """The folder of the bundle of the encoder that made the vectors.

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

    def faults(self) -> list[str]:
        """Return in what the files differ from the manifest.

        Raises:
            BundleError: they cannot be read.
        """
        shape = (self.manifest.count, self.manifest.dimension)
        if self.manifest.approximate:
            _ = self._codes
        if self.vectors.shape != shape or self.vectors.dtype != np.dtype(np.float32):
            found = f"{self.path / VECTORS} is {self.vectors.shape} {self.vectors.dtype}"
            return [f"{found} instead of {shape} float32"]
        return []

    def search(
        self,
        vectors: npt.NDArray[np.float32],
        k: int,
        encoder_sha256: str,
        tag: str | None = None,
        excluded: Mask | None = None,
        exact: bool = False,
    ) -> Nearest:
        """Return the ``k`` figures most similar to each of the unit vectors ``(q, d)``.

        A tag is always searched exactly, the whole space by candidates where it has codes, unless ``exact``.
        ``encoder_sha256`` names the encoder that made the queries; rows where ``excluded``, ``(n,)`` bool of
        the whole index, is true are passed over.

        Raises:
            BundleError: another encoder made the queries than made this space.
            EvaluationError: queries, ``k`` or ``tag`` cannot be searched for.
        """
        self._refuse_other_encoder(encoder_sha256)
        queries = self._checked_queries(vectors)
        if k < 1:
            raise EvaluationError(f"k = {k}", expected="at least one neighbour", remedy="ask for more")
        first = self.manifest.rows[0]
        start, stop = self.manifest.rows if tag is None else self._slice(tag)
        # Room for neighbours that cannot be is never made, whatever is asked for.
        k = min(k, stop - start)
        excluded = None if excluded is None else excluded[start:stop]
        gallery = np.asarray(self.vectors[start - first : stop - first])
        by_halves = len(queries) == 1 and len(gallery) in HALVED_ROWS and not exact
        if tag is None and self.manifest.approximate and not exact:
            scores, rows = approximate_rows(self._codes, queries, gallery, k, excluded)
        elif by_halves and (halved := self._halves(start - first, stop - first)):
            scores, rows = nearest_rows_by_halves(halved, queries, gallery, k, excluded)
        else:
            scores, rows = nearest_rows(queries, gallery, k, excluded)
        return Nearest(scores, np.where(rows < 0, rows, rows + start))

    def _slice(self, tag: str) -> tuple[int, int]:
        if tag not in self.manifest.slices:
            raise EvaluationError(
                f"no figure in the space {self.name} has the primary tag {tag!r}",
                expected=f"one of {', '.join(self.manifest.slices)}",
                remedy="name one of these, or search without a tag",
            )
        return self.manifest.slices[tag]

    def _refuse_other_encoder(self, sha256: str) -> None:
        encoder = self.manifest.encoder
        if sha256 != encoder.sha256:
            raise BundleError(
                f"a query made by the encoder {sha256}",
                expected=f"the encoder of the space {self.name}: {encoder.name} {encoder.sha256}",
                remedy="embed the query with the encoder that the space names, or build the index again",
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
            remedy="give the vectors as the space's encoder makes them",
        )
