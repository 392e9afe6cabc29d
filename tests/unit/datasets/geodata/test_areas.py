from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from pydantic import ValidationError

from zuroku.datasets.geodata.areas import AREA_COLUMNS, AreaFields, AreaSettings, read_areas
from zuroku.errors import GeoDataError
from zuroku.geo.labels import LabelSettings, label_places

REAL = Path(__file__).resolve().parents[5] / "shared/data/geo"
needs_census = pytest.mark.skipif(not (REAL / "census").is_dir(), reason=f"no census areas in {REAL}")
needs_admin = pytest.mark.skipif(not (REAL / "admin").is_dir(), reason=f"no municipalities in {REAL}")


def square(column, row=0):
    return shapely.box(139 + column / 100, 35 + row / 100, 139.01 + column / 100, 35.01 + row / 100)


def write_shapefile(path, rows, crs=6668):
    """Write rows of columns with a ``geometry`` as the census does: cp932 and no ``.cpg``."""
    frame = gpd.GeoDataFrame(rows, crs=crs)
    for name in frame.columns.drop("geometry"):
        if frame[name].dtype == object:
            frame[name] = [value and value.encode("cp932").decode("latin-1") for value in frame[name]]
    frame.to_file(path, encoding="ISO-8859-1")
    path.with_suffix(".cpg").unlink()


def census_row(key, name, geometry, water=False, city="千代田区"):
    return {
        "KEY_CODE": key,
        "PREF": key[:2],
        "CITY": key[2:5],
        "PREF_NAME": "東京都",
        "CITY_NAME": city,
        "S_NAME": name,
        "HCODE": 8154 if water else 8101,
        "geometry": geometry,
    }


def older_row(key, above, own, name, geometry):
    return {
        "KEN": key[:2],
        "CITY": key[2:5],
        "KEN_NAME": "神奈川県",
        "GST_NAME": above,
        "CSS_NAME": own,
        "HCODE": 8101,
        "MOJI": name,
        "KEY_CODE": key,
        "geometry": geometry,
    }


def n03_row(code, above, own, geometry, prefecture="神奈川県"):
    return {
        "N03_001": prefecture,
        "N03_002": None,
        "N03_003": above,
        "N03_004": own,
        "N03_007": code,
        "geometry": geometry,
    }


def estat(*files, **given):
    return AreaSettings(layout="estat", files=list(files), **given)


CENSUS = [
    census_row("13101002001", "神田①丁目", square(2)),
    census_row("131010010", None, square(1)),
    census_row("13102001001", "銀座一丁目", square(3), city="中央区"),
]


def rows_of(areas):
    return [tuple(row) for row in areas.frame[AREA_COLUMNS].itertuples(index=False)]


def test_census_areas_carry_codes_and_names_of_three_levels(tmp_path):
    write_shapefile(tmp_path / "a.shp", CENSUS)
    areas = read_areas(estat("a.shp"), tmp_path)
    assert rows_of(areas) == [
        ("131010010", "13", "東京都", "13101", "千代田区", "131010010", ""),
        ("13101002001", "13", "東京都", "13101", "千代田区", "13101002001", "神田①丁目"),
        ("13102001001", "13", "東京都", "13102", "中央区", "13102001001", "銀座一丁目"),
    ]
    assert list(areas.frame) == [*AREA_COLUMNS, "geometry"]
    assert areas.frame.crs.to_epsg() == 4326
    assert shapely.normalize(areas.frame.geometry.iloc[0]).equals_exact(shapely.normalize(square(1)), 1e-9)
    assert areas.counts == {"rows": 3, "water": 0, "without_code": 0, "parts": 0, "mended": 0, "areas": 3}


def test_water_is_left_out_and_parts_of_one_key_are_joined(tmp_path):
    rows = [
        *CENSUS,
        census_row("13101002001", "神田①丁目", square(2, 5)),
        census_row("13101002001", "神田①丁目", square(2, 1)),
        census_row("131010990", "水面調査区", square(8), water=True),
    ]
    write_shapefile(tmp_path / "a.shp", rows)
    areas = read_areas(estat("a.shp"), tmp_path)
    assert areas.counts == {"rows": 6, "water": 1, "without_code": 0, "parts": 2, "mended": 0, "areas": 3}
    joined = areas.frame.set_index("feature_id").geometry["13101002001"]
    assert joined.equals(shapely.union_all([square(2), square(2, 1), square(2, 5)]))
    assert shapely.get_num_geometries(joined) == 2


def test_files_are_one_table_and_may_lie_anywhere(tmp_path):
    (tmp_path / "wards").mkdir()
    write_shapefile(tmp_path / "wards" / "a.shp", CENSUS[:2])
    write_shapefile(tmp_path / "b.shp", CENSUS[2:])
    areas = read_areas(estat("wards/a.shp", tmp_path / "b.shp"), tmp_path)
    assert areas.frame["feature_id"].tolist() == ["131010010", "13101002001", "13102001001"]


