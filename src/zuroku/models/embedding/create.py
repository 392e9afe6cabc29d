"""Making an embedder network from its settings, with the weights they name."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from zuroku.artifacts import verify
from zuroku.errors import BundleError, ConfigError
from zuroku.models.backbones import STARTS, WeightsOrigin, create_backbone, start_origin
from zuroku.models.bundle import CARD, WEIGHTS, open_card, training_groups
from zuroku.models.embedding.card import EmbedderCard
from zuroku.models.embedding.network import Embedder, ServedEmbedder
from zuroku.models.embedding.settings import EmbedderNetworkSettings

_BACKBONE = "backbone."
_ABOVE = ("taps", "pooling", "tap_normalisation", "head", "dimension", "whitening")


def create_embedder(settings: EmbedderNetworkSettings) -> Embedder:
    """Return the network of ``settings``; what it has no weights for is drawn at random.

    From the folder of an embedder bundle it takes the backbone, and what is above it where both are
    configured alike. So a chain ImageNet → Open Images → iMet (Aoike 2021, table 3, model ④) goes on from the
    whole network, and Feature Tuning puts a new head on a tuned backbone.

    Raises:
        ConfigError: a backbone, a tap or weights of that name do not exist, or do not fit.
        IntegrityError: the bundle is not what was sealed.
    """
    start: Any = settings.weights
    if start in STARTS:
        return Embedder(create_backbone(settings.backbone, start), settings)
    path = Path(start)
    if path.is_file():
        return Embedder(create_backbone(settings.backbone, path), settings)
    if not (path / CARD).is_file():
        raise ConfigError(
            f"no weights at {path}",
            expected="packaged, timm, random, a safetensors file, or the folder of an embedder bundle",
            remedy="train the embedder it names first, or correct the path",
        )
    embedder = Embedder(create_backbone(settings.backbone, "random"), settings)
    _go_on_from(embedder, path)
    return embedder


def load_network(folder: Path) -> Embedder:
    """Return the network of the embedder bundle in ``folder``, for whatever its graph cannot give.

    Raises:
        BundleError: there is no bundle, or it is of an older format.
        IntegrityError: it is not what was sealed.
    """
    settings = _network_of(folder, open_card(folder, EmbedderCard))
    embedder = Embedder(create_backbone(settings.backbone, "random"), settings)
    ServedEmbedder(embedder).load_state_dict(load_file(folder / WEIGHTS))
    return embedder.eval()


def weights_origin(weights: str, backbone: nn.Module) -> WeightsOrigin:
    """Return what ``weights`` names; ``backbone`` has just been made from it and is not trained yet.

    Raises:
        IntegrityError: a bundle is not what was sealed.
    """
    path = Path(weights)
    if weights in STARTS or path.is_file():
        return start_origin(weights, lambda: backbone)
    # Once: a link may lead to another bundle before its groups are read.
    bundle = verify(path.resolve())
    name, data = f"embedder:{bundle.sha256}", {"weights": bundle.sha256}
    return WeightsOrigin(name, data, training_groups(bundle.path))


def _go_on_from(embedder: Embedder, folder: Path) -> None:
    card = open_card(folder, EmbedderCard)
    theirs, ours = _network_of(folder, card), embedder.settings
    if theirs.backbone != ours.backbone:
        raise ConfigError(
            f"{folder} is a {theirs.backbone}, not a {ours.backbone}",
            expected="an embedder bundle with the same backbone",
            remedy="correct backbone or weights in the configuration",
        )
    alike = all(getattr(theirs, field) == getattr(ours, field) for field in _ABOVE)
    state = {name.removeprefix("embedder."): tensor for name, tensor in load_file(folder / WEIGHTS).items()}
    taken = {name: tensor for name, tensor in state.items() if alike or name.startswith(_BACKBONE)}
    embedder.load_state_dict(taken, strict=alike)


def _network_of(folder: Path, card: EmbedderCard) -> EmbedderNetworkSettings:
    if card.network is None:
        raise BundleError(
            f"{folder} is an embedder of format {card.format}",
            expected="format 2, whose card tells the network",
            remedy="build the embedder again with this version of zuroku",
        )
    return card.network
