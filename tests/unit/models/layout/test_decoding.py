"""From grid output to boxes, against a plain loop over cells."""

import numpy as np
import pytest

from zuroku.models.layout.decoding import GridOutput, decode_grid


def slow_boxes(output: np.ndarray, shape: tuple[int, int], grid: GridOutput, floor: float) -> list[tuple]:
    """Return (label, score, box) of every cell and class above the floor, cell by cell."""
    found, row = [], 0
    for stride in grid.strides:
        for y in range(shape[0] // stride):
            for x in range(shape[1] // stride):
                left, top, right, bottom = output[row, :4] * stride
                centre_x, centre_y = (x + grid.point) * stride, (y + grid.point) * stride
                box = (
                    max(0.0, centre_x - left),
                    max(0.0, centre_y - top),
                    min(float(shape[1]), centre_x + right),
                    min(float(shape[0]), centre_y + bottom),
                )
                for label, score in enumerate(output[row, 4:]):
                    if score > floor:
                        found.append((label, float(score), box))
                row += 1
    assert row == len(output)
    return sorted(found, key=lambda one: -one[1])


@pytest.mark.parametrize("point", [0.0, 0.5])
def test_boxes_are_those_of_a_loop_over_cells(point: float) -> None:
    rng = np.random.default_rng(7)
    shape, grid = (64, 96), GridOutput(strides=[8, 16, 32], point=point, suppression_iou=None)
    cells = sum((shape[0] // s) * (shape[1] // s) for s in grid.strides)
    output = np.concatenate([rng.uniform(0.1, 4, (cells, 4)), rng.random((cells, 3)) ** 6], axis=1)
    output = output.astype(np.float32)
    expected = slow_boxes(output, shape, grid, 0.3)
    found = decode_grid(output.copy(), shape, grid, 0.3, max_detections=1000)
    assert len(found) == len(expected) > 20
    np.testing.assert_allclose(found.scores, [score for _, score, _ in expected])
    np.testing.assert_array_equal(found.labels, [label for label, _, _ in expected])
    np.testing.assert_allclose(found.boxes, [box for _, _, box in expected], rtol=1e-5, atol=1e-4)


def two_cells(first: float, second: float, labels: tuple[int, int]) -> np.ndarray:
    """Return a 2 × 1 grid of stride 32 whose two cells tell of nearly the same box."""
    output = np.zeros((2, 6), dtype=np.float32)
    output[0, :4] = (0.4, 0.4, 1.4, 0.4)
    output[1, :4] = (1.4, 0.4, 0.4, 0.4)
    output[0, 4 + labels[0]], output[1, 4 + labels[1]] = first, second
    return output


def test_the_better_of_two_boxes_of_one_class_stays() -> None:
    grid = GridOutput(strides=[32], point=0.5, suppression_iou=0.6)
    found = decode_grid(two_cells(0.5, 0.8, (1, 1)), (32, 64), grid, 0.1, 10)
    assert found.labels.tolist() == [1]
    assert found.scores[0] == pytest.approx(0.8)


def test_boxes_of_two_classes_both_stay_best_first() -> None:
    grid = GridOutput(strides=[32], point=0.5, suppression_iou=0.6)
    found = decode_grid(two_cells(0.5, 0.8, (1, 0)), (32, 64), grid, 0.1, 10)
    assert found.labels.tolist() == [0, 1]


def test_without_suppression_every_box_stays_up_to_the_bound() -> None:
    grid = GridOutput(strides=[32], point=0.5, suppression_iou=None)
    output = two_cells(0.5, 0.8, (1, 1))
    assert len(decode_grid(output, (32, 64), grid, 0.1, 10)) == 2
    assert len(decode_grid(output, (32, 64), grid, 0.1, 1)) == 1


def test_a_box_without_area_is_dropped() -> None:
    grid = GridOutput(strides=[32], point=0.5, suppression_iou=0.6)
    output = np.zeros((1, 5), dtype=np.float32)
    output[0, 4] = 0.9
    found = decode_grid(output, (32, 32), grid, 0.1, 10)
    assert found.boxes.shape == (0, 4)


def test_a_box_that_ends_before_it_begins_on_both_axes_is_dropped() -> None:
    grid = GridOutput(strides=[32], point=0.5, suppression_iou=None)
    output = np.array([[-0.3, -0.2, 0.1, 0.1, 0.9]], dtype=np.float32)
    assert len(decode_grid(output, (32, 32), grid, 0.1, 10)) == 0


def test_boxes_that_differ_beyond_the_input_only_are_one_where_they_are_clipped_first() -> None:
    # Two cells of one level whose boxes reach beyond the right edge, one much further than the other.
    output = np.array([[1, 1, 2, 1, 0.9], [2, 1, 12, 1, 0.8]], dtype=np.float32)
    grid = GridOutput(strides=[32], point=0.5, suppression_iou=0.5)
    first = decode_grid(output, (32, 64), grid, 0.1, 10)
    later = decode_grid(output, (32, 64), grid.model_copy(update={"clip_first": False}), 0.1, 10)
    assert (len(first), len(later)) == (1, 2)
    assert later.boxes[:, 2].max() <= 64
