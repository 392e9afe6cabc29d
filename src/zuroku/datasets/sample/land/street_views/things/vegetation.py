"""Trees as pictures with holes: broadleaf, conifer, bamboo, palm, cherry, ginkgo, pine, shrub.

They stand upright before the camera. Where they stand is decided in ``plots`` and ``kerbside``.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.optics import Colour
from zuroku.datasets.sample.land.street_views.habits import Tree
from zuroku.datasets.sample.noise import Field, fractal, seeded_rng, smoothstep

_Tones = npt.NDArray[np.uint8]

_SIDE = 144
VARIANTS = 3

HEIGHTS_M: dict[Tree, tuple[float, float, float]] = {
    "broadleaf": (6.0, 10.0, 0.95),
    "conifer": (9.0, 15.0, 0.5),
    "bamboo": (7.0, 11.0, 0.8),
    "palm": (6.0, 9.0, 0.85),
    "cherry": (4.5, 7.0, 1.25),
    "ginkgo": (6.0, 9.5, 0.6),
    "pine": (4.5, 8.0, 1.1),
    "shrub": (1.5, 3.0, 1.3),
}
"""Least and greatest height in metres, and width over height."""

_OWN: dict[Tree, tuple[Colour, float]] = {
    "conifer": ((40, 64, 46), 0.6),
    "bamboo": ((112, 136, 62), 0.65),
    "palm": ((84, 108, 54), 0.6),
    "ginkgo": ((150, 156, 50), 0.45),
    "pine": ((48, 76, 50), 0.6),
}
"""The colour of leaves that a kind has by itself, and how far it prevails over the region's."""

_AUTUMN: dict[Tree, Colour] = {
    "ginkgo": (226, 184, 40),
    "cherry": (178, 84, 44),
    "broadleaf": (170, 110, 50),
    "shrub": (150, 100, 56),
}


def tree_picture(kind: Tree, variant: int, leaf: Colour, season: float) -> Image.Image:
    """Draw a tree (RGBA); ``season`` runs from 0 (spring) over 0.5 (summer) to 1 (autumn)."""
    tones, mask, wood = _form(kind, variant)
    own, share = _OWN.get(kind, (leaf, 0.0))
    colour = np.array(leaf) * (1 - share) + np.array(own) * share
    if season > 0.72 and kind in _AUTUMN:
        turned = min(1.0, (season - 0.72) / 0.2)
        colour = colour * (1 - turned) + np.array(_AUTUMN[kind]) * turned
    if season < 0.16 and kind == "cherry":
        colour = np.array((240, 206, 214))
    ramp = np.arange(256) / 232
    # Leaves in the sun are yellower than those in the shade.
    warm = np.clip(ramp - 0.6, 0, 1)[:, None] * np.array((34, 28, -10))
    leaves = np.clip(colour * (0.35 + 0.95 * ramp[:, None]) + warm, 0, 255).astype(np.uint8)
    stem = (122, 132, 74) if kind == "bamboo" else (96, 80, 64)
    bark = np.clip(np.array(stem) * (0.5 + 0.7 * ramp[:, None]), 0, 255).astype(np.uint8)
    pixels = np.where(wood, bark[tones], leaves[tones])
    return Image.fromarray(np.concatenate([pixels, mask], 2))


