"""Things of a household: candles, books, boxes, cushions, lamps, hats, chairs, toys."""

import numpy as np
import numpy.typing as npt

from zuroku.datasets.sample.photos.rendering.surfaces import (
    Surface,
    block,
    cushion,
    cut,
    ellipsoid,
    join,
    lathe,
    moved,
    part,
    patch,
    tube,
    turn_about,
)
from zuroku.datasets.sample.photos.things.forms import Form, arc, between, ring, smooth_profile
from zuroku.datasets.sample.strokes import points


def candle(form: Form, spacing: float) -> Surface:
    """A burning candle in its holder."""
    wide, tall = between(0.07, 0.11, form[0]), between(0.4, 0.62, form[1])
    foot = between(0.22, 0.3, form[2])
    holder = smooth_profile(
        (0, 0),
        (foot, 0),
        (foot, 0.02),
        (0.1, 0.06),
        (0.06, 0.12),
        (0.09, 0.2),
        (wide * 1.5, 0.24),
        (wide * 1.6, 0.28),
    )
    top = 0.26 + tall
    wax = smooth_profile(
        (wide, 0.26), (wide, 0.26 + 0.5 * tall), (wide * 0.98, top), (wide * 0.6, top - 0.02), (0, top - 0.03)
    )
    flame = lathe(
        smooth_profile((0, top + 0.02), (0.03, top + 0.06), (0.02, top + 0.11), (0, top + 0.16)), spacing
    )
    return join([lathe(holder, spacing), part(lathe(wax, spacing), 2), part(flame, 3)])


def book(form: Form, spacing: float) -> Surface:
    """A bound book, lying, with another format by its form."""
    half = (between(0.36, 0.48, form[0]), between(0.05, 0.11, form[1]), between(0.28, 0.34, form[2]))
    x, y, z = half
    cover = 0.014
    boards = [
        moved(block((x, cover, z), 0.01, spacing), (0, cover, 0)),
        moved(block((x, cover, z), 0.01, spacing), (0, 2 * y - cover, 0)),
        moved(block((cover, y, z), 0.012, spacing), (-x + cover, y, 0)),
    ]
    pages = part(moved(block((x - 0.025, y - 2 * cover, z - 0.02), 0, spacing), (0.0, y, 0)), 2)
    return join([*boards, pages])


def box(form: Form, spacing: float) -> Surface:
    """A chest with its lid and clasp."""
    half = (between(0.36, 0.48, form[0]), between(0.2, 0.36, form[1]), between(0.26, 0.36, form[2]))
    x, y, z = half
    split = 2 * y * 0.7
    body = moved(block((x, split / 2, z), 0.02, spacing), (0, split / 2, 0))
    lid = moved(block((x + 0.02, (2 * y - split) / 2, z + 0.02), 0.02, spacing), (0, (split + 2 * y) / 2, 0))
    clasp = part(moved(block((0.05, 0.06, 0.012), 0.008, spacing), (0, split, z + 0.025)), 2)
    return join([body, part(lid, 1) if form[3] > 0.5 else lid, clasp])


def ball(form: Form, spacing: float) -> Surface:
    """A ball."""
    return moved(ellipsoid((0.42, 0.42, 0.42), spacing), (0, 0.42, 0), turn_about(2, 35 * form[0]))


