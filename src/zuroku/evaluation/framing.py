"""Where the document lies on its page image: margins, cut edges, and how far off centre it is.

Cataloguers check with it how a book was photographed. Geometry only; which numbers are a fault is
configuration elsewhere.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from zuroku.evaluation.boxes import as_boxes, box_areas
from zuroku.evaluation.checks import Array, raise_if_any

Edge = Literal["left", "top", "right", "bottom"]

_EDGES: tuple[Edge, ...] = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Framing:
    """The document's place on its image.

    ``left`` and ``right`` are the margins as shares of the image's width, ``top`` and ``bottom`` of its
    height; all four are NaN where no document was found. ``cut_edges`` names the edges of the image that the
    document reaches, clockwise from the left: there a part of it may be missing.
    """

    left: float
    top: float
    right: float
    bottom: float
    cut_edges: tuple[Edge, ...]

    @property
    def found(self) -> bool:
        """Whether a document was found."""
        return not np.isnan(self.left)

    @property
    def off_centre(self) -> tuple[float, float]:
        """How far right of and below the image's centre the document's is, as shares of width and height."""
        return (self.left - self.right) / 2, (self.top - self.bottom) / 2


def framing_of(overall_boxes: Array, width: int, height: int, tolerance_px: float) -> Framing:
    """Return how the smallest box around ``overall_boxes`` ``(n, 4)`` lies on an image, all in pixels.

    The boxes (``1_overall``: one, or one per page of a spread) are clipped to the image. An edge counts as
    cut where the margin is at most ``tolerance_px`` pixels.

    Raises:
        EvaluationError: the boxes are no boxes, the image has no area, or the tolerance is negative.
    """
    (boxes,) = as_boxes(overall_boxes=overall_boxes)
    raise_if_any(
        ([] if min(width, height) > 0 else [f"an image of {width} × {height} pixels"])
        + ([] if tolerance_px >= 0 else [f"a tolerance of {tolerance_px} pixels"]),
        expected="an image of at least one pixel and a tolerance of 0 pixels or more",
        remedy="pass the size of the image in whose pixels the boxes are",
    )
    size = np.array([width, height], dtype=np.float64)
    boxes = boxes.clip(0, np.tile(size, 2))
    boxes = boxes[box_areas(boxes) > 0]
    if not len(boxes):
        nan = float("nan")
        return Framing(nan, nan, nan, nan, ())
    margins_px = np.concatenate([boxes[:, :2].min(axis=0), size - boxes[:, 2:].max(axis=0)])
    left, top, right, bottom = (margins_px / np.tile(size, 2)).tolist()
    cut = tuple(edge for edge, margin in zip(_EDGES, margins_px, strict=True) if margin <= tolerance_px)
    return Framing(left, top, right, bottom, cut)
