"""The ground around the camera: carriageway, lines, kerbs, pavements, plots, shadows and painted words.

Every pixel below the horizon is traced to its place: ``s`` along the street, ``t`` to its right.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.light import Array, Light
from zuroku.datasets.sample.land.street_views.camera.optics import Colour, View
from zuroku.datasets.sample.land.street_views.camera.planes import ground_noise, picture_of, rgb
from zuroku.datasets.sample.land.street_views.habits import MunicipalHabits, RegionHabits
from zuroku.datasets.sample.land.street_views.roads import RoadLook

MAP_REACH_M = 48.0
"""How far shadows and painted words are kept, from the camera's foot along both axes."""


@dataclass(frozen=True)
class SideStreet:
    """A street that leaves to one ``side`` (-1 left, 1 right) between ``s0`` and ``s1`` metres ahead."""

    s0: float
    s1: float
    side: float


@dataclass
class Ground:
    """What lies on the ground of one scene; the street's middle is at t = 0."""

    look: RoadLook
    municipal: MunicipalHabits
    region: RegionHabits
    light: Light
    side_streets: list[SideStreet]
    zebras: list[float]
    covers: list[tuple[float, float]]
    plaza: tuple[float, float, float] | None
    """Middle and radius of the open ground before a landmark."""
    shadows: Image.Image
    """Grey map from above, 255 in the sun; ``words`` likewise holds white paint."""
    words: Image.Image
    turned: tuple[int, ...]
    """How each tile of noise lies in this scene: one of PIL's seven turns and mirrorings."""
    lamps: list[tuple[float, float]]
    """Where street lamps shine on the ground by night."""
    open_colour: Colour


@lru_cache(maxsize=8)
def _grain(which: int, turn: int) -> Image.Image:
    """Return the tile ``which``, turned, as a picture 1024 pixels square, neutral at 128."""
    grey = np.clip(128 + 36 * np.tile(ground_noise(which), (2, 2)), 0, 255)
    return Image.fromarray(grey.astype(np.uint8)).transpose(Image.Transpose(turn))


def lay_ground(view: View, ground: Ground) -> None:
    """Draw the ground on ``view``, from the horizon down."""
    first = int(view.middle[1]) + 1
    rows = np.arange(first, view.side, dtype=np.float32) + np.float32(0.5)
    depth = (view.eye[2] * view.focal_px / (rows - view.middle[1]))[:, None]
    across = (np.arange(view.side, dtype=np.float32) + 0.5 - view.middle[0])[None] / view.focal_px * depth
    s = depth * view.cos_turn - across * view.sin_turn + np.float32(view.eye[0])
    t = depth * view.sin_turn + across * view.cos_turn + np.float32(view.eye[1])
    coarse = np.broadcast_to(depth**2 * np.float32(1.2 / (view.focal_px * view.eye[2])), s.shape)
    painter = _Painter(view, s, t, np.asarray(coarse), ground)
    painter.plots()
    painter.pavement()
    painter.carriageway()
    painter.paint()
    painter.plaza()
    painter.mix(_from_map(view, ground.words, first, 0) * np.float32(0.82), (228, 228, 222))
    colour = painter.lit(_from_map(view, ground.shadows, first, 255), np.asarray(depth))
    view.canvas.paste(colour, (0, first))


def _from_map(view: View, picture: Image.Image, first: int, beyond: int) -> Array:
    """Return the map ``picture`` as it lies on the ground, ``(rows, w)`` in [0, 1]."""
    texels = picture.width / (2 * MAP_REACH_M)
    seen = view.flat(picture, -view.eye[2], texels, (first, view.side), beyond)
    return np.asarray(seen, np.float32) / np.float32(255)


