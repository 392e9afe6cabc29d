"""What a geolocator's training reads: mapped squares of pictures, or a frozen backbone's features of them."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import openvino
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset

from zuroku.datasets.manifest import Dataset
from zuroku.models.geolocation.network import Geolocator
from zuroku.models.geolocation.views import picture_views, view_count
from zuroku.models.inference_pool import InferencePool
from zuroku.streams import ordered_map
from zuroku.training.geolocator_rows import PlacedRows
from zuroku.training.mapped_rows import mapped_rows

_THREADS = 4


class PlaceInputs:
    """What is known of each picture, mapped from the file ``path``.

    ``stored`` are squares ``(m, s, s, 3)`` uint8, or features ``(m, d)`` float32; ``counts[i]`` of the m are
    of picture i, in the order of the pictures.
    """

    def __init__(self, path: Path, counts: npt.NDArray[np.int64]) -> None:
        self.path = path
        self.counts = counts
        self.stored: npt.NDArray[Any] = np.load(path, mmap_mode="r")
        self._ends = np.cumsum(counts)

    def of(self, index: int) -> npt.NDArray[Any]:
        """Return the squares or features of one picture."""
        end = self._ends[index]
        found: npt.NDArray[Any] = self.stored[end - self.counts[index] : end]
        return found

    def __reduce__(self) -> tuple[object, ...]:
        # Another process maps the file itself; as it comes, numpy would send it all that is in there.
        return PlaceInputs, (self.path, self.counts)


class PlaceBatch(NamedTuple):
    """A batch of n pictures: ``inputs`` ``(m, 3, s, s)`` uint8 or ``(m, d)`` float32, ``counts`` ``(n,)``.

    ``counts`` tells how many of the inputs are of each picture, in their order; ``targets`` are class
    indices ``(n,)`` int64 of each task, ``coordinates`` ``(n, 2)`` float64 degrees.
    """

    inputs: Tensor
    counts: Tensor
    targets: dict[str, Tensor]
    coordinates: Tensor


def cache_squares(dataset: Dataset, rows: Sequence[Any], size_px: int, views: int, path: Path) -> PlaceInputs:
    """Decode ``rows`` once into the file ``path`` and map it. Killed and called again, it goes on.

    Raises:
        StorageError: the disk has no room for all of them.
    """
    counts = np.array([view_count(row.width, row.height, views) for row in rows], dtype=np.int64)

    def squares_of(numbered: tuple[Any, int]) -> npt.NDArray[np.uint8]:
        row, count = numbered
        squares = picture_views(dataset.read(row), size_px, count)
        # A JPEG decoded at a fraction of its size can just miss being a panorama.
        return np.broadcast_to(squares, (count, *squares.shape[1:]))

    def decoded(start: int) -> Iterator[npt.NDArray[np.uint8]]:
        first = int(np.searchsorted(np.cumsum(counts), start, side="right"))
        left = zip(rows[first:], counts[first:].tolist(), strict=True)
        with ThreadPoolExecutor(_THREADS) as executor:
            yield from ordered_map(executor, squares_of, left, 8 * _THREADS)

    mapped_rows(path, (int(counts.sum()), size_px, size_px, 3), np.uint8, decoded)
    return PlaceInputs(path, counts)


def cache_place_features(
    backbone: "FrozenBackbone", dataset: Dataset, rows: Sequence[Any], path: Path
) -> PlaceInputs:
    """Compute the frozen backbone's features of ``rows``, one each, once into the file ``path`` and map it.

    Killed and called again, it goes on.

    Raises:
        StorageError: the disk has no room for all of them.
    """
    settings = backbone.settings

    def of_row(row: Any) -> npt.NDArray[np.float32]:
        squares = picture_views(dataset.read(row), settings.size_px, settings.views)
        found: npt.NDArray[np.float32] = backbone.features(squares).mean(axis=0, keepdims=True)
        return found

    def computed(start: int) -> Iterator[npt.NDArray[np.float32]]:
        # Compiled before there are threads that would each do it.
        _ = backbone.features
        with ThreadPoolExecutor(_THREADS) as executor:
            yield from ordered_map(executor, of_row, rows[start:], 8 * _THREADS)

    mapped_rows(path, (len(rows), backbone.dimension), np.float32, computed)
    return PlaceInputs(path, np.ones(len(rows), dtype=np.int64))


class FrozenBackbone:
    """The backbone of a geolocator as it is, for any thread; compiled on first use.

    Without a GPU it runs in OpenVINO, as in serving: a tenth of PyTorch's time, and equal to 2e-5.
    """

    def __init__(self, network: Geolocator) -> None:
        self.settings = network.settings
        self.dimension = network.backbone.raw_dimension
        self._pixels = _PixelFeatures(network).eval()

    @cached_property
    def features(self) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
        """Features ``(v, d)`` of squares ``(v, s, s, 3)`` uint8 RGB."""
        device = next(self._pixels.parameters()).device
        return self._in_openvino() if device.type == "cpu" else partial(_in_torch, self._pixels, device)

    def _in_openvino(self) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
        shape = [1, self.settings.size_px, self.settings.size_px, 3]
        with warnings.catch_warnings():
            # The tracer tells of sizes that it takes for constants; they are.
            warnings.simplefilter("ignore")
            example = torch.zeros(shape, dtype=torch.uint8)
            graph = openvino.convert_model(self._pixels, example_input=example)
        pool = InferencePool(graph, shape, _THREADS)
        return lambda squares: np.concatenate([pool.run(square[None]) for square in squares])


class PlaceItems(TorchDataset[tuple[Tensor, dict[str, Tensor], Tensor]]):
    """Items by *key*: ``epoch * n + index``, so that a view can depend on its epoch.

    ``views`` makes random views of squares ``(v, 3, s, s)`` uint8 and is given the key: here and not on the
    whole batch, so that the loader's workers share the work.
    """

    def __init__(
        self, inputs: PlaceInputs, placed: PlacedRows, views: Callable[[Tensor, int], Tensor] | None = None
    ) -> None:
        # Not the manifest's rows: they cannot be sent to another process.
        self._inputs = inputs
        self._targets = placed.targets
        self._coordinates = placed.coordinates
        self._views = views

    def __len__(self) -> int:
        return len(self._coordinates)

    def __getitem__(self, key: int) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        index = key % len(self)
        # A copy, because torch does not take read-only memory.
        found = torch.from_numpy(np.array(self._inputs.of(index)))
        if found.ndim == 4:
            found = found.permute(0, 3, 1, 2)
        if self._views is not None:
            found = self._views(found, key)
        targets = {task: torch.tensor(values[index]) for task, values in self._targets.items()}
        return found, targets, torch.from_numpy(self._coordinates[index])


def as_batch(items: Sequence[tuple[Tensor, dict[str, Tensor], Tensor]]) -> PlaceBatch:
    """Join items into a batch; pictures may have different numbers of squares."""
    inputs, targets, coordinates = zip(*items, strict=True)
    return PlaceBatch(
        torch.cat(inputs),
        torch.tensor([len(found) for found in inputs]),
        {task: torch.stack([of_item[task] for of_item in targets]) for task in targets[0]},
        torch.stack(coordinates),
    )


class _PixelFeatures(nn.Module):
    """``(n, h, w, 3)`` uint8 RGB → features ``(n, d)``."""

    def __init__(self, network: Geolocator) -> None:
        super().__init__()
        self.backbone = network.backbone

    def forward(self, pixels: Tensor) -> Tensor:
        return self.backbone.raw_vectors(pixels.permute(0, 3, 1, 2).float() / 255)


@torch.inference_mode()
def _in_torch(
    pixels: nn.Module, device: torch.device, squares: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = pixels(torch.from_numpy(squares).to(device)).cpu().numpy()
    return found
