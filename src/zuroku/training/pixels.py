"""Decoded figures for training: a memory-mapped array of square pictures, read in any order."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.streams import ordered_map
from zuroku.training.mapped_rows import mapped_rows

_DECODE_THREADS = 4


def cache_pixels(dataset: Dataset, rows: Sequence[Any], size_px: int, path: Path) -> npt.NDArray[np.uint8]:
    """Decode ``rows`` of ``dataset`` once into the file ``path`` and map it.

    Decoding costs as much as a third of a training step. Killed and called again, it goes on.

    Returns:
        ``(n, size_px, size_px, 3)`` uint8 RGB, read-only.

    Raises:
        StorageError: the disk has no room for all of them.
    """

    def decoded(start: int) -> Iterator[npt.NDArray[np.uint8]]:
        with ThreadPoolExecutor(_DECODE_THREADS) as executor:
            for picture in ordered_map(
                executor,
                lambda row: square_pixels(dataset.read(row), size_px),
                rows[start:],
                8 * _DECODE_THREADS,
            ):
                yield picture[None]

    return mapped_rows(path, (len(rows), size_px, size_px, 3), np.uint8, decoded)


class PixelDataset(TorchDataset[tuple[Tensor, Tensor, int]]):
    """Items by *key*: ``epoch * n + index``, so that a view can depend on its epoch.

    Yields ``(h, w, 3)`` uint8 RGB, ``(n_labels,)`` float32 targets, and the key.
    """

    def __init__(self, pixels: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32]) -> None:
        self._pixels = pixels
        self._targets = targets

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, key: int) -> tuple[Tensor, Tensor, int]:
        index = key % len(self)
        # A copy, because torch does not take read-only memory.
        picture = torch.from_numpy(np.array(self._pixels[index]))
        return picture, torch.from_numpy(self._targets[index]), key


class EpochSampler(Sampler[int]):
    """Every item once per epoch, in an order that depends only on (seed, epoch).

    Lightning calls ``set_epoch``, also after a resume, so a resumed epoch sees what it would have seen.
    """

    def __init__(self, n_items: int, seed: int) -> None:
        self._n_items = n_items
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose keys the next iteration yields."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._n_items

    def __iter__(self) -> Iterator[int]:
        order = self._order(np.random.default_rng([self._seed, self._epoch]))
        return iter((self._epoch * self._n_items + order).tolist())

    def _order(self, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        return draw.permutation(self._n_items)
