"""The bundle of an embedder, and its use on a CPU: pictures in, unit vectors out.

Until embeddings are trained, the embedder is a frozen backbone: GAP features, unit length.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from zuroku.artifacts import Artifact, build, verify
from zuroku.config import Settings
from zuroku.datasets.images import square_pixels
from zuroku.errors import ImageError
from zuroku.models.backbones import backbone_normalization, create_backbone
from zuroku.models.bundle import ONNX, open_card, write_model
from zuroku.models.inference_pool import InferencePool
from zuroku.streams import ordered_map

_THREADS = 4

PREPROCESSING = "decoded at the smallest JPEG scale with twice the pixels, squashed bilinearly with antialias"


class EmbedderSettings(Settings):
    """Which backbone embeds, with which weights, at which size."""

    backbone: str
    weights: str = Field(description="packaged, timm, random, or a safetensors path")
    size_px: int = Field(ge=32)


class EmbedderCard(Settings):
    """What an embedder is. Vectors of two embedders must never be compared: an index names its own."""

    name: str
    format: int = 1
    backbone: str
    weights: str
    dimension: int
    size_px: int
    preprocessing: str
    settings: dict[str, Any]
    code_version: str


class ServedEmbedder(nn.Module):
    """``(n, h, w, 3)`` uint8 RGB → ``(n, d)`` float32 unit vectors."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the vectors of ``pixels``."""
        images = (pixels.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std
        return functional.normalize(self.backbone(images), dim=1)


def build_embedder(settings: EmbedderSettings, target: Path, code_version: str) -> Artifact:
    """Write the bundle of the frozen embedder to ``target``."""
    return build(target, partial(_write, settings, code_version))


class EmbedderPredictor:
    """A verified embedder bundle, ready to run; the model is compiled on first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.card = open_card(folder, EmbedderCard)
        self.sha256 = verify(folder).sha256
        self.dimension = self.card.dimension
        self.size_px = self.card.size_px

    @cached_property
    def _model(self) -> InferencePool:
        return InferencePool(self.folder / ONNX, [1, self.size_px, self.size_px, 3], _THREADS)

    def embed_pixels(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the ``(d,)`` unit vector of one ``(size, size, 3)`` uint8 RGB picture."""
        vector: npt.NDArray[np.float32] = self._model.run(pixels[None])[0]
        return vector

    def embed_bytes(self, data: bytes) -> npt.NDArray[np.float32]:
        """Return the ``(d,)`` unit vector of one encoded image.

        Raises:
            ImageError: it does not decode.
        """
        return self.embed_pixels(square_pixels(data, self.size_px))

    def embed(
        self, reads: Iterable[Callable[[], bytes]]
    ) -> Iterator[npt.NDArray[np.float32] | ImageError | OSError]:
        """Yield the vector of each encoded image, in order; a bad image yields its error."""
        _ = self._model  # compiled here, not by whichever thread comes first
        with ThreadPoolExecutor(_THREADS) as executor:
            yield from ordered_map(executor, self._embed_one, reads, window=8 * _THREADS)

    def _embed_one(self, read: Callable[[], bytes]) -> npt.NDArray[np.float32] | ImageError | OSError:
        try:
            return self.embed_bytes(read())
        except (ImageError, OSError) as error:
            return error


def _write(settings: EmbedderSettings, code_version: str, folder: Path) -> None:
    weights: Any = settings.weights
    if weights not in ("packaged", "timm", "random"):
        weights = Path(weights)
    backbone = create_backbone(settings.backbone, weights)
    card = EmbedderCard(
        name="figure_embedder",
        backbone=settings.backbone,
        weights=settings.weights,
        dimension=int(backbone.num_features),  # type: ignore[arg-type]
        size_px=settings.size_px,
        preprocessing=PREPROCESSING,
        settings=settings.model_dump(mode="json"),
        code_version=code_version,
    )
    served = ServedEmbedder(backbone, *backbone_normalization(settings.backbone))
    write_model(folder, served, card, [], partial(_export, settings.size_px))
    (folder / "README.md").write_text(_readme(card), encoding="utf-8")


def _export(size_px: int, model: nn.Module, path: Path) -> None:
    torch.onnx.export(
        model,
        (torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8),),
        str(path),
        input_names=["pixels"],
        output_names=["vectors"],
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("n")},),
        external_data=False,
        verbose=False,
    )


def _readme(card: EmbedderCard) -> str:
    return f"""# {card.name}

Turns a figure into a unit vector of {card.dimension} numbers: {card.backbone} with {card.weights} weights,
frozen, global average pooling. Input `pixels` (n, {card.size_px}, {card.size_px}, 3) uint8 RGB,
{card.preprocessing}. Compare by inner product, and only with vectors of this very bundle.
"""
