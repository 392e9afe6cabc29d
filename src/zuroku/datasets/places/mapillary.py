"""Street-level images of Mapillary around sample points, one panorama of four headings for each.

The server belongs to ``mapillary_api``, the joining to ``panorama``. Images are CC BY-SA 4.0; author,
sequence and page of each are kept.
"""

import io
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import nan
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
from pydantic import Field, SecretStr
from shapely.geometry.base import BaseGeometry

from zuroku.config import Settings
from zuroku.datasets.http import HttpSettings, PoliteClient
from zuroku.datasets.images import decode_rgb
from zuroku.datasets.places.boundary import usable_coordinates
from zuroku.datasets.places.mapillary_api import IMAGE_PAGE, LICENCE, ImageRecord, MapillaryApi
from zuroku.datasets.places.panorama import HEADINGS, cut_views, heading_index, joined_views
from zuroku.datasets.places.provider import PlaceItem, Places
from zuroku.datasets.places.search_record import SearchRecord
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError
from zuroku.geo.distances import haversine_km

_log = logging.getLogger(__name__)


class MapillarySettings(Settings):
    """How Mapillary is searched and asked.

    The token comes from whoever starts the run; it is no part of the configuration's hash or of any output.
    """

    destination: Path = Field(description="folder for what was found around each point")
    radius_m: float = Field(default=50.0, gt=0, le=1000, description="around a point, on the ground")
    limit: int = Field(default=500, ge=1, le=2000, description="images a search returns at most")
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
            DownloadError: the server fails; what was found so far is kept, and a second run goes on.
        """
        settings = self.settings
        if settings.token is None:
            raise ConfigError(
                "no access token of Mapillary is given",
                expected="the client token of an application, handed over by whoever starts the run",
                remedy="register one in Mapillary's developer dashboard and put it into the environment",
            )
        api = MapillaryApi(settings.api_url, settings.token, settings.size, self.client)
        skipped: dict[str, int] = {}
        items: list[PlaceItem] = []
        for point, images in self._found(api, boundary, skipped):
            chosen = _chosen(images, settings)
            if not chosen:
                reason = "points without all four headings" if images else "points without an image"
                skipped[reason] = skipped.get(reason, 0) + 1
            items += [_item(f"{point}{suffix}", records, api) for suffix, records in chosen]
        return Places(items, skipped=skipped)

    def _found(
        self, api: MapillaryApi, boundary: BaseGeometry | None, skipped: dict[str, int]
    ) -> list[tuple[str, list[ImageRecord]]]:
        """Return the images within the radius of each point, nearest first."""
        longitudes, latitudes = (self.points.geometry.x.to_numpy(), self.points.geometry.y.to_numpy())
        kept = usable_coordinates(latitudes, longitudes, boundary, skipped)
        settings = self.settings
        search = settings.model_dump(mode="json", include={"radius_m", "limit", "size", "api_url"})
        record = SearchRecord(self.folder / "found.jsonl", search)
        found = []
        for position in np.flatnonzero(kept):
            point = str(self.points["feature_id"].iloc[position])
            place = (float(latitudes[position]), float(longitudes[position]))
            # Points are numbered anew when their sampling changes, so the id alone does not tell the place.
            key = f"{point} {place[0]:.7f} {place[1]:.7f}"
            images = record.get(key)
            if images is None:
                around = api.images_around(*place, settings.radius_m, settings.limit)
                images = _nearest(around, place, settings.radius_m)
                record.add(key, images)
            found.append((point, images))
        _log.info(
            "%d points searched, %d images within the radius", len(found), sum(len(i) for _, i in found)
        )
        return found


def _nearest(images: Sequence[ImageRecord], place: tuple[float, float], radius_m: float) -> list[ImageRecord]:
    """Return the images within the radius that say where they look, nearest first, then by id."""
    if not images:
        return []
    distances_m = 1000 * haversine_km([(image.latitude, image.longitude) for image in images], place)
    ranked = sorted(zip(distances_m.tolist(), images, strict=True), key=lambda pair: (pair[0], pair[1].id))
    return [image for distance_m, image in ranked if distance_m <= radius_m and image.compass_deg is not None]


def _chosen(
    images: Sequence[ImageRecord], settings: MapillarySettings
) -> list[tuple[str, tuple[ImageRecord, ...]]]:
    """Return what becomes an item, with the end of its id: four images, one 360° image, or single ones."""
    flat: dict[int, ImageRecord] = {}
    for image in images:
        if not image.is_pano:
            flat.setdefault(heading_index(image.compass_deg or 0.0), image)
    if len(flat) == len(HEADINGS):
        return [("", tuple(flat[index] for index in range(len(HEADINGS))))]
    if settings.cut_panoramas and (round_view := next((i for i in images if i.is_pano), None)):
        return [("", (round_view,))]
    if settings.incomplete == "single":
        return [(f"_{HEADINGS[index]}", (flat[index],)) for index in sorted(flat)]
    return []


def _item(item_id: str, records: tuple[ImageRecord, ...], api: MapillaryApi) -> PlaceItem:
    """Describe one item: where its images were taken on average, by whom, and in which sequence most were.

    Equally frequent sequences are decided by name. The group is the sequence, whose images look alike.
    """
    counts = Counter(record.sequence for record in records)
    sequence = min(counts, key=lambda name: (-counts[name], name))
    authors = ", ".join(dict.fromkeys(record.author for record in records if record.author))
    whole = len(records) > 1 or records[0].is_pano
    item = SourceItem(
        item_id=item_id,
        label="",
        group=sequence or item_id,
        title=f"Mapillary {', '.join(record.id for record in records)}",
        licence=LICENCE,
        source_url=IMAGE_PAGE.format(records[0].id),
        read=partial(_read_views, records, api),
        retrieved=True,
    )
    return PlaceItem(
        item,
        float(np.mean([record.latitude for record in records])),
        float(np.mean([record.longitude for record in records])),
        nan if whole else (records[0].compass_deg or 0.0) % 360,
        min((record.captured_at for record in records if record.captured_at), default=""),
        sequence,
        authors,
    )


def _read_views(records: tuple[ImageRecord, ...], api: MapillaryApi) -> bytes:
    """Fetch the images of an item; more than one view are joined, losslessly, since they are coded again."""
    data = [api.fetch(record.id, record.thumb) for record in records]
    if len(records) == 1 and not records[0].is_pano:
        return data[0]
    if len(records) == 1:
        views = cut_views(decode_rgb(data[0]), records[0].compass_deg or 0.0)
    else:
        views = [decode_rgb(encoded) for encoded in data]
    sink = io.BytesIO()
    joined_views(views).save(sink, "TIFF")
    return sink.getvalue()
