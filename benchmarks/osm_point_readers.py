"""The ways from an extract of OpenStreetMap to sample points that ``geodata_points`` compares.

Each reads roads and landmarks by the same tags and hands them to the same sampling, in the stages start,
roads, landmarks and points. Those that are not zuroku's are written as a user would write them.
"""

import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import osmium
import shapely

from zuroku.datasets.geodata.osm import LANDMARKS, ROADS, OsmSettings, read_landmarks, read_roads
from zuroku.datasets.geodata.osm_tags import first_match, tag_query
from zuroku.geo.sampling import SamplingSettings, sample_points

Stages = Iterator[tuple[str, int]]
"""Names of stages, each with how many rows it gave, yielded when it is done."""


def zuroku_points(engine: Literal["osmium", "quackosm"], path: Path) -> Stages:
    """Read by one of zuroku's engines."""
    if engine == "osmium":
        from zuroku.datasets.geodata import osmium_reader  # noqa: F401
    else:
        from zuroku.datasets.geodata import quackosm_reader  # noqa: F401
    settings = OsmSettings(source="pbf", path=path, engine=engine)
    yield "start", 0
    roads = read_roads(settings, Path())
    yield "roads", len(roads)
    landmarks = read_landmarks(settings, Path())
    yield "landmarks", len(landmarks)
    yield "points", _points(roads, landmarks)


def plain_points(path: Path) -> Stages:
    """Read all in one loop over pyosmium, with its areas; for `landmarks` only their table is left."""
    wanted = [text.split("=") for text in LANDMARKS]
    shapes = osmium.geom.WKBFactory()
    yield "start", 0
    roads: list[tuple[Any, ...]] = []
    landmarks: list[tuple[Any, ...]] = []
    keys = osmium.filter.KeyFilter(*{key for key, _ in wanted})
    for item in osmium.FileProcessor(str(path)).with_areas(keys):
        tags = item.tags
        name = tags.get("name") or tags.get("ref") or ""
        if item.is_way():
            if tags.get("highway") in ROADS and tags.get("area") != "yes":
                places = [(node.lon, node.lat) for node in item.nodes if node.location.valid()]
                if len(places) > 1:
                    kind = ROADS[tags["highway"]]
                    roads.append((f"way/{item.id}", name, kind, shapely.LineString(places)))
            continue
        kind = next((f"{key}={value}" for key, value in wanted if tags.get(key) == value), "")
        if kind and item.is_node():
            place = shapely.Point(item.location.lon, item.location.lat)
            landmarks.append((f"node/{item.id}", name, kind, place))
        elif kind and item.is_area():
            element = "way" if item.from_way() else "relation"
            shape = shapely.from_wkb(shapes.create_multipolygon(item))
            landmarks.append((f"{element}/{item.orig_id()}", name, kind, shape))
    columns = ["feature_id", "name", "kind", "geometry"]
    road_table = gpd.GeoDataFrame(roads, columns=columns, crs=4326)
    yield "roads", len(roads)
    landmark_table = gpd.GeoDataFrame(landmarks, columns=columns, crs=4326)
    yield "landmarks", len(landmarks)
    yield "points", _points(road_table, landmark_table)


def pyrosm_points(path: Path) -> Stages:
    """Read by pyrosm, without the results that an earlier run of it has kept on disk."""
    import pyrosm

    # Deleted with the last of this function.
    kept = tempfile.TemporaryDirectory()
    tempfile.tempdir = kept.name
    yield "start", 0
    read = partial(pyrosm.OSM(str(path)).get_data_by_custom_criteria, filter_type="keep")
    ways = read({"highway": list(ROADS)}, tags_as_columns=["highway", "name"], keep_nodes=False)
    ways = ways[ways["osm_type"] == "way"]
    roads = ways.assign(
        feature_id="way/" + ways["id"].astype(str),
        name=ways["name"].fillna(""),
        kind=ways["highway"].map(ROADS),
    )
    yield "roads", len(roads)
    query = tag_query(LANDMARKS)
    found = read(query, tags_as_columns=[*query, "name"])
    tags = found.reindex(columns=list(query)).to_dict("records")
    landmarks = found.assign(
        feature_id=found["osm_type"] + "/" + found["id"].astype(str),
        name=found["name"].fillna(""),
        kind=[first_match(row, LANDMARKS) for row in tags],
    )
    yield "landmarks", len(landmarks)
    yield "points", _points(roads, landmarks)


READERS: dict[str, Callable[[Path], Stages]] = {
    "zuroku, osmium": partial(zuroku_points, "osmium"),
    "zuroku, QuackOSM": partial(zuroku_points, "quackosm"),
    "plain pyosmium": plain_points,
    "pyrosm": pyrosm_points,
}


def installed(reader: str) -> bool:
    """Return whether the library of a reader is there; only pyrosm is none that zuroku needs."""
    return reader != "pyrosm" or importlib.util.find_spec("pyrosm") is not None


def _points(roads: gpd.GeoDataFrame, landmarks: gpd.GeoDataFrame) -> int:
    return len(sample_points(roads, landmarks, SamplingSettings()))
