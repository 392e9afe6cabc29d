"""Generated museum objects with attributes, in the layout of the iMet Collection 2019.

An object's culture shows in its patterns, its tags say what it is and what it is made of; colours belong to
nobody.
"""

from dataclasses import dataclass
from functools import partial

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.rendering.materials import Pattern
from zuroku.datasets.sample.photos.rendering.scenes import Scene, photograph
from zuroku.datasets.sample.photos.seeds import sub_seed
from zuroku.datasets.sample.photos.things.catalogue import PALETTES, Thing, draw_form, material_of, stand
from zuroku.datasets.sample.photos.things.studio import draw_film, draw_lamp, draw_sweep, frame
from zuroku.datasets.source import SourceItem

LICENCE = "CC0-1.0"

CULTURES: dict[str, tuple[Pattern, ...]] = {
    "coast": ("waves", "dots"),
    "highland": ("plaid", "checks"),
    "river": ("stripes", "bands"),
    "forest": ("flowers", "grain"),
    "desert": ("drips", "crackle"),
    "island": ("diamonds", "marble"),
}
TAGS: dict[str, tuple[str, ...]] = {
    "vases": ("Vase",),
    "bowls": ("Bowl",),
    "bottles": ("Bottle",),
    "teapots": ("Teapot",),
    "jugs": ("Jug",),
    "plates": ("Plate",),
    "boxes": ("Box",),
    "lanterns": ("Lantern",),
    "dolls": ("Doll",),
    "animals": ("Duck", "Rabbit", "Fish"),
}
STUFFS = ("porcelain", "earthenware", "lacquer", "wood", "metal")


@dataclass(frozen=True)
class Exhibit:
    """A museum photograph still to be taken."""

    thing: Thing
    seed: int
    size: tuple[int, int]


def museum_sample(seed: int, objects: int, size_px: int) -> list[SourceItem]:
    """List ``objects`` photographs, one of each object, with their attributes as labels."""
    items = []
    for number in range(objects):
        rng = seeded_rng(seed, 71, number)
        culture = list(CULTURES)[int(rng.integers(len(CULTURES)))]
        tag = list(TAGS)[int(rng.integers(len(TAGS)))]
        stuff = STUFFS[int(rng.integers(len(STUFFS)))]
        shape = TAGS[tag][int(rng.integers(len(TAGS[tag])))]
        pattern = CULTURES[culture][int(rng.integers(len(CULTURES[culture])))]
        material = material_of(stuff, pattern, int(rng.integers(len(PALETTES))))
        labels = tuple(sorted((f"culture::{culture}", f"tag::{tag}", f"tag::{stuff}")))
        item_id = f"{sub_seed(seed, 72, number):016x}"
        plan = Exhibit(Thing(shape, draw_form(rng), material), sub_seed(seed, 73, number), (size_px, size_px))
        read = partial(render_exhibit, plan)
        items.append(SourceItem(item_id, "", item_id, "", LICENCE, "", read, labels=labels))
    return sorted(items, key=lambda item: item.item_id)


def render_exhibit(exhibit: Exhibit) -> bytes:
    """Return the planned photograph as JPEG bytes; the same plan gives the same bytes anywhere."""
    rng = seeded_rng(exhibit.seed)
    body = stand(exhibit.thing, turn_deg=float(rng.normal(0, 25)))
    camera = frame(
        [(body.middle, body.reach)],
        exhibit.size,
        float(rng.normal(0, 12)),
        float(rng.uniform(6, 26)),
        float(rng.uniform(0.98, 1.2)),
        shift=(0.0, float(rng.uniform(-0.03, 0.03))),
        focal=2.2,
    )
    scene = Scene([body], draw_sweep(rng), draw_lamp(rng, softness=float(rng.uniform(0.5, 0.95))))
    return photograph(scene, camera, draw_film(rng), exhibit.seed).data
