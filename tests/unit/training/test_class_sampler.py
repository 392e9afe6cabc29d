"""Batches with several images of a class."""

from itertools import groupby

import numpy as np
import pytest

from zuroku.training.class_sampler import ClassSampler
from zuroku.training.pixels import EpochSampler


def scattered(sizes: list[int]) -> np.ndarray:
    """Return the class of each item, classes of these sizes in disorder."""
    return np.random.default_rng(5).permutation(np.repeat(np.arange(len(sizes)), sizes))


@pytest.mark.parametrize("per_class", [2, 3, 4])
def test_every_item_comes_once_and_none_is_alone_but_those_without_their_like(per_class: int) -> None:
    sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] * 5
    classes = scattered(sizes)
    sampler = ClassSampler(classes, per_class, seed=3)
    sampler.set_epoch(2)
    keys = list(sampler)
    assert len(keys) == len(sampler) == len(classes)
    assert sorted(keys) == list(range(2 * len(classes), 3 * len(classes)))
    runs = [(one, len(list(of_it))) for one, of_it in groupby(classes[key % len(classes)] for key in keys)]
    assert {one for one, length in runs if length == 1} == {n for n, size in enumerate(sizes) if size == 1}
    # Two groups of a class may come to lie side by side, but classes are not sorted.
    assert np.mean([length <= per_class + 1 for _, length in runs]) > 0.9


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    classes = scattered([4] * 30)
    one, two = ClassSampler(classes, 4, seed=3), ClassSampler(classes, 4, seed=3)
    list(one)
    one.set_epoch(6)
    two.set_epoch(6)
    again = list(one)
    assert again == list(two)
    two.set_epoch(7)
    assert [key - len(classes) for key in two] != again
    assert list(ClassSampler(classes, 4, seed=4)) != list(ClassSampler(classes, 4, seed=3))


def test_batches_hold_pairs_where_a_plain_order_has_hardly_any() -> None:
    # As many objects of four views as a full UKBench has for training, nearly.
    classes = scattered([4] * 1900)

    def pairs_in_a_batch(keys: list[int]) -> list[int]:
        drawn = classes[np.array(keys) % len(classes)].reshape(-1, 100)
        return [
            int(sum(n * (n - 1) // 2 for n in np.unique(batch, return_counts=True)[1])) for batch in drawn
        ]

    assert np.mean(pairs_in_a_batch(list(EpochSampler(len(classes), seed=1)))) < 4
    assert min(pairs_in_a_batch(list(ClassSampler(classes, 4, seed=1)))) == 150
