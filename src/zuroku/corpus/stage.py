"""One page through all models: boxes, crops, tags, embeddings. The same code wherever it runs.

A stage opens nothing by itself and keeps nothing between pages, so that threads may share one and a
cluster may build one per process. Reading pages and writing results belong to ``units``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from zuroku.config import Settings
from zuroku.corpus.crops import Box, jpeg_bytes, pixel_boxes, reading_order, square_image
from zuroku.datasets.images import decode_rgb
from zuroku.detections import Detections
from zuroku.errors import BundleError, ImageError
from zuroku.evaluation.framing import Framing, framing_of
from zuroku.tagging import Tags, tags_of


class StageSettings(Settings):
    """What of a page becomes a figure."""

    figure_classes: tuple[str, ...] | None = Field(
        default=None, description="classes that are cut out; none: all that the detector calls figures"
    )
    min_score: float | None = Field(
        default=None, ge=0, le=1, description="one threshold for every class; none: the detector's own"
    )
    tag_threshold: float | None = Field(
        default=None, gt=0, lt=1, description="one threshold for every tag; none: the tagger's own"
    )
    margin_share: float = Field(
        default=0.0, ge=0, le=1, description="paper kept around a figure, in shares of its longer side"
    )
    min_figure_px: int = Field(default=8, ge=1, description="figures with a shorter side are left out")
    min_page_px: int = Field(default=32, ge=1, description="an image with a shorter side is no page")
    edge_tolerance_px: float = Field(
        default=8.0, ge=0, description="text this near to an edge of the page counts as cut off"
    )


class DetectorClasses(Protocol):
    """The part of a detector's card that a stage reads."""

    @property
    def figure_classes(self) -> list[str]:
        """Classes that are figures."""

    @property
    def overall_classes(self) -> list[str]:
        """Classes that mark the whole of what is printed or written on a page."""


class PageDetector(Protocol):
    """Finds the zones of a page; safe to share among threads."""

    @property
    def card(self) -> DetectorClasses:
        """What the detector's classes are for."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that labels count."""

    @property
    def sha256(self) -> str:
        """The bundle's version."""

    def detect_image(self, page: Image.Image) -> Detections:
        """Return the boxes on ``page``, in its pixels."""

    def confident(self, found: Detections) -> Detections:
        """Return those of ``found`` that reach the threshold of their class."""


class TaggerLabels(Protocol):
    """The part of a tagger's card that a stage reads."""

    @property
    def labels(self) -> list[str]:
        """The tags, in the order of the probabilities."""

    @property
    def size_px(self) -> int:
        """The side of the square that the tagger looks at."""


