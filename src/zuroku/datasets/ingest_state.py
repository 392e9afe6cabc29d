"""How far an ingest has come: which shards are finished, and what is in them.

It lies outside the folder that becomes the dataset, so that nothing has to be tidied out of that one before
it is moved into place.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zuroku.artifacts import write_atomically
from zuroku.datasets.manifest import SHARDS


@dataclass(frozen=True)
class IngestState:
    """The dataset's ``folder`` to be, and what has been done (``state``).

    Whatever a kill leaves of both, the next run goes on from it or begins anew.
    """

    folder: Path
    state: Path

    def prepare(self, fingerprint: str) -> None:
        """Keep what is there if it belongs to this very collection, else begin anew."""
        if self._mark.is_file() and self._mark.read_text() == fingerprint and self.folder.is_dir():
            return
        self.forget()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / SHARDS).mkdir(parents=True)
        self._parts.mkdir(parents=True)
        write_atomically(self._mark, fingerprint.encode())

    def forget(self) -> None:
        """Remove what has been done; its mark first, because the rest is true only in whole."""
        self._mark.unlink(missing_ok=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def commit(self, number: int, part: Mapping[str, Any]) -> None:
        """Remember that shard ``number`` is finished; ``part`` says what it consumed and holds."""
        write_atomically(self._parts / f"{number:06d}.json", json.dumps(part).encode())

    def committed(self) -> Iterator[dict[str, Any]]:
        """Yield the parts of the finished shards, in order, one in memory at a time."""
        for path in sorted(self._parts.glob("[0-9]*.json")):
            yield json.loads(path.read_bytes())

    def resume_point(self) -> tuple[int, int]:
        """Return how many items the finished shards consumed, and the number of the next shard."""
        done = number = 0
        for part in self.committed():
            done, number = part["consumed"], number + 1
        return done, number

    @property
    def _mark(self) -> Path:
        return self.state / "fingerprint"

    @property
    def _parts(self) -> Path:
        return self.state / "parts"
