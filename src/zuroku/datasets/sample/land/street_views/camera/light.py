"""Sun, sky light and air of one photograph: what they make of a colour at a distance.

Colours are RGB in 0–255. Which weather a visit has is chosen here; clouds, rain and snow are laid on in
``weather``.
"""

from dataclasses import dataclass, replace
from math import cos, exp, radians, sin
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.optics import Colour
from zuroku.datasets.sample.land.street_views.habits import RegionHabits
from zuroku.datasets.sample.land.street_views.plan import Slice

Tint = tuple[float, float, float]
Array = npt.NDArray[np.floating[Any]]
"""Values of pixels; float32 wherever there are many."""


@dataclass(frozen=True)
class Light:
    """``sun_deg`` is clockwise from the street's bearing, ``height_deg`` over the horizon."""

    sun_deg: float
    height_deg: float
    sun: Tint
    """Factors on a surface that faces the sun, in addition to ``ambient``."""
    ambient: Tint
    haze: Colour
    haze_m: float
    cloud: float
    night: bool = False
    rain: bool = False
    snow: float = 0.0
    """Share of level ground under snow."""

    @property
    def ray(self) -> tuple[float, float, float]:
        """The way to the sun: along the street, to its right, and up."""
        level = cos(radians(self.height_deg))
        turn = radians(self.sun_deg)
        return level * cos(turn), level * sin(turn), sin(radians(self.height_deg))

    def facing(self, normal: tuple[float, float, float]) -> float:
        """Return how directly the sun shines on a surface with ``normal``, from 0 to 1."""
        return max(0.0, sum(a * b for a, b in zip(self.ray, normal, strict=True)))

    def factors(self, normal: tuple[float, float, float]) -> Tint:
        """Return what a surface with ``normal`` gives back, as factors on its colour."""
        direct = self.facing(normal)
        # Walls see half of the sky, and the light that comes back from the ground.
        open_sky = 0.78 + 0.22 * normal[2]
        red, green, blue = (open_sky * a + direct * s for a, s in zip(self.ambient, self.sun, strict=True))
        return red, green, blue

    def veil(self, distance_m: float) -> float:
        """Return how much of the haze lies before something at ``distance_m``, from 0 to 1."""
        return 1 - exp(-distance_m / self.haze_m)

    def on(self, colour: Colour, normal: tuple[float, float, float], distance_m: float) -> Colour:
        """Return how a surface of ``colour`` looks."""
        veil = self.veil(distance_m)
        red, green, blue = (
            int(min(255.0, c * f) * (1 - veil) + h * veil)
            for c, f, h in zip(colour, self.factors(normal), self.haze, strict=True)
        )
        return red, green, blue

    def on_picture(
        self,
        picture: Image.Image,
        normal: tuple[float, float, float],
        distance_m: float,
        glowing: Image.Image | None = None,
    ) -> Image.Image:
        """Return how ``picture`` (RGB or RGBA) looks on a surface; by night ``glowing`` shines on it."""
        veil = self.veil(distance_m)
        matrix: list[float] = []
        for band, (factor, haze) in enumerate(zip(self.factors(normal), self.haze, strict=True)):
            row = [0.0, 0.0, 0.0, haze * veil]
            row[band] = factor * (1 - veil)
            matrix += row
        lit = picture.convert("RGB").convert("RGB", tuple(matrix))
        if glowing is not None and self.night:
            lit.paste(glowing, (0, 0), glowing)
        if picture.mode == "RGBA":
            lit.putalpha(picture.getchannel("A"))
        return lit


def draw_light(rng: np.random.Generator, bearing_deg: float, kind: Slice, region: RegionHabits) -> Light:
    """Draw the light of one visit to a street with ``bearing_deg``, after the climate of its region."""
    # The sun of the made-up land stands in the south.
    turn = float(rng.uniform(105, 255)) - bearing_deg
    height = float(rng.uniform(22, 58))
    cloud = float(np.clip(rng.normal(region.cloud, 0.16), 0.02, 1))
    if kind == "night":
        return Light(turn, height, (0.0, 0.0, 0.0), (0.3, 0.32, 0.41), (28, 32, 50), 200.0, cloud, night=True)
    if kind == "weather":
        return _bad_weather(rng, turn)
    warm = float(rng.uniform(-0.05, 0.1)) + 0.12 * (height < 30)
    clear = 1 - 0.9 * max(0.0, cloud - 0.45) / 0.55
    power = 0.6 * clear
    ambient = 0.71 + 0.2 * (1 - clear)
    red, green, blue = (int(0.4 * c + 0.6 * w) for c, w in zip(region.sky, (226, 230, 232), strict=True))
    return Light(
        turn,
        height,
        (power * (1 + warm), power, power * (1 - 1.4 * warm)),
        (ambient * 0.98, ambient, ambient * 1.04),
        (red, green, blue),
        float(rng.uniform(220, 700)),
        cloud,
    )


def _bad_weather(rng: np.random.Generator, turn: float) -> Light:
    """Draw rain, fog or snow: flat light, and not far to see."""
    kind, tone = int(rng.integers(3)), int(rng.uniform(150, 205))
    flat = float(rng.uniform(0.56, 0.72))
    dull = Light(
        turn,
        40.0,
        (0.03, 0.03, 0.03),
        (flat * 0.96, flat, flat * 1.05),
        (tone - 4, tone, tone + 5),
        float(rng.uniform(50, 120)),
        1.0,
    )
    if kind == 0:
        return replace(dull, rain=True)
    if kind == 1:
        pale = tone + 24
        return replace(dull, haze=(pale - 2, pale, pale + 2), haze_m=float(rng.uniform(14, 34)))
    return replace(dull, snow=float(rng.uniform(0.55, 1.0)))
