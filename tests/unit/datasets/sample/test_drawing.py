"""The parts of drawings that can be checked by numbers."""

import numpy as np
from PIL import Image, ImageDraw

from zuroku.datasets.sample.noise import fractal, seeded_rng
from zuroku.datasets.sample.projection import Camera, paste_quad
from zuroku.datasets.sample.scanning import scan, surround
from zuroku.datasets.sample.strokes import Pen, points, rectangle, spline
from zuroku.datasets.sample.style import draw_style


def test_fractal_is_normalised_and_seeded() -> None:
    field = fractal(seeded_rng(1), (80, 50), (3, 3))
    assert field.shape == (50, 80)
    assert field.dtype == np.float32
    assert abs(float(field.mean())) < 1e-3
    assert abs(float(field.std()) - 1) < 1e-3
    assert np.array_equal(field, fractal(seeded_rng(1), (80, 50), (3, 3)))


def test_spline_passes_through_its_knots() -> None:
    knots = points((0, 0), (3, 5), (8, 2), (9, 9))
    curve = spline(knots, per_span=4)
    for knot in knots:
        assert np.abs(curve - knot).sum(axis=1).min() < 1e-9


def test_hatching_stays_inside_its_shape() -> None:
    pen = Pen(draw_style(7), seeded_rng(7), (100, 100))
    pen.hatch(rectangle(30, 30, 70, 70), 0.6, 4)
    ink = np.asarray(pen.finish()) < 200
    assert ink[34:66, 34:66].any()
    ink[27:73, 27:73] = False
    assert not ink.any()


def test_quad_receives_the_whole_drawing_and_nothing_else() -> None:
    image = Image.new("L", (60, 60), 255)
    paste_quad(image, Image.new("L", (20, 20), 0), ((10, 10), (50, 20), (50, 40), (10, 50)))
    tones = np.asarray(image)
    assert tones[30, 30] == 0
    assert tones[5, 30] == 255
    assert tones[12, 48] == 255


def test_camera_puts_the_horizon_at_eye_height() -> None:
    camera = Camera(100, 1.5, (50, 40))
    assert camera.at(0, 1.5, 7) == (50, 40)
    image = Image.new("L", (100, 100), 255)
    camera.block(ImageDraw.Draw(image), (-0.5, 0, 4), (0.5, 1, 5), 10)
    assert image.getpixel((50, 60)) == 10


def test_scanning_keeps_the_size_and_the_book_decides_the_mode() -> None:
    drawing = Image.new("L", (120, 90), 255)
    for seed in range(12):
        style = draw_style(seed)
        page = surround(style, seeded_rng(seed), drawing)
        assert page.size == drawing.size
        scanned = scan(style, seeded_rng(seed), page)
        assert scanned.size == drawing.size
        assert scanned.mode == ("RGB" if style.scan == "colour" else "L")
    assert draw_style(5, coloured=True).scan == "colour"
