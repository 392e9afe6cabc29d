"""Borders beside an index: which areas are read for a box, and which levels are left out of it."""

from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import shapely

from zuroku.indexes import place_borders
from zuroku.indexes.place_borders import Borders, borders_bytes, open_borders


def squares(count: int, size: float = 0.1) -> gpd.GeoDataFrame:
    """Return ``count`` × ``count`` squares from 139 E, 35 N to the north-east, named by column and row."""
    places = [(x, y) for x in range(count) for y in range(count)]
    return gpd.GeoDataFrame(
        {"name": [f"{x},{y}" for x, y in places]},
        geometry=[
            shapely.box(139 + x * size, 35 + y * size, 139 + (x + 1) * size, 35 + (y + 1) * size)
            for x, y in places
        ],
        crs="EPSG:4326",
    )


def opened(folder: Path, **levels: gpd.GeoDataFrame) -> Borders:
    (folder / "borders.arrow").write_bytes(borders_bytes(levels))
    borders = open_borders(SimpleNamespace(path=folder))
    assert borders is not None
    return borders


def test_the_areas_that_touch_a_box_are_read_coarse_levels_first(tmp_path: Path) -> None:
    towns, cities = squares(20), squares(2, 1.0)
    borders = opened(tmp_path, town=towns, municipality=cities)
    box = (139.35, 35.85, 139.55, 36.15)
    found = borders.within(box)
    assert found["level"].drop_duplicates().tolist() == ["municipality", "town"]
    for level, areas in (("municipality", cities), ("town", towns)):
        expected = areas[areas.intersects(shapely.box(*box))]
        of_level = found[found["level"] == level].set_index("name")
        assert set(of_level.index) == set(expected["name"])
        for row in expected.itertuples():
            assert shapely.equals(of_level.geometry[row.name], row.geometry)


def test_nothing_lies_elsewhere_and_an_empty_file_has_nothing(tmp_path: Path) -> None:
    assert opened(tmp_path, town=squares(3)).within((10, 50, 11, 51)).empty
    assert opened(tmp_path).within((139, 35, 140, 36)).empty


def test_borders_are_simplified_as_finely_as_their_level_is_seen(tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 5000)
    circle = shapely.Polygon(np.column_stack([139 + 0.1 * np.cos(turn), 35 + 0.1 * np.sin(turn)]))
    frame = gpd.GeoDataFrame({"name": ["round"]}, geometry=[circle], crs="EPSG:4326")
    found = opened(tmp_path, prefecture=frame, town=frame).within((138.9, 34.9, 139.1, 35.1))
    corners = dict(zip(found["level"], shapely.get_num_coordinates(found.geometry), strict=True))
    assert 20 < corners["prefecture"] < corners["town"] < 500
    distance = {row.level: shapely.hausdorff_distance(row.geometry, circle) for row in found.itertuples()}
    assert distance["town"] <= 5e-5
    assert distance["prefecture"] <= 2e-4


def test_a_level_of_too_many_corners_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    borders = opened(tmp_path, town=squares(10), municipality=squares(1, 1.0))
    everywhere, near = (139.01, 35.01, 139.99, 35.99), (139.01, 35.01, 139.09, 35.09)
    # A square has five.
    monkeypatch.setitem(place_borders._MOST_CORNERS, "town", 499)
    assert set(borders.within(everywhere)["level"]) == {"municipality"}
    assert set(borders.within(near)["level"]) == {"municipality", "town"}
    monkeypatch.setitem(place_borders._MOST_CORNERS, "town", 500)
    assert set(borders.within(everywhere)["level"]) == {"municipality", "town"}


def test_a_level_whose_areas_would_be_specks_is_left_out(tmp_path: Path) -> None:
    borders = opened(tmp_path, town=squares(3, 0.001))
    assert len(borders.within((138.96, 34.96, 139.04, 35.04))) == 9
    assert borders.within((138.9, 34.9, 139.1, 35.1)).empty


def test_the_same_areas_make_the_same_bytes_and_an_older_index_has_none(tmp_path: Path) -> None:
    assert borders_bytes({"town": squares(3)}) == borders_bytes({"town": squares(3)})
    assert open_borders(SimpleNamespace(path=tmp_path)) is None
