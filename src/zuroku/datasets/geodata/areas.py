"""Areas from published polygons: e-Stat's small areas, N03 municipalities, or any file with a field mapping.

From files to one table of areas (``feature_id, prefecture_code, prefecture, municipality_code, municipality,
town_code, town, geometry``). Joins with places belong to ``zuroku.geo.labels``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import geopandas as gpd
import pandas as pd
import shapely
from pydantic import Field, model_validator

from zuroku.config import Settings
from zuroku.datasets.geodata.polygon_files import check_text, read_polygons
from zuroku.errors import GeoDataError

AREA_COLUMNS = [
    "feature_id",
    "prefecture_code",
    "prefecture",
    "municipality_code",
    "municipality",
    "town_code",
    "town",
]
"""Columns of a table of areas besides the geometry: text, "" where a level is not given."""

_WATER = "8154"
_JAPANESE = "cp932"

_ESTAT = ("PREF", "CITY", "PREF_NAME", "CITY_NAME", "KEY_CODE", "S_NAME")
_ESTAT_OLDER = ("KEN", "CITY", "KEN_NAME", "GST_NAME", "CSS_NAME", "KEY_CODE", "MOJI")
_N03 = ("N03_001", "N03_003", "N03_004", "N03_007")
_N03_WARD = "N03_005"
"""A column since 2024: before, a ward was N03_004, and its city N03_003."""

_Texts = pd.Series
"""A column of text, "" where the file says nothing."""


class AreaFields(Settings):
    """Which columns of a polygon file say what; a level without a column is not given.

    Where a level has a name but no code, the name (below that of its parent level) is the code.
    """

    prefecture_code: str | None = None
    prefecture: str | None = None
    municipality_code: str | None = None
    municipality: str | None = None
    town_code: str | None = None
    town: str | None = None

    @model_validator(mode="after")
    def _names_a_column(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("name the column of at least one level")
        return self


class AreaSettings(Settings):
    """Polygon files of one layout, taken together as one table.

    ``encoding`` is that of the text of Shapefiles; without it, it is found out.
    """

    layout: Literal["estat", "n03", "fields"]
    files: list[Path] = Field(min_length=1)
    fields: AreaFields | None = None
    encoding: str | None = None

    @model_validator(mode="after")
    def _fields_go_with_their_layout(self) -> Self:
        if (self.layout == "fields") != (self.fields is not None):
            raise ValueError("`fields` belongs to `layout: fields`, and to no other")
        return self


@dataclass(frozen=True)
class Areas:
    """A table of areas, by ``feature_id`` in EPSG:4326, and what became of the ``rows`` of the files.

    ``water`` (census areas of HCODE 8154) and ``without_code`` (such as land that belongs to no
    municipality yet) were left out; ``parts`` were joined to another row of the same code; ``mended``
    polygons crossed themselves.
    """

    frame: gpd.GeoDataFrame
    rows: int
    water: int
    without_code: int
    parts: int
    mended: int

    @property
    def counts(self) -> dict[str, int]:
        """The numbers by name, with the ``areas`` that came of them."""
        names = ("rows", "water", "without_code", "parts", "mended")
        return {name: getattr(self, name) for name in names} | {"areas": len(self.frame)}


def read_areas(settings: AreaSettings, root: Path) -> Areas:
    """Read the areas of ``settings.files``, relative ones from ``root``.

    Rows of one code are parts of one area and are joined; names are those of the first of them. The
    ``feature_id`` is the code of the finest level given. Prefecture codes have 2 digits, municipality codes
    5, and a town's code is the KEY_CODE of e-Stat.

    Raises:
        GeoDataError: a file cannot be used (see ``read_polygons``), lacks columns, its names are not in
            the encoding, or nothing is left of it.
    """
    tables: list[gpd.GeoDataFrame] = []
    rows = water = mended = 0
    for file in settings.files:
        path = root / file
        polygons = read_polygons(path, settings.encoding, None if settings.fields else _JAPANESE)
        table = _table(polygons.frame, settings, path)
        check_text(table[AREA_COLUMNS[::-1]], path)
        tables.append(table)
        rows += len(polygons.frame)
        water += len(polygons.frame) - len(table)
        mended += polygons.mended
    frame = pd.concat(tables, ignore_index=True)
    coded = frame[frame["feature_id"] != ""]
    if coded.empty:
        raise GeoDataError(
            f"none of {rows} rows in {', '.join(map(str, settings.files))} is an area with a code",
            expected="land areas with codes or names",
            remedy="check the layout and the columns in the configuration",
        )
    joined = _joined(coded)
    return Areas(joined, rows, water, len(frame) - len(coded), len(coded) - len(joined), mended)


def _table(raw: gpd.GeoDataFrame, settings: AreaSettings, path: Path) -> gpd.GeoDataFrame:
    """Give the rows of a file the columns of areas; only water is left out."""
    if settings.fields is not None:
        return _mapped(raw, settings.fields, path)
    table = _estat(raw, path) if settings.layout == "estat" else _n03(raw, path)
    strange = table["prefecture"][~table["prefecture"].str.contains("[都道府県]$")]
    if len(strange):
        raise GeoDataError(
            f"{len(strange)} prefectures in {path} have no such name ({', '.join(sorted(set(strange))[:3])})",
            expected="names that end in 都, 道, 府 or 県",
            remedy="mend the `encoding` in the configuration; for other countries use `layout: fields`",
        )
    return table


def _estat(raw: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Read the columns of e-Stat's small areas, or of older files (to 2015), which name them otherwise."""
    older = set(_ESTAT_OLDER) <= set(raw.columns)
    _require(raw, [*(_ESTAT_OLDER if older else _ESTAT), "HCODE"], path)
    land = raw[_text(raw["HCODE"]) != _WATER]
    column = {name: _text(land[name]) for name in (_ESTAT_OLDER if older else _ESTAT)}
    prefecture = column["KEN" if older else "PREF"].str.zfill(2)
    return _areas(
        land,
        prefecture_code=prefecture,
        prefecture=column["KEN_NAME" if older else "PREF_NAME"],
        municipality_code=prefecture + column["CITY"].str.zfill(3),
        municipality=_ward_names(column["GST_NAME"], column["CSS_NAME"]) if older else column["CITY_NAME"],
        town_code=column["KEY_CODE"],
        town=column["MOJI" if older else "S_NAME"],
    )


