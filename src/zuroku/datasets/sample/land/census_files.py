"""The small areas of a made-up land as the Shapefiles in which e-Stat publishes those of Japan's census.

One file set per prefecture: outlines in JGD2011, text in cp932 with no ``.cpg`` that says so, a row per part
of a town, and lakes as areas of HCODE 8154. Widths, order and decimals of the columns are those of the census
of 2020.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pyproj
import shapely

from zuroku.artifacts import write_atomically
from zuroku.datasets.sample.land.land import Land

_JGD2011 = (
    'GEOGCS["GCS_JGD_2011",DATUM["D_JGD_2011",SPHEROID["GRS_1980",6378137.0,298.257222101]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]\r\n'
)
_GLOBE = pyproj.Geod(ellps="GRS80")
_TOWN, _WATER = 8101, 8154
_NO_NAME = "‐"
_WATER_BLOCK = 900
_PUBLISHED = (2020, 10, 1)

# Name, type, width and decimals of each column of the table.
_COLUMNS = (
    ("KEY_CODE", "C", 11, 0),
    ("PREF", "C", 2, 0),
    ("CITY", "C", 3, 0),
    ("S_AREA", "C", 6, 0),
    ("PREF_NAME", "C", 12, 0),
    ("CITY_NAME", "C", 16, 0),
    ("S_NAME", "C", 96, 0),
    ("KIGO_E", "C", 3, 0),
    ("HCODE", "N", 4, 0),
    ("AREA", "N", 15, 3),
    ("PERIMETER", "N", 15, 3),
    ("R2KAxx", "N", 6, 0),
    ("R2KAxx_ID", "N", 6, 0),
    ("KIHON1", "C", 4, 0),
    ("DUMMY1", "C", 1, 0),
    ("KIHON2", "C", 2, 0),
    ("KEYCODE1", "C", 9, 0),
    ("KEYCODE2", "C", 9, 0),
    ("AREA_MAX_F", "C", 1, 0),
    ("KIGO_D", "C", 2, 0),
    ("N_KEN", "C", 2, 0),
    ("N_CITY", "C", 3, 0),
    ("KIGO_I", "C", 1, 0),
    ("KBSUM", "N", 4, 0),
    ("JINKO", "N", 10, 0),
    ("SETAI", "N", 10, 0),
    ("X_CODE", "N", 15, 6),
    ("Y_CODE", "N", 15, 6),
    ("KCODE1", "C", 7, 0),
)


def write_census(land: Land, folder: Path) -> list[Path]:
    """Write ``r2ka91.shp`` and so on into ``folder``, which must exist; return the paths of the ``.shp``."""
    written = []
    for code in sorted(set(land.areas["prefecture_code"])):
        rows = list(_numbered([*_towns(land, code), *_lakes(land, code)]))
        path = folder / f"r2ka{code}.shp"
        outlines = gpd.GeoSeries([row["geometry"] for row in rows], crs="EPSG:6668")
        # GDAL writes neither widths nor a table without .cpg: only its outlines are kept.
        pyogrio.write_dataframe(outlines.to_frame("geometry"), path, driver="ESRI Shapefile")
        path.with_suffix(".cpg").unlink(missing_ok=True)
        write_atomically(path.with_suffix(".prj"), _JGD2011.encode())
        write_atomically(path.with_suffix(".dbf"), _dbf(rows))
        written.append(path)
    return written


def _towns(land: Land, prefecture_code: str) -> Iterator[dict[str, Any]]:
    """Describe each part of each town, the largest part first."""
    areas = land.areas[land.areas["prefecture_code"] == prefecture_code]
    inhabitants = _inhabitants(land, areas)
    for area, people in zip(areas.itertuples(), inhabitants, strict=True):
        block, chome = area.town_code[5:9], area.town_code[9:] or "00"
        parts = sorted(shapely.get_parts(area.geometry), key=lambda part: -float(part.area))
        for number, part in enumerate(parts):
            yield _row(area, area.town, block, chome, part) | {
                "HCODE": _TOWN,
                "KIGO_E": f"E{number + 1}" if len(parts) > 1 else "",
                "AREA_MAX_F": "" if number else "M",
                "KBSUM": 0 if number else people // 90,
                "JINKO": 0 if number else people,
                "SETAI": 0 if number else int(people / 2.3),
            }


def _lakes(land: Land, prefecture_code: str) -> Iterator[dict[str, Any]]:
    """Describe the lakes; those of one municipality share a KEY_CODE, as they do at e-Stat."""
    municipalities = land.areas.drop_duplicates("municipality_code").set_index(
        "municipality_code", drop=False
    )
    marks: dict[str, Iterator[int]] = {}
    for code, shape in zip(land.water["municipality_code"], land.water.geometry, strict=True):
        if code[:2] == prefecture_code:
            mark = f"E{next(marks.setdefault(code, count(1)))}"
            row = _row(municipalities.loc[code], _NO_NAME, f"{_WATER_BLOCK:04d}", "00", shape)
            yield row | {"HCODE": _WATER, "KIGO_E": mark, "KBSUM": 0, "JINKO": 0, "SETAI": 0}


def _row(area: Any, name: str, block: str, chome: str, shape: shapely.Polygon) -> dict[str, Any]:
    """Describe one polygon; ``area`` names its prefecture and municipality."""
    city, middle = area.municipality_code[2:], shape.representative_point()
    area_m2, _ = _GLOBE.geometry_area_perimeter(shapely.orient_polygons(shape))
    short = block if chome == "00" else block + chome
    return {
        "KEY_CODE": area.municipality_code + short,
        "PREF": area.prefecture_code,
        "CITY": city,
        "S_AREA": block + chome,
        "PREF_NAME": area.prefecture,
        "CITY_NAME": area.municipality,
        "S_NAME": name,
        "AREA": area_m2,
        "PERIMETER": _GLOBE.geometry_length(shape.boundary),
        "KIHON1": block,
        "DUMMY1": "-",
        "KIHON2": chome,
        "KEYCODE1": city + block + chome,
        "KEYCODE2": city + short,
        "X_CODE": middle.x,
        "Y_CODE": middle.y,
        "KCODE1": f"{block}-{chome}",
        "geometry": shape,
    }


def _inhabitants(land: Land, areas: gpd.GeoDataFrame) -> pd.Series:
    """Count people by the streets of a town: about twenty to each stretch."""
    tree = shapely.STRtree(
        shapely.line_interpolate_point(land.roads.geometry.to_numpy(), 0.5, normalized=True)
    )
    homes, _ = tree.query(areas.geometry.to_numpy(), predicate="contains")
    streets = pd.Series(homes).value_counts().reindex(range(len(areas)), fill_value=0)
    return 20 + 97 * streets


def _numbered(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows, start=1):
        yield row | {"R2KAxx": number + 1, "R2KAxx_ID": number}


def _dbf(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the table as dBASE III: text in cp932, padded with blanks."""
    width = 1 + sum(size for _, _, size, _ in _COLUMNS)
    year, month, day = _PUBLISHED
    head = 33 + 32 * len(_COLUMNS)
    table = [struct.pack("<4BIHH20x", 3, year - 1900, month, day, len(rows), head, width)]
    for name, kind, size, decimals in _COLUMNS:
        table.append(struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), size, decimals))
    table.append(b"\r")
    for row in rows:
        table.append(b" ")
        table += [_cell(row.get(name, ""), kind, size, decimals) for name, kind, size, decimals in _COLUMNS]
    return b"".join(table) + b"\x1a"


def _cell(value: Any, kind: str, size: int, decimals: int) -> bytes:
    if kind == "N":
        return f"{value:{size}.{decimals}f}".encode()
    text = str(value).encode("cp932")
    # A name is cut between characters, not within one.
    text = text[:size].decode("cp932", "ignore").encode("cp932")
    return text.ljust(size)
