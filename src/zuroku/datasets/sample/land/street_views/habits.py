"""How a place of the made-up land looks: the habits of its prefecture, municipality, town and road.

Every habit is chosen by a hash of the land's seed and the code of its level, out of short lists that all
share: many places have a habit in common, few have all of them. Nothing is drawn here.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from zuroku.datasets.sample.land.street_views.camera.optics import Colour
from zuroku.datasets.sample.noise import seeded_rng

Tree = Literal["broadleaf", "conifer", "bamboo", "palm", "cherry", "ginkgo", "pine", "shrub"]
Cladding = Literal["plaster", "siding", "boards", "tiles"]

_SOILS: tuple[Colour, ...] = (
    (124, 94, 66),
    (76, 66, 58),
    (206, 192, 160),
    (164, 90, 58),
    (146, 144, 136),
    (182, 144, 86),
)
_ROOFS: tuple[Colour, ...] = (
    (62, 66, 74),
    (168, 78, 50),
    (88, 58, 48),
    (50, 86, 128),
    (66, 108, 84),
    (124, 124, 120),
    (190, 124, 70),
)
_SKIES: tuple[Colour, ...] = (
    (54, 110, 196),
    (98, 156, 210),
    (122, 152, 178),
    (84, 146, 168),
    (140, 154, 200),
)
_WALLS: tuple[Colour, ...] = (
    (238, 234, 222),
    (214, 188, 142),
    (186, 150, 112),
    (216, 166, 140),
    (138, 94, 62),
    (96, 72, 58),
    (156, 178, 188),
    (198, 204, 158),
    (172, 106, 82),
    (168, 168, 166),
)
_BOARDS: tuple[tuple[Colour, Colour], ...] = (
    ((190, 40, 36), (252, 248, 238)),
    ((28, 70, 140), (250, 250, 250)),
    ((238, 196, 40), (40, 30, 24)),
    ((24, 110, 76), (250, 246, 230)),
    ((244, 242, 234), (180, 30, 36)),
    ((60, 44, 36), (236, 214, 160)),
    ((96, 48, 110), (250, 240, 250)),
    ((228, 110, 34), (255, 250, 240)),
)
_LINES: tuple[Colour, ...] = ((232, 232, 226), (232, 232, 226), (226, 178, 52), (74, 140, 92), (176, 84, 66))
_PAVINGS: tuple[Colour, ...] = (
    (164, 160, 152),
    (176, 130, 110),
    (150, 158, 166),
    (186, 172, 140),
    (140, 148, 132),
)
_COVERS: tuple[Colour, ...] = ((70, 68, 66), (52, 92, 150), (150, 76, 60), (66, 116, 80), (176, 150, 70))
_LEAVES: tuple[Colour, ...] = (
    (66, 106, 46),
    (46, 84, 62),
    (118, 128, 54),
    (38, 66, 42),
    (98, 112, 84),
    (128, 114, 62),
)
WILD_TREES: tuple[Tree, ...] = ("broadleaf", "conifer", "bamboo", "palm", "pine")
_CLADDINGS: tuple[Cladding, ...] = ("plaster", "siding", "boards", "tiles")

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class RegionHabits:
    """What a prefecture has in common: ground, growth, hills, the way houses are built, climate."""

    soil: Colour
    leaf: Colour
    trees: tuple[Tree, Tree]
    """The trees that grow wild, the commonest first."""
    open_ground: Literal["rice", "grass", "field", "gravel"]
    hill_deg: float
    """How high the hills stand over the horizon."""
    hill_form: Literal["rolling", "jagged", "cone", "terrace"]
    roofs: tuple[Colour, Colour]
    roof_form: Literal["gable", "hip", "hip_gable", "mono"]
    roof_pitch: float
    """Rise of a roof over its run."""
    tiled: bool
    walls: tuple[Colour, Colour]
    cladding: Cladding
    sky: Colour
    cloud: float
    """Share of the sky that is usually clouded."""
    season: float
    """When most of its pictures were taken: 0 is spring, 1 late autumn."""
    woods: float
    """How thickly trees stand between and behind the houses."""


@dataclass(frozen=True)
class MunicipalHabits:
    """What a municipality buys and allows: poles, rails, paint, paving, lamps, trees, density."""

    pole: Literal["concrete", "steel", "brown"]
    band: Literal["none", "striped", "green", "white"]
    transformers: float
    """Share of poles that carry one."""
    rail: Literal["beam", "pipe", "cable", "none", "bollards"]
    rail_colour: Colour
    edge: Colour
    kerb: Literal["plain", "blocks", "yellow"]
    stop: Literal["white", "red_ground", "framed"]
    paving: Colour
    paving_form: Literal["slabs", "bricks", "plain"]
    cover: Colour
    """Of manholes."""
    lamp: Literal["arm", "globe", "double", "lantern"]
    lamp_colour: Colour
    shade: float
    """Tone of its asphalt; ``warmth`` is how far it leans to red."""
    warmth: float
    pavement_m: float
    tree: Tree
    """What it plants along its streets."""
    storeys: float
    built: float
    """Share of the plots with a house."""


@dataclass(frozen=True)
class TownHabits:
    """What the people of one town chose: boards, colours, fences, shops."""

    board: Colour
    letters: Colour
    board_form: Literal["blade", "fascia", "lantern", "banner"]
    wall: Colour
    """Of the houses that do not follow the region."""
    fence: Literal["hedge", "blocks", "boards", "stones", "panels"]
    shops: float
    """Share of the houses with a shop."""
    words: tuple[str, ...]


@dataclass(frozen=True)
class Habits:
    """The habits that meet at one place."""

    region: RegionHabits
    municipal: MunicipalHabits
    town: TownHabits


SHOP_WORDS = (
    "食堂", "酒店", "書店", "茶舗", "薬局", "理容", "米店", "豆腐", "菓子", "花店", "眼鏡", "金物",
    "洋品", "時計", "寿司", "蕎麦", "医院", "旅館", "銭湯", "質店", "畳店", "自転車", "写真館", "珈琲",
)  # fmt: skip


def hashed_rng(land_seed: int, level: str, code: str) -> np.random.Generator:
    """Return the generator of one place of one level, the same in every process."""
    digest = hashlib.sha256(f"{land_seed}/{level}/{code}".encode()).digest()
    return seeded_rng(int.from_bytes(digest[:8], "big"))


def habits_of(land_seed: int, prefecture_code: str, municipality_code: str, town_code: str) -> Habits:
    """Return the habits of the place with these codes of the land ``land_seed``."""
    return Habits(
        region=_region(hashed_rng(land_seed, "prefecture", prefecture_code)),
        municipal=_municipal(hashed_rng(land_seed, "municipality", municipality_code)),
        town=_town(hashed_rng(land_seed, "town", town_code)),
    )


def jittered(rng: np.random.Generator, colour: Colour, reach: float) -> Colour:
    """Return ``colour`` a little lighter or darker and turned by at most ``reach`` steps of 255."""
    red, green, blue = np.clip(
        np.array(colour) + rng.uniform(-reach, reach) + rng.uniform(-reach, reach, 3) / 2, 0, 255
    )
    return int(red), int(green), int(blue)


def pick(rng: np.random.Generator, items: tuple[_Item, ...]) -> _Item:
    """Return one of ``items``."""
    return items[int(rng.integers(len(items)))]


def _two(rng: np.random.Generator, items: tuple[_Item, ...]) -> tuple[_Item, _Item]:
    first, second = rng.permutation(len(items))[:2]
    return items[int(first)], items[int(second)]


def _region(rng: np.random.Generator) -> RegionHabits:
    return RegionHabits(
        soil=jittered(rng, pick(rng, _SOILS), 12),
        leaf=jittered(rng, pick(rng, _LEAVES), 10),
        trees=_two(rng, WILD_TREES),
        open_ground=pick(rng, ("rice", "grass", "field", "gravel")),
        hill_deg=float(rng.choice((2.0, 6.0, 11.0, 17.0)) * rng.uniform(0.85, 1.15)),
        hill_form=pick(rng, ("rolling", "jagged", "cone", "terrace")),
        roofs=_two(rng, _ROOFS),
        roof_form=pick(rng, ("gable", "hip", "hip_gable", "mono")),
        roof_pitch=float(rng.uniform(0.32, 0.8)),
        tiled=bool(rng.random() < 0.6),
        walls=_two(rng, _WALLS),
        cladding=pick(rng, _CLADDINGS),
        sky=jittered(rng, pick(rng, _SKIES), 8),
        cloud=float(rng.uniform(0.12, 0.62)),
        season=float(rng.uniform(0.05, 0.95)),
        woods=float(rng.uniform(0.25, 1.0)),
    )


def _municipal(rng: np.random.Generator) -> MunicipalHabits:
    paints: tuple[Colour, ...] = (
        (228, 228, 224),
        (94, 74, 60),
        (70, 120, 88),
        (150, 164, 176),
        (206, 196, 170),
    )
    return MunicipalHabits(
        pole=pick(rng, ("concrete", "concrete", "steel", "brown")),
        band=pick(rng, ("none", "striped", "green", "white")),
        transformers=float(rng.choice((0.1, 0.5, 0.9))),
        rail=pick(rng, ("beam", "pipe", "cable", "none", "bollards")),
        rail_colour=jittered(rng, pick(rng, paints), 8),
        edge=pick(rng, _LINES),
        kerb=pick(rng, ("plain", "blocks", "yellow")),
        stop=pick(rng, ("white", "red_ground", "framed")),
        paving=jittered(rng, pick(rng, _PAVINGS), 8),
        paving_form=pick(rng, ("slabs", "bricks", "plain")),
        cover=pick(rng, _COVERS),
        lamp=pick(rng, ("arm", "globe", "double", "lantern")),
        lamp_colour=jittered(rng, pick(rng, paints), 8),
        shade=float(rng.uniform(78, 146)),
        warmth=float(rng.uniform(-8, 12)),
        pavement_m=float(rng.uniform(1.2, 3.4)),
        tree=pick(rng, ("ginkgo", "cherry", "broadleaf", "palm", "pine", "conifer")),
        storeys=float(rng.choice((1.3, 1.9, 2.6, 4.4))),
        built=float(rng.uniform(0.45, 0.95)),
    )


def _town(rng: np.random.Generator) -> TownHabits:
    board, letters = pick(rng, _BOARDS)
    words = tuple(SHOP_WORDS[int(i)] for i in rng.permutation(len(SHOP_WORDS))[:6])
    return TownHabits(
        board=jittered(rng, board, 12),
        letters=letters,
        board_form=pick(rng, ("blade", "fascia", "lantern", "banner")),
        wall=pick(rng, _WALLS),
        fence=pick(rng, ("hedge", "blocks", "boards", "stones", "panels")),
        shops=float(rng.uniform(0.1, 0.7)),
        words=words,
    )
