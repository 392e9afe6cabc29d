"""Tables of photographs with coordinates, as people bring them: CSV, or points of a GeoJSON file.

They are read strictly, with the lines of all faults. Where the photographs lie is not known here.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.places.provider import SLICES
from zuroku.datasets.tables import read_rows
from zuroku.errors import GeoDataError, SourceError

_EMPTY = ("", "nan", "null", "none")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_SEXAGESIMAL = re.compile(r"[°º'′″\"]|^[NSEW]\s*\d|\d\s*[NSEW]$|\d\s+\d", re.IGNORECASE)
_SHOWN = 5


class PlaceColumns(Settings):
    """The columns of a CSV, or the properties of GeoJSON points.

    All but the first three may be missing, unless the configuration names them. GeoJSON has its coordinates
    in the geometry. ``group`` is what must not be split: a sequence, an author, a place.
    """

    file: str = "file"
    latitude: str = "latitude"
    longitude: str = "longitude"
    group: str = "group"
    sequence: str = "sequence"
    author: str = "author"
    licence: str = "licence"
    captured_at: str = "captured_at"
    heading: str = "heading"
    slice: str = "slice"
    title: str = "title"
    source_url: str = "source_url"


_REQUIRED = ("file", "latitude", "longitude")
_OPTIONAL = tuple(name for name in PlaceColumns.model_fields if name not in _REQUIRED)


@dataclass(frozen=True)
class PhotoRow:
    """One row; ``position`` is (latitude, longitude), None where it gives none or 0, 0."""

    place: str
    file: str
    position: tuple[float, float] | None
    texts: Mapping[str, str]
    heading: float


def read_photo_table(path: Path, columns: PlaceColumns) -> list[PhotoRow]:
    """Read the CSV or, by its suffix, the GeoJSON file at ``path``, in its order.

    Raises:
        SourceError: not UTF-8, no such table, a column is missing, a file stands twice; decimal commas,
            degrees and minutes, times that are not ISO 8601, unknown slices; all are listed at once.
        GeoDataError: coordinates are out of range; the message says where they look swapped.
    """
    faults = FaultList()
    is_geojson = path.suffix.lower() in (".geojson", ".json")
    entries = list(_features(path, faults) if is_geojson else _csv_rows(path, columns, faults))
    named = [name for name in _OPTIONAL if name in columns.model_fields_set]
    if is_geojson:
        named.append("file")
    for name in named:
        if not any(getattr(columns, name) in values for _, values, _ in entries):
            faults.add("columns that are missing", getattr(columns, name))
    rows = [_row(place, values, given, columns, faults) for place, values, given in entries]
    seen: set[str] = set()
    for row in rows:
        if row.file in seen or not row.file:
            faults.add("photographs listed twice or without a name", f"{row.place}: {row.file!r}")
        seen.add(row.file)
    faults.raise_if_any(
        str(path),
        expected="one photograph per row, with decimal degrees (35.6586), ISO 8601 times and slices among "
        f"{', '.join(filter(None, SLICES))}",
        remedy="mend those rows, or name the file's own columns in the configuration",
    )
    _check_range(rows, path)
    return rows


_Entry = tuple[str, dict[str, str], tuple[Any, Any] | None]
"""Where a row stands, its cells by column, and the coordinates where they are no cells."""


def _csv_rows(path: Path, columns: PlaceColumns, faults: FaultList) -> Iterator[_Entry]:
    for row in read_rows(path, [getattr(columns, name) for name in _REQUIRED], faults):
        yield f"line {row.line}", row.values, None


def _features(path: Path, faults: FaultList) -> Iterator[_Entry]:
    try:
        features = json.loads(path.read_text(encoding="utf-8-sig"))["features"]
        read = [(feature["geometry"], feature["properties"] or {}) for feature in features]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path} cannot be read as GeoJSON: {error!r}",
            expected="a FeatureCollection in UTF-8 whose features have geometry and properties",
            remedy="export it as GeoJSON again",
        ) from error
    for number, (geometry, properties) in enumerate(read):
        place = f"feature {number}"
        if not isinstance(properties, dict):
            faults.add("features whose properties have no names", place)
            continue
        texts = {str(key): "" if value is None else str(value) for key, value in properties.items()}
        match geometry:
            # Empty coordinates are none (RFC 7946, section 3.1), and some programs write null for them.
            case None | {"type": "Point", "coordinates": None | []}:
                yield place, texts, ("", "")
            case {"type": "Point", "coordinates": [longitude, latitude, *_]}:
                yield place, texts, (latitude, longitude)
            case _:
                faults.add("features that are no points", place)


def _row(
    place: str,
    values: dict[str, str],
    given: tuple[Any, Any] | None,
    columns: PlaceColumns,
    faults: FaultList,
) -> PhotoRow:
    texts = {name: values.get(getattr(columns, name), "").strip() for name in ("file", *_OPTIONAL)}
    if given is None:
        given = (values[columns.latitude], values[columns.longitude])
    latitude, longitude = (_degrees(str(value).strip(), place, faults) for value in given)
    missing = latitude is None or longitude is None or (latitude, longitude) == (0, 0)
    if texts["slice"] not in SLICES:
        faults.add("unknown slices", f"{place}: {texts['slice']!r}")
    texts["captured_at"] = _time(texts["captured_at"], place, faults)
    heading = _degrees(texts["heading"], place, faults)
    return PhotoRow(
        place,
        texts["file"],
        None if missing else (latitude or 0.0, longitude or 0.0),
        texts,
        math.nan if heading is None else heading % 360,
    )


def _degrees(text: str, place: str, faults: FaultList) -> float | None:
    """Return the number in ``text``, None where it is empty; what cannot be read is a fault."""
    if text.lower() in _EMPTY:
        return None
    try:
        number = float(text)
        if math.isfinite(number):
            return number
    except ValueError:
        pass
    if _DECIMAL_COMMA.fullmatch(text):
        kind = "numbers with a decimal comma"
    elif _SEXAGESIMAL.search(text):
        kind = "numbers in degrees and minutes"
    else:
        kind = "cells that are no numbers"
    faults.add(kind, f"{place}: {text!r}")
    return None


def _time(text: str, place: str, faults: FaultList) -> str:
    try:
        return datetime.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        faults.add("times that are not ISO 8601", f"{place}: {text!r}")
        return ""


def _check_range(rows: list[PhotoRow], path: Path) -> None:
    """Refuse latitudes beyond 90° and longitudes beyond 180°, and say where exchanging them would help."""
    bad = [
        (row.place, *row.position)
        for row in rows
        if row.position and (abs(row.position[0]) > 90 or abs(row.position[1]) > 180)
    ]
    if not bad:
        return
    swapped = all(abs(longitude) <= 90 and abs(latitude) <= 180 for _, latitude, longitude in bad)
    shown = ", ".join(f"{place}: {latitude:g}, {longitude:g}" for place, latitude, longitude in bad[:_SHOWN])
    raise GeoDataError(
        f"{len(bad)} rows of {path} have coordinates that are no places on Earth ({shown})"
        + ("; latitude and longitude look swapped" if swapped else ""),
        expected="latitude from -90 to 90 and longitude from -180 to 180, in degrees",
        remedy="exchange the two columns in the configuration (GeoJSON: longitude comes first)"
        if swapped
        else "mend or leave out these rows",
    )
