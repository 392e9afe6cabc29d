"""Pages that nobody has annotated: a folder of images, or a folder of one folder of images per book."""

import re
from collections import Counter
from pathlib import Path

from pydantic import Field

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder import book_folder_items
from zuroku.datasets.folder_listing import existing_folder, is_image, list_folder
from zuroku.datasets.pages.annotated import Address, claimed_twice
from zuroku.datasets.source import SourceItem

# NDL names pages PID_frame, and figures cut from them PID_frame_index.
_NDL_NAME = re.compile(r"(\d+)_\d+(?:_\d+)?")


class PageFolderSettings(Settings):
    """Where the pages lie: ``<root>/<book>/<name>.jpg`` or ``<root>/<name>.jpg``."""

    root: Path
    licence: str = Field(min_length=1)
    source_url: Address = ""


def page_folder_items(settings: PageFolderSettings) -> list[SourceItem]:
    """List the pages of the folder, sorted by name; books as ``book_folder_items`` does.

    In a plain folder of images the item id is the file stem, and the book is the PID where the name
    begins with one, else the folder.

    Raises:
        SourceError: no image, images both in the root and in folders, or links that leave the folder.
    """
    root = existing_folder(settings.root)
    faults = FaultList()
    files, folders = list_folder(root, root, faults)
    images = [path for path in files if is_image(path)]
    if folders or not images:
        return book_folder_items(root, settings.licence, source_url=settings.source_url)
    faults.raise_if_any(
        str(root), expected="plain image files", remedy="move away or rename what does not belong"
    )
    claims = Counter(path.stem for path in images)
    items = []
    for path in images:
        match = _NDL_NAME.fullmatch(path.stem)
        group = match[1] if match else root.name
        url = settings.source_url.format(item_id=path.stem, group=group)
        once = claims[path.stem] == 1
        read = path.read_bytes if once else claimed_twice(path.stem)
        items.append(SourceItem(path.stem if once else path.name, "", group, "", settings.licence, url, read))
    return items
