"""INRIA Holidays (Jégou, Douze and Schmid 2008): 1,491 photographs of 500 scenes.

The published archives hold ``jpg/NNNNNN.jpg``. Photographs whose numbers agree but for the last two digits
show one scene, and the first of them is its query. How a ranking is scored belongs to ``evaluation``.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from zuroku.datasets.faults import FaultList
from zuroku.datasets.photos.image_files import file_items, named_images
from zuroku.datasets.source import SourceItem

_NAME = re.compile(r"(?P<scene>\d{4})(?P<shot>\d{2})")


def holidays_id(scene: int, shot: int) -> str:
    """Return the item id of photograph ``shot`` (from 0, the query) of ``scene`` (from 1000)."""
    return f"{scene:04}{shot:02}"


def holidays_items(roots: Sequence[Path], licence: str, url: str) -> list[SourceItem]:
    """List the photographs below ``roots`` in the order of their numbers; the group is the scene.

    Raises:
        SourceError: no image, other names, or a scene without its query or with nothing else.
    """
    faults = FaultList()
    found = named_images(roots, _NAME, faults)
    shots: defaultdict[str, set[int]] = defaultdict(set)
    for _, match in found:
        shots[match["scene"]].add(int(match["shot"]))
    for scene, numbers in sorted(shots.items()):
        if 0 not in numbers:
            faults.add("scenes without their query", f"{scene}00")
        elif len(numbers) == 1:
            faults.add("scenes with nothing but their query", f"{scene}00")
    faults.raise_if_any(
        ", ".join(map(str, roots)),
        expected="NNNNNN.jpg, of each scene one that ends in 00 and at least another",
        remedy="unpack all published archives, or move away what does not belong",
    )
    return file_items(((path, path.stem, match["scene"]) for path, match in found), licence, url)