@lru_cache(maxsize=64)
def _form(kind: Tree, variant: int) -> tuple[_Tones, _Tones, npt.NDArray[np.bool_]]:
    """Return the light on a tree ``(h, w)``, its cover of each pixel and where wood shows (``(h, w, 1)``)."""
    rng = seeded_rng(variant, 77, *kind.encode())
    y, x = (np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) + 0.5) / _SIDE
    noise = fractal(rng, (_SIDE, _SIDE), (9, 9), 0.8, 5)
    reach, light = _crown(kind, rng, x, y)
    ragged = 0.1 if kind == "conifer" else 0.22
    mask = smoothstep(reach + ragged * noise, 0.0, 0.22)
    tones = np.clip(0.52 + 0.34 * light + 0.17 * noise, 0.05, 1.1)
    lean = 0.03 * np.sin(4 * y + variant)
    thick = {"palm": 0.018, "bamboo": 0.0, "shrub": 0.0, "conifer": 0.014}.get(kind, 0.022)
    trunk = (np.abs(x - 0.5 - lean) < thick * (0.6 + 0.7 * y)) & (y > 0.25)
    if kind == "bamboo":
        trunk = (
            (np.mod(x * 13 + 0.25 * np.sin(3 * y + 9 * x), 1) < 0.16) & (y > 0.4) & (np.abs(x - 0.5) < 0.42)
        )
    bare = trunk & (mask < 0.5)
    tones = np.where(bare, 0.8 if kind == "bamboo" else 0.7 - 9 * (x - 0.5 - lean), tones)
    mask = np.maximum(mask, trunk.astype(np.float32))
    grey = np.clip(232 * tones, 0, 255).astype(np.uint8)
    return grey, np.asarray(255 * mask, np.uint8)[..., None], bare[..., None]


def _crown(kind: Tree, rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field]:
    """Return how far inside the crown each pixel lies, and how far it is turned to the light."""
    if kind == "conifer":
        # Boughs hang in tiers whose edges droop away from the trunk.
        tier = np.mod(
            y * 8 - 1.4 * np.abs(x - 0.5) + 0.16 * np.sin(23 * x + rng.uniform(0, 6)) + 0.2 * np.sin(9 * x), 1
        )
        reach = (0.06 + 0.4 * y) * (0.62 + 0.38 * tier) - np.abs(x - 0.5)
        reach -= 3 * np.maximum(0, y - 0.9)
        return np.asarray(3 * reach - 4 * np.maximum(0, 0.1 - y)), np.asarray(
            0.9 - 1.5 * tier - 1.2 * (x - 0.42)
        )
    if kind == "palm":
        return _fronds(rng, x, y)
    spans = {
        "broadleaf": (0.32, 0.12, 0.6, 0.2, 16),
        "cherry": (0.36, 0.2, 0.55, 0.17, 18),
        "ginkgo": (0.2, 0.1, 0.7, 0.15, 16),
        "bamboo": (0.36, 0.08, 0.74, 0.13, 30),
        "pine": (0.36, 0.08, 0.55, 0.16, 9),
        "shrub": (0.36, 0.3, 0.9, 0.24, 14),
    }
    wide, high, low, size, count = spans[kind]
    flat = 2.6 if kind == "pine" else 1.1
    reach = np.full_like(x, -1)
    light = np.zeros_like(x)
    for _ in range(count):
        v = rng.uniform(high + size * 0.6, low)
        room = 1 - abs(2 * (v - high) / (low - high + 0.15) - 1) ** 2 * 0.6
        u = 0.5 + rng.uniform(-1, 1) * wide * room
        radius = size * rng.uniform(0.6, 1.1)
        tuft = 1 - np.hypot((x - u) / radius, (y - v) * flat / radius)
        side = np.clip(-(0.6 * (x - u) + 1.0 * flat * (y - v)) / radius, -1, 1)
        light = np.where(tuft > reach, side - 0.5 * (v - high), light)
        reach = np.maximum(reach, tuft)
    return np.asarray(reach, np.float32), np.asarray(light, np.float32)


def _fronds(rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field]:
    reach = np.full_like(x, -1)
    light = np.zeros_like(x)
    for angle in np.linspace(-0.35, np.pi + 0.35, 11) + rng.uniform(-0.1, 0.1, 11):
        along = (x - 0.5) * np.cos(angle) - (y - 0.27) * np.sin(angle)
        droop = along**2 * (0.9 + 1.3 * abs(np.cos(angle)))
        off = np.abs((x - 0.5) * np.sin(angle) + (y - droop - 0.27) * np.cos(angle))
        frond = np.where((along > 0) & (along < 0.42), 0.5 - 6.5 * off - 0.55 * along, -1)
        light = np.where(frond > reach, 0.5 * np.sin(angle) - 3 * off, light)
        reach = np.maximum(reach, frond)
    return np.asarray(reach, np.float32), np.asarray(light, np.float32)
