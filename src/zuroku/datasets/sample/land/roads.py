"""The roads of a made-up land: streets of the towns, and what leads from town to town.

Trunk roads join the first towns of the municipalities, primary roads the towns of each, and a motorway with
two carriageways passes by the capitals. All but the motorway begin and end where a town's main streets end.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, cycle, groupby

import numpy as np
import shapely

from zuroku.datasets.sample.land.areas import Lake, Town
from zuroku.datasets.sample.land.ground import Ground, Points
from zuroku.datasets.sample.land.names import street_names
from zuroku.datasets.sample.land.streets import Road, Streets, plan_streets
from zuroku.datasets.sample.strokes import spline

_STEP_M = 250.0
_WAY_M = 6000.0
_CARRIAGEWAYS_M = 12.0
_SHORTCUT = 0.65
_FIRST_NATIONAL = 501
_FIRST_PREFECTURAL = 11


def plan_roads(
    towns: Sequence[Town], lakes: Sequence[Lake], ground: Ground, rng: np.random.Generator
) -> tuple[list[Road], list[Streets]]:
    """Plan all roads in the order of their ids, and tell the streets of each town."""
    streets: list[Streets] = []
    for _, group in groupby(towns, key=lambda town: town.municipality_code):
        names = cycle(street_names(rng))
        streets += [plan_streets(town, ground, names, rng) for town in group]
    dry = shapely.difference(
        ground.mainland, shapely.MultiPolygon([lake.shape.buffer(300) for lake in lakes])
    )
    roads = list(_motorways(towns, rng))
    roads += _trunks(towns, streets, dry)
    roads += _primaries(towns, streets)
    roads += [road for each in streets for road in each.roads]
    return roads, streets


def _motorways(towns: Sequence[Town], rng: np.random.Generator) -> Iterator[Road]:
    """Lead one motorway past the capitals from west to east, a way for each direction."""
    capitals = sorted((town for town in towns if town.rank == 2), key=lambda town: float(town.middle[0]))
    if len(capitals) < 2:
        return
    past = [
        town.middle + rng.choice([-1, 1]) * np.array([0.3, 1.0]) * (town.core_m + 1500) for town in capitals
    ]
    curve = shapely.LineString(spline(np.array(past), per_span=40))
    tags = {"highway": "motorway", "name": f"{capitals[0].prefecture[:-1]}縦貫自動車道", "ref": "E91"}
    tags |= {"oneway": "yes", "lanes": "2", "maxspeed": "100"}
    for side in (1, -1):
        way = curve.offset_curve(side * _CARRIAGEWAYS_M)
        # The left side of the line keeps its direction: traffic keeps to the left.
        yield from _ways(way if side == 1 else way.reverse(), tags)


def _trunks(towns: Sequence[Town], streets: Sequence[Streets], dry: shapely.Geometry) -> Iterator[Road]:
    """Join the municipalities: the cheapest network over land, and shortcuts where they save much."""
    seats = [i for i, town in enumerate(towns) if town.rank]
    links: dict[tuple[int, int], Points] = {}
    for a, b in combinations(seats, 2):
        links[a, b] = _between(streets[a].gates, streets[b].gates)
    cost = {
        pair: _length(line) * (1 if shapely.covers(dry, shapely.LineString(line)) else 3)
        for pair, line in links.items()
    }
    chosen: list[tuple[int, int]] = []
    group = {seat: seat for seat in seats}
    for pair in sorted(cost, key=lambda pair: (cost[pair], pair)):
        a, b = group[pair[0]], group[pair[1]]
        near = all(cost[pair] < _SHORTCUT * _detour(pair, by, cost) for by in seats if by not in pair)
        if a != b or near:
            chosen.append(pair)
            group = {seat: a if of == b else of for seat, of in group.items()}
    for number, pair in enumerate(sorted(chosen)):
        ref = str(_FIRST_NATIONAL + number)
        tags = {"highway": "trunk", "name": f"国道{ref}号", "ref": ref, "lanes": "2"}
        yield from _ways(shapely.LineString(links[pair]), tags)


def _detour(pair: tuple[int, int], by: int, cost: dict[tuple[int, int], float]) -> float:
    ends = [(min(end, by), max(end, by)) for end in pair]
    return cost[ends[0]] + cost[ends[1]]


def _primaries(towns: Sequence[Town], streets: Sequence[Streets]) -> Iterator[Road]:
    """Join each town to the nearest town of its municipality that is joined already."""
    number = _FIRST_PREFECTURAL
    for _, group in groupby(range(len(towns)), key=lambda i: towns[i].municipality_code):
        waiting = list(group)
        joined = [next(i for i in waiting if towns[i].rank)]
        waiting.remove(joined[0])
        while waiting:
            a, b = min(
                ((a, b) for a in joined for b in waiting),
                key=lambda pair: float(np.hypot(*(towns[pair[0]].middle - towns[pair[1]].middle))),
            )
            line = shapely.LineString(_between(streets[a].gates, streets[b].gates))
            name = f"県道{number}号{towns[a].name}{towns[b].name}線"
            yield from _ways(line, {"highway": "primary", "name": name, "ref": str(number)})
            waiting.remove(b)
            joined.append(b)
            number += 1


def _between(gates: Points, others: Points) -> Points:
    """Return the straight line ``(2, 2)`` between the two gates that are nearest to each other."""
    apart = np.hypot(*(gates[:, None] - others).transpose(2, 0, 1))
    i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
    return np.array([gates[i], others[j]])


def _length(line: Points) -> float:
    return float(np.hypot(*(line[1] - line[0])))


def _ways(line: shapely.LineString, tags: dict[str, str]) -> Iterator[Road]:
    """Cut a long road into ways, as mappers do, with corners near enough to bend with the ground."""
    ways = max(1, round(line.length / _WAY_M))
    steps = max(1, round(line.length / ways / _STEP_M))
    if line.length == 0:
        return
    places = shapely.get_coordinates(
        [line.interpolate(share, normalized=True) for share in np.linspace(0, 1, ways * steps + 1)]
    )
    for k in range(ways):
        yield Road(places[k * steps : (k + 1) * steps + 1], tags)
