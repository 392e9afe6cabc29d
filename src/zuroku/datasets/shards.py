"""Tar shards in the WebDataset convention, written in order and read by offset.

A shard is an ordinary tar of ``key.ext`` members with fixed metadata, so equal items give equal
bytes. Readers use ``pread`` at the offset kept in the manifest: no scan, no lock, any order.
"""

import io
import os
import re
import tarfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from zuroku.errors import IntegrityError

_BLOCK = 512
# Written in large pieces, a shard lies in the page cache in large pieces, and reading an item of it
# takes two thirds of the time.
_WRITE_BUFFER = 1 << 20
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")


def member_key(item_id: str, sha256: str) -> str:
    """Return the tar key of an item: its id where that is a plain name, else its SHA-256.

    WebDataset ends a key at the first dot and USTAR holds 100 bytes, so other ids cannot be names.
    """
    return item_id if _PLAIN_KEY.fullmatch(item_id) else sha256


class ShardWriter:
    """Writes one tar shard; ``add`` returns where the bytes lie."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("wb", buffering=_WRITE_BUFFER)
        self.size = 0

    def add(self, name: str, data: bytes) -> int:
        """Append a member ``name`` holding ``data`` and return the offset of its first byte."""
        info = tarfile.TarInfo(name)
        info.size = len(data)
        header = info.tobuf(tarfile.USTAR_FORMAT)
        self._file.write(header)
        self._file.write(data)
        self._file.write(bytes(-len(data) % _BLOCK))
        offset = self.size + len(header)
        self.size = offset + len(data) + (-len(data) % _BLOCK)
        return offset

    def close(self) -> None:
        """End the archive and flush it to disk."""
        self._file.write(bytes(2 * _BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close and remove the unfinished shard."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class ShardReader:
    """Reads members of the shards in ``folder`` by offset; safe to share among threads.

    At most ``max_open`` files stay open, the least recently opened closed first.
    """

    def __init__(self, folder: Path, max_open: int = 64) -> None:
        self._folder = folder
        self._max_open = max_open
        self._files: dict[str, io.FileIO] = {}

    def read(self, shard: str, offset: int, length: int) -> bytes:
        """Return ``length`` bytes at ``offset`` of ``shard``.

        Raises:
            IntegrityError: the shard is missing or ends too early.
        """
        file = self._files.get(shard) or self._open(shard)
        data = os.pread(file.fileno(), length, offset)
        if len(data) != length:
            raise IntegrityError(
                f"{self._folder / shard} ends {length - len(data)} bytes early at offset {offset}",
                expected=f"{length} bytes",
                remedy="run `dvc checkout` or ingest again: the shard is cut short",
            )
        return data

    def _open(self, shard: str) -> io.FileIO:
        try:
            file = io.FileIO(self._folder / shard, "rb")
        except FileNotFoundError as error:
            raise IntegrityError(
                f"no shard {shard} in {self._folder}",
                expected="every shard that the manifest names",
                remedy="run `dvc pull` or `dvc checkout`, or ingest again",
            ) from error
        # A file dropped here is closed when its last reader lets go of it, not under its feet.
        while len(self._files) >= self._max_open:
            self._files.pop(next(iter(self._files)), None)
        return self._files.setdefault(shard, file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.clear()

    def __getstate__(self) -> dict[str, object]:
        # Open files do not travel to worker processes; each opens its own.
        return {"_folder": self._folder, "_max_open": self._max_open, "_files": {}}
