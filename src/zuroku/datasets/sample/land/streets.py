"""The streets of one town: a turned grid of uneven blocks, and two main streets through it.

Roads from town to town belong to ``roads``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from zuroku.datasets.sample.land.areas import Town
from zuroku.datasets.sample.land.ground import Ground, Points, blob

_MAIN_KINDS = {2: "trunk", 1: "primary", 0: "secondary"}


@dataclass(frozen=True)
class Road:
    """A road on the plan: ``line`` is ``(n, 2)`` metres; ``tags`` are those of OSM with ``highway``."""

    line: Points
    tags: dict[str, str]


@dataclass(frozen=True)
class Streets:
    """What a town has of streets; ``gates`` ``(4, 2)`` are the ends of its main streets."""

    roads: list[Road]
    gates: Points
    blocks: shapely.Geometry
    """The built-up core."""


def plan_streets(town: Town, ground: Ground, names: Iterator[str], rng: np.random.Generator) -> Streets:
    """Plan the streets of ``town``; ``names`` gives those of the small ones."""
    radius = np.array([town.core_m, town.core_m * rng.uniform(0.75, 1.0)])
    core = blob(rng, town.middle, radius, roughness=0.12, count=64)
    own = shapely.intersection(core, town.ground.buffer(-60.0))
    step = rng.uniform(150, 210) if town.capital else rng.uniform(190, 290)
    east, north = _lines(radius[0], step, rng), _lines(radius[0], step * rng.uniform(0.8, 1.25), rng)
    turn = rng.uniform(0, np.pi / 2)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    grid = np.stack(np.meshgrid(east, north, indexing="ij"), 2)
    centre = (len(east) // 2, len(north) // 2)
    crooked = rng.normal(0, rng.choice([0.0, 0.06, 0.12]) * step, grid.shape)
    crooked[centre[0]], crooked[:, centre[1]] = 0, 0
    nodes = ground.undistorted(town.middle, (grid + crooked) @ axes)
    inside = shapely.contains_xy(own, nodes[..., 0], nodes[..., 1])
    inside[centre] = True
    missing = rng.uniform(0.03, 0.2)
    roads: list[Road] = []
    gates: list[Points] = []
    for along in (0, 1):
        lattice, filled = (nodes, inside) if along == 0 else (nodes.swapaxes(0, 1), inside.T)
        for number in range(lattice.shape[1]):
            main = number == centre[1 - along]
            joined = filled[:-1, number] & filled[1:, number]
            if main:
                first, last = _run_through(joined, centre[along])
                gates += [lattice[first, number], lattice[last, number]]
                joined = np.zeros_like(joined)
                joined[first:last] = True
            else:
                joined &= rng.random(len(joined)) > missing
            tags = _tags(town, number - centre[1 - along], along, names, rng)
            roads += [Road(lattice[first : last + 1, number], tags) for first, last in _runs(joined)]
    return Streets(roads, np.array(gates), own)


def _lines(reach: float, step: float, rng: np.random.Generator) -> Points:
    """Return the offsets of parallel streets, uneven, one of them 0 in the middle of the list."""
    count = int(reach / step) + 1
    sides = [np.cumsum(rng.uniform(0.7, 1.35, count)) * step for _ in range(2)]
    lines: Points = np.concatenate([-sides[0][::-1], [0.0], sides[1]])
    return lines


def _run_through(joined: npt.NDArray[np.bool_], middle: int) -> tuple[int, int]:
    """Return the first and last corner that can be reached from ``middle`` along joined ones."""
    first = last = middle
    while first > 0 and joined[first - 1]:
        first -= 1
    while last < len(joined) and joined[last]:
        last += 1
    return first, last


def _runs(joined: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield first and last corner of each unbroken stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(int)))
    yield from ((int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _tags(
    town: Town, number: int, along: int, names: Iterator[str], rng: np.random.Generator
) -> dict[str, str]:
    """Choose class and name by the place in the grid: 0 is a main street, every fourth a wider one."""
    if number == 0:
        kind = _MAIN_KINDS[town.rank] if along == 0 else ("primary" if town.rank else "secondary")
        name = f"{town.name}{('中央通り', '大通り')[along]}"
        return {"highway": kind, "name": name, "lanes": "4" if town.rank == 2 else "2"}
    if number % 4 == 0:
        return {"highway": "tertiary", "name": next(names), "lanes": "2"}
    draw = rng.random()
    if draw < 0.3:
        return {"highway": "residential", "name": next(names)}
    if draw < 0.36 and abs(number) == 1 and town.rank:
        return {"highway": "pedestrian", "name": f"{town.name}{next(names)[0]}商店街"}
    if draw < 0.5:
        return {"highway": "residential", "oneway": "yes"}
    return {"highway": "unclassified" if draw > 0.92 else "residential"}
