"""Vessels: vases, bowls, bottles, mugs, pots, plates and glasses."""

import numpy as np

from zuroku.datasets.sample.photos.rendering.surfaces import (
    Surface,
    block,
    ellipsoid,
    join,
    lathe,
    moved,
    part,
    tube,
    turn_about,
)
from zuroku.datasets.sample.photos.things.forms import Form, arc, between, hollow, smooth_profile
from zuroku.datasets.sample.strokes import points, spline


def vase(form: Form, spacing: float) -> Surface:
    """A vase with belly, neck and lip."""
    belly, neck = between(0.24, 0.4, form[0]), between(0.08, 0.2, form[1])
    high = between(0.35, 0.62, form[2])
    lip = neck * between(1.2, 1.9, form[3])
    outside = smooth_profile(
        (0, 0), (0.17, 0), (0.19, 0.03), (belly, high), (neck, 0.82), (neck, 0.9), (lip, 1.0)
    )
    return hollow(outside, 0.02, 0.84, spacing)


def bowl(form: Form, spacing: float) -> Surface:
    """A bowl on its foot."""
    wide, tall = between(0.42, 0.52, form[0]), between(0.3, 0.5, form[1])
    foot = between(0.16, 0.24, form[2])
    swell = between(0.72, 0.95, form[3])
    outside = smooth_profile((0, 0), (foot, 0), (foot, 0.05), (wide * swell, 0.5 * tall), (wide, tall))
    return hollow(outside, 0.025, 0.07, spacing)


def bottle(form: Form, spacing: float) -> Surface:
    """A stoppered bottle."""
    wide, shoulder = between(0.15, 0.21, form[0]), between(0.5, 0.66, form[1])
    neck = between(0.05, 0.07, form[2])
    body = [(0, 0), (wide - 0.02, 0), (wide, 0.03), (wide, 0.3), (wide, shoulder - 0.05)]
    profile = smooth_profile(*body, (neck * 1.3, shoulder + 0.16), (neck, shoulder + 0.24), (neck, 0.93))
    cap = points((neck, 0.93), (neck + 0.015, 0.93), (neck + 0.015, 1.0), (0, 1.0))
    return join([lathe(profile, spacing), part(lathe(cap, spacing), 1)])


def mug(form: Form, spacing: float) -> Surface:
    """A mug with its ear."""
    wide, tall = between(0.27, 0.33, form[0]), between(0.6, 0.76, form[1])
    flare = between(0.92, 1.08, form[2])
    outside = smooth_profile(
        (0, 0),
        (wide * 0.9, 0),
        (wide * 0.98, 0.03),
        (wide, 0.3 * tall),
        (wide, 0.7 * tall),
        (wide * flare, tall),
    )
    ear = arc((wide * 0.97, 0.52 * tall), (between(0.2, 0.26, form[3]), 0.3 * tall), 80, -80)
    return join([hollow(outside, 0.03, 0.08, spacing), tube(ear, 0.04, spacing)])


def teapot(form: Form, spacing: float) -> Surface:
    """A teapot with spout, ear and lid."""
    wide, tall = between(0.33, 0.4, form[0]), between(0.44, 0.56, form[1])
    body = smooth_profile(
        (0, 0), (0.2, 0), (0.22, 0.03), (wide, 0.5 * tall), (0.2, 0.95 * tall), (0.18, tall)
    )
    lid = smooth_profile((0.19, tall), (0.17, tall + 0.03), (0.06, tall + 0.08), (0.025, tall + 0.09))
    knob = moved(ellipsoid((0.05, 0.045, 0.05), spacing), (0, tall + 0.12, 0))
    x = spline(
        points(
            (wide * 0.85, 0.4 * tall),
            (wide + 0.14, 0.5 * tall),
            (wide + 0.2, 0.8 * tall),
            (wide + 0.27, tall),
        )
    )
    spout = tube(np.insert(x, 2, 0, axis=1), np.array([0.075, 0.05, 0.035, 0.03]), spacing)
    ear = arc((-wide * 0.9, 0.55 * tall), (0.22, 0.33 * tall), 100, 260)
    return join(
        [lathe(body, spacing), part(lathe(lid, spacing), 1), part(knob, 1), spout, tube(ear, 0.035, spacing)]
    )


def plate(form: Form, spacing: float) -> Surface:
    """A plate that leans back on its stand."""
    wide, deep = 0.5, between(0.05, 0.1, form[0])
    well = wide * between(0.55, 0.72, form[1])
    face = points((wide, deep), (wide - 0.02, deep + 0.015), (well, 0.025), (0.5 * well, 0.02), (0, 0.02))
    back = points((0, 0), (0.5 * wide, 0), (well, 0.005), (wide, deep))
    dish = join([lathe(back, spacing), lathe(face, spacing)])
    lean = turn_about(0, between(62, 74, form[2]))
    stand = part(moved(block((0.2, 0.03, 0.12), 0.01, spacing), (0, 0.03, 0)), 2)
    return join([moved(dish, (0, 0.53, -0.02), lean), stand])


def wine_glass(form: Form, spacing: float) -> Surface:
    """A goblet."""
    wide, cup = between(0.2, 0.27, form[0]), between(0.36, 0.5, form[1])
    low = 0.98 - cup
    stem = [(0, 0), (0.21, 0.0), (0.2, 0.02), (0.05, 0.05), (0.028, 0.12), (0.03, low - 0.05)]
    outside = smooth_profile(
        *stem, (0.08, low), (wide, low + 0.5 * cup), (wide * between(0.75, 1.1, form[2]), 0.98)
    )
    return hollow(outside, 0.015, low + 0.06, spacing)


def jug(form: Form, spacing: float) -> Surface:
    """A jug with ear and beak."""
    belly, neck = between(0.26, 0.34, form[0]), between(0.13, 0.17, form[1])
    outside = smooth_profile((0, 0), (0.2, 0), (0.22, 0.03), (belly, 0.36), (neck, 0.78), (neck * 1.15, 0.95))
    ear = arc((0.9 * neck, 0.62), (between(0.24, 0.32, form[2]), 0.26), 85, -70)
    vessel = hollow(outside, 0.025, 0.8, spacing)
    lip = moved(ellipsoid((0.1, 0.05, 0.07), spacing), (-1.15 * neck - 0.02, 0.94, 0), turn_about(2, -24))
    return join([vessel, tube(ear, 0.035, spacing), lip])


def flowerpot(form: Form, spacing: float) -> Surface:
    """A plant with pointed leaves in its pot."""
    wide, tall = between(0.22, 0.28, form[0]), between(0.32, 0.42, form[1])
    outside = points(
        (0, 0), (wide * 0.7, 0), (wide * 0.95, tall * 0.8), (wide * 1.08, tall * 0.8), (wide * 1.1, tall)
    )
    pot = hollow(outside, 0.03, tall * 0.8, spacing)
    leaves = []
    count = 9 + round(6 * form[2])
    for i in range(count):
        turn = 137.5 * i
        lean = 20 + 50 * (i / count)
        leaf = moved(ellipsoid((0.045, 0.2 + 0.1 * form[3], 0.015), spacing), (0, 0.24 + 0.1 * form[3], 0))
        leaves.append(part(moved(leaf, (0, tall - 0.06, 0), turn_about(1, turn) @ turn_about(0, lean)), 2))
    return join([pot, *leaves])
