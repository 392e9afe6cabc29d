import json
import shutil
import zipfile

import geopandas as gpd
import pytest
import shapely

from zuroku.datasets.geodata.polygon_files import read_polygons
from zuroku.errors import GeoDataError

SQUARE = shapely.box(139, 35, 139.1, 35.1)
NEIGHBOUR = shapely.box(139.1, 35, 139.2, 35.1)
BOW_TIE = shapely.Polygon([(139, 35), (139.1, 35.1), (139.1, 35), (139, 35.1)])
NAMES = ("髙田町①", "表参道")
"""Names that only Windows' form of Shift-JIS has, and one with a backslash in its bytes (表)."""


def frame(polygons=(SQUARE, NEIGHBOUR), names=NAMES, crs=6668):
    return gpd.GeoDataFrame({"NAME": list(names)[: len(polygons)]}, geometry=list(polygons), crs=crs)


def shapefile(folder, encoding, cpg=None, driver_byte=0, **given):
    """Write a Shapefile as others do: with or without a ``.cpg``, and with a language driver byte."""
    path = folder / "areas.shp"
    areas = frame(**given)
    # As bytes in disguise: GDAL writes only some encodings.
    areas["NAME"] = [name.encode(encoding).decode("latin-1") for name in areas["NAME"]]
    areas.to_file(path, encoding="ISO-8859-1")
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = driver_byte
    path.with_suffix(".dbf").write_bytes(table)
    return path


def zipped(path, folder, inside="町丁/"):
    archive = folder / "download.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("__MACOSX/._areas.shp", b"junk")
        for part in path.parent.glob(f"{path.stem}.*"):
            out.write(part, inside + part.name)
    return archive


def names(path, encoding=None, usual=None):
    return tuple(read_polygons(path, encoding, usual).frame["NAME"])


@pytest.mark.parametrize(
    ("written", "cpg", "driver_byte"),
    [
        ("cp932", "UTF-8", 0),
        ("cp932", "CP932", 0),
        ("cp932", "932", 0),
        ("cp932", "SHIFT_JIS", 0),
        ("cp932", "ANSI 932", 0),
        ("cp932", None, 0x13),
        ("utf-8", None, 0),
        ("utf-8", "UTF-8", 0),
        ("utf-8", "SHIFT_JIS", 0x13),
        ("euc_jp", "EUC-JP", 0),
    ],
)
def test_the_encoding_is_what_the_bytes_allow(tmp_path, written, cpg, driver_byte):
    given = ("本町", "表参道") if written == "euc_jp" else NAMES
    path = shapefile(tmp_path, written, cpg, driver_byte, names=given)
    usual = "cp932" if cpg == "UTF-8" else None
    assert names(path, usual=usual) == given


def test_the_encoding_given_or_usual_is_taken_where_the_file_says_nothing(tmp_path):
    path = shapefile(tmp_path, "cp932")
    assert names(path, encoding="shift_jis") == NAMES
    assert names(path, usual="cp932") == NAMES
    with pytest.raises(GeoDataError, match="none of utf-8") as caught:
        names(path)
    assert "encoding" in caught.value.remedy


@pytest.mark.parametrize(
    ("written", "given", "said"),
    [
        ("cp932", "utf-8", "in none of utf-8"),
        ("utf-8", "cp932", "is UTF-8, not cp932"),
        ("utf-8", "latin-1", "is UTF-8, not latin-1"),
        ("cp932", "ascii", "in none of utf-8, ascii"),
        ("cp932", "shift-jis-9", "no such encoding"),
    ],
)
def test_a_wrong_encoding_is_an_error(tmp_path, written, given, said):
    with pytest.raises(GeoDataError, match=said):
        names(shapefile(tmp_path, written), encoding=given)


def test_plain_letters_fit_any_encoding(tmp_path):
    path = shapefile(tmp_path, "utf-8", names=("North", "South"))
    assert names(path, encoding="cp932") == names(path) == ("North", "South")


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".gpkg", ".parquet"])
def test_other_formats_are_read_alike_zipped_or_not(tmp_path, suffix):
    path = tmp_path / f"areas{suffix}"
    given = frame(crs=4326 if "json" in suffix else 6668)
    given.to_parquet(path) if suffix == ".parquet" else given.to_file(
        path, driver="GPKG" if suffix == ".gpkg" else "GeoJSON"
    )
    assert names(path) == NAMES
    assert names(zipped(path, tmp_path)) == NAMES


def test_topojson_is_in_degrees(tmp_path):
    ring = [[139, 35], [139.1, 35], [139.1, 35.1], [139, 35.1], [139, 35]]
    area = {"type": "Polygon", "arcs": [[0]], "properties": {"NAME": "本町"}}
    objects = {"areas": {"type": "GeometryCollection", "geometries": [area]}}
    path = tmp_path / "areas.topojson"
    path.write_text(json.dumps({"type": "Topology", "objects": objects, "arcs": [ring]}), encoding="utf-8")
    frame = read_polygons(path, None, None).frame
    assert frame["NAME"].tolist() == ["本町"]
    assert frame.geometry.iloc[0].equals(SQUARE)


def test_a_zip_may_hold_the_shapefile_with_its_companions(tmp_path):
    path = shapefile(tmp_path, "cp932")
    assert names(zipped(path, tmp_path), usual="cp932") == NAMES
    frame(crs=4326).to_file(tmp_path / "areas.geojson")
    assert names(zipped(path, tmp_path), usual="cp932") == NAMES, "the same areas in a second format"


