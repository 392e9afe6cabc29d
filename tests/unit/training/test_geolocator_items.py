"""What a geolocator's training reads: cached squares and features, and batches of them."""

import io
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from tests.unit.models.geolocation import bundles
from tests.unit.training import place_data
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.models.geolocation.views import picture_views
from zuroku.training.geolocator_items import (
    FrozenBackbone,
    PlaceItems,
    as_batch,
    cache_place_features,
    cache_squares,
)
from zuroku.training.geolocator_rows import PlacedRows, geolocator_rows
from zuroku.training.place_views import PlaceViewSettings, place_views

SIZE = bundles.SIZE


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact, Artifact]:
    return place_data.make(tmp_path_factory.mktemp("places"))


@pytest.fixture(scope="module")
def placed(data: tuple[Dataset, Artifact, Artifact]) -> PlacedRows:
    dataset, labels, splits = data
    return geolocator_rows(
        dataset,
        pd.read_parquet(labels.path / "labels.parquet"),
        pd.read_parquet(splits.path / "splits.parquet"),
    ).train


def test_squares_are_cached_as_they_are_served(data, placed: PlacedRows, tmp_path: Path) -> None:
    dataset = data[0]
    inputs = cache_squares(dataset, placed.rows, SIZE, 4, tmp_path / "squares.npy")
    # Photographs have one square, panoramas four.
    assert sorted(set(inputs.counts.tolist())) == [1, 4]
    assert len(inputs.stored) == inputs.counts.sum()
    for index, row in enumerate(placed.rows):
        np.testing.assert_array_equal(inputs.of(index), picture_views(dataset.read(row), SIZE, 4))
    before = (tmp_path / "squares.npy").stat().st_mtime_ns
    cache_squares(dataset, placed.rows, SIZE, 4, tmp_path / "squares.npy")
    assert (tmp_path / "squares.npy").stat().st_mtime_ns == before


def test_decoding_goes_on_with_the_picture_after_the_finished_squares(
    data, placed: PlacedRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = data[0]
    counts = cache_squares(dataset, placed.rows, SIZE, 4, tmp_path / "whole.npy").counts
    asked = []

    def resumed(path: Path, shape: tuple[int, ...], dtype: type, blocks) -> None:  # type: ignore[no-untyped-def]
        asked.extend(blocks(int(counts[:3].sum())))
        np.save(path, np.zeros(shape, dtype))

    monkeypatch.setattr("zuroku.training.geolocator_items.mapped_rows", resumed)
    cache_squares(dataset, placed.rows, SIZE, 4, tmp_path / "again.npy")
    assert [len(block) for block in asked] == counts[3:].tolist()
    np.testing.assert_array_equal(asked[0], picture_views(dataset.read(placed.rows[3]), SIZE, 4))


def test_a_picture_that_is_a_panorama_only_in_full_size_has_the_same_square_at_every_heading(
    tmp_path: Path,
) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((724, 201), 50).convert("RGB").save(buffer, "JPEG")
    assert len(picture_views(buffer.getvalue(), SIZE, 4)) == 1

    class OnePicture:
        def read(self, row: object) -> bytes:
            return buffer.getvalue()

    row = SimpleNamespace(width=724, height=201)
    inputs = cache_squares(OnePicture(), [row], SIZE, 4, tmp_path / "squares.npy")  # type: ignore[arg-type]
    assert inputs.counts.tolist() == [4]
    assert (inputs.of(0) == inputs.of(0)[0]).all()


def test_a_batch_keeps_the_squares_of_each_picture_together(data, placed: PlacedRows, tmp_path: Path) -> None:
    inputs = cache_squares(data[0], placed.rows, SIZE, 4, tmp_path / "squares.npy")
    items = PlaceItems(inputs, placed)
    order = [3, 0, 5]
    # A key of a later epoch is the same item.
    batch = as_batch([items[len(items) * epoch + index] for epoch, index in enumerate(order)])
    assert batch.counts.tolist() == inputs.counts[order].tolist()
    assert batch.coordinates.dtype == torch.float64
    np.testing.assert_array_equal(batch.coordinates.numpy(), placed.coordinates[order])
    assert batch.targets["town"].tolist() == placed.targets["town"][order].tolist()
    start = 0
    for index, count in zip(order, batch.counts.tolist(), strict=True):
        squares = batch.inputs[start : start + count].permute(0, 2, 3, 1).numpy()
        np.testing.assert_array_equal(squares, inputs.of(index))
        start += count
    assert start == len(batch.inputs)


def test_features_of_a_frozen_backbone_are_the_mean_over_the_squares(
    data, placed: PlacedRows, tmp_path: Path
) -> None:
    network = bundles.network()
    squares = cache_squares(data[0], placed.rows, SIZE, 4, tmp_path / "squares.npy")
    features = cache_place_features(FrozenBackbone(network), data[0], placed.rows, tmp_path / "features.npy")
    assert features.counts.tolist() == [1] * len(placed.rows)
    for index, found in enumerate(features.stored):
        images = torch.from_numpy(np.array(squares.of(index))).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            each = np.stack([network.backbone.raw_vectors(image[None])[0].numpy() for image in images])
        np.testing.assert_allclose(found, each.mean(axis=0), atol=1e-5)


def test_views_are_made_of_the_item_with_its_key(data, placed: PlacedRows, tmp_path: Path) -> None:
    inputs = cache_squares(data[0], placed.rows, SIZE, 4, tmp_path / "squares.npy")
    seen = []

    def views(squares: torch.Tensor, key: int) -> torch.Tensor:
        seen.append((tuple(squares.shape), key))
        return squares[:1]

    items = PlaceItems(inputs, placed, views)
    batch = as_batch([items[33], items[2]])
    assert seen == [((int(inputs.counts[1]), 3, SIZE, SIZE), 33), ((int(inputs.counts[2]), 3, SIZE, SIZE), 2)]
    assert batch.counts.tolist() == [1, 1]


def test_of_a_panorama_one_square_reaches_the_network(data, placed: PlacedRows, tmp_path: Path) -> None:
    inputs = cache_squares(data[0], placed.rows, SIZE, 4, tmp_path / "squares.npy")

    def views(squares: torch.Tensor, key: int) -> torch.Tensor:
        return place_views(squares, np.random.default_rng(key), PlaceViewSettings(whole_panorama=False))

    loader = DataLoader(PlaceItems(inputs, placed, views), batch_size=8, collate_fn=as_batch)
    for batch in loader:
        assert batch.inputs.shape == (len(batch.coordinates), 3, SIZE, SIZE)
        assert batch.counts.tolist() == [1] * len(batch.coordinates)
    assert inputs.counts.max() == 4


def test_items_go_to_another_process_without_what_the_file_holds(
    data, placed: PlacedRows, tmp_path: Path
) -> None:
    items = PlaceItems(cache_squares(data[0], placed.rows, SIZE, 4, tmp_path / "squares.npy"), placed)
    sent = pickle.dumps(items)
    assert len(sent) < 4000 < (tmp_path / "squares.npy").stat().st_size
    assert torch.equal(pickle.loads(sent)[3][0], items[3][0])
