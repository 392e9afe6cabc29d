"""The embedder as one network: pictures in, unit vectors out, the same in training and in serving."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from zuroku.errors import ConfigError, ImageError
from zuroku.models.backbones import backbone_normalization
from zuroku.models.embedding.head import NoHead, create_head
from zuroku.models.embedding.pooling import Gap, GeM
from zuroku.models.embedding.settings import EmbedderNetworkSettings
from zuroku.models.embedding.taps import GAP, run_taps, tap_stride
from zuroku.models.embedding.whitening import LinearWhitening, PcaWhitening

_LUMA = (0.299, 0.587, 0.114)


class Watch(NamedTuple):
    """A tap to look at while the network runs: its output goes on as what ``at`` makes of it."""

    tap: str
    at: Callable[[Tensor], Tensor]


class Embedder(nn.Module):
    """``(n, 3, h, w)`` float32 RGB in [0, 1] → ``(n, dimension)`` float32 unit vectors.

    Feature maps are pooled and joined in the order of the taps (Tani and Wada's "addition" is this
    concatenation; with ``tap_normalisation`` their "normalized addition"), then go through head and
    whitening. Vectors before the last normalisation are called raw: losses take these, because a plain
    softmax needs their length.
    """

    mean: Tensor
    std: Tensor
    luma: Tensor

    def __init__(self, backbone: nn.Module, settings: EmbedderNetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = backbone
        mean, std = backbone_normalization(settings.backbone)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.register_buffer("luma", torch.tensor(_LUMA).view(1, 3, 1, 1), persistent=False)
        learned = settings.pooling == "gem"
        pools = (Gap() if settings.pooling == "gap" else GeM(learned) for _ in settings.taps)
        self.pools = nn.ModuleList(pools)
        self.stride = max(tap_stride(backbone, tap) for tap in settings.taps)
        self.tap_dimensions = self._tap_dimensions()
        joined = sum(self.tap_dimensions.values())
        self.raw_dimension, self.dimension = _dimensions(settings, joined)
        self.head: nn.Module = NoHead()
        if settings.head != "none":
            self.head = create_head(settings.head, joined, self.raw_dimension)
        before = self.raw_dimension if settings.head != "none" else joined
        self.whitening: nn.Module | None = None
        if settings.whitening == "linear":
            self.whitening = LinearWhitening(before, self.dimension)
        elif settings.whitening == "pca":
            self.whitening = PcaWhitening(before, self.dimension)

    def features(self, images: Tensor, watch: Watch | None = None) -> dict[str, Tensor]:
        """Return the pooled features ``(n, d)`` of each tap, of whatever length they have.

        Raises:
            ImageError: the images are smaller than the stride of a tap.
        """
        if min(images.shape[-2:]) < self.stride:
            raise ImageError(
                f"images of {images.shape[-1]} × {images.shape[-2]} pixels",
                expected=f"at least {self.stride} pixels on each side, the stride of the deepest tap",
                remedy="embed larger images, or configure earlier taps",
            )
        pools = dict(zip(self.settings.taps, self.pools, strict=True))
        pooled: dict[str, Tensor] = {}

        def at(tap: str, output: Tensor) -> Tensor:
            if watch is not None and tap == watch.tap:
                output = watch.at(output)
            if tap in pools:
                pooled[tap] = output if tap == GAP else pools[tap](_feature_map(tap, output))
            return output

        taps = list(dict.fromkeys([*self.settings.taps, *([watch.tap] if watch else [])]))
        run_taps(self.backbone, self._prepared(images), taps, at)
        return {tap: pooled[tap] for tap in self.settings.taps}

    def joined(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the features of all taps side by side, ``(n, sum of d)``, scaled as configured."""
        parts = [features[tap] for tap in self.settings.taps]
        if self.settings.tap_normalisation:
            parts = [functional.normalize(part, dim=1) for part in parts]
        return torch.cat(parts, dim=1)

    def tail(self, joined: Tensor) -> Tensor:
        """Return what losses are put on, ``(n, raw_dimension)``: all that is trained above the pooling."""
        raw: Tensor = self.head(joined)
        if isinstance(self.whitening, LinearWhitening):
            raw = self.whitening(functional.normalize(raw, dim=1))
        return raw

    def finished(self, raw: Tensor) -> Tensor:
        """Return the unit vectors ``(n, dimension)`` of raw ones."""
        if isinstance(self.whitening, PcaWhitening):
            raw = self.whitening(functional.normalize(raw, dim=1))
        return functional.normalize(raw, dim=1)

    def raw_vectors(self, images: Tensor, watch: Watch | None = None) -> Tensor:
        """Return the raw vectors ``(n, raw_dimension)`` of ``images``."""
        return self.tail(self.joined(self.features(images, watch)))

    def forward(self, images: Tensor) -> Tensor:
        """Return the unit vectors of ``images``."""
        return self.finished(self.raw_vectors(images))

    def _prepared(self, images: Tensor) -> Tensor:
        if self.settings.grey:
            images = (images * self.luma).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
        return (images - self.mean) / self.std

    def _tap_dimensions(self) -> dict[str, int]:
        """Find out by one black picture, which also tells of a tap that is no feature map."""
        training = self.backbone.training
        self.backbone.eval()
        size = self.settings.size_px
        with torch.inference_mode():
            features = self.features(torch.zeros(1, 3, size, size))
        self.backbone.train(training)
        return {tap: int(part.shape[1]) for tap, part in features.items()}


class ServedEmbedder(nn.Module):
    """What is exported: ``(n, h, w, 3)`` uint8 RGB → ``(n, dimension)`` float32 unit vectors."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self.embedder = embedder

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the vectors of ``pixels``."""
        vectors: Tensor = self.embedder(pixels.permute(0, 3, 1, 2).float() / 255)
        return vectors


def _dimensions(settings: EmbedderNetworkSettings, joined: int) -> tuple[int, int]:
    """Return the lengths of raw and of finished vectors."""
    final = settings.dimension or joined
    if settings.head == "none" and final > joined:
        raise ConfigError(
            f"a whitening to {final} dimensions of {joined}",
            expected=f"a dimension of {joined} or less",
            remedy="correct dimension in the configuration, or configure more taps",
        )
    raw = joined if settings.head == "none" and settings.whitening != "linear" else final
    return raw, final


def _feature_map(tap: str, output: object) -> Tensor:
    if not isinstance(output, Tensor) or output.ndim != 4:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(
            f"the tap {tap!r} gives {shape}, which is no feature map",
            expected="the output (n, d, h, w) of a convolutional stage",
            remedy="configure the tap gap, which every backbone has, or another stage",
        )
    return output
