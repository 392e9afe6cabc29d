"""Sequences of photographs: written as one text, and found again in whatever place they stand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zuroku.datasets.manifest import MANIFEST, MANIFEST_SCHEMA, Dataset, write_table
from zuroku.datasets.place_splits import labelled_places
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.places.sequences import joined_sequences, sharing_sequences
from zuroku.datasets.places.table import PLACES, places_bytes
from zuroku.datasets.source import SourceItem


@pytest.mark.parametrize("seed", range(3))
def test_sharing_is_that_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taken = [[f"s{n}" for n in rng.integers(0, 60, rng.integers(0, 4))] for _ in range(40)]
    places = pd.DataFrame({"sequence": map(joined_sequences, taken)}, index=rng.permutation(40))
    sides = rng.integers(0, 3, 40)
    found = sharing_sequences(places, sides == 0, sides == 1)
    expected = [
        sides[one] == 0 and any(sides[two] == 1 and set(taken[one]) & set(taken[two]) for two in range(40))
        for one in range(40)
    ]
    assert found.tolist() == expected
    assert 0 < sum(expected) < (sides == 0).sum()


def test_photographs_without_a_sequence_share_none() -> None:
    places = pd.DataFrame({"sequence": ["", ""]})
    mine = np.array([True, False])
    assert not sharing_sequences(places, mine, ~mine).any()
    assert not sharing_sequences(places.drop(columns="sequence"), mine, ~mine).any()
    assert joined_sequences(["", "a", "", "b", "a"]) == "a; b"


def test_splits_see_the_sequences_of_a_dataset(tmp_path: Path) -> None:
    blank = dict.fromkeys(MANIFEST_SCHEMA.names) | {"labels": [], "group": "g"}
    rows = [blank | {"item_id": name} for name in ("b", "a")]
    write_table(rows, MANIFEST_SCHEMA, tmp_path / MANIFEST)
    items = [
        PlaceItem(SourceItem(name, "", "g", "", "", "", bytes), 35.0, 139.0, sequence=f"of {name}; both")
        for name in ("a", "b")
    ]
    (tmp_path / PLACES).write_bytes(places_bytes(items))
    labels = pd.DataFrame({"item_id": ["a", "b"], "latitude": 35.0, "longitude": 139.0, "municipality": ""})
    seen = labelled_places(Dataset(tmp_path), labels, "group")
    assert seen[["item_id", "sequence"]].to_numpy().tolist() == [["b", "of b; both"], ["a", "of a; both"]]
