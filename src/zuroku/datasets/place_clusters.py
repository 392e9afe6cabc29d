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
    counts = pd.DataFrame({"group": places["group"].to_numpy(), "block": blocks}).value_counts().reset_index()
    best = counts.sort_values(["group", "count", "block"], ascending=[True, False, True])
    block_of = best.drop_duplicates("group").set_index("group")["block"]
    return splits.assign(**{CLUSTER: splits["group"].map(block_of).fillna(splits["group"])})


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