def test_older_census_files_have_other_columns(tmp_path):
    rows = [
        older_row("14103001001", "横浜市", "西区", "みなとみらい１丁目", square(1)),
        older_row("14321001000", "高座郡", "寒川町", "一之宮", square(2)),
        older_row("14201001000", "横須賀市", None, "追浜", square(3)),
    ]
    write_shapefile(tmp_path / "a.shp", rows, crs=4612)
    areas = read_areas(estat("a.shp"), tmp_path)
    assert areas.frame["municipality"].tolist() == ["横浜市西区", "横須賀市", "寒川町"]
    assert areas.frame["municipality_code"].tolist() == ["14103", "14201", "14321"]
    assert areas.frame["town"].tolist() == ["みなとみらい１丁目", "追浜", "一之宮"]


def test_municipalities_without_a_code_are_left_out_and_islands_are_joined(tmp_path):
    rows = [
        n03_row("01101", "札幌市", "中央区", square(0), prefecture="北海道"),
        n03_row("14103", "横浜市", "西区", square(1)),
        n03_row("14103", "横浜市", "西区", square(1, 5)),
        n03_row("14321", "高座郡", "寒川町", square(2)),
        n03_row("14201", None, "横須賀市", square(3)),
        n03_row(None, None, "所属未定地", square(4)),
    ]
    gpd.GeoDataFrame(rows, crs=4326).to_file(tmp_path / "n03.geojson")
    areas = read_areas(AreaSettings(layout="n03", files=["n03.geojson"]), tmp_path)
    assert rows_of(areas) == [
        ("01101", "01", "北海道", "01101", "札幌市中央区", "", ""),
        ("14103", "14", "神奈川県", "14103", "横浜市西区", "", ""),
        ("14201", "14", "神奈川県", "14201", "横須賀市", "", ""),
        ("14321", "14", "神奈川県", "14321", "寒川町", "", ""),
    ]
    assert areas.counts == {"rows": 6, "water": 0, "without_code": 1, "parts": 1, "mended": 0, "areas": 4}


def fields(tmp_path, rows, **columns):
    gpd.GeoDataFrame(rows, crs=4326).to_parquet(tmp_path / "own.parquet")
    settings = AreaSettings(layout="fields", files=["own.parquet"], fields=AreaFields(**columns))
    return read_areas(settings, tmp_path)


def test_municipalities_since_2024_have_a_column_for_wards(tmp_path):
    """Columns as in the files of 2024: N03_003 is a county only, a city's name stands before its ward's."""
    rows = [
        ("14101", None, "横浜市", "鶴見区"),
        ("14108", None, "横浜市", "金沢区"),
        ("14201", None, "横須賀市", None),
        ("14321", "高座郡", "寒川町", None),
        ("14000", None, "所属未定地", None),
    ]
    rows = [
        n03_row(code, county, city, square(place)) | {"N03_005": ward}
        for place, (code, county, city, ward) in enumerate(rows)
    ]
    gpd.GeoDataFrame(rows, crs=6668).to_file(tmp_path / "n03.geojson")
    areas = read_areas(AreaSettings(layout="n03", files=["n03.geojson"]), tmp_path)
    assert dict(zip(areas.frame["municipality_code"], areas.frame["municipality"], strict=True)) == {
        "14101": "横浜市鶴見区",
        "14108": "横浜市金沢区",
        "14201": "横須賀市",
        "14321": "寒川町",
    }
    assert areas.without_code == 1


def test_any_file_is_read_by_a_mapping_and_a_name_stands_for_a_missing_code(tmp_path):
    rows = [
        {"region": "Ile", "code": 75056.0, "quarter": "Marais", "geometry": square(1)},
        {"region": "Ile", "code": 75056.0, "quarter": None, "geometry": square(2)},
        {"region": "Ile", "code": None, "quarter": "Marais", "geometry": square(3)},
    ]
    areas = fields(tmp_path, rows, prefecture="region", municipality_code="code", town="quarter")
    assert rows_of(areas) == [
        ("75056", "Ile", "Ile", "75056", "", "", ""),
        ("75056/Marais", "Ile", "Ile", "75056", "", "75056/Marais", "Marais"),
        ("Ile/Marais", "Ile", "Ile", "", "", "Ile/Marais", "Marais"),
    ]


def test_codes_that_are_numbers_have_no_decimal_point(tmp_path):
    rows = [{"id": 7, "geometry": square(1)}, {"id": 12, "geometry": square(2)}]
    assert fields(tmp_path, rows, town_code="id").frame["town_code"].tolist() == ["12", "7"]


def test_polygons_that_cross_themselves_are_mended_and_counted(tmp_path):
    tie = shapely.Polygon([(139, 35), (139.01, 35.01), (139.01, 35), (139, 35.01)])
    write_shapefile(tmp_path / "a.shp", [census_row("13101001001", "町", tie), *CENSUS])
    areas = read_areas(estat("a.shp"), tmp_path)
    assert areas.mended == 1
    assert areas.frame.is_valid.all()


