"""A collection of pages by configuration: drawn, annotated on disk, downloaded, or without annotations."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import Field, model_validator

from zuroku.config import Settings, config_hash
from zuroku.datasets.fingerprints import fingerprint, item_lines, listing_lines
from zuroku.datasets.http import PoliteClient
from zuroku.datasets.ingest import Collection, IngestSettings
from zuroku.datasets.pages.annotated import FIGURE_CLASSES
from zuroku.datasets.pages.coco import CocoSettings, coco_items
from zuroku.datasets.pages.docl import DoclSettings, docl_folders, docl_items
from zuroku.datasets.pages.iiif import IiifSettings, iiif_items
from zuroku.datasets.pages.page_folder import PageFolderSettings, page_folder_items
from zuroku.datasets.pages.voc import VocSettings, voc_items
from zuroku.datasets.sample.pages.pages import PageSampleSettings, plan_pages, render_page
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import NDL_DOCL_CLASSES, ZonedImage

S = TypeVar("S", bound=Settings)

_SAMPLE_LICENCE = "CC0-1.0"
_WITHOUT_ZONES = ("folder", "iiif")


class PageCollectionSettings(Settings):
    """One dataset of pages: what it is, where it comes from, and how it is cut into shards.

    Only the section that ``source`` names is read. ``labelled: false`` drops zones and labels (a corpus),
    which is all that ``folder`` and ``iiif`` can give. ``classes``, ``figure_classes`` (a page with one of
    them is ``illustrated``, others are ``plain``) and ``overall_classes`` (the whole document) are those
    of the zones, and can be included from the file that training reads them from.
    """

    kind: Literal["pages"]
    name: str
    description: str
    licence: str
    url: str
    citation: str = ""
    classes: list[str] = Field(default=list(NDL_DOCL_CLASSES), min_length=1)
    figure_classes: list[str] = Field(default=list(FIGURE_CLASSES))
    overall_classes: list[str] = Field(default=[])
    labelled: bool = True
    source: Literal["generated", "voc", "coco", "download", "folder", "iiif"]
    generated: PageSampleSettings | None = None
    voc: VocSettings | None = None
    coco: CocoSettings | None = None
    download: DoclSettings | None = None
    folder: PageFolderSettings | None = None
    iiif: IiifSettings | None = None
    ingest: IngestSettings = IngestSettings()

    @model_validator(mode="after")
    def _source_is_configured(self) -> Self:
        if getattr(self, self.source) is None:
            raise ValueError(f"source is {self.source!r}, but there is no section {self.source!r}")
        if self.labelled and self.source in _WITHOUT_ZONES:
            raise ValueError(f"pages of source {self.source!r} have no zones: set labelled: false")
        return self

    @model_validator(mode="after")
    def _classes_are_known(self) -> Self:
        unknown = sorted({*self.figure_classes, *self.overall_classes} - set(self.classes))
        if unknown:
            raise ValueError(f"figure_classes or overall_classes name {unknown}, which classes lacks")
        return self


def open_pages(settings: PageCollectionSettings, root: Path) -> Collection:
    """List the pages of the configured source; their bytes are read later.

    Relative paths of the configuration start at ``root``.

    Raises:
        SourceError, DownloadError and others: see the source's own function.
    """
    collection = _opened(settings, root)
    if settings.labelled:
        return collection
    return replace(collection, items=[_unlabelled(item) for item in collection.items])


def _opened(settings: PageCollectionSettings, root: Path) -> Collection:
    section = getattr(settings, settings.source)
    classes, figures = settings.classes, settings.figure_classes
    if isinstance(section, PageSampleSettings):
        return Collection(_generated(section), config_hash(settings), workers="process")
    if isinstance(section, VocSettings):
        section = _below(section, root, "root")
        items, lines = voc_items(section, classes, figures), listing_lines(section.root)
    elif isinstance(section, CocoSettings):
        section = _below(section, root, "annotations", "images")
        items = coco_items(section, classes, figures)
        lines = listing_lines(section.annotations, section.images)
    elif isinstance(section, PageFolderSettings):
        section = _below(section, root, "root")
        items, lines = page_folder_items(section), listing_lines(section.root)
    elif isinstance(section, DoclSettings):
        with PoliteClient(section.http) as client:
            folders = docl_folders(_below(section, root, "destination"), client)
        # Their names tell their contents.
        items, lines = docl_items(folders, classes, figures), iter([folder.name for folder in folders])
    else:
        assert isinstance(section, IiifSettings)
        # The client stays open as long as items are read, which is until the process ends.
        items = iiif_items(_below(section, root, "pids_file", "manifests"), PoliteClient(section.http))
        lines = item_lines(items)
    return Collection(items, fingerprint(settings, lines), workers="thread")


def _generated(settings: PageSampleSettings) -> list[SourceItem]:
    return [
        SourceItem(
            item_id=plan.item_id,
            label=plan.label,
            group=plan.group,
            title=plan.title,
            licence=_SAMPLE_LICENCE,
            source_url="",
            read=partial(render_page, plan),
        )
        for plan in plan_pages(settings)
    ]


def _unlabelled(item: SourceItem) -> SourceItem:
    return replace(item, label="", read=partial(_read_bytes, item.read))


def _read_bytes(read: Callable[[], bytes | ZonedImage]) -> bytes:
    found = read()
    return found.data if isinstance(found, ZonedImage) else found


def _below(section: S, root: Path, *names: str) -> S:
    paths = {name: path for name in names if (path := getattr(section, name)) is not None}
    return section.model_copy(update={name: root / path for name, path in paths.items()})
