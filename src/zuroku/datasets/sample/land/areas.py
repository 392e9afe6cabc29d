"""The administrative areas of a made-up land: where its towns lie and how far their ground reaches.

Every place of the land belongs to the nearest town, so towns are cells of a Voronoi diagram, cut at the
shore, with winding borders. Towns of a municipality stand together; a municipality, and a prefecture, is the
union of its towns. Streets and sights belong to the other modules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely

from zuroku.datasets.sample.land.ground import Ground, Points, blob
from zuroku.datasets.sample.land.names import PREFECTURES, chome, municipality_names, town_names
from zuroku.datasets.sample.land.settings import LandSettings
from zuroku.datasets.sample.noise import seeded_rng

_FIRST_PREFECTURE = 91
_SHORE_M = 2500.0
_BORDER_STEP_M = 600.0
_WINDINGS = (0.06, 0.04, 0.02, 0.01, 0.0)
_LAKE_M = (1500.0, 4000.0)


@dataclass(frozen=True)
class Town:
    """A town: ``core_m`` is the radius of its streets about ``middle``, ``ground`` all that belongs to it.

    ``rank`` is 2 for the first town of a capital, 1 for that of another municipality, else 0.
    """

    town_code: str
    name: str
    municipality_code: str
    municipality: str
    prefecture_code: str
    prefecture: str
    middle: Points
    core_m: float
    rank: int
    ground: shapely.MultiPolygon

    @property
    def capital(self) -> bool:
        """Whether it is a town of the prefecture's capital."""
        return self.municipality_code.endswith("201")


@dataclass(frozen=True)
class Lake:
    """Inland water within one municipality, in plan metres."""

    municipality_code: str
    shape: shapely.Polygon


@dataclass(frozen=True)
class _Site:
    """Where a town is to stand, before its ground is known."""

    prefecture: int
    municipality: int
    number: int
    middle: Points
    core_m: float


def plan_towns(
    settings: LandSettings, ground: Ground, rng: np.random.Generator
) -> tuple[list[Town], list[Lake]]:
    """Plan all towns, by code, and a lake in each prefecture."""
    sites = _sites(settings, ground, rng)
    cells = _cells(np.array([site.middle for site in sites]), ground)
    water = _lakes(sites, cells, ground, rng)
    wet = shapely.MultiPolygon([shape for _, shape in water])
    cells = [_parts(shapely.difference(cell, wet)) for cell in cells]
    towns = _named(settings, sites, cells, rng)
    lakes = [Lake(towns[site].municipality_code, shape) for site, shape in water]
    return sorted(towns, key=lambda town: town.town_code), lakes


def area_table(towns: Sequence[Town], ground: Ground) -> gpd.GeoDataFrame:
    """The table of areas, one row per town, in EPSG:4326."""
    columns = ("prefecture_code", "prefecture", "municipality_code", "municipality", "town_code")
    table = {"feature_id": [town.town_code for town in towns]}
    table |= {name: [getattr(town, name) for town in towns] for name in columns}
    table["town"] = [town.name for town in towns]
    whole = [town.ground if len(town.ground.geoms) > 1 else town.ground.geoms[0] for town in towns]
    return gpd.GeoDataFrame(table, geometry=ground.degrees_of(whole), crs="EPSG:4326")


def _sites(settings: LandSettings, ground: Ground, rng: np.random.Generator) -> list[_Site]:
    """Spread prefectures over the land, municipalities over a prefecture, towns about the first of each."""
    west, south, east, north = ground.mainland.bounds
    tries = rng.uniform((west, south), (east, north), (12_000, 2))
    inland = ground.mainland.buffer(-2 * _SHORE_M)
    dry = tries[shapely.contains_xy(inland, tries)]
    sites: list[_Site] = []
    for prefecture, region in enumerate(_clusters(dry, settings.prefectures, rng)):
        for municipality, part in enumerate(_clusters(region, settings.municipalities, rng)):
            # Not quite in the middle: real cities seldom are.
            spread = part.std(axis=0)
            wish = part.mean(axis=0) + rng.normal(0, 0.35, 2) * spread
            first = part[np.argmin(np.hypot(*(part - wish).T))]
            sites += _towns_about(settings, prefecture, municipality, first, ground, rng)
    return sites


