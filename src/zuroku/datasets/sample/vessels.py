"""Turned vessels in photographs: vases, jars, bowls, bottles, ewers, with their glaze and handles."""

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.noise import Field, fractal, to_image, to_tones
from zuroku.datasets.sample.relief import light_relief
from zuroku.datasets.sample.strokes import Points, points, spline

Mask = Image.Image
_SIDE = 220


def vessel(rng: np.random.Generator) -> tuple[Field, Field]:
    """Turn a vase, jar, bowl, bottle or ewer; return tones and mask, ``(side, side)``."""
    rows = np.arange(_SIDE, dtype=np.float32)
    squat = rng.random() < 0.3
    top, bottom = (60, 160) if squat else (14, 206)
    knots = int(rng.integers(4, 7))
    radii = rng.uniform(0.28, 1.0, knots)
    radii[-1] = max(radii[-1] * 0.7, 0.3)
    if rng.random() < 0.5:
        radii[int(rng.integers(0, 2))] = rng.uniform(0.15, 0.4)
    profile = spline(np.stack([np.linspace(top, bottom, knots), radii], 1), per_span=16)
    radius = np.interp(rows, profile[:, 0], profile[:, 1]).astype(np.float32) * (
        90 if squat else rng.uniform(50, 95)
    )
    radius = np.where((rows >= top) & (rows <= bottom), np.maximum(radius, 4), 0)
    x = rows - _SIDE / 2
    bow = np.clip(1 - (x[None] / np.maximum(radius[:, None], 0.5)) ** 2, 0, 1)
    mask = np.clip(radius[:, None] - np.abs(x[None]) + 0.5, 0, 1)
    height = np.sqrt(bow) * radius[:, None]
    around = np.arcsin(np.clip(x[None] / np.maximum(radius[:, None], 0.5), -1, 1))
    glaze = _glaze(rng, around.astype(np.float32), np.asarray(rows[:, None] / _SIDE, np.float32))
    tones = light_relief(rng, height.astype(np.float32), glaze, rng.uniform(0, 0.6))
    tones *= 0.55 + 0.45 * np.sqrt(np.clip(bow * 2.5, 0, 1))
    mask = mask.astype(np.float32)
    image, cover = to_image(tones), to_image(mask)
    _mouth_and_handles(rng, image, cover, radius, top, bottom)
    return to_tones(image), to_tones(cover)


def _glaze(rng: np.random.Generator, around: Field, down: Field) -> Field:
    """Paint a vessel: ``around`` (radians) and ``down`` (0–1) locate each point; returns its albedo."""
    base = rng.uniform(0.25, 0.9)
    albedo = base + 0.06 * fractal(rng, (_SIDE, _SIDE), (9, 9), 0.7, 5)
    ink = 0.12 if base > 0.45 else 0.85
    kind = int(rng.integers(6))
    if kind == 0:
        albedo = np.where(np.sin(down * rng.uniform(25, 110)) > rng.uniform(0.2, 0.9), ink, albedo)
    elif kind == 1:
        # Scales of waves: arcs in staggered rows.
        v = down * rng.uniform(12, 22)
        u = around * rng.uniform(3, 6) + 0.5 * np.floor(v)
        arcs = np.hypot(u - np.round(u), v - np.floor(v) - 1)
        albedo = np.where(np.sin(arcs * 26) > 0.1, ink, albedo)
    elif kind == 2:
        flowers = fractal(rng, (_SIDE, _SIDE), (9, 9), 0.5, 3)
        albedo = np.where((np.abs(flowers) < 0.16) | (flowers > 1.5), ink, albedo)
    elif kind == 3:
        albedo = albedo * (1 - 0.45 * (down > rng.uniform(0.3, 0.7) + 0.05 * np.sin(3 * around)))
    elif kind == 4:
        albedo = np.where(
            np.sin(around * rng.uniform(8, 24) + down * rng.uniform(-30, 30)) > 0.6, ink, albedo
        )
    return np.asarray(albedo, np.float32)


def _mouth_and_handles(
    rng: np.random.Generator, image: Mask, cover: Mask, radius: Field, top: int, bottom: int
) -> None:
    """Open the vessel's mouth; at times add a handle, a spout or ears, on tones and cover alike."""
    middle, lip = _SIDE / 2, float(radius[top + 1])
    rim = (middle - lip, top - 0.18 * lip, middle + lip, top + 0.18 * lip)
    draw, shape = ImageDraw.Draw(image), ImageDraw.Draw(cover)
    shape.ellipse(rim, fill=255)
    draw.ellipse(rim, fill=int(rng.integers(15, 60)), outline=190, width=2)
    if rng.random() < 0.45:
        thick = int(rng.integers(6, 13))
        y0, y1 = top + 0.12 * (bottom - top), top + 0.6 * (bottom - top)
        for side in (-1, 1) if rng.random() < 0.4 else (1,):
            reach = middle + side * (radius[int(y0)] + rng.uniform(22, 42))
            knots = points(
                (middle + side * radius[int(y0)] * 0.9, y0),
                (reach, y0 + 4),
                (reach, (y0 + y1) / 2),
                (middle + side * radius[int(y1)] * 0.9, y1),
            )
            _tube(draw, shape, spline(knots), thick)
        if rng.random() < 0.6:
            belly = middle - radius[int(y1)] * 0.9
            knots = points((belly, y1), (belly - 30, y1 - 20), (max(8.0, belly - 48), top + 10))
            _tube(draw, shape, spline(knots), thick)


def _tube(draw: ImageDraw.ImageDraw, shape: ImageDraw.ImageDraw, path: Points, thick: int) -> None:
    """Draw a round rod along ``path``: dark below, lit along its upper edge."""
    flat = path.ravel().tolist()
    shape.line(flat, 255, thick, joint="curve")
    draw.line(flat, 55, thick, joint="curve")
    draw.line((path - (1.2, 1.2)).ravel().tolist(), 120, max(2, thick // 2), joint="curve")
    draw.line((path - (2, 2)).ravel().tolist(), 200, max(1, thick // 5), joint="curve")
