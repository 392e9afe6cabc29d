"""Clusters of few points against scikit-learn's DBSCAN, the implementation that others cite."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from zuroku.geo.dbscan import density_clusters


def near(points: np.ndarray, reach: float) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None], axis=-1) <= reach


@pytest.mark.parametrize("least", [1, 2, 3, 6])
@pytest.mark.parametrize("seed", range(8))
def test_every_label_is_that_of_scikit_learn(least: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(0, 1, (100, 2))
    found = density_clusters(near(points, 0.3), least)
    expected = DBSCAN(eps=0.3, min_samples=least).fit_predict(points)
    np.testing.assert_array_equal(found, expected)
    assert least == 1 or {-1, 0} <= set(found.tolist())


def test_great_circles_give_what_the_haversine_of_scikit_learn_gives() -> None:
    """Across the antimeridian too, and on whole steps where points lie just within and just beyond it."""
    rng = np.random.default_rng(3)
    places = np.vstack([rng.normal((35, 139), 0.05, (60, 2)), rng.normal((-17, 180), 0.05, (40, 2))])
    radians = np.radians(places)
    x = np.cos(radians[:, 0])[:, None] * np.column_stack([np.cos(radians[:, 1]), np.sin(radians[:, 1])])
    vectors = np.column_stack([x, np.sin(radians[:, 0])])
    chords = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    found = density_clusters(2 * np.arcsin(chords / 2) <= 2 / 6371, 3)
    expected = DBSCAN(eps=2 / 6371, min_samples=3, metric="haversine").fit_predict(radians)
    np.testing.assert_array_equal(found, expected)
    assert len(set(found.tolist())) > 3


def test_a_chain_is_one_cluster_and_a_neighbour_of_two_belongs_to_the_first() -> None:
    chain = np.arange(30.0)[::-1, None]
    assert density_clusters(near(chain, 1), 2).tolist() == [0] * 30
    # The first point is a neighbour of both clusters, and with three in reach no core.
    points = np.array([1.95, 2.9, 3.4, 3.65, 3.9, 0, 0.25, 0.5, 1])[:, None]
    found = density_clusters(near(points, 1), 4)
    assert found.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    np.testing.assert_array_equal(found, DBSCAN(eps=1, min_samples=4).fit_predict(points))


def test_without_a_core_all_is_noise() -> None:
    assert density_clusters(np.eye(4, dtype=bool), 2).tolist() == [-1] * 4
    assert density_clusters(np.eye(2, dtype=bool), 1).tolist() == [0, 1]
