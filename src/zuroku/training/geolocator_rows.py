"""Which pictures train a geolocator, where they were taken, and towards which classes.

Labels are made from geodata elsewhere; reading pictures is in ``geolocator_items``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_clusters import clusters
from zuroku.errors import ConfigError, GeoDataError, SplitError
from zuroku.evaluation.place_halves import calibrating
from zuroku.geo.distances import checked_coordinates
from zuroku.geo.labels import TASKS
from zuroku.training.geolocator_losses import UNLABELLED

_LEAST = 2


@dataclass(frozen=True)
class PlacedRows:
    """Manifest rows with coordinates ``(n, 2)`` float64 and class indices ``(n,)`` int64 of each task.

    An index is -1 where the item has no label, or in val one that no training item has; ``labelled`` counts
    the items with a label of any kind.
    """

    rows: list[Any]
    coordinates: npt.NDArray[np.float64]
    targets: dict[str, npt.NDArray[np.int64]]
    labelled: dict[str, int]


@dataclass(frozen=True)
class GeolocatorRows:
    """What is trained on, what it is stopped by, and the class ids of each task, sorted."""

    train: PlacedRows
    val: PlacedRows
    classes: dict[str, list[str]]


def geolocator_rows(dataset: Dataset, labels: pd.DataFrame, splits: pd.DataFrame) -> GeolocatorRows:
    """Return the items of the train and val groups; classes are those of the train groups alone.

    The val places that calibrate the radius are left out, unless fewer than two items would be left: a radius
    made of places that stopped the training would be too small.

    Raises:
        ConfigError: columns are missing from the labels.
        GeoDataError: an item of train or val has no row in the labels, or no place on Earth.
        SplitError: train or val have fewer than two items.
    """
    if missing := {"item_id", "latitude", "longitude", *TASKS} - set(labels.columns):
        raise ConfigError(
            f"place labels without {', '.join(sorted(missing))}",
            expected=f"the columns item_id, latitude, longitude, {', '.join(TASKS)}",
            remedy="make the labels again with this version of zuroku",
        )
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    rows = dataset.rows()
    parts = {split: [row for row in rows if split_of.get(row.group) == split] for split in ("train", "val")}
    for split, found in parts.items():
        if len(found) < _LEAST:
            raise SplitError(
                f"{len(found)} pictures of {dataset.root} are in the split {split!r}",
                expected=f"at least {_LEAST} in train and in val",
                remedy="extend the splits with this dataset, or add groups",
            )
    held = calibrating(clusters([row.group for row in parts["val"]], splits))
    stopping = [row for row, calibrates in zip(parts["val"], held, strict=True) if not calibrates]
    parts["val"] = stopping if len(stopping) >= _LEAST else parts["val"]
    tables = {split: _labels_of(found, labels) for split, found in parts.items()}
    classes: dict[str, list[str]] = {task: sorted(set(tables["train"][task]) - {""}) for task in TASKS}
    train, val = (_placed(parts[split], tables[split], classes) for split in ("train", "val"))
    return GeolocatorRows(train, val, classes)


def _labels_of(rows: Sequence[Any], labels: pd.DataFrame) -> pd.DataFrame:
    """Return the labels of ``rows``, in their order."""
    items = [str(row.item_id) for row in rows]
    table = labels.drop_duplicates("item_id").set_index("item_id")
    if unknown := [item for item in items if item not in table.index]:
        raise GeoDataError(
            f"{len(unknown)} pictures without place labels: {', '.join(unknown[:5])}",
            expected="a row of labels for every picture",
            remedy="make the labels again for this version of the dataset",
        )
    return table.loc[items]


def _placed(rows: list[Any], table: pd.DataFrame, classes: Mapping[str, Sequence[str]]) -> PlacedRows:
    targets = {}
    for task, names in classes.items():
        place = {name: index for index, name in enumerate(names)}
        targets[task] = np.array([place.get(name, UNLABELLED) for name in table[task]], dtype=np.int64)
    labelled = {task: int((table[task] != "").sum()) for task in classes}
    coordinates = checked_coordinates(table[["latitude", "longitude"]].to_numpy())
    return PlacedRows(rows, coordinates, targets, labelled)
