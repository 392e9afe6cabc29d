"""What each tap gives, for reports and for training on it. Features are pooled and of any length."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from zuroku.models.embedding.create import load_network
from zuroku.models.embedding.network import Embedder

_BATCH = 32


def tap_features(
    source: Embedder | Path, pictures: npt.NDArray[np.uint8]
) -> dict[str, npt.NDArray[np.float32]]:
    """Return ``(n, d)`` features of each tap of a network or of a bundle's folder.

    ``pictures`` is ``(n, h, w, 3)`` uint8 RGB, mapped from a file or not; 32 of them are read at a time.

    Raises:
        BundleError: there is no bundle, or it is of an older format.
        ImageError: the pictures are smaller than a tap's stride.
    """
    network = source if isinstance(source, Embedder) else load_network(source)
    network = network.eval().to(memory_format=torch.channels_last)
    device = network.mean.device
    parts: dict[str, list[npt.NDArray[np.float32]]] = {tap: [] for tap in network.settings.taps}
    with torch.inference_mode():
        for start in range(0, len(pictures), _BATCH):
            batch = network.features(as_images(pictures[start : start + _BATCH]).to(device))
            for tap, features in batch.items():
                parts[tap].append(features.cpu().numpy())
    return {
        tap: np.concatenate(found) if found else np.empty((0, network.tap_dimensions[tap]), np.float32)
        for tap, found in parts.items()
    }


def mean_norms(features: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, float]:
    """Return the mean length of each tap's features, as in Tani and Wada's table 4."""
    return {tap: float(np.linalg.norm(part, axis=1).mean()) for tap, part in features.items()}


def as_images(pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
    """``(n, h, w, 3)`` uint8 RGB → ``(n, 3, h, w)`` float32 in [0, 1], in channels-last memory."""
    # A copy, because torch does not take read-only memory.
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 255
