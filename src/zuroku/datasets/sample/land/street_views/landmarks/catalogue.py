"""Landmarks by OSM's kind: shrine, temple, pagoda, castle, tower, station, museum, park, hall, monument.

Every landmark differs from others of its kind by a hash of its id: numbers of storeys, proportions, colours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.habits import Habits, hashed_rng
from zuroku.datasets.sample.land.street_views.landmarks.elevations import Elevation
from zuroku.datasets.sample.land.street_views.landmarks.historic import castle, pagoda, shrine, temple
from zuroku.datasets.sample.land.street_views.landmarks.modern import (
    hall,
    lattice_tower,
    modern_museum,
    monument,
    museum,
    needle_tower,
    park,
    station,
)
from zuroku.datasets.sample.land.street_views.landmarks.orders import Order


@dataclass(frozen=True)
class Landmark:
    """The picture of a landmark (RGBA, unlit), what shines on it by night, and its size in metres."""

    picture: Image.Image
    glow: Image.Image
    wide_m: float
    tall_m: float


def landmark_of(land_seed: int, landmark_id: str, kind: str, name: str, habits: Habits) -> Landmark:
    """Draw the landmark ``landmark_id``; the same id gives the same building at every visit."""
    rng = hashed_rng(land_seed, "landmark", landmark_id)
    sheet = _builder(kind, rng)(Order(rng, name, habits))
    picture, glow = sheet.finish(rng)
    return Landmark(picture, glow, sheet.wide_m, sheet.tall_m)


def _builder(kind: str, rng: np.random.Generator) -> Callable[[Order], Elevation]:
    """Return what builds a landmark of ``kind``; a kind that is not known is a hall or a monument."""
    key, _, value = kind.partition("=")
    if value in ("place_of_worship", "shrine", "temple", "wayside_shrine"):
        builders: tuple[Callable[[Order], Elevation], ...] = (shrine, temple, pagoda)
    elif value in ("castle", "fort", "ruins"):
        builders = (castle,)
    elif value in ("tower", "mast", "communications_tower", "viewpoint", "lighthouse", "chimney"):
        builders = (lattice_tower, needle_tower)
    elif key == "railway" or value in ("station", "bus_station"):
        builders = (station,)
    elif value in ("museum", "gallery", "arts_centre", "library", "theatre"):
        builders = (museum, modern_museum)
    elif key in ("leisure", "natural", "landuse") or value in ("park", "garden", "zoo"):
        builders = (park,)
    elif value in ("memorial", "monument", "artwork", "statue"):
        builders = (monument,)
    else:
        builders = (hall, monument, modern_museum)
    return builders[int(rng.integers(len(builders)))]
