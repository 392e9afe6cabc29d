"""Labels, classes and held-out images of an embedder's training."""

from collections import Counter, namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

from zuroku.errors import ConfigError
from zuroku.training.embedding_rows import hold_out, labels_of, targets_of, trained_classes

Row = namedtuple("Row", "item_id label labels group", defaults=("book",))


def rows() -> list[Row]:
    counts = {"church": 8, "bridge": 5, "rare": 1}
    return [
        Row(f"{label}_{number}", label, [label, "building"] if label != "rare" else None)
        for label, count in counts.items()
        for number in range(count)
    ]


@pytest.mark.parametrize("labels", [None, float("nan"), [], np.array([], dtype=object)])
def test_without_labels_there_is_the_label(labels: object) -> None:
    assert labels_of(Row("1", "church", labels), "labels") == ["church"]


def test_a_manifest_may_lack_the_column() -> None:
    assert labels_of(SimpleNamespace(label="church"), "labels") == ["church"]


def test_several_labels_count_only_for_a_loss_that_takes_them() -> None:
    row = Row("1", "church", np.array(["building", "church"], dtype=object))
    assert labels_of(row, "labels") == ["building", "church"]
    assert labels_of(row, "label") == ["church"]


def test_where_a_group_is_an_object_it_is_the_class() -> None:
    row = Row("1", None, ["building"], "church_7")
    assert labels_of(row, "group") == ["church_7"]
    assert targets_of([row], ["a", "church_7"], "group").tolist() == [1]


@pytest.mark.parametrize("label", ["", None, float("nan")])
def test_an_unlabelled_row_has_no_labels(label: object) -> None:
    assert labels_of(Row("1", label, []), "labels") == labels_of(Row("1", label, []), "label") == []


def test_classes_are_those_with_enough_images() -> None:
    assert trained_classes(rows(), 1, "label") == ["bridge", "church", "rare"]
    assert trained_classes(rows(), 5, "label") == ["bridge", "church"]
    assert trained_classes(rows(), 5, "labels") == ["bridge", "building", "church"]
    with pytest.raises(ConfigError, match="1 of 3 classes have 8 images"):
        trained_classes(rows(), 8, "label")


def test_targets_are_indices_or_flags() -> None:
    one = targets_of(rows(), ["bridge", "church", "rare"], "label")
    assert one.dtype == np.int64
    assert one.tolist() == [1] * 8 + [0] * 5 + [2]
    several = targets_of(rows(), ["bridge", "building"], "labels")
    assert several.dtype == np.bool_
    assert several.tolist() == [[False, True]] * 8 + [[True, True]] * 5 + [[False, False]]
    with pytest.raises(ConfigError, match="not trained: rare"):
        targets_of(rows(), ["bridge", "church"], "label")


def test_held_out_images_leave_two_of_every_class_behind() -> None:
    classes = ["bridge", "church", "rare"]
    train, held = hold_out(rows(), classes, "label", 0.9, 1)
    assert sorted(row.item_id for row in train + held) == sorted(row.item_id for row in rows())
    assert Counter(row.label for row in train) == {"church": 2, "bridge": 2, "rare": 1}
    train, held = hold_out(rows(), classes, "label", 0.2, 1)
    assert len(held) == round(0.2 * 14)


def test_what_is_held_out_depends_on_seed_and_items_alone() -> None:
    classes = ["bridge", "church"]

    def held(given: list[Row], seed: int) -> set[str]:
        return {row.item_id for row in hold_out(given, classes, "label", 0.3, seed)[1]}

    assert held(rows(), 1) == held(rows()[::-1], 1)
    assert any(held(rows(), 1) != held(rows(), seed) for seed in range(2, 6))


def test_rows_without_a_trained_class_are_left_out() -> None:
    train, held = hold_out(rows(), ["bridge", "church"], "label", 0.2, 1)
    assert {row.label for row in train + held} == {"bridge", "church"}


def test_nothing_to_hold_out_is_refused() -> None:
    pairs = [Row(str(n), label, None) for n, label in enumerate("aabb")]
    with pytest.raises(ConfigError, match="held out"):
        hold_out(pairs, ["a", "b"], "label", 0.5, 1)
