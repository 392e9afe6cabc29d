"""Splits by group: a book is in train, val or test as a whole, and stays there for good.

``extend_splits`` only ever adds groups. The table is small (one row per group) and permanent.
"""

import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from zuroku.artifacts import Artifact, build, locked, write_atomically
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.errors import SplitError

SPLITS = ("train", "val", "test")


class SplitSettings(Settings):
    """Shares of the items, and the seed that orders groups of equal size."""

    train: float = Field(default=0.7, ge=0)
    val: float = Field(default=0.15, ge=0)
    test: float = Field(default=0.15, ge=0)
    seed: int = 20211211

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "SplitSettings":
        if abs(self.train + self.val + self.test - 1) > 1e-9:
            raise ValueError(f"train + val + test is {self.train + self.val + self.test}, not 1")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """The three shares by name of the split."""
        return {"train": self.train, "val": self.val, "test": self.test}


def extend_splits(
    groups: Sequence[str],
    labels: Sequence[str],
    settings: SplitSettings,
    existing: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Give every group a split; groups in ``existing`` keep theirs.

    ``groups`` and ``labels`` name the book and the class of each item. Greedy iterative
    stratification (after Sechidis et al. 2011, with groups in place of single items): the largest
    group first, each to the split that is furthest below its share, by class and then by total.
    Ties fall by a hash of seed and group, so the order of the items does not matter.

    Returns:
        Columns ``group``, ``split``, one row per group, sorted by group.

    Raises:
        SplitError: ``groups`` and ``labels`` differ in length, or there are fewer groups than splits.
    """
    if len(groups) != len(labels):
        raise SplitError(
            f"{len(groups)} groups and {len(labels)} labels",
            expected="one of each per item",
            remedy="pass columns of the same manifest",
        )
    wanted = {name: share for name, share in settings.shares.items() if share > 0}
    if len(set(groups)) < len(wanted):
        raise SplitError(
            f"{len(set(groups))} groups for the splits {', '.join(wanted)}",
            expected="at least one group per split",
            remedy="add books, or configure fewer splits",
        )
    classes = {label: column for column, label in enumerate(sorted(set(labels)))}
    counts: dict[str, np.ndarray] = {}
    for group, label in zip(groups, labels, strict=True):
        counts.setdefault(group, np.zeros(len(classes)))[classes[label]] += 1
    total = np.sum(list(counts.values()), axis=0)
    room = {name: share * total for name, share in wanted.items()}
    assigned = {group: split for group, split in (existing or {}).items() if split in SPLITS}
    for group, split in assigned.items():
        if group in counts and split in room:
            room[split] = room[split] - counts[group]
    fresh = [group for group in counts if group not in assigned]
    fresh.sort(key=lambda g: (-counts[g].sum(), _hash(settings.seed, g)))
    for position, group in enumerate(fresh):
        empty = {name: left for name, left in room.items() if name not in assigned.values()}
        # The last groups go where there are none yet: no split may stay empty.
        choices = empty if len(fresh) - position <= len(empty) else room
        split = _roomiest(choices, counts[group], total)
        assigned[group] = split
        room[split] = room[split] - counts[group]
    rows = sorted(assigned.items())
    return pd.DataFrame(rows, columns=["group", "split"])


def write_splits(dataset: Dataset, settings: SplitSettings, by: str, ledger: Path, target: Path) -> Artifact:
    """Write ``splits.parquet`` for ``dataset`` to ``target``, extending the permanent ``ledger``.

    ``by`` is the manifest column that must not be split. The ledger remembers every group ever seen,
    also those that the dataset has lost since.
    """

    def write(out: Path) -> None:
        with locked(ledger.with_suffix(".lock")):
            known = pd.read_parquet(ledger) if ledger.exists() else pd.DataFrame({"group": [], "split": []})
            existing = dict(zip(known["group"], known["split"], strict=True))
            manifest = dataset.manifest
            table = extend_splits(manifest[by].tolist(), manifest["label"].tolist(), settings, existing)
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False)
            write_atomically(ledger, buffer.getvalue())
        (out / "splits.parquet").write_bytes(buffer.getvalue())

    return build(target, write)


def _roomiest(room: Mapping[str, np.ndarray], count: np.ndarray, total: np.ndarray) -> str:
    """Return the split whose classes, weighted by rarity, want this group the most."""
    weight = np.where(count > 0, count / np.maximum(total, 1), 0)
    return max(room, key=lambda name: (float((room[name] * weight).sum()), float(room[name].sum())))


def missing_classes(
    groups: Sequence[str], labels: Sequence[str], splits: pd.DataFrame
) -> dict[str, list[str]]:
    """Return, for each split that lacks some, the classes it has no item of."""
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    seen = Counter((split_of[group], label) for group, label in zip(groups, labels, strict=True))
    names = sorted(set(labels))
    lacking = {split: [n for n in names if not seen[split, n]] for split in sorted(set(splits["split"]))}
    return {split: classes for split, classes in lacking.items() if classes}


def _hash(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
