"""Annotated pages in the layouts of NDL-DocL: Pascal VOC beside the images, or in a folder of its own.

The layouts are those of https://github.com/ndl-lab/layout-dataset: ``PID/PID_0003.jpg`` with its
``.xml`` beside it, where the folder's name may go on with the title in parentheses, and
``PID/image/PID_0003.jpg`` with ``PID/xml/PID_0003.xml``. What stands in an XML is read by ``voc_xml``.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from pydantic import Field, field_validator

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder, is_image, list_folder
from zuroku.datasets.pages.annotated import (
    FIGURE_CLASSES,
    Address,
    claimed_twice,
    page_label,
    read_page,
    refusal,
)
from zuroku.datasets.pages.voc_xml import Annotation, read_voc
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import NDL_DOCL_CLASSES, ZonedImage
from zuroku.errors import ImageError

_INNER_FOLDERS = ("image", "xml")
_TITLE = re.compile(r"[^(]+\((?P<title>.+)\)")


class VocSettings(Settings):
    """Where a collection in one of NDL-DocL's layouts lies."""

    root: Path
    licence: str = Field(min_length=1)
    group_pattern: str = Field(
        default=r"(\d+)_\d+",
        description="what the whole file stem must match; its first parenthesis is the group",
    )
    source_url: Address = ""

    @field_validator("group_pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if groups == 0:
            raise ValueError(r"without a parenthesis nothing names the group; NDL's is (\d+)_\d+")
        return pattern


def voc_items(
    settings: VocSettings,
    classes: Collection[str] = NDL_DOCL_CLASSES,
    figure_classes: Collection[str] = FIGURE_CLASSES,
) -> list[SourceItem]:
    """List the pages below ``settings.root``, at any depth, sorted by path.

    The item id is the file stem (``PID_frame``), the title what the book's folder has in parentheses,
    the label ``illustrated`` if a zone has one of ``figure_classes``, else ``plain``. A page whose
    annotation is missing, doubled, broken or does not fit stays in the list, and its ``read`` raises
    ``ImageError``. So do images that claim one item id, each listed under its path.

    Raises:
        SourceError: zones of a class that ``classes`` lacks, annotations without an image, misnamed
            images, links that leave the folder, or no image at all; all faults are listed at once.
    """
    root = existing_folder(settings.root)
    faults = FaultList()
    images, xmls = _walk(root, faults)
    annotations: dict[Path, list[Path]] = {}
    for xml in xmls:
        annotations.setdefault(_place(xml), []).append(xml)
    claims = Counter(_nfc(image.stem) for image in images)
    items = []
    for image in images:
        stem = _nfc(image.stem)
        found = annotations.get(_place(image), [])
        match = re.fullmatch(settings.group_pattern, stem)
        if match is None or not match[1]:
            faults.add(f"file names not of the form {settings.group_pattern}", _relative(image, root))
            continue
        label, read = _label_and_read(image, found, root, classes, figure_classes, faults)
        item_id = stem
        if claims[stem] > 1:
            item_id, label, read = _relative(image, root), "", claimed_twice(stem)
        url = settings.source_url.format(item_id=stem, group=match[1])
        items.append(SourceItem(item_id, label, match[1], _title(image), settings.licence, url, read))
    _note_orphans(images, annotations, root, faults)
    if not images:
        faults.add("folders without an image", str(root))
    faults.raise_if_any(
        str(root),
        expected="PID/PID_frame.jpg with its .xml beside it, or PID/image/*.jpg and PID/xml/*.xml; the "
        f"classes are {', '.join(classes)}",
        remedy="add the class to the configuration, restore the image, or move away what does not belong",
    )
    return items


def _walk(root: Path, faults: FaultList) -> tuple[list[Path], list[Path]]:
    """Return the images and the XML files below ``root``, sorted by path; others are passed over."""
    images: list[Path] = []
    xmls: list[Path] = []
    waiting = [root]
    while waiting:
        files, folders = list_folder(waiting.pop(), root, faults)
        waiting += folders
        images += filter(is_image, files)
        xmls += (path for path in files if path.suffix.lower() == ".xml")
    return sorted(images), sorted(xmls)


def _note_orphans(
    images: list[Path], annotations: dict[Path, list[Path]], root: Path, faults: FaultList
) -> None:
    for place in sorted(annotations.keys() - set(map(_place, images))):
        for xml in annotations[place]:
            faults.add("annotations without an image", _relative(xml, root))


def _place(path: Path) -> Path:
    """Return what an image and its annotation share: the book's folder and the stem."""
    return _book_folder(path) / _nfc(path.stem)


def _book_folder(path: Path) -> Path:
    return path.parent.parent if path.parent.name in _INNER_FOLDERS else path.parent


def _label_and_read(
    image: Path,
    xmls: list[Path],
    root: Path,
    classes: Collection[str],
    figure_classes: Collection[str],
    faults: FaultList,
) -> tuple[str, Callable[[], bytes | ZonedImage]]:
    """Return label and ``read`` of a page; classes that nobody knows are noted in ``faults``."""
    if len(xmls) != 1:
        names = ", ".join(_relative(xml, root) for xml in xmls)
        return "", refusal(
            f"{image.name} has {len(xmls)} annotations{f' ({names})' if xmls else ''}",
            "one XML file per image, of its name",
            "keep the right one, or annotate the page; a page without any zone has an XML without objects",
        )
    try:
        annotation = read_voc(xmls[0])
    except ImageError as error:
        return "", refusal(error.found, error.expected, error.remedy)
    for zone in annotation.zones:
        if zone.label not in classes:
            faults.add("zones of a class that the configuration lacks", f"{xmls[0].name}: {zone.label!r}")
    label = page_label(annotation.zones, figure_classes)
    return label, partial(_read, image, annotation)


def _read(image: Path, annotation: Annotation) -> ZonedImage:
    return read_page(image, annotation.zones, annotation.size)


def _title(image: Path) -> str:
    """Return what the name of the book's folder has in parentheses."""
    match = _TITLE.fullmatch(_nfc(_book_folder(image).name))
    return match["title"].strip() if match else ""


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _nfc(name: str) -> str:
    """Compose ``name``: macOS writes kana with separate voicing marks, configuration does not."""
    return unicodedata.normalize("NFC", name)
