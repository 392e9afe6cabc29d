"""A collection by configuration: figures that are drawn, in a folder or downloaded.

Pages, photographs and places have modules of their own: ``pages``, ``photos``, ``street_views``; tables of
geographic features too: ``geodata``.
"""

from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from zuroku.config import Settings, config_hash, load_settings
from zuroku.datasets.croissant import write_croissant
from zuroku.datasets.fingerprints import fingerprint, item_lines, listing_lines
from zuroku.datasets.folder import FolderSettings, folder_items
from zuroku.datasets.geodata.collection import (
    AnyFeatures,
    FeatureCollectionSettings,
    PointCollectionSettings,
)
from zuroku.datasets.http import PoliteClient
from zuroku.datasets.ingest import Collection, IngestSettings, Progress, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.ndl_download import DownloadSettings, illustrations_of_tag, imagelabel_items
from zuroku.datasets.pages.collection import PageCollectionSettings, open_pages
from zuroku.datasets.photos.collection import PhotoCollectionSettings, open_photos
from zuroku.datasets.sample.figures import SampleSettings, plan_figures, render_figure
from zuroku.datasets.source import SourceItem
from zuroku.datasets.street_views import StreetViewSettings, open_street_views

_SAMPLE_LICENCE = "CC0-1.0"
_FETCHED = ("download", "iiif")
_ABOUT = {
    "kind",
    "name",
    "description",
    "licence",
    "url",
    "citation",
    "source",
    "layout",
    "hierarchy",
    "classes",
    "figure_classes",
    "overall_classes",
}
"""What the card of a dataset takes over from its configuration, as far as it has it."""


class CollectionSettings(Settings):
    """One dataset of figures: what it is, where it comes from, and how it is cut into shards.

    Only the section that ``source`` names is read. ``labelled: false`` drops the labels (a corpus).
    ``more_of`` asks the library's search for further figures of a tag (``download`` only): they
    enter as unreviewed, so they may train but never test.
    """

    kind: Literal["figures"] = "figures"
    name: str
    description: str
    licence: str
    url: str
    citation: str = ""
    hierarchy: dict[str, list[str]]
    labelled: bool = True
    source: Literal["generated", "folder", "download"]
    generated: SampleSettings | None = None
    folder: FolderSettings | None = None
    download: DownloadSettings | None = None
    more_of: dict[str, int] = Field(default={}, description="tag → number of figures to fetch")
    ingest: IngestSettings = IngestSettings()

    @model_validator(mode="after")
    def _source_is_configured(self) -> "CollectionSettings":
        if getattr(self, self.source) is None:
            raise ValueError(f"source is {self.source!r}, but there is no section {self.source!r}")
        return self


class _Kind(Settings):
    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["figures", "pages", "photos", "places", "areas", "roads", "landmarks", "points"] = "figures"


AnyCollection = CollectionSettings | PageCollectionSettings | PhotoCollectionSettings | StreetViewSettings


def holds_features(path: Path) -> bool:
    """Say whether the YAML file of a dataset configures a table of features, and no images."""
    return load_settings(path, _Kind).kind in ("areas", "roads", "landmarks", "points")


def load_features(path: Path) -> AnyFeatures:
    """Read the YAML file of a table of features.

    Raises:
        ConfigError: see ``load_settings``.
    """
    if load_settings(path, _Kind).kind == "points":
        return load_settings(path, PointCollectionSettings)
    return load_settings(path, FeatureCollectionSettings)


def load_collection(path: Path) -> AnyCollection:
    """Read the YAML file of a dataset of images: figures (the default), pages, photos or places.

    Raises:
        ConfigError: see ``load_settings``.
    """
    kind = load_settings(path, _Kind).kind
    if kind == "pages":
        return load_settings(path, PageCollectionSettings)
    if kind == "photos":
        return load_settings(path, PhotoCollectionSettings)
    if kind == "places":
        return load_settings(path, StreetViewSettings)
    return load_settings(path, CollectionSettings)


def open_collection(settings: AnyCollection, root: Path, data: Path) -> Collection:
    """List the items of the configured source; their bytes are read later.

    Relative paths of the configuration start at ``root``; ``data`` holds the other datasets.
    """
    if isinstance(settings, StreetViewSettings):
        return open_street_views(settings, root, data)
    if isinstance(settings, PageCollectionSettings):
        return open_pages(settings, root)
    if isinstance(settings, PhotoCollectionSettings):
        return open_photos(settings, root)
    return _open_figures(settings, root)


def ingest_collection(
    settings: AnyCollection,
    out: Path,
    root: Path,
    progress: Progress = lambda done, total: None,
) -> Dataset:
    """Ingest the configured collection into ``out`` and write its card and its Croissant beside."""
    collection = open_collection(settings, root, out.parent)
    about: dict[str, Any] = settings.model_dump(mode="json", include=_ABOUT)
    about["fingerprint"] = collection.fingerprint
    return ingest(collection, out, settings.ingest, about, progress, finish=write_croissant)


def collection_fingerprint(settings: AnyCollection, root: Path, data: Path) -> str | None:
    """Return the fingerprint of what the source holds now, or None where DVC or only a fetch can tell."""
    if settings.source in _FETCHED or (
        isinstance(settings, StreetViewSettings)
        and {settings.source, *(one.source for one in settings.also)} != {"folder"}
    ):
        return None
    return open_collection(settings, root, data).fingerprint


def _open_figures(settings: CollectionSettings, root: Path) -> Collection:
    classes = set(settings.hierarchy)
    if settings.generated is not None and settings.source == "generated":
        return Collection(_generated(settings), config_hash(settings), workers="process")
    if settings.folder is not None and settings.source == "folder":
        folder = settings.folder.model_copy(
            update={"root": root / settings.folder.root, "metadata": _below(root, settings.folder.metadata)}
        )
        items = folder_items(folder, classes)
        return Collection(items, fingerprint(settings, listing_lines(folder.root)), workers="thread")
    assert settings.download is not None  # by the validator above
    download = settings.download.model_copy(
        update={
            "destination": root / settings.download.destination,
            "metadata": _below(root, settings.download.metadata),
        }
    )
    # It stays open as long as items are read, which is until the process ends.
    client = PoliteClient(download.http)
    items = imagelabel_items(download, classes, client)
    for tag, count in settings.more_of.items():
        items += illustrations_of_tag(tag, count, download, client)
    return Collection(items, fingerprint(settings, item_lines(items)), workers="thread")


def _generated(settings: CollectionSettings) -> list[SourceItem]:
    assert settings.generated is not None
    return [
        SourceItem(
            item_id=plan.item_id,
            label=plan.label if settings.labelled else "",
            group=plan.group,
            title=plan.title,
            licence=_SAMPLE_LICENCE,
            source_url="",
            read=partial(render_figure, plan),
        )
        for plan in plan_figures(settings.generated)
    ]


def _below(root: Path, path: Path | None) -> Path | None:
    return None if path is None else root / path
