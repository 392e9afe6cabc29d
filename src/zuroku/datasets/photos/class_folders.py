"""Photographs in class folders, or flat in one folder without classes.

Collections with tables or landmarks of their own have modules of their own.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder
from zuroku.datasets.photos.image_files import image_files
from zuroku.datasets.source import SourceItem


def folder_items(
    roots: Sequence[Path], licence: str, url: str, group_pattern: re.Pattern[str]
) -> list[SourceItem]:
    """List ``<root>/<class>/<name>.jpg`` and ``<root>/<name>.jpg``, sorted by path.

    The item id is the path below ``root`` without its suffix; the label is the class folder, empty for
    images without one. The group is the class and what ``group_pattern`` finds in parentheses in the stem,
    which it must match as a whole.

    Raises:
        SourceError: no image, images below class folders' folders, stems that do not match, or two images
            with one id.
    """
    faults = FaultList()
    items: dict[str, SourceItem] = {}
    for root in map(existing_folder, roots):
        for path in image_files(root, faults):
            place = path.relative_to(root)
            item_id = unicodedata.normalize("NFC", place.with_suffix("").as_posix())
            *above, stem = item_id.split("/")
            match = group_pattern.fullmatch(stem)
            if len(above) > 1:
                faults.add("images in folders of class folders", place.as_posix())
            elif match is None:
                faults.add(f"images not named like {group_pattern.pattern}", place.as_posix())
            elif item_id in items:
                faults.add("images with one id", item_id)
            else:
                group = "/".join([*above, match[1]])
                label = "".join(above)
                items[item_id] = SourceItem(item_id, label, group, "", licence, url, path.read_bytes)
    if not items:
        faults.add("folders without an image", ", ".join(map(str, roots)))
    faults.raise_if_any(
        ", ".join(map(str, roots)),
        expected="images in class folders, or in one folder",
        remedy="move away or rename what does not belong",
    )
    return [items[item_id] for item_id in sorted(items)]
