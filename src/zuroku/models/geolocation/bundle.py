"""The bundle of a geolocator, written from a trained network and read back. ``predictor`` uses one."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from zuroku.models.backbones import create_backbone
from zuroku.models.bundle import WEIGHTS, open_card, write_model
from zuroku.models.embedding.network import Embedder
from zuroku.models.geolocation.card import GeolocatorCard, geolocator_readme
from zuroku.models.geolocation.location_encoder import LocationEncoder
from zuroku.models.geolocation.network import Geolocator, ServedGeolocator
from zuroku.models.geolocation.settings import GeolocatorNetworkSettings

_LOCATION = "geolocator.space.location."


def write_geolocator(
    folder: Path, geolocator: Geolocator, card: GeolocatorCard, groups: Collection[str]
) -> None:
    """Write ``geolocator`` and its papers into ``folder``; sealing is left to ``artifacts.build``.

    The ONNX graph holds the part for images; the location encoder is among the weights only, because
    its phases need float64, which not every runtime keeps. ``groups`` are those that the network has been
    trained on or chosen by, its starting weights included.
    """
    write_model(folder, ServedGeolocator(geolocator), card, list(groups), partial(_export, card))
    (folder / "README.md").write_text(geolocator_readme(card, len(set(groups))), encoding="utf-8")


def load_geolocator(folder: Path) -> Geolocator:
    """Return the network of the geolocator bundle in ``folder``.

    Raises:
        BundleError: there is no bundle.
        ConfigError: it is a bundle of another kind of model.
        IntegrityError: it is not what was sealed.
    """
    card = open_card(folder, GeolocatorCard)
    settings = _as_drawn(card)
    backbone = Embedder(create_backbone(card.backbone, "random"), settings.image)
    geolocator = Geolocator(backbone, card.classes, settings)
    ServedGeolocator(geolocator).load_state_dict(load_file(folder / WEIGHTS))
    return geolocator.eval()


def load_location_encoder(folder: Path) -> LocationEncoder:
    """Return the location encoder of the geolocator bundle in ``folder``; raises as ``load_geolocator``."""
    card = open_card(folder, GeolocatorCard)
    encoder = LocationEncoder(_as_drawn(card).location, card.dimension)
    state = load_file(folder / WEIGHTS)
    encoder.load_state_dict(
        {name.removeprefix(_LOCATION): t for name, t in state.items() if name.startswith(_LOCATION)}
    )
    return encoder.eval()


def _as_drawn(card: GeolocatorCard) -> GeolocatorNetworkSettings:
    """Return the card's network without the file that its location encoder began with."""
    location = card.network.location.model_copy(update={"weights": "random"})
    return card.network.model_copy(update={"location": location})


def _export(card: GeolocatorCard, model: nn.Module, path: Path) -> None:
    size = card.size_px
    n, v = torch.export.Dim("n"), torch.export.Dim("v")
    torch.onnx.export(
        model,
        (torch.zeros(2, 3, size, size, 3, dtype=torch.uint8),),
        str(path),
        input_names=["pixels"],
        output_names=["answers"],
        dynamo=True,
        dynamic_shapes=({0: n, 1: v},),
        external_data=False,
        verbose=False,
    )
