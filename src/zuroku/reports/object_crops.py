"""Pictures as the objects in them: boxes, the vectors of what they cut out, and ranks by the best pair.

Where boxes come from is said here, what a ranking is worth in ``retrieval_sets``.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zuroku.datasets.images import decode_rgb
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.ranking import cosine_blocks
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.embeddings import Vectors, embed_reads

BoxOrigin = Literal["annotated", "detected"]

Boxes = npt.NDArray[np.floating]
"""``(k, 4)`` ``x_min, y_min, x_max, y_max`` in pixels of the picture."""


@dataclass(frozen=True)
class ObjectBoxes:
    """The boxes of each picture of a set, and where they come from: as a phrase, and by which detector."""

    origin: str
    boxes: Sequence[Boxes]
    detector_sha256: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures and boxes there are, and pictures without a box, which stay whole."""
        sizes = [len(found) for found in self.boxes]
        return {"images": len(sizes), "boxes": sum(sizes), "images_without_boxes": sizes.count(0)}


def annotated_boxes(dataset: Dataset, rows: Sequence[Any]) -> ObjectBoxes:
    """Return the boxes that ``dataset`` holds as zones; a row that nobody has annotated has none."""
    found = []
    for row in rows:
        corners = [[zone.x_min, zone.y_min, zone.x_max, zone.y_max] for zone in dataset.zones(row)]
        found.append(np.array(corners, dtype=np.float64).reshape(-1, 4))
    return ObjectBoxes("annotated in the dataset", found)


def detected_boxes(detector: PageDetector, dataset: Dataset, rows: Sequence[Any]) -> ObjectBoxes:
    """Return the boxes that reach the thresholds of ``detector``.

    Raises:
        ImageError, OSError: a picture cannot be read or decoded.
    """
    found: list[Boxes] = []
    for one in detector.detect(partial(dataset.read, row) for row in rows):
        if isinstance(one, Exception):
            raise one
        found.append(detector.confident(one).boxes)
    trained_on = next(name for name in detector.card.data if name != "splits")
    f1 = ", ".join(f"{value:.2f}" for value in detector.card.validation.values())
    return ObjectBoxes(f"found by a detector trained on {trained_on} (validation F1 {f1 or 'none'})", found)


def cut_out(data: bytes, box: npt.NDArray[np.floating]) -> bytes:
    """Return what ``box`` shows of an encoded picture, without loss, as an encoded picture.

    The box is rounded to whole pixels and kept within the picture, at least one pixel large.
    """
    image = decode_rgb(data)
    left, top, right, bottom = box.round().astype(int).tolist()
    left, top = min(max(left, 0), image.width - 1), min(max(top, 0), image.height - 1)
    right, bottom = min(max(right, left + 1), image.width), min(max(bottom, top + 1), image.height)
    buffer = io.BytesIO()
    # Uncompressed: it is decoded again at once.
    image.crop((left, top, right, bottom)).save(buffer, format="TIFF")
    return buffer.getvalue()


def embed_crops(
    embedder: EmbedderPredictor,
    dataset: Dataset,
    rows: Sequence[Any],
    boxes: Sequence[Boxes],
    whole: Sequence[Vectors],
) -> list[Vectors]:
    """Return the vectors ``(k, d)`` of what the ``k`` boxes of each picture show.

    A picture without a box keeps those of ``whole``.

    Raises:
        ImageError, OSError: a picture cannot be read or decoded.
    """
    reads = [
        partial(_read_crop, dataset, row, box)
        for row, found in zip(rows, boxes, strict=True)
        for box in found
    ]
    vectors = embed_reads(embedder, reads)
    starts = np.cumsum([0, *(len(found) for found in boxes)])
    return [
        vectors[start : start + len(found)] if len(found) else kept
        for start, found, kept in zip(starts[:-1], boxes, whole, strict=True)
    ]


def rank_best_pairs(queries: Sequence[Vectors], gallery: Sequence[Vectors]) -> npt.NDArray[np.int32]:
    """Return for each query the indices of all gallery pictures, by the cosine of their most similar pair.

    A picture is the vectors ``(k, d)``, k ≥ 1, of its parts; two pictures are as similar as the most
    similar two of their parts. The result is ``(n_gallery, n_queries)``, one column per query, best first;
    of equals the lower index comes first. With one vector per picture this is ``rank_gallery``.

    Raises:
        EvaluationError: as ``rank_gallery``.
    """
    parts = np.concatenate(queries)
    starts = _starts(gallery)
    similar = np.empty((len(parts), len(gallery)), dtype=np.float32)
    for first, cosines in cosine_blocks(parts, np.concatenate(gallery)):
        np.maximum.reduceat(cosines, starts, axis=1, out=similar[first : first + len(cosines)])
    best = np.maximum.reduceat(similar, _starts(queries), axis=0)
    ranks = np.empty(best.shape, dtype=np.int32)
    for place, of_query in enumerate(best):
        ranks[place] = np.argsort(-of_query, kind="stable")
    return ranks.T


def _starts(pictures: Sequence[Vectors]) -> npt.NDArray[np.intp]:
    """Return where the parts of each picture begin among those of all."""
    return np.cumsum([0, *(len(parts) for parts in pictures[:-1])])


def _read_crop(dataset: Dataset, row: Any, box: npt.NDArray[np.floating]) -> bytes:
    return cut_out(dataset.read(row), box)
