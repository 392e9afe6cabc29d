"""Answers from neighbours: two clusters, the antimeridian, one neighbour, ties and weights."""

import numpy as np
import pytest

from zuroku.errors import GeoDataError
from zuroku.geo.answers import RULES, AnswerSettings, answer, spread_km
from zuroku.geo.distances import haversine_km

EQUAL = AnswerSettings(temperature=None)
TOKYO, SAPPORO = np.array([35.68, 139.76]), np.array([43.06, 141.35])


def around(place: np.ndarray, n: int, seed: int = 0, spread: float = 0.01) -> np.ndarray:
    return place + np.random.default_rng(seed).normal(0, spread, (n, 2))


def far(place: np.ndarray, other: np.ndarray) -> float:
    return float(haversine_km(place, other)[0])


def test_of_two_clusters_only_the_centroid_lies_where_nothing_is() -> None:
    places = np.vstack([around(TOKYO, 12), around(SAPPORO, 8, 1)])
    found = {rule: answer(places, np.ones(20), rule, EQUAL) for rule in RULES}
    np.testing.assert_allclose(found["centroid"], places.mean(axis=0))
    assert min(far(found["centroid"], place) for place in (TOKYO, SAPPORO)) > 300
    for rule in set(RULES) - {"centroid"}:
        assert far(found[rule], TOKYO) < 5, rule


def test_at_the_antimeridian_only_the_centroid_crosses_the_earth() -> None:
    places = np.array([[-17, 179.99], [-17, -179.99], [-17.01, 179.98], [-16.99, -179.98], [-17, 180]])
    for rule in RULES:
        found = answer(places, np.ones(5), rule, EQUAL)
        assert abs(found[1]) <= 180
        assert (far(found, np.array([-17, 180])) > 10_000) == (rule == "centroid")


@pytest.mark.parametrize("rule", RULES)
def test_one_neighbour_is_the_answer(rule) -> None:
    np.testing.assert_array_equal(answer([TOKYO], [0.3], rule, AnswerSettings()), TOKYO)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("place", [TOKYO, np.array([90.0, 0]), np.array([-90, 12.0]), np.array([0, 180.0])])
def test_equal_places_are_the_answer(rule, place) -> None:
    found = answer(np.tile(place, (7, 1)), np.linspace(0.9, 0.1, 7), rule, AnswerSettings())
    assert far(found, place) < 1e-5


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_neighbours_changes_nothing(rule) -> None:
    rng = np.random.default_rng(4)
    places, scores = around(TOKYO, 15, spread=0.2), rng.permutation(15) / 15
    order = rng.permutation(15)
    settings = AnswerSettings(cluster_radius_km=15)
    np.testing.assert_allclose(
        answer(places, scores, rule, settings),
        answer(places[order], scores[order], rule, settings),
        atol=1e-8,
    )


def test_of_equal_scores_the_first_is_nearer() -> None:
    places = np.array([TOKYO, SAPPORO])
    for rule in ("top1", "kde_mode", "cluster_medoid", "spherical_median"):
        np.testing.assert_allclose(answer(places, [0.5, 0.5], rule, AnswerSettings()), TOKYO)
        np.testing.assert_allclose(answer(places[::-1], [0.5, 0.5], rule, AnswerSettings()), SAPPORO)


def test_scores_weigh_unless_they_are_told_not_to() -> None:
    places = np.vstack([around(TOKYO, 12), around(SAPPORO, 8, 1)])
    scores = np.repeat([0.3, 0.6], [12, 8])
    for rule in ("spherical_median", "kde_mode", "cluster_medoid", "top1"):
        assert far(answer(places, scores, rule, AnswerSettings()), SAPPORO) < 5
    for rule in ("spherical_median", "kde_mode", "cluster_medoid"):
        assert far(answer(places, scores, rule, EQUAL), TOKYO) < 5
    # Negative and huge scores are only differences.
    shifted = answer(places, scores * 100 - 1e4, "spherical_median", AnswerSettings())
    assert far(shifted, SAPPORO) < 5


