"""What stands beside the street: houses, shops and their boards, fences, gardens, the row behind."""

from math import hypot

import numpy as np

from zuroku.datasets.sample.land.street_views.habits import Tree
from zuroku.datasets.sample.land.street_views.site import Site
from zuroku.datasets.sample.land.street_views.things import signs
from zuroku.datasets.sample.land.street_views.things.buildings import House, build_house
from zuroku.datasets.sample.land.street_views.things.fences import Fence
from zuroku.datasets.sample.land.street_views.things.furniture import Board
from zuroku.datasets.sample.land.street_views.things.passers import MACHINES, machine

_REACH_M = 74.0


def fill_side(site: Site, side: float) -> None:
    """Fill one side of the street (-1 left, 1 right) with plots."""
    rng, built = site.rng, site.habits.municipal.built
    _back_row(site, side)
    s = -_REACH_M + float(rng.uniform(0, 6))
    while s < _REACH_M:
        wide = float(rng.uniform(7.5, 13.5))
        if site.crosses(s, s + wide, side):
            s += 1.5
            continue
        if not site.hidden(s + wide / 2, side * (site.outer + 5), wide / 2):
            if rng.random() < built * (1.0 if site.plan.road_id else 0.6):
                _house(site, s, s + wide, side)
            else:
                _open_plot(site, s, s + wide, side)
        s += wide


def _back_row(site: Site, side: float) -> None:
    """Stand houses and trees behind the first row, so that gaps do not show an empty plain."""
    rng, region = site.rng, site.habits.region
    for s in np.arange(-64.0, 64.0, 13.0):
        at, line = float(s + rng.uniform(-3, 3)), side * (site.outer + float(rng.uniform(17, 34)))
        if site.crosses(at - 6, at + 6, side) or site.hidden(at, line, 6):
            continue
        if rng.random() < 0.75 * site.habits.municipal.built:
            site.plots.append(build_house(rng, site.habits, site.light, (at - 4.5, at + 4.5), line, None))
        for _ in range(int(rng.poisson(3.2 * region.woods))):
            away = line + side * float(rng.uniform(5, 16))
            site.plant(_wild(site), at + float(rng.uniform(-7, 7)), away, 1.15)


def _house(site: Site, s0: float, s1: float, side: float) -> None:
    rng, town = site.rng, site.habits.town
    shop = rng.random() < town.shops
    name = signs.blade_words(rng, town, site.plan.town) if shop else None
    back = 0.3 if shop else float(rng.uniform(1.6, 4.2))
    gap = float(rng.uniform(0.4, 1.3))
    front = side * (site.outer + back)
    house = build_house(rng, site.habits, site.light, (s0 + gap, s1 - gap), front, name)
    site.plots.append(house)
    if shop:
        _shop_boards(site, house)
        return
    if rng.random() < 0.85:
        kind = town.fence if rng.random() < 0.7 else "blocks"
        gate = s0 + float(rng.uniform(0.25, 0.6)) * (s1 - s0)
        for a, b in ((s0 + 0.2, gate), (gate + 1.8, s1 - 0.2)):
            if b - a > 0.6 and not site.hidden(0.5 * (a + b), side * site.outer, 0.5 * (b - a)):
                variant, line = int(rng.integers(3)), side * (site.outer + 0.15)
                site.plots.append(Fence(a, b, line, kind, site.habits.region.leaf, variant, site.light))
    if rng.random() < 0.35 + 0.5 * site.habits.region.woods:
        tree: Tree = "shrub" if rng.random() < 0.4 else _wild(site)
        site.plant(tree, float(rng.uniform(s0 + 1, s1 - 1)), side * (site.outer + 0.9), 0.55)


def _shop_boards(site: Site, house: House) -> None:
    """Hang the town's boards on a shop, and stand a vending machine before some."""
    rng, town = site.rng, site.habits.town
    at = house.s0 + 0.3 if rng.random() < 0.5 else house.s1 - 0.3
    if site.hidden(at, house.front, 1.0, before=False):
        return
    edge = house.front - house.side * 0.1
    if rng.random() < 0.75:
        words = signs.blade_words(rng, town, site.plan.town)
        colours = (town.board, town.letters) if rng.random() < 0.75 else ((244, 242, 236), (40, 40, 44))
        picture = signs.column(words, *colours, 26, town.board_form == "lantern")
        tall = float(rng.uniform(2.0, 3.4))
        wide = tall * picture.width / picture.height
        low = 2.6 if house.storeys > 1 else 1.4
        towards = (-1.0 if at > 0 else 1.0, 0.0, 0.2)
        lit = site.light.on_picture(picture, towards, hypot(at, house.front), picture)
        site.street.append(Board((at, edge), (at, edge - house.side * wide), low, low + tall, lit))
    if town.board_form == "banner":
        cloth = signs.column(town.words[0], town.board, town.letters, 26)
        for share in (0.2, 0.8):
            s, t = house.s0 + share * (house.s1 - house.s0), house.front - house.side * 0.35
            lit = site.light.on_picture(cloth, (0.0, -house.side, 0.2), hypot(s, t))
            site.street.append(Board((s, t), (s + 0.12, t - house.side * 0.5), 0.4, 2.0, lit))
    if rng.random() < 0.35:
        s = float(rng.uniform(house.s0 + 0.5, house.s1 - 1.6))
        front = machine(int(rng.integers(MACHINES)))
        lit = site.light.on_picture(front, (0.0, -house.side, 0.1), hypot(s, edge), front.convert("RGBA"))
        site.street.append(
            Board((s, edge - house.side * 0.3), (s + 1.0, edge - house.side * 0.3), 0.05, 1.85, lit)
        )


def _open_plot(site: Site, s0: float, s1: float, side: float) -> None:
    """Leave a field, or let the region's trees grow."""
    rng = site.rng
    for _ in range(int(rng.poisson(6 * site.habits.region.woods))):
        site.plant(
            _wild(site), float(rng.uniform(s0, s1)), side * (site.outer + float(rng.uniform(2, 9))), 1.0
        )


def _wild(site: Site) -> Tree:
    """Choose one of the trees that grow in the region, mostly the commonest."""
    first, second = site.habits.region.trees
    return first if site.rng.random() < 0.8 else second
