"""Using a layout detector on a CPU: encoded pages in, boxes out.

JPEGs are decoded at the smallest scale that still has the detector's size, in threads beside OpenVINO's
streams. Inputs are rectangles, so a few shapes occur; each is compiled once.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.artifacts import verify
from zuroku.datasets.images import decode_reduced
from zuroku.detections import Detections
from zuroku.errors import ImageError
from zuroku.evaluation.regions import box_around_region
from zuroku.models.bundle import ONNX, open_card
from zuroku.models.inference_pool import InferencePool, Precision
from zuroku.models.layout.bundle import DetectorCard
from zuroku.models.layout.decoding import decode_grid
from zuroku.models.layout.preprocessing import page_input
from zuroku.models.layout.segmenter import STRIDE
from zuroku.streams import ordered_map

_THREADS = 4
_SHAPES = 12
"""Compiled input shapes kept at once: pages, spreads, strips; the least recently made goes first."""

SCORE_FLOOR = 0.02
"""Boxes below are never looked at; a ranking metric needs far more than a user's threshold lets through."""

_MASK_THRESHOLD = 0.5
_SPECK_SHARE = 0.002


class DetectorRuntime:
    """A detector's graph and card, ready to run. Networks are compiled per input shape on first use."""

    def __init__(
        self, graph: Path, card: DetectorCard, precision: Precision = "f32", max_detections: int = 300
    ) -> None:
        self.card = card
        self.classes = tuple(card.classes)
        self._graph = graph
        self.thresholds = np.array(self.card.thresholds, dtype=np.float32)
        self._active = np.array([name in self.card.trained for name in self.classes])
        self._precision = precision
        self._max_detections = max_detections
        self._pools: dict[tuple[int, int], InferencePool] = {}
        self._lock = Lock()

    def detect(self, images: Iterable[Callable[[], bytes]]) -> Iterator[Detections | ImageError | OSError]:
        """Yield the boxes on each encoded page, in order; a bad page yields its error.

        Boxes are in pixels of the page as stored, all above ``SCORE_FLOOR``.
        """
        with ThreadPoolExecutor(_THREADS) as executor:
            yield from ordered_map(executor, self._detect_one, images, window=4 * _THREADS)

    def detect_image(self, page: Image.Image, original_size: tuple[int, int] | None = None) -> Detections:
        """Return the boxes on a decoded ``page``; ``original_size`` as in ``page_input``."""
        prepared = page_input(page, self.card.size_px, original_size)
        height, width = prepared.pixels.shape[:2]
        output = self._pool(height, width).run(prepared.pixels[None])[0]
        found = self._decode(output, (height, width))
        scale = np.array(prepared.page_px * 2, dtype=np.float32)
        size = np.array((original_size or page.size) * 2, dtype=np.float32)
        return Detections(np.minimum(found.boxes * scale, size), found.scores, found.labels)

    def confident(self, found: Detections) -> Detections:
        """Return those of ``found`` that reach the threshold of their class."""
        kept = found.scores >= self.thresholds[found.labels]
        return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])

    def _detect_one(self, read: Callable[[], bytes]) -> Detections | ImageError | OSError:
        try:
            return self.detect_image(*decode_reduced(read(), self.card.size_px))
        except (ImageError, OSError) as error:
            return error

    def _decode(self, output: npt.NDArray[np.float32], shape: tuple[int, int]) -> Detections:
        if self.card.grid is None:
            return self._regions(output)
        output[:, 4:] *= self._active
        return decode_grid(output, shape, self.card.grid, SCORE_FLOOR, self._max_detections)

    def _regions(self, masks: npt.NDArray[np.float32]) -> Detections:
        """Draw boxes around the regions of each class; a region's score is its mean probability."""
        boxes, scores, labels = [], [], []
        for label, mask in enumerate(masks):
            if not self._active[label]:
                continue
            found, score = box_around_region(mask > _MASK_THRESHOLD, _SPECK_SHARE, mask)
            boxes.append(found * STRIDE)
            scores.append(score)
            labels.append(np.full(len(found), label))
        order = np.argsort(-np.concatenate(scores), kind="stable")[: self._max_detections]
        return Detections(
            np.concatenate(boxes)[order].astype(np.float32),
            np.concatenate(scores)[order].astype(np.float32),
            np.concatenate(labels)[order].astype(np.int64),
        )

    def _pool(self, height: int, width: int) -> InferencePool:
        with self._lock:
            pool = self._pools.get((height, width))
            if pool is None:
                while len(self._pools) >= _SHAPES:
                    self._pools.pop(next(iter(self._pools)))
                shape = [1, height, width, 3]
                pool = InferencePool(self._graph, shape, _THREADS, self._precision)
                self._pools[height, width] = pool
            return pool


class PageDetector(DetectorRuntime):
    """A verified bundle, ready to run.

    Raises:
        BundleError, ConfigError, IntegrityError: as ``open_card``.
    """

    def __init__(self, folder: Path, precision: Precision = "f32", max_detections: int = 300) -> None:
        super().__init__(folder / ONNX, open_card(folder, DetectorCard), precision, max_detections)
        self.folder = folder
        self.sha256 = verify(folder).sha256
