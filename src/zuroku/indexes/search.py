"""Searching an index bundle: open it, choose a space, find the nearest figures, tell what is known of them.

The search of one space is in ``space``; drawing results belongs to ``reports.search_sheet``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zuroku.artifacts import verify
from zuroku.datasets.shards import ShardReader
from zuroku.errors import BundleError, EvaluationError
from zuroku.indexes.bundle import (
    PAYLOAD,
    PAYLOAD_SCHEMA,
    SPACES,
    THUMBNAILS,
    IndexedFigure,
    IndexManifest,
    read_manifest,
)
from zuroku.indexes.router import Route
from zuroku.indexes.space import Nearest, Space


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
    """An index bundle on disk; ``sha256`` is that of its seal."""

    path: Path
    manifest: IndexManifest
    sha256: str

    def __len__(self) -> int:
        return self.manifest.count

    @cached_property
    def spaces(self) -> Mapping[str, Space]:
        """The spaces that hold figures, by name."""
        spaces = self.manifest.spaces.items()
        return {name: Space(name, self.path / SPACES / name, space) for name, space in spaces}

    def route(self, tag_query: Callable[[], str], space: str | None = None, tag: str | None = None) -> Route:
        """Return the space to search: the one named, that of ``tag``, the only one, or the query's own.

        ``tag_query`` returns the primary tag of the query; it is called only where nothing else decides.

        Raises:
            EvaluationError: there is no such space or tag.
            ConfigError: the query's tag leads to no space that holds figures.
        """
        if space is not None:
            return Route(self._space(space).name, "as asked for")
        if tag is not None:
            return Route(self._space_of_tag(tag).name, f"where figures tagged {tag} lie")
        if len(self.spaces) == 1:
            return Route(next(iter(self.spaces)), "the only one")
        query_tag = tag_query()
        route = self.manifest.routes.route(query_tag, self.spaces)
        return Route(route.space, f"the query is tagged {query_tag}: {route.reason}")

    def search(
        self,
        vectors: npt.NDArray[np.float32],
        k: int,
        encoder_sha256: str,
        space: str | None = None,
        tag: str | None = None,
        exclude_pids: Collection[str] = (),
        exact: bool = False,
    ) -> Nearest:
        """Return the ``k`` figures of a space most similar to each of the unit vectors ``(q, d)``.

        ``encoder_sha256`` names the encoder that made the queries. ``space`` may be left out where there is
        one only, or where ``tag``, which keeps to figures with that primary tag, tells it. Figures of the
        books ``exclude_pids`` are passed over. By tag and with ``exact`` the answer is that of a full scan;
        else that of ``Space.search``.

        Raises:
            BundleError: another encoder made the queries than made the space.
            EvaluationError: queries, ``k``, ``space`` or ``tag`` cannot be searched for.
        """
        searched = self._space(space) if space or tag is None else self._space_of_tag(tag)
        excluded = self._rows_of_books(exclude_pids) if exclude_pids else None
        return searched.search(vectors, k, encoder_sha256, tag, excluded, exact)

    def holds(self, page_ids: Collection[str]) -> set[str]:
        """Return those pages of which the index has a figure; the payload is read block by block."""
        wanted = pa.array(list(page_ids), pa.string())
        blocks = self._payload_file.iter_batches(columns=["page_id"])
        found = (block["page_id"].filter(pc.is_in(block["page_id"], wanted)) for block in blocks)
        return {page for pages in found for page in pages.to_pylist()}

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

    def check(self) -> None:
        """Check that vectors, payload and manifest fit together; all mismatches are named at once.

        Raises:
            BundleError: they do not.
        """
        faults = [fault for space in self.spaces.values() for fault in space.faults()]
        if not self._payload_file.schema_arrow.equals(PAYLOAD_SCHEMA, check_metadata=False):
            faults.append(f"{PAYLOAD} has the columns {', '.join(self._payload_file.schema_arrow.names)}")
        if self._payload_file.metadata.num_rows != len(self):
            faults.append(f"{PAYLOAD} has {self._payload_file.metadata.num_rows} rows")
        if faults:
            raise BundleError(
                f"the files of {self.path} do not fit together: {'; '.join(faults)}",
                expected=f"vectors as the manifest says, and {len(self)} rows of payload with the columns "
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

    def _space(self, name: str | None) -> Space:
        if name is None and len(self.spaces) == 1:
            return next(iter(self.spaces.values()))
        if name is None or name not in self.spaces:
            raise EvaluationError(
                f"no space is named in a search of {self.manifest.name}, which has several"
                if name is None
                else f"{self.manifest.name} has no space {name!r}",
                expected=f"one of {', '.join(self.spaces)}",
                remedy="name one of these",
            )
        return self.spaces[name]

    def _space_of_tag(self, tag: str) -> Space:
        for space in self.spaces.values():
            if tag in space.manifest.slices:
                return space
        tags = [tag for space in self.manifest.spaces.values() for tag in space.slices]
        raise EvaluationError(
            f"no figure of {self.manifest.name} has the primary tag {tag!r}",
            expected=f"one of {', '.join(tags)}",
            remedy="name one of these, or search without a tag",
        )
