"""The Kentucky benchmark (Nistér and Stewénius 2006): 2,550 objects, each photographed four times.

The published archive holds ``full/ukbench00000.jpg`` to ``ukbench10199.jpg`` beside thumbnails; four
consecutive numbers show one object. How a ranking is scored belongs to ``evaluation``.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from zuroku.datasets.faults import FaultList
from zuroku.datasets.photos.image_files import file_items, named_images
from zuroku.datasets.source import SourceItem

VIEWS = 4
"""Photographs of each object."""

_NAME = re.compile(r"ukbench(?P<number>\d{5})")
_FULL = "full"


def ukbench_id(number: int) -> str:
    """Return the item id of photograph ``number``."""
    return f"ukbench{number:05}"


def ukbench_group(number: int) -> str:
    """Return the object that photograph ``number`` shows, by its number among the objects."""
    return f"{number // VIEWS:05}"


def ukbench_items(roots: Sequence[Path], licence: str, url: str) -> list[SourceItem]:
    """List the photographs below ``roots`` in the order of their numbers; the group is the object.

    Of a root with a folder ``full`` only that is read: the thumbnails beside it have the same names.

    Raises:
        SourceError: no image, other names, or an object with other than four photographs, which the score
            takes for granted.
    """
    faults = FaultList()
    folders = [root / _FULL if (root / _FULL).is_dir() else root for root in roots]
    found = [(path, int(match["number"])) for path, match in named_images(folders, _NAME, faults)]
    sizes = Counter(ukbench_group(number) for number in {number for _, number in found})
    for group, size in sorted(sizes.items()):
        if size != VIEWS:
            faults.add(f"objects without {VIEWS} photographs", f"{group}: {size}")
    faults.raise_if_any(
        ", ".join(map(str, folders)),
        expected="ukbench00000.jpg and so on, four consecutive numbers per object",
        remedy="unpack the published archive again, or move away what does not belong",
    )
    return file_items(((path, path.stem, ukbench_group(number)) for path, number in found), licence, url)
