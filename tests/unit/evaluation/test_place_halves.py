"""The halves of the validation places: by cluster, for good, and never without a choice."""

import numpy as np

from zuroku.evaluation.place_halves import calibrating

CLUSTERS = [f"cluster {number}" for number in range(2000)]


def test_about_half_of_the_clusters_calibrate() -> None:
    # Five standard deviations of 2000 tosses.
    assert abs(calibrating(CLUSTERS).sum() - 1000) < 112


def test_photographs_of_a_cluster_stay_together_and_in_their_half() -> None:
    alone = dict(zip(CLUSTERS, calibrating(CLUSTERS).tolist(), strict=True))
    mixed = [CLUSTERS[i] for i in np.random.default_rng(0).integers(0, 50, 400)]
    assert calibrating(mixed).tolist() == [alone[name] for name in mixed]


def test_where_all_would_calibrate_all_choose() -> None:
    mine = [name for name in CLUSTERS if calibrating([name, *CLUSTERS[:20]])[0]]
    assert mine
    assert not calibrating(mine).any()
    assert not calibrating([]).any()
