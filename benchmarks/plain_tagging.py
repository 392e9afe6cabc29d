"""Tagging as it is written without zuroku: PIL, torchvision transforms, eager PyTorch.

The baselines of ``tagging_speed``: a loop over single images and a ``DataLoader`` with batches. Both
use the bundle's weights and its preprocessing, so that only the way of running differs.
"""

from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import Compose, InterpolationMode, Normalize, Resize, ToTensor

from zuroku.models.backbones import backbone_normalization, create_backbone
from zuroku.models.bundle import WEIGHTS, TaggerCard, read_card
from zuroku.models.tagger import ServedTagger, Tagger
from zuroku.models.tagger_predictor import TaggerPredictor

BATCH_SIZE = 32
_WORKERS = (0, 1, 2)


def read_picture(path: Path, transform: Compose, size_px: int) -> Tensor:
    """Return the file ``path`` as ``(3, size, size)`` float32, normalised for the backbone."""
    with Image.open(path) as image:
        image.draft("RGB", (2 * size_px, 2 * size_px))
        tensor: Tensor = transform(image.convert("RGB"))
    return tensor


def picture_transform(card: TaggerCard) -> Compose:
    """Return the bundle's preprocessing after decoding, as a torchvision transform."""
    mean, std = backbone_normalization(card.backbone)
    size = (card.size_px, card.size_px)
    return Compose(
        [Resize(size, InterpolationMode.BILINEAR, antialias=True), ToTensor(), Normalize(mean, std)]
    )


class PlainTagger:
    """A bundle's weights in an eager fp32 PyTorch model."""

    def __init__(self, folder: Path, memory_format: torch.memory_format = torch.contiguous_format) -> None:
        self.card = read_card(folder)
        self.transform = picture_transform(self.card)
        self._memory_format = memory_format
        self._model = _tagger(folder, self.card).eval().to(memory_format=memory_format)

    def probabilities(self, path: Path) -> npt.NDArray[np.float32]:
        """Return ``(n_labels,)`` probabilities of one file."""
        return self.batch_probabilities(read_picture(path, self.transform, self.card.size_px)[None])[0]

    @torch.inference_mode()
    def batch_probabilities(self, pictures: Tensor) -> npt.NDArray[np.float32]:
        """Return ``(n, n_labels)`` probabilities of normalised pictures ``(n, 3, size, size)``."""
        logits = self._model(pictures.contiguous(memory_format=self._memory_format))
        probabilities: npt.NDArray[np.float32] = torch.sigmoid(logits / self.card.temperature).numpy()
        return probabilities


class Files(Dataset[Tensor]):
    """The pictures of ``paths``, read by whichever process asks."""

    def __init__(self, paths: list[Path], card: TaggerCard) -> None:
        self._paths = paths
        self._size_px = card.size_px
        self._transform = picture_transform(card)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Tensor:
        return read_picture(self._paths[index], self._transform, self._size_px)


def loop_run(plain: PlainTagger, predictor: TaggerPredictor, paths: list[Path]) -> int:
    """Tag ``paths`` one after the other."""
    return len(predictor.decide(np.stack([plain.probabilities(path) for path in paths])))


def loader_run(plain: PlainTagger, predictor: TaggerPredictor, loader: Iterable[Tensor]) -> int:
    """Tag what ``loader`` yields, batch by batch."""
    rows = np.concatenate([plain.batch_probabilities(batch) for batch in loader])
    return len(predictor.decide(rows))


def best_loader(plain: PlainTagger, paths: list[Path]) -> tuple[int, DataLoader[Tensor]]:
    """Return the number of workers that loads and tags ``paths`` fastest, and its loader.

    Workers are started before they are timed, and stay.
    """
    seconds: dict[int, float] = {}
    loaders = {}
    for workers in _WORKERS:
        loader = DataLoader(
            Files(paths, plain.card), BATCH_SIZE, num_workers=workers, persistent_workers=workers > 0
        )
        for _ in range(2):
            start = perf_counter()
            for batch in loader:
                plain.batch_probabilities(batch)
            seconds[workers] = perf_counter() - start
        loaders[workers] = loader
    best = min(seconds, key=seconds.__getitem__)
    return best, loaders[best]


def _tagger(folder: Path, card: TaggerCard) -> nn.Module:
    mean, std = backbone_normalization(card.backbone)
    tagger = Tagger(create_backbone(card.backbone, "random"), len(card.labels))
    served = ServedTagger(tagger, mean, std, card.temperature)
    served.load_state_dict(load_file(folder / WEIGHTS))
    return served.tagger
