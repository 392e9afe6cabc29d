"""A memory-mapped array whose rows are computed once, whatever comes between; not what the rows hold.

Training reads every item in every epoch; the file is mapped, not loaded, so memory does not grow with it.
"""

import json
from collections.abc import Callable, Iterable
from os import posix_fallocate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zuroku.artifacts import room, write_atomically

_SAVED_ROWS = 256
"""After so many rows the count is written: a kill costs no more of them."""


def mapped_rows(
    path: Path,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    blocks: Callable[[int], Iterable[npt.NDArray[Any]]],
) -> npt.NDArray[Any]:
    """Return the array of ``shape`` in the file ``path``, read-only; what is missing of it is computed.

    ``blocks(start)`` gives the rows from ``start`` on, ``(k, *shape[1:])`` at a time; ``start`` is 0 or the
    end of an earlier block. All of the room is taken before the first row: into a mapped file with holes, a
    write on a full disk kills the process. An array of another shape or type at ``path`` is replaced.

    Raises:
        StorageError: the disk has no room for the array.
    """
    aside, counted = path.with_suffix(".partial"), path.with_suffix(".rows")
    if not _is(path, shape, dtype):
        n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        with room(path.parent, f"{n_bytes / 1e9:,.1f} GB of {path.name}", "finished rows are kept"):
            done = int(json.loads(counted.read_bytes())) if counted.exists() else 0
            if not done or not _is(aside, shape, dtype):
                done = 0
                counted.unlink(missing_ok=True)
                _allocate(aside, shape, dtype)
            _fill(aside, counted, done, blocks)
        aside.rename(path)
        counted.unlink(missing_ok=True)
    mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r")
    return mapped


def _is(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> bool:
    if not path.exists():
        return False
    found = np.load(path, mmap_mode="r")
    return bool(found.shape == shape and found.dtype == dtype)


def _allocate(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Make the file of an array, all of its blocks on disk, or no file."""
    kind = np.dtype(dtype)
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    try:
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.flush()
            posix_fallocate(file.fileno(), 0, file.tell() + int(np.prod(shape)) * kind.itemsize)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fill(path: Path, counted: Path, done: int, blocks: Callable[[int], Iterable[npt.NDArray[Any]]]) -> None:
    stored = np.load(path, mmap_mode="r+")
    saved = done
    for block in blocks(done):
        stored[done : done + len(block)] = block
        done += len(block)
        if done - saved >= _SAVED_ROWS:
            # First the rows, then their count: after a power cut it must not promise more than there is.
            stored.flush()
            write_atomically(counted, json.dumps(done).encode())
            saved = done
    stored.flush()
