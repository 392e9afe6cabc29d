"""The profile of a user's own city: what the command line names, and the YAML files that say it.

Only values are made here. Making the datasets belongs to ``own_places``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import Field

from zuroku.config import Settings, parse_settings
from zuroku.datasets.geodata.areas import AreaFields, AreaSettings
from zuroku.datasets.geodata.osm import ATTRIBUTION, LICENCE
from zuroku.datasets.geodata.polygon_files import read_polygons
from zuroku.datasets.places.photo_folder import PlaceFolderSettings
from zuroku.datasets.places.photo_table import PlaceColumns
from zuroku.datasets.source import NOT_STATED
from zuroku.errors import ConfigError
from zuroku.geo.distances import haversine_km

_DESCRIBED = {
    "census_areas": "Areas",
    "osm_roads": "Roads",
    "osm_landmarks": "Landmarks",
    "admin_areas": "Municipalities",
    "sample_points": "Points along the roads and at the landmarks",
    "street_views": "Photographs",
}
STAGES = tuple(_DESCRIBED)
"""The datasets, in the order in which they are made: areas first, because all photographs may lie outside."""

_NEAR_KM = 25.0
_NEAR_IN_EXTENT = 5
"""A circle of this radius covers an eighth of a square: about what a constant guess scores."""

_APART_KM = 1.0
_EXTENT_IN_APART = 50
"""Blocks, four distances wide, are then some 150 to a square: of 200 places spread over it about 8 blocks of
val calibrate a radius, which needs 9. With the sample's 1 km a city 3 km wide often cannot be split."""

_EXTENT = "# Distances follow from the extent of the areas, {extent} km on its longer side.\n"
_NEAR = f"""{_EXTENT}# Near is 1/{_NEAR_IN_EXTENT} of it, at most {_NEAR_KM:g} km;
# kernels are 2/5 of that wide, clusters 1/5. Take smaller ones where the photographs cover less.
"""
_COMMENTS = {
    "place_splits": f"""{_EXTENT}# block_km is 1/{_EXTENT_IN_APART} of it, at most {_APART_KM:g} km:
# no photograph of the gallery lies so near to one of test, and no score speaks of what is nearer. Whole
# blocks are split, four times as wide; with wider ones a small city has too few of them.
""",
    "geolocator_release": f"""{_NEAR}# The floor is 0: without a first model nothing answers.
""",
    "geolocator_evaluation": f"""{_NEAR}# must_beat_floors is false: a few photographs can hardly show that a
# model beats a constant guess, or raw features. The checks warn, and the report says by how much it does.
""",
}

_COPIED = ("place_*.yaml", "geolocator*.yaml")
_TERMS = {
    "estat": "https://www.e-stat.go.jp/terms-of-use",
    "n03": "https://nlftp.mlit.go.jp/ksj/other/agreement_01.html",
}


class OwnPlaces(Settings):
    """What a user brings. Paths are as given on the command line, a table's as well.

    ``admin`` is a file of municipalities in N03's layout; without it ``areas`` serve for both. ``licence`` is
    that of the photographs for which their table names none.
    """

    profile: str = Field(default="places", pattern=r"^[a-z][a-z0-9_]*$")
    photos: PlaceFolderSettings
    osm: Path
    areas: AreaSettings
    admin: Path | None = None
    licence: str = Field(default=NOT_STATED, min_length=1)


