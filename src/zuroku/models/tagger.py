"""The figure tagger: backbone → GAP → linear 512 → ReLU 512 → one logit per label.

Aoike 2021 and the tagestimatemodel code: EfficientNet-B0, ``Dense(512, linear)``,
``Dense(512, relu)``, sigmoid outputs. The sigmoid is applied by the loss and by ``ServedTagger``.
"""

import torch
from torch import Tensor, nn

HIDDEN = 512


class Tagger(nn.Module):
    """``(n, 3, h, w)`` float32, normalised for the backbone → ``(n, n_labels)`` logits."""

    def __init__(self, backbone: nn.Module, n_labels: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.embed = nn.Linear(int(backbone.num_features), HIDDEN)  # type: ignore[arg-type]
        self.hidden = nn.Linear(HIDDEN, HIDDEN)
        self.classify = nn.Linear(HIDDEN, n_labels)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of ``images``."""
        features = self.embed(self.backbone(images))
        logits: Tensor = self.classify(torch.relu(self.hidden(features)))
        return logits


class ServedTagger(nn.Module):
    """What is exported: ``(n, h, w, 3)`` uint8 RGB → ``(n, n_labels)`` calibrated probabilities.

    Normalisation and calibration (temperature, Guo et al. 2017) are inside, so that no user can
    get them wrong.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, tagger: Tagger, mean: list[float], std: list[float], temperature: float) -> None:
        super().__init__()
        self.tagger = tagger
        self.temperature = temperature
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the probabilities of ``pixels``."""
        images = (pixels.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std
        return torch.sigmoid(self.tagger(images) / self.temperature)
