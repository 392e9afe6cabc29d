"""Which images train an embedder, and towards what: classes, targets, and the images held out.

Groups are split elsewhere; what is held out here lies inside the train groups.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from zuroku.datasets.manifest import Dataset
from zuroku.errors import ConfigError, SplitError

ClassColumn = Literal["label", "labels", "group"]
"""The manifest column that classes are read from: one label, several, or the object that a group is."""


@dataclass(frozen=True)
class EmbeddingRows:
    """Manifest rows: trained on, held out of training to stop it, and of the val groups."""

    train: list[Any]
    held_out: list[Any]
    val: list[Any]
    classes: list[str]


def embedding_rows(
    dataset: Dataset,
    splits: pd.DataFrame,
    by: str,
    *,
    column: ClassColumn,
    min_count: int,
    held_out_share: float,
    seed: int,
) -> EmbeddingRows:
    """Return the labelled rows of each part; ``by`` names the manifest column that was split.

    Unreviewed labels may train and never judge, as for the tagger.

    Raises:
        SplitError: the train or the val groups have no images.
        ConfigError: too few images have a class that can be trained.
    """
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    labelled = [row for row in dataset.rows() if labels_of(row, column)]
    parts = {
        split: [row for row in labelled if split_of.get(getattr(row, by)) == split]
        for split in ("train", "val")
    }
    parts["val"] = [row for row in parts["val"] if row.reviewed]
    for split, found in parts.items():
        if len(found) < 2:
            raise SplitError(
                f"{len(found)} labelled images of {dataset.root} are in the split {split!r}",
                expected="at least two in train, and two reviewed ones in val",
                remedy="extend the splits with this dataset, or add groups",
            )
    classes = trained_classes(parts["train"], min_count, column)
    train, held_out = hold_out(parts["train"], classes, column, held_out_share, seed)
    return EmbeddingRows(train, held_out, parts["val"], classes)


def labels_of(row: Any, column: ClassColumn) -> list[str]:
    """Return the classes of a manifest row by its ``column``.

    A row without ``labels`` (the column or its value may be missing, or be empty) has its ``label``, and one
    without either has none.
    """
    labels = getattr(row, "labels", None) if column == "labels" else None
    # A missing list comes out of pandas as NaN.
    if labels is None or isinstance(labels, float) or len(labels) == 0:
        name = row.group if column == "group" else row.label
        return [str(name)] if isinstance(name, str) and name else []
    return [str(label) for label in labels]


def trained_classes(rows: Sequence[Any], min_count: int, column: ClassColumn) -> list[str]:
    """Return, in alphabetical order, the classes that at least ``min_count`` of ``rows`` have.

    Raises:
        ConfigError: fewer than two classes are left.
    """
    counts = Counter(label for row in rows for label in set(labels_of(row, column)))
    classes = sorted(label for label, count in counts.items() if count >= min_count)
    if len(classes) < 2:
        raise ConfigError(
            f"{len(classes)} of {len(counts)} classes have {min_count} images in training",
            expected="at least two classes to tell apart",
            remedy="configure a smaller min_count, or add images",
        )
    return classes


def targets_of(rows: Sequence[Any], classes: Sequence[str], column: ClassColumn) -> npt.NDArray[Any]:
    """Return class indices ``(n,)`` int64; of the column ``labels``, flags ``(n, n_classes)`` bool.

    Of several labels, those outside ``classes`` are left out.

    Raises:
        ConfigError: a row's only class is not among ``classes``.
    """
    place = {name: index for index, name in enumerate(classes)}
    if column == "labels":
        several = np.zeros((len(rows), len(classes)), dtype=np.bool_)
        for index, row in enumerate(rows):
            several[index, [place[label] for label in labels_of(row, column) if label in place]] = True
        return several
    labels = [labels_of(row, column)[0] for row in rows]
    if unknown := sorted(set(labels) - place.keys()):
        raise ConfigError(
            f"labels that are not trained: {', '.join(unknown[:5])}",
            expected=f"one of {len(classes)} classes",
            remedy="leave these rows out before",
        )
    return np.array([place[label] for label in labels], dtype=np.int64)


def hold_out(
    rows: Sequence[Any], classes: Sequence[str], column: ClassColumn, share: float, seed: int
) -> tuple[list[Any], list[Any]]:
    """Return the rows of ``classes`` that are trained on, and those held out to know when to stop.

    Held out are images, not groups, because the loss knows only classes it was trained on. They are taken by
    a hash of seed and item, as many as ``share`` of all, and no class loses its last two images that way.

    Raises:
        ConfigError: no class has an image to spare.
    """
    known = set(classes)
    useful = [row for row in rows if known & set(labels_of(row, column))]
    left = Counter(label for row in useful for label in set(labels_of(row, column)))
    held: set[str] = set()
    for row in sorted(useful, key=lambda row: _hash(seed, str(row.item_id))):
        labels = known & set(labels_of(row, column))
        if len(held) >= max(1, round(share * len(useful))):
            break
        if all(left[label] > 2 for label in labels):
            held.add(str(row.item_id))
            left.subtract(labels)
    if not held:
        raise ConfigError(
            "no class has an image that can be held out",
            expected="a class with at least three images in training",
            remedy="add images, or train on fewer, larger classes",
        )
    return (
        [row for row in useful if str(row.item_id) not in held],
        [row for row in useful if str(row.item_id) in held],
    )


def _hash(seed: int, item: str) -> str:
    return hashlib.sha256(f"{seed}:{item}".encode()).hexdigest()
