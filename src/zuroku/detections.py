"""What a detector found on a page: plain arrays, known to models, evaluation and corpus alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Detections:
    """Boxes on one page, best first.

    ``boxes`` is ``(n, 4)`` float32 ``x_min, y_min, x_max, y_max`` in pixels of the page as stored (origin
    upper left), ``scores`` ``(n,)`` float32 in [0, 1], ``labels`` ``(n,)`` int64, indices into the
    detector's ``classes``.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)
