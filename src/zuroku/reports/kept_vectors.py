"""What a network makes of the photographs of a dataset, kept by block: computed once, however often it stops.

An evaluation, a release and an index ask the same network about the same photographs. What is kept lies
under the hashes of both and the number of the code that made it; what it is used for belongs elsewhere.
"""

import io
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from zuroku.artifacts import locked, room, write_atomically
from zuroku.datasets.manifest import Dataset

_FORMAT = 1
"""Raise it with the code that makes vectors: how pictures are read, cut, embedded, and what a block holds."""
_KEPT_DAYS = 30
"""Four weekly trainings; a country's photographs take 1.5 GB for each network."""

Arrays = dict[str, npt.NDArray[Any]]


class KeptVectors:
    """Arrays of one network and one dataset, by block of photographs.

    ``folder`` holds those of many; what nothing has asked for in 30 days is deleted. ``network`` names the
    weights by their SHA-256, and what else decides what it makes of a picture.
    """

    def __init__(self, folder: Path, network: str, dataset: Dataset) -> None:
        self._folder = folder / f"{network}-{dataset.version[:16]}-{_FORMAT}"
        # What one process finds old, another may be about to use or to delete.
        with room(folder, "vectors"), locked(folder / ".lock"):
            self._folder.mkdir(exist_ok=True)
            os.utime(self._folder)
            for old in folder.glob("[!.]*"):
                if old.stat().st_mtime < time.time() - _KEPT_DAYS * 24 * 3600:
                    shutil.rmtree(old, ignore_errors=True)

    def block(self, start: int, stop: int, make: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of the photographs in rows ``[start, stop)`` of the dataset, made if need be.

        Each array has a row for each photograph. A block that is damaged is made again.

        Raises:
            StorageError: the disk is full. The blocks before stay.
        """
        path = self._folder / f"{start:09d}-{stop:09d}.npz"
        try:
            with np.load(path) as kept:
                return {name: kept[name] for name in kept.files}
        except (FileNotFoundError, EOFError, ValueError, BadZipFile):
            # Not there yet, cut short, or its checksum does not hold.
            made = make()
        written = io.BytesIO()
        np.savez(written, **made)  # type: ignore[arg-type]  # numpy also takes a flag by name
        with room(self._folder, "vectors", kept="what was computed stays"):
            # Of a run of weeks, another may have found the folder old.
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, written.getvalue())
        return made
