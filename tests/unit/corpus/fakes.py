"""Drawn pages, and models that are plain functions of their pixels.

On a page a blue rectangle is an illustration and a red one a stamp; black is text.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from zuroku.corpus.stage import PageResult, PageStage, StageSettings
from zuroku.detections import Detections

CLASSES = ("1_overall", "3_typography", "4_illustration", "5_stamp")
BLUE, RED, BLACK = (20, 30, 200), (200, 30, 20), (0, 0, 0)
SIZE_PX = 16
DIMENSION = 8

Rectangle = tuple[tuple[int, int, int], tuple[int, int, int, int]]


def page_bytes(rectangles: Sequence[Rectangle] = (), size: tuple[int, int] = (160, 240)) -> bytes:
    """Return a PNG page with filled rectangles ``(colour, (x_min, y_min, x_max, y_max))``."""
    page = Image.new("RGB", size, (250, 245, 230))
    draw = ImageDraw.Draw(page)
    for colour, (x_min, y_min, x_max, y_max) in rectangles:
        draw.rectangle((x_min, y_min, x_max - 1, y_max - 1), fill=colour)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def drawn_page(index: int) -> bytes:
    """Return page ``index`` of a book: always the same, no two alike, with 0 to 3 figures."""
    rectangles: list[Rectangle] = [(BLACK, (20, 10, 24 + index, 200))]
    if index % 4:
        rectangles.append((BLUE, (60 + index, 20, 120 + index, 70 + index)))
    if index % 4 > 1:
        rectangles.append((RED, (90, 180, 110 + index % 7, 200)))
    if index % 4 > 2:
        rectangles.append((BLUE, (130, 140, 158, 170)))
    return page_bytes(rectangles)


def write_book(root: Path, n_pages: int, book: str = "1000") -> Path:
    """Write pages ``root/book/book_0001.png`` … and return ``root``."""
    (root / book).mkdir(parents=True, exist_ok=True)
    for index in range(n_pages):
        (root / book / f"{book}_{index + 1:04d}.png").write_bytes(drawn_page(index))
    return root


class FakeDetector:
    """Boxes around coloured rectangles, three pixels wide of them on every side, even off the page."""

    classes = CLASSES
    sha256 = "detector"
    card = SimpleNamespace(
        size_px=60, figure_classes=["4_illustration", "5_stamp"], overall_classes=["1_overall"]
    )

    def detect_image(self, page: Image.Image, original_size: tuple[int, int] | None = None) -> Detections:
        red, green, blue = np.asarray(page).astype(int).transpose(2, 0, 1)
        masks = {
            0: green < 128,
            2: (blue > 128) & (red < 128),
            3: (red > 128) & (blue < 128),
        }
        boxes, scores, labels = [], [], []
        for label, mask in masks.items():
            if label == 0 and mask.any():
                places = [(slice(*_extent(mask.any(axis=1))), slice(*_extent(mask.any(axis=0))))]
            else:
                places = ndimage.find_objects(ndimage.label(mask)[0])
            for rows, columns in places:
                margin = 3 if label else 0
                box = np.array([columns.start, rows.start, columns.stop, rows.stop])
                boxes.append(box + np.array([-1, -1, 1, 1]) * margin)
                scores.append(0.5 + 0.4 * (columns.stop - columns.start) / page.width)
                labels.append(label)
        order = np.argsort(-np.array(scores), kind="stable").astype(int)
        scale = np.float32((original_size or page.size)[0] / page.width)
        return Detections(
            np.array(boxes, dtype=np.float32).reshape(-1, 4)[order] * scale,
            np.array(scores, dtype=np.float32)[order],
            np.array(labels, dtype=np.int64)[order],
        )

    def confident(self, found: Detections) -> Detections:
        kept = found.scores >= 0.5
        return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])


class FakeTagger:
    """Tags a picture by how red and how blue it is."""

    card = SimpleNamespace(labels=["blue", "red"], size_px=SIZE_PX)

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape == (SIZE_PX, SIZE_PX, 3)
        assert pixels.dtype == np.uint8
        red, _, blue = pixels.reshape(-1, 3).mean(axis=0) / 255
        return np.array([blue * (1 - red), red * (1 - blue)], dtype=np.float32)

    def decide(self, probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
        return probabilities >= (0.3 if threshold is None else threshold)


class FakeEmbedder:
    """A unit vector of the first pixels."""

    def __init__(self, size_px: int = SIZE_PX, sha256: str = "embedder", dimension: int = DIMENSION) -> None:
        self.size_px = size_px
        self.sha256 = sha256
        self.dimension = dimension

    def embed_pixels(self, pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape == (self.size_px, self.size_px, 3)
        step = pixels.size // self.dimension
        vector = pixels.reshape(-1)[::step][: self.dimension].astype(np.float32) + 1
        return vector / np.linalg.norm(vector)


VERSIONS = {"detector": "d", "tagger": "t", "embedder": "e"}


def open_stage(**settings: object) -> PageStage:
    """Return a stage of the fakes."""
    return PageStage(FakeDetector(), FakeTagger(), embedders(), StageSettings(**settings), VERSIONS)


def embedders() -> dict[str, FakeEmbedder]:
    """Return an embedder for all figures."""
    return {"general": FakeEmbedder()}


class LoggingStage(PageStage):
    """Writes down which page it takes, and takes its time."""

    log: Path
    pause_s: float

    def process(self, page_id: str, data: bytes) -> PageResult:
        with self.log.open("a") as file:
            file.write(f"{page_id}\n")
        time.sleep(self.pause_s)
        return super().process(page_id, data)


def open_logging_stage(log: Path, pause_s: float = 0.0) -> LoggingStage:
    """Return a stage of the fakes that writes to ``log``."""
    stage = LoggingStage(FakeDetector(), FakeTagger(), embedders(), StageSettings(), VERSIONS)
    stage.log, stage.pause_s = log, pause_s
    return stage


@dataclass(frozen=True)
class LoggingOpener:
    """An opener of logging stages that survives pickling."""

    log: Path
    pause_s: float = 0.0

    def __call__(self) -> PageStage:
        return open_logging_stage(self.log, self.pause_s)


def _extent(occupied: np.ndarray) -> tuple[int, int]:
    places = np.flatnonzero(occupied)
    return int(places[0]), int(places[-1]) + 1
