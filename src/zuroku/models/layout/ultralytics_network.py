"""Ultralytics' detectors behind our interface: architectures by name, their raw head as grid output.

Ultralytics is licensed under AGPL-3.0; who ships a bundle of this family ships under its terms. Nothing
here is imported unless a configuration asks for it.
"""

import os
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from zuroku.models.layout.decoding import GridOutput

LICENCE = "AGPL-3.0 (Ultralytics)"


def ultralytics_package() -> Any:
    """Import Ultralytics, offline, with its own loggers (MLflow, DVC, …) off and its hands off Pillow.

    On import it replaces ``PIL.Image.open`` by a function that tries to install a package when an image
    cannot be read. Ours must stay as it is: in this process every image nobody vouches for goes through it.
    """
    pillow_open = Image.open
    os.environ.setdefault("YOLO_OFFLINE", "1")
    os.environ.setdefault("YOLO_VERBOSE", "False")
    import ultralytics

    Image.open = pillow_open
    callers = {"mlflow", "dvc", "tensorboard", "wandb", "clearml", "comet", "raytune", "hub", "sync"}
    ultralytics.settings.update(  # type: ignore[no-untyped-call]
        dict.fromkeys(callers & set(ultralytics.settings), False)
    )
    return ultralytics


def grid_of(network: nn.Module) -> GridOutput:
    """Return how to read the output of ``GridNetwork(network)``."""
    head = _head(network)
    # An end-to-end head (YOLO26) was trained to give one box per object.
    return GridOutput(
        strides=[int(stride) for stride in head.stride],
        point=0.5,
        suppression_iou=None if head.end2end else 0.7,
        clip_first=False,
    )


class GridNetwork(nn.Module):
    """A trained Ultralytics network with its decoding left out: ``(n, cells, 4 + classes)``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        # The head hands over what it predicts, before it makes boxes of it.
        head = _head(network)
        head.__class__ = type("RawHead", (head.__class__,), {"forward": _raw_head})

    def forward(self, images: Tensor) -> Tensor:
        """Return distances in units of the stride, and sigmoid scores."""
        output: Tensor = self.network(images)
        return output


def load_network(checkpoint: Path) -> nn.Module:
    """Return the float32 network of a checkpoint that ``training`` has just written.

    Ultralytics' checkpoints are pickles: only files of our own working folder are read this way.
    """
    model: nn.Module = ultralytics_package().YOLO(str(checkpoint)).model
    return model.float().eval()


def _raw_head(head: Any, maps: list[Tensor]) -> Tensor:
    branch = head.one2one if head.end2end else head.one2many
    raw = head.forward_head(maps, **branch)
    distances = head.dfl(raw["boxes"])
    return torch.cat([distances, raw["scores"].sigmoid()], dim=1).permute(0, 2, 1)


def _head(network: nn.Module) -> Any:
    return network.model[-1]  # type: ignore[index]
