"""From a feature map to a vector. Joining several vectors belongs to ``network``."""

import torch
from torch import Tensor, nn

_EPSILON = 1e-6
_P = 3.0


def gap(features: Tensor) -> Tensor:
    """Global average pooling (Lin et al. 2014): ``(n, d, h, w)`` → ``(n, d)``."""
    return features.mean(dim=(2, 3))


def gem(features: Tensor, p: Tensor | float) -> Tensor:
    """Generalised mean (Radenović et al. 2019, equation 3): ``(n, d, h, w)`` → ``(n, d)``.

    Values below 1e-6 count as 1e-6, so a backbone whose last activation is not a ReLU loses its negatives.
    """
    return features.clamp(min=_EPSILON).pow(p).mean(dim=(2, 3)).pow(1.0 / p)


class Gap(nn.Module):
    """``gap`` as a layer."""

    def forward(self, features: Tensor) -> Tensor:
        """Return ``(n, d)``."""
        return gap(features)


class GeM(nn.Module):
    """``gem`` as a layer: one exponent for all channels, from 3, learned or kept."""

    p: Tensor

    def __init__(self, learned: bool) -> None:
        super().__init__()
        p = torch.tensor(_P)
        if learned:
            self.p = nn.Parameter(p)
        else:
            self.register_buffer("p", p)

    def forward(self, features: Tensor) -> Tensor:
        """Return ``(n, d)``."""
        return gem(features, self.p)
