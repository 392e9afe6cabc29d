"""Rows on their way into an index: kept apart by space and primary tag on disk, then joined in that order.

Figures arrive in any order, and there may be more than memory holds. Only files and rows here; what a good
entry is, ``build`` decides.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from zuroku.datasets.shards import ShardWriter
from zuroku.indexes.bundle import PAYLOAD, PAYLOAD_SCHEMA, SPACES, THUMBNAILS, VECTORS

# Also the rows of a group in the payload: few enough to decode one group for one figure.
_BATCH_ROWS = 2048


class ThumbnailShards:
    """Tar shards of thumbnails, a new one begun once the last is large enough."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self._folder = folder / THUMBNAILS
        self._folder.mkdir()
        self._shard_bytes = shard_bytes
        self._number = 0
        self._writer: ShardWriter | None = None

    def add(self, name: str, data: bytes) -> tuple[str, int]:
        """Append ``data`` and return the shard and the offset where it lies."""
        shard = f"{self._number:06d}.tar"
        if self._writer is None:
            self._writer = ShardWriter(self._folder / shard)
        offset = self._writer.add(name, data)
        if self._writer.size >= self._shard_bytes:
            self.close()
            self._number += 1
        return shard, offset

    def close(self) -> None:
        """End the shard that is open."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


class TagSpool:
    """The rows of one tag in one space: raw vectors and a Parquet file of payload, in the order they came."""

    def __init__(self, folder: Path, number: int) -> None:
        self.count = 0
        self.vectors_path = folder / f"{number}.f32"
        self.payload_path = folder / f"{number}.parquet"
        self._vectors: list[npt.NDArray[np.float32]] = []
        self._payload: list[Mapping[str, Any]] = []
        self._vectors_file = self.vectors_path.open("wb")
        self._payload_writer = pq.ParquetWriter(self.payload_path, PAYLOAD_SCHEMA, compression="zstd")

    def add(self, vector: npt.NDArray[np.float32], payload: Mapping[str, Any]) -> None:
        """Append a row."""
        self._vectors.append(vector)
        self._payload.append(payload)
        self.count += 1
        if len(self._vectors) == _BATCH_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left and close the files."""
        try:
            self._flush()
        finally:
            self._vectors_file.close()
            self._payload_writer.close()

    def _flush(self) -> None:
        vectors, payload = self._vectors, self._payload
        self._vectors, self._payload = [], []
        if vectors:
            self._vectors_file.write(np.stack(vectors).astype("<f4", copy=False).data)
            self._payload_writer.write_table(pa.Table.from_pylist(payload, schema=PAYLOAD_SCHEMA))


def join_spools(
    spools: Mapping[tuple[str, str], TagSpool], dimensions: Mapping[str, int], folder: Path
) -> dict[str, dict[str, tuple[int, int]]]:
    """Write vectors and payload of all spools into ``folder``, in the order of their spaces' and tags' names.

    ``spools`` has them by space and tag; ``dimensions`` are those of the spaces. Returns, for each space, the
    rows ``[start, stop)`` of each tag. Spooled files are removed as soon as they are copied, so the disk
    holds the largest tag twice at most.
    """
    slices: dict[str, dict[str, tuple[int, int]]] = {}
    start = 0
    with pq.ParquetWriter(folder / PAYLOAD, PAYLOAD_SCHEMA, compression="zstd") as payload:
        for space in sorted({space for space, _ in spools}):
            by_tag = {tag: spools[space, tag] for name, tag in sorted(spools) if name == space}
            target = folder / SPACES / space
            target.mkdir(parents=True)
            _join_vectors(list(by_tag.values()), dimensions[space], target / VECTORS)
            slices[space] = {}
            for tag, spool in by_tag.items():
                with pq.ParquetFile(spool.payload_path) as file:
                    for group in range(file.num_row_groups):
                        payload.write_table(file.read_row_group(group))
                slices[space][tag] = (start, start + spool.count)
                start += spool.count
    return slices


def _join_vectors(spools: Sequence[TagSpool], dimension: int, target: Path) -> None:
    count = sum(spool.count for spool in spools)
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, dimension)}
    with target.open("wb") as vectors:
        np.lib.format.write_array_header_1_0(vectors, header)
        for spool in spools:
            with spool.vectors_path.open("rb") as file:
                shutil.copyfileobj(file, vectors, 1 << 20)
            spool.vectors_path.unlink()
