"""Embeddings of a frozen backbone: GAP features, unit length. The floor that training has to beat."""

import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
import torch

from zuroku.datasets.images import square_pixels
from zuroku.models.backbones import backbone_normalization, create_backbone
from zuroku.models.inference_pool import InferencePool
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
    shape = [1, 3, size_px, size_px]
    with warnings.catch_warnings():
        # OpenVINO still traces with TorchScript.
        warnings.simplefilter("ignore", FutureWarning)
        converted = openvino.convert_model(model, example_input=torch.zeros(shape), input=shape)
    pool = InferencePool(converted, shape, _THREADS)

    def embed(read: Callable[[], bytes]) -> npt.NDArray[np.float32]:
        image = (square_pixels(read(), size_px).astype(np.float32) / 255 - mean) / std
        vector: npt.NDArray[np.float32] = pool.run(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))[0]
        return vector

    with ThreadPoolExecutor(_THREADS) as executor:
        vectors = np.array(list(ordered_map(executor, embed, reads, 8 * _THREADS)))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
