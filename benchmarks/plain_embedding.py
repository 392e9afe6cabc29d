"""Embedding as it is written without zuroku: PIL, torchvision transforms, eager PyTorch.

The baselines of ``embedding_speed``: a loop over single images and a ``DataLoader`` with batches. Both
use the bundle's weights and its preprocessing, so that only the way of running differs.
"""

from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import Compose, InterpolationMode, Resize, ToTensor

from benchmarks.plain_tagging import BATCH_SIZE, read_picture
from zuroku.models.embedding.create import load_network

_WORKERS = (0, 1, 2)


class PlainEmbedder:
    """A bundle's weights in an eager fp32 PyTorch model."""

    def __init__(self, folder: Path, memory_format: torch.memory_format = torch.contiguous_format) -> None:
        self._memory_format = memory_format
        self._network = load_network(folder).to(memory_format=memory_format)
        self.size_px = self._network.settings.size_px

    def vector(self, path: Path) -> npt.NDArray[np.float32]:
        """Return the ``(d,)`` unit vector of one file."""
        return self.vectors(read_picture(path, _transform(self.size_px), self.size_px)[None])[0]

    @torch.inference_mode()
    def vectors(self, pictures: Tensor) -> npt.NDArray[np.float32]:
        """Return ``(n, d)`` unit vectors of pictures ``(n, 3, size, size)`` in [0, 1]."""
        vectors: npt.NDArray[np.float32] = self._network(
            pictures.contiguous(memory_format=self._memory_format)
        ).numpy()
        return vectors


class Files(Dataset[Tensor]):
    """The pictures of ``paths``, read by whichever process asks."""

    def __init__(self, paths: list[Path], size_px: int) -> None:
        self._paths = paths
        self._size_px = size_px
        self._transform = _transform(size_px)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Tensor:
        return read_picture(self._paths[index], self._transform, self._size_px)


def loop_run(plain: PlainEmbedder, paths: list[Path]) -> int:
    """Embed ``paths`` one after the other."""
    return len([plain.vector(path) for path in paths])


def loader_run(plain: PlainEmbedder, loader: DataLoader[Tensor]) -> int:
    """Embed what ``loader`` yields, batch by batch."""
    return sum(len(plain.vectors(batch)) for batch in loader)


def best_loader(plain: PlainEmbedder, paths: list[Path]) -> tuple[int, DataLoader[Tensor]]:
    """Return the number of workers that loads and embeds ``paths`` fastest, and its loader.

    Workers are started before they are timed, and stay.
    """
    seconds: dict[int, float] = {}
    loaders = {}
    for workers in _WORKERS:
        loader: DataLoader[Tensor] = DataLoader(
            Files(paths, plain.size_px), BATCH_SIZE, num_workers=workers, persistent_workers=workers > 0
        )
        for _ in range(2):
            start = perf_counter()
            loader_run(plain, loader)
            seconds[workers] = perf_counter() - start
        loaders[workers] = loader
    best = min(seconds, key=seconds.__getitem__)
    return best, loaders[best]


def _transform(size_px: int) -> Compose:
    # The network normalises for its backbone itself.
    return Compose([Resize((size_px, size_px), InterpolationMode.BILINEAR, antialias=True), ToTensor()])
