"""The halves of the validation places: by group, for good, and never without a choice."""

import numpy as np

from tests.unit.reports.photographed_places import photographs, units
from tests.unit.reports.photographed_places import table as labels
from zuroku.reports.geolocation import GeolocationEvaluationSettings, choose_policy
from zuroku.reports.place_halves import calibrating

GROUPS = [f"group {number}" for number in range(2000)]


def test_about_half_of_the_groups_calibrate() -> None:
    # Five standard deviations of 2000 tosses.
    assert abs(calibrating(GROUPS).sum() - 1000) < 112


def test_photographs_of_a_group_stay_together_and_in_their_half() -> None:
    alone = dict(zip(GROUPS, calibrating(GROUPS).tolist(), strict=True))
    mixed = [GROUPS[i] for i in np.random.default_rng(0).integers(0, 50, 400)]
    assert calibrating(mixed).tolist() == [alone[group] for group in mixed]


def test_where_all_would_calibrate_all_choose() -> None:
    mine = [group for group in GROUPS if calibrating([group, *GROUPS[:20]])[0]]
    assert mine
    assert not calibrating(mine).any()
    assert not calibrating([]).any()


def test_the_half_that_calibrates_has_no_say_in_the_rule() -> None:
    """Errors of the half that calibrates change the radius and never the rule, and the other way round."""
    rows = labels().query("split in ['train', 'val']")
    settings = GeolocationEvaluationSettings(
        neighbours=3, rules=["top1", "centroid"], areas=["everywhere"], confidence=0.5
    )
    held = rows["split"].eq("val").to_numpy()
    held[held] = calibrating(rows.loc[held, "group"].tolist())
    assert 0 < held.sum() < rows["split"].eq("val").sum()
    vectors = units(len(rows), 3)

    def policy(moved: np.ndarray) -> tuple[str, float | None]:
        there = rows.assign(latitude=rows["latitude"] + 5 * moved)
        found = choose_policy(photographs(there, vectors), settings)
        return found.rule, found.radius.quantile

    rule, quantile = policy(np.zeros(len(rows)))
    far_rule, far_quantile = policy(held.astype(float))
    assert far_rule == rule
    assert quantile is not None
    assert far_quantile is not None
    assert far_quantile > 3 * quantile


def test_without_a_place_that_calibrates_there_is_no_radius() -> None:
    rows = labels().query("split in ['train', 'val']")
    one = rows["split"].ne("val") | rows["group"].eq("g131012")
    kept = rows[one]
    settings = GeolocationEvaluationSettings(neighbours=3, areas=["everywhere"], confidence=0.5)
    found = choose_policy(photographs(kept, units(len(kept), 3)), settings)
    assert (found.radius.quantile, found.radius.n_groups, found.abstain_above) == (None, 0, None)