def pillow(form: Form, spacing: float) -> Surface:
    """A square pillow, standing on its edge and leaning back."""
    power = between(5, 9, form[0])

    def outline(angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(
            0.42 / (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (1 / power)
        )

    flat = cushion(outline, between(0.24, 0.36, form[1]), spacing, 0.8)
    return moved(flat, (0, 0.42, 0), turn_about(0, between(62, 76, form[2])))


def drum(form: Form, spacing: float) -> Surface:
    """A drum with hoops and skin."""
    wide, tall = between(0.34, 0.44, form[0]), between(0.44, 0.66, form[1])
    swell = between(1.0, 1.2, form[2])
    side = smooth_profile((wide, 0.02), (wide * swell, 0.5 * tall), (wide, tall))
    hoops = [
        part(moved(tube(ring(wide + 0.012), 0.022, spacing, closed=True), (0, y, 0)), 1)
        for y in (0.03, tall - 0.03)
    ]
    skin = part(lathe(points((wide, tall), (0.5 * wide, tall + 0.006), (0, tall + 0.008)), spacing), 2)
    return join([lathe(side, spacing), *hoops, skin])


def lamp(form: Form, spacing: float) -> Surface:
    """A table lamp."""
    wide, tall = between(0.3, 0.4, form[0]), between(0.3, 0.42, form[1])
    low = 1.0 - tall
    foot = smooth_profile(
        (0, 0), (0.2, 0), (0.2, 0.03), (0.08, 0.08), (between(0.1, 0.2, form[2]), 0.28), (0.03, low - 0.03)
    )
    pole = points((0.02, low - 0.05), (0.02, 0.95))
    shade = points((wide, low), (wide * between(0.45, 0.75, form[3]), 1.0))
    return join([lathe(foot, spacing), part(lathe(pole, spacing), 2), part(lathe(shade, spacing), 1)])


_PIPS = {
    1: ((0, 0),),
    3: ((-1, -1), (0, 0), (1, 1)),
    4: ((-1, -1), (-1, 1), (1, -1), (1, 1)),
    5: ((-1, -1), (-1, 1), (0, 0), (1, -1), (1, 1)),
    6: ((-1, -1), (-1, 0), (-1, 1), (1, -1), (1, 0), (1, 1)),
}


def dice(form: Form, spacing: float) -> Surface:
    """A die."""
    half, pip = 0.36, 0.07
    cube = block((half, half, half), between(0.05, 0.12, form[0]), spacing)
    pips = []
    faces = (((0, 0, 1), 1), ((1, 0, 0), 3), ((0, 1, 0), 5), ((-1, 0, 0), 4), ((0, 0, -1), 6))
    for normal, count in faces:
        n = np.array(normal)
        a = np.array((n[1], n[2], n[0]))
        b = np.cross(n, a)
        for p, q in _PIPS[count]:
            middle = n * half * 0.995 + (a * p + b * q) * half * 0.55
            radii = [0.02 if n[i] else pip for i in range(3)]
            pips.append(part(moved(ellipsoid(radii, spacing), tuple(middle)), 1))
    return moved(join([cube, *pips]), (0, half, 0))


def hat(form: Form, spacing: float) -> Surface:
    """A hat with its band."""
    brim, crown = between(0.44, 0.52, form[0]), between(0.2, 0.26, form[1])
    tall = between(0.24, 0.42, form[2])
    felt = smooth_profile(
        (brim, 0.03),
        (brim * 0.75, 0.012),
        (crown * 1.12, 0.03),
        (crown, 0.12),
        (crown * 0.93, tall),
        (0.08, tall + 0.02),
        (0, tall - 0.02),
    )
    under = points((0, 0.004), (brim, 0.02))
    band = part(lathe(points((crown * 1.09, 0.05), (crown * 1.02, 0.13)), spacing), 1)
    return join([lathe(felt, spacing), lathe(under, spacing), band])


def lantern(form: Form, spacing: float) -> Surface:
    """A paper lantern."""
    wide, tall = between(0.26, 0.36, form[0]), between(0.6, 0.74, form[1])
    base = 0.08
    paper = smooth_profile(
        (wide * 0.6, base),
        (wide * 0.95, base + 0.12),
        (wide, base + 0.5 * tall),
        (wide * 0.95, base + tall - 0.12),
        (wide * 0.6, base + tall),
    )
    whole = lathe(paper, spacing)
    hoops = [
        part(
            moved(
                lathe(points((0, 0), (wide * 0.63, 0), (wide * 0.63, 0.07), (0, 0.07)), spacing), (0, y, 0)
            ),
            2,
        )
        for y in (0.02, base + tall - 0.01)
    ]
    handle = part(moved(tube(arc((0, base + tall + 0.05), (0.2, 0.17), 0, 180), 0.012, spacing)), 2)
    return join([whole, *hoops, handle])


def chair(form: Form, spacing: float) -> Surface:
    """A chair."""
    wide, seat = between(0.24, 0.3, form[0]), between(0.4, 0.48, form[1])
    legs = [
        moved(
            block((0.025, seat / 2, 0.025), 0.01, spacing), (x * (wide - 0.03), seat / 2, z * (wide - 0.03))
        )
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    board = part(moved(block((wide, 0.035, wide), 0.02, spacing), (0, seat, 0)), 1)
    posts = [
        moved(
            block((0.025, (1 - seat) / 2, 0.025), 0.01, spacing),
            (x * (wide - 0.03), (1 + seat) / 2, -wide + 0.03),
        )
        for x in (-1, 1)
    ]
    bars = [
        moved(block((wide - 0.03, 0.035, 0.015), 0.01, spacing), (0, seat + (1 - seat) * share, -wide + 0.03))
        for share in (0.45, 0.9)
    ]
    return join([*legs, board, *posts, *bars])


def boat(form: Form, spacing: float) -> Surface:
    """A toy boat with a mast and a sail."""
    long, wide, deep = 0.46, between(0.13, 0.18, form[0]), between(0.14, 0.2, form[1])

    def outline(angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(1 / np.sqrt((np.cos(angle) / long) ** 2 + (np.sin(angle) / wide) ** 2))

    deck = moved(cushion(outline, 0.01, spacing), (0, deep, 0), scale=(0.9, 1.0, 0.85))
    mast = tube(np.array([[0.03, deep, 0], [0.03, 0.98, 0]]), 0.014, spacing)
    sails = [part(_sail(side, deep + 0.1, spacing), 3) for side in (1, -1)]
    return join([_hull(long, wide, deep, spacing), part(deck, 1), part(mast, 2), *sails])


def _hull(long: float, wide: float, deep: float, spacing: float) -> Surface:
    """Return the outside of a boat, ``long`` being half of its length and ``wide`` half of its beam."""
    share = np.linspace(-1, 1, max(8, int(2 * long / spacing)))
    angle = np.linspace(-np.pi, 0, max(8, int(np.pi * wide / spacing)))
    beam = wide * (1 - np.abs(share) ** 2.2) ** 0.7 + 0.004
    s, a = np.meshgrid(share, angle, indexing="ij")
    height = deep + 0.06 * s**2 + deep * np.sin(a) * (1 - 0.3 * s**2)
    grid = np.stack([long * s, height, beam[:, None] * np.cos(a)])
    normals = np.cross(np.gradient(grid, axis=2), np.gradient(grid, axis=1), axis=0)
    normals /= np.maximum(np.linalg.norm(normals, axis=0), 1e-9)
    outward = np.where((normals * (grid - np.array([0, deep, 0])[:, None, None])).sum(0) < 0, -1, 1)
    places, ways = (field.reshape(3, -1).astype(np.float32) for field in (grid, normals * outward))
    return Surface(places, ways, places[:2].copy(), np.zeros(places.shape[1], np.uint8))


def _sail(side: int, foot: float, spacing: float) -> Surface:
    """Return the front (1) or the back (-1) of a triangular sail above ``foot``."""
    wide, tall = 0.34, 0.6
    corner = (0.05 if side > 0 else 0.05 + wide, foot, 0.004 * side)
    whole = patch(corner, (wide * side, 0, 0), (0, tall, 0), spacing)
    return cut(whole, (whole.points[0] - 0.05) / wide < 1 - (whole.points[1] - foot) / tall)
