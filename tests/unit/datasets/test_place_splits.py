"""Splits of places: complete, in every municipality, permanent; and, by block, truly a distance apart."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zuroku.datasets.manifest import MANIFEST, MANIFEST_SCHEMA, Dataset, write_table
from zuroku.datasets.place_splits import (
    COUNTS,
    PlaceSplitSettings,
    keep_apart,
    place_splits,
    promised_km,
    split_counts,
    write_place_splits,
)
from zuroku.errors import SplitError

RANDOM = PlaceSplitSettings(seed=1)


def town(n: int = 600, size: float = 0.6, seed: int = 0) -> pd.DataFrame:
    """Sequences of three photographs, 200 m from one to the next, in six municipalities side by side."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform((35.0, 139.0), (35.0 + size, 139.0 + size), (n // 3, 2))
    steps = np.arange(3)[None, :, None] * (0.0018, 0)
    where = (starts[:, None] + steps).reshape(-1, 2)
    groups = [f"s{index // 3:04d}" for index in range(len(where))]
    strips = ((where[:, 1] - 139) / size * 6).astype(int)
    return pd.DataFrame(
        {
            "item_id": [f"i{index}" for index in range(len(where))],
            "group": groups,
            "latitude": where[:, 0],
            "longitude": where[:, 1],
            "municipality": [f"1310{strip}" for strip in strips],
        }
    )


def split_photos(places: pd.DataFrame, splits: pd.DataFrame) -> dict[str, pd.DataFrame]:
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    return dict(iter(places.groupby(places["group"].map(split_of))))


def least_km(a: pd.DataFrame, b: pd.DataFrame) -> float:
    """Haversine of all pairs, written out."""
    first, second = (np.radians(side[["latitude", "longitude"]].to_numpy()) for side in (a, b))
    half = np.sin((first[:, None] - second[None]) / 2) ** 2
    chord = half[..., 0] + np.cos(first[:, None, 0]) * np.cos(second[None, :, 0]) * half[..., 1]
    return float(2 * 6371 * np.arcsin(np.sqrt(chord.min())))


def test_shares_come_out_and_every_group_has_one_split() -> None:
    places = town()
    table = place_splits(places, RANDOM)
    assert table["group"].tolist() == sorted(set(places["group"]))
    shares = {split: len(photos) / len(places) for split, photos in split_photos(places, table).items()}
    assert shares == pytest.approx({"train": 0.80, "val": 0.15, "test": 0.05}, abs=0.03)


@pytest.mark.parametrize("groups", [1, 2, 3, 4])
def test_a_municipality_is_in_every_split_once_it_has_three_groups(groups: int) -> None:
    places = town()
    small = pd.DataFrame(
        {
            "item_id": [f"x{index}" for index in range(groups)],
            "group": [f"x{index}" for index in range(groups)],
            "latitude": 36.0,
            "longitude": 140.0,
            "municipality": "20201",
        }
    )
    both = pd.concat([places, small], ignore_index=True)
    counts = split_counts(both, place_splits(both, RANDOM)).set_index("municipality")
    mine = counts.loc["20201", ["train", "val", "test"]].tolist()
    assert mine == ([groups, 0, 0] if groups < 3 else [groups - 2, 1, 1])
    others = counts.drop(index="20201")
    assert (others[["train", "val", "test"]] > 0).all(axis=None)


def test_a_group_counts_where_most_of_its_photographs_lie() -> None:
    places = town()
    places.loc[places["item_id"].isin(["i0", "i1"]), "municipality"] = "47201"
    counts = split_counts(places, place_splits(places, RANDOM)).set_index("municipality")
    assert counts.loc["47201", ["groups", "train", "train_photos"]].tolist() == [1, 1, 2]
    assert counts["groups"].sum() == places["group"].nunique()
    photos = [f"{split}_photos" for split in ("train", "val", "test", "none")]
    assert counts[photos].sum().sum() == len(places)


