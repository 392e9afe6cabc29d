"""A collection of photographs with coordinates by configuration: drawn, fetched, in a folder or published.

Every photograph is written anew when it is read: upright, scaled down, WebP, with its coordinates and no
other metadata. A further source is one section of the settings and one branch of ``_provider``.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Self, TypeVar

import geopandas as gpd
import numpy as np
from PIL import Image
from pydantic import Field, model_validator
from shapely.geometry.base import BaseGeometry

from zuroku.config import Settings
from zuroku.datasets.fingerprints import fingerprint, item_lines
from zuroku.datasets.http import PoliteClient
from zuroku.datasets.images import decode_reduced
from zuroku.datasets.ingest import Collection, IngestSettings
from zuroku.datasets.places.boundary import usable_coordinates
from zuroku.datasets.places.exif import LONGEST_WEBP_PX, positioned_webp
from zuroku.datasets.places.google import GoogleStreetViewSettings, google_street_view
from zuroku.datasets.places.mapillary import Mapillary, MapillarySettings
from zuroku.datasets.places.photo_folder import PhotoFolder, PlaceFolderSettings
from zuroku.datasets.places.provider import PlaceItem, PlaceProvider, Places
from zuroku.datasets.places.published.gldv2 import Gldv2, Gldv2Settings
from zuroku.datasets.places.published.im2gps import Im2gps, Im2gpsSettings
from zuroku.datasets.places.published.mp16 import Mp16, Mp16Settings
from zuroku.datasets.places.published.yfcc import Yfcc, YfccSettings
from zuroku.datasets.places.table import PLACES, places_bytes
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError

T = TypeVar("T")

SKIPPED = "skipped.json"
"""Beside the manifest: how many photographs of the source were left out, by reason."""


class _SourceSettings(Settings):
    """Where photographs come from. Only the section that ``source`` names is read.

    ``licence`` and ``url`` hold for every photograph that brings none.
    """

    licence: str = Field(min_length=1)
    url: str
    source: str
    folder: PlaceFolderSettings | None = None
    im2gps: Im2gpsSettings | None = None
    yfcc: YfccSettings | None = None
    mp16: Mp16Settings | None = None
    gldv2: Gldv2Settings | None = None

    @model_validator(mode="after")
    def _source_is_configured(self) -> Self:
        if self.source != "generated" and getattr(self, self.source) is None:
            raise ValueError(f"source is {self.source!r}, but there is no section {self.source!r}")
        return self


class FurtherSourceSettings(_SourceSettings):
    """A set of photographs on this disk that is taken besides."""

    source: Literal["folder", "im2gps", "yfcc", "mp16", "gldv2"]


class PlaceCollectionSettings(_SourceSettings):
    """One dataset of photographs with coordinates: what it is, where it comes from, how it is cut.

    ``also`` are further sets, as the paper adds published photographs to its street views: their ids begin
    with their source. Groups are shared, so that an author or a place of two sets is never split.
    """

    kind: Literal["places"]
    name: str
    description: str
    citation: str = ""
    source: Literal["generated", "mapillary", "google", "folder", "im2gps", "yfcc", "mp16", "gldv2"]
    mapillary: MapillarySettings | None = None
    google: GoogleStreetViewSettings | None = None
    also: list[FurtherSourceSettings] = Field(default=[])
    longest_px: int = Field(
        default=2048, ge=16, le=LONGEST_WEBP_PX, description="larger photographs are scaled down to this"
    )
    ingest: IngestSettings = IngestSettings()

    @model_validator(mode="after")
    def _further_sources_differ(self) -> Self:
        further = [one.source for one in self.also]
        if len(set(further)) < len(further):
            raise ValueError(f"also names a source twice: {', '.join(further)}")
        return self


@dataclass(frozen=True)
class _Generated:
    """Provider of what ``draw`` plans."""

    draw: Callable[[], list[PlaceItem]]

    def places(self, boundary: BaseGeometry | None) -> Places:
        items = self.draw()
        skipped: dict[str, int] = {}
        latitudes = np.array([item.latitude for item in items], dtype=np.float64)
        longitudes = np.array([item.longitude for item in items], dtype=np.float64)
        kept = usable_coordinates(latitudes, longitudes, boundary, skipped)
        return Places([item for item, keep in zip(items, kept, strict=True) if keep], skipped=skipped)


def open_places(
    settings: PlaceCollectionSettings,
    root: Path,
    points: gpd.GeoDataFrame | None = None,
    boundary: BaseGeometry | None = None,
    generated: Callable[[], list[PlaceItem]] | None = None,
) -> Collection:
    """List the photographs of the configured source; their bytes are read, and written anew, later.

    Relative paths of the configuration start at ``root``. ``points`` (WGS84, ``feature_id``) are where a
    server is asked; ``boundary`` (longitude, latitude) cuts any source; ``generated`` plans what is drawn,
    with items that can be pickled. The table of places and the counts of what was left out go beside the
    manifest.

    Raises:
        ConfigError: the source needs points, a token or a generator that is not given.
        SourceError, GeoDataError, DownloadError and others: see the provider of the source.
    """
    found = _provider(settings, root, points, generated).places(boundary)
    for one in settings.also:
        found = _joined(found, _on_disk(one, root).places(boundary), one.source)
    table = places_bytes(found.items)
    counts = json.dumps(dict(sorted(found.skipped.items())), ensure_ascii=False, indent=2) + "\n"
    items = [_rewritten(place, settings.longest_px) for place in found.items] + found.refused
    return Collection(
        items,
        fingerprint(settings, _lines(items, table, found.files)),
        "process" if settings.source == "generated" and not settings.also else "thread",
        {PLACES: table, SKIPPED: counts.encode()},
    )


def _provider(
    settings: PlaceCollectionSettings,
    root: Path,
    points: gpd.GeoDataFrame | None,
    generated: Callable[[], list[PlaceItem]] | None,
) -> PlaceProvider:
    if settings.source == "generated":
        return _Generated(_given(generated, "generated", "something that draws the photographs"))
    if settings.mapillary is not None and settings.source == "mapillary":
        around = _given(points, "mapillary", "points to search around")
        # The client stays open as long as items are read, which is until the process ends.
        client = PoliteClient(settings.mapillary.http)
        return Mapillary(settings.mapillary, around, root / settings.mapillary.destination, client)
    if settings.google is not None and settings.source == "google":
        google_street_view(settings.google)
    return _on_disk(settings, root)


def _on_disk(settings: _SourceSettings, root: Path) -> PlaceProvider:
    licence, url = settings.licence, settings.url
    if settings.folder is not None and settings.source == "folder":
        below = settings.folder.model_copy(update={"root": root / settings.folder.root})
        return PhotoFolder(below, licence, url)
    if settings.im2gps is not None and settings.source == "im2gps":
        return Im2gps(settings.im2gps, root, licence, url)
    if settings.yfcc is not None and settings.source == "yfcc":
        return Yfcc(settings.yfcc, root)
    if settings.mp16 is not None and settings.source == "mp16":
        return Mp16(settings.mp16, root, licence, url)
    assert settings.gldv2 is not None  # by the validator above
    return Gldv2(settings.gldv2, root, licence)


def _joined(first: Places, further: Places, source: str) -> Places:
    """Return both, with ``source`` before the ids of ``further`` and before its reasons."""
    items = [replace(place, item=_of_source(place.item, source)) for place in further.items]
    refused = [_of_source(item, source) for item in further.refused]
    skipped = {f"{source}: {reason}": count for reason, count in further.skipped.items()}
    return Places(
        [*first.items, *items],
        [*first.refused, *refused],
        {**first.skipped, **skipped},
        [*first.files, *further.files],
    )


def _of_source(item: SourceItem, source: str) -> SourceItem:
    return replace(item, item_id=f"{source}/{item.item_id}")


def _given(value: T | None, source: str, what: str) -> T:
    if value is None:
        raise ConfigError(
            f"source is {source!r}, but nothing gives {what}",
            expected=what,
            remedy="run the stage that makes it first, or choose another source",
        )
    return value


def _rewritten(place: PlaceItem, longest_px: int) -> SourceItem:
    read = partial(_read_positioned, place.item, place.latitude, place.longitude, longest_px)
    return replace(place.item, read=read)


def _read_positioned(item: SourceItem, latitude: float, longitude: float, longest_px: int) -> bytes:
    """Read a photograph and write it as ``positioned_webp``, its long side at most ``longest_px``."""
    data = item.read()
    assert isinstance(data, bytes)  # nothing here is annotated with zones
    image, _ = decode_reduced(data, longest_px)
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    return positioned_webp(image, latitude, longitude)


def _lines(items: list[SourceItem], table: bytes, files: list[Path]) -> Iterator[str]:
    """Yield what must stay the same for a half-done ingest to go on: items, coordinates, files."""
    yield hashlib.sha256(table).hexdigest()
    yield from item_lines(items)
    for file in files:
        try:
            status = file.stat()
        except OSError:
            yield f"{file.name}\0missing"
        else:
            yield f"{file.name}\0{status.st_size}\0{status.st_mtime_ns}"
