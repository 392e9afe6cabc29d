import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from zuroku.errors import EvaluationError
from zuroku.evaluation.bootstrap import bootstrap_items
from zuroku.evaluation.detection import (
    COCO_THRESHOLDS,
    PAPER_THRESHOLDS,
    average_precision,
    map_statistic,
    match_page,
    mean_average_precision,
)

NONE = np.zeros((0, 4))
EVERY_THRESHOLD = (*PAPER_THRESHOLDS, *COCO_THRESHOLDS)


def random_page(rng, n_truths, n_detections, whole=True):
    """Detections are jittered truths and strays; few distinct scores, so that many are equal."""
    corner, size = rng.uniform(0, 200, (n_truths, 2)), rng.uniform(10, 60, (n_truths, 2))
    truths = np.concatenate([corner, corner + size], axis=1)
    if n_truths > 2:
        truths[1] = truths[0]  # the same truth twice: ties of IoU
    sources = truths if n_truths else rng.uniform(0, 50, (3, 1)) + np.array([0, 0, 30, 30])
    boxes = sources[rng.integers(0, len(sources), n_detections)] + rng.normal(0, 4, (n_detections, 4))
    boxes = np.stack([*boxes[:, :2].T, *np.maximum(boxes[:, 2:], boxes[:, :2]).T], axis=1)
    if whole:
        boxes, truths = boxes.round(), truths.round()
    return boxes, rng.integers(1, 12, n_detections) / 12, truths


def matched(pages, thresholds=EVERY_THRESHOLD, **options):
    return [match_page(*page, thresholds, **options) for page in pages]


def coco_precision(classes, thresholds, max_detections=100):
    """pycocotools' average precision (t, classes) of each class's pages; NaN where it says -1."""
    truths, detections = [], []
    for category, pages in enumerate(classes, start=1):
        for image, (boxes, scores, page_truths) in enumerate(pages, start=1):
            for kind, rows in ((truths, page_truths), (detections, boxes)):
                for place, (left, top, right, bottom) in enumerate(rows):
                    row = {"id": len(kind) + 1, "image_id": image, "category_id": category, "iscrowd": 0}
                    row["bbox"] = [left, top, right - left, bottom - top]
                    row["area"] = (right - left) * (bottom - top)
                    row["score"] = scores[place] if kind is detections else 0
                    kind.append(row)
    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        for annotations in (truths, detections):
            side = COCO()
            side.dataset = {
                "images": [{"id": image + 1} for image in range(len(classes[0]))],
                "categories": [{"id": category + 1} for category in range(len(classes))],
                "annotations": annotations,
            }
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, "bbox")
        evaluation.params.iouThrs = np.array(thresholds)
        evaluation.params.maxDets = [max_detections]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 0].mean(axis=1)
    return np.where(precision < 0, np.nan, precision)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_average_precision_equals_pycocotools(seed, whole):
    rng = np.random.default_rng(seed)
    pages = [random_page(rng, rng.integers(0, 6), rng.integers(0, 12), whole) for _ in range(12)]
    pages.append((NONE, np.zeros(0), NONE))
    pages.append(random_page(rng, 5, 0, whole))
    pages.append(random_page(rng, 0, 5, whole))
    expected = coco_precision([pages], EVERY_THRESHOLD)[:, 0]
    assert expected[0] > expected[-1]
    np.testing.assert_allclose(average_precision(matched(pages)), expected, atol=1e-12)


@pytest.mark.parametrize("max_detections", [100, 7])
def test_only_the_best_detections_of_a_page_count(max_detections):
    rng = np.random.default_rng(5)
    pages = [random_page(rng, 12, 180), random_page(rng, 3, 101), random_page(rng, 4, 9)]
    found = matched(pages, max_detections=max_detections)
    assert [len(page.scores) for page in found] == [max_detections, max_detections, min(9, max_detections)]
    expected = coco_precision([pages], EVERY_THRESHOLD, max_detections)[:, 0]
    np.testing.assert_allclose(average_precision(found), expected, atol=1e-12)
    assert not np.allclose(average_precision(matched(pages, max_detections=1000)), expected)


def test_a_hundred_detections_per_page_count_by_default():
    assert len(matched([random_page(np.random.default_rng(5), 12, 180)])[0].scores) == 100


def test_the_mean_over_classes_leaves_out_those_without_truths_as_pycocotools_does():
    rng = np.random.default_rng(2)
    classes = [[random_page(rng, n_truths, 6) for _ in range(5)] for n_truths in (3, 0, 2)]
    expected = coco_precision(classes, COCO_THRESHOLDS)
    assert np.isnan(expected).any(axis=0).tolist() == [False, True, False]
    found = mean_average_precision([matched(pages, COCO_THRESHOLDS) for pages in classes])
    assert found == pytest.approx(np.nanmean(expected), abs=1e-12)


