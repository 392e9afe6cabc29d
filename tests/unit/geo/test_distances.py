import math

import numpy as np
import pytest

from zuroku.errors import GeoDataError
from zuroku.geo.distances import EARTH_RADIUS_KM, checked_coordinates, geodesic_km, haversine_km

TOKYO, OSAKA = (35.681236, 139.767125), (34.702485, 135.495951)
PLACES = [
    (TOKYO, OSAKA),
    (TOKYO, TOKYO),
    ((35.0, 139.0), (35.000001, 139.000001)),
    ((12.3, 179.9), (12.5, -179.8)),
    ((0.0, 180.0), (0.0, -180.0)),
    ((90.0, 0.0), (89.9, 77.0)),
    ((-90.0, 45.0), (90.0, 45.0)),
    ((-33.9, 18.4), (59.9, 30.3)),
    ((0.0, 0.0), (0.0, 90.0)),
]


def central_angle_km(a, b):
    """By the angle between two vectors, which is exact for near and far places alike."""

    def vector(place):
        latitude, longitude = map(math.radians, place)
        return np.array(
            [
                math.cos(latitude) * math.cos(longitude),
                math.cos(latitude) * math.sin(longitude),
                math.sin(latitude),
            ]
        )

    u, v = vector(a), vector(b)
    return EARTH_RADIUS_KM * math.atan2(np.linalg.norm(np.cross(u, v)), u @ v)


def vincenty_km(a, b):
    """Vincenty's inverse solution (1975) on WGS84; not for nearly antipodal places."""
    major, flattening = 6378.137, 1 / 298.257223563
    minor = (1 - flattening) * major
    u1, u2 = (math.atan((1 - flattening) * math.tan(math.radians(place[0]))) for place in (a, b))
    turn = math.radians((b[1] - a[1] + 540) % 360 - 180)
    at = turn
    for _ in range(200):
        sin_s = math.hypot(
            math.cos(u2) * math.sin(at),
            math.cos(u1) * math.sin(u2) - math.sin(u1) * math.cos(u2) * math.cos(at),
        )
        if sin_s == 0:
            return 0.0
        cos_s = math.sin(u1) * math.sin(u2) + math.cos(u1) * math.cos(u2) * math.cos(at)
        s = math.atan2(sin_s, cos_s)
        sin_alpha = math.cos(u1) * math.cos(u2) * math.sin(at) / sin_s
        cos2 = 1 - sin_alpha**2
        cos_2m = cos_s - 2 * math.sin(u1) * math.sin(u2) / cos2 if cos2 else 0.0
        c = flattening / 16 * cos2 * (4 + flattening * (4 - 3 * cos2))
        before, at = (
            at,
            turn
            + (1 - c) * flattening * sin_alpha * (s + c * sin_s * (cos_2m + c * cos_s * (2 * cos_2m**2 - 1))),
        )
        if abs(at - before) < 1e-13:
            break
    square = cos2 * (major**2 - minor**2) / minor**2
    big_a = 1 + square / 16384 * (4096 + square * (-768 + square * (320 - 175 * square)))
    big_b = square / 1024 * (256 + square * (-128 + square * (74 - 47 * square)))
    delta = cos_2m + big_b / 4 * (
        cos_s * (2 * cos_2m**2 - 1) - big_b / 6 * cos_2m * (4 * sin_s**2 - 3) * (4 * cos_2m**2 - 3)
    )
    return minor * big_a * (s - big_b * sin_s * delta)


@pytest.mark.parametrize(("a", "b"), PLACES)
def test_haversine_is_the_central_angle_times_the_radius(a, b):
    assert haversine_km(a, b)[0] == pytest.approx(central_angle_km(a, b), rel=1e-9, abs=1e-9)
    assert haversine_km(b, a)[0] == haversine_km(a, b)[0]


