"""What a map without tiles shows: land, borders of what lies in view, and names where they have room."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from zuroku.reports.heat_map_outlines import Box, outline_sheet

LAND = gpd.GeoDataFrame(
    {"name": ["main island", "elsewhere"]},
    geometry=[shapely.Point(135.7, 35.0).buffer(0.5, quad_segs=400), shapely.box(-60, -50, -50, -40)],
    crs="EPSG:4326",
)
VIEW = ((34.99, 135.69), (35.01, 135.71))


def areas(level: str, *named: tuple[str, shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"level": level, "name": [name for name, _ in named]},
        geometry=[shape for _, shape in named],
        crs="EPSG:4326",
    )


CITIES = areas(
    "municipality",
    ("west", shapely.box(135.2, 34.5, 135.7, 35.5)),
    ("east", shapely.box(135.7, 34.5, 136.2, 35.5)),
)


def sheet(areas_within=None, land=LAND, view=VIEW) -> dict:
    return json.loads(outline_sheet(land, areas_within, view))


def shapes(parts: dict) -> shapely.Geometry:
    return shapely.from_geojson(json.dumps(parts))


def test_land_is_what_lies_near_the_view_as_coarse_as_can_be_seen() -> None:
    found = sheet(view=((34.5, 135.2), (35.5, 136.2)))
    land = shapes(found["land"])
    assert land.bounds == pytest.approx((135.2, 34.5, 136.2, 35.5), abs=0.01)
    assert shapely.get_num_coordinates(land) < shapely.get_num_coordinates(LAND.geometry[0])
    assert found["fine"] is None
    assert shapes(found["borders"]["prefecture"]).length == pytest.approx(np.pi, rel=0.01)


def test_without_anything_there_is_an_empty_sheet() -> None:
    found = sheet(land=None)
    assert shapes(found["land"]).is_empty
    assert found["names"] == []


def test_areas_are_asked_for_as_far_as_the_frame_may_show() -> None:
    asked: list[Box] = []

    def within(box: Box) -> gpd.GeoDataFrame:
        asked.append(box)
        return CITIES

    # A high and narrow view stands in a frame that is wider than high.
    sheet(within, view=((34.0, 135.69), (36.0, 135.71)))
    west, south, east, north = asked[0]
    assert (south, north) == pytest.approx((32, 38))
    assert (east - west) * np.cos(np.radians(35)) == pytest.approx(6)
    assert (west + east) / 2 == pytest.approx(135.7)


def test_borders_are_lines_inside_the_box_alone() -> None:
    found = sheet(lambda box: CITIES)
    (south, west), (north, east) = found["box"]
    lines = shapes(found["borders"]["municipality"])
    assert lines.bounds == pytest.approx((135.7, south, 135.7, north), abs=1e-4)
    assert set(shapely.get_type_id(shapely.get_parts(lines))) <= {1, 5}
    assert west < 135.69 < 135.71 < east
    # The coarse ones would stand beside them.
    assert "prefecture" not in found["borders"]


def test_fine_land_covers_the_coarse_inside_the_box() -> None:
    coast = areas("prefecture", ("main island", shapely.box(135.0, 34.0, 135.7, 36.0)))
    found = sheet(lambda box: coast)
    (south, west), (north, _) = found["box"]
    assert shapes(found["fine"]).bounds == pytest.approx((west, south, 135.7, north), abs=1e-4)


def test_names_are_the_finest_that_have_room_and_stand_inside_their_areas() -> None:
    many = [
        (f"town {x}", shapely.box(135.69 + x / 2000, 34.9, 135.69 + (x + 1) / 2000, 35.1)) for x in range(40)
    ]
    towns = areas("town", *many)
    both = gpd.GeoDataFrame(pd.concat([CITIES, towns], ignore_index=True), crs="EPSG:4326")
    assert sorted(name for *_, name in sheet(lambda box: both)["names"]) == ["east", "west"]
    narrow = ((34.999, 135.6951), (35.001, 135.6989))
    names = sheet(lambda box: both, view=narrow)["names"]
    assert [name for *_, name in names] == [f"town {x}" for x in range(10, 18)]
    for latitude, longitude, name in names:
        assert shapely.Point(longitude, latitude).within(dict(many)[name])
        assert narrow[0][0] < latitude < narrow[1][0]
    assert [name for *_, name in sheet()["names"]] == ["main island"]


def test_an_area_without_a_name_has_none_on_the_map() -> None:
    assert sheet(lambda box: CITIES.assign(name=["", "east"]))["names"][0][2] == "east"
    assert len(sheet(lambda box: CITIES.assign(name=["", "east"]))["names"]) == 1


def test_where_no_area_of_a_level_has_a_name_the_coarser_level_is_named() -> None:
    towns = areas("town", ("", shapely.box(135.69, 34.99, 135.7, 35.01)))
    both = gpd.GeoDataFrame(pd.concat([CITIES, towns], ignore_index=True), crs="EPSG:4326")
    assert sorted(name for *_, name in sheet(lambda box: both)["names"]) == ["east", "west"]


def test_a_name_never_closes_the_script() -> None:
    text = outline_sheet(LAND, lambda box: CITIES.assign(name="</script>"), VIEW)
    assert "</script>" not in text
    assert json.loads(text)["names"][0][2] == "</script>"
