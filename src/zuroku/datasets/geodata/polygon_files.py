"""Polygons read from a file as published: Shapefile, GeoJSON, TopoJSON, GPKG, GeoParquet, or a ZIP of one.

Encoding, CRS and validity are settled here, so that what is handed on is text and degrees. What the columns
mean belongs to ``areas``.
"""

import codecs
import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import geopandas as gpd
import pandas as pd
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FieldError, GeometryError

from zuroku.datasets.geodata.antimeridian import cut_at_antimeridian, unrolled
from zuroku.errors import GeoDataError
from zuroku.geo.metric import check_degrees

_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf")
_JSON = (".geojson", ".json", ".topojson")
_PARQUET = (".parquet", ".geoparquet")
_SUFFIXES = (".shp", *_JSON, ".gpkg", *_PARQUET)
_UNREADABLE = (DataLayerError, DataSourceError, FieldError, GeometryError, ValueError, OSError)
_SHOWN = 5

# Characters that no name holds. Text read in a wrong encoding nearly always has some of them.
_MOJIBAKE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f�]"


@dataclass(frozen=True)
class Polygons:
    """Valid polygons in EPSG:4326 with the file's own columns, and how many had to be mended."""

    frame: gpd.GeoDataFrame
    mended: int


def read_polygons(path: Path, encoding: str | None, usual_encoding: str | None) -> Polygons:
    """Read the polygons of the file at ``path`` with its own columns.

    Args:
        path: A ``.shp`` (with ``.shx``, ``.dbf`` and ``.prj`` beside it), ``.geojson``, ``.json``,
            ``.topojson``, ``.gpkg``, ``.parquet`` or ``.geoparquet``, or a ``.zip`` that holds one of these.
        encoding: The encoding of a Shapefile's text. None: UTF-8 where the bytes are that, else what the
            file says of itself, else ``usual_encoding``.
        usual_encoding: What publishers of this layout use; None where nobody can know.

    Raises:
        GeoDataError: the file is missing, incomplete, cut off or of another kind; its text is in another
            encoding; it names no CRS; or it holds no polygons, or empty ones.
    """
    if not path.is_file():
        raise GeoDataError(
            f"no file {path}", expected="a polygon file", remedy="mend the path in the configuration"
        )
    with _unpacked(path) as file:
        frame = _read(file, path, encoding, usual_encoding)
    if not isinstance(frame, gpd.GeoDataFrame) or frame.empty:
        raise _unusable(path, "holds no geometries", "take the published file again")
    if frame.crs is None:
        raise GeoDataError(
            f"{path} does not say in which coordinate reference system it is",
            expected="a CRS; for a Shapefile the .prj file beside it",
            remedy="copy the .prj from the download too (e-Stat and N03: JGD2011, EPSG:6668), or write the "
            "CRS into the file with `ogr2ogr -a_srs EPSG:… out.gpkg in.shp`",
        )
    return _in_degrees(frame, path)


def check_text(frame: pd.DataFrame, path: Path) -> None:
    """Refuse text columns with characters that come from a wrong encoding.

    Raises:
        GeoDataError: with the first such values.
    """
    for name in frame.columns:
        values = frame[name].astype(str)
        broken = values[values.str.contains(_MOJIBAKE)]
        if len(broken):
            shown = ", ".join(map(repr, broken[:_SHOWN]))
            raise GeoDataError(
                f"{len(broken)} values of {name} in {path} are no text ({shown})",
                expected="names in the encoding of the file",
                remedy="name the encoding in the configuration (`encoding: cp932` for Japanese Shapefiles); "
                "if the file was converted before, convert it again from the original",
            )