@pytest.mark.parametrize("block_km", [1, 2, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_blocks_keep_the_distance_between_every_two_splits(block_km: float, seed: int) -> None:
    places = town(seed=seed)
    settings = PlaceSplitSettings(block_km=block_km, seed=seed)
    assigned = place_splits(places, settings)
    kept = split_photos(places, keep_apart(places, assigned, block_km))
    assert {"train", "val", "test"} <= set(kept)
    assert least_km(kept["test"], kept["train"]) > block_km
    assert least_km(kept["test"], kept["val"]) > block_km
    assert least_km(kept["val"], kept["train"]) > block_km


def test_the_random_split_keeps_no_distance_and_moves_nothing() -> None:
    places = town()
    assigned = place_splits(places, RANDOM)
    photos = split_photos(places, assigned)
    assert least_km(photos["test"], photos["train"]) < 1
    assert keep_apart(places, assigned, 0).equals(assigned)


def test_only_groups_in_the_way_are_dropped_and_test_stays_whole() -> None:
    places = town()
    assigned = place_splits(places, PlaceSplitSettings(block_km=2, seed=3))
    table = keep_apart(places, assigned, 2)
    assert (table["split"] == "none").any()
    before, after = split_photos(places, assigned), split_photos(places, table)
    assert after["test"].equals(before["test"])
    held_out = pd.concat([after["test"], after["val"]])
    for group, photos in after["none"].groupby("group"):
        assert least_km(photos, held_out) <= 2, group


def test_growth_moves_no_group_and_the_ledger_outlives_lost_ones() -> None:
    places = town()
    for settings in (RANDOM, PlaceSplitSettings(block_km=2)):
        first = place_splits(places.iloc[:300], settings)
        kept = dict(zip(first["group"], first["split"], strict=True)) | {"gone": "test"}
        second = place_splits(places, settings, kept)
        now = dict(zip(second["group"], second["split"], strict=True))
        assert {group: now[group] for group in kept} == kept
        assert set(places["group"]) <= set(now)


def test_new_groups_join_the_block_they_lie_in() -> None:
    settings = PlaceSplitSettings(block_km=2)
    places = town()
    first = place_splits(places, settings)
    guests = places.assign(group="new" + places["group"], item_id="new" + places["item_id"])
    second = place_splits(
        pd.concat([places, guests]), settings, dict(zip(first["group"], first["split"], strict=True))
    )
    split_of = dict(zip(second["group"], second["split"], strict=True))
    assert all(split_of[f"new{group}"] == split_of[group] for group in places["group"])


def test_the_order_of_the_photographs_does_not_matter() -> None:
    places = town()
    shuffled = places.sample(frac=1, random_state=0)
    for settings in (RANDOM, PlaceSplitSettings(block_km=2)):
        assert place_splits(shuffled, settings).equals(place_splits(places, settings))


def test_a_city_within_one_block_is_refused() -> None:
    with pytest.raises(SplitError, match="leave val and test empty with 25 km"):
        place_splits(town(size=0.05), PlaceSplitSettings(block_km=25))


def test_places_without_columns_or_values_are_refused() -> None:
    with pytest.raises(SplitError, match="no column municipality"):
        place_splits(town().drop(columns="municipality"), RANDOM)
    places = town()
    places.loc[3, "municipality"] = None
    with pytest.raises(SplitError, match="1 rows without municipality"):
        place_splits(places, RANDOM)


def dataset(places: pd.DataFrame, root: Path) -> Dataset:
    root.mkdir()
    blank = dict.fromkeys(MANIFEST_SCHEMA.names)
    rows = [blank | {"item_id": row.item_id, "group": row.group, "labels": []} for row in places.itertuples()]
    write_table(rows, MANIFEST_SCHEMA, root / MANIFEST)
    return Dataset(root)


def test_the_artifact_holds_what_is_kept_apart_and_the_ledger_what_was_assigned(tmp_path: Path) -> None:
    places = town()
    labels = places.drop(columns="group").sample(frac=1, random_state=1)
    settings = PlaceSplitSettings(block_km=2, seed=3)
    ledger, data = tmp_path / "ledger" / "splits.parquet", dataset(places, tmp_path / "data")
    artifact = write_place_splits(data, labels, settings, "group", ledger, tmp_path / "out")
    assigned = place_splits(places, settings)
    written = pd.read_parquet(artifact.path / "splits.parquet")
    assert written.drop(columns=["cluster", "apart_km"]).equals(keep_apart(places, assigned, 2))
    assert promised_km(written) == 2
    assert pd.read_parquet(ledger).equals(assigned)
    assert pd.read_parquet(artifact.path / COUNTS).equals(split_counts(places, written))
    again = write_place_splits(data, labels, settings, "group", ledger, tmp_path / "again")
    assert again.sha256 == artifact.sha256


def test_items_without_labels_are_named(tmp_path: Path) -> None:
    places = town()
    with pytest.raises(SplitError, match="1 of 600 items have no place labels: i7"):
        write_place_splits(
            dataset(places, tmp_path / "data"),
            places[places["item_id"] != "i7"].drop(columns="group"),
            RANDOM,
            "group",
            tmp_path / "ledger.parquet",
            tmp_path / "out",
        )
