import math
import statistics

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pydantic import ValidationError

from zuroku.errors import GeoDataError
from zuroku.geo.labels import TASKS, LabelSettings, imbalance_table, label_places

SETTINGS = LabelSettings()
DEGREE_M = 110_940
"""A degree of latitude at 35 degrees north."""


def features(rows, columns):
    frame = pd.DataFrame(rows, columns=[*columns, "geometry"])
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=4326)


def areas(*rows):
    columns = ["feature_id", "prefecture_code", "municipality_code", "town_code"]
    return features(rows, columns)


def town(code, west, east, south=35.0, north=35.1):
    return code, code[:2], code[:5], code, shapely.box(west, south, east, north)


def roads(*rows):
    return features(rows, ["feature_id", "name"])


def landmarks(*rows):
    return features(rows, ["feature_id"])


TOWNS = areas(town("13101001", 139.0, 139.1), town("13102001", 139.1, 139.2))
NO_ROADS, NO_LANDMARKS = roads(), landmarks()
MAIN = "靖国通り"


def street(latitude, west=139.0, east=139.2):
    return shapely.LineString([(west, latitude), (east, latitude)])


def labelled(coordinates, areas=TOWNS, roads=NO_ROADS, landmarks=NO_LANDMARKS, settings=SETTINGS, admin=None):
    ids = [f"i{number}" for number in range(len(coordinates))]
    return label_places(ids, coordinates, areas, roads, landmarks, settings, admin)


def test_a_place_gets_the_codes_of_its_area_in_the_order_of_the_items():
    table = labelled([(35.05, 139.15), (35.05, 139.05), (36.0, 139.05)])
    assert list(table) == [
        *("item_id", "latitude", "longitude"),
        *TASKS,
        *("road_distance_m", "landmark_distance_m"),
    ]
    assert table["item_id"].tolist() == ["i0", "i1", "i2"]
    assert table["prefecture"].tolist() == ["13", "13", ""]
    assert table["municipality"].tolist() == ["13102", "13101", ""]
    assert table["town"].tolist() == ["13102001", "13101001", ""]
    assert table[["latitude", "longitude"]].to_numpy().tolist() == [
        [35.05, 139.15],
        [35.05, 139.05],
        [36.0, 139.05],
    ]


def test_a_place_on_a_border_gets_the_lowest_code_whatever_the_order_of_the_table():
    for table in (TOWNS, TOWNS.iloc[::-1]):
        assert labelled([(35.05, 139.1)], table)["town"].tolist() == ["13101001"]


def test_the_finest_area_is_taken_of_those_that_cover_each_other():
    whole = ("13101", "13", "13101", "", shapely.box(139.0, 35.0, 139.1, 35.1))
    both = pd.concat([areas(whole), TOWNS])
    assert labelled([(35.05, 139.05)], both)["town"].tolist() == ["13101001"]
    lone = ("z", "", "", "z", shapely.box(139.0, 35.0, 139.1, 35.1))
    assert labelled([(35.05, 139.05)], areas(whole, lone))["town"].tolist() == ["z"]


def test_admin_areas_fill_only_what_the_census_leaves_open():
    admin = areas(
        ("27000", "27", "27000", "", shapely.box(139.0, 35.0, 139.2, 35.1)),
        ("28000", "28", "28000", "t3", shapely.box(139.2, 35.0, 139.3, 35.1)),
    )
    census = areas(
        town("13101001", 139.0, 139.1), ("t2", "", "", "t2", shapely.box(139.1, 35.0, 139.2, 35.1))
    )
    table = labelled(
        [(35.05, 139.05), (35.05, 139.15), (35.05, 139.25), (35.05, 139.35)], census, admin=admin
    )
    assert table["prefecture"].tolist() == ["13", "27", "28", ""]
    assert table["municipality"].tolist() == ["13101", "27000", "28000", ""]
    assert table["town"].tolist() == ["13101001", "t2", "", ""]


def test_a_road_is_its_name_within_a_municipality_or_else_its_id():
    named = roads(
        ("way/1", MAIN, street(35.05)), ("way/2", MAIN, street(35.06)), ("way/3", "", street(35.07))
    )
    table = labelled([(35.05, 139.05), (35.06, 139.05), (35.06, 139.15), (35.07, 139.05)], roads=named)
    assert table["road"].tolist() == [f"13101/{MAIN}", f"13101/{MAIN}", f"13102/{MAIN}", "way/3"]
    assert table["road_distance_m"].tolist() == [0.0] * 4


def test_what_is_further_than_the_limit_gives_no_label_and_no_distance():
    table = labelled(
        [(35.05 + metres / DEGREE_M, 139.05) for metres in (19.5, 20.5)],
        roads=roads(("way/1", "", street(35.05))),
    )
    assert table["road"].tolist() == ["way/1", ""]
    assert table["road_distance_m"].iloc[0] == pytest.approx(19.5, abs=0.05)
    assert math.isnan(table["road_distance_m"].iloc[1])
    wider = labelled(
        [(35.05 + 20.5 / DEGREE_M, 139.05)],
        roads=roads(("way/1", "", street(35.05))),
        settings=LabelSettings(max_distance_m=25),
    )
    assert wider["road"].tolist() == ["way/1"]