def _read(file: Path, path: Path, encoding: str | None, usual_encoding: str | None) -> gpd.GeoDataFrame:
    suffix = file.suffix.lower()
    if suffix not in _SUFFIXES:
        raise _unusable(
            path, f"is a {suffix or 'nameless'} file", f"give one of {', '.join(_SUFFIXES)}, .zip"
        )
    try:
        if suffix in _PARQUET:
            return gpd.read_parquet(file)
        if suffix == ".shp":
            return _read_shapefile(file, path, encoding, usual_encoding)
        if suffix in _JSON:
            _check_unicode(file)
        layers = gpd.list_layers(file)["name"]
        if len(layers) != 1:
            raise _unusable(
                path, f"has the layers {', '.join(layers)}", "save one layer as a file of its own"
            )
        frame = gpd.read_file(file)
        # TopoJSON cannot name a CRS, and means the degrees of GeoJSON.
        return frame.set_crs(4326) if suffix in _JSON and frame.crs is None else frame
    except UnicodeDecodeError as error:
        raise _unusable(
            path, f"is not UTF-8 ({error})", "convert it with `iconv -f CP932 -t UTF-8`"
        ) from error
    except _UNREADABLE as error:
        raise _unusable(path, f"cannot be read: {error}", "take the published file again") from error


def _check_unicode(file: Path) -> None:
    # GDAL takes GeoJSON in Shift-JIS for broken JSON: some of its second bytes are a backslash.
    with file.open(encoding="utf-8") as text:
        while text.read(1 << 20):
            pass


def _read_shapefile(
    file: Path, path: Path, encoding: str | None, usual_encoding: str | None
) -> gpd.GeoDataFrame:
    """Read a Shapefile in the one encoding that its bytes allow.

    Bytes decide over what is written about them: a ``.cpg`` is often missing or wrong, while Japanese text in
    cp932 is never valid UTF-8.
    """
    parts = _siblings(file)
    if missing := [suffix for suffix in _SHAPEFILE_PARTS if suffix not in parts]:
        raise _unusable(path, f"lacks its {' and '.join(missing)}", "copy all files of the download together")
    given = None if encoding is None else _known_encoding(encoding, path)
    # Latin-1 keeps every byte. GDAL's own conversion drops what it cannot read without an error.
    as_bytes = gpd.read_file(file, encoding="ISO-8859-1")
    as_unicode = _decoded(as_bytes, "utf-8")
    if as_unicode is not None:
        if given not in (None, "utf-8") and not _is_ascii(as_bytes):
            raise _unusable(path, f"is UTF-8, not {encoding}", "leave out `encoding`, or set it to utf-8")
        return as_unicode
    choices = [given] if given else [_claimed_encoding(parts), usual_encoding]
    for choice in choices:
        if choice and (frame := _decoded(as_bytes, choice)) is not None:
            return frame
    tried = ", ".join(dict.fromkeys(["utf-8", *filter(None, choices)]))
    raise _unusable(path, f"is in none of {tried}", "name its `encoding` in the configuration")


def _decoded(as_bytes: gpd.GeoDataFrame, encoding: str) -> gpd.GeoDataFrame | None:
    """Decode names and values of a table that was read as Latin-1, strictly; None where that fails."""
    try:
        columns = {
            name: as_bytes[name].map(
                {value: _decode(value, encoding) for value in as_bytes[name].dropna().unique()}
            )
            for name in _text_columns(as_bytes)
        }
        return as_bytes.assign(**columns).rename(columns=lambda name: _decode(name, encoding))
    except UnicodeDecodeError:
        return None


def _decode(text: str, encoding: str) -> str:
    return text.encode("latin-1").decode(encoding)


def _is_ascii(as_bytes: gpd.GeoDataFrame) -> bool:
    columns = _text_columns(as_bytes)
    return all(
        map(str.isascii, [*columns, *(each for name in columns for each in as_bytes[name].dropna().unique())])
    )


def _text_columns(frame: gpd.GeoDataFrame) -> list[str]:
    others = frame.drop(columns="geometry", errors="ignore")
    return [name for name in others if pd.api.types.is_string_dtype(others[name].dropna())]


