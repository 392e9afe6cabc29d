"""Generated scenes of one to four things with their boxes, in the layout of Open Images."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.rendering.scenes import Scene, photograph
from zuroku.datasets.sample.photos.seeds import sub_seed
from zuroku.datasets.sample.photos.things.catalogue import MATERIALS, Thing, draw_form, stand
from zuroku.datasets.sample.photos.things.studio import draw_film, draw_lamp, draw_room, frame
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import Zone, ZonedImage

LICENCE = "CC0-1.0"

CLASSES = (
    "Apple",
    "Ball",
    "Boat",
    "Book",
    "Bottle",
    "Bowl",
    "Candle",
    "Chair",
    "Doll",
    "Doughnut",
    "Drum",
    "Duck",
    "Flowerpot",
    "Hat",
    "Lamp",
    "Mug",
    "Mushroom",
    "Pillow",
    "Pumpkin",
    "Rabbit",
    "Starfish",
    "Teapot",
    "Vase",
    "Wine glass",
)

_PER_PHOTOGRAPHER = 4
_COUNT_ODDS = (0.3, 0.32, 0.23, 0.15)


@dataclass(frozen=True)
class Arrangement:
    """A photograph of things in a row still to be taken, and the seed of its photographer's room."""

    things: tuple[Thing, ...]
    seed: int
    room_seed: int
    size: tuple[int, int]


def open_images_sample(seed: int, images: int, size_px: int) -> list[SourceItem]:
    """List ``images`` photographs; labels are the classes on them, the group is the photographer.

    A photographer takes a few photographs in one room.
    """
    items = []
    for number in range(images):
        rng = seeded_rng(seed, 81, number)
        count = 1 + int(rng.choice(4, p=_COUNT_ODDS))
        chosen = [CLASSES[i] for i in rng.permutation(len(CLASSES))[:count]]
        things = tuple(
            Thing(name, draw_form(rng), MATERIALS[int(rng.integers(len(MATERIALS)))]) for name in chosen
        )
        photographer = number // _PER_PHOTOGRAPHER
        size = (size_px, round(0.75 * size_px))
        plan = Arrangement(things, sub_seed(seed, 82, number), sub_seed(seed, 83, photographer), size)
        items.append(
            SourceItem(
                item_id=f"{sub_seed(seed, 84, number):016x}",
                label="",
                group=f"photographer {photographer:04}",
                title=f"{' and '.join(chosen)}, by photographer {photographer:04}",
                licence=LICENCE,
                source_url="",
                read=partial(render_arrangement, plan),
                labels=tuple(sorted(set(chosen))),
            )
        )
    return sorted(items, key=lambda item: item.item_id)


def render_arrangement(plan: Arrangement) -> ZonedImage:
    """Return the planned photograph with the boxes of what is seen; the same anywhere."""
    rng = seeded_rng(plan.seed)
    bodies = []
    x = 0.0
    for thing in plan.things:
        scale = float(rng.uniform(0.75, 1.25))
        half = thing.half[0] * scale
        bodies.append(
            stand(thing, (x + half, float(rng.uniform(-0.45, 0.45))), float(rng.uniform(-50, 50)), scale)
        )
        x += 2 * half * float(rng.uniform(0.75, 1.25)) + 0.05
    camera = frame(
        [(body.middle, body.reach) for body in bodies],
        plan.size,
        float(rng.uniform(-30, 30)),
        float(rng.uniform(10, 42)),
        float(rng.uniform(0.95, 1.3)) * (1 + 0.14 * (len(bodies) - 1)),
        float(rng.normal(0, 2)),
        (float(rng.normal(0, 0.06)), float(rng.normal(0, 0.05))),
        focal=float(rng.uniform(1.2, 2.0)),
    )
    scene = Scene(bodies, draw_room(seeded_rng(plan.room_seed)), draw_lamp(rng))
    taken = photograph(scene, camera, draw_film(rng), plan.seed)
    named = zip(plan.things, taken.boxes, strict=True)
    zones = tuple(Zone(thing.shape, *np.round(box, 2).tolist()) for thing, box in named if box is not None)
    return ZonedImage(taken.data, zones)
