"""From a detector's raw output to boxes: grid cells to rectangles, and non-maximum suppression.

Every detector here serves the same output (``GridOutput`` below), whoever trained it, so that decoding is
written, tested and timed once.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torchvision.ops import batched_nms

from zuroku.config import Settings
from zuroku.detections import Detections

_CANDIDATES = 1000


class GridOutput(Settings):
    """How to read an output ``(n, 4 + classes)``: one row per grid cell, levels in the order of ``strides``.

    The first four columns are the distances of left, top, right and bottom edge from the cell's point, in
    units of its stride; the others are scores in [0, 1]. ``point`` is where in its cell the point lies
    (FCOS in torchvision: 0; Ultralytics: 0.5). ``suppression_iou`` is None for a detector that gives one
    box per object by itself. ``clip_first`` clips boxes to the input before they suppress each other, as
    torchvision does; Ultralytics compares first, and keeps boxes that differ beyond the page only.
    """

    strides: list[int]
    point: float
    suppression_iou: float | None
    clip_first: bool = True


def decode_grid(
    output: npt.NDArray[np.float32],
    shape: tuple[int, int],
    grid: GridOutput,
    score_floor: float,
    max_detections: int,
) -> Detections:
    """Return the boxes in ``output`` ``(n, 4 + c)`` for an input of ``shape`` (h, w), in input pixels.

    A cell may stand for several classes. Boxes are clipped to the input; those below ``score_floor``, and
    those that a better box of their class covers, are dropped.
    """
    scores = output[:, 4:]
    cells, labels = np.nonzero(scores > score_floor)
    values = scores[cells, labels]
    if len(values) > _CANDIDATES:
        best = np.argpartition(-values, _CANDIDATES)[:_CANDIDATES]
        cells, labels, values = cells[best], labels[best], values[best]
    points, strides = _points(shape, tuple(grid.strides), grid.point)
    distances = output[cells, :4] * strides[cells, None]
    boxes = np.concatenate([points[cells] - distances[:, :2], points[cells] + distances[:, 2:]], axis=1)
    clipped = boxes.clip(0, [shape[1], shape[0]] * 2)
    kept = _kept(clipped if grid.clip_first else boxes, values, labels, grid.suppression_iou)
    boxes = clipped
    # Boxes without extent arise where the distances add up to nothing or less, or lie beyond the input.
    solid = (boxes[kept, 2:] > boxes[kept, :2]).all(axis=1)
    kept = kept[solid][:max_detections]
    return Detections(
        boxes[kept].astype(np.float32), values[kept].astype(np.float32), labels[kept].astype(np.int64)
    )


def _kept(
    boxes: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    iou: float | None,
) -> npt.NDArray[np.intp]:
    """Return the indices that survive suppression, best first."""
    if iou is None:
        return np.argsort(-scores, kind="stable")
    kept = batched_nms(
        torch.from_numpy(boxes.astype(np.float32)),
        torch.from_numpy(scores.astype(np.float32)),
        torch.from_numpy(labels.astype(np.int64)),
        iou,
    )
    return np.asarray(kept.numpy(), dtype=np.intp)


@lru_cache(maxsize=64)
def _points(
    shape: tuple[int, int], strides: tuple[int, ...], point: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the points ``(n, 2)`` x, y of all cells, and the stride ``(n,)`` of each."""
    points, sizes = [], []
    for stride in strides:
        rows, columns = np.mgrid[: shape[0] // stride, : shape[1] // stride]
        points.append((np.stack([columns.ravel(), rows.ravel()], axis=1) + point) * stride)
        sizes.append(np.full(rows.size, stride))
    return np.concatenate(points).astype(np.float32), np.concatenate(sizes).astype(np.float32)