def named_columns(text: str, option: str) -> dict[str, str]:
    """Return the columns that ``"town_code=CODE,town=NAME"`` names, by what they mean.

    Raises:
        ConfigError: a part is no such pair, or a meaning is given twice.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    named = {key.strip(): value.strip() for key, _, value in pairs}
    if len(named) < len(pairs) or not all(key and value for key, value in named.items()):
        raise ConfigError(
            f"{option} is {text!r}",
            expected="pairs such as town_code=CODE,town=NAME, each meaning once",
            remedy="write what is meant before each = and the column of the file behind it",
        )
    return named


def own_places(
    *,
    profile: str,
    photos: Path,
    table: Path | None,
    columns: str | None,
    osm: Path,
    areas: Sequence[Path],
    layout: str | None,
    fields: str | None,
    encoding: str | None,
    admin: Path | None,
    licence: str | None = None,
    author: str | None = None,
) -> OwnPlaces:
    """Return what the options of the command line name, as they are given there.

    Raises:
        ConfigError: they do not fit; without ``layout`` and ``fields`` the columns of the areas are named.
        GeoDataError: the file of areas cannot be read to name them.
    """
    if layout is None and fields is None:
        # Whatever the encoding of their text is: columns are to be named, not read.
        found = ", ".join(read_polygons(areas[0], encoding, "ISO-8859-1").frame.columns)
        raise ConfigError(
            f"nothing says what the columns of {areas[0]} mean: {found}",
            expected="--fields town_code=CODE,town=NAME,… with columns of the file, or --layout estat or n03",
            remedy=f"name the column of at least one of {', '.join(AreaFields.model_fields)}",
        )
    polygons: dict[str, Any] = {"layout": layout or "fields", "files": list(areas), "encoding": encoding}
    if fields is not None:
        polygons["fields"] = parse_settings(named_columns(fields, "--fields"), AreaFields, "--fields")
    folder: dict[str, Any] = {"root": photos, "table": None if table is None else str(table)}
    if columns is not None:
        folder["columns"] = parse_settings(named_columns(columns, "--columns"), PlaceColumns, "--columns")
    if author is not None:
        folder["author"] = author
    values = {"profile": profile, "photos": folder, "osm": osm, "areas": polygons, "admin": admin}
    if licence is not None:
        values["licence"] = licence
    return parse_settings(values, OwnPlaces, "the command line")


def model_name(own: OwnPlaces) -> str:
    """Return the name that the profile's geolocator is released under."""
    return f"{own.profile}_geolocator"


def index_name(own: OwnPlaces) -> str:
    """Return the name that the profile's index of places is published under."""
    return f"{own.profile}_place_index"


def profile_files(own: OwnPlaces, templates: Path, root: Path) -> dict[str, bytes]:
    """Return the YAML files of the profile by name; what is not about data is copied from ``templates``.

    Model and index are released under names of their own, so that they do not take the place of others.
    Paths below ``root`` are written relative to it, others absolute.

    Raises:
        ConfigError: ``templates`` holds no configuration of the geolocation lineage.
    """
    copied = {path.name: path.read_bytes() for glob in _COPIED for path in sorted(templates.glob(glob))}
    if not copied:
        raise ConfigError(
            f"no {' and '.join(_COPIED)} in {templates}",
            expected="the folder of a profile with the geolocation lineage, to copy its values from",
            remedy="name configs/sample of the repository with --configs",
        )
    released = {
        "geolocator_release": {"model": model_name(own)},
        "place_index": {"index": {"name": index_name(own)}},
        "geolocator_evaluation": {},
    }
    written = _stage_settings(own, root) | {"paper_scorecard": {"claims": []}}
    for name, own_names in released.items():
        written[name] = yaml.safe_load(copied[f"{name}.yaml"]) | own_names
    texts = {name: yaml.safe_dump(it, allow_unicode=True, sort_keys=False) for name, it in written.items()}
    labels = yaml.safe_load(copied["place_labels.yaml"])
    # The sample's least number of photographs of a landmark is for its parks.
    labels.pop("least_items", None)
    texts["place_labels"] = yaml.safe_dump(labels, sort_keys=False)
    splits = yaml.safe_load(copied["place_splits.yaml"])
    texts |= _scaled(own.areas, written | {"place_splits": splits})
    return copied | {f"{name}.yaml": text.encode() for name, text in texts.items()}


