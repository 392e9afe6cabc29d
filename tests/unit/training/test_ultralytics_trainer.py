"""Pages in the folder layout that Ultralytics trains from: centre and size as shares of the page."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.unit.training.page_data import page_dataset
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.zones import NDL_DOCL_CLASSES
from zuroku.training.pages import AnnotatedPages, pages_of, scaled_page
from zuroku.training.ultralytics_trainer import write_layout

SIZE_PX = 128


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return page_dataset(tmp_path_factory.mktemp("pages"), books=2)


@pytest.fixture(scope="module")
def pages(dataset: Dataset) -> AnnotatedPages:
    return pages_of(dataset, dataset.rows(), NDL_DOCL_CLASSES)


def labels(scratch: Path, number: int) -> list[list[float]]:
    text = (scratch / "labels" / "train" / f"{number:06d}.txt").read_text()
    return [[float(value) for value in line.split()] for line in text.splitlines()]


def test_labels_are_shares_of_the_page(dataset: Dataset, pages: AnnotatedPages, tmp_path: Path) -> None:
    description = write_layout(dataset, {"train": pages}, NDL_DOCL_CLASSES, SIZE_PX, 0, tmp_path)
    told = yaml.safe_load(description.read_text(encoding="utf-8"))
    assert told["names"] == dict(enumerate(NDL_DOCL_CLASSES))
    for number, row in enumerate(pages.rows):
        with Image.open(tmp_path / "images" / "train" / f"{number:06d}.png") as picture:
            assert max(picture.size) == SIZE_PX
            np.testing.assert_array_equal(np.asarray(picture), scaled_page(dataset.read(row), SIZE_PX))
        expected = [
            [label, (x0 + x1) / 2 / row.width, (y0 + y1) / 2 / row.height, (x1 - x0) / row.width,
             (y1 - y0) / row.height]
            for label, (x0, y0, x1, y1) in zip(pages.labels[number], pages.boxes[number], strict=True)
        ]  # fmt: skip
        np.testing.assert_allclose(labels(tmp_path, number), expected, atol=2e-6)


def test_zones_too_thin_in_the_input_are_not_asked_for(
    dataset: Dataset, pages: AnnotatedPages, tmp_path: Path
) -> None:
    least = 8.0
    write_layout(dataset, {"train": pages}, NDL_DOCL_CLASSES, SIZE_PX, least, tmp_path)
    dropped = 0
    for number, row in enumerate(pages.rows):
        scale = SIZE_PX / max(row.width, row.height)
        sides = (pages.boxes[number][:, 2:] - pages.boxes[number][:, :2]).min(axis=1) * scale
        # The input's sides are whole pixels, so a share of a pixel either way is not decided here.
        clear = np.abs(sides - least) > 0.2
        kept = len(labels(tmp_path, number))
        assert (sides[clear] >= least).sum() <= kept <= len(sides) - (sides[clear] < least).sum()
        dropped += len(sides) - kept
    assert dropped > 0
