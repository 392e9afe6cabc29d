"""Embeddings of a frozen backbone: GAP features, unit length. The floor that training has to beat."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
import torch

from zuroku.datasets.images import square_pixels
from zuroku.models.backbones import backbone_normalization, create_backbone
from zuroku.streams import ordered_map

_THREADS = 4


def frozen_embeddings(
    reads: Iterable[Callable[[], bytes]], backbone: str, weights: Any, size_px: int
) -> npt.NDArray[np.float32]:
    """Return ``(n, d)`` float32 unit vectors of encoded images.

    Raises:
        ImageError: an image does not decode.
    """
    model = create_backbone(backbone, weights).eval()
    mean, std = (np.array(values, dtype=np.float32) for values in backbone_normalization(backbone))
    example = torch.zeros(1, 3, size_px, size_px)
    converted = openvino.convert_model(model, example_input=example, input=[1, 3, size_px, size_px])
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(converted, "CPU", hints)

    def embed(read: Callable[[], bytes]) -> npt.NDArray[np.float32]:
        image = (square_pixels(read(), size_px).astype(np.float32) / 255 - mean) / std
        request = compiled.create_infer_request()
        return np.array(request.infer({0: image.transpose(2, 0, 1)[None]})[0][0], dtype=np.float32)

    with ThreadPoolExecutor(_THREADS) as executor:
        vectors = np.array(list(ordered_map(executor, embed, reads, 8 * _THREADS)))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
