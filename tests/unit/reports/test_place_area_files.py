"""What an index keeps of areas, roads and landmarks: their names, coarse land, and borders."""

import io
import json
from types import SimpleNamespace

import geopandas as gpd
import pyarrow as pa
import pytest
import shapely

from zuroku.reports.place_area_files import area_files

CLASSES = {"road": [], "landmark": []}


def table(*rows: tuple[str, str, str, str, str, str], size: float = 1.0) -> gpd.GeoDataFrame:
    """Return squares in a row, with code and name of prefecture, municipality and town."""
    columns = ("prefecture_code", "prefecture", "municipality_code", "municipality", "town_code", "town")
    values = {column: [row[place] for row in rows] for place, column in enumerate(columns)}
    shapes = [shapely.box(139 + size * x, 35, 139 + size * (x + 1), 35 + size) for x in range(len(rows))]
    return gpd.GeoDataFrame(values, geometry=shapes, crs="EPSG:4326")


JAPAN = table(
    ("13", "東京都", "13101", "千代田区", "", ""),
    ("13", "東京都", "13102", "中央区", "", ""),
    ("14", "神奈川県", "14100", "", "", ""),
)
TOWNS = table(("", "", "", "", "1", "一丁目"), ("", "", "", "", "2", "二丁目"), size=0.01)
LANDMARKS = gpd.GeoDataFrame(
    {"feature_id": ["node/3", "relation/5", "way/9"], "name": ["城", "駅", ""]},
    geometry=gpd.points_from_xy([139, 139, 139], [35, 35, 35]),
    crs="EPSG:4326",
)


def files(areas=JAPAN, admin=JAPAN, classes=CLASSES) -> tuple[dict, gpd.GeoDataFrame, dict[str, list[str]]]:
    """Return names, outlines, and the names by level of the borders."""
    tables = {"areas": areas, "admin": admin, "landmarks": LANDMARKS}
    features = {name: SimpleNamespace(frame=frame) for name, frame in tables.items()}
    made = area_files(features, classes)
    rows = pa.ipc.open_file(pa.py_buffer(made["borders.arrow"])).read_all().to_pandas()
    borders = {level: sorted(part["name"]) for level, part in rows.groupby("level")}
    return json.loads(made["names.json"]), gpd.read_file(io.BytesIO(made["outlines.geojson"])), borders


def test_areas_are_named_and_one_without_a_name_has_none_to_be_called_by() -> None:
    names = files()[0]
    assert names["prefecture"] == {"13": "東京都", "14": "神奈川県"}
    assert names["municipality"] == {"13101": "千代田区", "13102": "中央区"}
    assert names["town"] == {}


def test_levels_that_areas_lack_come_from_the_municipalities_as_labels_do() -> None:
    names, outlines, borders = files(areas=TOWNS)
    assert names["prefecture"] == {"13": "東京都", "14": "神奈川県"}
    assert names["town"] == {"1": "一丁目", "2": "二丁目"}
    assert sorted(outlines["prefecture"]) == ["東京都", "神奈川県"]
    assert {level: len(found) for level, found in borders.items()} == {
        "prefecture": 2,
        "municipality": 3,
        "town": 2,
    }


def test_a_city_that_knows_nothing_but_towns_is_drawn_with_their_borders() -> None:
    names, outlines, borders = files(areas=TOWNS, admin=TOWNS)
    assert names["prefecture"] == names["municipality"] == {}
    assert borders == {"town": ["一丁目", "二丁目"]}
    assert shapely.equals(outlines.geometry[0].normalize(), shapely.box(139, 35, 139.02, 35.01).normalize())


def test_the_parts_of_an_area_are_one() -> None:
    outlines = files()[1].set_index("prefecture_code")
    assert outlines.geometry["13"].bounds == (139, 35, 141, 36)
    assert files()[2]["prefecture"] == ["東京都", "神奈川県"]


@pytest.mark.parametrize("size", [1.0, 0.02])
def test_the_land_is_as_coarse_as_its_extent_allows(size: float) -> None:
    coast = shapely.Point(139, 35).buffer(size, quad_segs=4000)
    made = files(areas=TOWNS.iloc[:1].set_geometry([coast]), admin=TOWNS)[1].geometry[0]
    assert shapely.get_num_coordinates(made) < 500
    assert shapely.hausdorff_distance(made, coast) <= 2 * size / 10_000 * 1.01


@pytest.mark.parametrize(
    ("road", "name"),
    [
        ("13101/青葉通り", "青葉通り"),
        ("13101/A/B Street", "A/B Street"),
        ("東京都/千代田区/内堀通り", "内堀通り"),
        ("/外堀通り", "外堀通り"),
        ("way/12", "way/12"),
        ("Aoba-dori", "Aoba-dori"),
    ],
)
def test_a_road_is_called_without_the_code_of_its_municipality(road: str, name: str) -> None:
    areas = JAPAN.assign(municipality_code=["13101", "東京都/千代田区", ""])
    assert files(areas=areas, classes=CLASSES | {"road": [road]})[0]["road"] == {road: name}


def test_landmarks_are_named_where_they_are_classes_and_have_a_name() -> None:
    names = files(classes=CLASSES | {"landmark": ["relation/5", "way/9"]})[0]
    assert names["landmark"] == {"relation/5": "駅"}
