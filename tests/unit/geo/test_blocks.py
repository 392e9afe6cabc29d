"""Blocks: of one size everywhere, closed at the antimeridian; distances against all pairs."""

import numpy as np
import pytest

from zuroku.errors import GeoDataError
from zuroku.geo.blocks import block_ids, nearest_km
from zuroku.geo.distances import haversine_km


@pytest.mark.parametrize("latitude", [0.0, 35.7, -64.0])
def test_places_of_a_block_span_its_side_and_no_more(latitude: float) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform((latitude, 139.0), (latitude + 0.4, 139.6), (4000, 2))
    blocks = block_ids(places, side_km=5)
    heights, widths = [], []
    for block in np.unique(blocks):
        inside = places[blocks == block]
        low, high = inside.min(axis=0), inside.max(axis=0)
        middle = (low[0] + high[0]) / 2
        heights.append(haversine_km([low[0], 139], [high[0], 139])[0])
        widths.append(haversine_km([middle, low[1]], [middle, high[1]])[0])
    assert 4.5 < max(heights) <= 5.0001
    assert 4.5 < max(widths) < 5.05


def test_a_block_does_not_depend_on_the_other_places() -> None:
    places = np.random.default_rng(1).uniform((-90, -180), (90, 180), (300, 2))
    alone = [block_ids(place, 25)[0] for place in places]
    assert block_ids(places, 25).tolist() == alone


def test_both_names_of_the_antimeridian_are_one_block() -> None:
    east, west = block_ids([[10.0, 180.0], [10.0, -180.0]], 25)
    assert east == west


def test_the_poles_have_blocks() -> None:
    north = block_ids([[90.0, 0.0], [90.0, 0.001], [-90.0, 0.0]], 25)
    assert north[0] == north[1] != north[2]


@pytest.mark.parametrize("side_km", [0.0, -1.0, float("nan")])
def test_a_side_must_be_positive(side_km: float) -> None:
    with pytest.raises(GeoDataError, match="positive"):
        block_ids([[35.0, 139.0]], side_km)


def test_the_nearest_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(2)
    queries = rng.uniform((-80, -180), (80, 180), (40, 2))
    references = rng.uniform((-80, -180), (80, 180), (60, 2))
    expected = [haversine_km(query, references).min() for query in queries]
    assert nearest_km(queries, references) == pytest.approx(expected, abs=1e-6)


def test_the_nearest_may_lie_across_the_antimeridian() -> None:
    assert nearest_km([[0.0, 179.999]], [[0.0, -179.999], [0.0, 170.0]]) == pytest.approx(0.2224, abs=1e-3)


def test_without_references_everything_is_infinitely_far() -> None:
    assert np.isinf(nearest_km([[35.0, 139.0]], np.empty((0, 2)))).all()
    assert nearest_km(np.empty((0, 2)), [[35.0, 139.0]]).shape == (0,)
