"""The geometry of photographed pages, against independent computations."""

import cmath
import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from zuroku.datasets.sample.pages.warp import Warp


def test_a_turned_box_is_the_hull_of_its_turned_corners() -> None:
    warp = Warp((400, 300), 200, 0.0, 50, 7.0)
    box = (60.0, 40.0, 90.0, 260.0)
    # Rotation in the complex plane: with y down, a positive angle turns clockwise on the screen.
    middle, turn = complex(200, 150), cmath.rect(1, math.radians(7))
    corners = [(complex(x, y) - middle) * turn + middle for x in (60, 90) for y in (40, 260)]
    expected = (
        min(c.real for c in corners),
        min(c.imag for c in corners),
        max(c.real for c in corners),
        max(c.imag for c in corners),
    )
    assert warp.box(box) == pytest.approx(expected, abs=1e-9)


def test_positive_angles_turn_clockwise_on_the_screen() -> None:
    right_of_middle = Warp((100, 100), 50, 0.0, 10, 2.0).forward(np.array([[90.0, 50.0]]))
    assert right_of_middle[0, 1] > 50


def test_leaves_shrink_towards_the_gutter_about_the_middle() -> None:
    warp = Warp((400, 300), 200, 0.1, 40, 0.0)
    at_gutter = warp.forward(np.array([[200.0, 0.0], [200.0, 150.0], [200.0, 300.0]]))
    assert at_gutter[:, 1] == pytest.approx([15, 150, 285])
    one_reach_away = warp.forward(np.array([[240.0, 0.0]]))
    assert one_reach_away[0, 1] == pytest.approx(150 * 0.1 * math.exp(-1))


def test_forward_and_backward_undo_each_other() -> None:
    warp = Warp((640, 480), 300, 0.03, 60, -1.3)
    grid = np.stack(np.meshgrid(np.linspace(0, 640, 9), np.linspace(0, 480, 7)), 2).reshape(-1, 2)
    assert np.abs(warp.backward(warp.forward(grid)) - grid).max() < 1e-9


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("box", [(80, 60, 110, 400), (280, 200, 360, 280), (520, 30, 620, 60)])
def test_pixels_and_boxes_go_the_same_way(box: tuple[int, int, int, int], mode: str) -> None:
    warp = Warp((640, 480), 320, 0.03, 40, 1.1)
    sheet = Image.new(mode, (640, 480), "white")
    ImageDraw.Draw(sheet).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill="black")
    dark = np.asarray(warp.image(sheet).convert("L")) < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    found = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert warp.box(tuple(map(float, box))) == pytest.approx(found, abs=1.5)  # type: ignore[arg-type]


def test_an_untouched_warp_leaves_the_image_alone() -> None:
    rng = np.random.default_rng(3)
    sheet = Image.fromarray(rng.integers(0, 256, (90, 130), np.uint8))
    assert np.array_equal(np.asarray(Warp((130, 90), 65, 0.0, 10, 0.0).image(sheet)), np.asarray(sheet))
