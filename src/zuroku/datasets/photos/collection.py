"""A collection of photographs by configuration: drawn, in a folder or downloaded, in one of the layouts."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from zuroku.config import Settings, config_hash
from zuroku.datasets.fingerprints import fingerprint, listing_lines
from zuroku.datasets.http import HttpSettings, PoliteClient
from zuroku.datasets.ingest import Collection, IngestSettings
from zuroku.datasets.photos.class_folders import folder_items
from zuroku.datasets.photos.holidays import holidays_items
from zuroku.datasets.photos.imet2019 import imet_items
from zuroku.datasets.photos.open_images import OpenImagesSettings, located_tables, open_images_items
from zuroku.datasets.photos.oxford import GROUND_TRUTH, ground_truth_texts, oxford_items
from zuroku.datasets.photos.ukbench import ukbench_items
from zuroku.datasets.published_archive import file_name, published_folder, published_table
from zuroku.datasets.sample.photos.collections import PhotoSampleSettings, sample_items, sample_texts
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError

Layout = Literal["open_images", "imet2019", "ukbench", "holidays", "oxford", "folders"]

MAX_IMAGE_BYTES = 64 << 20

_RETRIEVAL = ("ukbench", "holidays", "oxford")


class PublishedFile(Settings):
    """A published archive; without a SHA-256 it is recorded at first use and then checked."""

    url: str
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class PhotoFolderSettings(Settings):
    """Where a collection lies on disk, laid out as published."""

    root: Path
    ground_truth: Path | None = Field(default=None, description="oxford: folder of the texts")


class PhotoDownloadSettings(Settings):
    """Where a collection is fetched from and where it is kept. Open Images names its tables itself."""

    destination: Path = Field(description="folder for what is fetched and unpacked")
    archives: list[PublishedFile] = Field(default=[])
    ground_truth: PublishedFile | None = Field(default=None, description="oxford: archive of the texts")
    max_unpacked_bytes: int = Field(default=20 << 30, gt=0, description="of each archive")
    http: HttpSettings = HttpSettings()


class PhotoCollectionSettings(Settings):
    """One dataset of photographs: what it is, where it comes from, and how it is cut into shards.

    Only the section that ``source`` names is read, and ``open_images`` where that is the layout.
    ``licence`` holds for every photograph that brings none of its own. ``classes`` are the labels to keep:
    others are dropped, and photographs left with none; null keeps all. ``ukbench``, ``holidays`` and
    ``oxford`` have no labels, but groups (``labelled: false``).
    """

    kind: Literal["photos"]
    name: str
    description: str
    licence: str = Field(min_length=1)
    url: str
    citation: str = ""
    layout: Layout
    labelled: bool = True
    classes: list[str] | None = Field(default=None, min_length=1)
    source: Literal["generated", "folder", "download"]
    generated: PhotoSampleSettings | None = None
    folder: PhotoFolderSettings | None = None
    download: PhotoDownloadSettings | None = None
    open_images: OpenImagesSettings = OpenImagesSettings()
    group_pattern: str = Field(
        default="(.+)", description="folders: what the file stem must match; its parenthesis is the group"
    )
    ingest: IngestSettings = IngestSettings()

    @field_validator("group_pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if groups == 0:
            raise ValueError("without a parenthesis nothing names the group; (.+) is the whole stem")
        return pattern

    @model_validator(mode="after")
    def _source_is_configured(self) -> Self:
        section = getattr(self, self.source)
        if section is None:
            raise ValueError(f"source is {self.source!r}, but there is no section {self.source!r}")
        if self.labelled and self.layout in _RETRIEVAL:
            raise ValueError(f"photographs of layout {self.layout!r} have no labels: set labelled: false")
        if self.layout == "folders" and self.source == "generated":
            raise ValueError("nothing is generated for layout 'folders'")
        if self.layout != "open_images" and self.source == "download" and not section.archives:
            raise ValueError("source is 'download', but archives is empty")
        return self

    @property
    def keeps_twins(self) -> bool:
        """Whether photographs of equal bytes all stay: without one of them a published score is another."""
        return self.layout in _RETRIEVAL


def open_photos(settings: PhotoCollectionSettings, root: Path) -> Collection:
    """List the photographs of the configured source; their bytes are read later.

    Relative paths of the configuration start at ``root``. The texts of a ground truth go beside the
    manifest, in ``ground_truth/``.

    Raises:
        SourceError, DownloadError and others: see the layout's own function.
        ConfigError: ``classes`` names labels that no photograph has.
    """
    collection = replace(_opened(settings, root), keeps_twins=settings.keeps_twins)
    if not settings.labelled:
        items = [replace(item, label="", labels=()) for item in collection.items]
    elif settings.classes is not None:
        items = _of_classes(collection.items, settings.classes)
    else:
        return collection
    return replace(collection, items=items)


def _opened(settings: PhotoCollectionSettings, root: Path) -> Collection:
    if isinstance(settings.generated, PhotoSampleSettings) and settings.source == "generated":
        items = sample_items(settings.layout, settings.generated)
        beside = _beside(sample_texts(settings.layout, settings.generated))
        return Collection(items, config_hash(settings), "process", beside)
    if isinstance(settings.folder, PhotoFolderSettings) and settings.source == "folder":
        return _from_folder(settings, root / settings.folder.root, settings.folder.ground_truth, root)
    assert settings.download is not None  # by the validator above
    download = settings.download.model_copy(update={"destination": root / settings.download.destination})
    # The client stays open as long as items are read, which is until the process ends.
    client = PoliteClient(download.http)
    if settings.layout == "open_images":
        return _fetched_open_images(settings, download, client)
    folders = [_unpacked(client, archive, download) for archive in download.archives]
    lines = [folder.name for folder in folders]
    texts = {}
    if download.ground_truth is not None:
        folder = _unpacked(client, download.ground_truth, download)
        texts, lines = ground_truth_texts(folder), [*lines, folder.name]
    # The folders' names tell their contents.
    return Collection(_laid_out(settings, folders), fingerprint(settings, lines), "thread", _beside(texts))


def _from_folder(
    settings: PhotoCollectionSettings, folder: Path, ground_truth: Path | None, root: Path
) -> Collection:
    if settings.layout == "open_images":
        tables = located_tables(settings.open_images, lambda address: folder / file_name(address))
        items = open_images_items(
            tables, settings.open_images, settings.classes, partial(_on_disk, folder), settings.licence, False
        )
    else:
        items = _laid_out(settings, [folder])
    texts = {} if ground_truth is None else ground_truth_texts(root / ground_truth)
    lines: Iterator[str] = listing_lines(folder, *([] if ground_truth is None else [root / ground_truth]))
    return Collection(items, fingerprint(settings, lines), "thread", _beside(texts))


def _fetched_open_images(
    settings: PhotoCollectionSettings, download: PhotoDownloadSettings, client: PoliteClient
) -> Collection:
    addresses: list[str] = []

    def locate(address: str) -> Path:
        addresses.append(address)
        return published_table(client, address, None, download.destination)

    def fetch(subset: str, image_id: str) -> Callable[[], bytes]:
        url = settings.open_images.image_url.format(subset=subset, image_id=image_id)
        return partial(client.fetch_bytes, url, MAX_IMAGE_BYTES)

    tables = located_tables(settings.open_images, locate)
    items = open_images_items(tables, settings.open_images, settings.classes, fetch, settings.licence, True)
    # The tables are known by their recorded hashes.
    records = [download.destination / f"{file_name(address)}.sha256" for address in addresses]
    return Collection(items, fingerprint(settings, [path.read_text() for path in records]), "thread")


def _laid_out(settings: PhotoCollectionSettings, roots: Sequence[Path]) -> list[SourceItem]:
    """List what lies in ``roots``: of a layout with tables each on its own, of others all together."""
    licence, url = settings.licence, settings.url
    if settings.layout == "imet2019":
        return [item for root in roots for item in imet_items(root, licence, url)]
    if settings.layout == "folders":
        return folder_items(roots, licence, url, re.compile(settings.group_pattern))
    by_name = {"ukbench": ukbench_items, "holidays": holidays_items, "oxford": oxford_items}
    return by_name[settings.layout](roots, licence, url)


def _of_classes(items: list[SourceItem], classes: Sequence[str]) -> list[SourceItem]:
    """Keep the labels in ``classes``, and the items that have any."""
    found = {label for item in items for label in item.all_labels}
    if strange := sorted(set(classes) - found):
        raise ConfigError(
            f"no photograph has the labels {', '.join(strange)}",
            expected=f"labels among {', '.join(sorted(found)[:20])}{' …' if len(found) > 20 else ''}",
            remedy="mend classes in the configuration",
        )
    kept = set(classes)
    return [
        replace(
            item,
            label=item.label if item.label in kept else "",
            labels=tuple(label for label in item.labels if label in kept),
        )
        for item in items
        if kept.intersection(item.all_labels)
    ]


def _unpacked(client: PoliteClient, archive: PublishedFile, download: PhotoDownloadSettings) -> Path:
    return published_folder(
        client, archive.url, archive.sha256, download.destination, download.max_unpacked_bytes
    )


def _on_disk(folder: Path, subset: str, image_id: str) -> Callable[[], bytes]:
    return (folder / subset / f"{image_id}.jpg").read_bytes


def _beside(texts: dict[str, str]) -> dict[str, bytes]:
    return {f"{GROUND_TRUTH}/{name}": text.encode() for name, text in texts.items()}
