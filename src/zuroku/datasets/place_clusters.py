"""What photographs of places were drawn together as, when they were split: the clusters of statistics.

Photographs of one cluster resemble each other, so intervals and promises count clusters, not photographs or
groups. Which split a cluster goes to belongs to ``place_splits``.
"""

from collections.abc import Iterable

import pandas as pd

from zuroku.geo.blocks import block_ids

CLUSTER = "cluster"


def with_clusters(splits: pd.DataFrame, places: pd.DataFrame, side_km: float) -> pd.DataFrame:
    """Return ``splits`` with the column ``cluster``: the block that most photographs of a group lie in.

    ``places`` has one row per photograph: group, latitude and longitude in degrees; ``side_km`` is the side
    of the blocks that the splits were drawn by. Without blocks, 0, ``splits`` stay as they are. A group that
    has no photographs any more is its own cluster.
    """
    if side_km == 0:
        return splits
    blocks = block_ids(places[["latitude", "longitude"]], side_km)
    block_of = majority(places["group"], pd.Series(blocks))
    return splits.assign(**{CLUSTER: splits["group"].map(block_of).fillna(splits["group"])})


def majority(keys: pd.Series, values: pd.Series | pd.Index) -> pd.Series:
    """Return by key the value that most of its rows have, the first in order where several do."""
    counts = pd.DataFrame({"key": keys.to_numpy(), "value": values.to_numpy()}).value_counts().reset_index()
    best = counts.sort_values(["key", "count", "value"], ascending=[True, False, True])
    return best.drop_duplicates("key").set_index("key")["value"]


def clusters(groups: Iterable[str], splits: pd.DataFrame) -> list[str]:
    """Return the cluster of each of ``groups``, all of which stand in ``splits``.

    It is the block where the splits were drawn by blocks, else the group itself.
    """
    if CLUSTER not in splits:
        return list(groups)
    cluster_of = dict(zip(splits["group"], splits[CLUSTER], strict=True))
    return [cluster_of[group] for group in groups]


def cluster_noun(splits: pd.DataFrame) -> str:
    """Return what a report calls the clusters of ``splits``."""
    return "blocks" if CLUSTER in splits else "places"
