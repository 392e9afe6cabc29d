"""What one street-level photograph is to show; how it is drawn is said in the other modules."""

from dataclasses import dataclass
from typing import Literal

Slice = Literal["", "night", "weather", "indoor", "aerial"]
"""Conditions that are hard for a geolocator; "" is an outdoor picture by day."""

HEADINGS_DEG = (0.0, 90.0, 180.0, 270.0)
"""North, east, south and west: the four parts of a panorama, from the left to the right."""


@dataclass(frozen=True)
class ViewPlan:
    """One place of a made-up land, and one visit of a photographer to it.

    Bearings are degrees clockwise from north. ``seed`` decides what differs between two visits (sun, season,
    cars, camera height, which houses stand there); everything else decides what they have in common.
    """

    seed: int
    land_seed: int
    prefecture_code: str
    municipality_code: str
    town_code: str
    town: str
    road_id: str = ""
    """Of the street the camera stands on; "" when there is none."""
    road_name: str = ""
    road_kind: str = ""
    """The value of OSM's ``highway``."""
    road_bearing: float | None = None
    landmark_id: str = ""
    """Of the landmark in sight; "" when there is none."""
    landmark_kind: str = ""
    """OSM's key and value, such as ``tourism=museum``."""
    landmark_bearing: float | None = None
    slice: Slice = ""
