"""The halves of the validation places: by group, for good, and never without a choice."""

import numpy as np

from zuroku.evaluation.place_halves import calibrating

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
