"""Things: a shape in a material, and the catalogue of materials that different shapes share.

Families of things have one shape and different materials, and every material occurs in several families: what
tells things apart is the pair.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.rendering.bodies import Body
from zuroku.datasets.sample.photos.rendering.materials import Material, Pattern, linear
from zuroku.datasets.sample.photos.rendering.surfaces import Piece, Surface, moved, turn_about
from zuroku.datasets.sample.photos.things.forms import Form
from zuroku.datasets.sample.photos.things.shapes import SHAPES

PALETTES: tuple[tuple[str, str], ...] = (
    ("#e9e4d6", "#24408e"),
    ("#7fa08a", "#4a6a55"),
    ("#a83f32", "#efe0c6"),
    ("#d8c79a", "#6b3f22"),
    ("#2b2930", "#c19a45"),
    ("#c8773c", "#7a3b1a"),
    ("#9db7c9", "#f1efe8"),
    ("#5d3a5f", "#d9b7c4"),
    ("#e3b23c", "#31506b"),
    ("#f0ebe0", "#b0442f"),
    ("#3f5d4a", "#d6cfa8"),
    ("#8c8f96", "#e8e6e1"),
)
"""Ground and figure of patterns, sRGB."""

_CATALOGUE: tuple[tuple[str, Pattern, int, int], ...] = (
    # stuff, pattern, palette, fineness
    ("porcelain", "waves", 0, 1),
    ("earthenware", "mottled", 1, 1),
    ("lacquer", "flowers", 2, 1),
    ("wood", "grain", 3, 1),
    ("lacquer", "crackle", 4, 1),
    ("earthenware", "drips", 5, 1),
    ("porcelain", "bands", 6, 1),
    ("cloth", "dots", 7, 1),
    ("porcelain", "flowers", 0, 1),
    ("metal", "plain", 5, 1),
    ("earthenware", "stripes", 9, 1),
    ("stone", "marble", 11, 1),
    ("cloth", "plaid", 10, 1),
    ("lacquer", "plain", 2, 1),
    ("porcelain", "crackle", 1, 1),
    ("earthenware", "checks", 3, 1),
    ("wood", "grain", 4, 2),
    ("porcelain", "diamonds", 8, 1),
    ("stone", "speckle", 11, 1),
    ("cloth", "flutes", 6, 1),
    ("metal", "plain", 11, 1),
    ("porcelain", "dots", 9, 1),
    ("earthenware", "waves", 10, 1),
    ("cloth", "checks", 8, 1),
)

FAMILY = 5
"""Things of one shape in as many materials."""

_FAMILY_STEP = 5


def material_of(stuff: str, pattern: Pattern, palette: int, fineness: int = 1) -> Material:
    """Return a material in the colours of ``palette``."""
    ground, figure = PALETTES[palette]
    return Material(stuff, pattern, (linear(ground), linear(figure)), fineness)


MATERIALS: tuple[Material, ...] = tuple(material_of(*entry) for entry in _CATALOGUE)


@dataclass(frozen=True)
class Thing:
    """A shape by its name in Open Images, its form, and what it is made of."""

    shape: str
    form: Form
    material: Material

    @property
    def half(self) -> tuple[float, float, float]:
        """Half of its width, height and depth at most."""
        return SHAPES[self.shape].half


def draw_form(rng: np.random.Generator) -> Form:
    """Draw the form of a thing."""
    a, b, c, d = rng.random(4).tolist()
    return a, b, c, d


def family_thing(number: int, seed: int) -> Thing:
    """Return thing ``number``: each five in a row share shape and form, and differ in material.

    Things of the same material lie in different families, and so differ in shape.
    """
    family, member = divmod(number, FAMILY)
    names = list(SHAPES)
    form = draw_form(seeded_rng(seed, 51, family))
    material = MATERIALS[(family + _FAMILY_STEP * member) % len(MATERIALS)]
    return Thing(names[family % len(names)], form, material)


def stand(
    thing: Thing, at: tuple[float, float] = (0.0, 0.0), turn_deg: float = 0.0, scale: float = 1.0
) -> Body:
    """Stand ``thing`` on the floor at x, z, turned about its axis and scaled."""
    trim = Material(thing.material.stuff, "plain", (thing.material.colours[-1],))
    half = np.asarray(thing.half) * scale
    return Body(
        (Piece(partial(_standing, thing, at, turn_deg, scale)),),
        (thing.material, trim, *SHAPES[thing.shape].extras),
        (at[0], float(half[1]), at[1]),
        float(np.linalg.norm(half)),
    )


def _standing(
    thing: Thing, at: tuple[float, float], turn_deg: float, scale: float, spacing: float
) -> Surface:
    surface = SHAPES[thing.shape].build(thing.form, spacing / scale)
    return moved(surface, (at[0], 0.0, at[1]), turn_about(1, turn_deg), (scale, scale, scale))
