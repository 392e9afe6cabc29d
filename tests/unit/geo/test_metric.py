import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from zuroku.errors import GeoDataError
from zuroku.geo import metric
from zuroku.geo.metric import containing, metric_groups, nearest_within, to_metric, utm_epsg


def moved(place, north_m, east_m):
    longitude, latitude, _ = Geod(ellps="WGS84").fwd(
        place[1], place[0], np.degrees(np.arctan2(east_m, north_m)), np.hypot(north_m, east_m)
    )
    return latitude, longitude


def point(place):
    return shapely.Point(place[1], place[0])


def around(place):
    """A projection to metres that is true at ``place``."""
    crs = f"+proj=tmerc +lat_0={place[0]} +lon_0={place[1]} +k=1 +ellps=WGS84"
    transformer = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return lambda degrees: np.column_stack(transformer.transform(*degrees.T))


def brute_distances(place, geometries):
    project = around(place)
    return np.array([shapely.transform(each, project).distance(shapely.Point(0, 0)) for each in geometries])


def test_zones_are_strips_of_six_degrees():
    places = np.array(
        [(35.6, 139.7), (43.0, 144.1), (-33.9, 151.2), (0.0, -180.0), (0.0, 180.0), (89.0, 5.0), (-85.0, 5.0)]
    )
    assert utm_epsg(places).tolist() == [32654, 32655, 32756, 32601, 32660, 32661, 32761]


def test_groups_hold_every_place_once_and_one_zone_each(monkeypatch):
    monkeypatch.setattr(metric, "_GROUP_PLACES", 7)
    rng = np.random.default_rng(1)
    places = np.column_stack([rng.uniform(30, 40, 200), rng.uniform(130, 145, 200)])
    groups = list(metric_groups(places))
    assert sorted(np.concatenate([group.rows for group in groups])) == list(range(200))
    for group in groups:
        assert len(group.rows) <= 7
        assert set(utm_epsg(places[group.rows])) == {group.epsg}
        assert np.ptp(places[group.rows, 0]) <= 1
    assert list(metric_groups(np.empty((0, 2)))) == []


def test_the_nearest_line_is_that_of_brute_force():
    rng = np.random.default_rng(2)
    # On both sides of the meridian of 138 degrees, where two zones meet.
    places = np.column_stack([rng.uniform(35.0, 35.02, 150), rng.uniform(137.99, 138.01, 150)])
    starts = places[rng.integers(0, 150, 120)] + rng.normal(0, 3e-4, (120, 2))
    steps = np.cumsum(rng.normal(0, 3e-4, (120, 4, 2)), axis=1)
    lines = shapely.linestrings((starts[:, None] + steps)[:, :, ::-1])
    nearest, distances = nearest_within(places, lines, 20)
    for row, place in enumerate(places):
        true = brute_distances(place, lines)
        if nearest[row] < 0:
            assert np.isnan(distances[row])
            assert true.min() > 19.97
        else:
            assert distances[row] == pytest.approx(true.min(), abs=0.03)
            assert true[nearest[row]] <= true.min() + 0.03
    assert 20 < (nearest >= 0).sum() < 150


def test_the_containing_polygon_is_that_of_brute_force():
    rng = np.random.default_rng(3)
    places = np.column_stack([rng.uniform(35.0, 35.1, 200), rng.uniform(137.95, 138.05, 200)])
    centres = np.column_stack([rng.uniform(137.95, 138.05, 40), rng.uniform(35.0, 35.1, 40)])
    polygons = shapely.buffer(shapely.points(centres), rng.uniform(0.002, 0.01, 40))
    inside = [np.flatnonzero([polygon.contains(point(place)) for polygon in polygons]) for place in places]
    assert containing(places, polygons).tolist() == [found[0] if len(found) else -1 for found in inside]
    assert any(len(found) > 1 for found in inside)
    assert any(len(found) == 0 for found in inside)


def test_the_limit_belongs_to_it():
    # At the central meridian a UTM metre is 0.9996 of a true one.
    place = (35.0, 141.0)
    near, far = point(moved(place, 0, 20.0)), point(moved(place, 0, 20.05))
    nearest, distances = nearest_within([place], np.array([far, near]), 20)
    assert nearest.tolist() == [1]
    assert distances[0] == pytest.approx(19.992, abs=1e-3)
    assert nearest_within([place], np.array([far]), 20)[0].tolist() == [-1]


