"""Annotated pages on their way into training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.training.page_data import page_dataset
from zuroku.datasets.zones import NDL_DOCL_CLASSES
from zuroku.errors import SplitError
from zuroku.training.pages import annotated_pages, cache_pages, input_targets


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    dataset = page_dataset(tmp_path_factory.mktemp("pages"), books=3)
    splits = pd.DataFrame({"group": sorted(set(dataset.manifest["group"])), "split": "train"})
    return dataset, annotated_pages(dataset, splits, "train", NDL_DOCL_CLASSES)


def test_boxes_in_the_input_lie_on_what_they_lie_on_in_the_page(pages, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dataset, found = pages
    pixels = cache_pages(dataset, found, 160, tmp_path / "train.npy")
    targets = input_targets(found, 160, 0)
    assert pixels.shape == (len(found.rows), 160, 160, 3)
    for row, boxes, target in zip(found.rows, found.boxes, targets, strict=True):
        scale = 160 / max(row.width, row.height)
        np.testing.assert_allclose(target["boxes"].numpy(), boxes * scale, atol=1.0)


def test_thin_zones_are_left_out_and_only_they(pages) -> None:  # type: ignore[no-untyped-def]
    _, found = pages
    every, thick = input_targets(found, 160, 0), input_targets(found, 160, 8)
    for one, other in zip(every, thick, strict=True):
        sides = (one["boxes"][:, 2:] - one["boxes"][:, :2]).amin(dim=1)
        assert len(other["boxes"]) == int((sides >= 8).sum())
    assert sum(len(one["boxes"]) for one in thick) < sum(len(one["boxes"]) for one in every)


def test_a_kill_during_decoding_leaves_no_half_cache(
    pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    dataset, found = pages
    reads = iter(range(2))
    real = type(dataset).read

    def dying(self, row):  # type: ignore[no-untyped-def]
        next(reads)
        return real(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(type(dataset), "read", dying)
        with pytest.raises((StopIteration, RuntimeError)):
            cache_pages(dataset, found, 96, tmp_path / "train.npy")
    assert not (tmp_path / "train.npy").exists()
    again = cache_pages(dataset, found, 96, tmp_path / "train.npy")
    assert (again.reshape(len(again), -1).std(axis=1) > 0).all()


def test_a_split_without_pages_is_an_error(pages) -> None:  # type: ignore[no-untyped-def]
    dataset, _ = pages
    splits = pd.DataFrame({"group": sorted(set(dataset.manifest["group"])), "split": "train"})
    with pytest.raises(SplitError, match="'test'"):
        annotated_pages(dataset, splits, "test", NDL_DOCL_CLASSES)
