"""Scores with their intervals, differences, heads and slices: each again by draws of whole clusters."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.unit.reports.photographed_places import photographs, units
from zuroku.evaluation.conformal import abstention
from zuroku.reports.geolocation_metrics import Scoring, flat_scores, prefecture_bias, score_slices

CLUSTERS = ["b1", "b0", "b1", "b2", "b0", "b3", "b3", "b2", "b1"]
OURS = np.array([1.0, 20, 3, 40, 26, 60, 7, 80, 9])
THEIRS = np.array([11.0, 20, 33, 40, 5, 66, 70, 80, 12])
SCORING = Scoring(radii_km=[10, 25], resamples=200, seed=7)


def draws(clusters: list[str]) -> list[list[int]]:
    """Return the items of each draw, as the bootstrap's seed draws clusters in sorted order."""
    names = sorted(set(clusters))
    drawn = np.random.default_rng(7).integers(0, len(names), size=(200, len(names)))
    return [
        [item for group in draw for item, name in enumerate(clusters) if name == names[group]]
        for draw in drawn
    ]


def ends(values: list[float]) -> list[float]:
    return pytest.approx(np.quantile(values, [0.025, 0.975]).tolist())


def test_every_score_has_an_interval_by_cluster() -> None:
    found = SCORING.scores(OURS, CLUSTERS)["intervals"]
    drawn = [OURS[items] for items in draws(CLUSTERS)]
    assert list(found["median_km"]) == ends([np.median(errors) for errors in drawn])
    assert list(found["mean_km"]) == ends([np.mean(errors) for errors in drawn])
    for radius in (10, 25):
        assert list(found[f"{radius}"]) == ends([np.mean(errors <= radius) for errors in drawn])


def test_a_difference_is_drawn_in_pairs() -> None:
    found = SCORING.difference(OURS, THEIRS, CLUSTERS)
    assert found["median_km"] == np.median(OURS) - np.median(THEIRS)
    assert found["accuracy_within_km"]["25"] == pytest.approx((5 - 4) / 9)
    drawn = [(OURS[items], THEIRS[items]) for items in draws(CLUSTERS)]
    assert list(found["intervals"]["median_km"]) == ends([np.median(a) - np.median(b) for a, b in drawn])
    shares = [np.mean(a <= 25) - np.mean(b <= 25) for a, b in drawn]
    assert list(found["intervals"]["25"]) == ends(shares)
    same = SCORING.difference(OURS, OURS, CLUSTERS)
    assert set(same["intervals"].values()) == {(0.0, 0.0)}


def test_one_cluster_has_no_interval() -> None:
    assert SCORING.scores(OURS, ["b1"] * 9)["intervals"] == {}
    found = SCORING.difference(OURS, THEIRS, ["b1"] * 9)
    assert (found["intervals"], found["mean_km"]) == ({}, pytest.approx(np.mean(OURS - THEIRS)))


def test_a_head_has_an_interval_over_the_clusters_that_are_labelled() -> None:
    towns = ["a", "", "b", "a", "", "c", "a", "", "b"]
    named = ["a", "a", "a", "a", "b", "b", "b", "b", "b"]
    rows = pd.DataFrame({"town": towns, "cluster": CLUSTERS})
    queries = photographs(rows, units(9, 0), town=named)
    head = SCORING.head(queries, SimpleNamespace(classes={"town": ["a", "b"]}), "town")
    # "c" is no class of the model: a miss.
    right = np.array([1, 0, 1, 0, 0, 1.0])
    assert (head["labelled"], head["unlabelled"], head["accuracy"]) == (6, 3, 0.5)
    labelled = [name for name, town in zip(CLUSTERS, towns, strict=True) if town]
    assert "b0" not in labelled
    assert list(head["interval"]) == ends([np.mean(right[items]) for items in draws(labelled)])
    one = photographs(rows.assign(cluster="b1"), units(9, 0), town=named)
    assert SCORING.head(one, SimpleNamespace(classes={"town": ["a", "b"]}), "town")["interval"] is None


@pytest.fixture
def table() -> pd.DataFrame:
    night = ["night", "", "night", "night", "", "", "", "", ""]
    return pd.DataFrame({"slice": night, "cluster": CLUSTERS})


def test_a_slice_says_how_many_answers_are_withheld(table: pd.DataFrame) -> None:
    spread = np.array([5.0, 1, 50, 50, 1, 1, 50, 1, 1])
    found = score_slices(OURS, spread, table, 20.0, 25.0, SCORING)
    assert list(found) == ["", "night"]
    night = [0, 2, 3]
    assert (found["night"]["count"], found["night"]["median_km"]) == (3, 3.0)
    # Half of the cluster b1 and all of b2: each cluster counts once, so not 2 of 3.
    assert found["night"]["withheld"] == pytest.approx((0.5 + 1) / 2)
    assert found[""]["withheld"] == pytest.approx(0.5 / 4)
    clusters = [CLUSTERS[item] for item in night]
    medians = [np.median(OURS[night][items]) for items in draws(clusters)]
    assert list(found["night"]["intervals"]["median_km"]) == ends(medians)


def test_without_a_threshold_no_share_is_withheld(table: pd.DataFrame) -> None:
    found = score_slices(OURS, np.ones(9), table, None, 25.0, SCORING)
    assert [one["withheld"] for one in found.values()] == [None, None]


def test_all_slices_together_withhold_as_the_promise_counts(table: pd.DataFrame) -> None:
    spread = np.arange(9.0)
    (whole,) = score_slices(OURS, spread, table.assign(slice=""), 4.0, 25.0, SCORING).values()
    kept = abstention(OURS, spread, radius_km=25, threshold=4.0, groups=CLUSTERS)
    assert whole["withheld"] == pytest.approx(1 - kept.accepted)


def test_the_bias_leaves_out_photographs_in_no_prefecture() -> None:
    rows = pd.DataFrame({"prefecture": ["13", "", "14"], "cluster": ["a", "b", "c"]})
    bias = prefecture_bias(photographs(rows, units(3, 0), prefecture=["13", "13", "13"]))
    assert [(row["area"], row["share"]) for row in bias["table"]] == [("13", 1.0), ("14", 0.0)]
    assert prefecture_bias(photographs(rows.assign(prefecture=""), units(3, 0)))["table"] == []


def test_flat_names_carry_prefix_and_interval() -> None:
    flat = flat_scores(SCORING.difference(OURS, THEIRS, CLUSTERS), "minus_floor_")
    names = {f"minus_floor_{name}" for name in ("median_km", "mean_km", "within_10_km", "within_25_km")}
    assert set(flat) == names | {f"{name}_{end}" for name in names for end in ("low", "high")}
    assert flat["minus_floor_median_km_low"] <= flat["minus_floor_median_km"]