def _n03(raw: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Read the columns of N03. Land that belongs to no municipality (所属未定地) has no code there.

    Since 2024 it has that of its prefecture, with 000 for the municipality.
    """
    newer = _N03_WARD in raw
    _require(raw, _N03, path)
    column = {name: _text(raw[name]) for name in (*_N03, _N03_WARD) if name in raw}
    code = column["N03_007"].where(column["N03_007"] == "", column["N03_007"].str.zfill(5))
    code = code.mask(code.str.endswith("000"), "")
    above, own = ("N03_004", _N03_WARD) if newer else ("N03_003", "N03_004")
    return _areas(
        raw,
        prefecture_code=code.str[:2],
        prefecture=column["N03_001"],
        municipality_code=code,
        municipality=_ward_names(column[above], column[own]),
    )


def _ward_names(above: _Texts, own: _Texts) -> _Texts:
    """Names as the census writes them: a ward follows its city (横浜市金沢区), a town drops its county."""
    return (above.where(above.str.endswith("市"), "") + own).where(own != "", above)


def _mapped(raw: gpd.GeoDataFrame, fields: AreaFields, path: Path) -> gpd.GeoDataFrame:
    """Read the columns that ``fields`` names."""
    named = {column: name for column, name in fields.model_dump().items() if name}
    _require(raw, named.values(), path)
    columns = {column: _text(raw[name]) for column, name in named.items()}
    above = pd.Series("", index=raw.index)
    for level in ("prefecture", "municipality", "town"):
        name = columns.get(level)
        if name is not None and f"{level}_code" not in columns:
            columns[f"{level}_code"] = name.where((above == "") | (name == ""), above + "/" + name)
        code = columns.get(f"{level}_code", above)
        above = code.where(code != "", above)
    return _areas(raw, **columns)


def _areas(raw: gpd.GeoDataFrame, **columns: _Texts) -> gpd.GeoDataFrame:
    """Put the columns into a table of areas; the id is the finest code."""
    nothing = pd.Series("", index=raw.index)
    table = {column: columns.get(column, nothing) for column in AREA_COLUMNS[1:]}
    code = table["town_code"]
    for coarser in ("municipality_code", "prefecture_code"):
        code = code.where(code != "", table[coarser])
    return gpd.GeoDataFrame({"feature_id": code} | table, geometry=raw.geometry, crs=raw.crs)


def _joined(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Make one area of the rows of each code, sorted by code."""
    areas = areas.sort_values("feature_id", kind="stable", ignore_index=True)
    joined = areas.drop_duplicates("feature_id", ignore_index=True)
    several = areas["feature_id"].duplicated(keep=False)
    unions = areas[several].groupby("feature_id").geometry.apply(shapely.union_all)
    rows = joined["feature_id"].isin(unions.index)
    joined.loc[rows, "geometry"] = joined["feature_id"][rows].map(unions)
    return joined


def _text(values: pd.Series) -> _Texts:
    """Text without surrounding blanks; numbers without a decimal point."""
    if pd.api.types.is_float_dtype(values):
        values = values.astype("Int64")
    return values.astype(object).where(values.notna(), "").astype(str).str.strip()


def _require(raw: gpd.GeoDataFrame, columns: Iterable[str], path: Path) -> None:
    if missing := [name for name in columns if name not in raw]:
        raise GeoDataError(
            f"{path} has no column {', '.join(missing)}; its columns are {', '.join(map(str, raw.columns))}",
            expected=f"the columns {', '.join(columns)}",
            remedy="check the layout in the configuration, or name the columns with `layout: fields`",
        )
