"""Regions of a page: how well two agree, and the boxes around what a segmentation model has painted.

A region is the union of boxes, or the pixels of a mask. Boxes one by one live in ``boxes``, where the region
lies on its page in ``framing``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zuroku.evaluation.bootstrap import IndexStatistic
from zuroku.evaluation.boxes import Boxes, as_boxes, box_areas
from zuroku.evaluation.checks import Array, probability_faults, raise_if_any, shape_faults

_TOUCHING = np.ones((3, 3), dtype=bool)
"""Pixels that share an edge or a corner belong to one region: a thin slanting stroke stays whole."""


def region_iou(predicted: Array, truths: Array) -> float:
    """Return the intersection over union of the unions of ``predicted`` ``(n, 4)`` and ``truths`` ``(m, 4)``.

    The page's ``1_overall`` score in the mean IoU of Aoike 2021, Table 4. A spread may be annotated as two
    pages and found as one, so the areas are compared, whatever boxes they are made of; the areas are exact.
    The paper does not say whether it scored a segmentation model's mask or the box around it: here it is
    always boxes, so that detectors and segmentation models answer the same question. 0 where nothing was
    found; NaN where the truth has no area, whatever was found, so that every model is scored on the same
    pages.

    Raises:
        EvaluationError: as ``as_boxes``.
    """
    predicted, truths = as_boxes(predicted=predicted, truths=truths)
    corners = np.concatenate([predicted, truths])
    xs, ys = np.unique(corners[:, 0::2]), np.unique(corners[:, 1::2])
    found, true = _cells(predicted, xs, ys), _cells(truths, xs, ys)
    if not true.any():
        return float("nan")
    widths, heights = np.diff(xs), np.diff(ys)
    shared, together = (float(heights @ cells @ widths) for cells in (found & true, found | true))
    return shared / together


def mean_iou(page_ious: Array) -> float:
    """Return the mean of the pages' IoU ``(n,)``, leaving out the undefined ones; NaN where all are."""
    page_ious = np.asarray(page_ious, dtype=np.float64)
    defined = page_ious[~np.isnan(page_ious)]
    return float(defined.mean()) if len(defined) else float("nan")


def mean_iou_statistic(page_ious: Array) -> IndexStatistic:
    """Return ``mean_iou`` as a function of page indices ``(m,)``, with repeats, for ``bootstrap_items``."""
    page_ious = np.asarray(page_ious, dtype=np.float64)
    return lambda indices: mean_iou(page_ious[indices])


def box_around_region(
    mask: NDArray[np.bool_], min_area_share: float, probabilities: NDArray[Any]
) -> tuple[Boxes, NDArray[np.float64]]:
    """Return the boxes ``(n, 4)`` around the regions of a ``mask`` ``(h, w)``, and their scores ``(n,)``.

    Aoike 2021 §3.3 takes the circumscribed rectangle (外接矩形) of the region inferred as a figure, and does
    not say whether one for all or one for each part. Here each connected region has its own, since a page
    may hold several figures and mAP counts them one by one. Nor does it say what score a box had, without
    which there is no average precision: here the mean of ``probabilities`` ``(h, w)`` over the region.
    Boxes are in pixels of the mask, in the order of their regions' first pixels, row by row. Regions under
    ``min_area_share`` of the mask's pixels are specks and dropped.

    Raises:
        EvaluationError: shapes differ, the mask is not boolean, or a number is outside [0, 1].
    """
    raise_if_any(
        shape_faults((None, None), mask=mask)
        + shape_faults(mask.shape, probabilities=probabilities)
        + ([] if mask.dtype == np.bool_ else [f"mask holds {mask.dtype}"])
        + probability_faults(probabilities=probabilities, min_area_share=np.array(min_area_share)),
        expected="a boolean mask (h, w), probabilities of the same shape, and a share in [0, 1]",
        remedy="compare the class's probabilities with a threshold to get the mask",
    )
    regions, n_regions = ndimage.label(mask, structure=_TOUCHING)
    areas = np.bincount(regions.ravel(), minlength=n_regions + 1)[1:]
    sums = np.bincount(regions.ravel(), weights=probabilities.ravel(), minlength=n_regions + 1)[1:]
    boxes = np.array(
        [
            [columns.start, rows.start, columns.stop, rows.stop]
            for rows, columns in ndimage.find_objects(regions)
        ],
        dtype=np.float64,
    ).reshape(-1, 4)
    kept = areas >= min_area_share * mask.size
    return boxes[kept], sums[kept] / areas[kept]


def _cells(boxes: Boxes, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which cells of the grid between ``xs`` and ``ys``, on which all corners lie, the boxes cover."""
    cells = np.zeros((max(len(ys) - 1, 0), max(len(xs) - 1, 0)), dtype=bool)
    boxes = boxes[box_areas(boxes) > 0]
    columns, rows = np.searchsorted(xs, boxes[:, 0::2]), np.searchsorted(ys, boxes[:, 1::2])
    for (left, right), (top, bottom) in zip(columns, rows, strict=True):
        cells[top:bottom, left:right] = True
    return cells
