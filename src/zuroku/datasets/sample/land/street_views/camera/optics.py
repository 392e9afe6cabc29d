"""The camera of the street views: from places beside the street to pixels.

Places are ``(s, t, y)`` in metres: along the street, to the right of it, and up from the ground. A view looks
level in one heading and covers 90°, so that four of them make a whole panorama.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import cos, radians, sin

from PIL import Image, ImageDraw

Place = tuple[float, float, float]
Plan = tuple[float, float]
Pixel = tuple[float, float]
Colour = tuple[int, int, int]

NEAR_M = 0.2
_SMALLEST_PX = 0.6


@dataclass
class View:
    """A square canvas, and the camera that looks towards ``compass_deg``.

    ``turn_deg`` is the same direction, counted clockwise from the street's bearing.
    """

    canvas: Image.Image
    compass_deg: float
    turn_deg: float
    eye: Place
    horizon: float
    """Where the horizon lies, as a share of the height from above."""

    def __post_init__(self) -> None:
        turn = radians(self.turn_deg)
        self.cos_turn, self.sin_turn = cos(turn), sin(turn)
        self.side = self.canvas.width
        self.focal_px = self.side / 2
        self.middle = (self.side / 2, self.horizon * self.side)

    @cached_property
    def draw(self) -> ImageDraw.ImageDraw:
        """Where flat colours are drawn."""
        return ImageDraw.Draw(self.canvas)

    def seen(self, place: Place) -> Place:
        """Turn a place into camera coordinates: right of, ahead of and above the eye, in metres."""
        s, t = place[0] - self.eye[0], place[1] - self.eye[1]
        return (
            t * self.cos_turn - s * self.sin_turn,
            s * self.cos_turn + t * self.sin_turn,
            place[2] - self.eye[2],
        )

    def pixel(self, seen: Place) -> Pixel:
        """Project camera coordinates, whose second value must be positive."""
        scale = self.focal_px / seen[1]
        return self.middle[0] + seen[0] * scale, self.middle[1] - seen[2] * scale

    def outline(self, places: Sequence[Place]) -> list[Pixel]:
        """Project a flat outline, cut off before the camera; empty when nothing of it is in the picture."""
        points = [self.seen(place) for place in places]
        kept: list[Place] = []
        for one, two in zip(points, points[1:] + points[:1], strict=True):
            if one[1] >= NEAR_M:
                kept.append(one)
            if (one[1] >= NEAR_M) != (two[1] >= NEAR_M):
                share = (NEAR_M - one[1]) / (two[1] - one[1])
                kept.append((one[0] + share * (two[0] - one[0]), NEAR_M, one[2] + share * (two[2] - one[2])))
        if len(kept) < 3:
            return []
        pixels = [self.pixel(point) for point in kept]
        if max(x for x, _ in pixels) < 0 or min(x for x, _ in pixels) > self.side:
            return []
        return pixels

    def polygon(self, places: Sequence[Place], fill: Colour) -> None:
        """Fill a flat outline."""
        if pixels := self.outline(places):
            self.draw.polygon(pixels, fill=fill)

    def line(self, places: Sequence[Place], wide_m: float, fill: Colour, least_px: int = 1) -> None:
        """Draw a line ``wide_m`` thick through ``places``, thinner where it is farther."""
        for one, two in pairwise(places):
            self._segment(self.seen(one), self.seen(two), wide_m, fill, least_px)

    def _segment(self, one: Place, two: Place, wide_m: float, fill: Colour, least_px: int) -> None:
        if one[1] < NEAR_M and two[1] < NEAR_M:
            return
        if one[1] < NEAR_M:
            one, two = two, one
        if two[1] < NEAR_M:
            share = (one[1] - NEAR_M) / (one[1] - two[1])
            two = (one[0] + share * (two[0] - one[0]), NEAR_M, one[2] + share * (two[2] - one[2]))
        a, b = self.pixel(one), self.pixel(two)
        if max(a[0], b[0]) < -9 or min(a[0], b[0]) > self.side + 9:
            return
        wide = wide_m * self.focal_px / (0.5 * (one[1] + two[1]))
        self.draw.line((a, b), fill=fill, width=max(least_px, round(wide)))

    def flat(
        self, picture: Image.Image, height_m: float, texels: float, rows: tuple[int, int], beyond: int
    ) -> Image.Image:
        """Return how a level picture looks in ``rows`` (first, last) of the canvas.

        ``picture`` lies ``height_m`` above the eye (negative: below), its middle at s = t = 0, with
        ``texels`` to a metre; s runs along its width, t along its height. Outside it is ``beyond``.
        """
        # Depth = -height · focal / y with y = row - middle, so that s and t are ratios over y.
        drop, off = -height_m * texels, rows[0] - self.middle[1]
        values: list[float] = []
        size = (picture.width / 2, picture.height / 2)
        for ahead, right, shift in (
            (self.cos_turn, -self.sin_turn, self.eye[0] * texels + size[0]),
            (self.sin_turn, self.cos_turn, self.eye[1] * texels + size[1]),
        ):
            values += [
                right * drop,
                shift,
                drop * (ahead * self.focal_px - right * self.middle[0]) + shift * off,
            ]
        # PIL wants a denominator of the form g·x + h·y + 1.
        values = [value / off for value in values] + [0.0, 1 / off]
        return picture.transform(
            (self.side, rows[1] - rows[0]),
            Image.Transform.PERSPECTIVE,
            values,
            Image.Resampling.BILINEAR,
            fillcolor=beyond,
        )

    def wall(self, start: Plan, end: Plan, bottom: float, top: float, picture: Image.Image) -> None:
        """Hang ``picture`` (RGB, or RGBA with holes) on an upright plane between two points of the plan.

        It is never seen mirrored: its left edge is at the end that is farther left in the view.
        """
        a, b = self.seen((*start, 0.0)), self.seen((*end, 0.0))
        if a[0] * b[1] > b[0] * a[1]:
            a, b = b, a
        cut = _cut_near(a, b)
        if cut is None:
            return
        corners = []
        for share, height in ((cut[0], top), (cut[1], top), (cut[1], bottom), (cut[0], bottom)):
            x, z = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
            corners.append(self.pixel((x, z, height - self.eye[2])))
        left, right = max(0, int(corners[0][0])), min(self.side, int(corners[1][0]) + 1)
        upper = max(0, int(min(corners[0][1], corners[1][1])))
        lower = min(self.side, int(max(corners[2][1], corners[3][1])) + 1)
        if right <= left or lower <= upper or corners[1][0] - corners[0][0] < _SMALLEST_PX:
            return
        wide = (corners[1][0] - corners[0][0]) / max(cut[1] - cut[0], 1e-3)
        tall = max(corners[3][1] - corners[0][1], corners[2][1] - corners[1][1])
        shrink = _shrink(picture.width, wide), _shrink(picture.height, tall)
        if max(shrink) > 1:
            picture = picture.reduce(shrink)
        warp = self._warp(a, b, bottom, top, picture.size, (left, upper))
        size = (right - left, lower - upper)
        # Plain bilinear sampling is enough: the whole picture is drawn at twice its size.
        patch = picture.transform(size, Image.Transform.PERSPECTIVE, warp, Image.Resampling.BILINEAR)
        if picture.mode == "RGBA":
            self.canvas.paste(patch, (left, upper), patch)
            return
        mask = Image.new("1", size, 0)
        ImageDraw.Draw(mask).polygon([(x - left, y - upper) for x, y in corners], fill=1)
        self.canvas.paste(patch, (left, upper), mask)

    def _warp(
        self, a: Place, b: Place, bottom: float, top: float, size: tuple[int, int], corner: tuple[int, int]
    ) -> tuple[float, ...]:
        """Return PIL's coefficients from pixels of the canvas, counted from ``corner``, to the picture."""
        width, height = size
        run, rise = b[0] - a[0], b[1] - a[1]
        off_x, off_y = corner[0] - self.middle[0], corner[1] - self.middle[1]
        # With k = x / focal: share = (k·a_z - a_x) / d and depth = across / d, where d = run - k·rise.
        d_x, d_1 = -rise / self.focal_px, run - off_x / self.focal_px * rise
        across = a[1] * run - a[0] * rise
        tall, above = height / (top - bottom), top - self.eye[2]
        u_x, u_1 = width * a[1] / self.focal_px, width * (off_x / self.focal_px * a[1] - a[0])
        v_y = tall * across / self.focal_px
        v_x, v_1 = tall * above * d_x, tall * above * d_1 + v_y * off_y
        scale = 1 / (d_1 if abs(d_1) > 1e-9 else 1e-9)
        return u_x * scale, 0.0, u_1 * scale, v_x * scale, v_y * scale, v_1 * scale, d_x * scale, 0.0


def _shrink(texels: int, pixels: float) -> int:
    """Return by which whole number a picture is to be reduced before it is warped onto fewer pixels."""
    return max(1, min(int(texels / max(pixels, 1.0)), texels // 2))


def _cut_near(a: Place, b: Place) -> tuple[float, float] | None:
    """Return which shares of the way from ``a`` to ``b`` lie before the camera."""
    if a[1] < NEAR_M and b[1] < NEAR_M:
        return None
    if a[1] >= NEAR_M and b[1] >= NEAR_M:
        return 0.0, 1.0
    share = (NEAR_M - a[1]) / (b[1] - a[1])
    return (share, 1.0) if a[1] < NEAR_M else (0.0, share)


def tone(colour: Colour, factor: float) -> Colour:
    """Return ``colour`` lighter or darker."""
    red, green, blue = (int(min(255, factor * c)) for c in colour)
    return red, green, blue
