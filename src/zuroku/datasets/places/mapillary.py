"""Street-level images of Mapillary around sample points, one panorama of four headings for each.

The server belongs to ``mapillary_api``, the joining to ``panorama``. Images are CC BY-SA 4.0; author,
sequence and page of each are kept.
"""

import io
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, nan
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
from pydantic import Field, SecretStr
from shapely.geometry.base import BaseGeometry

from zuroku.config import Settings
from zuroku.datasets.http import GoneError, HttpSettings, PoliteClient, UnavailableError
from zuroku.datasets.images import decode_rgb
from zuroku.datasets.places.boundary import usable_coordinates
from zuroku.datasets.places.mapillary_api import (
    IMAGE_PAGE,
    LICENCE,
    Around,
    ImageRecord,
    MapillaryApi,
    TokenError,
)
from zuroku.datasets.places.panorama import HEADINGS, cut_views, heading_index, joined_views
from zuroku.datasets.places.provider import PlaceItem, Places
from zuroku.datasets.places.search_record import SearchRecord
from zuroku.datasets.places.sequences import joined_sequences
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError, DownloadError
from zuroku.geo.distances import haversine_km

_log = logging.getLogger(__name__)

_FAILED = "points whose search failed"
_FULL = "points with more images than the server tells"


class MapillarySettings(Settings):
    """How Mapillary is searched and asked.

    The token comes from whoever starts the run; it is no part of the configuration's hash or of any output.
    """

    destination: Path = Field(description="folder for what was found around each point")
    radius_m: float = Field(default=50.0, gt=0, le=1000, description="around a point, on the ground")
    limit: int = Field(default=2000, ge=1, le=2000, description="images an answer holds at most")
    max_failed_share: float = Field(
        default=0.01, ge=0, le=1, description="of points whose search may fail; the next run asks them again"
    )
    incomplete: Literal["skip", "single"] = Field(
        default="skip", description="points without all four headings: left out, or one item per image"
    )
    cut_panoramas: bool = Field(default=True, description="else cut a 360° image into the four headings")
    size: Literal["2048", "original"] = "2048"
    api_url: str = "https://graph.mapillary.com"
    http: HttpSettings = HttpSettings(requests_per_second=10.0)
    token: SecretStr | None = Field(default=None, exclude=True, repr=False)


@dataclass(frozen=True)
class Mapillary:
    """Provider of the images around ``points`` (WGS84, ``feature_id``).

    ``folder`` keeps what was found; ``client`` must stay open as long as items are read.
    """

    settings: MapillarySettings
    points: gpd.GeoDataFrame
    folder: Path
    client: PoliteClient

    def places(self, boundary: BaseGeometry | None) -> Places:
        """Search around every point inside ``boundary``, in their order, and list what was found.

        Raises:
            ConfigError: no token is given.
            DownloadError: the server cannot be reached, refuses the token, or fails at more points than
                ``max_failed_share``; what was found so far is kept, and a second run goes on.
        """
        settings = self.settings
        if settings.token is None:
            raise ConfigError(
                "no access token of Mapillary is given",
                expected="the client token of an application, handed over by whoever starts the run",
                remedy="register one in Mapillary's developer dashboard and put it into the environment",
            )
        api = MapillaryApi(settings.api_url, settings.token, settings.size, self.client)
        skipped: Counter[str] = Counter()
        items: list[PlaceItem] = []
        for point, images in self._found(api, boundary, skipped):
            chosen = _chosen(images, settings)
            if not chosen:
                reason = "points without all four headings" if images else "points without an image"
                skipped[reason] += 1
            items += [_item(f"{point}{suffix}", records, api) for suffix, records in chosen]
        return Places(items, skipped=skipped)

    def _found(
        self, api: MapillaryApi, boundary: BaseGeometry | None, skipped: Counter[str]
    ) -> Iterator[tuple[str, tuple[ImageRecord, ...]]]:
        """Yield the images of each point that ``_chosen`` may choose, nearest first."""
        longitudes, latitudes = (self.points.geometry.x.to_numpy(), self.points.geometry.y.to_numpy())
        kept = np.flatnonzero(usable_coordinates(latitudes, longitudes, boundary, skipped))
        settings = self.settings
        search = settings.model_dump(mode="json", include={"radius_m", "limit", "size", "api_url"})
        record = SearchRecord(self.folder / "found.jsonl", search)
        for position in kept:
            point = str(self.points["feature_id"].iloc[position])
            place = (float(latitudes[position]), float(longitudes[position]))
            # Points are numbered anew when their sampling changes, so the id alone does not tell the place.
            key = f"{point} {place[0]:.7f} {place[1]:.7f}"
            around = record.get(key)
            if around is None:
                try:
                    found = api.images_around(*place, settings.radius_m, settings.limit)
                except DownloadError as error:
                    skipped[_FAILED] += 1
                    self._go_on_or_stop(error, skipped[_FAILED], len(kept))
                    continue
                images = _usable(found.images, place, settings.radius_m)
                around = Around(images=images, full_boxes=found.full_boxes)
                record.add(key, around)
            if around.full_boxes:
                skipped[_FULL] += 1
            yield point, around.images
        _log.info("%d points searched, %d failed", len(kept), skipped.get(_FAILED, 0))

    def _go_on_or_stop(self, error: DownloadError, failed: int, points: int) -> None:
        """Raise what concerns all points, and what comes of too many."""
        unreachable = isinstance(error, UnavailableError) and not isinstance(error, GoneError)
        if unreachable or isinstance(error, TokenError):
            raise error
        allowed = ceil(self.settings.max_failed_share * points)
        if failed > allowed:
            raise DownloadError(
                f"{failed} of {points} searches failed, the last time: {error.found}",
                expected=f"at most {allowed} (mapillary.max_failed_share)",
                remedy="run it again later: what was found is kept; or allow more in the configuration",
            ) from error
        _log.warning("a search failed: %s", error.found)


