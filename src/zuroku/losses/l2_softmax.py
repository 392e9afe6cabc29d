"""L2-softmax (Ranjan et al. 2017): a softmax over unit vectors of a fixed length α."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from zuroku.errors import ConfigError

_P = 0.9


def least_alpha(n_classes: int, p: float = _P) -> float:
    """Return the smallest α with which a softmax over ``n_classes`` can reach the probability ``p``.

    ln(p(C − 2) / (1 − p)), equation 8 of the paper: on a smaller sphere the loss cannot fall as far, however
    well the classes are apart.

    Raises:
        ConfigError: fewer than three classes, for which the bound is nothing.
    """
    if n_classes < 3:
        raise ConfigError(
            f"{n_classes} classes have no bound on alpha",
            expected="at least three classes",
            remedy="configure alpha, or train on more classes",
        )
    return math.log(p * (n_classes - 2) / (1 - p))


def scaled_unit(vectors: Tensor, alpha: float) -> Tensor:
    """Return ``vectors`` ``(n, d)`` with the length ``alpha``."""
    return alpha * functional.normalize(vectors, dim=1)


class L2Softmax(nn.Module):
    """Cross-entropy over a linear classifier of the vectors on the sphere of radius α."""

    def __init__(self, n_classes: int, dimension: int, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.classify = nn.Linear(dimension, n_classes)

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of raw vectors ``(n, d)`` with class indices ``(n,)``."""
        return functional.cross_entropy(self.classify(scaled_unit(vectors, self.alpha)), targets)


class L2SoftmaxMultiLabel(L2Softmax):
    """The same classifier under binary cross-entropy: images may have several labels (Aoike 2021 §3.2.1).

    The bound on α is derived for the softmax; here it is only where tuning starts.
    """

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over images and classes; ``targets`` is ``(n, n_classes)``, 0 or 1."""
        logits = self.classify(scaled_unit(vectors, self.alpha))
        return functional.binary_cross_entropy_with_logits(logits, targets.to(torch.float32))
