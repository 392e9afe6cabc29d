"""Generated scenes photographed at other hours from other places, in the layout of INRIA Holidays.

A third are landscapes, a third buildings, a third tables with things on them.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from zuroku.datasets.photos.holidays import holidays_id
from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.places.terrain import EXTENT_KM, Kind, Lookout, landscape_light, outlook
from zuroku.datasets.sample.photos.places.town import TownView, render_town
from zuroku.datasets.sample.photos.places.weather import WEATHERS, air
from zuroku.datasets.sample.photos.rendering.exposure import develop
from zuroku.datasets.sample.photos.rendering.scenes import Scene, photograph
from zuroku.datasets.sample.photos.seeds import sub_seed
from zuroku.datasets.sample.photos.things.catalogue import MATERIALS, Thing, draw_form, stand
from zuroku.datasets.sample.photos.things.shapes import SHAPES
from zuroku.datasets.sample.photos.things.studio import draw_film, draw_lamp, draw_room, frame
from zuroku.datasets.source import SourceItem

LICENCE = "CC0-1.0"

_FIRST_SCENE = 1000
_SPOTS = 24
_KINDS: tuple[Kind, ...] = ("mountains", "coast")
_ABOVE_KM = {"mountains": 0.22, "coast": 0.16}


@dataclass(frozen=True)
class Shot:
    """One photograph of a scene: the seeds of the scene and of this photograph."""

    scene: int
    scene_seed: int
    seed: int
    number: int
    size: tuple[int, int]


def holidays_sample(seed: int, scenes: int, size_px: int) -> list[SourceItem]:
    """List two to four photographs of each of ``scenes`` scenes; the first of each is the query."""
    items = []
    for scene in range(scenes):
        rng = seeded_rng(seed, 101, scene)
        for number in range(int(rng.integers(2, 5))):
            upright = rng.random() < 0.2
            sides = (size_px, round(0.75 * size_px))
            shot = Shot(
                scene,
                sub_seed(seed, 102, scene),
                sub_seed(seed, 103, scene, number),
                number,
                sides[::-1] if upright else sides,
            )
            group = _FIRST_SCENE + scene
            read = partial(render_shot, shot)
            items.append(SourceItem(holidays_id(group, number), "", str(group), "", LICENCE, "", read))
    return items


def render_shot(shot: Shot) -> bytes:
    """Return the planned photograph as JPEG bytes; the same plan gives the same bytes anywhere."""
    takes = (_landscape, _street, _table)
    return takes[shot.scene % len(takes)](shot)


def _weather(shot: Shot) -> str:
    """Return another weather for each photograph of a scene."""
    names = list(WEATHERS)
    order = seeded_rng(shot.scene_seed, 1).permutation(len(names))
    return names[int(order[shot.number % len(names)])]


def _landscape(shot: Shot) -> bytes:
    place, rng = seeded_rng(shot.scene_seed, 2), seeded_rng(shot.seed)
    kind = _KINDS[int(place.integers(len(_KINDS)))]
    spots = zip(
        *place.uniform(0, EXTENT_KM, (2, _SPOTS)).tolist(),
        place.uniform(0, 360, _SPOTS).tolist(),
        strict=True,
    )
    lookouts = [Lookout(x, z, _ABOVE_KM[kind], heading, 0.0, 1.0) for x, z, heading in spots]
    best = max(lookouts, key=lambda lookout: outlook(kind, shot.scene_seed, lookout))
    lookout = Lookout(
        best.x_km + float(rng.normal(0, 0.14)),
        best.z_km + float(rng.normal(0, 0.14)),
        best.above_km * float(rng.uniform(0.7, 1.5)),
        best.heading_deg + float(rng.normal(0, 9)),
        float(rng.uniform(-5, 1)),
        float(rng.uniform(0.8, 1.25)),
    )
    name = _weather(shot)
    fine = (round(1.1 * shot.size[0]), round(1.1 * shot.size[1]))
    sky = air(WEATHERS[name], float(place.uniform(0, 360) + rng.uniform(-60, 60)))
    light = landscape_light(kind, shot.scene_seed, lookout, sky, fine)
    film = draw_film(rng, exposure=2.1 if name == "dusk" else 1.2)
    return develop(light, fine, shot.size, film, shot.seed)


def _street(shot: Shot) -> bytes:
    place, rng = seeded_rng(shot.scene_seed, 3), seeded_rng(shot.seed)
    side = place.uniform(-30, 30)
    upright = shot.size[1] > shot.size[0]
    view = TownView(
        str(int(place.integers(10**6, 10**9))),
        int(place.integers(2**31)),
        shot.seed,
        shot.size,
        azimuth_deg=float(side + rng.uniform(-32, 32)),
        distance=float(rng.uniform(1.8, 3.6)) * (1.25 if upright else 1.0),
        aim=(float(rng.normal(0, 0.2)), float(rng.uniform(0.38, 0.6))),
        focal=1.15,
        weather=_weather(shot),
        screened=int(rng.random() < 0.2),
    )
    return render_town(view)


def _table(shot: Shot) -> bytes:
    place, rng = seeded_rng(shot.scene_seed, 4), seeded_rng(shot.seed)
    bodies = []
    names = place.permutation(list(SHAPES))[: int(place.integers(3, 6))]
    for number, name in enumerate(names):
        thing = Thing(str(name), draw_form(place), MATERIALS[int(place.integers(len(MATERIALS)))])
        angle = 2 * np.pi * number / len(names) + place.normal(0, 0.2)
        reach = 0.62 if len(names) > 3 else 0.5
        at = (float(reach * np.cos(angle)), float(0.8 * reach * np.sin(angle)))
        bodies.append(stand(thing, at, float(place.uniform(0, 360)), float(place.uniform(0.6, 1.0))))
    camera = frame(
        [(body.middle, body.reach) for body in bodies],
        shot.size,
        float(rng.uniform(-45, 45)),
        float(rng.uniform(10, 46)),
        float(rng.uniform(1.0, 1.6)),
        float(rng.normal(0, 4)),
        (float(rng.normal(0, 0.07)), float(rng.normal(0, 0.05))),
    )
    lamp = draw_lamp(rng)
    film = draw_film(rng, exposure=float(rng.choice((0.75, 1.1, 1.5))))
    return photograph(Scene(bodies, draw_room(place), lamp), camera, film, shot.seed).data