@pytest.mark.parametrize(("a", "b"), PLACES)
def test_geodesic_is_that_of_vincenty(a, b):
    assert geodesic_km(a, b)[0] == pytest.approx(vincenty_km(a, b), rel=1e-9, abs=1e-7)


def test_random_pairs_agree_with_both_oracles():
    rng = np.random.default_rng(5)
    a = np.column_stack([rng.uniform(-89, 89, 200), rng.uniform(-180, 180, 200)])
    b = np.column_stack([rng.uniform(-89, 89, 200), rng.uniform(-180, 180, 200)])
    sphere, ellipsoid = haversine_km(a, b), geodesic_km(a, b)
    assert sphere == pytest.approx([central_angle_km(*pair) for pair in zip(a, b, strict=True)], rel=1e-9)
    apart = sphere < 19_000
    vincenty = [vincenty_km(*pair) for pair in zip(a[apart], b[apart], strict=True)]
    assert ellipsoid[apart] == pytest.approx(vincenty, rel=1e-8)
    assert (np.abs(ellipsoid / sphere - 1) < 0.006).all()


def test_antipodes_are_half_a_circle_apart():
    rng = np.random.default_rng(6)
    a = np.column_stack([rng.uniform(-90, 90, 500), rng.uniform(-180, 0, 500)])
    distances = haversine_km(a, np.column_stack([-a[:, 0], a[:, 1] + 180]))
    assert distances == pytest.approx(math.pi * EARTH_RADIUS_KM, rel=1e-7)


def test_latitude_comes_first():
    # A degree of longitude at 60 degrees north is half as long as a degree of latitude.
    assert haversine_km((60, 10), (60, 11))[0] == pytest.approx(55.6, abs=0.1)
    assert haversine_km((60, 10), (61, 10))[0] == pytest.approx(111.2, abs=0.1)


@pytest.mark.parametrize("distance", [haversine_km, geodesic_km])
def test_one_place_is_compared_with_every_row(distance):
    rows = np.array([TOKYO, OSAKA, (43.06, 141.35)])
    assert distance(TOKYO, rows).shape == (3,)
    assert (distance(rows, TOKYO) == distance(np.repeat([TOKYO], 3, axis=0), rows)).all()
    assert distance(np.empty((0, 2)), np.empty((0, 2))).shape == (0,)
    assert distance([TOKYO], np.empty((0, 2))).shape == (0,)
    with pytest.raises(GeoDataError, match="3 places on one side and 2 on the other"):
        distance(rows, rows[:2])


def test_coordinates_are_returned_as_rows_of_floats():
    assert checked_coordinates((35, 139)).tolist() == [[35.0, 139.0]]
    assert checked_coordinates([]).shape == (0, 2)
    edges = [(90, 180), (-90, -180), (0, 0)]
    assert checked_coordinates(edges).tolist() == [list(map(float, edge)) for edge in edges]


def test_swapped_coordinates_are_called_so():
    with pytest.raises(GeoDataError, match=r"1 of 2 .*row 1: 139\.7, 35\.6.*look swapped"):
        checked_coordinates([(35.6, 50.0), (139.7, 35.6)])
    with pytest.raises(GeoDataError) as caught:
        checked_coordinates([(139.7, 35.6), (35.6, 139.7)])
    assert "swapped" not in str(caught.value), "the exchange would not mend the other row"


@pytest.mark.parametrize("bad", [(math.nan, 0), (0, math.inf), (90.001, 0), (0, 180.001), (0, -200)])
def test_what_is_no_place_is_refused(bad):
    with pytest.raises(GeoDataError, match="1 of 2 coordinates are no places on Earth") as caught:
        checked_coordinates([(0, 0), bad])
    assert caught.value.remedy


@pytest.mark.parametrize("bad", [[1, 2, 3], [[1, 2, 3]], [["here", "there"]], 7.0, [[1, 2], [3]]])
def test_what_are_no_pairs_of_numbers_is_refused(bad):
    with pytest.raises(GeoDataError, match="coordinates"):
        checked_coordinates(bad)
