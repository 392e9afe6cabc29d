"""Rooms to photograph things in: tables, carpets, sweeps of paper, lawns, and the lamps above them."""

from collections.abc import Sequence

import numpy as np

from zuroku.datasets.sample.photos.rendering.backdrops import Backdrop
from zuroku.datasets.sample.photos.rendering.bodies import Light
from zuroku.datasets.sample.photos.rendering.camera import Camera
from zuroku.datasets.sample.photos.rendering.exposure import Film
from zuroku.datasets.sample.photos.rendering.materials import Material, linear

Rng = np.random.Generator


def _plain(colour: str) -> Material:
    return Material("cloth", "plain", (linear(colour),))


_WALLS = tuple(_plain(colour) for colour in ("#9aa0a0", "#c9c2b2", "#8a7f78", "#b7c0c6", "#d9d4c8"))
_FLOORS: tuple[tuple[Material, float], ...] = (
    (Material("wood", "grain", (linear("#8a6844"), linear("#6f5032"))), 2.0),
    (Material("wood", "grain", (linear("#c7a374"), linear("#b08c5f"))), 1.6),
    (Material("cloth", "plaid", (linear("#c9c0aa"), linear("#7f5a4c"))), 1.3),
    (Material("cloth", "mottled", (linear("#7b3630"), linear("#5e2a27"))), 1.0),
    (Material("stone", "marble", (linear("#d9d6cf"), linear("#a7a49d"))), 2.2),
    (Material("cloth", "plain", (linear("#3f4e66"),)), 1.0),
    (Material("stone", "speckle", (linear("#8d8b86"), linear("#5f5d59"))), 0.8),
    (Material("cloth", "checks", (linear("#e6e2d6"), linear("#9c3b36"))), 2.4),
)
_PAPERS = tuple(_plain(colour) for colour in ("#d8d5cd", "#b9b6ae", "#6f6e6c", "#3b3b3d", "#cfd3d6"))
_GRASS = Material("leaf", "mottled", (linear("#6d7f3a"), linear("#54652b")))


def draw_room(rng: Rng) -> Backdrop:
    """Draw a table or floor before a wall, or now and then a lawn."""
    if rng.random() < 0.12:
        return Backdrop(
            "open", _GRASS, _GRASS, 40.0, 1.2, float(rng.uniform(0, 90)), haze=(0.72, 0.8, 0.9), skyline=0.16
        )
    floor, scale = _FLOORS[int(rng.integers(len(_FLOORS)))]
    wall = _WALLS[int(rng.integers(len(_WALLS)))]
    return Backdrop(
        "room",
        floor,
        wall,
        float(rng.uniform(1.2, 2.6)),
        scale,
        float(rng.choice((0, 90)) + rng.normal(0, 8)),
    )


def draw_sweep(rng: Rng) -> Backdrop:
    """Draw a sweep of paper, as museums use."""
    paper = _PAPERS[int(rng.integers(len(_PAPERS)))]
    return Backdrop("sweep", paper, paper, float(rng.uniform(1.2, 1.8)))


def draw_lamp(rng: Rng, softness: float | None = None) -> Light:
    """Draw a lamp or window: from where, how strong against the room, how warm and how large."""
    around = np.radians(rng.uniform(-75, 75))
    up = np.radians(rng.uniform(30, 68))
    warmth = float(rng.normal(0, 0.09))
    strength = float(rng.uniform(1.1, 2.0))
    room = float(rng.uniform(0.22, 0.42))
    return Light(
        (float(np.sin(around) * np.cos(up)), float(np.sin(up)), float(np.cos(around) * np.cos(up))),
        (strength * (1 + warmth), strength, strength * (1 - warmth)),
        (room * 0.95, room, room * 1.06),
        (room * 0.42, room * 0.38, room * 0.33),
        float(rng.uniform(0.15, 0.8)) if softness is None else softness,
    )


def frame(
    things: Sequence[tuple[tuple[float, float, float], float]],
    size: tuple[int, int],
    azimuth_deg: float,
    elevation_deg: float,
    fill: float,
    roll_deg: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    focal: float = 1.7,
) -> Camera:
    """Return a camera that sees balls (middle, radius) so that they take ``fill`` of the picture."""
    middles = np.array([middle for middle, _ in things])
    middle = middles.mean(0)
    reach = max(float(np.linalg.norm(m - middle)) + r for m, (_, r) in zip(middles, things, strict=True))
    short = min(1.0, size[1] / size[0])
    distance = max(1.7 * reach, reach * focal / (0.5 * fill * short))
    around, up = np.radians(azimuth_deg), np.radians(elevation_deg)
    way = np.array([np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)])
    x, y, z = (middle + distance * way).tolist()
    return Camera((x, max(y, 0.08), z), (middle[0], middle[1], middle[2]), focal, size, roll_deg, shift)


def draw_film(rng: Rng, exposure: float = 1.15) -> Film:
    """Draw how a camera was set: exposure, white balance, focus, noise and compression."""
    warmth = float(rng.normal(0, 0.04))
    return Film(
        exposure=exposure * float(np.exp(rng.normal(0, 0.14))),
        white=(1 + warmth, 1.0, 1 - warmth),
        contrast=float(rng.uniform(1.05, 1.35)),
        blur_px=float(rng.choice((0.3, 0.45, 0.8), p=(0.6, 0.25, 0.15))),
        noise=float(rng.uniform(0.004, 0.016)),
        vignette=float(rng.uniform(0.02, 0.22)),
        quality=int(rng.integers(84, 95)),
    )
