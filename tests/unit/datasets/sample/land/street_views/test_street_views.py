"""Panoramas of the made-up land: what decides their bytes, and that four headings are one scene."""

import hashlib
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from zuroku.datasets.sample.land.street_views.habits import habits_of
from zuroku.datasets.sample.land.street_views.panorama import render_panorama, render_view
from zuroku.datasets.sample.land.street_views.plan import HEADINGS_DEG, Slice, ViewPlan
from zuroku.datasets.sample.land.street_views.roads import road_look

PLAN = ViewPlan(
    seed=3,
    land_seed=7,
    prefecture_code="13",
    municipality_code="13104",
    town_code="13104001001",
    town="緑ケ丘",
    road_id="way/12",
    road_name="中央通り",
    road_kind="tertiary",
    road_bearing=90.0,
)


def tones(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32)


def test_a_panorama_is_the_four_headings_from_north_clockwise() -> None:
    panorama = render_panorama(PLAN, 48)
    assert panorama.mode == "RGB"
    assert panorama.size == (4 * 48, 48)
    for place, heading in enumerate(HEADINGS_DEG):
        part = panorama.crop((48 * place, 0, 48 * (place + 1), 48))
        assert part.tobytes() == render_view(PLAN, heading, 48).tobytes()


@pytest.mark.parametrize("kind", get_args(Slice))
def test_equal_plans_give_equal_bytes_and_other_seeds_do_not(kind: Slice) -> None:
    plan = replace(PLAN, slice=kind)
    first = render_view(plan, 90.0, 40).tobytes()
    assert first == render_view(replace(plan), 90.0, 40).tobytes()
    assert first != render_view(replace(plan, seed=4), 90.0, 40).tobytes()


def test_bytes_do_not_depend_on_what_was_drawn_before() -> None:
    first = hashlib.sha256(render_panorama(PLAN, 40).tobytes()).hexdigest()
    render_panorama(replace(PLAN, seed=9, road_id="way/99"), 40)
    assert hashlib.sha256(render_panorama(PLAN, 40).tobytes()).hexdigest() == first


def test_night_is_darker_than_day_and_bad_weather_has_less_contrast() -> None:
    day, night, weather = (
        [tones(render_view(replace(PLAN, slice=kind, seed=seed), 90.0, 32)) for seed in range(3)]
        for kind in ("", "night", "weather")
    )
    assert np.mean(night) < 0.5 * np.mean(day)
    assert np.mean([picture.std() for picture in weather]) < np.mean([picture.std() for picture in day])


def test_neighbouring_headings_meet_in_one_scene() -> None:
    """The edge columns of two headings show the same direction; opposite edges do not."""
    meets, misses = [], []
    for seed in range(2):
        parts = [tones(render_view(replace(PLAN, seed=seed), heading, 48)) for heading in HEADINGS_DEG]
        for i in range(4):
            right = parts[i][:, -1].mean(1)
            meets.append(np.abs(right - parts[(i + 1) % 4][:, 0].mean(1)).mean())
            misses.append(np.abs(right - parts[(i + 3) % 4][:, 0].mean(1)).mean())
    assert np.mean(meets) < 0.6 * np.mean(misses)


def test_a_landmark_is_seen_in_the_heading_of_its_bearing() -> None:
    marked = replace(
        PLAN, landmark_id="node/5", landmark_kind="historic=castle", landmark_bearing=180.0, road_bearing=90.0
    )
    other = replace(marked, landmark_id="node/6")
    changed = [
        np.abs(tones(render_view(marked, heading, 48)) - tones(render_view(other, heading, 48))).mean()
        for heading in HEADINGS_DEG
    ]
    assert int(np.argmax(changed)) == 2


@pytest.mark.parametrize(
    "kind",
    [
        "amenity=place_of_worship",
        "historic=castle",
        "man_made=tower",
        "railway=station",
        "tourism=museum",
        "leisure=park",
        "historic=memorial",
        "tourism=hotel",
        "unheard_of",
    ],
)
def test_every_kind_of_landmark_is_drawn_even_without_a_road(kind: str) -> None:
    plan = ViewPlan(
        1, 7, "01", "01101", "", "", landmark_id="node/1", landmark_kind=kind, landmark_bearing=10.0
    )
    with_it = tones(render_view(plan, 0.0, 40))
    without = tones(render_view(replace(plan, landmark_kind="", landmark_id=""), 0.0, 40))
    assert np.abs(with_it - without).mean() > 3


def test_habits_follow_the_codes_and_nothing_else() -> None:
    habits = habits_of(7, "13", "13104", "13104001001")
    assert habits == habits_of(7, "13", "13104", "13104001001")
    neighbour = habits_of(7, "13", "13104", "13104001002")
    assert neighbour.region == habits.region
    assert neighbour.municipal == habits.municipal
    assert neighbour.town != habits.town
    assert habits_of(8, "13", "13104", "13104001001").region != habits.region


def test_bigger_roads_are_wider_and_paths_are_not_paved() -> None:
    municipal = habits_of(7, "13", "13104", "").municipal
    widths = {
        kind: np.mean([road_look(7, f"way/{i}", kind, municipal).half_m for i in range(12)])
        for kind in ("trunk", "tertiary", "residential")
    }
    assert widths["trunk"] > widths["tertiary"] > widths["residential"]
    assert road_look(7, "way/1", "residential", municipal).paved
    assert not road_look(7, "way/1", "footway", municipal).paved
    assert not road_look(7, "", "", municipal).paved
