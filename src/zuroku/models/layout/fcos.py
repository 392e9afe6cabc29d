"""FCOS (Tian et al. 2019) on a timm backbone: the detector under a permissive licence.

torchvision's head and losses; the backbone brings ImageNet weights, so that it learns from few pages.
"""

from typing import Any, Self

import timm
import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS, FCOSHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork

from zuroku.models.backbones import Weights, backbone_normalization, create_backbone
from zuroku.models.layout.decoding import GridOutput

STRIDES = (8, 16, 32)
GRID = GridOutput(strides=list(STRIDES), point=0.0, suppression_iou=0.6)
_CHANNELS = 96
_HEAD_CONVS = 2
_START_DISTANCE = 2.0
"""Where box edges start, in strides from their point: in the range that each level is asked for."""
# Edges and textures of ImageNet serve pages as they are. These stages have the largest maps, so leaving
# them alone saves a third of a step (torchvision's ``trainable_layers`` does the same).
_FROZEN = ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.")


class PyramidBackbone(nn.Module):
    """``(n, 3, h, w)`` → maps of ``_CHANNELS`` channels at strides 8, 16 and 32."""

    out_channels = _CHANNELS

    def __init__(self, name: str, weights: Weights) -> None:
        super().__init__()
        self.body = timm.create_model(name, features_only=True, out_indices=(2, 3, 4))
        self._frozen = weights != "random"
        if self._frozen:
            self.body.load_state_dict(_stage_weights(name, weights, self.body))
            for key, parameter in self.body.named_parameters():
                parameter.requires_grad_(not key.startswith(_FROZEN))
        channels = self.body.feature_info.channels()  # type: ignore[union-attr, operator]
        self.pyramid = FeaturePyramidNetwork(channels, _CHANNELS)

    def train(self, mode: bool = True) -> Self:
        """Set the mode, but leave the statistics of the frozen stages as ImageNet has them."""
        super().train(mode)
        if self._frozen:
            for name, module in self.body.named_modules():
                if f"{name}.".startswith(_FROZEN):
                    module.eval()
        return self

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the maps by level, finest first."""
        maps: dict[str, Tensor] = self.pyramid(
            {str(level): features for level, features in enumerate(self.body(images))}
        )
        return maps


class PageFcos(nn.Module):
    """A page detector: ``(n, 3, h, w)`` float32 RGB in [0, 1] → losses, or the served grid output."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: str, weights: Weights, n_classes: int) -> None:
        super().__init__()
        mean, std = backbone_normalization(backbone)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        anchors = AnchorGenerator(sizes=tuple((stride,) for stride in STRIDES), aspect_ratios=((1.0,),) * 3)
        head = FCOSHead(_CHANNELS, 1, n_classes, _HEAD_CONVS)
        # torchvision starts distances at 0 behind a ReLU: a first step downwards, and none ever learns.
        nn.init.constant_(head.regression_head.bbox_reg.bias, _START_DISTANCE)
        self.fcos = FCOS(PyramidBackbone(backbone, weights), n_classes, anchor_generator=anchors, head=head)

    def loss(self, images: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
        """Return classification, GIoU and centreness loss, summed; ``targets`` as torchvision has them."""
        maps, outputs = self._outputs(images)
        sizes = [(int(images.shape[2]), int(images.shape[3]))] * len(images)
        anchors = self.fcos.anchor_generator(ImageList(images, sizes), maps)
        per_level = [m.shape[2] * m.shape[3] for m in maps]
        losses: dict[str, Tensor] = self.fcos.compute_loss(targets, outputs, anchors, per_level)
        return torch.stack(list(losses.values())).sum()

    def forward(self, images: Tensor) -> Tensor:
        """Return the grid output ``(n, cells, 4 + classes)`` that ``GRID`` explains."""
        _, outputs = self._outputs(images)
        # As torchvision scores a box: the geometric mean of class and centreness.
        scores = torch.sqrt(outputs["cls_logits"].sigmoid() * outputs["bbox_ctrness"].sigmoid())
        return torch.cat([outputs["bbox_regression"], scores], dim=2)

    def _outputs(self, images: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        maps = list(self.fcos.backbone((images - self.mean) / self.std).values())
        outputs: dict[str, Tensor] = self.fcos.head(maps)
        return maps, outputs


def _stage_weights(name: str, weights: Weights, body: nn.Module) -> dict[str, Any]:
    """Return the weights of the whole backbone for its stages, which carry the same names."""
    whole = create_backbone(name, weights).state_dict()
    return {key: whole[key] for key in body.state_dict()}
