"""Random views of pages with their boxes: scale, shift and tone, a batch at a time.

A page keeps its direction: text that runs the wrong way round does not occur. Every draw depends only
on (seed, epoch, item).
"""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from zuroku.config import Settings

_LEAST_SHARE = 0.3
"""A box of which less remains in view is no longer asked for."""

_LUMA = (0.299, 0.587, 0.114)


class PageViewSettings(Settings):
    """How far a page may be changed."""

    scale: float = Field(default=0.25, ge=0, lt=1, description="drawn from 1 ± this, as a factor")
    shift: float = Field(default=0.1, ge=0, lt=0.5, description="share of the side")
    greyscale: float = Field(default=0.3, ge=0, le=1, description="probability")
    brightness: float = Field(default=0.15, ge=0, lt=1, description="offset drawn from ± this")
    contrast: float = Field(default=0.25, ge=0, lt=1, description="factor drawn from 1 ± this")


def page_views(
    images: Tensor,
    targets: list[dict[str, Tensor]],
    draws: list[np.random.Generator],
    settings: PageViewSettings,
) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Return a random view of each page and its boxes there.

    Args:
        images: ``(n, 3, h, w)`` float32 RGB in [0, 1].
        targets: per page ``boxes`` ``(k, 4)`` float32 in pixels and ``labels`` ``(k,)`` int64.
        draws: one generator per page.
    """
    zooms, shifts, tones, grey = [], [], [], []
    for draw in draws:
        zooms.append(1 + draw.uniform(-settings.scale, settings.scale))
        shifts.append(draw.uniform(-settings.shift, settings.shift, 2))
        tones.append([1 + draw.uniform(-1, 1) * settings.contrast, draw.uniform(-1, 1) * settings.brightness])
        grey.append(draw.random() < settings.greyscale)
    views = _placed(images, zooms, shifts)
    views = torch.where(torch.tensor(grey, device=images.device).view(-1, 1, 1, 1), _grey(views), views)
    factor, offset = torch.tensor(tones).to(images).view(-1, 2, 1, 1, 1).unbind(1)
    views = ((views - 0.5) * factor + 0.5 + offset).clamp(0, 1)
    height, width = images.shape[2:]
    moved = [
        _moved(target, zoom, shift, width, height)
        for target, zoom, shift in zip(targets, zooms, shifts, strict=True)
    ]
    return views, moved


def _placed(images: Tensor, zooms: list[float], shifts: list[np.ndarray]) -> Tensor:
    """Scale each image about its centre by its zoom and move it; the border's last pixels continue."""
    theta = torch.zeros(len(images), 2, 3)
    for row, zoom, shift in zip(theta, zooms, shifts, strict=True):
        # The map runs from the view back to the image, in coordinates from −1 to 1.
        row[0, 0] = row[1, 1] = 1 / zoom
        row[:, 2] = torch.from_numpy(-2 * shift / zoom)
    grid = functional.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _moved(
    target: dict[str, Tensor], zoom: float, shift: np.ndarray, width: int, height: int
) -> dict[str, Tensor]:
    size = torch.tensor([width, height, width, height]).to(target["boxes"])
    offset = torch.from_numpy(np.tile(shift, 2)).to(target["boxes"])
    boxes = (target["boxes"] - size / 2) * zoom + size / 2 + offset * size
    inside = torch.minimum(boxes.clamp(min=0), size)
    share = _area(inside) / _area(boxes).clamp(min=1e-6)
    kept = (share >= _LEAST_SHARE) & (_area(inside) > 1)
    return {"boxes": inside[kept], "labels": target["labels"][kept]}


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _grey(images: Tensor) -> Tensor:
    weights = torch.tensor(_LUMA).to(images).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True).expand_as(images)
