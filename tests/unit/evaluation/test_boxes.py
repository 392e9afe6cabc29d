import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.boxes import as_boxes, box_areas, iou_matrix


def random_boxes(rng, n, high=20):
    corners = np.sort(rng.integers(0, high, (n, 2, 2)), axis=1)
    return corners.reshape(n, 4).astype(float)


def slow_iou(a, b):
    def pixels(box):
        left, top, right, bottom = map(int, box)
        return {(x, y) for x in range(left, right) for y in range(top, bottom)}

    shared, together = pixels(a) & pixels(b), pixels(a) | pixels(b)
    return len(shared) / len(together) if together else 0.0


def test_the_iou_equals_counting_pixels_with_zero_areas_among_the_boxes():
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 25), random_boxes(rng, 30)
    a[0], b[0] = [3, 3, 3, 9], [3, 3, 3, 9]
    b[1:4] = a[1:4]
    found = iou_matrix(a, b)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [[slow_iou(x, y) for y in b] for x in a], rtol=1e-12)
    assert found[0].max() == 0
    assert (found == 1).any()


def test_boxes_that_only_touch_share_nothing():
    assert iou_matrix([[0, 0, 2, 2]], [[2, 0, 4, 2], [0, 2, 2, 4], [1, 0, 3, 2]]).tolist() == [[0, 0, 1 / 3]]


def test_float32_boxes_far_from_the_origin_keep_their_precision():
    a = np.array([[6000, 6000, 6100.5, 6100.5]], dtype=np.float32)
    assert iou_matrix(a, a + np.float32([0, 0, 0.5, 0]))[0, 0] == pytest.approx(100.5 / 101, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0)])
def test_no_boxes_give_an_empty_matrix(n, m):
    assert iou_matrix(np.zeros((n, 4)), np.zeros((m, 4))).shape == (n, m)


def test_an_empty_list_is_no_boxes_and_areas_are_width_times_height():
    empty, boxes = as_boxes(empty=[], boxes=[[1, 2, 4, 4], [0, 0, 0, 9]])
    assert empty.shape == (0, 4)
    assert box_areas(boxes).tolist() == [6, 0]
    assert box_areas(empty).shape == (0,)


def test_all_faults_are_named_at_once():
    wide, broken, inverted = np.zeros((2, 5)), [[0, 0, np.nan, 1]], [[0, 0, 1, 1], [10, 20, 3, 40]]
    with pytest.raises(EvaluationError) as error:
        as_boxes(wide=wide, broken=broken, inverted=inverted)
    for words in (
        "wide has shape (2, 5)",
        "broken holds 1 value",
        "inverted holds 1 that end",
        "10.0, 20.0, 3.0",
    ):
        assert words in str(error.value)


@pytest.mark.parametrize("shape", [(4,), (0, 5), (1, 1, 4), ()])
def test_other_shapes_are_refused(shape):
    with pytest.raises(EvaluationError, match="boxes has shape"):
        as_boxes(boxes=np.zeros(shape))
