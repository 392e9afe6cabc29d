"""Perspective for photographs: flat drawings warped onto quadrilaterals, and a pinhole camera."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Corner = tuple[float, float]
Quad = tuple[Corner, Corner, Corner, Corner]
"""Corners in pixels: top left, top right, bottom right, bottom left of what is put there."""

Site = tuple[float, float, float, float]
"""Where a building stands: middle x, ground y, half width and height, in pixels."""


def trapezoid(x: float, top: tuple[float, float], foot: tuple[float, float]) -> Quad:
    """Return an upright trapezoid about ``x``; ``top`` and ``foot`` are each y and half width, in pixels."""
    (y0, a), (y1, b) = top, foot
    return (x - a, y0), (x + a, y0), (x + b, y1), (x - b, y1)


def paste_quad(image: Image.Image, flat: Image.Image, quad: Quad) -> None:
    """Warp the grey drawing ``flat`` onto ``quad`` of the grey ``image``, in place."""
    xs, ys = [x for x, _ in quad], [y for _, y in quad]
    left, top = max(0, int(min(xs))), max(0, int(min(ys)))
    right, bottom = min(image.width, int(max(xs)) + 1), min(image.height, int(max(ys)) + 1)
    if right <= left or bottom <= top:
        return
    moved = [(x - left, y - top) for x, y in quad]
    source = ((0.0, 0.0), (flat.width, 0.0), (flat.width, flat.height), (0.0, flat.height))
    rows, targets = [], []
    for (x, y), (u, v) in zip(moved, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        targets += [u, v]
    coefficients = np.linalg.solve(np.array(rows, np.float64), np.array(targets, np.float64))
    size = (right - left, bottom - top)
    warped = flat.transform(
        size, Image.Transform.PERSPECTIVE, coefficients.tolist(), Image.Resampling.BILINEAR
    )
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon(moved, fill=255)
    image.paste(warped, (left, top), mask)


@dataclass(frozen=True)
class Camera:
    """A level pinhole camera looking along +z from x = 0, y = ``eye`` (metres above the floor).

    ``focal_px`` scales metres at 1 m distance to pixels; ``middle`` is the vanishing point.
    """

    focal_px: float
    eye: float
    middle: Corner

    def at(self, x: float, y: float, z: float) -> Corner:
        """Project a point in metres (right, up from the floor, ahead) to pixels."""
        return (self.middle[0] + self.focal_px * x / z, self.middle[1] - self.focal_px * (y - self.eye) / z)

    def block(
        self,
        draw: ImageDraw.ImageDraw,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
        tone: int,
    ) -> None:
        """Draw a box between two opposite corners (metres): its front, top and visible side."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        if y1 < self.eye:
            top = [self.at(x0, y1, z0), self.at(x1, y1, z0), self.at(x1, y1, z1), self.at(x0, y1, z1)]
            draw.polygon(top, fill=min(255, int(tone * 1.35) + 8))
        near = x0 if x0 > 0 else x1
        if x0 > 0 or x1 < 0:
            side = [
                self.at(near, y0, z0),
                self.at(near, y1, z0),
                self.at(near, y1, z1),
                self.at(near, y0, z1),
            ]
            draw.polygon(side, fill=int(tone * 0.6))
        front = [self.at(x0, y0, z0), self.at(x1, y0, z0), self.at(x1, y1, z0), self.at(x0, y1, z0)]
        draw.polygon(front, fill=tone)
