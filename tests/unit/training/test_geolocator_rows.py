"""Which pictures train a geolocator and towards which classes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.training import place_data
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.errors import ConfigError, GeoDataError, SplitError
from zuroku.evaluation.place_halves import calibrating
from zuroku.training.geolocator_rows import GeolocatorRows, geolocator_rows

Data = tuple[Dataset, Artifact, Artifact]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return place_data.make(tmp_path_factory.mktemp("places"))


def tables(data: Data) -> tuple[pd.DataFrame, pd.DataFrame]:
    _, labels, splits = data
    return pd.read_parquet(labels.path / "labels.parquet"), pd.read_parquet(splits.path / "splits.parquet")


def rows_of(data: Data, labels: pd.DataFrame | None = None) -> GeolocatorRows:
    made, splits = tables(data)
    return geolocator_rows(data[0], made if labels is None else labels, splits)


def test_items_classes_and_coordinates_belong_together(data: Data) -> None:
    # In another order than the manifest.
    labels = tables(data)[0].sample(frac=1, random_state=3)
    rows = rows_of(data, labels)
    # Of the eight in val five calibrate.
    assert (len(rows.train.rows), len(rows.val.rows)) == (32, 3)
    by_item = labels.set_index("item_id")
    for placed in (rows.train, rows.val):
        for index, row in enumerate(placed.rows):
            label = by_item.loc[row.item_id]
            np.testing.assert_array_equal(placed.coordinates[index], [label["latitude"], label["longitude"]])
            for task, names in rows.classes.items():
                target = placed.targets[task][index]
                assert (names[target] if target >= 0 else "") == label[task]
    assert rows.classes["landmark"] == []
    assert rows.classes["prefecture"] == ["0", "1"]
    assert rows.classes["town"] == sorted(set(labels["town"]) - {""})
    assert not any(row.group in {v.group for v in rows.val.rows} for row in rows.train.rows)


def test_places_that_calibrate_do_not_stop_the_training(data: Data) -> None:
    splits = tables(data)[1].query("split == 'val'")
    held = dict(zip(splits["group"], calibrating(splits["group"].tolist()), strict=True))
    stopping = {group for group, calibrates in held.items() if not calibrates}
    assert 2 <= len(stopping) < len(held)
    assert {row.group for row in rows_of(data).val.rows} == stopping


def test_blocks_that_calibrate_do_not_stop_the_training_with_any_of_their_places(data: Data) -> None:
    labels, splits = tables(data)
    # Of these two blocks one calibrates.
    names = np.array(["0:2", "1:1"])
    held = calibrating(names.tolist())
    assert held.sum() == 1
    drawn = splits.assign(cluster=np.repeat(names, len(splits) // 2))
    expected = drawn.loc[(drawn["split"] == "val") & drawn["cluster"].isin(names[~held]), "group"]
    found = {row.group for row in geolocator_rows(data[0], labels, drawn).val.rows}
    assert found == set(expected)


def test_too_few_that_may_stop_the_training_leave_none_out(data: Data) -> None:
    labels, splits = tables(data)
    groups = splits.query("split == 'val'")["group"]
    held = calibrating(groups.tolist())
    gone = groups[~held].tolist()[1:]
    few = splits[~splits["group"].isin(gone)]
    rows = geolocator_rows(data[0], labels, few)
    assert len(rows.val.rows) == len(groups) - len(gone) > 2


def test_classes_are_those_of_training_alone(data: Data) -> None:
    labels = tables(data)[0]
    val = {row.item_id for row in rows_of(data).val.rows}
    chosen = labels["item_id"].isin(val)
    labels.loc[chosen, "municipality"] = ["new", "new", "1"]
    rows = rows_of(data, labels)
    assert rows.classes["municipality"] == ["0", "1", "2", "3"]
    assert sorted(rows.val.targets["municipality"].tolist()) == [-1, -1, 1]
    assert rows.val.labelled["municipality"] == 3
    assert rows.val.labelled["landmark"] == 0


def test_labels_that_do_not_fit_are_refused(data: Data) -> None:
    labels = tables(data)[0]
    with pytest.raises(ConfigError, match="without road, town"):
        rows_of(data, labels.drop(columns=["town", "road"]))
    with pytest.raises(GeoDataError, match=r"pictures without place labels: v\d"):
        rows_of(data, labels.iloc[:20])
    with pytest.raises(GeoDataError, match="no places on Earth"):
        rows_of(data, labels.assign(latitude=np.nan))


def test_a_split_without_pictures_is_refused(data: Data, tmp_path: Path) -> None:
    labels, splits = tables(data)
    with pytest.raises(SplitError, match="'val'"):
        geolocator_rows(data[0], labels, splits.replace({"split": {"val": "test"}}))
