"""Which photographs of a made-up land are taken: at its sample points, by its tables.

Drawing them belongs to ``street_views``.
"""

import hashlib
import io
import math
from collections.abc import Mapping
from functools import partial
from typing import Self, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import Field, model_validator

from zuroku.config import Settings
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.sample.land.street_views.panorama import render_panorama
from zuroku.datasets.sample.land.street_views.plan import Slice, ViewPlan
from zuroku.datasets.source import SourceItem
from zuroku.geo.labels import LabelSettings, label_places
from zuroku.geo.metric import nearest_within

_LICENCE = "CC0-1.0"
_METRES_PER_DEGREE = 111_195.0
_SEEN_M = 20.0


class LandPhotographSettings(Settings):
    """How many photographs are taken at each sample point, and under which conditions.

    ``land_seed`` is the seed of the land, which decides how each of its regions looks. ``shares`` are those
    of the hard conditions; the rest is taken by day, outdoors.
    """

    land_seed: int = 0
    seed: int = 0
    visits: int = Field(default=1, ge=1, description="panoramas at each point")
    size_px: int = Field(default=160, ge=32, description="of each of the four headings")
    jitter_m: float = Field(default=8.0, ge=0, description="how far a photographer stands from the point")
    shares: dict[Slice, float] = Field(
        default={"night": 0.03, "weather": 0.03, "indoor": 0.02, "aerial": 0.02}
    )

    @model_validator(mode="after")
    def _shares_leave_a_rest(self) -> Self:
        if "" in self.shares or min(self.shares.values(), default=0) < 0 or sum(self.shares.values()) > 1:
            raise ValueError(f"shares {self.shares} are not of conditions, or more than the whole")
        return self


def land_photographs(
    settings: LandPhotographSettings, points: gpd.GeoDataFrame, tables: Mapping[str, gpd.GeoDataFrame]
) -> list[PlaceItem]:
    """Return the photographs at ``points``; ``tables`` are ``areas``, ``roads`` and ``landmarks``.

    Every visit is a sequence of its own: whether two visits of one place are parted, a split decides.
    """
    ids = [f"{point}_{visit}" for point in points["feature_id"] for visit in range(settings.visits)]
    places = np.repeat(_coordinates(points), settings.visits, axis=0)
    rng = np.random.default_rng(settings.seed)
    places = places + _degrees(rng.uniform(-1, 1, places.shape) * settings.jitter_m, places[:, 0])
    table = _surroundings(ids, places, tables)
    # In a fixed order: equal settings may name the conditions in another.
    conditions = get_args(Slice)
    shares = [settings.shares.get(condition, 0.0) for condition in conditions[1:]]
    slices = rng.choice(np.array(conditions, dtype=object), size=len(ids), p=[1 - sum(shares), *shares])
    return [
        _item(row, slice_, settings)
        for row, slice_ in zip(table.itertuples(index=False), slices, strict=True)
    ]


def _surroundings(ids: list[str], places: np.ndarray, tables: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Return for each place its labels, and kind, name and bearing of the road and landmark next to it."""
    roads = tables["roads"].sort_values("feature_id", ignore_index=True)
    landmarks = tables["landmarks"].sort_values("feature_id", ignore_index=True)
    areas = tables["areas"]
    table = label_places(ids, places, areas, roads, landmarks, LabelSettings(max_distance_m=_SEEN_M))
    towns = dict(zip(areas["town_code"], areas["town"], strict=True))
    table["town_name"] = [towns.get(code, "") for code in table["town"]]
    for name, features, bearing in (("road", roads, _along), ("landmark", landmarks, _towards)):
        found, _ = nearest_within(places, features.geometry.to_numpy(), _SEEN_M)
        table[f"{name}_kind"] = [features["kind"].iat[i] if i >= 0 else "" for i in found]
        table[f"{name}_name"] = [features["name"].iat[i] if i >= 0 else "" for i in found]
        table[f"{name}_bearing"] = [
            bearing(features.geometry.iat[i], place) if i >= 0 else math.nan
            for i, place in zip(found, places, strict=True)
        ]
    return table


def _item(row: object, slice_: Slice, settings: LandPhotographSettings) -> PlaceItem:
    item_id, latitude, longitude = row.item_id, row.latitude, row.longitude  # type: ignore[attr-defined]
    plan = _plan(row, slice_, settings)
    source = SourceItem(
        item_id=item_id,
        label="",
        group=item_id,
        title="",
        licence=_LICENCE,
        source_url="",
        read=partial(_draw, plan, settings.size_px),
    )
    return PlaceItem(source, latitude, longitude, sequence=source.group, author="zuroku", slice=str(slice_))


def _plan(row: object, slice_: Slice, settings: LandPhotographSettings) -> ViewPlan:
    named = row._asdict()  # type: ignore[attr-defined]
    digest = hashlib.sha256(f"{settings.seed}:{named['item_id']}".encode()).digest()
    return ViewPlan(
        seed=int.from_bytes(digest[:4], "big"),
        land_seed=settings.land_seed,
        prefecture_code=named["prefecture"],
        municipality_code=named["municipality"],
        town_code=named["town"],
        town=named["town_name"],
        road_id=named["road"],
        road_name=named["road_name"],
        road_kind=named["road_kind"],
        road_bearing=_given(named["road_bearing"]),
        landmark_id=named["landmark"],
        landmark_kind=named["landmark_kind"],
        landmark_bearing=_given(named["landmark_bearing"]),
        slice=slice_,
    )


def _draw(plan: ViewPlan, size_px: int) -> bytes:
    buffer = io.BytesIO()
    render_panorama(plan, size_px).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _given(bearing: float) -> float | None:
    return None if math.isnan(bearing) else bearing


def _coordinates(points: gpd.GeoDataFrame) -> np.ndarray:
    return np.column_stack([points.geometry.y, points.geometry.x])


def _degrees(metres: np.ndarray, latitudes: np.ndarray) -> np.ndarray:
    """Return steps ``(n, 2)`` north and east in metres as degrees at ``latitudes``."""
    east = _METRES_PER_DEGREE * np.cos(np.radians(latitudes))
    return np.column_stack([metres[:, 0] / _METRES_PER_DEGREE, metres[:, 1] / east])


def _along(road: shapely.Geometry, place: np.ndarray) -> float:
    """Return the bearing of ``road`` where it is nearest to ``place``."""
    lines = list(getattr(road, "geoms", [road]))
    here = shapely.Point(place[1], place[0])
    line = min(lines, key=here.distance)
    corners = shapely.get_coordinates(line)
    parts = [shapely.LineString(corners[i : i + 2]) for i in range(len(corners) - 1)]
    near = shapely.get_coordinates(min(parts, key=here.distance))
    return _bearing(near[0][::-1], near[1][::-1])


def _towards(landmark: shapely.Geometry, place: np.ndarray) -> float:
    """Return the bearing from ``place`` to the middle of ``landmark``."""
    middle = landmark.centroid
    return _bearing(place, np.array([middle.y, middle.x]))


def _bearing(start: np.ndarray, end: np.ndarray) -> float:
    north = end[0] - start[0]
    east = (end[1] - start[1]) * math.cos(math.radians(start[0]))
    return math.degrees(math.atan2(east, north)) % 360