def _claimed_encoding(parts: dict[str, Path]) -> str | None:
    """What the ``.cpg`` says, or the language driver byte of the ``.dbf`` (19 is Shift-JIS)."""
    if ".cpg" in parts:
        words = parts[".cpg"].read_text(encoding="ascii", errors="replace").split()
        for name in [*words[-1:], *(f"cp{word}" for word in words[-1:])]:
            with contextlib.suppress(LookupError):
                return _python_name(name)
    with parts[".dbf"].open("rb") as table:
        return "cp932" if table.read(30)[29:] == b"\x13" else None


def _known_encoding(encoding: str, path: Path) -> str:
    try:
        return _python_name(encoding)
    except LookupError as error:
        raise _unusable(path, f"cannot be in {encoding}: no such encoding", "write utf-8 or cp932") from error


def _python_name(encoding: str) -> str:
    # Files that say Shift-JIS are in Windows' form of it: names with 髙 or 﨑 are not in the standard.
    name = codecs.lookup(encoding).name
    return "cp932" if name == "shift_jis" else name


def _in_degrees(frame: gpd.GeoDataFrame, path: Path) -> Polygons:
    if frame.crs.is_geographic:
        # Before they are mended: a ring torn at the antimeridian may cross itself, and is whole again here.
        frame = frame.set_geometry(unrolled(frame.geometry.to_numpy()), crs=frame.crs)
    empty = frame.geometry.isna() | frame.geometry.is_empty
    others = ~empty & ~frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
    invalid = ~empty & ~others & ~frame.geometry.is_valid
    # Structure keeps what lies within the rings; a collapsed remainder of lines would be no area.
    mended = shapely.make_valid(frame.geometry[invalid].to_numpy(), method="structure", keep_collapsed=False)
    frame.loc[invalid, frame.geometry.name] = mended
    empty |= frame.geometry.is_empty
    faults = [
        f"{int(rows.sum())} {what} (rows {', '.join(map(str, frame.index[rows][:_SHOWN]))})"
        for what, rows in (("empty geometries", empty), ("geometries that are no polygons", others))
        if rows.any()
    ]
    if faults:
        raise _unusable(
            path, f"has {' and '.join(faults)}", "mend these rows, or take the published file again"
        )
    degrees = frame.to_crs(4326)
    polygons = cut_at_antimeridian(unrolled(degrees.geometry.to_numpy()))
    check_degrees(polygons)
    return Polygons(degrees.set_geometry(polygons, crs=4326), int(invalid.sum()))


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Give the file itself, or the one polygon file of a ZIP in a temporary folder."""
    if path.suffix.lower() != ".zip":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                yield _extract(archive, Path(folder), path)
        except (zipfile.BadZipFile, EOFError) as error:
            raise _unusable(path, f"is a broken ZIP: {error}", "download it again") from error


def _extract(archive: zipfile.ZipFile, folder: Path, path: Path) -> Path:
    members = [
        (info, PurePosixPath(info.filename))
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]
    # N03 puts the same areas twice into one ZIP, as a Shapefile and as GeoJSON.
    for suffixes in ((".shp",), _SUFFIXES):
        if found := [name for _, name in members if name.suffix.lower() in suffixes]:
            break
    if len(found) != 1:
        held = ", ".join(map(str, found[:_SHOWN])) or "none"
        raise _unusable(
            path, f"holds {len(found)} polygon files ({held})", "unpack it and name the file wanted"
        )
    for info, name in members:
        if name.with_suffix("") == found[0].with_suffix(""):
            # Under a plain name: those in a ZIP may be in any encoding.
            with archive.open(info) as source, (folder / f"polygons{name.suffix.lower()}").open("wb") as file:
                shutil.copyfileobj(source, file)
    return folder / f"polygons{found[0].suffix.lower()}"


def _siblings(file: Path) -> dict[str, Path]:
    return {other.suffix.lower(): other for other in file.parent.iterdir() if other.stem == file.stem}


def _unusable(path: Path, found: str, remedy: str) -> GeoDataError:
    return GeoDataError(
        f"{path} {found}",
        expected="polygons of one layer as Shapefile (.shp, .shx, .dbf, .prj), GeoJSON, GPKG or GeoParquet",
        remedy=remedy,
    )
