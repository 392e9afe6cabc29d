"""A made-up land as tables: areas, roads and landmarks, planned from its settings.

What is planned and how belongs to ``areas``, ``roads`` and ``landmarks``; files in the layouts of publishers
are written by ``census_files``, ``admin_file`` and ``osm_file``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import shapely

from zuroku.datasets.sample.land.areas import Lake, area_table, plan_towns
from zuroku.datasets.sample.land.ground import Ground, plan_ground
from zuroku.datasets.sample.land.landmarks import Landmark, plan_landmarks, plan_nature_parks
from zuroku.datasets.sample.land.roads import plan_roads
from zuroku.datasets.sample.land.settings import LandSettings
from zuroku.datasets.sample.land.streets import Road
from zuroku.datasets.sample.noise import seeded_rng


@dataclass(frozen=True)
class Land:
    """A made-up land; all tables are in EPSG:4326, longitude and latitude in steps of 10^-7 degrees.

    ``areas``: one row per town, columns as of ``read_areas``. ``roads`` and ``landmarks``: ``feature_id``,
    ``name``, ``kind``, geometry (lines; points and polygons). ``water``: lakes with ``municipality_code``,
    which are cut out of the areas. ``tags``: those of OSM by the ``feature_id`` of a road or landmark.
    """

    settings: LandSettings
    areas: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    landmarks: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    tags: Mapping[str, Mapping[str, str]]


def plan_land(settings: LandSettings) -> Land:
    """Plan the land of ``settings``; equal settings give equal tables."""
    ground = plan_ground(settings, seeded_rng(settings.seed, 1))
    towns, lakes = plan_towns(settings, ground, seeded_rng(settings.seed, 2))
    roads, streets = plan_roads(towns, lakes, ground, seeded_rng(settings.seed, 3))
    landmarks = plan_landmarks(towns, streets, roads, seeded_rng(settings.seed, 4))
    landmarks += plan_nature_parks(towns, lakes, seeded_rng(settings.seed, 5))
    road_ids = [f"way/{k + 1}" for k in range(len(roads))]
    landmark_ids = _landmark_ids(landmarks, len(roads))
    tags = {i: road.tags for i, road in zip(road_ids, roads, strict=True)}
    tags |= {i: landmark.tags for i, landmark in zip(landmark_ids, landmarks, strict=True)}
    return Land(
        settings,
        area_table(towns, ground),
        _road_table(roads, road_ids, ground),
        _landmark_table(landmarks, landmark_ids, ground),
        _water_table(lakes, ground),
        tags,
    )


def _landmark_ids(landmarks: Sequence[Landmark], last_way: int) -> list[str]:
    """Number points as nodes, outlines as ways after ``last_way``, and outlines with holes as relations."""
    last = {"node": 0, "way": last_way, "relation": 0}
    ids = []
    for landmark in landmarks:
        is_point = isinstance(landmark.shape, shapely.Point)
        element = "node" if is_point else "relation" if landmark.shape.interiors else "way"
        last[element] += 1
        ids.append(f"{element}/{last[element]}")
    return ids


def _road_table(roads: Sequence[Road], ids: Sequence[str], ground: Ground) -> gpd.GeoDataFrame:
    table = {
        "feature_id": ids,
        "name": [road.tags.get("name") or road.tags.get("ref", "") for road in roads],
        "kind": [road.tags["highway"] for road in roads],
    }
    lines = ground.degrees_of([shapely.LineString(road.line) for road in roads])
    return gpd.GeoDataFrame(table, geometry=lines, crs="EPSG:4326")


def _landmark_table(landmarks: Sequence[Landmark], ids: Sequence[str], ground: Ground) -> gpd.GeoDataFrame:
    table = {
        "feature_id": ids,
        "name": [landmark.tags["name"] for landmark in landmarks],
        "kind": [landmark.kind for landmark in landmarks],
    }
    shapes = ground.degrees_of([landmark.shape for landmark in landmarks])
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")


def _water_table(lakes: Sequence[Lake], ground: Ground) -> gpd.GeoDataFrame:
    codes = {"municipality_code": [lake.municipality_code for lake in lakes]}
    shapes = ground.degrees_of([lake.shape for lake in lakes])
    return gpd.GeoDataFrame(codes, geometry=shapes, crs="EPSG:4326")
