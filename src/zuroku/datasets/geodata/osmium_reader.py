"""OpenStreetMap extracts by pyosmium: no fixed cost, one process, node positions in memory.

The choice for a city; QuackOSM is the one for a country. What is read is the same.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import osmium
import shapely

from zuroku.datasets.geodata.osm_tags import KEPT_TAGS, TagQuery, feature_frame, is_wanted
from zuroku.errors import GeoDataError

_AREA_TYPES = ("multipolygon", "boundary")

_Relation = tuple[int, dict[str, str], list[int], list[int]]
"""Its id, its tags, its outer ways and its inner ways."""


def read_with_osmium(path: Path, query: TagQuery) -> gpd.GeoDataFrame:
    """Return the nodes, ways and multipolygons at ``path`` (PBF or XML) that ``query`` wants.

    Ways are lines, closed or not; of a way that leaves the extract the part inside is returned.

    Raises:
        GeoDataError: the file cannot be read to its end.
    """
    try:
        return feature_frame(_features(path, query))
    except (RuntimeError, ValueError) as error:
        raise GeoDataError(
            f"{path} cannot be read: {error}",
            expected="a whole OpenStreetMap extract",
            remedy="fetch it again and compare it with the published checksum",
        ) from error


def _features(path: Path, query: TagQuery) -> Iterator[tuple[str, dict[str, str], Any]]:
    # Not osmium's own assembly of areas, which refuses extracts whose ways are not in order.
    relations, needed = _multipolygons(path, query)
    keys = {*query, *KEPT_TAGS}
    lines = {}
    # Nodes are many and mostly without tags: they are not even handed over.
    tagged = osmium.filter.KeyFilter(*query)
    tagged.enable_for(osmium.osm.NODE)
    elements = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY)
    for element in elements.with_locations().with_filter(tagged):
        tags = {tag.k: tag.v for tag in element.tags if tag.k in keys}
        wanted = is_wanted(tags, query)
        if isinstance(element, osmium.osm.Node) and wanted:
            yield f"node/{element.id}", tags, shapely.Point(element.location.lon, element.location.lat)
        if not isinstance(element, osmium.osm.Way) or not (wanted or element.id in needed):
            continue
        places = [(node.lon, node.lat) for node in element.nodes if node.location.valid()]
        if len(places) < 2:
            continue
        line = shapely.LineString(places)
        if element.id in needed:
            lines[element.id] = line
        if wanted:
            yield f"way/{element.id}", tags, line
    for relation, tags, outer, inner in relations:
        area = shapely.difference(_rings(outer, lines), _rings(inner, lines))
        if not area.is_empty:
            yield f"relation/{relation}", tags, area


def _multipolygons(path: Path, query: TagQuery) -> tuple[list[_Relation], set[int]]:
    """Return the wanted relations that are areas, and the ids of all ways they consist of."""
    found: list[_Relation] = []
    keys = {*query, *KEPT_TAGS}
    for relation in osmium.FileProcessor(str(path), osmium.osm.RELATION):
        tags = {tag.k: tag.v for tag in relation.tags if tag.k in keys}
        if not isinstance(relation, osmium.osm.Relation) or not is_wanted(tags, query):
            continue
        if relation.tags.get("type") in _AREA_TYPES:
            ways = [(member.role, member.ref) for member in relation.members if member.type == "w"]
            inner = [way for role, way in ways if role == "inner"]
            found.append((relation.id, tags, [way for role, way in ways if role != "inner"], inner))
    return found, {way for _, _, outer, inner in found for way in (*outer, *inner)}


def _rings(ways: list[int], lines: Mapping[int, shapely.LineString]) -> shapely.Geometry:
    """Return the area that the ways enclose; empty where some are missing and it stays open."""
    return shapely.union_all(
        shapely.get_parts(shapely.polygonize([lines[way] for way in ways if way in lines]))
    )
