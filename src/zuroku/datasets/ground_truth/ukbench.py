"""UKBench: which images show the same object. Four in a row do, once the files are sorted by name.

The collection: Nistér and Stewénius 2006, 10,200 images ``ukbench00000.jpg`` to ``ukbench10199.jpg``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zuroku.datasets.ground_truth.names import read_names
from zuroku.errors import SourceError

_GROUP = 4


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

    The gallery may be in any order: the groups come from the names once sorted.

    Raises:
        SourceError: the list cannot be read, names an image twice, or has no whole groups.
    """
    names = read_names(path)
    order = sorted(range(len(names)), key=names.__getitem__)
    groups = np.empty(len(names), dtype=np.intp)
    groups[order] = ukbench_truth(len(names)).groups
    return UkbenchTruth(groups)
