"""Boxes to crops: clipping, reading order, and the one way of scaling."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from zuroku.corpus.crops import jpeg_bytes, pixel_boxes, reading_order, square_image
from zuroku.datasets.images import square_pixels


def slow_pixel_box(box: list[float], width: int, height: int, share: float) -> list[int]:
    margin = share * max(box[2] - box[0], box[3] - box[1])
    limits = [width, height, width, height]
    wide = [
        math.floor(box[0] - margin),
        math.floor(box[1] - margin),
        math.ceil(box[2] + margin),
        math.ceil(box[3] + margin),
    ]
    return [min(max(value, 0), limit) for value, limit in zip(wide, limits, strict=True)]


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_boxes_become_whole_pixels_of_the_page(share: float) -> None:
    rng = np.random.default_rng(1)
    corners = rng.uniform(-30, 130, (50, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 60, (50, 2))], axis=1)
    expected = [slow_pixel_box(box.tolist(), 100, 80, share) for box in boxes]
    assert pixel_boxes(boxes, 100, 80, share).tolist() == expected


def test_no_box_is_no_fault() -> None:
    assert pixel_boxes(np.zeros((0, 4), dtype=np.float32), 10, 10, 0.1).shape == (0, 4)
    assert reading_order(np.zeros((0, 4), dtype=np.int64)) == []


def test_figures_are_read_right_to_left_and_down() -> None:
    boxes = np.array(
        [
            [10, 10, 40, 40],  # left column, upper
            [62, 100, 98, 140],  # right column, lower
            [60, 10, 95, 50],  # right column, upper, its edge a little left of the lower's
            [12, 90, 42, 120],  # left column, lower
        ]
    )
    assert reading_order(boxes) == [2, 1, 0, 3]


def test_the_order_does_not_depend_on_that_of_the_boxes() -> None:
    rng = np.random.default_rng(2)
    corners = rng.integers(0, 80, (12, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 30, (12, 2))], axis=1)
    expected = boxes[reading_order(boxes)].tolist()
    for _ in range(5):
        shuffled = rng.permutation(boxes)
        assert shuffled[reading_order(shuffled)].tolist() == expected


@pytest.mark.parametrize("size", [(70, 50), (130, 190), (300, 260), (900, 640)])
def test_a_crop_is_scaled_as_its_jpeg_would_be(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 255, (12, 9, 3), dtype=np.uint8))
    picture = coarse.resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=98, subsampling=0)
    ours = square_image(picture, 32).astype(int)
    theirs = square_pixels(buffer.getvalue(), 32).astype(int)
    assert ours.shape == (32, 32, 3)
    assert np.abs(ours - theirs).mean() < 1.0


def test_a_crop_is_encoded_the_same_every_time() -> None:
    picture = Image.new("RGB", (20, 30), (200, 30, 20))
    assert jpeg_bytes(picture) == jpeg_bytes(picture.copy())
    assert Image.open(io.BytesIO(jpeg_bytes(picture))).size == (20, 30)
