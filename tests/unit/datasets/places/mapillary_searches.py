"""Searching a Mapillary of tests around a place, and looking at what was found."""

import io
from pathlib import Path
from typing import Any

import geopandas as gpd
from PIL import Image
from pydantic import SecretStr
from shapely import Point

from tests.unit.datasets.ndl_server import quick_client
from tests.unit.datasets.places.mapillary_server import (
    TOKEN,
    MapillaryServer,
    image_record,
)
from zuroku.datasets.places.mapillary import Mapillary, MapillarySettings
from zuroku.datasets.places.provider import Places

HOME = (35.7, 139.7)
METRE = 1 / 111_195


def around(number: int, compass: float | None, metres: float = 10.0, **fields: Any) -> dict[str, Any]:
    return image_record(number, HOME[0] + metres * METRE, HOME[1], compass, **fields)


def four() -> list[dict[str, Any]]:
    return [around(11, 2.0), around(12, 91.0), around(13, 179.0), around(14, 271.0)]


def points(*places: tuple[float, float]) -> gpd.GeoDataFrame:
    ids = [f"p{number:06}" for number in range(len(places))]
    geometry = [Point(longitude, latitude) for latitude, longitude in places]
    return gpd.GeoDataFrame({"feature_id": ids}, geometry=geometry, crs="EPSG:4326")


def provider(server: MapillaryServer, folder: Path, *places: tuple[float, float], **values: Any) -> Mapillary:
    fields = {"destination": folder, "api_url": server.url, "token": SecretStr(TOKEN)} | values
    return Mapillary(MapillarySettings(**fields), points(*(places or (HOME,))), folder, quick_client())


def searched(server: MapillaryServer, folder: Path, *places: tuple[float, float], **values: Any) -> Places:
    return provider(server, folder, *places, **values).places(None)


def opened(places: Places, position: int = 0) -> Image.Image:
    data = places.items[position].item.read()
    assert isinstance(data, bytes)
    return Image.open(io.BytesIO(data))
