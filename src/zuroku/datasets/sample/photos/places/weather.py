"""Hours and weathers of outdoor photographs, for buildings under a sky and for landscapes alike."""

from dataclasses import dataclass

import numpy as np

from zuroku.datasets.sample.photos.places.terrain import Air
from zuroku.datasets.sample.photos.rendering.bodies import Light
from zuroku.datasets.sample.photos.rendering.materials import Colour


@dataclass(frozen=True)
class Weather:
    """Sun, sky and haze at an hour; colours are linear light."""

    elevation_deg: float
    sun: Colour
    sky: Colour
    haze: Colour
    haze_km: float
    cloud: float
    size: float


WEATHERS: dict[str, Weather] = {
    "noon": Weather(52, (2.4, 2.28, 2.05), (0.22, 0.4, 0.82), (0.74, 0.82, 0.93), 16, 0.3, 0.15),
    "afternoon": Weather(28, (2.4, 1.95, 1.45), (0.24, 0.38, 0.7), (0.84, 0.8, 0.78), 12, 0.4, 0.2),
    "evening": Weather(10, (2.3, 1.35, 0.7), (0.2, 0.27, 0.48), (1.0, 0.68, 0.46), 9, 0.4, 0.3),
    "overcast": Weather(40, (0.55, 0.56, 0.58), (0.6, 0.64, 0.69), (0.76, 0.79, 0.83), 6, 0.85, 1.0),
    "dusk": Weather(5, (0.5, 0.34, 0.34), (0.1, 0.14, 0.3), (0.4, 0.32, 0.38), 9, 0.35, 0.8),
}


def sunlight(weather: Weather, azimuth_deg: float) -> Light:
    """Return the light of ``weather`` on what stands before the camera, the sun at ``azimuth_deg``."""
    up, around = np.radians(max(weather.elevation_deg, 12)), np.radians(azimuth_deg)
    above = tuple(0.55 * a + 0.2 * b for a, b in zip(weather.sky, weather.haze, strict=True))
    below = tuple(0.09 * s + 0.2 * a for s, a in zip(weather.sun, above, strict=True))
    return Light(
        (float(np.cos(up) * np.sin(around)), float(np.sin(up)), float(np.cos(up) * np.cos(around))),
        weather.sun,
        (above[0], above[1], above[2]),
        (below[0], below[1], below[2]),
        weather.size,
    )


def air(weather: Weather, azimuth_deg: float) -> Air:
    """Return ``weather`` over a landscape, the sun at ``azimuth_deg``."""
    return Air(
        weather.elevation_deg,
        azimuth_deg,
        weather.sun,
        weather.sky,
        weather.haze,
        weather.haze_km,
        weather.cloud,
    )