def _scaled(areas: AreaSettings, settings: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Return the texts of splits, gate and evaluation with the distances that fit the extent of ``areas``.

    The values of a country cannot tell anything within one city, where every answer is near. And what a model
    must show there, the photographs of one city are too few to show: the first would never be released.
    """
    extent = _extent_km(areas)
    apart = min(_APART_KM, float(f"{extent / _EXTENT_IN_APART:.2g}"))
    near = min(_NEAR_KM, float(f"{extent / _NEAR_IN_EXTENT:.2g}"))
    answer = {"bandwidth_km": round(near * 2 / 5, 4), "cluster_radius_km": round(near / 5, 4)}
    release, evaluation = settings["geolocator_release"], settings["geolocator_evaluation"]
    scaled = {
        "place_splits": settings["place_splits"] | {"block_km": apart},
        "geolocator_release": release | {"gate": release["gate"] | {"within_km": near, "floor": 0.0}},
        "geolocator_evaluation": evaluation
        | {"abstention_km": near, "answer": evaluation.get("answer", {}) | answer}
        | {"must_beat_floors": False},
    }
    return {
        name: _COMMENTS[name].format(extent=f"{extent:.1f}")
        + yaml.safe_dump(it, allow_unicode=True, sort_keys=False)
        for name, it in scaled.items()
    }


def _extent_km(areas: AreaSettings) -> float:
    """Return the longer side of what ``areas`` cover."""
    bounds = [read_polygons(file, areas.encoding, "ISO-8859-1").frame.total_bounds for file in areas.files]
    west, south = np.min(bounds, axis=0)[:2]
    east, north = np.max(bounds, axis=0)[2:]
    middle = (south + north) / 2
    sides = haversine_km([[south, west], [middle, west]], [[north, west], [middle, east]])
    return float(sides.max())


def _stage_settings(own: OwnPlaces, root: Path) -> dict[str, dict[str, Any]]:
    """Return what the file of each stage says."""
    osm = {"source": "xml", "path": _written(own.osm, root)}
    if own.osm.suffix == ".pbf":
        osm |= {"source": "pbf"}
    areas = own.areas.model_dump(mode="json", exclude_none=True)
    areas["files"] = [_written(file, root) for file in own.areas.files]
    admin: dict[str, Any] = areas
    if own.admin is not None:
        admin = {"layout": "n03", "files": [_written(own.admin, root)]}
    photos = own.photos.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    photos["root"] = _written(own.photos.root, root)
    if own.photos.table is not None:
        # The reader looks for a relative one in the folder of the photographs.
        photos["table"] = _written(Path(own.photos.table), own.photos.root)
    sections: dict[str, dict[str, Any]] = {
        "census_areas": _published("areas", _TERMS.get(areas["layout"], NOT_STATED)) | {"areas": areas},
        "osm_roads": _published("roads") | {"osm": osm},
        "osm_landmarks": _published("landmarks") | {"osm": osm},
        "admin_areas": _published("areas", _TERMS.get(admin["layout"], NOT_STATED)) | {"areas": admin},
        "sample_points": _published("points") | {"source": "sampled"},
        "street_views": {
            "kind": "places",
            "licence": own.licence,
            "url": "",
            "source": "folder",
            "boundary": "census_areas",
            "folder": photos,
            # A photograph without a position is nobody's fault: it is counted and left out.
            "ingest": {"max_quarantined_share": 1.0},
        },
    }
    return {
        stage: {"name": stage, "description": f"{_DESCRIBED[stage]} of the profile {own.profile}."} | section
        for stage, section in sections.items()
    }


def _published(kind: str, licence: str | None = None) -> dict[str, Any]:
    """Return kind and terms; without a ``licence`` those of OpenStreetMap."""
    if licence is not None:
        return {"kind": kind, "licence": licence, "url": "", "source": "published"}
    about = {"licence": LICENCE, "url": "https://www.openstreetmap.org/copyright", "citation": ATTRIBUTION}
    return {"kind": kind} | about | {"source": "published"}


def _written(path: Path, root: Path) -> str:
    """Return ``path`` relative to ``root`` where it lies below it, else absolute."""
    absolute, above = path.resolve(), root.resolve()
    inside = absolute.is_relative_to(above)
    return (absolute.relative_to(above) if inside else absolute).as_posix()
