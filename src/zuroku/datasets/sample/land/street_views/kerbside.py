"""What stands on the street and its pavements: trees, rails, poles, lamps, cars, people and road signs."""

from functools import partial
from math import hypot

import numpy as np

from zuroku.datasets.sample.land.street_views.site import Site
from zuroku.datasets.sample.land.street_views.things import signs
from zuroku.datasets.sample.land.street_views.things.cars import any_car
from zuroku.datasets.sample.land.street_views.things.furniture import Board, Lamp, Pole, Rail, Standing
from zuroku.datasets.sample.land.street_views.things.passers import PERSONS, person


def furnish(site: Site) -> None:
    """Stand everything on the street of ``site``."""
    for side in (-1.0, 1.0):
        _trees(site, side)
        _rails(site, side)
    _poles(site)
    _cars(site)
    _people(site)
    _road_signs(site)


def _trees(site: Site, side: float) -> None:
    look = site.look
    start = float(site.rng.uniform(0, look.tree_gap_m)) - 60
    line = side * (look.half_m + min(0.9, 0.5 * look.pavement_m))
    for s in np.arange(start, 60, look.tree_gap_m):
        near = hypot(s, line - site.eye[1]) <= 3
        if look.tree is not None and not near and not site.crosses(float(s) - 2, float(s) + 2, side):
            site.plant(look.tree, float(s), line, 0.75 if look.lanes == 1 else 1.0, on_street=True)
    if look.median == "planted" and side > 0:
        for s in np.arange(start + 3, 60, 7.0):
            if abs(s) > 4:
                site.plant("shrub", float(s), 0.0, 0.5, on_street=True)


def _rails(site: Site, side: float) -> None:
    look, municipal = site.look, site.habits.municipal
    spared = site.rng.random() < (0.1 if look.lanes > 1 else 0.3)
    if municipal.rail == "none" or not look.paved or spared:
        return
    line = side * (look.half_m + 0.35)
    for s in np.arange(-56.0, 56.0, 8.0):
        a, b = float(s), float(s) + 7.0
        if not site.crosses(a - 1, b + 1, side) and not site.hidden(0.5 * (a + b), line, 4, before=False):
            site.street.append(Rail(a, b, line, municipal, site.light))


def _poles(site: Site) -> None:
    """Stand utility poles on one side and lamps on the other."""
    rng, municipal = site.rng, site.habits.municipal
    side = -1.0 if rng.random() < 0.5 else 1.0
    line = side * (site.look.half_m + min(0.5, 0.6 * site.look.pavement_m))
    gap = float(rng.uniform(22, 30))
    places = [float(s) for s in np.arange(float(rng.uniform(-gap, 0)) - 3 * gap, 110, gap)]
    for s, after in zip(places, [*places[1:], None], strict=True):
        loaded, tall = bool(rng.random() < municipal.transformers), float(rng.uniform(9, 10.5))
        if not site.hidden(s, line, 1.0, before=False) and abs(s) > 1.2:
            wires = None if after is None else (after, line)
            site.street.append(Pole(s, line, tall, loaded, wires, municipal, site.light))
    for s in np.arange(float(rng.uniform(-60, -40)), 70, 24.0):
        if abs(s) > 2 and not site.hidden(float(s), -line, 1.0, before=False):
            site.street.append(Lamp(float(s), -line, municipal, site.light))


def _cars(site: Site) -> None:
    rng, look = site.rng, site.look
    if not look.paved:
        return
    taken: list[float] = []
    for _ in range(int(rng.poisson(1.3 * look.lanes))):
        s = float(rng.choice((-1, 1)) * rng.uniform(7, 55))
        lane = (int(rng.integers(look.lanes)) + 0.5) * look.lane_m - 0.5 * look.lanes * look.lane_m
        if look.lanes == 1:
            lane = float(rng.choice((-1, 1))) * (look.half_m - 0.9)
        # Traffic keeps to the left.
        way = 1.0 if lane < 0 else -1.0
        if all(abs(other - s) > 7 for other in taken) and not site.hidden(s, lane, 2.2, before=False):
            site.street.append(any_car(rng, s, lane, way, site.light))
            taken.append(s)


def _people(site: Site) -> None:
    rng, light = site.rng, site.light
    for _ in range(int(rng.poisson(3.5 * site.habits.town.shops + 0.6))):
        s = float(rng.choice((-1, 1)) * rng.uniform(5, 40))
        t = float(rng.choice((-1, 1))) * (
            site.look.half_m + float(rng.uniform(0.2, 0.8)) * site.look.pavement_m
        )
        if not site.hidden(s, t, 0.5, before=False):
            tall = float(rng.uniform(1.5, 1.8))
            which, away = int(rng.integers(PERSONS)), hypot(s, t)
            picture = partial(light.on_picture, person(which), (0.0, 0.0, 0.4), away)
            site.street.append(Standing(s, t, 0.4 * tall, 0.0, tall, picture))


def _road_signs(site: Site) -> None:
    """Put up the road's name and the signs to stop."""
    rng, look, light = site.rng, site.look, site.light
    if site.plan.road_name and look.lanes > 1 and rng.random() < 0.7:
        at = float(rng.choice((-1, 1)) * rng.uniform(9, 18))
        picture = signs.road_sign(site.plan.road_name[:8])
        lit = light.on_picture(picture, (-1.0 if at > 0 else 1.0, 0.0, 0.2), abs(at), picture.convert("RGBA"))
        # It hangs over the lane that drives towards it.
        inward = 1.0 if at > 0 else -1.0
        line = -inward * (look.half_m + 0.3)
        wide = 1.1 * picture.width / picture.height
        site.street.append(Board((at, line), (at, line + inward * wide), 4.4, 5.5, lit))
    for way in site.side_streets:
        at, line = way.s0 - 0.5, way.side * (site.outer + 0.2)
        if not site.hidden(at, line, 1.0, before=False):
            sign = partial(light.on_picture, signs.stop_sign(), (0.0, 0.0, 0.4), hypot(at, line))
            site.street.append(Standing(at, line, 0.9, 1.9, 2.8, sign))
