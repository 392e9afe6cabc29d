import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.framing import framing_of


def test_margins_are_shares_of_the_image():
    found = framing_of([[100, 60, 900, 540]], width=1000, height=600, tolerance_px=5)
    assert (found.left, found.top, found.right, found.bottom) == pytest.approx((0.1, 0.1, 0.1, 0.1))
    assert found.cut_edges == ()
    assert found.found
    assert found.off_centre == pytest.approx((0, 0))


def test_the_pages_of_a_spread_are_taken_together():
    pages = [[500, 90, 800, 540], [100, 60, 500, 500]]
    assert framing_of(pages, 1000, 600, 5) == framing_of([[100, 60, 800, 540]], 1000, 600, 5)


def test_off_centre_points_right_and_down():
    right_down = framing_of([[400, 300, 900, 580]], 1000, 600, 5)
    # The document's centre is at 650, 440; the image's at 500, 300.
    assert right_down.off_centre == pytest.approx((150 / 1000, 140 / 600))
    left_up = framing_of([[100, 20, 600, 300]], 1000, 600, 5)
    assert left_up.off_centre == pytest.approx((-150 / 1000, -140 / 600))


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ([5, 60, 900, 540], ("left",)),
        ([5.5, 60, 900, 540], ()),
        ([100, 4, 900, 596], ("top", "bottom")),
        ([0, 0, 1000, 600], ("left", "top", "right", "bottom")),
        ([100, 60, 995, 594], ("right",)),
        ([-30, 60, 1020, 540], ("left", "right")),
    ],
)
def test_an_edge_is_cut_within_the_tolerance(box, cut):
    found = framing_of([box], 1000, 600, 5)
    assert found.cut_edges == cut
    assert min(found.left, found.top, found.right, found.bottom) >= 0


@pytest.mark.parametrize("boxes", [[], np.zeros((0, 4)), [[50, 50, 50, 90]], [[1200, 50, 1300, 90]]])
def test_without_a_document_on_the_image_it_says_so(boxes):
    found = framing_of(boxes, 1000, 600, 5)
    assert not found.found
    assert np.isnan([found.left, found.top, found.right, found.bottom, *found.off_centre]).all()
    assert found.cut_edges == ()


def test_a_box_without_area_does_not_stretch_the_document():
    assert framing_of([[100, 60, 900, 540], [0, 0, 0, 0]], 1000, 600, 5).left == pytest.approx(0.1)


def test_impossible_images_and_tolerances_are_refused():
    with pytest.raises(EvaluationError, match="an image of 0 × 600 pixels; a tolerance of -1 pixels"):
        framing_of([], 0, 600, -1)
    with pytest.raises(EvaluationError, match="overall_boxes has shape"):
        framing_of([1, 2, 3, 4], 1000, 600, 5)
