"""The ground of a made-up land: its shores, its lakes, and where on the globe its places lie.

A land is planned in metres on a flat plan, with straight borders and roads. ``Ground.degrees`` puts the plan
onto the globe and bends everything on the way, so that borders, roads and shores meander together and what
met on the plan still meets. What stands on the ground belongs to the other modules.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from zuroku.datasets.sample.land.settings import LandSettings

Points = npt.NDArray[np.float64]
"""Places on the plan: ``(n, 2)`` metres east and north of the middle."""

_M_PER_DEGREE = 111_195.0

# Wave lengths of the bends, and their height as a share of the length. Three waves of each length cross.
# Steeper ones would fold the plan.
_BENDS = ((90_000.0, 0.020), (28_000.0, 0.018), (9_000.0, 0.013), (2_500.0, 0.010))
_WAVES_EACH = 3
_ISLANDS = 3


@dataclass(frozen=True)
class Ground:
    """Shores and lakes in plan metres, and the bends between plan and globe.

    ``waves`` is ``(k, 5)``: wave numbers east and north (radians per metre), phase, and height east and
    north (metres).
    """

    settings: LandSettings
    mainland: shapely.Polygon
    islands: Sequence[shapely.Polygon]
    waves: npt.NDArray[np.float64]

    def degrees_of(self, shapes: Sequence[shapely.Geometry]) -> npt.NDArray[np.object_]:
        """Put shapes of the plan onto the globe: longitude, latitude in 10^-7 degrees, as OSM has them."""
        return np.asarray(shapely.transform(np.array(shapes, dtype=object), self._project), dtype=object)

    def undistorted(self, middle: Points, offsets: Points) -> Points:
        """Turn true metres ``(..., 2)`` from ``middle`` ``(2,)`` into places on the plan."""
        slopes = np.cos(self.waves[:, :2] @ middle + self.waves[:, 2])[:, None] * self.waves[:, :2]
        stretch = np.eye(2) + self.waves[:, 3:].T @ slopes
        places: Points = middle + offsets @ np.linalg.inv(stretch).T
        return places

    def _project(self, plan: Points) -> Points:
        turn = plan @ self.waves[:, :2].T + self.waves[:, 2]
        bent = plan + np.sin(turn) @ self.waves[:, 3:]
        shrink = np.cos(np.radians(self.settings.latitude))
        longitude = self.settings.longitude + bent[:, 0] / (_M_PER_DEGREE * shrink)
        latitude = self.settings.latitude + bent[:, 1] / _M_PER_DEGREE
        rounded: Points = np.round(np.stack([longitude, latitude], 1), 7)
        return rounded


def plan_ground(settings: LandSettings, rng: np.random.Generator) -> Ground:
    """Plan a large island with bays and capes, and small islands before its shore."""
    half = np.array([settings.width_km, settings.height_km]) * 500
    coast = blob(rng, np.zeros(2), 0.9 * half, roughness=0.23, count=1800)
    islands: list[shapely.Polygon] = []
    while len(islands) < _ISLANDS:
        angle = rng.uniform(0, 2 * np.pi)
        ray = shapely.LineString([(0, 0), tuple(3 * half.max() * np.array([np.cos(angle), np.sin(angle)]))])
        cape = shapely.intersection(ray, coast.exterior)
        outermost = max(shapely.get_coordinates(cape), key=lambda place: float(np.hypot(*place)))
        radius = rng.uniform(2500, 5000)
        out = (np.hypot(*outermost) + radius * 1.6 + 1500) / np.hypot(*outermost)
        island = blob(rng, outermost * out, np.array([radius, radius]), roughness=0.25, count=160)
        if all(island.distance(other) > 1000 for other in (coast, *islands)):
            islands.append(island)
    return Ground(settings, coast, islands, _waves(rng))


def blob(
    rng: np.random.Generator, middle: Points, half: Points, roughness: float, count: int
) -> shapely.Polygon:
    """Return a rounded shape with a fractal outline about ``middle``, ``half`` its width and height."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    order = np.arange(2, count // 5)
    height = roughness * rng.standard_normal(len(order)) * (order / 2.0) ** -1.45
    outline = np.cos(angle[:, None] * order + rng.uniform(0, 2 * np.pi, len(order))) @ height
    reach = np.exp(outline)[:, None] * half
    # Between an ellipse and its rectangle.
    round_ = (np.abs(np.cos(angle)) ** 3 + np.abs(np.sin(angle)) ** 3) ** (-1 / 3)
    ring = middle + reach * round_[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return shapely.Polygon(ring)


def _waves(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    rows = []
    for length, share in _BENDS:
        for _ in range(_WAVES_EACH):
            along, push = rng.uniform(0, 2 * np.pi, 2)
            number = 2 * np.pi / length
            phase, height = rng.uniform(0, 2 * np.pi), share * length
            rows.append(
                (
                    number * np.cos(along),
                    number * np.sin(along),
                    phase,
                    height * np.cos(push),
                    height * np.sin(push),
                )
            )
    return np.array(rows)
