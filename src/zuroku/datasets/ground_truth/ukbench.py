"""UKBench: which images show the same object. Four in a row do, once the files are sorted by name.

The collection: Nistér and Stewénius 2006, 10,200 images ``ukbench00000.jpg`` to ``ukbench10199.jpg``. Names
of this form tell the object by their number; of other names, only their order can.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zuroku.datasets.faults import FaultList
from zuroku.datasets.ground_truth.names import read_names
from zuroku.errors import SourceError

_GROUP = 4
_NUMBERED = re.compile(r"(?:.*/)?ukbench(\d{5})(?:\.\w+)?")


@dataclass(frozen=True)
class UkbenchTruth:
    """The group ``(n,)`` of each image, in the order of the gallery."""

    groups: NDArray[np.intp]


def ukbench_truth(n_images: int) -> UkbenchTruth:
    """Return the groups of ``n_images`` images that lie in the order of their names.

    Raises:
        SourceError: they do not make up whole groups.
    """
    if n_images < 1 or n_images % _GROUP:
        raise SourceError(
            f"{n_images} images of UKBench",
            expected="groups of four images: 10,200, or another multiple of four",
            remedy="take the whole collection, or whole groups of it",
        )
    return UkbenchTruth(np.arange(n_images) // _GROUP)


def read_ukbench(path: Path) -> UkbenchTruth:
    """Read the list of the gallery's file names at ``path``, one per line.

    The gallery may be in any order: the groups come from the numbers of the collection's own names, and of
    other names once they are sorted.

    Raises:
        SourceError: the list cannot be read, names an image twice, or has no whole groups.
    """
    names = read_names(path)
    matches = [_NUMBERED.fullmatch(name) for name in names]
    numbers = [int(match[1]) for match in matches if match]
    if len(numbers) == len(names):
        return _numbered(path, numbers)
    order = sorted(range(len(names)), key=names.__getitem__)
    groups = np.empty(len(names), dtype=np.intp)
    groups[order] = ukbench_truth(len(names)).groups
    return UkbenchTruth(groups)


def _numbered(path: Path, numbers: list[int]) -> UkbenchTruth:
    """Return the groups of the images of these numbers: 0 to 3, 4 to 7 and so on show one object each."""
    faults = FaultList()
    groups = [number // _GROUP for number in numbers]
    counts = Counter(numbers)
    for group in sorted(set(groups)):
        first = group * _GROUP
        if any(counts[number] != 1 for number in range(first, first + _GROUP)):
            faults.add("groups that are not whole", f"{first:05} to {first + _GROUP - 1:05}")
    faults.raise_if_any(
        str(path),
        expected="of each object all four images, such as ukbench00000.jpg to ukbench00003.jpg",
        remedy="take the whole collection, or whole groups of it, and index the same images",
    )
    return UkbenchTruth(np.array(groups, dtype=np.intp))
