"""The images of a collection on disk, found at any depth and read under ids that no other file claims.

What their names mean belongs to the reader of each layout.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder, is_image, list_folder
from zuroku.datasets.source import SourceItem
from zuroku.errors import ImageError


def image_files(root: Path, faults: FaultList) -> list[Path]:
    """Return the images below ``root`` (an absolute path), sorted by path; others are passed over.

    Raises:
        SourceError: a folder cannot be listed.
    """
    images: list[Path] = []
    waiting = [root]
    while waiting:
        files, folders = list_folder(waiting.pop(), root, faults)
        waiting += folders
        images += filter(is_image, files)
    return sorted(images)


def named_images(
    roots: Sequence[Path], pattern: re.Pattern[str], faults: FaultList
) -> list[tuple[Path, re.Match[str]]]:
    """Return the images below ``roots`` with the match of their stems, sorted by stem; strangers are faults.

    Raises:
        SourceError: a root is missing, or a folder cannot be listed.
    """
    found: list[tuple[Path, re.Match[str]]] = []
    for root in map(existing_folder, roots):
        for path in image_files(root, faults):
            match = pattern.fullmatch(path.stem)
            if match is None:
                faults.add(f"images not named like {pattern.pattern}", path.relative_to(root).as_posix())
            else:
                found.append((path, match))
    if not found:
        faults.add("folders without an image", ", ".join(map(str, roots)))
    return sorted(found, key=lambda entry: (entry[0].stem, entry[0]))


def file_items(entries: Iterable[tuple[Path, str, str]], licence: str, url: str) -> list[SourceItem]:
    """Return one unlabelled item per (path, item id, group).

    Where several files claim one item id nobody knows which is right: each is listed under its folder and
    name as id, and its ``read`` raises ``ImageError``, so that ingest quarantines them with that reason.
    """
    listed = list(entries)
    claims = Counter(item_id for _, item_id, _ in listed)
    items = []
    for path, item_id, group in listed:
        once = claims[item_id] == 1
        read = path.read_bytes if once else partial(_refuse_claim, item_id)
        listed_id = item_id if once else f"{path.parent.name}/{path.name}"
        items.append(SourceItem(listed_id, "", group, "", licence, url, read))
    return items


def _refuse_claim(item_id: str) -> NoReturn:
    raise ImageError(
        f"several images claim the id {item_id}", expected="one image per id", remedy="keep the right one"
    )
