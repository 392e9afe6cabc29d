"""Boxes as arrays: what makes one valid, its area, and intersection over union of pairs.

A box is ``x_min, y_min, x_max, y_max`` in pixels, half open, so its width is x_max − x_min: the convention
of COCO and of ``Zone``, not the inclusive one of the Pascal VOC scripts. Matching of detections lives in
``detection``, unions of boxes in ``regions``.
"""

import numpy as np
from numpy.typing import NDArray

from zuroku.evaluation.checks import Array, finite_faults, raise_if_any, shape_faults

Boxes = NDArray[np.float64]
"""``(n, 4)``: x_min, y_min, x_max, y_max in pixels."""


def as_boxes(**arrays: Array) -> tuple[Boxes, ...]:
    """Return the boxes as float64 ``(n, 4)``, in the order given; an empty list is no boxes, ``(0, 4)``.

    Raises:
        EvaluationError: an array has another shape, holds NaN or infinity, or a box ends before it begins.
    """
    boxes = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    boxes = {name: array.reshape(0, 4) if array.shape == (0,) else array for name, array in boxes.items()}
    raise_if_any(
        shape_faults((None, 4), **boxes) + finite_faults(**boxes) + _inverted_faults(boxes),
        expected="boxes (n, 4) of x_min, y_min, x_max, y_max in pixels, x_min ≤ x_max and y_min ≤ y_max",
        remedy="convert boxes given as x, y, width, height or as centres first",
    )
    return tuple(boxes.values())


def box_areas(boxes: Boxes) -> NDArray[np.float64]:
    """Return the areas ``(n,)`` in square pixels."""
    areas: NDArray[np.float64] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def iou_matrix(a: Array, b: Array) -> NDArray[np.float64]:
    """Return the intersection over union ``(n, m)`` of boxes ``a`` ``(n, 4)`` with boxes ``b`` ``(m, 4)``.

    A box without area has 0 with every box, its own copy included.

    Raises:
        EvaluationError: as ``as_boxes``.
    """
    a, b = as_boxes(a=a, b=b)
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = sides.clip(min=0).prod(axis=2)
    together = box_areas(a)[:, None] + box_areas(b)[None, :] - shared
    ious = np.zeros(shared.shape)
    np.divide(shared, together, out=ious, where=shared > 0)
    return ious


def _inverted_faults(boxes: dict[str, Boxes]) -> list[str]:
    faults = []
    for name, array in boxes.items():
        if array.ndim != 2 or array.shape[1] != 4:
            continue
        inverted = array[(array[:, 2:] < array[:, :2]).any(axis=1)]
        if len(inverted):
            first = inverted[0].tolist()
            faults.append(f"{name} holds {len(inverted)} that end before they begin (first {first})")
    return faults
