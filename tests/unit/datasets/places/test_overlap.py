"""Photographs and maps of one land, of two, and photographs that stray."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from zuroku.datasets.places.overlap import require_overlap
from zuroku.errors import GeoDataError


def features(*geometries: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(geometries), crs="EPSG:4326")


ROAD = features(shapely.LineString([(139, 35), (139.1, 35)]))
AREA = features(shapely.box(139, 35, 139.1, 35.1))


def strays(n: int, near: int) -> np.ndarray:
    """Return ``n`` places in another land, but for the first ``near``."""
    places = np.tile([43.0, 141.0], (n, 1))
    places[:near] = (35.0, 139.05)
    return places


def test_one_in_a_hundred_is_enough_and_less_is_not() -> None:
    require_overlap(strays(100, 1), ROAD, "roads")
    with pytest.raises(GeoDataError, match="1 of 101 photographs lie within about 20 km of the roads"):
        require_overlap(strays(101, 1), ROAD, "roads")
    with pytest.raises(GeoDataError, match="0 of 3 "):
        require_overlap(strays(3, 0), AREA, "areas")


@pytest.mark.parametrize(("degrees", "near"), [(0.19, True), (0.21, False)])
def test_near_is_a_fifth_of_a_degree_from_the_outline_and_anything_inside(degrees: float, near: bool) -> None:
    require_overlap(np.array([[35.05, 139.05]]), AREA, "areas")
    place = np.array([[35 - degrees, 139.05]])
    for map_ in (ROAD, AREA):
        if near:
            require_overlap(place, map_, "map")
        else:
            with pytest.raises(GeoDataError):
                require_overlap(place, map_, "map")


def test_the_error_says_both_extents_and_what_to_do() -> None:
    with pytest.raises(GeoDataError) as told:
        require_overlap(np.array([[139.05, 35.0], [139.0, 35.25]]) - (100, 0), AREA, "areas")
    assert "from 39.0000 to 39.0500 north and 35.0000 to 35.2500 east" in told.value.found
    assert "from 35.0000 to 35.1000 north and 139.0000 to 139.1000 east" in told.value.expected
    assert "exchange the columns" in told.value.remedy


def test_nothing_overlaps_with_nothing() -> None:
    require_overlap(np.empty((0, 2)), AREA, "areas")
    with pytest.raises(GeoDataError) as told:
        require_overlap(strays(2, 2), features(), "roads")
    assert "there are none" in told.value.expected
