"""Clusters, thinning and gaps against oracles that compare every pair."""

import numpy as np
import pytest

from zuroku.geo.distances import haversine_km
from zuroku.geo.spacing import (
    Spaced,
    chord,
    clusters,
    coordinates_of,
    gaps,
    nearest_m,
    unit_vectors,
)


def _scattered(n, seed, spread=0.02, centre=(35.0, 139.0)):
    return np.array(centre) + np.random.default_rng(seed).uniform(-spread, spread, (n, 2))


def test_the_antimeridian_is_no_border():
    places = np.array([[0.0, 179.999], [0.0, -179.999]])
    assert nearest_m(places) == pytest.approx([222.4, 222.4], abs=0.1)
    assert len(clusters(places, 500)) == 1
    assert abs(coordinates_of(unit_vectors(places).mean(axis=0)[None])[0, 1]) == pytest.approx(180)


def _pairs_m(places):
    return np.array([haversine_km(place, places) for place in places]) * 1000


@pytest.mark.parametrize("centre", [(35.0, 139.0), (0.0, 179.9), (89.97, 20.0)])
def test_distances_and_vectors_agree_with_haversine(centre):
    places = _scattered(40, 1, centre=centre)
    distances = _pairs_m(places)
    np.fill_diagonal(distances, np.inf)
    assert nearest_m(places) == pytest.approx(distances.min(axis=1))
    assert haversine_km(coordinates_of(3 * unit_vectors(places)), places).max() < 1e-6


def test_a_chain_is_cut_and_far_places_stay_apart():
    chain = np.column_stack([np.full(60, 35.0), 139 + np.arange(60) * 400 / 91000])
    far = np.array([[36.0, 139.0]])
    found = clusters(np.concatenate([chain, far]), 500)
    assert sorted(np.concatenate(found)) == list(range(61))
    assert [60] in [list(rows) for rows in found]
    for rows in found:
        centroid = coordinates_of(unit_vectors(np.concatenate([chain, far])[rows]).mean(axis=0)[None])
        assert haversine_km(centroid, np.concatenate([chain, far])[rows]).max() * 1000 <= 250.01


def test_a_cluster_that_is_small_enough_is_what_dbscan_gives():
    groups = [_scattered(5, seed, 0.001, (35 + seed / 10, 139.0)) for seed in range(4)]
    found = clusters(np.concatenate(groups), 500)
    assert sorted(sorted(rows) for rows in found) == [list(range(5 * i, 5 * i + 5)) for i in range(4)]


def test_what_is_taken_keeps_its_distance_and_nothing_else_would_fit():
    places = _scattered(200, 5)
    spaced = Spaced(places, 600)
    taken = [row for row in range(200) if spaced.take_first([row]) is not None]
    distances = _pairs_m(places)
    among = distances[np.ix_(taken, taken)] + np.where(np.eye(len(taken)), np.inf, 0)
    assert among.min() > 600
    assert (distances[:, taken].min(axis=1) <= 600).all()
    assert spaced.take_first([0, 1, 2]) is None


def test_gaps_leave_no_place_out_of_reach():
    chosen, places = _scattered(3, 7), _scattered(300, 8, 0.1)
    added = gaps(chosen, places, 2500)
    everything = np.concatenate([chosen, places[added]])
    assert max(haversine_km(place, everything).min() for place in places) * 1000 <= 2500
    assert all(haversine_km(places[row], chosen).min() * 1000 > 2500 for row in added)
    assert len(gaps(np.empty((0, 2)), places[:1], 2500)) == 1
    assert len(gaps(chosen, np.empty((0, 2)), 2500)) == 0


def test_a_chord_never_exceeds_the_diameter():
    assert chord(1e9) == pytest.approx(2.0)
    assert nearest_m(np.array([[35.0, 139.0]])).tolist() == [np.inf]
