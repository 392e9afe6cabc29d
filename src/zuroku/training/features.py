"""What an embedder's training reads: mapped arrays of pictures, or of a frozen backbone's features."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.models.embedding.features import tap_features
from zuroku.models.embedding.network import Embedder
from zuroku.streams import ordered_map
from zuroku.training.mapped_rows import mapped_rows

_DECODE_THREADS = 4
_BATCH = 32


def cache_features(
    network: Embedder, dataset: Dataset, rows: Sequence[Any], path: Path
) -> npt.NDArray[np.float32]:
    """Compute the pooled features of ``rows`` once into the file ``path`` and map it.

    They are as they come, not normalised: what is done with them belongs to the network's configuration.

    Returns:
        ``(n, sum of the taps' dimensions)`` float32 in the order of the taps, read-only.

    Raises:
        StorageError: the disk has no room for all of them.
    """
    size_px = network.settings.size_px

    def computed(start: int) -> Iterator[npt.NDArray[np.float32]]:
        with ThreadPoolExecutor(_DECODE_THREADS) as executor:
            pictures = ordered_map(
                executor, lambda row: square_pixels(dataset.read(row), size_px), rows[start:], 2 * _BATCH
            )
            while batch := list(islice(pictures, _BATCH)):
                yield np.concatenate(list(tap_features(network, np.stack(batch)).values()), axis=1)

    return mapped_rows(path, (len(rows), sum(network.tap_dimensions.values())), np.float32, computed)


def by_tap(features: Tensor, dimensions: dict[str, int]) -> dict[str, Tensor]:
    """Return the columns ``(n, d)`` of each tap of cached features."""
    return dict(zip(dimensions, torch.split(features, list(dimensions.values()), dim=1), strict=True))


class EmbeddingItems(TorchDataset[tuple[Tensor, Tensor, int]]):
    """Items by *key*: ``epoch * n + index``, so that a view can depend on its epoch.

    Yields a row of ``inputs``, its target (a class index, or 0 and 1 for each class), and the key.
    """

    def __init__(self, inputs: npt.NDArray[Any], targets: npt.NDArray[Any]) -> None:
        self._inputs = inputs
        self._targets = targets

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, key: int) -> tuple[Tensor, Tensor, int]:
        index = key % len(self)
        # Copies, because torch does not take read-only memory.
        return torch.from_numpy(np.array(self._inputs[index])), torch.tensor(self._targets[index]), key
