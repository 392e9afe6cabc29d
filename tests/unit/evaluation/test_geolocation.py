"""Scores of places: published im2gps scores, borders of radii, missing answers, heads, bias and floors."""

import csv
from pathlib import Path

import numpy as np
import pytest

from zuroku.errors import EvaluationError, GeoDataError
from zuroku.evaluation.bootstrap import bootstrap_items
from zuroku.evaluation.geolocation import (
    bias_table,
    difference_intervals,
    error_km,
    head_accuracy,
    head_interval,
    score_distances,
    score_intervals,
)
from zuroku.evaluation.geolocation_floors import constant_guess, nearest_feature_places

PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "protocols" / "geolocation" / "results" / "im2gps"
NAMES = ["base-vgg-c_L-m", "base-vgg_L-m", "base_L-m", "base_M-fstar", "base_M-m", "ISNs_M-fstar-S3"]


def published(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Return truth, predictions, distances and the scores of the last line."""
    path = PUBLISHED / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"the published predictions are not at {path}")
    lines = path.read_text().splitlines()
    rows = list(csv.DictReader(lines[: lines.index("")]))
    truth = np.array([[row["gt_lat"], row["gt_long"]] for row in rows], dtype=float)
    predictions = np.array([[row["predicted_lat"], row["predicted_long"]] for row in rows], dtype=float)
    distances = np.array([row["great_circle_distance"] for row in rows], dtype=float)
    return truth, predictions, distances, lines[-1].split(",")


@pytest.mark.parametrize("name", NAMES)
def test_published_scores_come_out_exactly_by_haversine(name: str) -> None:
    truth, predictions, distances, scores = published(name)
    found = error_km(truth, predictions, "haversine")
    assert len(found) == 237
    # Distances are published with two decimals, coordinates with six.
    np.testing.assert_allclose(found, distances, atol=0.0051)
    result = score_distances(found, radii_km=(1, 25, 200, 750, 2500))
    printed = [f"{round(share, 6):g}" for share in result.accuracy_within_km.values()]
    assert [*printed, f"{result.mean_km:.2f}"] == scores


def test_published_scores_do_not_come_out_by_geodesic() -> None:
    truth, predictions, _, scores = published("ISNs_M-fstar-S3")
    result = score_distances(error_km(truth, predictions))
    assert f"{result.mean_km:.2f}" != scores[-1]
    assert round(result.accuracy_within_km["750"], 6) != float(scores[3])


def test_a_distance_of_exactly_the_radius_counts_unless_strict() -> None:
    distances = np.array([0.5, 1.0, 25.0, 100.0])
    assert score_distances(distances, radii_km=(1, 25)).accuracy_within_km == {"1": 0.5, "25": 0.75}
    strict = score_distances(distances, radii_km=(1, 25), strict=True)
    assert strict.accuracy_within_km == {"1": 0.25, "25": 0.5}


def test_radii_are_named_as_short_as_possible() -> None:
    assert list(score_distances(np.ones(1), radii_km=(0.1, 1.0, 2500)).accuracy_within_km) == [
        "0.1",
        "1",
        "2500",
    ]


def test_a_missing_prediction_is_a_miss_and_counted() -> None:
    truth = np.array([[35, 139], [35, 139], [35, 139.0]])
    predictions = np.array([[35, 139], [np.nan, np.nan], [35, 139.001]])
    distances = error_km(truth, predictions)
    assert list(np.isinf(distances)) == [False, True, False]
    result = score_distances(distances, radii_km=(1, 20_000))
    assert result.accuracy_within_km == pytest.approx({"1": 2 / 3, "20000": 2 / 3})
    assert (result.missing, result.count) == (1, 3)
    assert np.isfinite(result.median_km)
    assert result.mean_km == np.inf
    assert error_km(truth, np.full((3, 2), np.nan)).tolist() == [np.inf] * 3


def test_half_a_prediction_and_wrong_truth_are_refused() -> None:
    with pytest.raises(GeoDataError):
        error_km([[35, 139]], [[35, np.nan]])
    with pytest.raises(GeoDataError):
        error_km([[np.nan, np.nan]], [[35, 139]])
    with pytest.raises(GeoDataError, match="swapped"):
        error_km([[139, 35]], [[35, 139]])
    with pytest.raises(EvaluationError, match=r"predictions has shape \(2, 2\)"):
        error_km([[35, 139]], [[35, 139], [35, 139]])


@pytest.mark.parametrize("bad", [[], [np.nan], [-1.0], [[1.0]]])
def test_distances_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(EvaluationError):
        score_distances(np.array(bad))


@pytest.mark.parametrize("radii", [(), (0,), (25, -1)])
def test_radii_that_are_none_are_refused(radii: tuple[float, ...]) -> None:
    with pytest.raises(EvaluationError, match="radii of"):
        score_distances(np.ones(2), radii_km=radii)


def test_intervals_draw_groups_and_hold_the_estimates() -> None:
    rng = np.random.default_rng(0)
    groups = [f"g{number // 5}" for number in range(100)]
    distances = np.repeat(rng.gamma(1, 60, 20), 5)
    result = score_intervals(distances, groups, radii_km=(25, 100), resamples=200)
    alone = score_intervals(distances, range(100), radii_km=(25, 100), resamples=200)
    scores = score_distances(distances, radii_km=(25, 100))
    assert result["25"].estimate == scores.accuracy_within_km["25"]
    assert result["median_km"].estimate == scores.median_km
    assert result["mean_km"].estimate == pytest.approx(scores.mean_km)
    for name in ("25", "100", "median_km", "mean_km"):
        assert result[name].n_groups == 20
        assert result[name].lower <= result[name].estimate <= result[name].upper
    # Five equal photographs a group tell no more than one.
    assert result["25"].upper - result["25"].lower > 1.5 * (alone["25"].upper - alone["25"].lower)


def test_intervals_leave_out_what_is_infinite() -> None:
    result = score_intervals(np.array([1, 2, np.inf, 3]), list("abcd"), radii_km=(25,), resamples=20)
    assert list(result) == ["25"]
    assert result["25"].estimate == 0.75


@pytest.mark.parametrize("count", [30, 31])
def test_medians_and_means_are_drawn_as_item_by_item(count: int) -> None:
    rng = np.random.default_rng(4)
    # Whole numbers, so that distances tie; clusters of one to many photographs.
    distances = rng.integers(0, 12, count).astype(float)
    groups = rng.integers(0, 9, count).tolist()
    found = score_intervals(distances, groups, radii_km=(5,), resamples=150, seed=3)
    for name, of in (("median_km", np.median), ("mean_km", np.mean)):
        slow = bootstrap_items(groups, lambda items, of=of: of(distances[items]), resamples=150, seed=3)
        assert (found[name].lower, found[name].upper) == pytest.approx((slow.lower, slow.upper))
        assert found[name].estimate == pytest.approx(slow.estimate)


def test_a_difference_is_narrower_than_what_it_is_of_where_both_miss_the_same() -> None:
    rng = np.random.default_rng(5)
    theirs = rng.gamma(1, 60, 80)
    groups = [number // 4 for number in range(80)]
    ours = theirs * 0.9
    found = difference_intervals(ours, theirs, groups, radii_km=(25,), resamples=200, seed=1)
    alone = score_intervals(ours, groups, radii_km=(25,), resamples=200, seed=1)
    assert found["median_km"].upper < 0
    assert found["median_km"].upper - found["median_km"].lower < 0.3 * (
        alone["median_km"].upper - alone["median_km"].lower
    )
    assert found["25"].estimate == pytest.approx(np.mean(ours <= 25) - np.mean(theirs <= 25))
    missing = difference_intervals(ours, np.full(80, np.inf), groups, radii_km=(25,), resamples=9)
    assert list(missing) == ["25"]
    with pytest.raises(EvaluationError, match="second"):
        difference_intervals(ours, theirs[1:], groups)


def test_the_interval_of_a_head_leaves_out_what_has_no_label() -> None:
    labels, named = [0, -1, 1, 1, -1, 2], [0, 0, 1, 0, 0, 2]
    groups = ["a", "a", "b", "b", "c", "d"]
    found = head_interval(named, labels, groups, resamples=100, seed=2)
    right, held = np.array([1, 1, 0, 1.0]), ["a", "b", "b", "d"]
    slow = bootstrap_items(held, lambda items: float(right[items].mean()), resamples=100, seed=2)
    assert (found.lower, found.upper) == pytest.approx((slow.lower, slow.upper))
    assert (found.estimate, found.n_groups) == (0.75, 3)
    with pytest.raises(EvaluationError, match="1 group"):
        head_interval(named, [0, -1, -1, -1, -1, -1], groups)
    with pytest.raises(EvaluationError):
        head_interval(named, labels, groups[1:])


def test_items_without_a_label_are_left_out_of_a_heads_accuracy() -> None:
    result = head_accuracy([3, 1, 0, 0], [3, 2, -1, 0])
    assert (result.accuracy, result.labelled, result.unlabelled) == (pytest.approx(2 / 3), 3, 1)
    assert np.isnan(head_accuracy([1, 2], [-1, -1]).accuracy)
    # A head that itself answers −1 is never right by that.
    assert head_accuracy([-1, -1], [-1, 0]).accuracy == 0


@pytest.mark.parametrize(("predictions", "labels"), [([1], [1, 2]), ([], []), ([0.5], [1])])
def test_classes_that_do_not_fit_are_refused(predictions: list[float], labels: list[int]) -> None:
    with pytest.raises(EvaluationError):
        head_accuracy(predictions, labels)


def test_bias_weighs_every_area_the_same() -> None:
    areas = ["A"] * 90 + ["B"] * 10
    answers = ["A"] * 45 + ["B"] * 45 + ["A"] * 10
    table = bias_table(answers, areas)
    # By hand: half of A's photographs and all of B's are answered A, so (0.5 + 1) / 2.
    assert table.table.to_dict("list") == {
        "area": ["A", "B"],
        "photographs": [90, 10],
        "share": [pytest.approx(0.75), pytest.approx(0.25)],
        "ratio": [pytest.approx(1.5), pytest.approx(0.5)],
    }
    assert table.deviation == pytest.approx(25)


def test_the_bias_is_what_equal_draws_have_on_average() -> None:
    rng = np.random.default_rng(3)
    areas = rng.choice(["A", "B", "C"], 400, p=[0.7, 0.2, 0.1])
    answers = np.where(rng.random(400) < 0.6, areas, rng.choice(["A", "B", "C", ""], 400))
    table = bias_table(answers.tolist(), areas.tolist()).table
    draws = [rng.choice(np.flatnonzero(areas == name), 20_000) for name in "ABC"]
    drawn = answers[np.concatenate(draws)]
    for row in table.itertuples():
        assert row.share == pytest.approx((drawn == row.area).mean(), abs=0.01)
    assert table["share"].sum() == pytest.approx(1)
    assert set(table["area"]) == {"A", "B", "C", ""}


def test_an_unbiased_model_deviates_by_nothing() -> None:
    assert bias_table(list("ABCC"), list("ABCC")).deviation == 0
    with pytest.raises(EvaluationError, match="1 photographs without an area"):
        bias_table(["A", "B"], ["A", ""])
    with pytest.raises(EvaluationError):
        bias_table(["A"], ["A", "B"])


def test_the_constant_guess_is_the_best_of_the_training_places() -> None:
    rng = np.random.default_rng(1)
    places = np.vstack([rng.normal((43, 141), 0.5, (6, 2)), rng.normal((35, 139), 0.02, (5, 2))])
    medians = [np.median(error_km(np.tile(place, (11, 1)), places, "haversine")) for place in places]
    np.testing.assert_array_equal(constant_guess(places), places[int(np.argmin(medians))])
    within = [(error_km(np.tile(place, (11, 1)), places, "haversine") <= 10).sum() for place in places]
    chosen = constant_guess(places, within_km=10)
    assert within[int(np.flatnonzero((places == chosen).all(axis=1))[0])] == max(within) == 5
    assert chosen[0] == pytest.approx(35, abs=0.1)
    np.testing.assert_array_equal(constant_guess(places, candidates=4, seed=2), constant_guess(
        places, candidates=4, seed=2
    ))  # fmt: skip
    with pytest.raises(EvaluationError):
        constant_guess(np.empty((0, 2)))


def test_the_nearest_photograph_by_features_gives_its_place() -> None:
    rng = np.random.default_rng(2)
    gallery, queries = rng.standard_normal((40, 6)), rng.standard_normal((2050, 6))
    places = np.column_stack([rng.uniform(30, 40, 40), rng.uniform(130, 140, 40)])
    found = nearest_feature_places(queries, 3 * gallery, places)
    for row in (0, 7, 1023, 1024, 2049):
        cosines = [query @ queries[row] / np.linalg.norm(query) for query in gallery]
        np.testing.assert_array_equal(found[row], places[int(np.argmax(cosines))])
    twins = nearest_feature_places(np.ones((1, 2)), np.array([[2, 2], [1, 1.0]]), [[1, 1], [2, 2]])
    assert twins.tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("queries", "gallery"),
    [
        (np.ones((1, 3)), np.ones((2, 2))),
        (np.ones((1, 2)), np.zeros((2, 2))),
        (np.full((1, 2), np.nan), np.ones((2, 2))),
        (np.ones((1, 2)), np.ones((3, 2))),
    ],
)
def test_features_that_do_not_fit_are_refused(queries: np.ndarray, gallery: np.ndarray) -> None:
    with pytest.raises(EvaluationError):
        nearest_feature_places(queries, gallery, [[35, 139], [36, 140]])
