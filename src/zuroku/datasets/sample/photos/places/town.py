"""Photographs of buildings in one town: from which side, how much of them, in what weather, behind trees."""

from dataclasses import dataclass

import numpy as np

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.places.architecture import LANDMARKS, Building, any_building, landmark
from zuroku.datasets.sample.photos.places.masonry import finishes
from zuroku.datasets.sample.photos.places.trees import tree
from zuroku.datasets.sample.photos.places.weather import WEATHERS, sunlight
from zuroku.datasets.sample.photos.rendering.backdrops import Backdrop
from zuroku.datasets.sample.photos.rendering.bodies import Body
from zuroku.datasets.sample.photos.rendering.camera import Camera, bounds_px
from zuroku.datasets.sample.photos.rendering.materials import Material, linear
from zuroku.datasets.sample.photos.rendering.scenes import Scene, photograph
from zuroku.datasets.sample.photos.things.studio import draw_film

_LAWN = Material("masonry", "mottled", (linear("#75843f"), linear("#5f6f37")))
_PAVING = Material("masonry", "mottled", (linear("#a39b8c"), linear("#8f887b")))
_FLOOR_M = 9.0
_HAZE_M = 170.0


@dataclass(frozen=True)
class TownView:
    """One photograph of a building still to be taken.

    ``building`` names a landmark, or is the number of another building. ``distance`` is in sizes of the
    building, ``aim`` the point looked at in shares of its half width and of its height. ``screened`` trees
    stand between it and the camera.
    """

    building: str
    town_seed: int
    seed: int
    size: tuple[int, int]
    azimuth_deg: float
    distance: float
    aim: tuple[float, float]
    focal: float
    weather: str
    screened: int = 0

    @property
    def built(self) -> Building:
        """The building."""
        return landmark(self.building) if self.building in LANDMARKS else any_building(int(self.building))

    @property
    def camera(self) -> Camera:
        """The camera, at the height of an eye."""
        building = self.built
        size = max(building.half_width, 0.75 * building.height)
        reach = 0.8 * building.half_depth + self.distance * size
        around = np.radians(self.azimuth_deg)
        eye = (float(reach * np.sin(around)), 1.7 + 0.06 * building.height, float(reach * np.cos(around)))
        target = (self.aim[0] * building.half_width, self.aim[1] * building.height, 0.0)
        return Camera(eye, target, self.focal, self.size)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the building on the photograph, in pixels."""
        return bounds_px(self.camera, self.built.corners)


def render_town(view: TownView) -> bytes:
    """Return the planned photograph as JPEG bytes; the same plan gives the same bytes anywhere."""
    rng = seeded_rng(view.seed)
    building, camera = view.built, view.camera
    middle = (0.0, building.height / 2, 0.0)
    reach = float(np.linalg.norm((building.half_width, building.height / 2, building.half_depth)))
    bodies = [Body(building.pieces, finishes(view.town_seed), middle, reach)]
    bodies += _planted(seeded_rng(view.town_seed, sum(map(ord, view.building))), building)
    bodies += _screen(rng, view, camera)
    weather = WEATHERS[view.weather]
    floor = _LAWN if sum(map(ord, view.building)) % 2 else _PAVING
    backdrop = Backdrop(
        "open",
        floor,
        floor,
        _HAZE_M,
        _FLOOR_M,
        sky=weather.sky,
        haze=weather.haze,
        cloud=weather.cloud + float(rng.normal(0, 0.08)),
        skyline=0.03,
    )
    # The sun stands on the camera's side more often than behind the building.
    light = sunlight(weather, view.azimuth_deg + float(rng.uniform(-80, 80)))
    film = draw_film(rng, exposure=1.9 if view.weather == "dusk" else 1.05)
    return photograph(Scene(bodies, backdrop, light), camera, film, view.seed).data


def _planted(rng: np.random.Generator, building: Building) -> list[Body]:
    """Plant the trees that stand beside a building in all of its photographs."""
    bodies = []
    for side in (-1, 1):
        if rng.random() < 0.7:
            height = float(rng.uniform(6, 11))
            x = side * (building.half_width + float(rng.uniform(2.5, 8)))
            bodies.append(tree(int(rng.integers(2**31)), height, (x, float(rng.uniform(-5, 7)))))
    return bodies


def _screen(rng: np.random.Generator, view: TownView, camera: Camera) -> list[Body]:
    """Plant trees between the camera and the building."""
    bodies = []
    eye = np.array([camera.eye[0], camera.eye[2]])
    building = view.built
    across = np.array([eye[1], -eye[0]]) / np.linalg.norm(eye)
    for number in range(view.screened):
        share = float(rng.uniform(0.5, 0.68))
        aside = (number - (view.screened - 1) / 2) * 0.55 + float(rng.normal(0, 0.12))
        spot = eye * (1 - share) + across * aside * share * building.half_width
        # The crown stands where the camera sees the middle of the building.
        sight = camera.eye[1] + (0.5 * building.height - camera.eye[1]) * share
        height = max(4.5, sight / 0.62) * float(rng.uniform(0.95, 1.2))
        bodies.append(tree(int(rng.integers(2**31)), height, (float(spot[0]), float(spot[1]))))
    return bodies
