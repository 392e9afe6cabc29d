"""Which network a geolocator is: image encoder, location encoder, and the space they share.

How it is trained belongs to ``training.geolocator``.
"""

import math
from typing import Literal

from pydantic import Field, model_validator

from zuroku.config import Settings
from zuroku.models.embedding.settings import EmbedderNetworkSettings

FREQUENCIES = 256
"""Random frequencies of each scale; cosine and sine of each make GeoCLIP's 512 Fourier features."""

GEOCLIP_WIDTH = 1024
GEOCLIP_DIMENSION = 512

MAP_SCALE = 66.50336 / 180
"""GeoCLIP's: x of a unit sphere then runs to 1 at the equator's ends (2.7064 × .36946)."""

KM_PER_UNIT = 6371.0 / MAP_SCALE
"""Equal Earth keeps areas: this is the root of the area, in km², that one squared unit of the map covers."""

Variant = Literal["fine", "paper", "geoclip"]

_SIGMAS: dict[Variant, tuple[float, ...]] = {
    "fine": (1, 4, 16, 64, 256, 1024, 4096),
    "paper": (1, 4, 16, 64, 256),
    "geoclip": (1, 16, 256),
}
_HIDDEN_LAYERS: dict[Variant, int] = {"fine": 3, "paper": 5, "geoclip": 3}


def kernel_width_km(sigma: float) -> float:
    """Return how far apart, in km, two places are when the kernel of ``sigma`` has fallen to exp(-1/2) = .61.

    The inner product of two places' Fourier features is, in the mean, exp(-2 π² σ² d²) at a distance d on
    the map (Rahimi and Recht 2007), a Gaussian whose deviation is 1 / (2 π σ). Over the map's directions
    this is a mean: see ``LocationSettings`` for the widths at Tokyo.
    """
    return KM_PER_UNIT / (2 * math.pi * sigma)


class LocationSettings(Settings):
    """Scales and depth of the location encoder.

    ``geoclip`` is the form of GeoCLIP's package, σ = 2⁰, 2⁴, 2⁸ and four linear layers in each capsule;
    only it can start from the published weights. ``paper`` is that of Hirata et al. (section 3.2): σ = 1,
    4, 16, 64, 256 and five layers of 1024 with ReLU before the one to 512. ``fine`` goes on with their list
    to 2¹⁰ and 2¹², because the scale of a σ is the distance at which two places stop looking alike, and 256
    is too coarse for 1 km. Where the kernel has fallen to exp(-1/2), in km at Tokyo station, eastwards and
    northwards (Equal Earth stretches the map there):

    =====  =======  =======
    σ      east     north
    =====  =======  =======
    1      2846     2289
    4      712      572
    16     178      143
    64     44.5     35.8
    256    11.1     8.9
    1024   2.8      2.2
    4096   .69      .56
    =====  =======  =======
    """

    variant: Variant = "fine"
    width: int = Field(default=GEOCLIP_WIDTH, ge=8, description="of the hidden layers")
    weights: str = Field(
        default="random",
        description="random, or for geoclip packaged (those of the package geoclip, where it is installed)"
        " or the path of its location_encoder_weights.pth",
    )
    seed: int = Field(default=20211211, description="draws the frequencies")

    @model_validator(mode="after")
    def _weights_have_one_form(self) -> "LocationSettings":
        if self.weights != "random" and (self.variant, self.width) != ("geoclip", GEOCLIP_WIDTH):
            raise ValueError(
                f"published weights fit only the variant geoclip of width {GEOCLIP_WIDTH},"
                f" not {self.variant} of {self.width}"
            )
        return self

    @property
    def sigmas(self) -> tuple[float, ...]:
        """Deviation of the frequencies of each capsule, from coarse to fine."""
        return _SIGMAS[self.variant]

    @property
    def hidden_layers(self) -> int:
        """Linear layers with ReLU in each capsule; one more leads to the vector."""
        return _HIDDEN_LAYERS[self.variant]


class GeolocatorNetworkSettings(Settings):
    """Backbone → mean over the views → linear → vector; heads on it, and the location encoder beside it.

    The paper takes the backbone ``vit_large_patch14_clip_224.laion2b_ft_in12k_in1k`` with timm's weights.
    """

    backbone: str = Field(description="a timm model")
    weights: str = Field(
        description="packaged, timm, random, a safetensors file of the backbone, or the folder of an"
        " embedder bundle whose backbone to go on from"
    )
    size_px: int = Field(ge=32, description="side of the square that the backbone sees")
    views: int = Field(
        default=4,
        ge=1,
        description="squares that a panorama of that many headings side by side is cut into; 1 takes the"
        " middle square of every picture",
    )
    dimension: int = Field(default=GEOCLIP_DIMENSION, ge=2, description="of the vectors of images and places")
    location: LocationSettings = LocationSettings()

    @model_validator(mode="after")
    def _published_weights_fit(self) -> "GeolocatorNetworkSettings":
        if self.location.weights != "random" and self.dimension != GEOCLIP_DIMENSION:
            raise ValueError(
                f"the published location encoder gives {GEOCLIP_DIMENSION} dimensions, not {self.dimension}"
            )
        return self

    @property
    def image(self) -> EmbedderNetworkSettings:
        """The backbone as an embedder without a head."""
        return EmbedderNetworkSettings(backbone=self.backbone, weights=self.weights, size_px=self.size_px)
