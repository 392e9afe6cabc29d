"""Annotated pages in COCO's JSON: ``images``, ``annotations`` with ``bbox``, ``categories``.

Only boxes are read (https://cocodataset.org/#format-data, object detection); outlines, crowds and
captions mean nothing for a page.
"""

import codecs
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder, table_file
from zuroku.datasets.pages.annotated import FIGURE_CLASSES, Address, page_label, read_page
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import Zone
from zuroku.errors import SourceError


class CocoSettings(Settings):
    """Where the JSON and the images lie, and which field of an image names its group."""

    annotations: Path = Field(description="the JSON file")
    images: Path = Field(description="the folder in which file_name lies")
    group_field: str = Field(min_length=1, description="field of an image that names its group: the book")
    licence: str = Field(min_length=1)
    source_url: Address = ""


class _Image(BaseModel):
    # The field of the group has another name in every collection.
    model_config = ConfigDict(extra="allow")

    id: int
    file_name: str
    width: int
    height: int


class _Box(BaseModel):
    """``bbox`` is left, top, width and height in pixels."""

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class _Category(BaseModel):
    id: int
    name: str


class _Coco(BaseModel):
    images: list[_Image]
    annotations: list[_Box]
    categories: list[_Category]


def coco_items(
    settings: CocoSettings, classes: Collection[str], figure_classes: Collection[str] = FIGURE_CLASSES
) -> list[SourceItem]:
    """List the pages that the JSON names, sorted by item id, which is the file name without its suffix.

    The label is ``illustrated`` if a zone has one of ``figure_classes``, else ``plain``. An image
    without annotations is a page on which there is nothing to mark. A page whose size or zones disagree
    with its annotation stays in the list, and its ``read`` raises ``ImageError``.

    Raises:
        SourceError: no COCO, images missing or outside their folder, ids given twice or unknown, crowds, or
            classes that ``classes`` lacks; all faults are listed at once.
    """
    coco = _parse(settings.annotations)
    root = existing_folder(settings.images)
    faults = FaultList()
    for kind, entries in (
        ("images", coco.images),
        ("annotations", coco.annotations),
        ("categories", coco.categories),
    ):
        _note_doubles(f"{kind} with one id", (entry.id for entry in entries), faults)
    zones = _zones_by_image(coco, classes, faults)
    items = [
        item
        for image in coco.images
        if (item := _item(image, tuple(zones[image.id]), settings, root, figure_classes, faults))
    ]
    _note_doubles("images with one file name", (item.item_id for item in items), faults)
    if not coco.images:
        faults.add("files without an image", settings.annotations.name)
    faults.raise_if_any(
        str(settings.annotations),
        expected=f"COCO whose images lie in {root}, each with {settings.group_field!r}; the classes are "
        f"{', '.join(classes)}",
        remedy="mend the JSON, restore the images, or add the classes to the configuration",
    )
    return sorted(items, key=lambda item: item.item_id)


def _parse(path: Path) -> _Coco:
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}",
            expected="a JSON file in COCO's form",
            remedy="check the path in the configuration and the rights of the file",
        ) from error
    try:
        return _Coco.model_validate_json(data)
    except ValidationError as error:
        faults = FaultList()
        for fault in error.errors(include_url=False, include_context=False):
            names = ".".join(part for part in fault["loc"] if isinstance(part, str))
            place = ".".join(map(str, fault["loc"])) or "the whole"
            faults.add(f"× {names or 'the whole'}: {fault['msg']}", place)
        faults.raise_if_any(
            str(path),
            expected="COCO: images (id, file_name, width, height), annotations (id, image_id, category_id, "
            "bbox of four numbers) and categories (id, name)",
            remedy="export it again from the annotation tool as COCO for object detection",
        )
        raise AssertionError("pydantic reports at least one fault") from error


def _zones_by_image(coco: _Coco, classes: Collection[str], faults: FaultList) -> dict[int, list[Zone]]:
    names = {category.id: category.name for category in coco.categories}
    images = {image.id for image in coco.images}
    zones: dict[int, list[Zone]] = defaultdict(list)
    for box in coco.annotations:
        place = f"annotation {box.id}"
        if box.image_id not in images:
            faults.add("annotations of an image that is not listed", f"{place}: image {box.image_id}")
        if box.iscrowd:
            faults.add("annotations of a crowd", place)
        label = names.get(box.category_id)
        if label is None:
            faults.add("annotations of a category that is not listed", f"{place}: category {box.category_id}")
        elif label not in classes:
            faults.add("annotations of a class that the configuration lacks", f"{place}: {label!r}")
        else:
            x, y, width, height = box.bbox
            zones[box.image_id].append(Zone(label, x, y, x + width, y + height))
    return zones


def _item(
    image: _Image,
    zones: tuple[Zone, ...],
    settings: CocoSettings,
    root: Path,
    figure_classes: Collection[str],
    faults: FaultList,
) -> SourceItem | None:
    place = f"image {image.id}"
    path = table_file(root, image.file_name, place, faults)
    group = _text(image, settings.group_field)
    if not group:
        faults.add(f"images without {settings.group_field!r}", place)
    if path is None:
        return None
    item_id = path.relative_to(root).with_suffix("").as_posix()
    url = settings.source_url.format(item_id=item_id, group=group)
    read = partial(read_page, path, zones, (image.width, image.height))
    return SourceItem(item_id, page_label(zones, figure_classes), group, "", settings.licence, url, read)


def _text(image: _Image, field: str) -> str:
    """Return a further field of an image; numbers as text, empty where it is missing or of another kind."""
    value: Any = (image.model_extra or {}).get(field)
    return str(value).strip() if isinstance(value, str | int) else ""


def _note_doubles(kind: str, keys: Iterable[object], faults: FaultList) -> None:
    for key, count in Counter(keys).items():
        if count > 1:
            faults.add(kind, f"{key} ({count} times)")
