"""The sights and public places of a made-up land: what stands in a town, and where.

Most stand at a street, as points or as outlines of buildings and grounds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from zuroku.datasets.sample.land.areas import Lake, Town
from zuroku.datasets.sample.land.ground import Points, blob
from zuroku.datasets.sample.land.names import HEADS, MUSEUM_FIELDS, SHRINES, TAILS, TEMPLES
from zuroku.datasets.sample.land.streets import Road, Streets
from zuroku.datasets.sample.words import pick

_AT_STREET = 0.65
_WAYSIDE = 0.5
_PONDS = 0.3
_NATURE_PARK_M = (2000.0, 3200.0)
_WAYSIDE_ENDINGS = {"shrine": SHRINES, "viewpoint": ("峠",), "ruins": ("城跡",), "tower": ("展望塔",)}


@dataclass(frozen=True)
class Landmark:
    """A place on the plan: a point, or the outline of a building or a ground; ``tags`` are those of OSM."""

    shape: shapely.Point | shapely.Polygon
    tags: dict[str, str]
    kind: str
    """The key and value of OSM that say what it is."""


@dataclass(frozen=True)
class _Form:
    """How a kind of landmark is drawn: its half size, and the share that has an outline."""

    tags: dict[str, str]
    half_m: float = 0.0
    outlined: float = 0.0
    grounds: bool = False


_SHINTO = {"amenity": "place_of_worship", "religion": "shinto"}
_BUDDHIST = {"amenity": "place_of_worship", "religion": "buddhist"}
_FORMS = {
    "station": _Form({"railway": "station", "public_transport": "station"}),
    "castle": _Form({"historic": "castle", "castle_type": "shiro"}, 130.0, 1.0, grounds=True),
    "shrine": _Form(_SHINTO, 28.0, 0.3, grounds=True),
    "temple": _Form(_BUDDHIST, 30.0, 0.4),
    "tower": _Form({"man_made": "tower", "tower:type": "observation"}),
    "museum": _Form({"tourism": "museum", "building": "yes"}, 30.0, 0.6),
    "park": _Form({"leisure": "park"}, 110.0, 0.9, grounds=True),
    "hall": _Form({"amenity": "townhall", "building": "yes"}, 25.0, 0.7),
    "school": _Form({"amenity": "school"}, 70.0, 1.0),
    "viewpoint": _Form({"tourism": "viewpoint"}),
    "ruins": _Form({"historic": "ruins"}, 40.0, 0.3, grounds=True),
    "memorial": _Form({"historic": "memorial"}),
}


def plan_landmarks(
    towns: Sequence[Town], streets: Sequence[Streets], roads: Sequence[Road], rng: np.random.Generator
) -> list[Landmark]:
    """Plan the landmarks of all towns, town by town, then those beside the trunk roads between them."""
    landmarks: list[Landmark] = []
    for town, own in zip(towns, streets, strict=True):
        for what, name in _wishes(town, rng):
            beside = own.roads[int(rng.integers(len(own.roads)))]
            landmarks.append(_landmark(what, name, beside, own.blocks, rng))
    for road in roads:
        if road.tags["highway"] == "trunk" and "ref" in road.tags and rng.random() < _WAYSIDE:
            what = str(rng.choice(list(_WAYSIDE_ENDINGS), p=[0.4, 0.25, 0.2, 0.15]))
            name = pick(rng, HEADS) + pick(rng, TAILS) + pick(rng, _WAYSIDE_ENDINGS[what])
            landmarks.append(_landmark(what, name, road, None, rng))
    return landmarks


def plan_nature_parks(
    towns: Sequence[Town], lakes: Sequence[Lake], rng: np.random.Generator
) -> list[Landmark]:
    """Plan a park kilometres wide in the country of each municipality, off its streets, lakes and borders.

    It is the one sight that can be told at a place from photographs of others far away.
    """
    wet = shapely.union_all([lake.shape for lake in lakes])
    parks = []
    for code in dict.fromkeys(town.municipality_code for town in towns):
        own = [town for town in towns if town.municipality_code == code]
        streets = shapely.union_all([shapely.Point(town.middle).buffer(town.core_m) for town in own])
        country = shapely.union_all([town.ground for town in own]).difference(streets).difference(wet)
        middle, border = shapely.get_coordinates(shapely.maximum_inscribed_circle(country, tolerance=50))
        # A corner of a park reaches 1.3 times as far as its half width.
        room = 0.6 * float(np.hypot(*(border - middle)))
        half = np.minimum(rng.uniform(*_NATURE_PARK_M, 2), room)
        name = f"{own[0].municipality[:-1]}自然公園"
        shape = blob(rng, middle, half, roughness=0.08, count=60)
        parks.append(Landmark(shape, _FORMS["park"].tags | {"name": name}, "leisure=park"))
    return parks


def _wishes(town: Town, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Say what stands in a town, and how it is called."""
    place = town.municipality[:-1]
    if town.rank or rng.random() < 0.5:
        yield "station", f"{place if town.rank else town.name}駅"
    if town.rank:
        yield (
            "hall",
            f"{town.municipality}役所" if town.municipality[-1] == "市" else f"{town.municipality}役場",
        )
    if town.rank == 2:
        yield "castle", f"{place}城"
        yield "tower", f"{place}タワー"
        yield "museum", f"{town.prefecture[:-1]}県立美術館"
    elif rng.random() < 0.25:
        yield "tower", f"{town.name}展望塔"
    for shrine in rng.permutation(len(SHRINES))[: rng.integers(1, 4)]:
        yield "shrine", f"{town.name}{SHRINES[shrine]}"
    for temple in rng.permutation(len(TEMPLES))[: rng.integers(1, 4)]:
        yield "temple", TEMPLES[temple]
    if rng.random() < 0.45:
        yield "museum", f"{place}{town.name}{MUSEUM_FIELDS[rng.integers(len(MUSEUM_FIELDS))]}資料館"
    yield "school", f"{town.name}小学校"
    for number in range(int(rng.integers(1, 4))):
        yield "park", f"{town.name}第{number + 1}公園" if number else f"{town.name}中央公園"
    if rng.random() < 0.4:
        yield "viewpoint", f"{town.name}見晴台"
    if rng.random() < 0.4:
        yield "memorial", f"{town.name}開拓記念碑"


