"""Pages whose figures differ in a mosaic, and an embedder that sees nothing but the mosaic.

As ``fakes``, but a disturbed copy of a figure is still nearest to the figure.
"""

from pathlib import Path

import numpy as np

from tests.unit.corpus.fakes import (
    DIMENSION,
    SIZE_PX,
    VERSIONS,
    FakeDetector,
    FakeEmbedder,
    FakeTagger,
    page_bytes,
)
from zuroku.artifacts import Artifact, build, verify
from zuroku.corpus.executors import ThreadExecutor
from zuroku.corpus.line import LineSettings, run_line
from zuroku.corpus.pages import FolderPages
from zuroku.corpus.stage import PageStage, StageSettings
from zuroku.datasets.images import square_pixels
from zuroku.detections import Detections
from zuroku.indexes.router import RouteSettings

ROUTES = RouteSettings()


class MosaicEmbedder(FakeEmbedder):
    """The mean greens of the eight tiles of a picture, as a unit vector."""

    def embed_pixels(self, pixels: np.ndarray) -> np.ndarray:
        greens = pixels[..., 1].astype(np.float32).reshape(4, SIZE_PX // 4, 2, SIZE_PX // 2)
        tiles = greens.mean(axis=(1, 3)).ravel()
        vector = tiles - tiles.mean() + np.float32(1e-3)
        return vector / np.linalg.norm(vector)

    def embed_bytes(self, data: bytes) -> np.ndarray:
        return self.embed_pixels(square_pixels(data, SIZE_PX))


class NoisyEmbedder(MosaicEmbedder):
    """The green of one tile, as an angle that goes round many times.

    A JPEG of a picture turns it little, any other copy of the picture far: it finds nothing again.
    """

    def embed_pixels(self, pixels: np.ndarray) -> np.ndarray:
        angle = 0.15 * pixels[: SIZE_PX // 4, : SIZE_PX // 2, 1].mean(dtype=np.float64)
        vector = np.zeros(DIMENSION, dtype=np.float32)
        vector[:2] = np.cos(angle), np.sin(angle)
        return vector


def opened(folder: Path) -> MosaicEmbedder:
    """Open the sealed folder that stands for an embedder."""
    kind = NoisyEmbedder if "noisy" in (folder / "card.json").read_text() else MosaicEmbedder
    embedder = kind(sha256=verify(folder).sha256)
    embedder.card = FakeEmbedderCard
    return embedder


class FakeEmbedderCard:
    """What an index remembers of it."""

    name, preprocessing, dimension = "mosaic", "squashed", DIMENSION


def embedder_bundle(folder: Path, name: str = "mosaic") -> Artifact:
    """Seal a folder that ``opened`` opens."""
    return build(folder, lambda work: (work / "card.json").write_text(name) and None)


def write_mosaics(root: Path, n_pages: int, book: str = "1000", seed: int = 0) -> Path:
    """Write a book of pages with a blue and a red figure each, and return ``root``."""
    (root / book).mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng([seed, int(book)])
    for number in range(n_pages):
        rectangles = []
        for left, top, red, blue in ((20, 20, 20, 200), (90, 130, 200, 30)):
            for row in range(4):
                for column in range(2):
                    x, y = left + 25 * column, top + 20 * row
                    colour = (red, int(draw.integers(130, 250)), blue)
                    rectangles.append((colour, (x, y, x + 25, y + 20)))
        (root / book / f"{book}_{number:04d}.png").write_bytes(page_bytes(rectangles))
    return root


class BlindDetector(FakeDetector):
    """Finds nothing."""

    def confident(self, found: Detections) -> Detections:
        return Detections(found.boxes[:0], found.scores[:0], found.labels[:0])


def mosaic_batch(
    pages: Path, embedder: Artifact, out: Path, detector: FakeDetector | None = None, **settings: object
) -> Artifact:
    """Take the books below ``pages`` through a stage with one embedder."""

    def opener() -> PageStage:
        return PageStage(
            detector or FakeDetector(),
            FakeTagger(),
            {"general": opened(embedder.path)},
            StageSettings(**settings),
            VERSIONS,
        )

    return run_line(FolderPages(pages), opener, LineSettings(), out, ThreadExecutor(1))