class _Painter:
    """Colours of the ground ``(3, h, w)``, laid one over the other."""

    def __init__(self, view: View, s: Array, t: Array, coarse: Array, ground: Ground) -> None:
        self.view, self.s, self.t, self.ground = view, s, t, ground
        # A pixel covers ``fine`` metres across the line of sight, and ``coarse`` along it.
        self.fine = np.sqrt(coarse * np.float32(1.2 * view.eye[2] / view.focal_px))
        self.coarse = coarse
        self.reach = np.abs(t)
        self.colour = np.empty((3, *s.shape), np.float32)
        self.rough = 0.65 * self._noise(0, 9.0) + 0.75 * self._noise(3, 34.0)

    def _noise(self, which: int, per_m: float) -> Array:
        """Return noise of ``per_m`` grains to a metre, around 0, that fades where a pixel holds many."""
        grain = _grain(which, self.ground.turned[which])
        rows = (self.view.side - len(self.s), self.view.side)
        seen = self.view.flat(grain, -self.view.eye[2], per_m, rows, 128)
        fade = np.minimum(1, np.float32(1.6 / per_m) / self.coarse) / np.float32(36)
        return np.asarray((np.asarray(seen, np.float32) - np.float32(128)) * fade)

    def mix(self, mask: Array, colour: Colour | Array) -> None:
        """Lay ``colour`` where ``mask`` ``(h, w)`` is 1."""
        self.colour += mask * (rgb(colour) - self.colour)

    def within(self, values: Array, low: float, high: float) -> Array:
        """Return 1 where ``values`` lie between ``low`` and ``high``, softly edged over a pixel."""
        soft = np.minimum(values - np.float32(low), np.float32(high) - values) / self.fine + np.float32(0.5)
        return np.asarray(np.clip(soft, 0, 1))

    def plots(self) -> None:
        """Lay the ground beside the street: the region's soil and what it grows."""
        ground = self.ground
        broad = self._noise(1, 0.7)
        base, soil = rgb(ground.open_colour), rgb(ground.region.soil)
        kind = ground.region.open_ground
        patch = np.clip(0.32 + 0.3 * broad + 0.12 * self.rough, 0, 1)
        if kind in ("rice", "field"):
            gap = 0.9 if kind == "rice" else 1.4
            clear = np.clip(gap / 3 / self.fine, 0, 1)
            # Nobody sows the ground between the houses.
            sown = clear * np.clip((self.reach - np.float32(ground.look.half_m + 13)) / 4, 0, 1)
            patch = np.clip(0.36 + 0.5 * np.sin(self.t * (2 * np.pi / gap)) * sown + 0.26 * broad, 0, 1)
        elif kind == "gravel":
            patch = np.clip(0.55 + 0.28 * self.rough, 0, 1)
        self.colour[:] = base + patch * (soil - base)
        self.colour *= 1 + 0.1 * self.rough + 0.07 * broad

    def pavement(self) -> None:
        """Lay the pavement with its pattern, and the kerb."""
        look, municipal = self.ground.look, self.ground.municipal
        half = look.half_m
        slab = rgb(municipal.paving) * (1 + 0.06 * self.rough)
        if municipal.paving_form != "plain":
            gap = 0.6 if municipal.paving_form == "slabs" else 0.3
            joint = (np.mod(self.s, gap) < 0.05) | (np.mod(self.t, gap) < 0.05)
            slab *= 1 - np.float32(0.22) * joint * np.clip(np.float32(0.06) / self.coarse, 0, 1)
        outer = half + look.pavement_m
        self.mix(self.within(self.reach, half, outer), slab)
        if look.lanes > 1:
            kerb = rgb((178, 176, 170))
            if municipal.kerb != "plain":
                dark = rgb((206, 168, 52) if municipal.kerb == "yellow" else (96, 94, 92))
                kerb = np.where(np.mod(self.s, 1.6) < 0.8, kerb, dark)
            self.mix(self.within(self.reach, half, half + 0.22), kerb)
            self.mix(0.5 * self.within(self.reach, half + 0.22, half + 0.3), (60, 58, 56))

    def carriageway(self) -> None:
        """Lay the surface of the street and of those that leave it: asphalt or trodden earth."""
        look, ground = self.ground.look, self.ground
        broad = self._noise(2, 1.1)
        shade = look.shade * (1 + 0.07 * self.rough + 0.05 * broad)
        if look.paved:
            # Tyres polish two tracks in every lane.
            track = np.cos((self.t / np.float32(look.lane_m) + 0.5 * (look.lanes % 2 == 0)) * 4 * np.pi)
            shade = shade * (1 + 0.035 * track * (self.reach < look.half_m))
            cracks = np.abs(self._noise(3, 3.1) + 0.4 * broad) < 0.05 * look.cracks
            shade = shade * (1 - 0.3 * cracks * np.clip(0.05 / self.coarse, 0, 1))
            tint = rgb((look.warmth, 0.3 * look.warmth, -look.warmth))
        else:
            shade = shade * np.float32(1.32)
            tint = rgb((16, 4, -16))
        surface = shade + tint
        self.mix(self.within(self.reach, -1, look.half_m), surface)
        for way in ground.side_streets:
            beside = (self.t * way.side > look.half_m - 0.1).astype(np.float32)
            across = self.within(self.s, way.s0, way.s1)
            self.mix(across * beside, surface * np.float32(0.97))
            if look.paved and ground.municipal.stop == "red_ground":
                near = look.half_m + look.pavement_m + 1.0
                self.mix(across * self.within(self.t * np.float32(way.side), near, near + 6), (150, 70, 56))

    def paint(self) -> None:
        """Paint lines, crossings and the covers of manholes."""
        look, municipal = self.ground.look, self.ground.municipal
        if not look.paved:
            return
        worn = np.clip(0.86 + 0.18 * self.rough, 0, 1)
        free = np.ones_like(worn)
        for way in self.ground.side_streets:
            free *= 1 - self.within(self.s, way.s0, way.s1) * (self.t * way.side > 0)
        edge = look.half_m - (0.45 if look.lanes > 1 else 0.25)
        wide = 0.16 if municipal.edge[0] > 200 else 0.5
        self.mix(self.within(self.reach, edge - wide, edge) * worn * free, municipal.edge)
        self._centre(worn)
        if look.lanes == 4:
            lane = np.abs(self.reach - np.float32(look.half_m - look.lane_m))
            self.mix(self.within(lane, -1, 0.08) * worn * self._dashes(10, 5), (228, 228, 222))
        for at in self.ground.zebras:
            bars = self.within(np.mod(self.t + np.float32(0.25), 0.95), 0.0, 0.45)
            zone = self.within(self.s, at, at + 3.2) * self.within(self.reach, -1, look.half_m - 0.3)
            self.mix(bars * zone * worn, (232, 232, 228))
        for s, t in self.ground.covers:
            away = np.hypot(self.s - np.float32(s), self.t - np.float32(t))
            self.mix(self.within(away, -1, 0.34), (92, 90, 88))
            self.mix(self.within(away, -1, 0.29) * (0.8 + 0.2 * np.sin(away * 60)), municipal.cover)

    def plaza(self) -> None:
        """Lay the yard before a landmark over street and plots."""
        if self.ground.plaza is None:
            return
        s, t, radius = self.ground.plaza
        yard = rgb(self.ground.municipal.paving) * np.float32(0.6) + rgb((60, 57, 50))
        away = np.hypot(self.s - np.float32(s), self.t - np.float32(t))
        grain = 1 + 0.09 * self.rough + 0.035 * self._noise(2, 1.1)
        joint = (np.mod(self.s, 1.2) < 0.05) | (np.mod(self.t, 1.2) < 0.05)
        grain = grain * (1 - np.float32(0.16) * joint * np.clip(np.float32(0.06) / self.coarse, 0, 1))
        self.mix(self.within(away, -1, radius), yard * grain)
        self.mix(self.within(away, radius - 0.3, radius), yard * np.float32(0.75))

    def _dashes(self, period: float, length: float) -> Array:
        phase = np.mod(self.s, np.float32(period))
        clear = np.clip(period / 2 / self.coarse, 0, 1)
        dash = np.clip(np.minimum(phase, np.float32(length) - phase) / self.coarse + 0.5, 0, 1)
        return np.asarray(clear * dash + (1 - clear) * np.float32(length / period), np.float32)

    def _centre(self, worn: Array) -> None:
        look = self.ground.look
        white: Colour = (230, 230, 224)
        yellow: Colour = (224, 164, 36)
        if look.median != "none":
            green: Colour = self.ground.region.leaf if look.median == "planted" else (170, 168, 162)
            self.mix(self.within(self.reach, -1, 0.8), (176, 174, 168))
            self.mix(self.within(self.reach, -1, 0.6), green)
        elif look.centre == "dashed":
            self.mix(self.within(self.reach, -1, 0.08) * worn * self._dashes(8, 4), white)
        elif look.centre in ("solid", "yellow"):
            self.mix(self.within(self.reach, -1, 0.09) * worn, white if look.centre == "solid" else yellow)
        elif look.centre == "double":
            self.mix(self.within(self.reach, 0.09, 0.22) * worn, white)

    def lit(self, sunlit: Array, depth: Array) -> Image.Image:
        """Return the ground under the sun where ``sunlit`` is 1, in the shade where it is 0."""
        light = self.ground.light
        if light.snow:
            trodden = np.float32(0.55) * (self.reach < self.ground.look.half_m)
            self.mix(np.clip(np.float32(light.snow) + 0.35 * self.rough - trodden, 0, 1), (244, 247, 252))
        # Close to what casts a shadow, part of the sky is hidden as well.
        direct = np.float32(light.facing((0.0, 0.0, 1.0))) * sunlit
        shine = rgb(light.ambient) * (np.float32(0.86) + np.float32(0.14) * sunlit) + rgb(light.sun) * direct
        for s, t in self.ground.lamps:
            away = (self.s - np.float32(s)) ** 2 + (self.t - np.float32(t)) ** 2
            shine += rgb((1.3, 1.1, 0.75)) / (1 + away / 14)
        lit = np.minimum(self.colour * shine, 255)
        lit += (1 - np.exp(-depth / np.float32(light.haze_m))) * (rgb(light.haze) - lit)
        return picture_of(lit)
