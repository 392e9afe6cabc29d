"""Places at equal arc length, against an oracle that walks in steps of a decimetre; joining of lines."""

import math

import numpy as np
import pytest
import shapely

from zuroku.errors import GeoDataError
from zuroku.geo.distances import geodesic_km
from zuroku.geo.line_walk import group_lengths_m, merged_lines, places_along

SOUTH = 35.0
ONE_KM_EAST = 1000 / 91290.0


def _line(*places):
    return shapely.LineString([(139 + east * ONE_KM_EAST, SOUTH + north * 0.009) for east, north in places])


def _array(*lines):
    return np.array(lines, dtype=object)


def _walked_slowly(lines, interval_m, step_m=0.5):
    """Every place passed at interval_m/2-centred distances, walking all the lines in tiny straight steps."""
    track = []
    for line in lines:
        for (x0, y0), (x1, y1) in zip(line.coords[:-1], line.coords[1:], strict=True):
            length = geodesic_km((y0, x0), (y1, x1))[0] * 1000
            n = math.ceil(length / step_m)
            track += [
                (length / n, y0 + (y1 - y0) * (i + 1) / n, x0 + (x1 - x0) * (i + 1) / n) for i in range(n)
            ]
    total = sum(step for step, _, _ in track)
    count = max(1, int(total / interval_m + 1e-9))
    wanted = (total - (count - 1) * interval_m) / 2
    walked, found = 0.0, []
    for step, latitude, longitude in track:
        walked += step
        if walked >= wanted and len(found) < count:
            found.append((latitude, longitude))
            wanted += interval_m
    return np.array(found)


@pytest.mark.parametrize("interval_m", [170.0, 450.0, 1100.0, 9000.0])
def test_places_are_at_equal_arc_length_over_all_parts_of_a_group(interval_m):
    lines = _array(
        _line((0, 0), (0.4, 0.1), (0.5, 0.9), (0.1, 1.0)), _line((2, 2), (2.2, 2)), _line((4, 0), (4, 0.73))
    )
    found = places_along(lines, np.zeros(3, dtype=np.int64), interval_m)
    expected = _walked_slowly(lines, interval_m)
    assert len(found) == len(expected)
    assert geodesic_km(found, expected).max() * 1000 < 1


def test_groups_are_walked_each_on_its_own():
    lines = _array(_line((0, 0), (1, 0)), _line((5, 0), (5, 0.05)), _line((5, 1), (5.3, 1)))
    groups = np.array([0, 1, 1])
    apart = [places_along(lines[:1], groups[:1], 200), places_along(lines[1:], groups[1:], 200)]
    assert np.allclose(places_along(lines, groups, 200), np.concatenate(apart), atol=1e-9)
    assert group_lengths_m(lines, groups) == pytest.approx([1000, 350], rel=5e-3)


def test_a_line_that_crosses_the_antimeridian_by_a_step_is_not_walked_around_the_world():
    line = shapely.LineString([(179.99, 10), (-179.99, 10)])
    found = places_along(_array(line), np.zeros(1, dtype=np.int64), 500)
    assert len(found) == 4
    assert (np.abs(found[:, 1]) > 179.98).all()


def test_ways_of_one_name_are_joined_and_others_are_not():
    lines = _array(_line((1, 0), (0, 0)), _line((1, 0), (2, 0)), _line((2, 0), (3, 0)))
    joined, groups = merged_lines(lines, ["a", "a", "b"])
    assert list(groups) == [0, 1]
    assert [len(line.coords) for line in joined] == [3, 2]


def test_the_order_of_rows_and_multi_part_lines_make_no_difference():
    rng = np.random.default_rng(3)
    lines = [_line(*rng.uniform(0, 9, (4, 2))) for _ in range(12)]
    names = [str(number % 3) for number in range(12)]
    order = rng.permutation(12)
    first, groups = merged_lines(_array(*lines), names)
    second, other = merged_lines(_array(*[lines[i] for i in order]), [names[i] for i in order])
    assert [line.wkb for line in first] == [line.wkb for line in second]
    assert list(groups) == list(other)
    together = _array(shapely.MultiLineString(lines[:2]))
    assert len(merged_lines(together, ["a"])[0]) == 2


def test_lines_without_length_are_left_out_and_areas_are_refused():
    assert len(merged_lines(_array(_line((1, 1), (1, 1))), ["a"])[0]) == 0
    assert places_along(_array(), np.empty(0, dtype=np.int64), 100).shape == (0, 2)
    with pytest.raises(GeoDataError, match="Polygon"):
        merged_lines(_array(shapely.box(0, 0, 1, 1)), ["a"])
