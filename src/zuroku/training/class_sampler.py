"""Batches for losses that compare images with each other: several of a class must meet in one."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler


class ClassSampler(Sampler[int]):
    """Every item once per epoch, ``per_class`` of one class after another, by (seed, epoch) alone.

    An item that is left over joins others of its class, so only one without any stands alone. A batch that
    ends between them parts them. Lightning calls ``set_epoch``, as of ``EpochSampler``.
    """

    def __init__(self, classes: npt.NDArray[np.int64], per_class: int, seed: int) -> None:
        """``classes`` ``(n,)`` holds the class of each item."""
        ordered = np.argsort(classes, kind="stable")
        self._members = np.split(ordered, np.flatnonzero(np.diff(classes[ordered])) + 1)
        self._n_items = len(classes)
        self._per_class = per_class
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose keys the next iteration yields."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._n_items

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self._seed, self._epoch])
        together = []
        for members in self._members:
            # A remainder of one has nobody to be compared with: it is the last group's one more.
            n_groups = max(1, (len(members) + self._per_class - 2) // self._per_class)
            cuts = self._per_class * np.arange(1, n_groups)
            together += np.split(rng.permutation(members), cuts)
        order = np.concatenate([together[place] for place in rng.permutation(len(together))])
        return iter((self._epoch * self._n_items + order).tolist())
