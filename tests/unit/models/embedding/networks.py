"""Tiny embedders with random weights, drawn from a seed."""

from typing import Any

import numpy as np
import torch

from zuroku.models.backbones import create_backbone
from zuroku.models.embedding.network import Embedder
from zuroku.models.embedding.settings import EmbedderNetworkSettings

PAPER_TAPS = ["conv2", "conv3", "conv4", "conv5", "gap"]


def settings(backbone: str = "resnet18", size_px: int = 32, **values: Any) -> EmbedderNetworkSettings:
    return EmbedderNetworkSettings(backbone=backbone, weights="random", size_px=size_px, **values)


def network(backbone: str = "resnet18", size_px: int = 32, **values: Any) -> Embedder:
    torch.manual_seed(7)
    configured = settings(backbone, size_px, **values)
    return Embedder(create_backbone(backbone, "random"), configured).eval()


def images(n: int = 3, size: int = 32) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(11))


def pictures(n: int = 3, size: int = 32) -> np.ndarray:
    return np.random.default_rng(13).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
