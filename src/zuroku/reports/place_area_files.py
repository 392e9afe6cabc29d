"""What an index of places keeps of its feature tables: names of classes, coarse land, borders of areas.

The files themselves are ``indexes.place_bundle``'s and ``indexes.place_borders``', drawing them is
``heat_map_outlines``'.
"""

import json
from collections.abc import Mapping, Sequence

import geopandas as gpd
import pandas as pd

from zuroku.datasets.geodata.features import FeatureTable
from zuroku.indexes.place_borders import BORDERS, borders_bytes
from zuroku.indexes.place_bundle import AREAS, NAMES, OUTLINES

_COARSEST = 0.002
_STEPS = 10_000
"""The land keeps details of a 10,000th of its extent, and of 200 m: it is read whole for every map."""


def area_files(
    features: Mapping[str, FeatureTable], classes: Mapping[str, Sequence[str]]
) -> dict[str, bytes]:
    """Return names, outlines and borders by their file in the bundle.

    ``features`` are ``areas``, ``admin``, ``roads`` and ``landmarks``, as for ``label_dataset``; of roads and
    landmarks those are named that are ``classes`` of the geolocator, by task.
    """
    areas, admin = features["areas"].frame, features["admin"].frame
    names = {level: _named(admin, level) | _named(areas, level) for level in AREAS}
    codes = {"", *areas["municipality_code"], *admin["municipality_code"]}
    names["road"] = {road: _without_code(road, codes) for road in classes["road"]}
    landmarks = features["landmarks"].frame
    known = landmarks[landmarks["feature_id"].isin(classes["landmark"]) & (landmarks["name"] != "")]
    names["landmark"] = dict(zip(known["feature_id"], known["name"], strict=True))
    levels = {level: _dissolved(areas, admin, level) for level in AREAS}
    land = levels["prefecture"] if len(levels["prefecture"]) else areas.dissolve().assign(code="", name="")
    return {
        NAMES: json.dumps(names, ensure_ascii=False, sort_keys=True).encode(),
        OUTLINES: _coarse(land),
        BORDERS: borders_bytes({level: frame for level, frame in levels.items() if len(frame)}),
    }


def _named(areas: pd.DataFrame, level: str) -> dict[str, str]:
    """Return the names by code; an area without a name is left out, and is called by its code."""
    named = areas[(areas[level] != "") & (areas[f"{level}_code"] != "")]
    return dict(zip(named[f"{level}_code"], named[level], strict=True))


def _without_code(road: str, codes: set[str]) -> str:
    """Return the name in the class of a road, ``municipality/name``; both may hold slashes, as ``way/12``."""
    slashes = (place for place, letter in enumerate(road) if letter == "/")
    return next((road[place + 1 :] for place in slashes if road[:place] in codes), road)


def _dissolved(areas: gpd.GeoDataFrame, admin: gpd.GeoDataFrame, level: str) -> gpd.GeoDataFrame:
    """Return ``code``, ``name`` and geometry of each area of ``level``, from ``admin`` if areas have none."""
    code = f"{level}_code"
    table = areas if (areas[code] != "").any() else admin
    parts = table.loc[table[code] != "", [code, level, "geometry"]]
    parts = parts.rename(columns={code: "code", level: "name"})
    return parts.dissolve("code", as_index=False) if parts["code"].duplicated().any() else parts


def _coarse(land: gpd.GeoDataFrame) -> bytes:
    """Return the prefectures as GeoJSON, simplified: what a map draws behind all else."""
    west, south, east, north = land.total_bounds
    shapes = land.geometry.simplify(min(_COARSEST, max(east - west, north - south) / _STEPS))
    named = {"prefecture_code": land["code"], "prefecture": land["name"]}
    text: str = gpd.GeoDataFrame(named, geometry=shapes).to_json(drop_id=True)
    return text.encode()
