"""A made-up land of two towns for tests: its files, its tables and its datasets on disk."""

from functools import cache
from pathlib import Path
from typing import Any

from zuroku.config import parse_settings
from zuroku.datasets.geodata.collection import (
    FeatureCollectionSettings,
    PointCollectionSettings,
    ingest_features,
)
from zuroku.datasets.sample.land.land import Land, plan_land
from zuroku.datasets.sample.land.settings import LandSettings

LAND = LandSettings(
    seed=1, prefectures=1, municipalities=1, towns=2, capital_towns=2, width_km=60, height_km=60
)
_ABOUT = {"description": "A test.", "licence": "CC0-1.0", "url": ""}
_GENERATED = {**_ABOUT, "source": "generated", "generated": LAND.model_dump()}
_OSM = {"source": "pbf", "path": "land.osm.pbf", "engine": "osmium"}

FEATURES: dict[str, dict[str, Any]] = {
    "census_areas": {"kind": "areas", "areas": {"layout": "estat", "files": ["census/r2ka91.shp"]}},
    "admin_areas": {"kind": "areas", "areas": {"layout": "n03", "files": ["municipalities.geojson"]}},
    "osm_roads": {"kind": "roads", "osm": _OSM},
    "osm_landmarks": {"kind": "landmarks", "osm": _OSM},
}
"""What is said of each table; ``feature_settings`` adds the rest."""

POINTS = {
    "kind": "points",
    "name": "sample_points",
    **_ABOUT,
    "sampling": {"closest_m": 1000, "farthest_m": 10000, "other_roads_m": 4000, "least_per_class": 0}
    | {"road_intervals_m": {}, "landmark_grids": [{"least_area_m2": 0, "cell_m": 3000}]},
}


@cache
def planned() -> Land:
    """Return the land as it was planned, before any file was written."""
    return plan_land(LAND)


def feature_settings(name: str, **changed: Any) -> FeatureCollectionSettings:
    """Return the settings of a table of ``FEATURES``, generated unless ``changed`` says otherwise."""
    values = _GENERATED | {"name": name} | FEATURES[name] | changed
    return parse_settings(values, FeatureCollectionSettings, "the test")


def point_settings() -> PointCollectionSettings:
    """Return the settings of the few points of the land."""
    return parse_settings(POINTS, PointCollectionSettings, "the test")


def write_datasets(data: Path) -> Path:
    """Write all tables of the land, and its points, to folders of their names in ``data``."""
    for name in FEATURES:
        ingest_features(feature_settings(name), data / name, data)
    ingest_features(point_settings(), data / "sample_points", data)
    return data