def _usable(
    images: Sequence[ImageRecord], place: tuple[float, float], radius_m: float
) -> tuple[ImageRecord, ...]:
    """Return the nearest image within the radius of each heading, and the nearest of 360°, nearest first.

    Equally near ones are ranked by id; those that do not say where they look are left out.
    """
    if not images:
        return ()
    distances_m = 1000 * haversine_km([(image.latitude, image.longitude) for image in images], place)
    ranked = sorted(zip(distances_m.tolist(), images, strict=True), key=lambda pair: (pair[0], pair[1].id))
    nearest: dict[int | None, ImageRecord] = {}
    for distance_m, image in ranked:
        if distance_m <= radius_m and image.compass_deg is not None:
            nearest.setdefault(None if image.is_pano else heading_index(image.compass_deg), image)
    return tuple(nearest.values())


def _chosen(
    images: Sequence[ImageRecord], settings: MapillarySettings
) -> list[tuple[str, tuple[ImageRecord, ...]]]:
    """Return what becomes an item, with the end of its id: four images, one 360° image, or single ones.

    ``images`` are those of ``_usable``.
    """
    flat = {heading_index(image.compass_deg or 0.0): image for image in images if not image.is_pano}
    if len(flat) == len(HEADINGS):
        return [("", tuple(flat[index] for index in range(len(HEADINGS))))]
    if settings.cut_panoramas and (round_view := next((i for i in images if i.is_pano), None)):
        return [("", (round_view,))]
    if settings.incomplete == "single":
        return [(f"_{HEADINGS[index]}", (flat[index],)) for index in sorted(flat)]
    return []


def _item(item_id: str, records: tuple[ImageRecord, ...], api: MapillaryApi) -> PlaceItem:
    """Describe one item: where its images were taken on average, by whom, and in which sequences.

    The group is the sequence of most of them, whose images look alike; equally frequent ones are decided by
    name. The others stand behind it in ``sequence``.
    """
    counts = Counter(record.sequence for record in records if record.sequence)
    sequences = sorted(counts, key=lambda name: (-counts[name], name))
    whole = len(records) > 1 or records[0].is_pano
    facing_deg = records[0].compass_deg if records[0].is_pano else None
    views = tuple((record.id, record.thumb) for record in records)
    item = SourceItem(
        item_id=item_id,
        label="",
        group=sequences[0] if sequences else item_id,
        title=f"Mapillary {', '.join(record.id for record in records)}",
        licence=LICENCE,
        source_url=IMAGE_PAGE.format(records[0].id),
        read=partial(_read_views, views, facing_deg, api),
        retrieved=True,
    )
    return PlaceItem(
        item,
        float(np.mean([record.latitude for record in records])),
        float(np.mean([record.longitude for record in records])),
        nan if whole else (records[0].compass_deg or 0.0) % 360,
        min((record.captured_at for record in records if record.captured_at), default=""),
        joined_sequences(sequences),
        _credit(records),
    )


def _credit(records: tuple[ImageRecord, ...]) -> str:
    """Return who took the image, of several each with its heading and its page, as their licence asks.

    Empty if none of them has an author; the item's address is that of the first.
    """
    if len(records) == 1 or not any(record.author for record in records):
        return records[0].author
    return ", ".join(
        f"{heading}: {record.author or 'not named'} {IMAGE_PAGE.format(record.id)}"
        for heading, record in zip(HEADINGS, records, strict=True)
    )


def _read_views(views: tuple[tuple[str, str], ...], facing_deg: float | None, api: MapillaryApi) -> bytes:
    """Fetch ``views``, each an image's id and address; more than one are joined, as is a 360° image cut.

    The centre of a 360° image looks to ``facing_deg``. Joined views are written losslessly, since they are
    coded again.
    """
    data = [api.fetch(image_id, thumb) for image_id, thumb in views]
    if facing_deg is not None:
        parts = cut_views(decode_rgb(data[0]), facing_deg)
    elif len(data) > 1:
        parts = [decode_rgb(encoded) for encoded in data]
    else:
        return data[0]
    sink = io.BytesIO()
    joined_views(parts).save(sink, "TIFF")
    return sink.getvalue()