def test_the_spherical_median_is_the_best_place_of_a_fine_grid() -> None:
    rng = np.random.default_rng(5)
    places, scores = TOKYO + rng.normal(0, 1.5, (9, 2)), rng.random(9)
    weights = np.exp(scores / 0.5)

    def cost(place: np.ndarray) -> float:
        return float(weights @ haversine_km(place, places))

    found = answer(places, scores, "spherical_median", AnswerSettings(temperature=0.5))
    steps = np.linspace(-2.5, 2.5, 61)
    grid = [cost(TOKYO + np.array([y, x])) for y in steps for x in steps]
    assert cost(found) <= min(grid)
    for nudge in 1e-3 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]):
        assert cost(found) < cost(found + nudge)


def test_the_spherical_median_rests_on_a_neighbour_that_outweighs_the_others() -> None:
    places = np.array([[35, 139], [36, 139], [35, 140.0]])
    found = answer(places, [1.0, 0.0, 0.0], "spherical_median", AnswerSettings(temperature=1.0))
    # e^0 against at most 2 e^-1 of pull.
    np.testing.assert_allclose(found, places[0], atol=1e-9)


def test_the_kernel_mode_is_the_best_place_of_a_fine_grid() -> None:
    places = np.vstack([around(TOKYO, 6, spread=0.05), around(TOKYO + 0.4, 4, 1, spread=0.05)])
    settings = AnswerSettings(temperature=None, bandwidth_km=8)

    def density(place: np.ndarray) -> float:
        return float(np.exp(-0.5 * (haversine_km(place, places) / 8) ** 2).sum())

    found = answer(places, np.ones(10), "kde_mode", settings)
    steps = np.linspace(-0.3, 0.6, 91)
    assert density(found) >= max(density(TOKYO + np.array([y, x])) for y in steps for x in steps) - 1e-6


def test_the_cluster_is_chosen_by_weight_and_answered_by_its_medoid() -> None:
    line = np.array([[35, 139.00], [35, 139.01], [35, 139.02], [35, 139.03], [35, 139.04]])
    noise = np.array([[40, 140.0], [41, 141]])
    places, scores = np.vstack([noise, line]), np.array([0.9, 0.8, 0.5, 0.5, 0.5, 0.5, 0.5])
    found = answer(places, scores, "cluster_medoid", AnswerSettings(cluster_radius_km=2))
    np.testing.assert_array_equal(found, line[2])
    alone = answer(places, scores, "cluster_medoid", AnswerSettings(cluster_radius_km=0.1))
    np.testing.assert_array_equal(alone, noise[0])


def test_antipodes_are_survived() -> None:
    places = np.array([[0, 0], [0, 180.0], [0, 90]])
    for rule in RULES:
        assert np.isfinite(answer(places, [0.5, 0.5, 0.5], rule, AnswerSettings())).all()


def test_the_spread_is_the_weighted_mean_distance() -> None:
    places = np.array([[0, 0], [0, 1], [0, 3.0]])
    degree = far(places[0], places[1])
    assert spread_km(places, [1, 1, 1], [0, 0], EQUAL) == pytest.approx(degree * 4 / 3)
    weights = np.exp([0, -1, -2])
    expected = degree * (weights[1] + 3 * weights[2]) / weights.sum()
    assert spread_km(places, [3, 2, 1], [0, 0], AnswerSettings(temperature=1)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("coordinates", "scores"),
    [
        (np.empty((0, 2)), []),
        ([TOKYO], []),
        ([TOKYO, SAPPORO], [0.5]),
        ([TOKYO], [np.nan]),
        ([[np.nan, 1]], [0.5]),
        ([TOKYO[::-1]], [0.5]),
    ],
)
def test_neighbours_that_are_none_are_refused(coordinates, scores) -> None:
    with pytest.raises(GeoDataError):
        answer(coordinates, scores, "centroid", AnswerSettings())
