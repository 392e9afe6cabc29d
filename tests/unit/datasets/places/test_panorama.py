"""Four headings: chosen, joined, and cut from a 360° picture."""

import numpy as np
import pytest
from PIL import Image

from tests.unit.datasets.places.place_files import encoded, picture
from zuroku.datasets.places.panorama import cut_views, heading_index, joined_views
from zuroku.models.geolocation.views import picture_views
from zuroku.reports.place_figures import folded_panorama

RED, GREEN, BLUE, GREY = (200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 90)


@pytest.mark.parametrize(
    ("compass", "index"),
    [
        (0, 0),
        (44.9, 0),
        (315, 0),
        (359.99, 0),
        (45, 1),
        (134.9, 1),
        (135, 2),
        (225, 3),
        (314.9, 3),
        (-10, 0),
        (370, 0),
    ],
)
def test_every_angle_has_one_heading_within_45_degrees(compass: float, index: int) -> None:
    assert heading_index(compass) == index


@pytest.mark.parametrize(
    "sizes",
    [
        [(80, 60)] * 4,
        [(64, 36)] * 4,
        [(60, 80)] * 4,
        [(40, 20), (20, 40), (30, 20), (60, 61)],
    ],
)
def test_each_heading_of_joined_views_is_the_middle_square_of_its_view(sizes: list[tuple[int, int]]) -> None:
    """The rest of a view is white, and must be seen nowhere, wherever the panorama is cut at its headings."""
    views, colours = [], (RED, GREEN, BLUE, GREY)
    for (width, height), colour in zip(sizes, colours, strict=True):
        side = min(width, height)
        view = Image.new("RGB", (width, height), "white")
        left, top = (width - side) // 2, (height - side) // 2
        view.paste(colour, (left, top, left + side, top + side))
        views.append(view)
    joined = joined_views(views)
    least = min(map(min, sizes))
    assert joined.size == (4 * least, least)
    seen = picture_views(encoded(joined, "PNG"), 16, 4)
    np.testing.assert_array_equal(seen, np.broadcast_to(np.array(colours)[:, None, None], seen.shape))
    folded = folded_panorama(joined)
    corners = [(0, 0), (least, 0), (0, least), (least, least)]
    assert folded.size == (2 * least, 2 * least)
    for (x, y), colour in zip(corners, colours, strict=True):
        quarter = np.asarray(folded.crop((x, y, x + least, y + least)))
        np.testing.assert_array_equal(quarter, np.broadcast_to(colour, quarter.shape))


def test_square_views_of_one_size_are_joined_as_they_are() -> None:
    views = [picture(seed, (24, 24)) for seed in range(4)]
    np.testing.assert_array_equal(joined_views(views), np.hstack([np.asarray(view) for view in views]))


def sampled_slowly(
    panorama: Image.Image, facing: float, heading: float, x: float, y: float
) -> tuple[int, ...]:
    """Return the pixel nearest to where a ray of a 90° view meets the sphere."""
    forward, right, up = np.array([1, 0, 0]), np.array([0, 1, 0]), np.array([0, 0, 1])
    ray = forward + x * right - y * up
    ray = ray / np.linalg.norm(ray)
    azimuth = heading + np.degrees(np.arctan2(ray[1], ray[0])) - facing
    column = ((azimuth + 180) % 360) / 360 * panorama.width
    row = (90 - np.degrees(np.arcsin(ray[2]))) / 180 * panorama.height
    pixel = panorama.getpixel((int(column) % panorama.width, min(int(row), panorama.height - 1)))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


@pytest.mark.parametrize("facing", [0.0, 90.0, 203.0])
def test_cut_views_agree_with_rays(facing: float) -> None:
    panorama = picture(5, (256, 128))
    views = cut_views(panorama, facing)
    assert [view.size for view in views] == [(64, 64)] * 4
    for number, view in enumerate(views):
        for column, row in [(5, 9), (32, 32), (60, 3), (0, 63), (47, 51)]:
            x, y = (column + 0.5) / 32 - 1, (row + 0.5) / 32 - 1
            expected = sampled_slowly(panorama, facing, number * 90, x, y)
            assert view.getpixel((column, row)) == pytest.approx(expected, abs=12)


def test_the_centre_of_the_panorama_is_what_it_faces() -> None:
    panorama = Image.new("RGB", (400, 200), GREY)
    panorama.paste(RED, (180, 0, 220, 200))
    centres = [view.getpixel((50, 50)) for view in cut_views(panorama, 180.0)]
    assert centres == [GREY, GREY, RED, GREY]
