"""Training as the recipe is written naively: fp32, NCHW, torchvision transforms per image.

The baselines of ``gpu_training``: transforms in the main process, or in one worker per core. They
leave out the gamma step of our augmentation, which torchvision has no random transform for.
"""

import os
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision import transforms

from zuroku.training.augment import AugmentSettings

BATCH_SIZE = 48

Statistics = tuple[list[float], list[float]]


def recipe(settings: AugmentSettings, size_px: int, statistics: Statistics) -> transforms.Compose:
    """Return our augmentation as torchvision transforms of one PIL image."""
    colour = transforms.ColorJitter(
        brightness=settings.brightness, saturation=settings.saturation, hue=settings.hue_degrees / 360
    )
    affine = transforms.RandomAffine(
        settings.rotate_degrees,
        translate=(settings.shift, settings.shift),
        scale=(1 - settings.scale, 1 + settings.scale),
        interpolation=transforms.InterpolationMode.BILINEAR,
    )
    return transforms.Compose(
        [
            transforms.RandomGrayscale(settings.greyscale),
            transforms.RandomHorizontalFlip(settings.flip_horizontal),
            transforms.RandomVerticalFlip(settings.flip_vertical),
            transforms.RandomApply([colour], settings.probability),
            transforms.RandomApply([affine], settings.probability),
            transforms.RandomResizedCrop(size_px, scale=(settings.crop_scale_min, 1)),
            transforms.ToTensor(),
            transforms.Normalize(*statistics),
        ]
    )


class Pictures(Dataset[tuple[Tensor, Tensor]]):
    """Pictures ``(n, h, w, 3)`` uint8 and targets ``(n, n_labels)`` float32, one at a time."""

    def __init__(
        self, pixels: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32], transform: transforms.Compose
    ) -> None:
        self._pixels = pixels
        self._targets = targets
        self._transform = transform

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        picture = self._transform(Image.fromarray(self._pixels[index]))
        return picture, torch.from_numpy(self._targets[index])


def picture_loader(pictures: Pictures, steps: int, workers: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return a loader of ``steps`` random batches; its workers stay from one pass to the next."""
    sampler = RandomSampler(pictures, replacement=True, num_samples=steps * BATCH_SIZE)
    return DataLoader(
        pictures, BATCH_SIZE, sampler=sampler, num_workers=workers, persistent_workers=workers > 0
    )


def all_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


class PlainTraining:
    """fp32, contiguous, eager; one step after the other."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self._device = device
        self._model = model.to(device).train()
        self._adam = torch.optim.Adam(model.parameters(), lr=1e-4)

    def run(self, loader: Iterable[tuple[Tensor, Tensor]]) -> int:
        """Train on everything ``loader`` yields, and wait for the device."""
        n_images = 0
        loss = torch.zeros(())
        for pictures, targets in loader:
            self._adam.zero_grad()
            logits = self._model(pictures.to(self._device))
            loss = functional.binary_cross_entropy_with_logits(logits, targets.to(self._device))
            loss.backward()
            self._adam.step()
            n_images += len(pictures)
        check_loss(loss)
        return n_images


def check_loss(loss: Tensor) -> None:
    """Wait for the device and stop if the training has diverged: its speed would mean nothing."""
    if not torch.isfinite(loss).item():
        raise FloatingPointError("the loss is not finite")
