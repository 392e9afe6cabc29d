"""Lists of image names, one per line: the order in which a gallery is indexed.

What the names say about groups and queries, the reader of each collection knows.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zuroku.datasets.faults import FaultList
from zuroku.errors import SourceError


def read_text(path: Path) -> str:
    """Return the UTF-8 text of the file at ``path``.

    Raises:
        SourceError: there is no such file, it cannot be read, or it is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise SourceError(
            f"{path} cannot be read: {reason}",
            expected="a text file in UTF-8",
            remedy="name the file as the publisher packs it, or take it again",
        ) from error


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names in the file at ``path``, one per line, in its order; blank lines are passed over.

    Raises:
        SourceError: the file cannot be read, names nothing, or names an image twice.
    """
    names = tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    faults = FaultList()
    if not names:
        faults.add("lists without a name", str(path))
    note_repeats(names, faults)
    faults.raise_if_any(
        str(path),
        expected="one image name per line, none twice",
        remedy="write the list of the gallery again",
    )
    return names


def note_repeats(names: Sequence[str], faults: FaultList) -> None:
    """Note in ``faults`` every name that comes twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            faults.add("names that come twice", name)
        seen.add(name)


def group_codes(groups: Sequence[str]) -> NDArray[np.intp]:
    """Return the number of each image's group ``(n,)``, counted in the order in which groups appear."""
    place = {group: code for code, group in enumerate(dict.fromkeys(groups))}
    return np.array([place[group] for group in groups], dtype=np.intp)
