"""The policy of answers: chosen by one half of the validation places, calibrated by the other."""

import numpy as np

from tests.unit.reports.photographed_places import photographs, units
from tests.unit.reports.photographed_places import table as labels
from zuroku.evaluation.place_halves import calibrating
from zuroku.reports.place_policy import PolicySettings, choose_policy


def test_the_half_that_calibrates_has_no_say_in_the_rule() -> None:
    """Errors of the half that calibrates change the radius and never the rule, and the other way round."""
    rows = labels().query("split in ['train', 'val']")
    settings = PolicySettings(neighbours=3, rules=["top1", "centroid"], areas=["everywhere"], confidence=0.5)
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
    settings = PolicySettings(neighbours=3, areas=["everywhere"], confidence=0.5)
    found = choose_policy(photographs(kept, units(len(kept), 3)), settings)
    assert (found.radius.quantile, found.radius.n_groups, found.abstain_above) == (None, 0, None)


def test_photographs_of_one_block_fall_to_one_half_and_count_once() -> None:
    rows = labels().query("split in ['train', 'val']")
    settings = PolicySettings(neighbours=3, rules=["top1"], areas=["everywhere"], confidence=0.5)
    # Two groups in each of two blocks, of which one calibrates.
    groups = sorted(rows.loc[rows["split"] == "val", "group"].unique())
    blocks = dict(zip(groups, ["1:1", "1:1", "0:2", "0:2"], strict=True))
    drawn = rows.assign(cluster=rows["group"].map(blocks).fillna(rows["group"]))
    assert sorted(calibrating(["0:2", "1:1"]).tolist()) == [False, True]
    vectors = units(len(rows), 3)
    found = choose_policy(photographs(drawn, vectors), settings)
    assert found.radius.n_groups == 1
    assert choose_policy(photographs(rows, vectors), settings).radius.n_groups > 1
