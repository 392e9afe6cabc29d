"""Maps of a scene from above: what lies in the shade, and the words painted on its streets.

Both reach `MAP_REACH_M` from the camera's foot; s runs along their width, t along their height.
"""

from collections.abc import Callable
from functools import partial

from PIL import Image, ImageDraw, ImageFilter

from zuroku.datasets.sample.land.street_views.roadway import MAP_REACH_M
from zuroku.datasets.sample.land.street_views.site import Site
from zuroku.datasets.sample.land.street_views.things.buildings import House
from zuroku.datasets.sample.land.street_views.things.cars import Car
from zuroku.datasets.sample.land.street_views.things.furniture import Lamp, Pole, Standing
from zuroku.datasets.sample.lettering import set_line

_SHADE_TEXELS, _WORD_TEXELS = 4, 8

_Corner = tuple[float, float]
_Locate = Callable[[float, float], _Corner]


def shadow_map(site: Site) -> Image.Image:
    """Draw what lies in the shade (0) and in the sun (255)."""
    side = int(2 * MAP_REACH_M * _SHADE_TEXELS)
    sheet = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(sheet)
    ray = site.light.ray
    reach = (-ray[0] / max(ray[2], 0.2), -ray[1] / max(ray[2], 0.2))
    at: _Locate = partial(_texel, _SHADE_TEXELS)
    for thing in (*site.plots, *site.street):
        if isinstance(thing, House):
            _block(draw, at, (thing.s0, thing.s1, thing.front, thing.back), thing.eaves + 1, reach)
        elif isinstance(thing, Car):
            _block(draw, at, (thing.s - 2.1, thing.s + 2.1, thing.t - 0.8, thing.t + 0.8), 1.3, reach)
        elif isinstance(thing, Standing) and thing.top > 2.9:
            middle, half = 0.6 * thing.top, 0.36 * min(thing.wide, thing.top)
            s, t = thing.s + reach[0] * middle, thing.t + reach[1] * middle
            draw.line((at(thing.s, thing.t), at(s, t)), 60, 2)
            draw.ellipse((*at(s - half, t - half), *at(s + half, t + half)), 40)
        elif isinstance(thing, Pole | Lamp | Standing):
            tall = thing.tall if isinstance(thing, Pole) else 6.0 if isinstance(thing, Lamp) else thing.top
            draw.line((at(thing.s, thing.t), at(thing.s + reach[0] * tall, thing.t + reach[1] * tall)), 80, 1)
    return sheet.filter(ImageFilter.BoxBlur(1))


def word_map(site: Site) -> Image.Image:
    """Draw the white paint (255) where side streets meet this one: the line and the word to stop."""
    side = int(2 * MAP_REACH_M * _WORD_TEXELS)
    sheet = Image.new("L", (side, side), 0)
    if not site.look.paved:
        return sheet
    draw = ImageDraw.Draw(sheet)
    at: _Locate = partial(_texel, _WORD_TEXELS)
    framed = site.habits.municipal.stop == "framed"
    for way in site.side_streets:
        line = way.side * (site.outer + 1.2)
        far = line + way.side * 0.45
        draw.rectangle((*at(way.s0 + 0.2, min(line, far)), *at(way.s1 - 0.2, max(line, far))), fill=255)
        word = Image.new("L", (40, 120), 0)
        pen = ImageDraw.Draw(word)
        set_line(pen, (2, 0), "止まれ", 34, 255, vertical=True)
        if framed:
            pen.rectangle((0, 0, 39, 119), outline=255, width=3)
        size = (int(0.4 * (way.s1 - way.s0) * _WORD_TEXELS), int(4.2 * _WORD_TEXELS))
        turned = word.resize(size).rotate(180 if way.side > 0 else 0)
        left, top = at(way.s0 + 0.5, far + 0.6 if way.side > 0 else far - 4.8)
        sheet.paste(turned, (int(left), int(top)))
    return sheet


def _texel(per_m: int, s: float, t: float) -> _Corner:
    return (s + MAP_REACH_M) * per_m, (t + MAP_REACH_M) * per_m


def _block(
    draw: ImageDraw.ImageDraw,
    at: _Locate,
    block: tuple[float, float, float, float],
    tall: float,
    reach: tuple[float, float],
) -> None:
    """Darken what a block (s0, s1, t0, t1) covers and throws its shadow on."""
    s0, s1, t0, t1 = block
    foot = [(s0, t0), (s1, t0), (s1, t1), (s0, t1)]
    head = [(s + reach[0] * tall, t + reach[1] * tall) for s, t in foot]
    for outline in (foot, head):
        draw.polygon([at(*point) for point in outline], fill=0)
    for i in range(4):
        j = (i + 1) % 4
        draw.polygon([at(*foot[i]), at(*foot[j]), at(*head[j]), at(*head[i])], fill=0)
