"""Grad-CAM (Selvaraju et al. 2017) for embeddings: where in the picture a vector comes from."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from zuroku.errors import ConfigError
from zuroku.models.embedding.features import as_images
from zuroku.models.embedding.network import Embedder, Watch
from zuroku.models.embedding.taps import GAP


def grad_cam(
    network: Embedder,
    picture: npt.NDArray[np.uint8],
    tap: str,
    towards: npt.NDArray[np.floating] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the ``(h, w)`` heat in [0, 1] of one ``(h, w, 3)`` uint8 RGB picture at ``tap``.

    The paper explains the score of a class; an embedder has none. Here the score is the inner product of the
    raw vector with ``towards`` ``(raw_dimension,)``: with the unit vector of another picture, the map shows
    what makes the two alike; left out, it is the vector's own direction and the map shows what makes the
    vector long. (The cosine with itself would have no gradient.) ``tap`` may be any of the backbone's feature
    maps, configured or not. A map without positive evidence is all zero.

    Raises:
        ConfigError: there is no such tap, it is no feature map, or the vector does not depend on it.
        ImageError: the picture is smaller than a tap's stride.
    """
    if tap == GAP:
        raise _no_map(tap)
    network.eval()
    kept: list[Tensor] = []

    def keep(output: Tensor) -> Tensor:
        if output.ndim != 4:
            raise _no_map(tap)
        kept.append(output)
        # What goes on is a copy: the next layer may write into it.
        return output.clone()

    with torch.enable_grad():
        images = as_images(picture[None]).requires_grad_(True)
        raw = network.raw_vectors(images, Watch(tap, keep))[0]
        direction = functional.normalize(raw.detach(), dim=0)
        if towards is not None:
            direction = torch.as_tensor(np.array(towards), dtype=raw.dtype)
        (gradient,) = torch.autograd.grad(raw @ direction, kept[0], allow_unused=True)
    if gradient is None:
        raise ConfigError(
            f"no tap of this embedder comes after {tap!r}",
            expected=f"a feature map on the way to {', '.join(network.settings.taps)}",
            remedy="name an earlier tap",
        )
    return _heat(kept[0].detach()[0], gradient[0], picture.shape[0], picture.shape[1])


def _heat(maps: Tensor, gradient: Tensor, height: int, width: int) -> npt.NDArray[np.float32]:
    """Return the maps ``(d, h, w)`` weighted by their mean gradients (the paper's equations 1 and 2)."""
    weights = gradient.mean(dim=(1, 2))
    evidence = torch.relu((weights[:, None, None] * maps).sum(dim=0))
    heat = functional.interpolate(evidence[None, None], (height, width), mode="bilinear")[0, 0]
    top = float(heat.max())
    scaled: npt.NDArray[np.float32] = (heat / top if top > 0 else heat).numpy()
    return scaled


def _no_map(tap: str) -> ConfigError:
    return ConfigError(
        f"the tap {tap!r} is no feature map",
        expected="the output (n, d, h, w) of a convolutional stage, such as last, conv2 or stage3",
        remedy="name such a tap",
    )
