"""Pictures as the objects in them: annotated and detected boxes, crops, and ranks by the best pair."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.unit.reports.test_retrieval_sets import COLOURS, ColourEmbedder, Row, objects
from zuroku.datasets.zones import Zone
from zuroku.detections import Detections
from zuroku.errors import ImageError
from zuroku.evaluation.ranking import rank_gallery
from zuroku.reports.embeddings import embed_items
from zuroku.reports.object_crops import (
    annotated_boxes,
    cut_out,
    detected_boxes,
    embed_crops,
    rank_best_pairs,
)
from zuroku.reports.retrieval_sets import retrieval_task, score_queries

RED, BLUE = (255, 0, 0), (0, 0, 255)


def two_halves() -> bytes:
    """A picture of 40 × 20 pixels, red on the left and blue on the right."""
    image = Image.new("RGB", (40, 20), RED)
    image.paste(BLUE, (20, 0, 40, 20))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


class Pictures:
    """Rows are lists of zones, or None where nobody has annotated; every picture is ``two_halves``."""

    def read(self, row: object) -> bytes:
        return two_halves()

    def zones(self, row: list[Zone] | None) -> tuple[Zone, ...]:
        return tuple(row or ())


def best_pair_order(query: np.ndarray, gallery: list[np.ndarray]) -> list[int]:
    """The definition, pair by pair; cosines are rounded as ``rank_gallery`` says, so that equals tie."""
    similarities = []
    for parts in gallery:
        cosines = [
            float(a @ b / np.sqrt((a @ a) * (b @ b)))
            for a in query.astype(np.float64)
            for b in parts.astype(np.float64)
        ]
        similarities.append(max(round(cosine * 2**24) for cosine in cosines))
    return sorted(range(len(gallery)), key=lambda place: (-similarities[place], place))


@pytest.mark.parametrize("seed", range(5))
def test_pictures_are_ranked_by_their_most_similar_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pictures = [rng.normal(size=(rng.integers(1, 5), 3)).astype(np.float32) for _ in range(12)]
    pictures[7] = np.concatenate([-pictures[2], pictures[2][:1]])  # shares a part: a tie of ones
    ranks = rank_best_pairs(pictures[:9], pictures)
    assert ranks.shape == (12, 9)
    for query, column in zip(pictures[:9], ranks.T, strict=True):
        assert column.tolist() == best_pair_order(query, pictures)
    assert ranks[:2, 7].tolist() == [2, 7]


def test_pictures_of_one_part_are_ranked_as_ever() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(20, 4)).astype(np.float32)
    ranks = rank_best_pairs(list(vectors[:6, None]), list(vectors[:, None]))
    np.testing.assert_array_equal(ranks, rank_gallery(vectors[:6], vectors))


def test_a_box_cuts_out_its_pixels_and_stays_in_the_picture() -> None:
    with Image.open(io.BytesIO(cut_out(two_halves(), np.array([15.4, 2.0, 24.6, 9.0])))) as cut:
        whole = Image.open(io.BytesIO(two_halves()))
        np.testing.assert_array_equal(np.asarray(cut), np.asarray(whole)[2:9, 15:25])
    for box in ([39.9, 19.8, 40.0, 20.0], [-3.0, -3.0, 0.2, 0.2]):
        with Image.open(io.BytesIO(cut_out(two_halves(), np.array(box)))) as cut:
            assert cut.size == (1, 1)
            assert cut.getpixel((0, 0)) in (RED, BLUE)


def test_pictures_without_a_box_stay_whole_and_are_counted() -> None:
    left, right = Zone("Vase", 0, 0, 20, 20), Zone("Bowl", 20, 0, 40, 20)
    rows: list[list[Zone] | None] = [[left, right], None, [right], []]
    found = annotated_boxes(Pictures(), rows)  # type: ignore[arg-type]
    assert found.counts == {"images": 4, "boxes": 3, "images_without_boxes": 2}
    whole = [np.full((1, 3), place, dtype=np.float32) for place in range(4)]
    parts = embed_crops(ColourEmbedder(), Pictures(), rows, found.boxes, whole)  # type: ignore[arg-type]
    red, blue = (np.array([colour], dtype=np.float32) + 1 for colour in (RED, BLUE))
    np.testing.assert_allclose(parts[0], np.concatenate([red, blue]) / np.linalg.norm(red), atol=1e-6)
    np.testing.assert_allclose(parts[2], blue / np.linalg.norm(blue), atol=1e-6)
    assert parts[1] is whole[1]
    assert parts[3] is whole[3]


class Cluttered:
    """Small squares of an object's colour, each in a room of another object's colour."""

    def read(self, row: Row) -> bytes:
        room = COLOURS[(COLOURS.index(row.colour) + 1 + int(row.item_id[-1]) % 3) % 4]
        image = Image.new("RGB", (40, 20), room)
        image.paste(row.colour, (4, 6, 12, 14))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return buffer.getvalue()

    def zones(self, row: Row) -> tuple[Zone, ...]:
        return (Zone("thing", 4, 6, 12, 14),)


def test_crops_find_what_a_room_hides() -> None:
    rows, data, embedder = objects(mixed=False), Cluttered(), ColourEmbedder()
    whole = list(embed_items(embedder, data, rows)[:, None])  # type: ignore[arg-type]
    boxes = annotated_boxes(data, rows).boxes  # type: ignore[arg-type]
    crops = embed_crops(embedder, data, rows, boxes, whole)  # type: ignore[arg-type]
    task = retrieval_task(data, rows, "ukbench")  # type: ignore[arg-type]
    found = [score_queries(task, one, embedder) for one in (whole, crops)]  # type: ignore[arg-type]
    assert found[1].values.tolist() == [4] * 16
    assert found[0].values.mean() < 3


class FakeDetector:
    """Finds one sure and one doubtful box in every picture, or cannot read it."""

    def __init__(self, broken: bool = False) -> None:
        self.card = SimpleNamespace(data={"scenes": "1", "splits": "2"}, validation={"f1.object": 0.815})
        self.broken = broken

    def detect(self, reads):
        for read in reads:
            read()
            boxes = np.array([[1, 2, 11, 12], [3, 3, 9, 9]], dtype=np.float32)
            scores, labels = np.array([0.9, 0.1], dtype=np.float32), np.zeros(2, dtype=np.int64)
            yield (
                ImageError("torn", expected="", remedy="")
                if self.broken
                else Detections(boxes, scores, labels)
            )

    def confident(self, found: Detections) -> Detections:
        kept = found.scores > 0.5
        return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])


def test_a_detector_gives_the_boxes_it_is_sure_of_and_says_how_good_it_is() -> None:
    found = detected_boxes(FakeDetector(), Pictures(), [None, None])  # type: ignore[arg-type]
    assert [boxes.tolist() for boxes in found.boxes] == [[[1, 2, 11, 12]]] * 2
    assert found.origin == "found by a detector trained on scenes (validation F1 0.81)"
    with pytest.raises(ImageError, match="torn"):
        detected_boxes(FakeDetector(broken=True), Pictures(), [None])  # type: ignore[arg-type]