def _towns_about(
    settings: LandSettings,
    prefecture: int,
    municipality: int,
    first: Points,
    ground: Ground,
    rng: np.random.Generator,
) -> list[_Site]:
    """Place the towns of a municipality: the first in the middle, the rest around it on dry ground."""
    large = municipality == 0
    count = settings.capital_towns if large else settings.towns
    coast = ground.mainland.buffer(-0.6 * _SHORE_M)
    placed = [first]
    apart = 3400.0
    while len(placed) < count:
        for _ in range(40):
            angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(3200, 9000 + 300 * count)
            spot = first + reach * np.array([np.cos(angle), np.sin(angle)])
            room = min(float(np.hypot(*(spot - other))) for other in placed)
            if room >= apart and shapely.contains_xy(coast, *spot):
                placed.append(spot)
                break
        else:
            apart *= 0.9
    # Neighbours follow each other, as the numbers of their 丁目 do.
    placed[1:] = sorted(placed[1:], key=lambda spot: float(np.arctan2(*(spot - first))))
    widths = rng.uniform(1500, 2800, count) + (900 if large else 0)
    widths[0] += 300
    return [
        _Site(prefecture, municipality, k, spot, 0.5 * float(width))
        for k, (spot, width) in enumerate(zip(placed, widths, strict=True))
    ]


def _clusters(places: Points, count: int, rng: np.random.Generator) -> list[Points]:
    """Divide places into ``count`` compact groups of like size, from west to east (Lloyd's method)."""
    centres = places[rng.choice(len(places), count, replace=False)]
    for _ in range(25):
        nearest = np.argmin(((places[:, None] - centres) ** 2).sum(axis=2), axis=1)
        centres = np.array(
            [places[nearest == k].mean(axis=0) if np.any(nearest == k) else centres[k] for k in range(count)]
        )
    nearest = np.argmin(((places[:, None] - centres) ** 2).sum(axis=2), axis=1)
    return [places[nearest == k] for k in np.argsort(centres[:, 0], kind="stable")]


def _cells(middles: Points, ground: Ground) -> list[shapely.MultiPolygon]:
    """Cut the land into the places nearest to each of ``middles``, with winding borders."""
    frame = shapely.box(*ground.mainland.bounds).buffer(50_000)
    diagram = shapely.voronoi_polygons(shapely.MultiPoint(middles), extend_to=frame, ordered=True)
    for winding in _WINDINGS:
        cells = np.array([_wound(cell, winding) for cell in diagram.geoms])
        # Where two borders meet at a small angle they may cross: then all wind less.
        if shapely.is_valid(cells).all() and shapely.contains(cells, shapely.points(middles)).all():
            break
    owners = [int(np.argmin(np.hypot(*(middles - island.centroid.coords[0]).T))) for island in ground.islands]
    return [
        _parts(
            shapely.union_all(
                [shapely.intersection(cell, ground.mainland)]
                + [island for island, owner in zip(ground.islands, owners, strict=True) if owner == number]
            )
        )
        for number, cell in enumerate(cells)
    ]


