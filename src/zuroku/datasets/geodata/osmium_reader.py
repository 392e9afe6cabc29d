"""OpenStreetMap extracts by pyosmium: no fixed cost, one process, node positions in memory.

The default. What is read is the same as by QuackOSM.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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
    places = osmium.index.create_map("flex_mem")
    elements = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY)
    elements.with_locations(places)  # type: ignore[arg-type]  # it says str, and takes either
    for element in elements.with_filter(_tagged(query)):
        tags = _kept_tags(element, query)
        if not is_wanted(tags, query):
            continue
        if isinstance(element, osmium.osm.Node):
            yield f"node/{element.id}", tags, shapely.Point(element.location.lon, element.location.lat)
        elif isinstance(element, osmium.osm.Way):
            line = _line([node.location for node in element.nodes if node.location.valid()])
            if line is not None:
                yield f"way/{element.id}", tags, line
    lines = _lines_of(path, needed, places) if needed else {}
    for relation, tags, outer, inner in relations:
        area = shapely.difference(_rings(outer, lines), _rings(inner, lines))
        if not area.is_empty:
            yield f"relation/{relation}", tags, area


def _multipolygons(path: Path, query: TagQuery) -> tuple[list[_Relation], set[int]]:
    """Return the wanted relations that are areas, and the ids of all ways they consist of."""
    found: list[_Relation] = []
    for relation in osmium.FileProcessor(str(path), osmium.osm.RELATION).with_filter(_tagged(query)):
        tags = _kept_tags(relation, query)
        if not isinstance(relation, osmium.osm.Relation) or not is_wanted(tags, query):
            continue
        if relation.tags.get("type") in _AREA_TYPES:
            ways = [(member.role, member.ref) for member in relation.members if member.type == "w"]
            inner = [way for role, way in ways if role == "inner"]
            found.append((relation.id, tags, [way for role, way in ways if role != "inner"], inner))
    return found, {way for _, _, outer, inner in found for way in (*outer, *inner)}


def _lines_of(path: Path, ways: set[int], places: Any) -> dict[int, shapely.LineString]:
    """Return the lines of ``ways``, which need not have tags of their own, by the ``places`` of all nodes."""

    def located(way: Any) -> Iterator[osmium.osm.Location]:
        for node in way.nodes:
            # One that is not in the extract has no place.
            with suppress(KeyError):
                yield places.get(node.ref)

    # Not by osmium's filter of ids, whose memory grows with the largest of them.
    found = (way for way in osmium.FileProcessor(str(path), osmium.osm.WAY) if way.id in ways)
    lines = {way.id: _line(list(located(way))) for way in found}
    return {way: line for way, line in lines.items() if line is not None}


def _tagged(query: TagQuery) -> Any:
    """Return a filter that passes at least what ``query`` wants: most elements never reach Python."""
    pairs = [(key, value) for key, values in query.items() if isinstance(values, list) for value in values]
    if all(isinstance(values, list) for values in query.values()):
        return osmium.filter.TagFilter(*pairs)
    return osmium.filter.KeyFilter(*query)


def _kept_tags(element: Any, query: TagQuery) -> dict[str, str]:
    return {tag.k: tag.v for tag in element.tags if tag.k in query or tag.k in KEPT_TAGS}


def _line(places: Sequence[osmium.osm.Location]) -> shapely.LineString | None:
    """Return the line along ``places``; None below two of them."""
    return shapely.LineString([(at.lon, at.lat) for at in places]) if len(places) > 1 else None


def _rings(ways: list[int], lines: Mapping[int, shapely.LineString]) -> shapely.Geometry:
    """Return the area that the ways enclose; empty where some are missing and it stays open."""
    return shapely.union_all(
        shapely.get_parts(shapely.polygonize([lines[way] for way in ways if way in lines]))
    )