def test_the_nearest_is_taken_and_of_equally_near_ones_the_lowest_id_as_text():
    parallel = [street(35.05 + metres / DEGREE_M) for metres in (12, 8)]
    rows = [("way/1", "", parallel[0]), ("way/2", "", parallel[1])]
    assert labelled([(35.05, 139.05)], roads=roads(*rows))["road"].tolist() == ["way/2"]
    same = [("way/9", "", parallel[0]), ("way/10", "", parallel[0])]
    for order in (same, same[::-1]):
        assert labelled([(35.05, 139.05)], roads=roads(*order))["road"].tolist() == ["way/10"]


def test_inside_a_landmark_the_distance_is_zero():
    park = shapely.box(139.04, 35.04, 139.06, 35.06)
    statue = shapely.Point(139.05, 35.05 + 3 / DEGREE_M)
    marks = landmarks(("node/1", statue), ("way/5", park))
    table = labelled([(35.05, 139.05), (35.06 + 10 / DEGREE_M, 139.05), (35.08, 139.05)], landmarks=marks)
    assert table["landmark"].tolist() == ["way/5", "way/5", ""]
    assert table["landmark_distance_m"].iloc[:2].tolist() == pytest.approx([0.0, 10.0], abs=0.02)


def test_rare_classes_lose_their_label_but_not_their_distance():
    places = [(35.05, 139.05)] * 3 + [(35.05, 139.15)] * 2
    settings = LabelSettings(least_items={"town": 3, "road": 3})
    table = labelled(places, roads=roads(("way/1", MAIN, street(35.05))), settings=settings)
    assert table["town"].tolist() == ["13101001"] * 3 + [""] * 2
    assert table["road"].tolist() == [f"13101/{MAIN}"] * 3 + [""] * 2
    assert table["municipality"].tolist() == ["13101"] * 3 + ["13102"] * 2
    assert table["road_distance_m"].tolist() == [0.0] * 5


def test_a_table_of_nothing_labels_nothing():
    table = labelled([(35.05, 139.05)], areas())
    assert (table[list(TASKS)] == "").all(axis=None)
    empty = labelled(np.empty((0, 2)))
    assert len(empty) == 0
    assert "town" in empty


def test_unfit_input_is_refused_with_what_is_wrong():
    with pytest.raises(GeoDataError, match="swapped"):
        labelled([(139.05, 35.05)])
    with pytest.raises(GeoDataError, match=r"2 item ids \(1 repeated\) and 2 coordinates"):
        label_places(["a", "a"], [(35, 139), (35, 139)], TOWNS, roads(), landmarks(), SETTINGS)
    with pytest.raises(GeoDataError, match=r"1 item ids .* and 2 coordinates"):
        label_places(["a"], [(35, 139), (35, 139)], TOWNS, roads(), landmarks(), SETTINGS)
    with pytest.raises(GeoDataError, match="the areas have no column town_code"):
        labelled([(35, 139)], TOWNS.drop(columns="town_code"))
    with pytest.raises(GeoDataError, match="the roads have the CRS EPSG:32654"):
        labelled([(35, 139)], roads=roads(("way/1", "", street(35.05))).to_crs(32654))
    with pytest.raises(ValidationError):
        LabelSettings(least_items={"country": 3})
    with pytest.raises(ValidationError):
        LabelSettings(max_distance_m=0)


def labels_of(**given):
    n = max(map(len, given.values()))
    return pd.DataFrame({task: given.get(task, [""] * n) for task in TASKS})


def test_the_table_counts_classes_and_their_items():
    table = imbalance_table(
        labels_of(prefecture=["13"] * 4 + ["14"] * 2 + ["12"], town=["a", "a", "b", "", "", "", ""])
    ).set_index("task")
    assert list(table.index) == list(TASKS)
    row = table.loc["prefecture"]
    assert (row["classes"], row["least"], row["most"], row["labelled"], row["unlabelled"]) == (3, 1, 4, 7, 0)
    assert row["deviation"] == pytest.approx(statistics.pstdev([4, 2, 1]))
    assert table.loc["town"].tolist() == [2, 0.5, 1, 2, 3, 4]
    assert table.loc["road"].tolist() == [0, 0, 0, 0, 0, 7]


def possible(deviation, least, most, classes):
    """Whether ``classes`` numbers that reach both ends can deviate so."""
    span = most - least
    return span / math.sqrt(2 * classes) <= deviation <= span / 2


def test_deviations_keep_within_what_the_ends_allow():
    rng = np.random.default_rng(4)
    for _ in range(30):
        towns = [str(number) for number in rng.geometric(0.2, 200)]
        row = imbalance_table(labels_of(town=towns)).set_index("task").loc["town"]
        assert possible(row["deviation"], row["least"], row["most"], row["classes"])
    extreme = imbalance_table(labels_of(town=["a"] * 9 + ["b"])).set_index("task").loc["town"]
    assert extreme["deviation"] == 4 == (extreme["most"] - extreme["least"]) / 2


def test_the_paper_s_deviations_are_impossible_but_one():
    assert not possible(13.44, 4480, 117_857, 47)
    assert possible(522.18, 1, 13_212, 1741)
    # More classes lower the least possible deviation, but not the greatest.
    for printed in ((5578.86, 10, 3340), (523.08, 11, 182), (1631.36, 11, 1490)):
        assert not possible(*printed, classes=10**9)
