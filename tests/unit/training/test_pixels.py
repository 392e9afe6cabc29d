"""The sampler and the pixel cache."""

import numpy as np

from zuroku.training.pixels import EpochSampler, PixelDataset


def test_every_epoch_has_every_item_once_in_another_order() -> None:
    sampler = EpochSampler(10, seed=3)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert sorted(first) == list(range(10))
    assert sorted(second) == list(range(10, 20))
    assert [key % 10 for key in second] != first


def test_an_epoch_asked_for_again_is_the_same() -> None:
    one, two = EpochSampler(50, seed=3), EpochSampler(50, seed=3)
    one.set_epoch(4)
    list(one)
    two.set_epoch(4)
    assert list(one) == list(two)


def test_a_key_finds_its_item_in_any_epoch() -> None:
    pixels = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1) * np.ones((3, 2, 2, 3), np.uint8)
    dataset = PixelDataset(pixels, np.eye(3, dtype=np.float32))
    picture, target, key = dataset[3 * 5 + 2]
    assert picture.unique().tolist() == [2]
    assert target.tolist() == [0, 0, 1]
    assert key == 17
