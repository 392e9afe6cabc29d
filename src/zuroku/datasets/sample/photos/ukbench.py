"""Generated objects, each photographed four times, in the layout of the Kentucky benchmark."""

from dataclasses import dataclass
from functools import partial

from zuroku.datasets.photos.ukbench import VIEWS, ukbench_group, ukbench_id
from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.rendering.scenes import Scene, photograph
from zuroku.datasets.sample.photos.seeds import sub_seed
from zuroku.datasets.sample.photos.things.catalogue import Thing, family_thing, stand
from zuroku.datasets.sample.photos.things.studio import draw_film, draw_lamp, draw_room, frame
from zuroku.datasets.source import SourceItem

LICENCE = "CC0-1.0"


@dataclass(frozen=True)
class View:
    """One photograph of a thing: the thing, and the seeds of its room and of this photograph."""

    thing: Thing
    room_seed: int
    view_seed: int
    size: tuple[int, int]


def ukbench_sample(seed: int, objects: int, size_px: int) -> list[SourceItem]:
    """List four photographs of each of ``objects`` things; the group is the thing.

    Five things in a row share their shape, and things of one material differ in shape.
    """
    items = []
    for number in range(VIEWS * objects):
        thing_number = number // VIEWS
        view = View(
            family_thing(thing_number, seed),
            sub_seed(seed, 61, thing_number),
            sub_seed(seed, 62, number),
            (size_px, round(0.75 * size_px)),
        )
        read = partial(render_view, view)
        items.append(SourceItem(ukbench_id(number), "", ukbench_group(number), "", LICENCE, "", read))
    return items


def render_view(view: View) -> bytes:
    """Return the planned photograph as JPEG bytes; the same plan gives the same bytes anywhere."""
    rng = seeded_rng(view.view_seed)
    # The room stays for most of the four photographs.
    room = draw_room(seeded_rng(view.room_seed) if rng.random() < 0.6 else rng)
    lamp = draw_lamp(rng)
    body = stand(view.thing, turn_deg=float(seeded_rng(view.room_seed, 1).uniform(-40, 40)))
    camera = frame(
        [(body.middle, body.reach)],
        view.size,
        float(rng.uniform(-50, 50)),
        float(rng.uniform(12, 48)),
        float(rng.uniform(0.85, 1.45)),
        float(rng.normal(0, 6)),
        (float(rng.normal(0, 0.05)), float(rng.normal(0, 0.04))),
    )
    scene = Scene([body], room, lamp)
    return photograph(scene, camera, draw_film(rng), view.view_seed).data
