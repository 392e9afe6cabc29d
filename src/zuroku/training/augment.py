"""Random views of figures, a whole batch at a time and on the batch's own device.

Every draw depends only on (seed, epoch, item), never on workers, batch order or where a killed run
was resumed.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from zuroku.config import Settings

_LUMA = (0.299, 0.587, 0.114)


class AugmentSettings(Settings):
    """The recipe of Aoike 2021's published training code, with its odd values explained.

    ``crop_scale_min`` is the least share of the area kept. The original draws it from 0.9 to 1.1; a
    crop larger than the picture does not exist, so our upper end is 1.
    """

    greyscale: float = Field(default=0.5, ge=0, le=1, description="probability")
    flip_horizontal: float = Field(default=0.5, ge=0, le=1, description="probability")
    flip_vertical: float = Field(default=0.2, ge=0, le=1, description="probability")
    gamma: float = Field(default=0.2, ge=0, lt=1, description="exponent drawn from 1 ± this")
    brightness: float = Field(default=0.2, ge=0, lt=1, description="offset drawn from ± this")
    hue_degrees: float = Field(default=10.0, ge=0, description="OpenCV's ±5 half-degrees")
    saturation: float = Field(default=0.08, ge=0, lt=1, description="20 of 255")
    shift: float = Field(default=0.0625, ge=0, description="share of the side")
    scale: float = Field(default=0.1, ge=0, lt=1)
    rotate_degrees: float = Field(default=90.0, ge=0)
    crop_scale_min: float = Field(default=0.9, gt=0, le=1)
    probability: float = Field(default=0.5, ge=0, le=1, description="of each colour and affine step")


def augment(images: Tensor, draws: Sequence[np.random.Generator], settings: AugmentSettings) -> Tensor:
    """Return a random view of each image.

    Args:
        images: ``(n, 3, h, w)`` float32 RGB in [0, 1].
        draws: one generator per image.

    One affine map does flips, shift, scale, rotation and crop at once, with reflected borders; one
    colour matrix does greyscale, hue and saturation (hue as a rotation about the grey axis, where
    the original goes through 8-bit HSV).
    """
    affine = np.stack([_affine(draw, settings) for draw in draws])
    colour = np.stack([_colour(draw, settings) for draw in draws])
    tone = np.stack([_tone(draw, settings) for draw in draws])
    theta = torch.from_numpy(affine).to(images)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    views = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    views = torch.einsum("ncd,ndhw->nchw", torch.from_numpy(colour).to(images), views)
    offset, exponent = torch.from_numpy(tone).to(images).view(-1, 2, 1, 1, 1).unbind(1)
    # The lower bound keeps the gradient-free power finite at black.
    return (views + offset).clamp(1e-6, 1) ** exponent


def item_draw(seed: int, epoch: int, item: int) -> np.random.Generator:
    """Return the generator of one view: equal for equal arguments, whatever ran before."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch, item])))


def _affine(draw: np.random.Generator, settings: AugmentSettings) -> np.ndarray:
    """Return the ``(2, 3)`` float32 map from output to input coordinates in [−1, 1]."""
    zoom = math.sqrt(draw.uniform(settings.crop_scale_min, 1))
    room = 1 - zoom
    shift = draw.uniform(-room, room, 2)
    angle = 0.0
    if draw.random() < settings.probability:
        angle = math.radians(draw.uniform(-settings.rotate_degrees, settings.rotate_degrees))
        zoom /= draw.uniform(1 - settings.scale, 1 + settings.scale)
        shift += 2 * draw.uniform(-settings.shift, settings.shift, 2)
    flip_x = -1 if draw.random() < settings.flip_horizontal else 1
    flip_y = -1 if draw.random() < settings.flip_vertical else 1
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    return np.array(
        [[flip_x * cos, -flip_y * sin, shift[0]], [flip_x * sin, flip_y * cos, shift[1]]], dtype=np.float32
    )


def _colour(draw: np.random.Generator, settings: AugmentSettings) -> np.ndarray:
    """Return the ``(3, 3)`` float32 matrix that is applied to RGB."""
    grey = np.tile(np.array(_LUMA), (3, 1))
    if draw.random() < settings.greyscale:
        return grey.astype(np.float32)
    if draw.random() >= settings.probability:
        return np.eye(3, dtype=np.float32)
    angle = math.radians(draw.uniform(-settings.hue_degrees, settings.hue_degrees))
    axis = 1 / math.sqrt(3)
    cross = axis * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    # Rodrigues' rotation about the grey axis.
    rotation = np.eye(3) * math.cos(angle) + math.sin(angle) * cross + (1 - math.cos(angle)) / 3
    saturation = 1 + draw.uniform(-settings.saturation, settings.saturation)
    return ((saturation * np.eye(3) + (1 - saturation) * grey) @ rotation).astype(np.float32)


def _tone(draw: np.random.Generator, settings: AugmentSettings) -> np.ndarray:
    """Return brightness offset and gamma exponent as ``(2,)`` float32."""
    offset, exponent = 0.0, 1.0
    if draw.random() < settings.probability:
        offset = draw.uniform(-settings.brightness, settings.brightness)
    if draw.random() < settings.probability:
        exponent = draw.uniform(1 - settings.gamma, 1 + settings.gamma)
    return np.array([offset, exponent], dtype=np.float32)