def test_of_equally_near_ones_the_lowest_index_is_taken():
    place, crossing = (35.0, 139.0), (35.0001, 139.0)
    north = shapely.LineString([crossing[::-1], (139.0, 35.002)])
    west = shapely.LineString([(138.99, 35.0001), crossing[::-1]])
    for lines in ([north, west], [west, north]):
        nearest, distances = nearest_within([place], np.array(lines), 20)
        assert nearest.tolist() == [0]
        assert distances[0] == pytest.approx(11.09, abs=0.01)


def test_inside_a_polygon_the_distance_is_zero():
    building = shapely.box(138.9999, 34.9999, 139.0001, 35.0001)
    nearest, distances = nearest_within([(35.0, 139.0)], np.array([building]), 20)
    assert (nearest.tolist(), distances.tolist()) == ([0], [0.0])


@pytest.mark.parametrize("place", [(10.0, 180.0), (10.0, -180.0), (10.0, 179.99999), (-10.0, -179.99999)])
def test_neighbours_across_the_antimeridian_are_found(place):
    others = [moved(place, 0, metres) for metres in (-12, 9)]
    nearest, distances = nearest_within([place], np.array([point(other) for other in others]), 20)
    assert nearest.tolist() == [1]
    assert distances[0] == pytest.approx(9, abs=0.02)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_neighbours_across_a_pole_are_found(pole):
    # 0.0001 degrees are 11 metres.
    place, other = (pole * 0.999999, 0.0), (pole * 0.999999, 180.0)
    nearest, distances = nearest_within([place], np.array([point(other)]), 25)
    assert nearest.tolist() == [0]
    assert distances[0] == pytest.approx(20.1, abs=0.3)


def test_an_area_around_the_globe_contains_its_places():
    area = shapely.box(-179, -50, 179, 50)
    places = [(-24.9, 129.9), (10.0, 61.2), (-38.6, -178.9), (0.0, 179.5), (50.1, 0.0), (-80.0, 77.0)]
    assert containing(places, np.array([area])).tolist() == [0, 0, 0, -1, -1, -1]


def test_neighbours_that_share_a_long_edge_without_its_vertices_leave_no_gap():
    # 90 km of a parallel: straight between its ends, it would be 100 m off in the middle.
    south = shapely.box(139, 34.5, 140, 35)
    north = shapely.Polygon([(139, 35), (139.5, 35), (140, 35), (140, 35.5), (139, 35.5)])
    places = [(35 + offset, 139.25) for offset in (-1e-4, -1e-6, 1e-6, 1e-4)]
    assert containing(places, np.array([north, south])).tolist() == [1, 1, 0, 0]


def test_a_place_on_a_border_gets_the_lowest_index():
    polygons = np.array([shapely.box(139, 35, 139.5, 35.5), shapely.box(139.5, 35, 140, 35.5)])
    places = [(35.2, 139.5), (35.0, 139.5), (35.5, 139.5), (35.123456, 139.5)]
    assert containing(places, polygons).tolist() == [0] * 4
    assert containing(places, polygons[::-1]).tolist() == [0] * 4


def test_projection_is_that_of_the_zone():
    x, y = shapely.get_coordinates(to_metric(np.array([shapely.Point(141, 0)]), 32654))[0]
    assert (x, y) == pytest.approx((500_000, 0), abs=1e-6)


def test_nothing_to_join_gives_nothing():
    assert containing([(35, 139)], np.array([], dtype=object)).tolist() == [-1]
    assert containing(np.empty((0, 2)), np.array([shapely.box(0, 0, 1, 1)])).shape == (0,)
    nearest, distances = nearest_within([(35, 139)], np.array([shapely.Point(0, 0)]), 20)
    assert nearest.tolist() == [-1]
    assert np.isnan(distances).all()


def test_geometries_that_are_not_in_degrees_are_refused():
    with pytest.raises(GeoDataError, match=r"reach from 380000, 3\.9e\+06"):
        containing([(35, 139)], np.array([shapely.box(380_000, 3_900_000, 380_001, 3_900_001)]))
    with pytest.raises(GeoDataError, match="axes are swapped"):
        nearest_within([(35, 139)], np.array([shapely.Point(35, 139)]), 20)
