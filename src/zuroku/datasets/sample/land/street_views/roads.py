"""How one street looks: widths by OSM's kind of road, surface, lines and trees by its id."""

from dataclasses import dataclass
from typing import Literal

from zuroku.datasets.sample.land.street_views.habits import (
    WILD_TREES,
    MunicipalHabits,
    Tree,
    hashed_rng,
    pick,
)

Centre = Literal["none", "dashed", "solid", "yellow", "double"]
"""The line between opposite lanes."""


@dataclass(frozen=True)
class RoadLook:
    """A street: widths in metres, surface, lines and trees."""

    lanes: int
    lane_m: float
    pavement_m: float
    shade: float
    warmth: float
    cracks: float
    centre: Centre
    median: Literal["none", "kerb", "planted"]
    tree: Tree | None
    tree_gap_m: float
    paved: bool

    @property
    def half_m(self) -> float:
        """Half the width of the carriageway, median included."""
        return 0.5 * (self.lanes * self.lane_m + (0.0 if self.median == "none" else 1.6))


def road_look(land_seed: int, road_id: str, kind: str, municipal: MunicipalHabits) -> RoadLook:
    """Return the look of the road ``road_id`` of OSM's ``kind``, which the municipality keeps.

    Without a road it is a yard to walk on.
    """
    rng = hashed_rng(land_seed, "road", road_id or kind)
    big = kind.removesuffix("_link") in ("motorway", "trunk", "primary")
    middling = kind.removesuffix("_link") in ("secondary", "tertiary")
    paved = bool(road_id) and kind not in ("footway", "path", "pedestrian", "steps", "track", "cycleway")
    lanes = (4 if rng.random() < 0.6 else 2) if big else 2 if middling else 1
    centre: Centre = "none"
    if lanes > 1:
        centre = pick(rng, ("dashed", "solid", "yellow", "double"))
    tree: Tree | None = None
    if rng.random() < (0.75 if big or middling else 0.4):
        tree = municipal.tree if rng.random() < 0.75 else pick(rng, WILD_TREES)
    return RoadLook(
        lanes=lanes,
        lane_m=float(rng.uniform(2.8, 3.4) if lanes > 1 else rng.uniform(3.6, 5.4)),
        pavement_m=municipal.pavement_m * float(rng.uniform(0.85, 1.15)) * (1.0 if lanes > 1 else 0.6),
        shade=municipal.shade + float(rng.uniform(-12, 12)),
        warmth=municipal.warmth + float(rng.uniform(-2, 2)),
        cracks=float(max(0.0, rng.uniform(-0.5, 1.0))),
        centre=centre,
        median=pick(rng, ("none", "kerb", "planted")) if lanes == 4 else "none",
        tree=tree,
        tree_gap_m=float(rng.uniform(8, 18)),
        paved=paved,
    )
