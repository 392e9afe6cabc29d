"""OpenStreetMap by OSMnx: an XML extract on disk, or a place or box from an Overpass server.

OSMnx keeps its settings in a module, waits without end on a busy server, and takes what a query gave before
it failed for the whole. Here its settings are set and put back, tries are bounded, and such an answer is an
error. Not for two threads at once.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import osmnx
import shapely
from osmnx._errors import InsufficientResponseError

from zuroku.datasets.geodata.osm_file import contents
from zuroku.datasets.geodata.osm_tags import KEPT_TAGS, TagQuery, feature_frame, is_wanted
from zuroku.datasets.geodata.overpass import OverpassSettings, check_answer, once
from zuroku.datasets.http import PoliteClient, user_agent
from zuroku.errors import GeoDataError


def roads_from_xml(path: Path, query: TagQuery) -> gpd.GeoDataFrame:
    """Return the ways of the road graph of the XML extract at ``path`` that ``query`` wants.

    OSMnx's graph has an edge from node to node and per direction; here those of a way are joined again, for a
    road is labelled and walked as a whole.

    Raises:
        GeoDataError: the file cannot be read, or holds no ways.
    """
    with _told(path):
        graph = osmnx.graph_from_xml(path, simplify=False, retain_all=True)
    if not graph.number_of_edges():
        return feature_frame([])
    edges = osmnx.graph_to_gdfs(graph, nodes=False)
    edges = edges[~edges["reversed"].astype(bool)]
    rows = []
    for way, same in edges.groupby("osmid"):
        tags = _tags(same.iloc[0].to_dict(), query)
        if is_wanted(tags, query):
            pieces = shapely.multilinestrings(same.geometry.to_numpy())
            rows.append((f"way/{way}", tags, shapely.line_merge(pieces)))
    return feature_frame(rows)


def features_from_xml(path: Path, query: TagQuery) -> gpd.GeoDataFrame:
    """Return the nodes, ways and multipolygons of the XML extract at ``path`` that ``query`` wants.

    Raises:
        GeoDataError: the file cannot be read.
    """
    with _told(path):
        return _features(lambda: osmnx.features_from_xml(path, tags=query), query)


def features_of_place(place: str, query: TagQuery, settings: OverpassSettings) -> gpd.GeoDataFrame:
    """Return the features that ``query`` wants in what Nominatim calls ``place`` ("Chuo, Tokyo, Japan").

    Raises:
        GeoDataError: the place is unknown, or is no area.
        UnavailableError, DownloadError: a server cannot be reached, stays busy, or gives up on the query.
    """
    with _server(settings) as ask:
        try:
            area = ask(settings.nominatim_url, lambda: osmnx.geocode_to_gdf(place))
        except (InsufficientResponseError, TypeError) as error:
            raise GeoDataError(
                f"the gazetteer knows no area {place!r} ({error})",
                expected="a city, a ward, or another place with an outline",
                remedy="look it up on openstreetmap.org and write it as there, or give a bbox",
            ) from error
        outline = area.geometry.iloc[0]
        return ask(
            settings.overpass_url,
            lambda: _features(lambda: osmnx.features_from_polygon(outline, query), query),
        )


def features_in_box(
    bbox: tuple[float, float, float, float], query: TagQuery, settings: OverpassSettings
) -> gpd.GeoDataFrame:
    """Return the features that ``query`` wants in ``bbox`` (west, south, east, north, in degrees).

    Raises:
        UnavailableError, DownloadError: the server cannot be reached, stays busy, or gives up on the query.
    """
    with _server(settings) as ask:
        return ask(
            settings.overpass_url, lambda: _features(lambda: osmnx.features_from_bbox(bbox, query), query)
        )


def _features(read: Callable[[], gpd.GeoDataFrame], query: TagQuery) -> gpd.GeoDataFrame:
    try:
        found = read()
    except InsufficientResponseError:
        return feature_frame([])
    return feature_frame(
        (f"{element}/{number}", _tags(values, query), values["geometry"])
        for (element, number), values in zip(found.index, found.to_dict("records"), strict=True)
    )


def _tags(values: dict[Any, Any], query: TagQuery) -> dict[str, str]:
    keys = {*query, *KEPT_TAGS}
    return {key: value for key, value in values.items() if key in keys and isinstance(value, str)}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except InsufficientResponseError as error:
        raise GeoDataError(
            f"{path} holds {contents(path)}",
            expected="ways with their nodes",
            remedy="make the extract with its ways complete, or read another",
        ) from error
    except (ElementTree.ParseError, KeyError, UnicodeDecodeError) as error:
        raise GeoDataError(
            f"{path} cannot be read: {error}",
            expected="a whole OpenStreetMap extract in XML, with the nodes of its ways",
            remedy="export it again; a cut file or one in another encoding cannot be read",
        ) from error


@contextmanager
def _server(settings: OverpassSettings) -> Iterator[Callable[[str, Callable[[], Any]], Any]]:
    """Set OSMnx up for ``settings``; yield a function that asks and asks again while a server is busy."""
    values = {
        "overpass_url": settings.overpass_url,
        "nominatim_url": settings.nominatim_url,
        "overpass_rate_limit": settings.rate_limit,
        "requests_timeout": round(settings.http.timeout_s),
        "requests_kwargs": {"hooks": {"response": check_answer}},
        "http_user_agent": user_agent(),
        # A name that does not resolve is an error to tell, not to ask another server about.
        "doh_url_template": None,
        "use_cache": settings.cache is not None,
        "cache_folder": settings.cache or "",
    }
    before = {name: getattr(osmnx.settings, name) for name in values}
    resolve = socket.getaddrinfo
    with PoliteClient(settings.http) as client:
        try:
            for name, value in values.items():
                setattr(osmnx.settings, name, value)
            yield lambda url, ask: client.retrying(url, lambda: once(ask))
        finally:
            for name, value in before.items():
                setattr(osmnx.settings, name, value)
            # OSMnx replaces it, to meet the same of a server's machines twice.
            socket.getaddrinfo = resolve