def _wound(cell: shapely.Polygon, winding: float) -> shapely.Polygon:
    """Bend the borders of a cell by about ``winding`` of their length.

    The bends depend on the border alone, so that the neighbours on both sides get the same.
    """
    ring: list[Points] = []
    corners = shapely.get_coordinates(cell)
    for start, end in pairwise(corners):
        low, high = sorted([start, end], key=tuple)
        length = float(np.hypot(*(high - low)))
        rng = seeded_rng(*np.rint(np.abs([*low, *high])).astype(int).tolist())
        share = np.linspace(0, 1, max(2, int(length / _BORDER_STEP_M)))[:, None]
        order = np.arange(1, 2 + min(60, len(share) // 4))
        bends = np.sin(np.pi * order * share) @ (rng.standard_normal(len(order)) * order**-1.4)
        across = np.array([low[1] - high[1], high[0] - low[0]])
        steps = low + (high - low) * share + winding * bends[:, None] * across
        steps[-1] = high
        ring.append((steps if low is start else steps[::-1])[:-1])
    return shapely.Polygon(np.concatenate(ring))


def _parts(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """Keep what is an area worth the name: crumbs of a coast that a border touches are nobody's."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 40_000]
    return shapely.MultiPolygon(parts)


def _lakes(
    sites: Sequence[_Site], cells: Sequence[shapely.MultiPolygon], ground: Ground, rng: np.random.Generator
) -> list[tuple[int, shapely.Polygon]]:
    """Plan a lake in the last municipality of each prefecture, off towns and shore, if there is room.

    Each is given with the position in ``sites`` of a town of its municipality.
    """
    towns = shapely.MultiPoint([site.middle for site in sites])
    inland = ground.mainland.buffer(-2 * _SHORE_M)
    last = {site.prefecture: number for number, site in enumerate(sites)}
    lakes = []
    for number in last.values():
        place = (sites[number].prefecture, sites[number].municipality)
        own = [k for k, site in enumerate(sites) if (site.prefecture, site.municipality) == place]
        ground_of_own = shapely.intersection(shapely.union_all([cells[k] for k in own]), inland)
        for radius in rng.uniform(*_LAKE_M) * np.array([1.0, 0.5, 0.25]):
            room = ground_of_own.buffer(-1.8 * radius).difference(towns.buffer(2 * radius + 1500))
            if room.is_empty:
                continue
            west, south, east, north = room.bounds
            tries = rng.uniform((west, south), (east, north), (400, 2))
            fitting = tries[shapely.contains_xy(room, tries)]
            middle = fitting[0] if len(fitting) else shapely.get_coordinates(room.representative_point())[0]
            shape = blob(rng, middle, np.array([radius, 0.7 * radius]), roughness=0.3, count=120)
            lakes.append((number, shape))
            break
    return lakes


def _named(
    settings: LandSettings,
    sites: Sequence[_Site],
    cells: Sequence[shapely.MultiPolygon],
    rng: np.random.Generator,
) -> list[Town]:
    """Name and number the towns, in the order of ``sites``."""
    names = municipality_names(rng, settings.prefectures * settings.municipalities)
    towns: list[Town] = []
    for site, cell in zip(sites, cells, strict=True):
        if site.number == 0:
            count = settings.capital_towns if site.municipality == 0 else settings.towns
            parts = town_names(rng, count)
            blocks = list(dict.fromkeys(name for name, _ in parts))
        name, number = parts[site.number]
        prefecture = str(_FIRST_PREFECTURE + site.prefecture)
        municipality, title = _municipality(site.municipality)
        block = f"{10 * (blocks.index(name) + 1):04d}"
        towns.append(
            Town(
                town_code=prefecture + municipality + block + (f"{number:02d}" if number else ""),
                name=name + chome(number),
                municipality_code=prefecture + municipality,
                municipality=names[site.prefecture * settings.municipalities + site.municipality] + title,
                prefecture_code=prefecture,
                prefecture=PREFECTURES[site.prefecture] + "県",
                middle=site.middle,
                core_m=site.core_m,
                rank=(2 if site.municipality == 0 else 1) if site.number == 0 else 0,
                ground=cell,
            )
        )
    return towns


def _municipality(number: int) -> tuple[str, str]:
    """Code below the prefecture and title, as real ones are numbered: cities from 201, others from 301."""
    if number == 0:
        return "201", "市"
    if number % 3 == 1:
        return f"{201 + (number + 2) // 3}", "市"
    return f"{300 + 20 * number + 1}", "町" if number % 3 == 2 else "村"
