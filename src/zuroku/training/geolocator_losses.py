"""What a geolocator is trained by: weighted cross-entropies of the heads, and images against locations.

The losses are added up without weights of their own (Hirata et al., section 3.2).
"""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from zuroku.geo.distances import EARTH_RADIUS_KM
from zuroku.models.geolocation.network import PlaceSpace

CONTRAST = "contrast"
UNLABELLED = -1
_MOST_LOGIT_SCALE = math.log(100)
"""CLIP's bound, without which the learned temperature can run away."""


def class_weights(targets: npt.NDArray[np.int64], n_classes: int) -> npt.NDArray[np.float32]:
    """Return w_i = N / (C n_i), divided by their mean: rare classes count more, and on average a class 1.

    Equation 1 of Hirata et al. defines w by itself; this is what its parts say. ``targets`` ``(n,)`` are
    class indices of the training items, -1 without a label; every class has an item.
    """
    counts = np.bincount(targets[targets != UNLABELLED], minlength=n_classes)
    weights = counts.sum() / (n_classes * counts)
    scaled: npt.NDArray[np.float32] = (weights / weights.mean()).astype(np.float32)
    return scaled


def task_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted cross-entropy of ``(n, C)`` logits over the labelled of ``(n,)`` targets.

    As ``torch.nn.functional.cross_entropy`` with weights, but 0, not NaN, where nothing is labelled: with
    a gradient of zeros, which distributed training waits for.
    """
    total = functional.cross_entropy(
        logits.float(), targets, weights, ignore_index=UNLABELLED, reduction="sum"
    )
    share = torch.where(targets == UNLABELLED, 0, weights[targets.clamp(min=0)]).sum()
    return total / share.clamp(min=torch.finfo(weights.dtype).tiny)


def same_place(a: Tensor, b: Tensor, within_m: float) -> Tensor:
    """Return ``(n, m)`` bool: which of ``(n, 2)`` and ``(m, 2)`` degrees lie at most ``within_m`` apart.

    By the straight line through the Earth, which over such lengths is the way around it.
    """
    apart = torch.cdist(_on_sphere(a), _on_sphere(b), compute_mode="donot_use_mm_for_euclid_dist")
    return apart * (1000 * EARTH_RADIUS_KM) <= within_m


def contrast_loss(images: Tensor, places: Tensor, logit_scale: Tensor, same: Tensor) -> Tensor:
    """Return GeoCLIP's cross-entropy (equation 3): which of ``places`` is that of each of ``images``?

    From images to places only, because places from the queue have no images. The places of other pictures
    that were taken at the same spot are neither right nor wrong: they are left out.

    Args:
        images: ``(n, d)`` unit vectors.
        places: ``(n + q, d)`` unit vectors, first those of the images in their order, then others.
        logit_scale: logarithm of the inverse temperature.
        same: ``(n, n + q)`` bool, which places are the image's own.
    """
    with torch.autocast(images.device.type, enabled=False):
        scale = logit_scale.clamp(max=_MOST_LOGIT_SCALE).exp()
        logits = scale * images.float() @ places.float().T
        own = torch.arange(len(images), device=images.device)
        twin = same.clone()
        twin[own, own] = False
        return functional.cross_entropy(logits.masked_fill(twin, -torch.inf), own)


class LocationQueue(nn.Module):
    """The last coordinates seen in training, more negatives than a batch has (GeoCLIP, section 3.3).

    It starts empty, where GeoCLIP's starts with points near 0° N 0° E. Checkpoints hold it. With several
    processes it is that of the first, which DDP hands to all.
    """

    stored: Tensor
    n_stored: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("stored", torch.zeros(size, 2, dtype=torch.float64))
        self.register_buffer("n_stored", torch.zeros((), dtype=torch.int64))

    def coordinates(self) -> Tensor:
        """Return the coordinates ``(q, 2)`` in the queue, the newest first."""
        return self.stored[: int(self.n_stored)]

    def push(self, coordinates: Tensor) -> None:
        """Put ``(n, 2)`` in; the oldest leave where the queue is full."""
        kept = torch.cat([coordinates.to(self.stored), self.coordinates()])[: len(self.stored)]
        self.stored[: len(kept)] = kept
        self.n_stored.fill_(len(kept))


class PlaceLosses(nn.Module):
    """The losses of a batch, by name; in training the queue takes part, and takes the batch in."""

    def __init__(
        self, weights: dict[str, npt.NDArray[np.float32]], queue_size: int, same_place_m: float
    ) -> None:
        super().__init__()
        self.queue = LocationQueue(queue_size)
        for task, values in weights.items():
            self.register_buffer(f"weights_{task}", torch.from_numpy(values))
        self._same_place_m = same_place_m

    def forward(
        self, space: PlaceSpace, raw: Tensor, targets: dict[str, Tensor], coordinates: Tensor
    ) -> dict[str, Tensor]:
        """Return the loss of each task and the contrast, of raw vectors ``(n, d)``.

        ``targets`` are class indices ``(n,)`` of each task, ``coordinates`` ``(n, 2)`` float64 degrees.
        """
        losses = {
            task: task_loss(logits, targets[task], self.get_buffer(f"weights_{task}"))
            for task, logits in space.logits(raw).items()
        }
        others = self.queue.coordinates() if self.training else coordinates[:0]
        every = torch.cat([coordinates, others])
        same = same_place(coordinates, every, self._same_place_m)
        vectors = functional.normalize(raw.float(), dim=1)
        losses[CONTRAST] = contrast_loss(vectors, space.location(every), space.logit_scale, same)
        if self.training:
            self.queue.push(coordinates)
        return losses


def _on_sphere(coordinates: Tensor) -> Tensor:
    latitude, longitude = torch.deg2rad(coordinates.double()).unbind(-1)
    flat = torch.cos(latitude)
    return torch.stack(
        (flat * torch.cos(longitude), flat * torch.sin(longitude), torch.sin(latitude)), dim=-1
    )
