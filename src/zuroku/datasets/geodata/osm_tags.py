"""Tag filters of OpenStreetMap, written ``key=value`` or ``key=*``, and the features that readers give.

What a road or a landmark is, the settings say. Nothing here reads a file.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd

TagQuery = dict[str, bool | str | list[str]]
"""Wanted values by key: a list, or True for any. The form that QuackOSM and OSMnx take."""

KEPT_TAGS = ("name", "ref", "area")
"""Keys that are kept of a feature beside those it was found by."""

FEATURE_COLUMNS = ["feature_id", "tags", "geometry"]


def tag_query(filters: Sequence[str]) -> TagQuery:
    """Return ``filters`` by key."""
    query: TagQuery = {}
    for key, value in (text.split("=", 1) for text in filters):
        values = query.setdefault(key, [])
        if value == "*" or values is True:
            query[key] = True
        elif isinstance(values, list):
            values.append(value)
    return query


def is_wanted(tags: Mapping[str, str], query: TagQuery) -> bool:
    """Return whether any tag fits the query."""
    return any(
        key in tags and (values is True or (isinstance(values, list) and tags[key] in values))
        for key, values in query.items()
    )


def first_match(tags: Mapping[str, str], filters: Sequence[str]) -> str:
    """Return the tag (``key=value``) that the first fitting filter finds; "" if none does."""
    for text in filters:
        key, value = text.split("=", 1)
        if key in tags and value in ("*", tags[key]):
            return f"{key}={tags[key]}"
    return ""


def feature_frame(rows: Iterable[tuple[str, dict[str, str], Any]]) -> gpd.GeoDataFrame:
    """Return ``feature_id`` ("way/12"), ``tags`` (dict) and geometry of each row, EPSG:4326."""
    return gpd.GeoDataFrame(list(rows), columns=FEATURE_COLUMNS, geometry="geometry", crs="EPSG:4326")
