"""Clusters of places: the blocks that splits were drawn by, else the groups."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from tests.unit.datasets.test_place_splits import RANDOM, dataset, town
from zuroku.datasets.place_clusters import cluster_noun, clusters, with_clusters
from zuroku.datasets.place_splits import PlaceSplitSettings, write_place_splits


def written(settings: PlaceSplitSettings, root: Path) -> pd.DataFrame:
    """Return the splits that ``settings`` write of a town."""
    places = town()
    labels, data = places.drop(columns="group"), dataset(places, root / "data")
    ledger = root / "ledger" / "splits.parquet"
    made = write_place_splits(data, labels, settings, "group", ledger, root / "out")
    return pd.read_parquet(made.path / "splits.parquet")


def test_a_cluster_is_drawn_as_one(tmp_path: Path) -> None:
    splits = written(PlaceSplitSettings(block_km=2, seed=3), tmp_path)
    used = splits[splits["split"] != "none"]
    assert used.groupby("cluster")["split"].nunique().max() == 1
    assert 3 <= used["cluster"].nunique() < used["group"].nunique()


def test_without_blocks_each_group_is_its_own_cluster(tmp_path: Path) -> None:
    splits = written(RANDOM, tmp_path)
    groups = splits["group"].tolist()[::-1]
    assert list(splits.columns) == ["group", "split"]
    assert clusters(groups, splits) == groups
    assert cluster_noun(splits) == "places"


def test_a_group_belongs_to_the_block_of_most_of_its_photographs() -> None:
    # Bands of 20 km from the equator: latitude 0.05 lies in the first, 0.27 in the second, -0.05 below.
    rows = [("a", 0.05), ("a", 0.27), ("a", 0.27), ("b", 0.05), ("b", -0.05), ("c", 0.27)]
    places = pd.DataFrame(rows, columns=["group", "latitude"]).assign(longitude=10.0)
    splits = pd.DataFrame({"group": ["a", "b", "c", "gone"], "split": ["val", "train", "val", "test"]})
    made = with_clusters(splits, places, 20)
    bands = [name.partition(":")[0] for name in made["cluster"]]
    # Of equals the first in order, as the splits do; of a group without photographs there is no block.
    assert bands == ["1", "-1", "1", "gone"]
    assert clusters(["c", "b", "a"], made) == made["cluster"].tolist()[2::-1]
    assert cluster_noun(made) == "blocks"
    assert math.floor(np.radians(0.27) * 6371 / 20) == 1
