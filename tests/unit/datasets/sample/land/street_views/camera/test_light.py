"""Light and air: a colour and a picture of it look alike, and distance fades both into haze."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.light import Light

DAY = Light(90.0, 30.0, (0.6, 0.6, 0.5), (0.6, 0.6, 0.7), (200, 210, 220), 100.0, 0.2)


@pytest.mark.parametrize("normal", [(0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)])
def test_a_picture_is_lit_like_its_colour(normal: tuple[float, float, float]) -> None:
    colour = (120, 80, 60)
    lit = DAY.on_picture(Image.new("RGB", (3, 3), colour), normal, 40.0)
    assert np.abs(np.array(lit.getpixel((1, 1))) - DAY.on(colour, normal, 40.0)).max() <= 1


def test_the_side_towards_the_sun_is_brighter() -> None:
    # The sun stands at 90°: to the right of the street.
    assert DAY.facing((0.0, 1.0, 0.0)) == pytest.approx(np.cos(np.radians(30)))
    assert DAY.facing((0.0, -1.0, 0.0)) == 0
    assert DAY.facing((0.0, 0.0, 1.0)) == pytest.approx(0.5)


def test_far_things_take_the_colour_of_the_haze() -> None:
    assert DAY.on((0, 0, 0), (0.0, 0.0, 1.0), 10_000.0) == DAY.haze
    near, far = (DAY.on((0, 0, 0), (0.0, 0.0, 1.0), distance)[0] for distance in (10.0, 60.0))
    assert near < far < DAY.haze[0]


def test_what_shines_is_seen_by_night_only_and_holes_stay_open() -> None:
    picture = Image.new("RGBA", (2, 1), (50, 50, 50, 255))
    picture.putpixel((1, 0), (50, 50, 50, 0))
    lamp = Image.new("RGBA", (2, 1), (255, 240, 200, 255))
    night = replace(DAY, night=True)
    assert night.on_picture(picture, (0.0, 1.0, 0.0), 5.0, lamp).getpixel((0, 0)) == (255, 240, 200, 255)
    assert DAY.on_picture(picture, (0.0, 1.0, 0.0), 5.0, lamp).getpixel((0, 0)) != (255, 240, 200, 255)
    assert night.on_picture(picture, (0.0, 1.0, 0.0), 5.0, lamp).getpixel((1, 0))[3] == 0
