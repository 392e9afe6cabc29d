"""What was found around each point, one JSON line per point, so that a killed search goes on where it was.

The file is read line by line and only ever grows: what it holds of a whole country does not fit into memory.
"""

import hashlib
import json
import logging
import os
from pathlib import Path

from zuroku.artifacts import write_atomically
from zuroku.config import canonical_json
from zuroku.datasets.places.mapillary_api import Around

FORMAT = 1
"""Of the lines after the head; raise it with every change of them, or of ``Around``."""

_log = logging.getLogger(__name__)


class SearchRecord:
    """The file at ``path``, valid for one ``search`` and ``FORMAT`` only.

    That of another one is put aside, and taken up again when somebody searches so again: searches are paid
    for. A line that a kill cut short is dropped, and its point searched again.
    """

    def __init__(self, path: Path, search: dict[str, object]) -> None:
        self._path = path
        # Where the line of each point begins.
        self._starts: dict[str, int] = {}
        digest = hashlib.sha256(canonical_json(search).encode()).hexdigest()
        head = f"{canonical_json({'format': FORMAT, 'search': digest})}\n".encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not self._continued(head):
            self._put_aside(head)
        if not path.exists() and (earlier := self._aside(head)).exists():
            # A kill came while the two changed places.
            os.replace(earlier, path)
            self._continued(head)
        if not path.exists():
            write_atomically(path, head)

    def get(self, point: str) -> Around | None:
        """Return what was found around ``point``, None where nobody has searched yet."""
        if point not in self._starts:
            return None
        with self._path.open("rb") as file:
            file.seek(self._starts[point])
            return Around.model_validate(json.loads(file.readline())["around"])

    def add(self, point: str, around: Around) -> None:
        """Keep ``around`` as what was found around ``point``, on disk before this returns."""
        entry = {"point": point, "around": around.model_dump(mode="json")}
        with self._path.open("ab") as file:
            self._starts[point] = file.tell()
            file.write(f"{canonical_json(entry)}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def _put_aside(self, head: bytes) -> None:
        """Move the record away, and one that begins with ``head`` to its place, if there is one."""
        with self._path.open("rb") as file:
            aside = self._aside(file.readline())
        os.replace(self._path, aside)
        earlier = self._aside(head)
        now = "every point is searched anew"
        if earlier.exists():
            os.replace(earlier, self._path)
            self._continued(head)
            now = f"{earlier} goes on"
        _log.warning("%s is of another search or format: kept as %s; %s", self._path, aside, now)

    def _aside(self, head: bytes) -> Path:
        digest = hashlib.sha256(head).hexdigest()[:12]
        return self._path.with_name(f"{self._path.stem}-{digest}{self._path.suffix}")

    def _continued(self, head: bytes) -> bool:
        """Note where points stand and cut off what follows the last line end, if it is the same search."""
        with self._path.open("rb") as file:
            if file.readline() != head:
                return False
            end = len(head)
            for line in file:
                if line.endswith(b"\n"):
                    self._starts[json.loads(line)["point"]] = end
                    end += len(line)
        os.truncate(self._path, end)
        return True
