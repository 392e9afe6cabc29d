"""What was found around each point, one JSON line per point, so that a killed search goes on where it was."""

import hashlib
import json
import os
from pathlib import Path

from zuroku.artifacts import write_atomically
from zuroku.config import canonical_json
from zuroku.datasets.places.mapillary_api import ImageRecord


class SearchRecord:
    """The file at ``path``, valid for one ``search`` only: under another one it begins anew.

    A line that a kill cut short is dropped, and its point searched again.
    """

    def __init__(self, path: Path, search: dict[str, object]) -> None:
        self._path = path
        head = canonical_json({"search": hashlib.sha256(canonical_json(search).encode()).hexdigest()})
        self._found: dict[str, list[ImageRecord]] = {}
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        kept = [head]
        if lines and lines[0] == head:
            # What follows the last line end is empty, or cut short.
            for line in lines[1:-1]:
                entry = json.loads(line)
                self._found[entry["point"]] = [ImageRecord.model_validate(image) for image in entry["images"]]
                kept.append(line)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(f"{line}\n" for line in kept).encode())

    def get(self, point: str) -> list[ImageRecord] | None:
        """Return what was found around ``point``, None where nobody has searched yet."""
        return self._found.get(point)

    def add(self, point: str, images: list[ImageRecord]) -> None:
        """Keep ``images`` as what was found around ``point``, on disk before this returns."""
        self._found[point] = images
        entry = {"point": point, "images": [image.model_dump(mode="json") for image in images]}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{canonical_json(entry)}\n")
            file.flush()
            os.fsync(file.fileno())
