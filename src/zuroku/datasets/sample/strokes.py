"""A pen: lines of living width, hatching, flat tints and lettering on a white sheet.

Everything drawn in line (maps, graphs, illustrations) is drawn with it. Coordinates are pixels of
the finished drawing; the sheet itself is larger, so that lines come out smooth.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from zuroku.datasets.sample.lettering import set_line
from zuroku.datasets.sample.noise import fractal, smoothstep
from zuroku.datasets.sample.style import BookStyle, Colour

Points = npt.NDArray[np.float64]
"""A polyline or outline, ``(n, 2)`` float64: x, y in pixels of the finished drawing."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the finished drawing."""

_SCALE = 2


def points(*pairs: tuple[float, float]) -> Points:
    """Collect x, y pairs into ``(n, 2)``."""
    return np.array(pairs, np.float64)


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the corners of an upright rectangle, ``(4, 2)``."""
    return points((left, top), (right, top), (right, bottom), (left, bottom))


def spline(knots: Points, closed: bool = False, per_span: int = 8) -> Points:
    """Draw a Catmull-Rom curve through ``knots``: ``(n, 2)`` → ``(about n · per_span, 2)``."""
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([knots[:1], knots, knots[-1:]])
    t = np.linspace(0, 1, per_span, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    flat: Points = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, knots[-1:]])


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, count: int = 28) -> Points:
    """Return the outline of an ellipse turned by ``turn`` radians: ``(count, 2)``."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return place(np.stack([np.cos(angle) * rx, np.sin(angle) * ry], 1), x, y, turn=turn)


def place(shape: Points, x: float, y: float, scale: float = 1.0, turn: float = 0.0) -> Points:
    """Scale ``shape`` about its origin, turn it by ``turn`` radians and move the origin to x, y."""
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    moved: Points = shape @ np.array([[cos, sin], [-sin, cos]]) + np.array([x, y])
    return moved


def _wash(rng: np.random.Generator, sheet: Image.Image) -> Image.Image:
    """Let colours pool and fade within their areas, as pigment laid on with water or a block does."""
    strength = rng.uniform(0.05, 0.45)
    pool = smoothstep(fractal(rng, sheet.size, (6, 6), 0.65, 5), -1.5, 1.5) * np.float32(strength)
    bands = [np.asarray(band, np.float32) for band in sheet.split()]
    return Image.merge(
        "RGB", [Image.fromarray((band + pool * (255 - band)).astype(np.uint8)) for band in bands]
    )


