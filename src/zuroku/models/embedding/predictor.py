"""Using an embedder on a CPU: pictures in, unit vectors out."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zuroku.artifacts import verify
from zuroku.datasets.images import square_pixels
from zuroku.errors import ImageError
from zuroku.models.bundle import ONNX, open_card
from zuroku.models.embedding.card import EmbedderCard
from zuroku.models.inference_pool import InferencePool
from zuroku.streams import ordered_map

_THREADS = 4


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
        """Return the ``(d,)`` unit vector of one ``(size, size, 3)`` uint8 RGB picture.

        Raises:
            ImageError: it has another size.
        """
        size = self.size_px
        if pixels.shape != (size, size, 3):
            raise ImageError(
                f"pixels of shape {pixels.shape}",
                expected=f"({size}, {size}, 3), the size that this embedder was made for",
                remedy="use embed_bytes, or squash the picture as zuroku.datasets.images does",
            )
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
