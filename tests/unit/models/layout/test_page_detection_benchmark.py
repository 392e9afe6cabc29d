"""The benchmark of page detection compares the same weights, on pages as they are scanned."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.page_detection import (
    BF16,
    F32,
    mean_precision,
    random_bundle,
    scanned_page,
    solid,
    speed_table,
    ultralytics_checkpoint,
)
from benchmarks.timing import Timings
from zuroku.datasets.sample.pages.pages import PageSampleSettings, plan_pages
from zuroku.detections import Detections
from zuroku.models.bundle import ONNX, open_card
from zuroku.models.inference_pool import InferencePool
from zuroku.models.layout.bundle import DetectorCard
from zuroku.models.layout.ultralytics_network import GridNetwork, load_network
from zuroku.training.pages import AnnotatedPages


def detections(boxes: list[list[float]], labels: list[int]) -> Detections:
    scores = np.linspace(0.9, 0.1, len(boxes), dtype=np.float32)
    return Detections(np.array(boxes, dtype=np.float32).reshape(-1, 4), scores, np.array(labels))


def test_the_weights_of_a_bundle_come_back_into_the_network(tmp_path: Path) -> None:
    random_bundle(tmp_path / "bundle", "yolo26n", 64)
    card = open_card(tmp_path / "bundle", DetectorCard)
    ultralytics_checkpoint(tmp_path / "bundle", card, tmp_path / "weights.pt")
    pixels = np.random.default_rng(2).integers(0, 255, (1, 64, 96, 3), dtype=np.uint8)
    served = InferencePool(tmp_path / "bundle" / ONNX, list(pixels.shape), 1).run(pixels)
    network = load_network(tmp_path / "weights.pt")
    assert list(network.names.values()) == card.classes
    with torch.inference_mode():
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        np.testing.assert_allclose(served, GridNetwork(network)(images).numpy(), rtol=1e-3, atol=1e-4)


def test_a_page_has_the_size_of_a_scan() -> None:
    settings = PageSampleSettings(seed=1, books=1, pages_per_book=2, long_side_px=640, spread_share=0.0)
    data = scanned_page(plan_pages(settings)[0])
    assert 600_000 < len(data) <= 1_500_000
    page = Image.open(io.BytesIO(data))
    assert (page.size, page.mode, page.format) == ((2000, 3000), "RGB", "JPEG")


def test_precision_is_one_for_the_truth_and_nothing_for_another_class() -> None:
    boxes, labels = np.array([[0, 0, 10, 10], [20, 0, 30, 40]], dtype=np.float32), np.array([0, 2])
    pages = AnnotatedPages([None], [boxes], [labels])
    assert mean_precision([detections(boxes.tolist(), [0, 2])], pages, 3) == pytest.approx(1)
    assert mean_precision([detections(boxes.tolist(), [0, 1])], pages, 3) == pytest.approx(0.5)


def test_boxes_that_end_before_they_begin_are_left_out() -> None:
    found = solid(detections([[0, 0, 5, 5], [5, 5, 1, 1], [3, 0, 3, 9]], [0, 1, 2]))
    assert found.labels.tolist() == [0]


def test_the_table_has_times_per_page_and_paired_ratios() -> None:
    timings = Timings({F32: [50.0, 40.0, 50.0], BF16: [80.0, 80.0, 100.0], "theirs": [20.0, 20.0, 20.0]})
    row = speed_table(timings).splitlines()[-1]
    assert row == "| theirs | 50.0 | 20.0 | 2.50× (2.00–2.50×) | 4.00× (4.00–5.00×) |"
