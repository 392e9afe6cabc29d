"""The geolocator as one network: squares of pictures in, vectors and answers of the heads out.

Losses, queue and augmentation belong to ``training``.
"""

import math
from collections.abc import Mapping, Sequence

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from zuroku.errors import ConfigError
from zuroku.models.embedding.create import create_embedder
from zuroku.models.embedding.network import Embedder
from zuroku.models.geolocation.location_encoder import create_location_encoder
from zuroku.models.geolocation.settings import GeolocatorNetworkSettings

Classes = Mapping[str, Sequence[str]]
"""The class ids of each task, in the order of its head's outputs; a task without any has no head."""


class PlaceSpace(nn.Module):
    """All above the backbone: the projection, the heads on it, and the location encoder of the same space.

    Heads read the vector as it comes, because a softmax needs its length; images and places are compared
    as unit vectors, with GeoCLIP's learned temperature that starts from .07.
    """

    def __init__(self, n_features: int, classes: Classes, settings: GeolocatorNetworkSettings) -> None:
        super().__init__()
        dimension = settings.dimension
        self.projection = nn.Linear(n_features, dimension)
        self.heads = nn.ModuleDict(
            {task: nn.Linear(dimension, len(names)) for task, names in classes.items() if names}
        )
        self.location = create_location_encoder(settings.location, dimension)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def logits(self, raw: Tensor) -> dict[str, Tensor]:
        """Return ``(n, C)`` of each task that has classes, of raw vectors ``(n, dimension)``."""
        return {task: head(raw) for task, head in self.heads.items()}


class Geolocator(nn.Module):
    """Squares ``(m, 3, h, w)`` float32 RGB in [0, 1] of n pictures → raw vectors ``(n, dimension)``.

    Features of the squares of one picture are averaged before the projection, so that a panorama and a single
    photograph have one vector each.
    """

    def __init__(self, backbone: Embedder, classes: Classes, settings: GeolocatorNetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = backbone
        self.space = PlaceSpace(backbone.raw_dimension, classes, settings)

    def features(self, squares: Tensor, counts: Tensor) -> Tensor:
        """Return ``(n, d)``, the mean over each picture's squares, of which it has ``counts`` ``(n,)``."""
        found = self.backbone.raw_vectors(squares)
        owner = torch.repeat_interleave(torch.arange(len(counts), device=found.device), counts)
        total = found.new_zeros(len(counts), found.shape[1]).index_add(0, owner, found)
        return total / counts.unsqueeze(1).to(found)

    def forward(self, squares: Tensor, counts: Tensor) -> Tensor:
        """Return the raw vectors of pictures."""
        raw: Tensor = self.space.projection(self.features(squares, counts))
        return raw


class ServedGeolocator(nn.Module):
    """What is exported: ``(n, v, h, w, 3)`` uint8 RGB → ``(n, dimension + sum of C)`` float32.

    First the unit vector, then each task's probabilities in the order of its classes: one output, because our
    inference pool hands out one.
    """

    def __init__(self, geolocator: Geolocator) -> None:
        super().__init__()
        self.geolocator = geolocator

    def forward(self, pixels: Tensor) -> Tensor:
        """Return vectors and probabilities of ``pixels``."""
        n, v = pixels.shape[:2]
        squares = pixels.flatten(0, 1).permute(0, 3, 1, 2).float() / 255
        space = self.geolocator.space
        features = self.geolocator.backbone.raw_vectors(squares)
        raw = space.projection(features.view(n, v, -1).mean(dim=1))
        probabilities = [torch.softmax(logits, dim=1) for logits in space.logits(raw).values()]
        return torch.cat([functional.normalize(raw, dim=1), *probabilities], dim=1)


def create_geolocator(settings: GeolocatorNetworkSettings, classes: Classes) -> Geolocator:
    """Return the network of ``settings``; what it has no weights for is drawn at random.

    Raises:
        ConfigError: a backbone or weights of that name do not exist, or do not fit.
        IntegrityError: the bundle that the backbone comes from is not what was sealed.
    """
    published = timm.get_pretrained_cfg(settings.backbone)
    if published is not None and published.fixed_input_size and published.input_size[-1] != settings.size_px:
        raise ConfigError(
            f"{settings.backbone} at {settings.size_px} pixels",
            expected=f"{published.input_size[-1]} pixels, the only size that this backbone sees",
            remedy="correct size_px, or choose a backbone that takes any size, such as tf_efficientnet_lite0",
        )
    return Geolocator(create_embedder(settings.image), classes, settings)
