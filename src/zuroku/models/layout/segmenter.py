"""Layout by semantic segmentation, the paper's first two baselines (Aoike 2021 §3.3).

torchvision's DeepLabv3 stands for DeepLabv3+, its LR-ASPP (Howard et al. 2019) for ESPNetv2, the light
one. Each class has its own sigmoid, because a figure lies inside the overall region; the original's
softmax makes them exclude each other. Boxes are drawn around regions afterwards.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import segmentation

Architecture = Literal["deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"]

STRIDE = 4
"""Pixels of the input per pixel of the served mask."""

_NORM_MOMENTUM = 0.1
"""torchvision's 0.01 is for long training: after a few hundred steps its running statistics still lag."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PageSegmenter(nn.Module):
    """``(n, 3, h, w)`` float32 RGB in [0, 1] → per-class probabilities at a quarter of the size."""

    mean: Tensor
    std: Tensor

    def __init__(self, architecture: Architecture, n_classes: int) -> None:
        super().__init__()
        build = getattr(segmentation, architecture)
        self.network = build(weights=None, weights_backbone=None, num_classes=n_classes)
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = _NORM_MOMENTUM
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1))

    def loss(self, images: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
        """Binary cross-entropy of every class's mask, painted from the boxes of ``targets``."""
        logits = self._logits(images)
        masks = torch.zeros_like(logits)
        for mask, target in zip(masks, targets, strict=True):
            for box, label in zip(target["boxes"] / STRIDE, target["labels"], strict=True):
                left, top, right, bottom = box.round().int().tolist()
                mask[label, top : max(bottom, top + 1), left : max(right, left + 1)] = 1
        return functional.binary_cross_entropy_with_logits(logits, masks)

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(n, classes, h / 4, w / 4)`` probabilities."""
        return self._logits(images).sigmoid()

    def _logits(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network((images - self.mean) / self.std)["out"]
        return functional.interpolate(logits, scale_factor=1 / STRIDE, mode="bilinear", align_corners=False)
