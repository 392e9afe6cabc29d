"""Dolls and animals, as carved or moulded."""

import numpy as np
import numpy.typing as npt

from zuroku.datasets.sample.photos.rendering.surfaces import (
    Surface,
    cushion,
    ellipsoid,
    join,
    lathe,
    moved,
    part,
    tube,
    turn_about,
)
from zuroku.datasets.sample.photos.things.forms import Form, between, ring, smooth_profile
from zuroku.datasets.sample.strokes import points


def doll(form: Form, spacing: float) -> Surface:
    """A turned wooden doll."""
    wide = between(0.2, 0.27, form[0])
    body = smooth_profile(
        (0, 0), (wide * 0.8, 0), (wide, 0.1), (wide * 0.9, 0.35), (wide * between(0.4, 0.6, form[1]), 0.64)
    )
    size = between(0.17, 0.21, form[2])
    head = part(moved(ellipsoid((size, size * 1.02, size), spacing), (0, 0.62 + size * 0.85, 0)), 2)
    hair = part(
        moved(ellipsoid((size * 1.04, size * 0.8, size * 1.02), spacing), (0, 0.62 + size * 1.25, -0.045)), 3
    )
    eyes = [
        part(
            moved(
                ellipsoid((0.02, 0.025, 0.012), spacing),
                (side * 0.37 * size, 0.62 + size * 0.85, size * 0.93),
            ),
            3,
        )
        for side in (-1, 1)
    ]
    sash = part(moved(tube(ring(wide * 0.86), 0.03, spacing, closed=True), (0, 0.34, 0)), 1)
    return join([lathe(body, spacing), head, hair, *eyes, sash])


def duck(form: Form, spacing: float) -> Surface:
    """A duck."""
    long = between(0.38, 0.46, form[0])
    body = moved(ellipsoid((long, 0.26, 0.26), spacing), (0, 0.25, 0), turn_about(2, 8))
    head = moved(ellipsoid((0.16, 0.15, 0.14), spacing), (long * 0.72, 0.62, 0))
    neck = tube(
        np.array([[long * 0.62, 0.34, 0], [long * 0.7, 0.48, 0], [long * 0.72, 0.6, 0]]), 0.105, spacing
    )
    beak = part(moved(ellipsoid((0.1, 0.035, 0.065), spacing), (long * 0.72 + 0.19, 0.6, 0)), 2)
    eyes = [
        part(moved(ellipsoid((0.022, 0.026, 0.014), spacing), (long * 0.72 + 0.07, 0.66, side * 0.115)), 3)
        for side in (-1, 1)
    ]
    tail = moved(ellipsoid((0.15, 0.06, 0.1), spacing), (-long * 0.95, 0.38, 0), turn_about(2, -38))
    wings = [
        part(moved(ellipsoid((0.24, 0.13, 0.05), spacing), (-0.06, 0.3, side * 0.235), turn_about(2, -10)), 1)
        for side in (-1, 1)
    ]
    return join([body, head, neck, beak, *eyes, tail, *wings])


def rabbit(form: Form, spacing: float) -> Surface:
    """A sitting rabbit."""
    body = moved(ellipsoid((0.27, 0.25, 0.23), spacing), (-0.08, 0.25, 0))
    head = moved(ellipsoid((0.18, 0.16, 0.15), spacing), (0.2, 0.5, 0))
    tall = between(0.2, 0.28, form[0])
    ears = [
        moved(
            ellipsoid((0.045, tall, 0.06), spacing), (0.13, 0.66 + tall * 0.7, side * 0.09), turn_about(2, 16)
        )
        for side in (-1, 1)
    ]
    eyes = [
        part(moved(ellipsoid((0.02, 0.025, 0.014), spacing), (0.28, 0.54, side * 0.125)), 2)
        for side in (-1, 1)
    ]
    paws = [moved(ellipsoid((0.12, 0.06, 0.07), spacing), (0.14, 0.06, side * 0.13)) for side in (-1, 1)]
    tail = part(moved(ellipsoid((0.08, 0.08, 0.08), spacing), (-0.34, 0.2, 0)), 1)
    return join([body, head, *ears, *eyes, *paws, tail])


def fish(form: Form, spacing: float) -> Surface:
    """A fish on a stand, as carved."""
    tall = between(0.17, 0.24, form[0])
    body = moved(ellipsoid((0.42, tall, 0.11), spacing), (0.04, 0.45, 0))

    lobes = [
        part(
            moved(
                ellipsoid((0.17, 0.06, 0.02), spacing),
                (-0.47, 0.45 + side * 0.09, 0),
                turn_about(2, -side * 40),
            ),
            1,
        )
        for side in (-1, 1)
    ]
    back = part(moved(ellipsoid((0.2, 0.12, 0.025), spacing), (0.0, 0.45 + tall * 0.95, 0)), 1)
    eyes = [
        part(moved(ellipsoid((0.03, 0.03, 0.02), spacing), (0.31, 0.5, side * 0.075)), 2) for side in (-1, 1)
    ]
    pole = part(
        lathe(points((0, 0), (0.16, 0), (0.15, 0.03), (0.02, 0.05), (0.02, 0.45 - tall * 0.8)), spacing), 2
    )
    return join([body, *lobes, back, *eyes, pole])


def starfish(form: Form, spacing: float) -> Surface:
    """A starfish, leaning back."""
    depth = between(0.3, 0.4, form[0])

    def outline(angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return 0.5 * (1 - 1.7 * depth * (1 - np.abs(np.cos(2.5 * (angle + np.pi / 2))) ** 2) ** 0.42)

    flat = cushion(outline, 0.2, spacing, 0.6)
    return moved(flat, (0, 0.4, 0), turn_about(0, 58))


def snowman(form: Form, spacing: float) -> Surface:
    """A snowman with a scarf."""
    low, mid, top = 0.27, between(0.19, 0.22, form[0]), between(0.13, 0.16, form[1])
    body = [
        moved(ellipsoid((low, low * 0.92, low), spacing), (0, low * 0.9, 0)),
        moved(ellipsoid((mid, mid * 0.95, mid), spacing), (0, low * 1.7 + mid * 0.6, 0)),
    ]
    y = low * 1.7 + mid * 1.4 + top * 0.75
    head = moved(ellipsoid((top, top, top), spacing), (0, y, 0))
    nose = part(
        moved(
            lathe(smooth_profile((0.035, 0), (0.02, 0.08), (0, 0.17)), spacing),
            (0, y, top * 0.95),
            turn_about(0, 90),
        ),
        2,
    )
    eyes = [
        part(moved(ellipsoid((0.022, 0.024, 0.015), spacing), (side * 0.055, y + 0.045, top * 0.9)), 3)
        for side in (-1, 1)
    ]
    buttons = [
        part(
            moved(
                ellipsoid((0.026, 0.026, 0.016), spacing), (0, low * 1.7 + mid * (0.3 + 0.5 * i), mid * 0.97)
            ),
            3,
        )
        for i in range(2)
    ]
    scarf = part(moved(tube(ring(top * 0.98), 0.045, spacing, closed=True), (0, y - top * 0.85, 0)), 1)
    return join([*body, head, nose, *eyes, *buttons, scarf])
