"""Batches for losses that compare images with each other: several of a class must meet in one."""

import numpy as np
import numpy.typing as npt

from zuroku.training.pixels import EpochSampler


class ClassSampler(EpochSampler):
    """An ``EpochSampler`` that puts ``per_class`` of one class one after another.

    An item that is left over joins others of its class, so only one without any stands alone. A batch that
    ends between them parts them.
    """

    def __init__(self, classes: npt.NDArray[np.int64], per_class: int, seed: int) -> None:
        """``classes`` ``(n,)`` holds the class of each item."""
        super().__init__(len(classes), seed)
        ordered = np.argsort(classes, kind="stable")
        self._members = np.split(ordered, np.flatnonzero(np.diff(classes[ordered])) + 1)
        self._per_class = per_class

    def _order(self, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        together = []
        for members in self._members:
            # A remainder of one has nobody to be compared with: it is the last group's one more.
            n_groups = max(1, (len(members) + self._per_class - 2) // self._per_class)
            cuts = self._per_class * np.arange(1, n_groups)
            together += np.split(draw.permutation(members), cuts)
        return np.concatenate([together[place] for place in draw.permutation(len(together))])
