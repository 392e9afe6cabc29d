"""A generated town in the layout of Oxford5k: eleven landmarks in one stone, other buildings, a ground truth.

Good photographs show a landmark clearly; ok ones from aside, in part or behind a tree; junk ones a corner, or
little between trees. The ground truth follows from the plan alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from zuroku.datasets.sample.noise import seeded_rng
from zuroku.datasets.sample.photos.places.architecture import LANDMARKS
from zuroku.datasets.sample.photos.places.town import TownView, render_town
from zuroku.datasets.sample.photos.seeds import sub_seed
from zuroku.datasets.source import SourceItem

LICENCE = "CC0-1.0"
QUERIES = 5
"""Queries of each landmark, as in Oxford5k."""

TOWN = "town"
"""What the names of photographs without a landmark begin with."""

Quality = Literal["good", "ok", "junk", ""]

_COUNTS: dict[Quality, int] = {"good": 6, "ok": 4, "junk": 3}


@dataclass(frozen=True)
class Planned:
    """A photograph by its name, what it shows how well, and how it is taken."""

    name: str
    landmark: str
    quality: Quality
    view: TownView


def plan_town(seed: int, landmarks: int, distractors: int, size_px: int) -> list[Planned]:
    """List the photographs of the first ``landmarks`` landmarks and of ``distractors`` other buildings."""
    planned = []
    for landmark in list(LANDMARKS)[:landmarks]:
        numbers = seeded_rng(seed, 91, *map(ord, landmark)).permutation(300)
        qualities = [quality for quality, count in _COUNTS.items() for _ in range(count)]
        for number, quality in zip(numbers.tolist(), qualities, strict=False):
            view = _landmark_view(seed, landmark, number, quality, size_px)
            planned.append(Planned(f"{landmark}_{number:06}", landmark, quality, view))
    for number in range(distractors):
        planned.append(Planned(f"{TOWN}_{number:06}", TOWN, "", _other_view(seed, number, size_px)))
    return sorted(planned, key=lambda photograph: photograph.name)


def town_items(planned: Sequence[Planned]) -> list[SourceItem]:
    """Return the planned photographs; the group is the landmark, or the town for all others."""
    return [
        SourceItem(one.name, "", one.landmark, "", LICENCE, "", partial(render_town, one.view))
        for one in planned
    ]


def town_texts(planned: Sequence[Planned]) -> dict[str, str]:
    """Return the ground truth of the planned photographs in Oxford5k's texts, by file name."""
    texts: dict[str, str] = {}
    for landmark in sorted({one.landmark for one in planned} - {TOWN}):
        own = [one for one in planned if one.landmark == landmark]
        by_quality = {quality: [one for one in own if one.quality == quality] for quality in _COUNTS}
        for number, query in enumerate(by_quality["good"][:QUERIES], start=1):
            stem = f"{landmark}_{number}"
            corners = " ".join(f"{value:.1f}" for value in query.view.box)
            texts[f"{stem}_query.txt"] = f"oxc1_{query.name} {corners}\n"
            for quality, photographs in by_quality.items():
                texts[f"{stem}_{quality}.txt"] = "".join(f"{one.name}\n" for one in photographs)
    return texts


def _landmark_view(seed: int, landmark: str, number: int, quality: str, size_px: int) -> TownView:
    key = sum(map(ord, landmark))
    rng = seeded_rng(seed, 92, key, number)
    size = (size_px, round(0.75 * size_px)) if rng.random() < 0.75 else (round(0.75 * size_px), size_px)
    tall = size[1] > size[0]
    weathers = ("noon", "noon", "afternoon", "overcast", "evening")
    view = TownView(
        landmark,
        seed,
        sub_seed(seed, 93, key, number),
        size,
        azimuth_deg=float(rng.uniform(-34, 34)),
        distance=float(rng.uniform(2.1, 2.9)) * (1.25 if tall else 1.0),
        aim=(float(rng.normal(0, 0.1)), float(rng.uniform(0.42, 0.54))),
        focal=1.15,
        weather=weathers[int(rng.integers(len(weathers)))],
    )
    if quality == "ok":
        view = _partly_seen(rng, view)
    elif quality == "junk":
        view = _hardly_seen(rng, view)
    if quality != "good" and rng.random() < 0.4:
        view = replace(view, weather="dusk" if quality == "junk" else "evening")
    return view


def _partly_seen(rng: np.random.Generator, view: TownView) -> TownView:
    """Take ``view`` from aside, at times behind a tree, or cut it off."""
    side = float(rng.choice((-1, 1)))
    if rng.random() < 0.5:
        return replace(view, aim=(side * float(rng.uniform(0.5, 0.8)), 0.5), distance=0.75 * view.distance)
    return replace(view, azimuth_deg=side * float(rng.uniform(40, 68)), screened=int(rng.integers(0, 2)))


def _hardly_seen(rng: np.random.Generator, view: TownView) -> TownView:
    """Set ``view`` behind trees, or take a corner alone."""
    if rng.random() < 0.5:
        return replace(view, screened=4, distance=1.25 * view.distance)
    corner = (float(rng.choice((-0.9, 0.9))), float(rng.uniform(0.1, 0.4)))
    return replace(view, aim=corner, focal=3.6, azimuth_deg=1.6 * view.azimuth_deg)


def _other_view(seed: int, number: int, size_px: int) -> TownView:
    rng = seeded_rng(seed, 94, number)
    weathers = ("noon", "afternoon", "overcast", "evening")
    return TownView(
        # Some buildings are photographed twice.
        str(1000 * seed + number * 2 // 3),
        seed,
        sub_seed(seed, 95, number),
        (size_px, round(0.75 * size_px)),
        azimuth_deg=float(rng.uniform(-60, 60)),
        distance=float(rng.uniform(2.0, 3.8)),
        aim=(float(rng.normal(0, 0.2)), float(rng.uniform(0.4, 0.6))),
        focal=1.15,
        weather=weathers[int(rng.integers(len(weathers)))],
        screened=int(rng.random() < 0.25),
    )