class FigureTagger(Protocol):
    """Tags one figure; safe to share among threads."""

    @property
    def card(self) -> TaggerLabels:
        """What the tagger's labels are."""

    def probabilities(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return ``(n_labels,)`` for one ``(size, size, 3)`` uint8 RGB picture."""

    def decide(
        self, probabilities: npt.NDArray[np.floating], threshold: float | None = None
    ) -> npt.NDArray[np.bool_]:
        """Return the tags of ``(n, n_labels)`` probabilities."""


class Embedder(Protocol):
    """Turns one figure into a unit vector; safe to share among threads."""

    @property
    def dimension(self) -> int:
        """The length of the vector."""

    @property
    def size_px(self) -> int:
        """The side of the square that the embedder looks at."""

    @property
    def sha256(self) -> str:
        """The bundle's version."""

    def embed_pixels(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return ``(dimension,)`` float32 of unit length for one ``(size, size, 3)`` uint8 RGB picture."""


@dataclass(frozen=True)
class Figure:
    """A figure cut from a page: ``box`` is exactly what ``jpeg`` shows, in pixels of the upright page."""

    figure_id: str
    label: str
    box: Box
    score: float
    tags: Tags
    embedding: npt.NDArray[np.float32] | None
    jpeg: bytes


@dataclass(frozen=True)
class PageResult:
    """What came of a page: its figures in reading order, or the ``error`` for which it was passed over.

    ``milliseconds`` are by step of the work. Everything else follows from the bytes and the models alone.
    """

    sha256: str = ""
    width: int | None = None
    height: int | None = None
    figures: Sequence[Figure] = ()
    framing: Framing | None = None
    error: str = ""
    milliseconds: Mapping[str, float] = field(default_factory=dict)


class Stopwatch:
    """Adds up the milliseconds spent in each named step."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time what happens inside as ``step``."""
        start = perf_counter()
        try:
            yield
        finally:
            spent = 1000 * (perf_counter() - start)
            self.milliseconds[step] = self.milliseconds.get(step, 0.0) + spent


class PageStage:
    """The models that a page meets, opened. Without an ``embedder`` figures have no embedding.

    ``versions`` names the models by the SHA-256 of their bundles; results are only as old as these.

    Raises:
        BundleError: the configured figure classes are not among the detector's.
    """

    def __init__(
        self,
        detector: PageDetector,
        tagger: FigureTagger,
        embedder: Embedder | None,
        settings: StageSettings,
        versions: Mapping[str, str],
    ) -> None:
        self.detector = detector
        self.tagger = tagger
        self.embedder = embedder
        self.settings = settings
        self.versions = dict(versions)
        chosen = detector.card.figure_classes if settings.figure_classes is None else settings.figure_classes
        self._figure_labels = _indices(detector.classes, chosen)
        self._overall_labels = _indices(detector.classes, detector.card.overall_classes)

    @property
    def dimension(self) -> int:
        """The length of the embeddings.

        Raises:
            BundleError: there is no embedder.
        """
        if self.embedder is None:
            raise BundleError(
                "a stage without an embedder",
                expected="detector, tagger and embedder: the figures of a corpus have embeddings",
                remedy="name the embedder's bundle",
            )
        return self.embedder.dimension

    def warm_up(self) -> None:
        """Compile the models, which is not left to whichever of several threads comes first."""
        sizes = [self.tagger.card.size_px] + ([self.embedder.size_px] if self.embedder else [])
        self.detector.detect_image(Image.new("RGB", (64, 64), "white"))
        blanks = [np.zeros((size, size, 3), dtype=np.uint8) for size in sizes]
        self.tagger.probabilities(blanks[0])
        if self.embedder is not None:
            self.embedder.embed_pixels(blanks[-1])

    def process(self, page_id: str, data: bytes) -> PageResult:
        """Return the figures on the encoded page ``data``; a page that is no image yields its error."""
        clock = Stopwatch()
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            with clock("decode"):
                page = self._decoded(data)
        except ImageError as error:
            return PageResult(sha256, error=error.found, milliseconds=clock.milliseconds)
        with clock("detect"):
            found = self._found(page)
        places = self._places(found, page)
        figures = [
            self._figure(f"{page_id}_{index}", page, *place, clock) for index, place in enumerate(places)
        ]
        overall = found.boxes[np.isin(found.labels, self._overall_labels)]
        framing = framing_of(overall, page.width, page.height, self.settings.edge_tolerance_px)
        return PageResult(sha256, page.width, page.height, figures, framing, milliseconds=clock.milliseconds)

    def _decoded(self, data: bytes) -> Image.Image:
        page = decode_rgb(data)
        if min(page.size) < self.settings.min_page_px:
            raise ImageError(
                f"an image of {page.width} × {page.height} pixels is no page",
                expected=f"at least {self.settings.min_page_px} pixels on each side",
                remedy="fetch the page again in a legible size",
            )
        return page

    def _found(self, page: Image.Image) -> Detections:
        found = self.detector.detect_image(page)
        if self.settings.min_score is None:
            return self.detector.confident(found)
        kept = found.scores >= self.settings.min_score
        return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])

    def _places(self, found: Detections, page: Image.Image) -> list[tuple[Box, str, float]]:
        """Return box, class and score of each figure, in reading order."""
        kept = np.isin(found.labels, self._figure_labels)
        boxes = pixel_boxes(found.boxes[kept], page.width, page.height, self.settings.margin_share)
        labels, scores = found.labels[kept], found.scores[kept]
        shorter = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.iinfo(np.int64).max)
        large = shorter >= self.settings.min_figure_px
        boxes, labels, scores = boxes[large], labels[large], scores[large]
        places = []
        for index in reading_order(boxes):
            x_min, y_min, x_max, y_max = boxes[index].tolist()
            label = self.detector.classes[labels[index]]
            places.append(((x_min, y_min, x_max, y_max), label, float(scores[index])))
        return places

    def _figure(
        self, figure_id: str, page: Image.Image, box: Box, label: str, score: float, clock: Stopwatch
    ) -> Figure:
        crop = page.crop(box)
        with clock("tag"):
            pixels = square_image(crop, self.tagger.card.size_px)
            probabilities = self.tagger.probabilities(pixels)
            decided = self.tagger.decide(probabilities[None], self.settings.tag_threshold)[0]
            tags = tags_of(probabilities, decided, self.tagger.card.labels)
        embedding = None
        if self.embedder is not None:
            with clock("embed"):
                if self.embedder.size_px != self.tagger.card.size_px:
                    pixels = square_image(crop, self.embedder.size_px)
                embedding = self.embedder.embed_pixels(pixels)
        with clock("encode"):
            jpeg = jpeg_bytes(crop)
        return Figure(figure_id, label, box, score, tags, embedding, jpeg)


def _indices(classes: Sequence[str], chosen: Sequence[str]) -> list[int]:
    if missing := [name for name in chosen if name not in classes]:
        raise BundleError(
            f"the detector has no class {', '.join(missing)}",
            expected=f"some of {', '.join(classes)}",
            remedy="name other figure_classes in the configuration, or another detector",
        )
    return [classes.index(name) for name in chosen]
