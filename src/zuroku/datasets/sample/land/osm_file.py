"""The roads and landmarks of a made-up land as an OpenStreetMap extract (PBF).

Nodes, ways and tags are as mappers leave them: roads that meet share a node, outlines are closed ways, those
with a pond multipolygons. The same land gives the same bytes: versions and times are fixed.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import osmium
import shapely
from osmium.osm import mutable

from zuroku.datasets.sample.land.land import Land

_EDITED = datetime(2024, 1, 1, tzinfo=UTC)
_EDITOR = "zuroku"
_STEPS_PER_DEGREE = 1e7

_Item = TypeVar("_Item", mutable.Node, mutable.Way, mutable.Relation)


class _Way(NamedTuple):
    number: int
    shape: shapely.Geometry
    tags: dict[str, str]


class _Area(NamedTuple):
    """A multipolygon: its ways with their roles."""

    number: int
    members: list[tuple[str, int, str]]
    tags: dict[str, str]


def write_osm(land: Land, path: Path) -> None:
    """Write the extract to ``path``, which ends in ``.osm.pbf``, whole or not at all.

    Ids are those of ``land.roads`` and ``land.landmarks``. The corners of roads and outlines are numbered
    after the landmarks that are nodes, by longitude and latitude.
    """
    points = land.landmarks[land.landmarks.geom_type == "Point"]
    ways, areas = _ways_and_areas(land)
    corners, nodes = _corners([way.shape for way in ways], first_id=len(points) + 1)
    work = path.with_name(f".partial.{path.name}")
    with osmium.SimpleWriter(str(work), header=_header(land), overwrite=True) as writer:
        for feature_id, point in zip(points["feature_id"], points.geometry, strict=True):
            tags = dict(land.tags[feature_id])
            writer.add_node(
                _edited(mutable.Node(id=_number(feature_id), location=(point.x, point.y), tags=tags))
            )
        for number, (longitude, latitude) in enumerate(corners.tolist(), start=len(points) + 1):
            writer.add_node(_edited(mutable.Node(id=number, location=(longitude, latitude))))
        for way, corner_ids in zip(ways, nodes, strict=True):
            writer.add_way(_edited(mutable.Way(id=way.number, nodes=corner_ids, tags=way.tags)))
        for area in areas:
            writer.add_relation(
                _edited(mutable.Relation(id=area.number, members=area.members, tags=area.tags))
            )
    work.replace(path)


def _ways_and_areas(land: Land) -> tuple[list[_Way], list[_Area]]:
    """Return all ways by id, and the multipolygons, whose rings are the last ways."""
    features = list(_features(land))
    ways = [_Way(_number(name), shape, tags) for name, shape, tags in features if name.startswith("way/")]
    areas = []
    for name, shape, tags in features:
        if name.startswith("relation/"):
            rings = [("outer", shape.exterior), *(("inner", hole) for hole in shape.interiors)]
            members = []
            for role, ring in rings:
                number = ways[-1].number + 1
                ways.append(_Way(number, ring, {} if role == "outer" else {"natural": "water"}))
                members.append(("w", number, role))
            areas.append(_Area(_number(name), members, {"type": "multipolygon"} | tags))
    return ways, areas


def _features(land: Land) -> Iterator[tuple[str, shapely.Geometry, dict[str, str]]]:
    for table in (land.roads, land.landmarks):
        for feature_id, shape in zip(table["feature_id"], table.geometry, strict=True):
            yield feature_id, shape, dict(land.tags[feature_id])


def _edited(item: _Item) -> _Item:
    """Set what OSM keeps of the last edit."""
    item.version, item.changeset, item.timestamp, item.visible = 1, 1, _EDITED, True
    item.uid, item.user = 1, _EDITOR
    return item


def _corners(
    shapes: list[shapely.Geometry], first_id: int
) -> tuple[npt.NDArray[np.float64], list[list[int]]]:
    """Return the different corners ``(n, 2)`` of all shapes, and the numbers of those of each shape."""
    places, owner = shapely.get_coordinates(shapes, return_index=True)
    steps = np.rint(places * _STEPS_PER_DEGREE).astype(np.int64)
    corners, numbers = np.unique(steps, axis=0, return_inverse=True)
    of_shapes = np.split(numbers.ravel() + first_id, np.flatnonzero(np.diff(owner)) + 1)
    return corners / _STEPS_PER_DEGREE, [nodes.tolist() for nodes in of_shapes]


def _header(land: Land) -> osmium.io.Header:
    header = osmium.io.Header()
    header.set("generator", _EDITOR)
    header.set("osmosis_replication_timestamp", _EDITED.strftime("%Y-%m-%dT%H:%M:%SZ"))
    west, south, east, north = (float(side) for side in land.areas.total_bounds)
    header.add_box(osmium.osm.Box(osmium.osm.Location(west, south), osmium.osm.Location(east, north)))
    return header


def _number(feature_id: str) -> int:
    """Return 12 for "way/12"."""
    return int(feature_id.partition("/")[2])
