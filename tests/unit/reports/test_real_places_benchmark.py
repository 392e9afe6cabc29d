"""The benchmark of real photographs: how it keeps places apart, and what its table says."""

import numpy as np
import pytest

from benchmarks.real_photographs import VAL_SHARE, dealt, fold_splits, joined_places
from benchmarks.real_places import markdown, scored
from zuroku.geo.distances import haversine_km

# A chain of three places, 0.9 km from one to the next, a fourth far away, and a group in two of them.
CHAIN = np.array([[35.0, 135.0], [35.0081, 135.0], [35.0162, 135.0], [36.0, 135.0], [36.0, 135.0]])
NAMES = ["a", "b", "c", "d", "d"]


def random_places(n: int = 120) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(3)
    spots = rng.uniform((34, 135), (35, 136), (40, 2))
    of = rng.integers(0, 40, n)
    return spots[of], [f"place{i}" for i in of]


def test_places_are_joined_along_a_chain() -> None:
    assert joined_places(CHAIN, NAMES, 0).tolist() == [0, 1, 2, 3, 3]
    assert joined_places(CHAIN, NAMES, 1).tolist() == [0, 0, 0, 1, 1]
    assert joined_places(CHAIN, ["a", "b", "c", "d", "a"], 1).tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("apart_km", [0.0, 1.0, 10.0])
def test_no_fold_has_a_photograph_near_the_others(apart_km: float) -> None:
    where, names = random_places()
    folds = dealt(joined_places(where, names, apart_km), 5, 0)
    for fold in np.unique(folds):
        for place in where[folds == fold]:
            assert haversine_km(place, where[folds != fold]).min() > apart_km


def test_folds_are_even_whole_and_no_more_than_parts() -> None:
    parts = np.repeat(np.arange(7), [9, 8, 4, 4, 2, 2, 1])
    folds = dealt(parts, 3, 0)
    assert np.bincount(folds).tolist() == [10, 10, 10]
    assert all(len(set(folds[parts == part])) == 1 for part in range(7))
    assert np.bincount(dealt(parts, 20, 0)).size == 7
    assert np.array_equal(dealt(parts, 3, 5), dealt(parts, 3, 5))


def test_a_fold_is_its_test_split_and_val_is_apart_from_train() -> None:
    where, names = random_places()
    parts = joined_places(where, names, 5)
    folds = dealt(parts, 4, 0)
    for fold in range(4):
        split_of = fold_splits(names, parts, folds, fold).set_index("group")["split"]
        splits = np.array([split_of[name] for name in names])
        assert np.array_equal(splits == "test", folds == fold)
        assert 0 < (splits == "val").sum() <= VAL_SHARE * (folds != fold).sum()
        for place in where[splits == "val"]:
            assert haversine_km(place, where[splits == "train"]).min() > 5


def test_val_is_the_smallest_part_where_none_fits() -> None:
    parts = np.repeat([0, 1, 2], [5, 3, 4])
    splits = fold_splits([f"g{part}" for part in parts], parts, parts, 0)
    assert dict(splits.to_numpy().tolist()) == {"g0": "test", "g1": "val", "g2": "train"}


def test_scores_have_intervals_and_a_row_in_the_table() -> None:
    found = scored(np.array([0.5, 0.5, 20.0, 300.0]), ["a", "a", "b", "c"])
    assert found["1"][0] == 0.5
    assert found["25"][0] == 0.75
    assert found["median_km"][0] == 10.25
    assert all(low <= value <= high for value, low, high in found.values())
    row = markdown({"guess": {"1": [0.5, 0, 1], "25": [0.75, 0, 1], "median_km": [10.25, 0.5, 300]}})
    assert (
        row.splitlines()[2] == "| guess | 0.500 [0.000, 1.000] | 0.750 [0.000, 1.000] | 10.2 [0.5, 300.0] |"
    )
