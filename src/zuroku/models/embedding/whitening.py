"""Whitening: learned with the network, or fitted on its vectors by principal components."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from zuroku.errors import ConfigError

_LEAST_SHARE = 1e-7
"""Directions with less of the first one's variance than this are rounding, not data."""


class LinearWhitening(nn.Linear):
    """A learned projection of unit vectors ``(n, n_inputs)`` → ``(n, dimension)``.

    It starts orthogonal, which keeps angles as they are: a random start has let trainings diverge.
    """

    def __init__(self, n_inputs: int, dimension: int) -> None:
        super().__init__(n_inputs, dimension)
        nn.init.orthogonal_(self.weight)
        nn.init.zeros_(self.bias)


class PcaWhitening(nn.Module):
    """Principal components with variance one (Jégou and Chum 2012), fitted after training."""

    mean: Tensor
    components: Tensor

    def __init__(self, n_inputs: int, dimension: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("components", torch.eye(n_inputs, dimension))

    def fit(self, vectors: npt.NDArray[np.float32]) -> None:
        """Fit to unit vectors ``(n, n_inputs)``; raises as ``pca_whitening``."""
        mean, components = pca_whitening(vectors, self.components.shape[1])
        self.mean.copy_(torch.from_numpy(mean))
        self.components.copy_(torch.from_numpy(components))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return ``(n, dimension)``."""
        return (vectors - self.mean) @ self.components


def pca_whitening(
    vectors: npt.NDArray[np.floating], dimension: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean ``(d,)`` and components ``(d, dimension)`` that give vectors ``(n, d)`` unit covariance.

    Raises:
        ConfigError: the vectors span fewer dimensions than asked for.
    """
    centred = np.asarray(vectors, dtype=np.float64)
    mean = centred.mean(axis=0)
    centred = centred - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / max(len(centred) - 1, 1))
    variances, directions = variances[::-1], directions[:, ::-1]
    rank = int((variances > _LEAST_SHARE * variances[0]).sum())
    if rank < dimension:
        raise ConfigError(
            f"{len(centred)} training vectors span {rank} dimensions",
            expected=f"at least the {dimension} dimensions of the whitening",
            remedy="configure a smaller dimension, or train on more images",
        )
    return mean, directions[:, :dimension] / np.sqrt(variances[:dimension])
