"""The vectors of a network in training, from pictures, or from a frozen backbone's features.

Inputs ``(n, h, w, 3)`` uint8 are pictures, those of two dimensions features ``(n, d)``. A finished bundle is
asked by ``models.embedding.predictor``.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from zuroku.models.embedding.features import mean_norms, tap_features
from zuroku.models.embedding.network import Embedder
from zuroku.training.features import by_tap

_BATCH = 256


def device() -> torch.device:
    """Return where networks run: the first GPU, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@torch.inference_mode()
def raw_vectors(embed: nn.Module, inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the raw vectors ``(n, raw_dimension)`` of pictures or of features."""
    parts = []
    step = _BATCH if inputs.ndim == 2 else _BATCH // 8
    for start in range(0, len(inputs), step):
        batch = torch.from_numpy(np.array(inputs[start : start + step]))
        images = batch if inputs.ndim == 2 else batch.permute(0, 3, 1, 2).float() / 255
        parts.append(embed(images.to(device())).cpu().numpy())
    return np.concatenate(parts)


@torch.inference_mode()
def finished_vectors(network: Embedder, raw: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the unit vectors ``(n, dimension)`` that ``network`` makes of raw ones."""
    vectors: npt.NDArray[np.float32] = network.finished(torch.from_numpy(raw).to(device())).cpu().numpy()
    return vectors


def unit_vectors(raw: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return ``raw`` ``(n, d)`` at length 1."""
    return torch.nn.functional.normalize(torch.from_numpy(raw), dim=1).numpy()


def tap_norms(network: Embedder, inputs: npt.NDArray[Any]) -> dict[str, float]:
    """Return the mean length of the features of each tap."""
    if inputs.ndim == 2:
        features = by_tap(torch.from_numpy(np.array(inputs)), network.tap_dimensions)
        return mean_norms({tap: part.numpy() for tap, part in features.items()})
    return mean_norms(tap_features(network, inputs))