def test_a_wrong_encoding_is_an_error_never_other_letters(tmp_path):
    write_shapefile(tmp_path / "a.shp", CENSUS)
    for encoding in ("utf-8", "latin-1", "cp1252", "euc_jp", "mac_roman"):
        with pytest.raises(GeoDataError) as caught:
            read_areas(estat("a.shp", encoding=encoding), tmp_path)
        assert "encoding" in str(caught.value), encoding


def test_names_that_were_spoilt_before_are_an_error(tmp_path):
    spoilt = "銀座".encode("cp932").decode("latin-1")
    with pytest.raises(GeoDataError, match=r"1 values of town in .* are no text"):
        fields(
            tmp_path,
            [{"name": spoilt, "geometry": square(1)}, {"name": "x", "geometry": square(2)}],
            town="name",
        )


def test_what_has_other_columns_or_no_areas_is_refused(tmp_path):
    gpd.GeoDataFrame([n03_row(None, None, "所属未定地", square(4))], crs=4326).to_file(tmp_path / "n.geojson")
    with pytest.raises(
        GeoDataError, match="no column PREF, CITY, PREF_NAME, CITY_NAME, KEY_CODE, S_NAME, HCODE"
    ):
        read_areas(estat("n.geojson"), tmp_path)
    with pytest.raises(GeoDataError, match=r"none of 1 rows in n\.geojson is an area"):
        read_areas(AreaSettings(layout="n03", files=["n.geojson"]), tmp_path)
    with pytest.raises(GeoDataError, match="has no column name; its columns are id, geometry"):
        fields(tmp_path, [{"id": 7, "geometry": square(1)}], town="name")
    abroad = gpd.GeoDataFrame([n03_row("75056", None, "Paris", square(1), prefecture="Ile")], crs=4326)
    abroad.to_file(tmp_path / "p.geojson")
    with pytest.raises(GeoDataError, match=r"1 prefectures .* \(Ile\)"):
        read_areas(AreaSettings(layout="n03", files=["p.geojson"]), tmp_path)


def test_fields_belong_to_their_layout():
    with pytest.raises(ValidationError, match="fields"):
        AreaSettings(layout="fields", files=["a.shp"])
    with pytest.raises(ValidationError, match="fields"):
        AreaSettings(layout="estat", files=["a.shp"], fields=AreaFields(town="name"))
    with pytest.raises(ValidationError, match="at least one level"):
        AreaFields()
    with pytest.raises(ValidationError):
        AreaSettings(layout="n03", files=[])


@needs_census
def test_real_census_areas_of_2020():
    wards = [f"census/r2ka{code}.shp" for code in (13101, 13102, 13103)]
    areas = read_areas(estat(*wards), REAL)
    assert areas.counts == {
        "rows": 357,
        "water": 23,
        "without_code": 0,
        "parts": 4,
        "mended": 0,
        "areas": 330,
    }
    names = areas.frame.set_index("feature_id")
    assert names.loc["13101001001", ["prefecture", "municipality", "town"]].tolist() == [
        "東京都",
        "千代田区",
        "丸の内一丁目",
    ]
    assert set(names["municipality"]) == {"千代田区", "中央区", "港区"}
    # Tokyo station, the Diet, Tokyo tower, and the middle of the bay.
    places = [(35.681236, 139.767125), (35.6759, 139.7448), (35.658581, 139.745433), (35.5, 139.9)]
    none = gpd.GeoDataFrame({"feature_id": [], "name": []}, geometry=[], crs=4326)
    labels = label_places(list("abcd"), places, areas.frame, none, none, LabelSettings())
    towns = [names["town"].get(code, "") for code in labels["town"]]
    assert towns == ["丸の内一丁目", "永田町一丁目", "芝公園四丁目", ""]


@needs_census
def test_real_census_areas_of_2015():
    areas = read_areas(estat("census/h27ka13119.shp"), REAL)
    assert len(areas.frame) == areas.rows == 134
    assert set(areas.frame["municipality"]) == {"板橋区"}
    assert areas.frame.set_index("feature_id")["town"]["13119024001"] == "大谷口１丁目"


@needs_admin
def test_real_municipalities_of_japan():
    settings = AreaSettings(layout="n03", files=["admin/geojson/s0001/N03-21_210101.json"])
    areas = read_areas(settings, REAL)
    assert (len(areas.frame), areas.without_code, areas.rows) == (1894, 3, 1897)
    assert areas.frame["prefecture_code"].nunique() == areas.frame["prefecture"].nunique() == 47
    names = areas.frame.set_index("feature_id")["municipality"]
    assert names[["14108", "29425", "13101"]].tolist() == ["横浜市金沢区", "王寺町", "千代田区"]
    assert names.is_unique is False, "Fuchu lies in Tokyo and in Hiroshima"