class Pen:
    """Ink on a white sheet of ``size`` = (width, height); colour only where ``coloured``."""

    def __init__(
        self, style: BookStyle, rng: np.random.Generator, size: tuple[int, int], coloured: bool = False
    ) -> None:
        self.style = style
        self.rng = rng
        self.width, self.height = size
        self.unit = max(size) / 500
        self.coloured = coloured
        self.weight = style.line_weight_px * self.unit * (1.25 if style.medium == "woodcut" else 1.0)
        self._bold = 1 if style.bold_type else 0
        # Watercolours are drawn with a pale key line, prints with a black one.
        self._key = int(rng.choice((0, 0, 40, 90))) if coloured else 0
        self.sheet = Image.new(
            "RGB" if coloured else "L",
            (size[0] * _SCALE, size[1] * _SCALE),
            (255, 255, 255) if coloured else 255,
        )
        self._draw = ImageDraw.Draw(self.sheet)

    def finish(self) -> Image.Image:
        """Return the drawing at its finished size."""
        sheet = self.sheet.reduce(_SCALE)
        return _wash(self.rng, sheet) if self.coloured else sheet

    def tint(self) -> Colour:
        """Choose a colour of the book's palette."""
        return self.style.palette[int(self.rng.integers(len(self.style.palette)))]

    def line(self, path: Points, weight: float = 1.0, tone: int = 0) -> None:
        """Draw an even line; ``weight`` is in line weights of the book."""
        thickness = max(1, round(weight * self.weight * _SCALE))
        self._draw.line(self._flat(path), fill=self._ink(tone), width=thickness, joint="curve")

    def stroke(self, path: Points, weight: float = 1.0, taper: float = 0.8) -> None:
        """Draw a brush line that swells and thins; ``taper`` is how thin its ends become."""
        if len(path) < 3:
            self.line(path, weight)
            return
        along = np.gradient(path, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], 1) / (
            np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-6
        )
        t = np.linspace(0, 1, len(path))
        swell = 1 - taper + taper * np.sin(np.pi * t) ** 0.6
        wobble = 1 + 0.25 * np.sin(t * self.rng.uniform(4, 14) + self.rng.uniform(0, 6))
        half = (0.5 * weight * self.weight * swell * wobble)[:, None]
        self._draw.polygon(
            self._flat(np.concatenate([path + normal * half, (path - normal * half)[::-1]])),
            fill=self._ink(0),
        )
        self.line(path, 0.35 * weight)

    def outline(self, shape: Points, weight: float = 1.0) -> None:
        """Draw a closed line."""
        self.line(np.concatenate([shape, shape[:2]]), weight)

    def fill(self, shape: Points, tone: int | Colour) -> None:
        """Fill ``shape`` flatly; a colour becomes white on an uncoloured sheet."""
        if isinstance(tone, tuple) and not self.coloured:
            tone = 255
        self._draw.polygon(self._flat(shape), fill=self._ink(tone) if isinstance(tone, int) else tone)

    def body(self, shape: Points, weight: float = 1.0, tone: int | Colour | None = None) -> None:
        """Outline ``shape`` over a fill (white, or of the palette) that hides what is behind it."""
        if tone is None:
            tone = self.tint() if self.coloured and self.rng.random() < 0.8 else 255
        self.fill(shape, tone)
        if not self.coloured and self.rng.random() < self.style.shading:
            extent = float(np.min(np.ptp(shape, axis=0)))
            if extent > 14 * self.unit:
                spacing = self.unit * self.rng.uniform(2.4, 5)
                self.hatch(shape, self.rng.uniform(-0.5, 0.9), spacing, 0.5, part=self.rng.uniform(0.2, 0.55))
        self.outline(shape, weight)

    def hatch(
        self, shape: Points, angle: float, spacing_px: float, weight: float = 0.6, part: float = 1.0
    ) -> None:
        """Fill ``shape`` with parallel lines, ``spacing_px`` apart at ``angle`` radians.

        With ``part`` below 1 only that share of each line is drawn, at its far end: a shaded flank.
        """
        cos, sin = np.cos(angle), np.sin(angle)
        turned = shape @ np.array([[cos, -sin], [sin, cos]])
        following = np.roll(turned, -1, axis=0)
        levels = np.arange(turned[:, 1].min() + spacing_px / 2, turned[:, 1].max(), spacing_px)
        levels = levels + self.rng.uniform(-0.15, 0.15, len(levels)) * spacing_px
        for level in levels:
            crosses = (turned[:, 1] <= level) != (following[:, 1] <= level)
            a, b = turned[crosses], following[crosses]
            xs = np.sort(a[:, 0] + (level - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]))
            for start, end in zip(xs[::2], xs[1::2], strict=False):
                segment = points((end - part * (end - start), level), (end, level)) @ np.array(
                    [[cos, sin], [-sin, cos]]
                )
                self.line(segment, weight)

    def shade(self, shape: Points, depth: float = 0.5) -> None:
        """Darken ``shape`` as the book's medium does: by hatching, cross-hatching or solid ink."""
        angle = self.rng.uniform(0.4, 1.2)
        spacing = self.unit * (7.5 - 5 * depth)
        if self.style.medium == "woodcut" and depth > 0.8:
            self.fill(shape, 0)
            return
        self.hatch(shape, angle, spacing)
        if self.style.medium == "engraving" and depth > 0.45:
            self.hatch(shape, angle + 1.1, spacing)

    def text(
        self, x: float, y: float, text: str, size_px: float, vertical: bool = False, tone: int | Colour = 0
    ) -> None:
        """Set ``text`` with its top left corner at x, y."""
        fill = self._ink(tone) if isinstance(tone, int) else tone
        set_line(
            self._draw, (x * _SCALE, y * _SCALE), text, size_px * _SCALE, fill, vertical, bold_px=self._bold
        )

    def _ink(self, tone: int) -> int | Colour:
        if not self.coloured:
            return tone
        return (max(tone, self._key), max(tone, self._key), max(tone, int(0.8 * self._key)))

    def _flat(self, path: Points) -> Sequence[float]:
        flat: list[float] = (path * _SCALE).ravel().tolist()
        return flat


def centre(pen: Pen, box: Box) -> tuple[float, float, float]:
    """Return middle x, middle y and the side in pixels of a square that fits ``box``."""
    side = min(box[2] - box[0], box[3] - box[1]) * pen.rng.uniform(0.85, 1.0)
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side
