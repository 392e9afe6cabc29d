"""Things to eat: fruit, mushrooms, doughnuts."""

import numpy as np

from zuroku.datasets.sample.photos.rendering.surfaces import (
    Surface,
    ellipsoid,
    join,
    lathe,
    moved,
    part,
    tube,
    turn_about,
)
from zuroku.datasets.sample.photos.things.forms import Form, between, ring, smooth_profile


def mushroom(form: Form, spacing: float) -> Surface:
    """A mushroom."""
    wide, tall = between(0.36, 0.48, form[0]), between(0.36, 0.5, form[1])
    stem = smooth_profile((0, 0), (0.15, 0), (0.12, 0.2), (0.1, tall + 0.08))
    cap = smooth_profile(
        (0.1, tall),
        (wide * 0.9, tall - 0.03),
        (wide, tall + 0.02),
        (wide * 0.75, tall + 0.22),
        (0, tall + 0.34),
    )
    return join([part(lathe(stem, spacing), 2), lathe(cap, spacing)])


def doughnut(form: Form, spacing: float) -> Surface:
    """A doughnut with icing, leaning back."""
    thick = between(0.13, 0.18, form[0])
    dough = tube(ring(0.3), thick, spacing, closed=True)
    icing = part(moved(tube(ring(0.3), thick * 0.97, spacing, closed=True), (0, 0.018, 0)), 1)
    lean = between(30, 55, form[1])
    stands = 0.3 * float(np.sin(np.radians(lean))) + thick
    return moved(join([dough, icing]), (0, stands, 0), turn_about(0, lean))


def apple(form: Form, spacing: float) -> Surface:
    """An apple with stem and leaf."""
    wide, tall = 0.42, between(0.66, 0.8, form[0])
    skin = smooth_profile(
        (0, 0.06),
        (0.12, 0.0),
        (wide * 0.75, 0.12),
        (wide, 0.5 * tall),
        (wide * 0.8, 0.9 * tall),
        (0.16, tall),
        (0, 0.82 * tall),
    )
    stem = tube(np.array([[0, 0.8 * tall, 0], [0.02, tall, 0], [0.07, tall + 0.12, 0]]), 0.018, spacing)
    leaf = moved(ellipsoid((0.12, 0.012, 0.055), spacing), (0.17, tall + 0.06, 0), turn_about(2, 25))
    return join([lathe(skin, spacing), part(stem, 2), part(leaf, 3)])


def pumpkin(form: Form, spacing: float) -> Surface:
    """A ribbed pumpkin."""
    tall = between(0.52, 0.7, form[0])
    whole = lathe(
        smooth_profile(
            (0, 0.08),
            (0.2, 0),
            (0.42, 0.2 * tall),
            (0.46, 0.5 * tall),
            (0.36, 0.88 * tall),
            (0.12, tall),
            (0, 0.9 * tall),
        ),
        spacing,
    )
    x, y, z = whole.points
    angle = np.arctan2(z, x)
    ribs = 7 + round(3 * form[1])
    swell = (1 - 0.09 * (1 - np.abs(np.sin(0.5 * ribs * angle)) ** 0.6)).astype(np.float32)
    tilt = (0.3 * np.sign(np.sin(ribs * angle)) * (1 - np.abs(np.sin(0.5 * ribs * angle)))).astype(np.float32)
    n = whole.normals.copy()
    n[0] += -tilt * np.sin(angle)
    n[2] += tilt * np.cos(angle)
    n /= np.sqrt((n * n).sum(0))
    ribbed = Surface(np.stack([x * swell, y, z * swell]), n, whole.coords, whole.parts)
    stem = tube(
        np.array([[0, 0.86 * tall, 0], [0.01, tall + 0.06, 0], [0.07, tall + 0.14, 0.02]]), 0.045, spacing
    )
    return join([ribbed, part(stem, 2)])
