"""The scene of one visit, laid out once and seen in up to four headings."""

from dataclasses import dataclass

import numpy as np

from zuroku.datasets.sample.land.street_views.camera.light import Light
from zuroku.datasets.sample.land.street_views.camera.optics import Colour, Place
from zuroku.datasets.sample.land.street_views.ground_maps import shadow_map, word_map
from zuroku.datasets.sample.land.street_views.habits import Habits
from zuroku.datasets.sample.land.street_views.kerbside import furnish
from zuroku.datasets.sample.land.street_views.plan import ViewPlan
from zuroku.datasets.sample.land.street_views.plots import fill_side
from zuroku.datasets.sample.land.street_views.roadway import Ground
from zuroku.datasets.sample.land.street_views.site import Site
from zuroku.datasets.sample.land.street_views.things.furniture import Lamp, Thing


@dataclass(frozen=True)
class Scene:
    """Everything around the camera, in metres along (s) and right of (t) the street's middle."""

    habits: Habits
    light: Light
    bearing_deg: float
    eye: Place
    horizon: float
    ground: Ground
    plots: list[Thing]
    """Houses and what grows between them: behind everything that stands on the street."""
    street: list[Thing]


def lay_scene(plan: ViewPlan) -> Scene:
    """Lay out the scene of ``plan``; equal plans give equal scenes."""
    site = Site(plan)
    if plan.landmark_kind:
        site.place_landmark()
    for side in (-1.0, 1.0):
        fill_side(site, side)
    furnish(site)
    horizon = float(np.clip(site.rng.normal(0.6, 0.025), 0.54, 0.67))
    ground = _ground(site)
    return Scene(site.habits, site.light, site.bearing, site.eye, horizon, ground, site.plots, site.street)


def _ground(site: Site) -> Ground:
    rng, look, light = site.rng, site.look, site.light
    zebras = [way.s0 - 4.6 for way in site.side_streets[:1] if rng.random() < 0.6]
    covers = [(float(rng.uniform(-14, 14)), float(rng.uniform(-0.7, 0.7)) * look.half_m) for _ in range(4)]
    plaza = None
    if site.keep_clear:
        s, t, wide = site.keep_clear
        plaza = (s, t, wide + 3)
    lamps = [bulb[:2] for thing in site.street if isinstance(thing, Lamp) for bulb in thing.bulbs]
    return Ground(
        look=look,
        municipal=site.habits.municipal,
        region=site.habits.region,
        light=light,
        side_streets=site.side_streets,
        zebras=zebras,
        covers=covers,
        plaza=plaza,
        shadows=shadow_map(site),
        words=word_map(site),
        turned=tuple(int(turn) for turn in rng.integers(0, 7, 4)),
        lamps=lamps if light.night else [],
        open_colour=_growth(site),
    )


def _growth(site: Site) -> Colour:
    """Return the colour of what grows on open ground in this season."""
    greens: dict[str, Colour] = {
        "rice": (112, 140, 62) if site.season < 0.65 else (190, 160, 76),
        "grass": (116, 132, 70),
        "field": (104, 116, 60),
        "gravel": (158, 152, 142),
    }
    region = site.habits.region
    red, green, blue = (
        int(0.7 * g + 0.35 * c) for g, c in zip(greens[region.open_ground], region.leaf, strict=True)
    )
    return red, green, blue
