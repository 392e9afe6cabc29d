"""Splits by group: complete, disjoint, stratified, permanent."""

import numpy as np
import pytest

from zuroku.datasets.splits import SplitSettings, extend_splits, missing_classes
from zuroku.errors import SplitError


def books(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    groups, labels = [], []
    for book in range(n):
        kind = rng.choice(["map", "graph", "photo", "stamp"], p=[0.5, 0.3, 0.15, 0.05])
        for _ in range(int(rng.integers(1, 12))):
            groups.append(f"b{book}")
            labels.append(str(kind))
    return groups, labels


def test_every_group_is_in_exactly_one_split() -> None:
    groups, labels = books(80)
    table = extend_splits(groups, labels, SplitSettings())
    assert sorted(table["group"]) == sorted(set(groups))
    assert table["group"].is_unique


def test_shares_and_classes_come_out_as_asked() -> None:
    groups, labels = books(200)
    table = extend_splits(groups, labels, SplitSettings())
    split_of = dict(zip(table["group"], table["split"], strict=True))
    splits = np.array([split_of[g] for g in groups])
    for name, share in SplitSettings().shares.items():
        assert abs((splits == name).mean() - share) < 0.02
        for label in set(labels):
            mine = np.array(labels) == label
            assert abs((splits[mine] == name).mean() - share) < 0.12, (name, label)
    assert missing_classes(groups, labels, table) == {}


def test_the_order_of_the_items_does_not_matter() -> None:
    groups, labels = books(50)
    order = np.random.default_rng(1).permutation(len(groups))
    shuffled = extend_splits([groups[i] for i in order], [labels[i] for i in order], SplitSettings())
    assert shuffled.equals(extend_splits(groups, labels, SplitSettings()))


def test_growth_never_moves_a_group_and_never_forgets_one() -> None:
    groups, labels = books(60)
    first = extend_splits(groups[: len(groups) // 2], labels[: len(groups) // 2], SplitSettings())
    kept = dict(zip(first["group"], first["split"], strict=True)) | {"gone": "test"}
    second = extend_splits(groups, labels, SplitSettings(), kept)
    now = dict(zip(second["group"], second["split"], strict=True))
    assert {g: now[g] for g in kept} == kept
    assert set(groups) <= set(now)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(SplitError, match="2 groups"):
        extend_splits(["a", "a", "b"], ["x", "x", "y"], SplitSettings())


def test_lengths_must_agree() -> None:
    with pytest.raises(SplitError, match="2 groups and 1 labels"):
        extend_splits(["a", "b"], ["x"], SplitSettings())


def test_shares_must_sum_to_one() -> None:
    with pytest.raises(ValueError, match="not 1"):
        SplitSettings(train=0.9, val=0.2, test=0.0)


def test_missing_classes_are_named() -> None:
    table = extend_splits(["a", "b", "c"], ["x", "x", "y"], SplitSettings())
    lacking = missing_classes(["a", "b", "c"], ["x", "x", "y"], table)
    assert sum("y" in names for names in lacking.values()) == 2
