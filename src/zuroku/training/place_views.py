"""Random views of street pictures, as Hirata et al. (section 3.1) make them with torchvision.

Crop, affine map, AugMix, noise. Never a mirror: writing would run backwards and traffic keep to the other
side, which are among the best signs of a place. Never a rotation, as in the paper: a camera on a car stands
upright. The paper found its values by looking at whether regional features survive.
"""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torchvision.transforms import v2

from zuroku.config import Settings


class PlaceViewSettings(Settings):
    """How far a picture may be changed. Crop and probability of AugMix are not in the paper's text."""

    crop_scale_min: float = Field(default=0.5, gt=0, le=1, description="least share of the area kept")
    scale_max: float = Field(default=1.1, ge=1, description="enlarged by a factor drawn from 1 to this")
    shear_degrees: float = Field(default=15.0, ge=0, lt=90, description="drawn from ± this, along the rows")
    mixture_width: int = Field(default=3, ge=1, description="chains that AugMix lays over each other")
    noise: int = Field(default=10, ge=0, le=255, description="added to each value, drawn from ± this of 255")
    noise_probability: float = Field(default=0.5, ge=0, le=1)
    whole_panorama: bool = Field(
        default=True,
        description="a view of each heading; false takes one square at random out of the panorama, as the"
        " paper does, a quarter of the work in a step",
    )


class _AugMixUpright(v2.AugMix):  # type: ignore[misc]
    """torchvision's AugMix without its rotations."""

    _AUGMENTATION_SPACE = {  # noqa: RUF012
        name: how for name, how in v2.AugMix._AUGMENTATION_SPACE.items() if name != "Rotate"
    }


def place_views(squares: Tensor, draw: np.random.Generator, settings: PlaceViewSettings) -> Tensor:
    """Return a random view of each square of one picture.

    The squares of a panorama were taken together and are changed alike. The result depends only on the
    arguments: torch's own generator is left as it was.

    Args:
        squares: ``(v, 3, s, s)`` uint8 RGB.
        draw: of this picture in this epoch.
        settings: how far to go.

    Returns:
        ``(v, 3, s, s)`` uint8, or ``(1, 3, s, s)`` where one square is taken out of a panorama.
    """
    if not settings.whole_panorama and len(squares) > 1:
        squares = _window(squares, draw)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(draw.integers(1 << 62)))
        views: Tensor = _transforms(squares.shape[-1], settings)(squares)
    if draw.random() < settings.noise_probability:
        noise = draw.integers(-settings.noise, settings.noise, tuple(views.shape), np.int16, endpoint=True)
        views = (views.to(torch.int16) + torch.from_numpy(noise)).clamp(0, 255).to(torch.uint8)
    return views


def _window(squares: Tensor, draw: np.random.Generator) -> Tensor:
    """Return one square ``(1, 3, s, s)`` anywhere in the panorama, which goes round."""
    side = squares.shape[-1]
    strip = torch.cat(list(squares), dim=-1)
    start = int(draw.integers(strip.shape[-1]))
    return torch.roll(strip, -start, dims=-1)[None, ..., :side]


def _transforms(side: int, settings: PlaceViewSettings) -> v2.Compose:
    return v2.Compose(
        [
            v2.RandomResizedCrop(side, scale=(settings.crop_scale_min, 1.0), antialias=True),
            v2.RandomAffine(
                degrees=0,
                scale=(1.0, settings.scale_max),
                shear=settings.shear_degrees,
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            _AugMixUpright(mixture_width=settings.mixture_width),
        ]
    )
