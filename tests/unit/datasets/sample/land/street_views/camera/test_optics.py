"""The camera against a pinhole written out point by point."""

import numpy as np
import pytest
from PIL import Image

from zuroku.datasets.sample.land.street_views.camera.optics import View

SIDE = 120


def a_view(turn_deg: float = 0.0) -> View:
    return View(Image.new("RGB", (SIDE, SIDE)), turn_deg, turn_deg, (1.0, -0.5, 2.0), 0.6)


def pinhole(place: tuple[float, float, float], turn_deg: float) -> tuple[float, float]:
    """Turn the world, then divide by depth: 90° across the picture, the horizon at 0.6 of its height."""
    turn = np.radians(turn_deg)
    rotation = np.array([[-np.sin(turn), np.cos(turn)], [np.cos(turn), np.sin(turn)]])
    right, ahead = rotation @ (np.array(place[:2]) - (1.0, -0.5))
    return 60 + 60 * right / ahead, 72 - 60 * (place[2] - 2.0) / ahead


@pytest.mark.parametrize("turn_deg", [0.0, 37.0, 90.0, 251.0])
def test_places_fall_where_a_pinhole_puts_them(turn_deg: float) -> None:
    view = a_view(turn_deg)
    for angle in (-30.0, 0.0, 25.0):
        way = np.radians(turn_deg + angle)
        place = (1 + 9 * float(np.cos(way)), -0.5 + 9 * float(np.sin(way)), 3.5)
        assert view.pixel(view.seen(place)) == pytest.approx(pinhole(place, turn_deg))


def test_a_wall_shows_its_picture_in_perspective_and_unmirrored() -> None:
    """Marks on a receding wall appear where the pinhole puts them, whichever end is named first."""
    picture = Image.new("RGB", (200, 100), (90, 90, 90))
    picture.paste((255, 0, 0), (100, 40, 110, 60))
    start, end = (6.0, 3.0), (16.0, 3.0)
    for ends in ((start, end), (end, start)):
        view = a_view()
        view.wall(*ends, 0.0, 5.0, picture)
        red = np.argwhere(np.asarray(view.canvas)[..., 0] > 200)
        # The right-hand wall's left end is the far one: the mark is 105/200 of the way from it.
        x, y = pinhole((16 - 10 * 105 / 200, 3.0, 2.5), 0.0)
        assert red.mean(0) == pytest.approx([y, x], abs=1.0)


def test_a_wall_beside_and_behind_the_camera_is_cut_off() -> None:
    view = a_view()
    view.wall((-5.0, 4.0), (9.0, 4.0), 0.0, 4.0, Image.new("RGB", (64, 64), (200, 10, 10)))
    red = np.asarray(view.canvas)[..., 0] > 150
    assert red[:, -1].any()
    assert not red[:, :60].any()
    view = a_view()
    view.wall((-5.0, 4.0), (-9.0, 4.0), 0.0, 4.0, Image.new("RGB", (64, 64), (200, 10, 10)))
    assert not np.asarray(view.canvas).any()


@pytest.mark.parametrize("turn_deg", [0.0, 63.0])
def test_level_pictures_lie_where_a_pinhole_puts_them(turn_deg: float) -> None:
    view = a_view(turn_deg)
    sheet = Image.new("L", (400, 400), 0)
    way = np.radians(turn_deg + 12)
    s, t = 1 + 6 * float(np.cos(way)), -0.5 + 6 * float(np.sin(way))
    sheet.paste(
        255,
        (round(200 + 10 * s) - 4, round(200 + 10 * t) - 4, round(200 + 10 * s) + 4, round(200 + 10 * t) + 4),
    )
    seen = np.asarray(view.flat(sheet, -2.0, 10.0, (73, SIDE), 0), np.float32)
    rows, columns = np.nonzero(seen > 128)
    x, y = pinhole((s, t, 0.0), turn_deg)
    assert columns.mean() + 0.5 == pytest.approx(x, abs=1.5)
    assert rows.mean() + 73.5 == pytest.approx(y, abs=1.5)


def test_polygons_before_the_camera_are_cut_not_turned_over() -> None:
    view = a_view()
    view.polygon([(-4.0, -2.0, 0.0), (8.0, -2.0, 0.0), (8.0, 2.0, 0.0), (-4.0, 2.0, 0.0)], (10, 200, 10))
    green = np.asarray(view.canvas)[..., 1] > 150
    assert not green[:72].any()
    assert green[-1].any()
