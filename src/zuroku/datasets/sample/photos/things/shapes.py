"""Things by their names in Open Images: surfaces that stand on the floor, about one unit large.

How they are built is said in ``vessels``, ``household``, ``creatures`` and ``edibles``. Part 0 is what a
thing is made of, part 1 its trim; further parts bring their own material.
"""

from collections.abc import Callable
from dataclasses import dataclass

from zuroku.datasets.sample.photos.rendering.materials import Material, linear
from zuroku.datasets.sample.photos.rendering.surfaces import Surface
from zuroku.datasets.sample.photos.things import creatures, edibles, household, vessels
from zuroku.datasets.sample.photos.things.forms import Form

_PAPER = Material("cloth", "stripes", (linear("#efe6cf"), linear("#d8cbb0")), 6)
_DARK = Material("lacquer", "plain", (linear("#1d1a19"),))
_STEM = Material("wood", "grain", (linear("#5b4630"), linear("#3a2c1e")))
_FLAME = Material("wax", "plain", ((3.5, 2.2, 0.8),))
_LEAF = Material("leaf", "mottled", (linear("#3f6b2f"), linear("#6f9140")))
_SKIN = Material("porcelain", "plain", (linear("#e9c9ae"),))
_CREAM = Material("earthenware", "plain", (linear("#e8dcc0"),))
_GOLD = Material("metal", "plain", (linear("#c9a14a"),))
_ORANGE = Material("earthenware", "plain", (linear("#d9781e"),))


@dataclass(frozen=True)
class Shape:
    """How a thing is built, what its further parts (from 2) are made of, and its extent.

    ``half`` is half of its width, height and depth at most; the thing stands about the y axis, on y = 0.
    """

    build: Callable[[Form, float], Surface]
    extras: tuple[Material, ...] = ()
    half: tuple[float, float, float] = (0.5, 0.5, 0.5)


SHAPES: dict[str, Shape] = {
    "Vase": Shape(vessels.vase, half=(0.42, 0.5, 0.42)),
    "Bowl": Shape(vessels.bowl, half=(0.52, 0.25, 0.52)),
    "Bottle": Shape(vessels.bottle, half=(0.21, 0.5, 0.21)),
    "Mug": Shape(vessels.mug, half=(0.55, 0.38, 0.36)),
    "Teapot": Shape(vessels.teapot, half=(0.68, 0.36, 0.4)),
    "Plate": Shape(vessels.plate, (_STEM,), half=(0.5, 0.53, 0.3)),
    "Wine glass": Shape(vessels.wine_glass, half=(0.3, 0.5, 0.3)),
    "Candle": Shape(household.candle, (_CREAM, _FLAME), half=(0.3, 0.53, 0.3)),
    "Book": Shape(household.book, (_PAPER,), half=(0.48, 0.11, 0.34)),
    "Box": Shape(household.box, (_GOLD,), half=(0.5, 0.36, 0.4)),
    "Ball": Shape(household.ball, half=(0.42, 0.42, 0.42)),
    "Pillow": Shape(household.pillow, half=(0.44, 0.43, 0.25)),
    "Drum": Shape(household.drum, (_CREAM,), half=(0.5, 0.34, 0.5)),
    "Lamp": Shape(household.lamp, (_GOLD,), half=(0.4, 0.5, 0.4)),
    "Doll": Shape(creatures.doll, (_SKIN, _DARK), half=(0.27, 0.52, 0.27)),
    "Duck": Shape(creatures.duck, (_ORANGE, _DARK), half=(0.62, 0.39, 0.3)),
    "Rabbit": Shape(creatures.rabbit, (_DARK,), half=(0.42, 0.55, 0.25)),
    "Mushroom": Shape(edibles.mushroom, (_CREAM,), half=(0.48, 0.42, 0.48)),
    "Dice": Shape(household.dice, half=(0.36, 0.36, 0.36)),
    "Fish": Shape(creatures.fish, (_DARK,), half=(0.66, 0.4, 0.17)),
    "Starfish": Shape(creatures.starfish, half=(0.5, 0.44, 0.35)),
    "Doughnut": Shape(edibles.doughnut, half=(0.48, 0.36, 0.4)),
    "Apple": Shape(edibles.apple, (_STEM, _LEAF), half=(0.42, 0.46, 0.42)),
    "Pumpkin": Shape(edibles.pumpkin, (_STEM,), half=(0.46, 0.42, 0.46)),
    "Jug": Shape(vessels.jug, half=(0.46, 0.5, 0.34)),
    "Hat": Shape(household.hat, half=(0.52, 0.22, 0.52)),
    "Flowerpot": Shape(vessels.flowerpot, (_LEAF,), half=(0.45, 0.45, 0.45)),
    "Lantern": Shape(household.lantern, (_DARK,), half=(0.36, 0.53, 0.36)),
    "Snowman": Shape(creatures.snowman, (_ORANGE, _DARK), half=(0.27, 0.53, 0.27)),
    "Chair": Shape(household.chair, half=(0.3, 0.5, 0.3)),
    "Boat": Shape(household.boat, (_STEM, _CREAM), half=(0.46, 0.5, 0.2)),
}
"""The things by their display names in Open Images."""
