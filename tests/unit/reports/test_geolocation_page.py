"""The page of an evaluation: every number with its interval, every slice and every prefecture."""

from typing import Any

import pytest

from zuroku.geo.answers import AnswerSettings
from zuroku.indexes.answer_policy import AnswerPolicy, RadiusSettings
from zuroku.reports.geolocation_page import geolocation_page


def policy(abstain_above: float | None = None) -> AnswerPolicy:
    radius = RadiusSettings(confidence=0.9, quantile=2.0, normalised=True, floor=1.0, n_groups=12)
    return AnswerPolicy(
        rule="centroid",
        area="everywhere",
        neighbours=20,
        answer=AnswerSettings(),
        radius=radius,
        abstain_above=abstain_above,
    )


def scores(median: float, share: float, **more: Any) -> dict[str, Any]:
    intervals = {"median_km": [median - 1, median + 2], "mean_km": [8.0, 9.0]}
    intervals["25"] = [share - 0.1, share + 0.1]
    return {
        "accuracy_within_km": {"25": share},
        "median_km": median,
        "mean_km": 8.5,
        "count": 40,
        "intervals": intervals,
    } | more


def metrics(**more: Any) -> dict[str, Any]:
    return {
        "test_photographs": 40,
        "test_groups": 30,
        "test_clusters": 10,
        "clusters_are": "blocks",
        "gallery": 200,
        "served": scores(10.0, 0.7, way="centroid/everywhere"),
        "ways": {"centroid/everywhere": scores(10.0, 0.7), "top1/prefecture": scores(12.0, 0.6)},
        "floors": {"constant_guess": scores(60.0, 0.2), "raw_features": scores(18.0, 0.5)},
        "differences": {"constant_guess": scores(-50.0, 0.5), "raw_features": scores(-8.0, 0.2)},
        "heads": {
            "prefecture": {"accuracy": 0.8, "labelled": 40, "unlabelled": 0, "interval": [0.7, 0.9]},
            "town": {"accuracy": None, "labelled": 0, "unlabelled": 40, "interval": None},
        },
        "by_head_start": {"5": scores(14.0, 0.4, count=9)},
        "slices": {"": scores(9.0, 0.8, withheld=None), "night": scores(30.0, 0.3, count=4, withheld=None)},
        "bias": {"deviation": None, "table": []},
        "radius": {"covered": 0.9, "median_radius_km": 30.0},
        "abstention": None,
    } | more


def test_every_way_floor_distance_and_head_is_shown_with_its_interval() -> None:
    page = geolocation_page(metrics(), policy())
    shown = "[8.0, 9.0]"
    assert (
        f"| centroid (served) | everywhere | 10.0 [9.0, 12.0] | 8.5 {shown} | 0.700 [0.600, 0.800] |" in page
    )
    assert f"| top1 | prefecture | 12.0 [11.0, 14.0] | 8.5 {shown} | 0.600 [0.500, 0.700] |" in page
    assert f"| floor: raw features | | 18.0 [17.0, 20.0] | 8.5 {shown} | 0.500 [0.400, 0.600] |" in page
    assert f"| 5 | 9 | 14.0 [13.0, 16.0] | 8.5 {shown} | 0.400 [0.300, 0.500] |" in page
    assert "| prefecture | 0.800 [0.700, 0.900] | 40 | 0 |" in page
    assert "| town | – | 0 | 40 |" in page


def test_differences_to_the_floors_have_a_sign() -> None:
    page = geolocation_page(metrics(), policy())
    assert "| raw features | -8.0 [-9.0, -6.0] | +8.5 [+8.0, +9.0] | +0.200 [+0.100, +0.300] |" in page


def test_numbers_of_one_block_stand_alone() -> None:
    alone = scores(10.0, 0.7) | {"intervals": {}}
    page = geolocation_page(metrics(differences={"constant_guess": alone}), policy())
    assert "| constant guess | +10.0 | +8.5 | +0.700 |" in page


def test_slices_say_what_is_withheld_or_that_no_threshold_is_served() -> None:
    assert "| night | 4 | 30.0 [29.0, 32.0] | no threshold is served |" in geolocation_page(
        metrics(), policy()
    )
    kept = {"threshold": 15.0, "radius_km": 25, "accepted": 0.6, "within": 0.9}
    withheld = {"": scores(9.0, 0.8, withheld=0.25), "night": scores(30.0, 0.3, count=4, withheld=1.0)}
    page = geolocation_page(metrics(slices=withheld, abstention=kept), policy(15.0))
    assert "| slice | photographs | median km | withheld above 15.0 km, share of the blocks |" in page
    assert "| day | 40 | 9.0 [8.0, 11.0] | 25.0% |" in page
    assert "| night | 4 | 30.0 [29.0, 32.0] | 100.0% |" in page


def bias(ratios: list[float]) -> dict[str, Any]:
    rows = [
        {"area": f"{place:02}", "photographs": 3, "share": ratio / len(ratios), "ratio": ratio}
        for place, ratio in enumerate(ratios)
    ]
    return {"deviation": 0.83, "table": rows}


@pytest.mark.parametrize("areas", [4, 47, 60])
def test_every_prefecture_is_shown(areas: int) -> None:
    page = geolocation_page(metrics(bias=bias([1.0] * areas)), policy())
    rows = page.split("of an equal share |\n|---|---|---|\n")[1].splitlines()
    assert [row.split(" | ")[0] for row in rows] == [f"| {place:02}" for place in range(areas)]


def test_of_very_many_the_largest_deviations_are_shown_and_the_rest_counted() -> None:
    ratios = [3.0] * 20 + [1.5] * 20 + [1.1] * 25 + [0.2] * 10 + [0.0] * 15
    page = geolocation_page(metrics(bias=bias(ratios)), policy())
    rows = [line for line in page.splitlines() if line.endswith("% |") and line[2:4].isdigit()]
    # Fifteen without an answer deviate more than those at 1.1, of which none is left.
    assert [int(row[2:4]) for row in rows] == [*range(35), *range(65, 90)]
    assert page.endswith("\n30 more deviate no further from an equal share.\n")
