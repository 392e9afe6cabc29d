import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.bootstrap import bootstrap_items
from zuroku.evaluation.regions import box_around_region, mean_iou, mean_iou_statistic, region_iou

NONE = np.zeros((0, 4))


def random_boxes(rng, n, size=40):
    return np.sort(rng.integers(0, size, (n, 2, 2)), axis=1).reshape(n, 4)


def painted(boxes, size=40):
    pixels = np.zeros((size, size), dtype=bool)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = True
    return pixels


@pytest.mark.parametrize("seed", range(10))
def test_region_iou_equals_counting_pixels(seed):
    rng = np.random.default_rng(seed)
    predicted, truths = random_boxes(rng, rng.integers(1, 6)), random_boxes(rng, rng.integers(1, 4))
    truths[0] = [5, 5, 25, 30]
    found, true = painted(predicted), painted(truths)
    expected = (found & true).sum() / (found | true).sum()
    assert region_iou(predicted, truths) == pytest.approx(expected, abs=1e-12)
    # Corners may lie between pixels: moved and made smaller, the regions agree as well as before.
    moved = region_iou(predicted / 8 + 0.25, truths / 8 + 0.25)
    assert moved == pytest.approx(expected, abs=1e-12)


def test_a_spread_found_as_one_equals_its_two_pages():
    pages = [[100, 50, 700, 900], [700, 50, 1300, 900]]
    assert region_iou([[100, 50, 1300, 900]], pages) == 1
    assert region_iou(pages[:1], pages) == 0.5
    assert region_iou([*pages, [200, 100, 900, 300]], pages) == 1


def test_nothing_found_is_zero_and_no_truth_is_undefined():
    truth = [[0, 0, 4, 4]]
    assert region_iou(NONE, truth) == 0
    assert region_iou([[2, 2, 2, 9]], truth) == 0
    assert region_iou([[10, 10, 12, 12]], truth) == 0
    assert np.isnan(region_iou(truth, NONE))
    assert np.isnan(region_iou(NONE, NONE))
    assert np.isnan(region_iou(truth, [[1, 1, 1, 5]]))
    with pytest.raises(EvaluationError, match="truths holds 1 that end before they begin"):
        region_iou(NONE, [[4, 0, 0, 4]])


def test_the_mean_leaves_out_undefined_pages_in_every_resample():
    ious = np.array([0.9, np.nan, 0.5, 0.0, np.nan])
    assert mean_iou(ious) == pytest.approx(1.4 / 3)
    assert np.isnan(mean_iou([np.nan]))
    statistic = mean_iou_statistic(ious)
    indices = np.array([0, 0, 1, 2])
    assert statistic(indices) == pytest.approx((0.9 + 0.9 + 0.5) / 3) == mean_iou(ious[indices])
    found = bootstrap_items(["a", "a", "b", "c", "c"], statistic, resamples=40, seed=0)
    assert found.estimate == mean_iou(ious)
    assert found.lower < found.estimate < found.upper


def slow_regions(mask):
    """The 8-connected regions by flood fill, in the order of their first pixels."""
    left = {tuple(place) for place in np.argwhere(mask).tolist()}
    regions = []
    for start in sorted(left):
        if start not in left:
            continue
        left.discard(start)
        region, waiting = [], [start]
        while waiting:
            row, column = waiting.pop()
            region.append((row, column))
            for near in [(row + y, column + x) for y in (-1, 0, 1) for x in (-1, 0, 1)]:
                if near in left:
                    left.discard(near)
                    waiting.append(near)
        regions.append(np.array(region))
    return regions


@pytest.mark.parametrize("share", [0.0, 0.02])
@pytest.mark.parametrize("seed", range(4))
def test_boxes_and_scores_equal_a_flood_fill(seed, share):
    rng = np.random.default_rng(seed)
    probabilities = rng.random((20, 30)).astype(np.float32)
    mask = probabilities > 0.7
    boxes, scores = box_around_region(mask, share, probabilities)
    regions = [region for region in slow_regions(mask) if len(region) >= share * 600]
    assert 0 < len(regions) == len(boxes) == len(scores)
    for box, score, region in zip(boxes, scores, regions, strict=True):
        (top, left), (bottom, right) = region.min(axis=0), region.max(axis=0) + 1
        assert box.tolist() == [left, top, right, bottom]
        assert score == pytest.approx(probabilities[tuple(region.T)].mean(), rel=1e-6)


def test_a_corner_joins_and_a_region_of_just_the_share_stays():
    mask = np.zeros((10, 10), dtype=bool)
    mask[0, 0] = mask[1, 1] = mask[5, 5] = True
    boxes, scores = box_around_region(mask, 0.02, np.where(mask, 0.75, 0.25))
    assert boxes.tolist() == [[0, 0, 2, 2]]
    assert scores.tolist() == [0.75]


def test_an_empty_mask_has_no_boxes():
    boxes, scores = box_around_region(np.zeros((4, 6), dtype=bool), 0.0, np.zeros((4, 6)))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


def test_masks_that_do_not_fit_are_refused():
    mask = np.zeros((4, 6), dtype=bool)
    with pytest.raises(EvaluationError, match=r"probabilities has shape \(6, 4\)"):
        box_around_region(mask, 0.1, np.zeros((6, 4)))
    with pytest.raises(EvaluationError, match="mask has shape"):
        box_around_region(mask[0], 0.1, np.zeros(6))
    with pytest.raises(EvaluationError, match=r"mask holds float64.*; probabilities holds 24 values"):
        box_around_region(mask.astype(float), 0.1, np.full((4, 6), 2.0))
    with pytest.raises(EvaluationError, match="min_area_share holds 1 value"):
        box_around_region(mask, 2, np.zeros((4, 6)))
