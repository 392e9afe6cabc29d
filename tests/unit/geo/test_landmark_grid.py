"""The grid of equal cells and which landmark gets one."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod

from zuroku.geo.distances import haversine_km
from zuroku.geo.landmark_grid import LandmarkGrid, areas_m2, cells_of, landmark_candidates, places_in

GRIDS = (LandmarkGrid(least_area_m2=1_000_000, cell_m=500), LandmarkGrid(least_area_m2=0, cell_m=2000))


def _landmarks(*rows):
    return gpd.GeoDataFrame(rows, columns=["feature_id", "kind", "geometry"], crs="EPSG:4326")


@pytest.mark.parametrize("latitude", [-60.0, 0.0, 35.0, 71.0])
def test_cells_have_the_same_size_at_every_latitude(latitude):
    rng = np.random.default_rng(0)
    places = np.array([latitude, 120.0]) + rng.uniform(-0.05, 0.05, (4000, 2))
    cells = cells_of(places, 1000)
    one, many = np.unique(cells, axis=0, return_counts=True)
    inside = places[(cells == one[many.argmax()]).all(axis=1)]
    spans = [haversine_km(inside[0], place).max() * 1000 for place in inside]
    assert max(spans) <= 1000 * np.sqrt(2) * 1.01
    counted = np.unique(cells[:, 1][cells[:, 0] == cells[0, 0]]).size
    width_m = haversine_km((latitude, 119.95), (latitude, 120.05))[0] * 1000
    assert counted == pytest.approx(width_m / 1000, abs=2)


def test_areas_are_those_of_the_ellipsoid_within_a_percent():
    park = shapely.box(139.7, 35.6, 139.75, 35.64)
    expected = abs(Geod(ellps="WGS84").geometry_area_perimeter(park)[0])
    assert areas_m2(np.array([park, shapely.Point(139, 35)], dtype=object)) == pytest.approx(
        [expected, 0], rel=0.01
    )


def test_a_large_landmark_gets_a_place_in_each_of_its_cells_and_a_small_one_a_single_place_inside():
    ring = shapely.Point(139, 35).buffer(0.02).difference(shapely.Point(139, 35).buffer(0.01))
    places = places_in(ring, 500)
    assert len(places) == pytest.approx(areas_m2(np.array([ring], dtype=object))[0] / 500**2, rel=0.15)
    assert shapely.contains_xy(ring, places[:, 1], places[:, 0]).all()
    small = shapely.Point(139.00001, 35).buffer(0.0001)
    assert len(places_in(small, 5000)) == 1
    assert small.contains(shapely.Point(places_in(small, 5000)[0][::-1]))


def test_a_cell_keeps_the_largest_then_the_first_landmark_of_each_kind():
    near = [shapely.Point(139.0001 + i * 1e-5, 35.0) for i in range(4)]
    landmarks = _landmarks(
        ("node/2", "tourism=museum", near[0]),
        ("node/1", "tourism=museum", near[1]),
        ("way/9", "historic=castle", near[2].buffer(1e-4)),
        ("node/3", "historic=castle", near[3]),
    )
    found = landmark_candidates(landmarks, GRIDS, 500, 0)
    assert found["kind"].tolist() == ["historic=castle", "tourism=museum"]
    assert found["longitude"].to_numpy() == pytest.approx([near[2].x, near[1].x], abs=1e-5)
    swapped = landmark_candidates(landmarks.iloc[::-1], GRIDS, 500, 0)
    assert swapped.equals(found)


def test_cells_are_halved_for_a_kind_that_has_too_few_places_but_not_below_the_bound():
    row = [(f"node/{i}", "leisure=park", shapely.Point(139 + i * 600 / 91000, 35)) for i in range(6)]
    few = len(landmark_candidates(_landmarks(*row), GRIDS, 500, 0))
    assert len(landmark_candidates(_landmarks(*row), GRIDS, 500, 5)) >= 5 > few
    crowd = [(f"node/{i}", "leisure=park", shapely.Point(139 + i * 1e-6, 35)) for i in range(6)]
    assert len(landmark_candidates(_landmarks(*crowd), GRIDS, 500, 5)) == 1
    assert list(landmark_candidates(_landmarks(), GRIDS, 500, 5).columns) == ["latitude", "longitude", "kind"]
