"""One page through all models: boxes, crops, tags, embeddings. The same code wherever it runs.

A stage opens nothing by itself and keeps nothing between pages, so that threads may share one and a
cluster may build one per process. Reading pages and writing results belong to ``units``.

The detector looks at a fraction of a page's pixels and most pages hold no figure, so a page is decoded in
full only where something is cut from it. A file that is cut short is found out by either decode.
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
from zuroku.datasets.images import decode_reduced, decode_rgb
from zuroku.detections import Detections
from zuroku.errors import BundleError, ImageError
from zuroku.evaluation.framing import Framing, framing_of
from zuroku.indexes.router import RouteSettings, primary_tag
from zuroku.models.inference_pool import Precision
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
    detector_precision: Precision = Field(
        default="bf16",
        description="bf16 is half as fast again where the processor has it, and moves AP by .1",
    )
    routes: RouteSettings = Field(
        default=RouteSettings(), description="which embedder a figure gets, by its primary tag"
    )


class DetectorPapers(Protocol):
    """The part of a detector's card that a stage reads."""

    @property
    def size_px(self) -> int:
        """The long side of a page as the detector looks at it."""

    @property
    def figure_classes(self) -> list[str]:
        """Classes that are figures."""

    @property
    def overall_classes(self) -> list[str]:
        """Classes that mark the whole of what is printed or written on a page."""


class PageDetector(Protocol):
    """Finds the zones of a page; safe to share among threads."""

    @property
    def card(self) -> DetectorPapers:
        """How large the detector sees a page, and what its classes are for."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that labels count."""

    @property
    def sha256(self) -> str:
        """The bundle's version."""

    def detect_image(self, page: Image.Image, original_size: tuple[int, int] | None = None) -> Detections:
        """Return the boxes on ``page``, in its pixels, or in those of a page of ``original_size``."""

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
    """A figure cut from a page: ``box`` is exactly what ``jpeg`` shows, in pixels of the upright page.

    ``embedding`` is by the embedder of ``space``, whose bundle has the seal ``encoder_sha256``; a stage
    without embedders leaves all three empty.
    """

    figure_id: str
    label: str
    box: Box
    score: float
    tags: Tags
    space: str
    encoder_sha256: str
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
    """The models that a page meets, opened. Without ``embedders`` figures have no embedding.

    ``embedders`` maps each space to its own. ``versions`` names the models by the SHA-256 of their bundles;
    results are only as old as these.

    Raises:
        BundleError: the configured figure classes are not among the detector's.
        ConfigError: the embedders are not those that the routes name.
    """

    def __init__(
        self,
        detector: PageDetector,
        tagger: FigureTagger,
        embedders: Mapping[str, Embedder],
        settings: StageSettings,
        versions: Mapping[str, str],
    ) -> None:
        self.detector = detector
        self.tagger = tagger
        self.embedders = dict(embedders)
        self.settings = settings
        self.versions = dict(versions)
        if embedders:
            settings.routes.check(embedders)
        chosen = detector.card.figure_classes if settings.figure_classes is None else settings.figure_classes
        self._figure_labels = _indices(detector.classes, chosen)
        self._overall_labels = _indices(detector.classes, detector.card.overall_classes)

    @property
    def dimension(self) -> int:
        """The length of the embeddings; −1, as Arrow writes it, where embedders differ.

        Raises:
            BundleError: there is no embedder.
        """
        lengths = {embedder.dimension for embedder in self.embedders.values()}
        if not lengths:
            raise BundleError(
                "a stage without an embedder",
                expected="detector, tagger and embedders: the figures of a corpus have embeddings",
                remedy="name the embedders' bundles",
            )
        return lengths.pop() if len(lengths) == 1 else -1

    def warm_up(self) -> None:
        """Compile the models, which is not left to whichever of several threads comes first."""
        self.detector.detect_image(Image.new("RGB", (64, 64), "white"))
        self.tagger.probabilities(_blank(self.tagger.card.size_px))
        for embedder in self.embedders.values():
            embedder.embed_pixels(_blank(embedder.size_px))

    def process(self, page_id: str, data: bytes) -> PageResult:
        """Return the figures on the encoded page ``data``; a page that is no image yields its error."""
        clock = Stopwatch()
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            with clock("decode"):
                page, size = self._decoded(data)
            with clock("detect"):
                found = self._found(page, size)
            places = self._places(found, size)
            if places and page.size != size:
                with clock("decode"):
                    page = decode_rgb(data)
        except ImageError as error:
            return PageResult(sha256, error=error.found, milliseconds=clock.milliseconds)
        figures = [
            self._figure(f"{page_id}_{index}", page, *place, clock) for index, place in enumerate(places)
        ]
        overall = found.boxes[np.isin(found.labels, self._overall_labels)]
        framing = framing_of(overall, *size, self.settings.edge_tolerance_px)
        return PageResult(sha256, *size, figures, framing, milliseconds=clock.milliseconds)

    def _decoded(self, data: bytes) -> tuple[Image.Image, tuple[int, int]]:
        """Return the page as large as the detector needs it, and its full size."""
        page, (width, height) = decode_reduced(data, self.detector.card.size_px)
        if min(width, height) < self.settings.min_page_px:
            raise ImageError(
                f"an image of {width} × {height} pixels is no page",
                expected=f"at least {self.settings.min_page_px} pixels on each side",
                remedy="fetch the page again in a legible size",
            )
        return page, (width, height)

    def _found(self, page: Image.Image, size: tuple[int, int]) -> Detections:
        found = self.detector.detect_image(page, size)
        if self.settings.min_score is None:
            return self.detector.confident(found)
        kept = found.scores >= self.settings.min_score
        return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])

    def _places(self, found: Detections, size: tuple[int, int]) -> list[tuple[Box, str, float]]:
        """Return box, class and score of each figure, in reading order."""
        kept = np.isin(found.labels, self._figure_labels)
        boxes = pixel_boxes(found.boxes[kept], *size, self.settings.margin_share)
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
        space, encoder_sha256, embedding = "", "", None
        if self.embedders:
            space = self.settings.routes.route(
                primary_tag([tag["tag"] for tag in tags]), self.embedders
            ).space
            embedder = self.embedders[space]
            encoder_sha256 = embedder.sha256
            with clock("embed"):
                if embedder.size_px != self.tagger.card.size_px:
                    pixels = square_image(crop, embedder.size_px)
                embedding = embedder.embed_pixels(pixels)
        with clock("encode"):
            jpeg = jpeg_bytes(crop)
        return Figure(figure_id, label, box, score, tags, space, encoder_sha256, embedding, jpeg)


def _blank(size_px: int) -> npt.NDArray[np.uint8]:
    return np.zeros((size_px, size_px, 3), dtype=np.uint8)


def _indices(classes: Sequence[str], chosen: Sequence[str]) -> list[int]:
    if missing := [name for name in chosen if name not in classes]:
        raise BundleError(
            f"the detector has no class {', '.join(missing)}",
            expected=f"some of {', '.join(classes)}",
            remedy="name other figure_classes in the configuration, or another detector",
        )
    return [classes.index(name) for name in chosen]
