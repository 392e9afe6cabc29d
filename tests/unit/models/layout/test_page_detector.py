"""A served detector, with a network that finds dark cells: what it is given, and where its boxes lie."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from zuroku.artifacts import build
from zuroku.detections import Detections
from zuroku.errors import ImageError
from zuroku.models.layout import page_detector
from zuroku.models.layout.bundle import DetectorCard, write_detector
from zuroku.models.layout.decoding import GridOutput
from zuroku.models.layout.page_detector import PageDetector

SIZE_PX = 192
CELL = 32


class DarkCells(nn.Module):
    """One row for each cell of 32 pixels: a box of its size, scored by how dark and how red it is.

    A third class always has the best score.
    """

    def forward(self, images: Tensor) -> Tensor:
        means = nn.functional.avg_pool2d(images, CELL).flatten(2)
        dark, red = 1 - means.mean(dim=1, keepdim=True), means[:, :1] - means[:, 2:]
        distances = torch.full_like(means[:, :1], 0.5).repeat(1, 4, 1)
        scores = [dark, red.clamp(0, 1), torch.ones_like(dark)]
        return torch.cat([distances, *scores], dim=1).permute(0, 2, 1)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    card = DetectorCard(
        name="layout_detector",
        family="ultralytics",
        architecture="dark_cells",
        initial_weights="none",
        classes=["dark", "red", "never"],
        figure_classes=["red"],
        overall_classes=["dark"],
        trained=["dark", "red"],
        thresholds=[0.5, 0.25, 0.5],
        size_px=SIZE_PX,
        grid=GridOutput(strides=[CELL], point=0.5, suppression_iou=None),
        data={},
        settings={},
        validation={},
        licence="",
        code_licence="",
        code_version="1",
    )
    folder = tmp_path_factory.mktemp("detector") / "bundle"
    build(folder, lambda work: write_detector(work, DarkCells(), card, []))
    return folder


@pytest.fixture(scope="module")
def detector(bundle: Path) -> PageDetector:
    return PageDetector(bundle)


def page_jpeg(
    size: tuple[int, int], box: tuple[int, int, int, int], colour: str = "black", **options: object
) -> bytes:
    """Return a white page with one filled box."""
    page = Image.new("RGB", size, "white")
    x_min, y_min, x_max, y_max = box
    ImageDraw.Draw(page).rectangle((x_min, y_min, x_max - 1, y_max - 1), fill=colour)
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def found_in(detector: PageDetector, data: bytes) -> Detections:
    (found,) = detector.detect([lambda: data])
    assert isinstance(found, Detections)
    return found


def test_a_box_lies_where_it_is_on_the_page_as_stored(detector: PageDetector) -> None:
    # 768 × 1152 is seen as 128 × 192: a cell is 192 pixels of the page.
    found = found_in(detector, page_jpeg((768, 1152), (384, 576, 576, 768)))
    np.testing.assert_allclose(found.boxes[0], (384, 576, 576, 768), atol=0.01)
    assert found.labels[0] == 0
    assert found.scores[0] > 0.97
    assert (found.scores[1:] < 0.1).all()


def test_colours_are_red_green_and_blue(detector: PageDetector) -> None:
    found = detector.confident(found_in(detector, page_jpeg((768, 1152), (384, 576, 576, 768), "red")))
    assert set(found.labels.tolist()) == {0, 1}
    red = found.boxes[found.labels == 1]
    np.testing.assert_allclose(red, [(384, 576, 576, 768)], atol=0.01)


def test_boxes_on_a_turned_page_are_those_of_the_upright_one(detector: PageDetector) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    # Stored lying: what is stored at the lower left comes to the upper left.
    data = page_jpeg((1152, 768), (0, 576, 192, 768), exif=exif.tobytes())
    np.testing.assert_allclose(found_in(detector, data).boxes[0], (0, 0, 192, 192), atol=0.01)


def test_a_class_that_was_not_trained_is_never_emitted(detector: PageDetector) -> None:
    found = found_in(detector, page_jpeg((768, 1152), (384, 576, 576, 768)))
    assert len(found)
    assert 2 not in found.labels


def test_a_page_decoded_beforehand_gives_the_same_boxes(detector: PageDetector) -> None:
    data = page_jpeg((768, 1152), (384, 576, 576, 768))
    whole = detector.detect_image(Image.open(io.BytesIO(data)))
    reduced = found_in(detector, data)
    np.testing.assert_allclose(whole.boxes[0], reduced.boxes[0], atol=0.01)
    np.testing.assert_allclose(whole.scores[0], reduced.scores[0], atol=0.01)


def test_pages_keep_their_order_and_bad_ones_yield_their_error(detector: PageDetector) -> None:
    good = [page_jpeg((384, 576), (96 * place, 0, 96 * place + 96, 96)) for place in range(4)]
    reads = [lambda data=data: data for data in [*good[:2], good[2][:-40], b"", *good[2:]]]
    found = [*detector.detect([*reads, lambda: Path("no such page").read_bytes()])]
    assert [type(one) for one in found[2:4]] == [ImageError, ImageError]
    assert isinstance(found[-1], FileNotFoundError)
    places = [one.boxes[0, 0] for one in found if isinstance(one, Detections)]
    np.testing.assert_allclose(places, [0, 96, 192, 288], atol=0.01)


def test_half_precision_finds_the_same(bundle: Path, detector: PageDetector) -> None:
    half = PageDetector(bundle, "bf16")
    data = page_jpeg((768, 1152), (384, 576, 576, 768))
    exact, rounded = found_in(detector, data), found_in(half, data)
    np.testing.assert_allclose(rounded.boxes[0], exact.boxes[0], atol=2)
    # A bfloat16 has eight bits of precision.
    np.testing.assert_allclose(rounded.scores[0], exact.scores[0], atol=2**-7)


def test_networks_are_kept_by_shape_up_to_a_bound(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[list[int], str]] = []

    class CountedPool(page_detector.InferencePool):
        def __init__(self, graph: Path, shape: list[int], threads: int, precision: str) -> None:
            made.append((shape[1:3], precision))
            super().__init__(graph, shape, threads, precision)

    monkeypatch.setattr(page_detector, "InferencePool", CountedPool)
    monkeypatch.setattr(page_detector, "_SHAPES", 2)
    detector = PageDetector(bundle, "bf16")
    for width in (768, 760, 1152, 400, 1152, 768):
        found_in(detector, page_jpeg((width, 1152), (0, 0, 192, 192)))
    # 768 and 760 share a shape; the third shape pushes out the first.
    assert made == [([192, 128], "bf16"), ([192, 192], "bf16"), ([192, 96], "bf16"), ([192, 128], "bf16")]
