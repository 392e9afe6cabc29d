"""How the forms of things are varied, and the turned and bent parts that many of them share."""

import numpy as np

from zuroku.datasets.sample.photos.rendering.surfaces import Line, Surface, join, lathe, part
from zuroku.datasets.sample.strokes import points, spline

Form = tuple[float, float, float, float]
"""Four numbers in [0, 1] that make one vase slimmer than the next."""


def between(low: float, high: float, share: float) -> float:
    """Return what lies at ``share`` (0–1) of the way from ``low`` to ``high``."""
    return low + (high - low) * share


def smooth_profile(*knots: tuple[float, float]) -> Line:
    """Return a smooth profile through (radius, height) knots, never left of the axis."""
    curve = spline(points(*knots), per_span=10)
    curve[:, 0] = np.maximum(curve[:, 0], 0)
    return curve


def hollow(outside: Line, wall: float, depth: float, spacing: float) -> Surface:
    """Turn a vessel: its outside, and in part 1 its inside down to the height ``depth``."""
    lip_r, lip_y = outside[-1]
    inner = outside[outside[:, 1] > depth][::-1] - np.array([wall, 0.0])
    inner = inner[inner[:, 0] > 0.02]
    rim = points((lip_r, lip_y), (lip_r - 0.5 * wall, lip_y + 0.4 * wall), (lip_r - wall, lip_y))
    floor = points((0.0, float(inner[-1, 1]) if len(inner) else depth))
    inside = np.concatenate([rim, inner[1:], floor]) if len(inner) > 1 else np.concatenate([rim, floor])
    return join([lathe(outside, spacing), part(lathe(inside, spacing), 1)])


def arc(middle: tuple[float, float], radii: tuple[float, float], start: float, end: float) -> Line:
    """Return an arc ``(k, 3)`` in the x–y plane, from ``start`` to ``end`` degrees."""
    angle = np.radians(np.linspace(start, end, 40))
    x = middle[0] + radii[0] * np.cos(angle)
    return np.stack([x, middle[1] + radii[1] * np.sin(angle), np.zeros_like(x)], 1)


def ring(radius: float) -> Line:
    """Return a level circle ``(k, 3)`` about the y axis, which ends where it begins."""
    angle = np.linspace(0, 2 * np.pi, 90)
    return np.stack([radius * np.cos(angle), np.zeros_like(angle), radius * np.sin(angle)], 1)