def _landmark(
    what: str, name: str, beside: Road, blocks: shapely.Geometry | None, rng: np.random.Generator
) -> Landmark:
    """Place a landmark at the road ``beside``, or anywhere in ``blocks``."""
    form = _FORMS[what]
    key, value = next(iter(form.tags.items()))
    tags = form.tags | {"name": name}
    outlined = rng.random() < form.outlined
    setback = 7.0 + (form.half_m if outlined else rng.uniform(0, 6))
    spot, along = _at(beside, setback, rng)
    if blocks is not None and rng.random() > _AT_STREET:
        spot = _inside(blocks, rng)
    if not outlined:
        return Landmark(shapely.Point(spot), tags, f"{key}={value}")
    half = form.half_m * rng.uniform(0.7, 1.0, 2)
    if form.grounds:
        shape = blob(rng, spot, half, roughness=0.08, count=24)
        if what == "park" and rng.random() < _PONDS:
            shape = shape.difference(blob(rng, spot, 0.35 * half, roughness=0.1, count=15))
    else:
        across = np.array([-along[1], along[0]])
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        shape = shapely.Polygon(spot + corners @ np.array([along, across]))
    return Landmark(shape, tags, f"{key}={value}")


def _at(road: Road, setback_m: float, rng: np.random.Generator) -> tuple[Points, Points]:
    """Choose a place beside a road, and the road's direction there (a unit vector)."""
    line = road.line
    k = int(rng.integers(len(line) - 1))
    start, end = line[k], line[k + 1]
    along = (end - start) / np.hypot(*(end - start))
    side = rng.choice([-1.0, 1.0]) * np.array([-along[1], along[0]])
    return start + rng.uniform(0.2, 0.8) * (end - start) + setback_m * side, along


def _inside(blocks: shapely.Geometry, rng: np.random.Generator) -> Points:
    west, south, east, north = blocks.bounds
    tries = rng.uniform((west, south), (east, north), (60, 2))
    fitting: Points = tries[shapely.contains_xy(blocks, tries)]
    middle: Points = shapely.get_coordinates(blocks.representative_point())[0]
    return fitting[0] if len(fitting) else middle