def test_a_case_done_by_hand():
    # Two truths; hit, miss, hit: precision 1 up to recall .5, then 2/3. Recalls 0 to .50 are 51 of the 101.
    truths = [[0, 0, 10, 10], [20, 0, 30, 10]]
    boxes = [[0, 0, 10, 10], [50, 50, 60, 60], [20, 0, 30, 5]]
    page = match_page(boxes, [0.9, 0.8, 0.7], truths, (0.3, 0.5, 0.51))
    assert page.hits.tolist() == [[True, False, True], [True, False, True], [True, False, False]]
    assert page.n_truths == 2
    both, one = (51 + 50 * 2 / 3) / 101, 51 / 101
    np.testing.assert_allclose(average_precision([page]), [both, both, one])
    assert mean_average_precision([[page]]) == pytest.approx((2 * both + one) / 3)


def test_a_truth_is_found_once_by_the_best_score_and_a_better_fit_comes_too_late():
    truths, boxes = [[0, 0, 10, 10]], [[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 9]]
    page = match_page(boxes, [0.5, 0.9, 0.9], truths, (0.5, 0.85))
    assert page.scores.tolist() == [0.9, 0.9, 0.5]
    assert page.hits.tolist() == [[True, False, False], [False, True, False]]


def test_of_truths_that_fit_equally_the_last_is_taken_as_by_pycocotools():
    truths, boxes, scores = [[0, 0, 10, 10], [10, 0, 20, 10]], [[5, 0, 15, 10], [10, 0, 20, 10]], [0.9, 0.8]
    page = match_page(boxes, scores, truths, PAPER_THRESHOLDS)
    assert page.hits.tolist() == [[True, False]]
    expected = coco_precision([[(boxes, scores, truths)]], PAPER_THRESHOLDS)[:, 0]
    np.testing.assert_allclose(average_precision([page]), expected)


def test_an_identical_box_is_found_even_at_an_iou_of_one():
    box = [[0.1, 0.2, 0.30000000000000004, 0.7]]
    assert match_page(box, [0.3], box, (1.0,)).hits.tolist() == [[True]]


def test_what_is_undefined_is_nan_and_what_is_missed_is_zero():
    empty, missed = match_page(NONE, [], NONE, (0.3, 0.5)), match_page([], [], [[0, 0, 1, 1]], (0.3, 0.5))
    stray = match_page([[0, 0, 1, 1]], [0.5], [], (0.3, 0.5))
    assert np.isnan(average_precision([empty, stray])).tolist() == [True, True]
    assert average_precision([empty, stray, missed]).tolist() == [0, 0]
    assert np.isnan(mean_average_precision([[stray], [empty]]))
    assert mean_average_precision([[stray], [missed]]) == 0


def test_the_statistic_equals_scoring_the_duplicated_pages():
    rng = np.random.default_rng(3)
    classes = [
        [random_page(rng, rng.integers(0, 5), rng.integers(0, 9)) for _ in range(15)] for _ in range(2)
    ]
    statistic = map_statistic([matched(pages, COCO_THRESHOLDS) for pages in classes])
    for indices in rng.integers(0, 15, (6, 20)):
        again = [[pages[index] for index in indices] for pages in classes]
        expected = coco_precision(again, COCO_THRESHOLDS).mean()
        assert statistic(indices) == pytest.approx(expected, abs=1e-12)
        in_one = mean_average_precision([matched(pages, COCO_THRESHOLDS) for pages in again])
        assert statistic(indices) == in_one


def test_intervals_are_by_book():
    rng = np.random.default_rng(4)
    pages = matched([random_page(rng, 3, 6) for _ in range(30)], PAPER_THRESHOLDS)
    books = [f"book{page % 6}" for page in range(30)]
    found = bootstrap_items(books, map_statistic([pages]), resamples=50, seed=0)
    assert found.n_groups == 6
    assert found.estimate == mean_average_precision([pages])
    assert found.lower < found.estimate < found.upper


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scores": [0.5, 0.4]}, r"scores has shape \(2,\)"),
        ({"scores": [np.nan]}, "scores holds 1 value"),
        ({"thresholds": (0.5, 0.0)}, "a threshold of 0$"),
        ({"thresholds": (1.2, np.nan)}, "a threshold of 1.2; a threshold of nan"),
        ({"thresholds": ()}, "no threshold"),
        ({"boxes": [[5, 0, 1, 1]]}, "end before they begin"),
        ({"truths": [[0, 0, 1]]}, "truths has shape"),
        ({"max_detections": 0}, "max_detections 0"),
    ],
)
def test_pages_that_cannot_be_matched_are_refused(change, words):
    page = {"boxes": [[0, 0, 1, 1]], "scores": [0.5], "truths": [[0, 0, 1, 1]], "thresholds": (0.5,)}
    with pytest.raises(EvaluationError, match=f"(?m){words}"):
        match_page(**(page | change))


def test_pages_that_do_not_belong_together_are_refused():
    at_30, at_50 = (match_page(NONE, [], NONE, (threshold,)) for threshold in (0.3, 0.5))
    with pytest.raises(EvaluationError, match="0 pages"):
        average_precision([])
    with pytest.raises(EvaluationError, match="2 pages matched at 2 sets of thresholds"):
        average_precision([at_30, at_50])
    with pytest.raises(EvaluationError, match="no class"):
        mean_average_precision([])
    with pytest.raises(EvaluationError, match=r"classes with \[1, 2\] pages; pages matched at 2 sets"):
        map_statistic([[at_30], [at_50, at_50]])