def test_a_zip_of_none_or_several_is_refused(tmp_path):
    path = shapefile(tmp_path, "cp932")
    archive = zipped(path, tmp_path)
    with zipfile.ZipFile(archive, "a") as out:
        out.write(path, "other.shp")
    with pytest.raises(GeoDataError, match="holds 2 polygon files"):
        names(archive)
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as out:
        out.writestr("readme.txt", "nothing")
    with pytest.raises(GeoDataError, match="holds 0 polygon files"):
        names(tmp_path / "none.zip")
    (tmp_path / "cut.zip").write_bytes(archive.read_bytes()[:300])
    with pytest.raises(GeoDataError, match="broken ZIP"):
        names(tmp_path / "cut.zip")


@pytest.mark.parametrize("suffix", [".dbf", ".shx"])
def test_a_shapefile_without_a_part_is_refused(tmp_path, suffix):
    path = shapefile(tmp_path, "cp932")
    path.with_suffix(suffix).unlink()
    with pytest.raises(GeoDataError, match=f"lacks its {suffix}"):
        names(path)


def test_a_missing_crs_is_an_error_that_says_what_to_do(tmp_path):
    path = shapefile(tmp_path, "utf-8")
    path.with_suffix(".prj").unlink()
    with pytest.raises(GeoDataError, match="which coordinate reference system") as caught:
        names(path)
    assert ".prj" in caught.value.remedy
    assert "EPSG:6668" in caught.value.remedy


def test_parts_in_capitals_are_parts(tmp_path):
    path = shapefile(tmp_path, "utf-8")
    for part in list(tmp_path.iterdir()):
        part.rename(part.with_suffix(part.suffix.upper()))
    assert names(path.with_suffix(".SHP")) == NAMES


def test_metres_become_degrees(tmp_path):
    path = tmp_path / "areas.gpkg"
    # Plane rectangular system IX, as Japanese city plans are drawn.
    frame().to_crs(6677).to_file(path)
    read = read_polygons(path, None, None).frame
    assert read.crs.to_epsg() == 4326
    assert read.total_bounds == pytest.approx([139, 35, 139.2, 35.1], abs=1e-7)


def test_polygons_that_cross_themselves_are_mended_and_counted(tmp_path):
    path = tmp_path / "areas.gpkg"
    frame([SQUARE, BOW_TIE]).to_file(path)
    polygons = read_polygons(path, None, None)
    assert polygons.mended == 1
    assert polygons.frame.is_valid.all()
    assert polygons.frame.geometry.area.tolist() == pytest.approx([0.01, 0.005])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (shapely.Polygon(), r"1 empty geometries \(rows 1\)"),
        (None, "1 empty geometries"),
        (shapely.Point(139, 35), "1 geometries that are no polygons"),
        (shapely.Polygon([(139, 35), (139.1, 35.1), (139, 35)]), "1 empty geometries"),
    ],
)
def test_geometries_that_are_no_areas_are_refused(tmp_path, bad, said):
    path = tmp_path / "areas.parquet"
    frame([SQUARE, bad]).to_parquet(path)
    with pytest.raises(GeoDataError, match=said):
        read_polygons(path, None, None)


def test_swapped_axes_and_metres_called_degrees_are_refused(tmp_path):
    frame([shapely.box(35, 139, 35.1, 139.1)], crs=4326).to_parquet(tmp_path / "swapped.parquet")
    with pytest.raises(GeoDataError, match="swapped"):
        read_polygons(tmp_path / "swapped.parquet", None, None)
    metres = frame().to_crs(6677).set_crs(4326, allow_override=True)
    metres.to_parquet(tmp_path / "metres.parquet")
    with pytest.raises(GeoDataError, match="geometries reach from"):
        read_polygons(tmp_path / "metres.parquet", None, None)


def test_files_that_are_no_polygon_files_are_refused(tmp_path):
    with pytest.raises(GeoDataError, match="no file"):
        names(tmp_path / "missing.shp")
    (tmp_path / "table.csv").write_text("a,b")
    with pytest.raises(GeoDataError, match=r"is a \.csv file"):
        names(tmp_path / "table.csv")
    for suffix in (".geojson", ".gpkg", ".parquet"):
        (tmp_path / f"junk{suffix}").write_bytes(b'{"type": "FeatureColl')
        with pytest.raises(GeoDataError, match="cannot be read"):
            names(tmp_path / f"junk{suffix}")
    (tmp_path / "none.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(GeoDataError, match="holds no geometries"):
        names(tmp_path / "none.geojson")


def test_geojson_in_shift_jis_is_refused(tmp_path):
    path = tmp_path / "areas.geojson"
    frame(crs=4326).to_file(path)
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp932"))
    with pytest.raises(GeoDataError, match="is not UTF-8") as caught:
        names(path)
    assert "iconv" in caught.value.remedy


def test_a_geopackage_of_several_layers_is_refused(tmp_path):
    path = tmp_path / "areas.gpkg"
    frame().to_file(path, layer="wards")
    frame().to_file(path, layer="towns")
    with pytest.raises(GeoDataError, match="has the layers wards, towns"):
        names(path)


def test_a_cut_off_shapefile_is_refused(tmp_path):
    path = shapefile(tmp_path, "utf-8")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 60])
    with pytest.raises(GeoDataError, match=r"areas\.shp"):
        names(path)
    shutil.copy(path.with_suffix(".shx"), path)
    with pytest.raises(GeoDataError, match=r"areas\.shp"):
        names(path)
