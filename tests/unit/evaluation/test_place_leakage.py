"""Leakage of places: distances, groups and twins are found, and what is clean passes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.datasets.test_place_splits import dataset, town
from zuroku.datasets import place_splits
from zuroku.datasets.place_splits import PlaceSplitSettings, keep_apart, write_place_splits
from zuroku.errors import EvaluationError
from zuroku.evaluation.place_leakage import (
    LEAKAGE_CHECKS,
    PLACE_SPLIT_CHECKS,
    LeakageSettings,
    leakage_findings,
    place_leakage,
    place_split_findings,
)

CLEAN = pd.DataFrame(
    [
        ("a", "g1", 35.0, 139.0, "13101"),
        ("b", "g2", 35.0, 139.1, "13101"),
        ("c", "g3", 35.0, 139.2, "13101"),
        ("d", "g3", 35.1, 139.2, "13101"),
    ],
    columns=["item_id", "group", "latitude", "longitude", "municipality"],
)
SPLITS = pd.DataFrame({"group": ["g1", "g2", "g3"], "split": ["train", "val", "test"]})
VECTORS = np.eye(4, dtype=np.float32)
STRICT = LeakageSettings(duplicate_cosine=0.9)


def passed(places: pd.DataFrame, splits: pd.DataFrame, vectors: np.ndarray, settings: LeakageSettings):
    leakage = place_leakage(places, splits, vectors, settings.duplicate_cosine)
    findings = leakage_findings(leakage, settings)
    assert tuple(finding.check for finding in findings) == LEAKAGE_CHECKS
    return {finding.check for finding in findings if finding.passed}


def test_a_clean_split_passes_and_its_numbers_are_those_of_the_map() -> None:
    assert passed(CLEAN, SPLITS, VECTORS, STRICT) == set(LEAKAGE_CHECKS)
    leakage = place_leakage(CLEAN, SPLITS, VECTORS, 0.9)
    assert leakage.item_ids == ("c", "d")
    assert leakage.gallery == 2
    east = 2 * 6371 * np.arcsin(np.cos(np.radians(35)) * np.sin(np.radians(0.1) / 2))
    assert leakage.nearest_km[0] == pytest.approx(east)
    assert leakage.numbers["least_km"] == pytest.approx(east)
    assert leakage.numbers["within_100_m"] == 0


@pytest.mark.parametrize(("step", "one_metre", "hundred_metres"), [(0.0, 1, 1), (5e-5, 0, 1), (2e-3, 0, 0)])
def test_photographs_of_one_spot_are_counted(step: float, one_metre: int, hundred_metres: int) -> None:
    places = CLEAN.copy()
    places.loc[3, ["latitude", "longitude"]] = [35.0 + step, 139.1]
    numbers = place_leakage(places, SPLITS, VECTORS, 0.9).numbers
    assert (numbers["within_1_m"], numbers["within_100_m"]) == (one_metre, hundred_metres)
    assert ("distance_kept" in passed(places, SPLITS, VECTORS, STRICT)) == (one_metre == 0)
    lenient = LeakageSettings(duplicate_cosine=0.9, tolerated_same_spot=0.5)
    assert "distance_kept" in passed(places, SPLITS, VECTORS, lenient)


def test_a_promised_distance_tolerates_nothing() -> None:
    settings = LeakageSettings(duplicate_cosine=0.9, tolerated_same_spot=1)
    for apart_km, kept in ((5, True), (25, False)):
        splits = SPLITS.assign(apart_km=apart_km)
        assert ("distance_kept" in passed(CLEAN, splits, VECTORS, settings)) == kept


@pytest.mark.parametrize("block_km", [0, 1, 5])
def test_splits_are_held_to_the_distance_they_were_made_with(
    block_km: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = town()
    labels, data = places.drop(columns="group"), dataset(places, tmp_path / "data")
    vectors = np.eye(len(places), dtype=np.float32)
    settings = PlaceSplitSettings(block_km=block_km, seed=3)

    def kept(name: str) -> bool:
        ledger, out = tmp_path / f"{name}.parquet", tmp_path / name
        splits = write_place_splits(data, labels, settings, "group", ledger, out).path / "splits.parquet"
        return "distance_kept" in passed(places, pd.read_parquet(splits), vectors, STRICT)

    assert kept("sound")
    monkeypatch.setattr(place_splits, "keep_apart", lambda places, splits, block_km: splits)
    assert kept("broken") == (block_km == 0)


def test_val_counts_as_gallery() -> None:
    leakage = place_leakage(CLEAN, SPLITS[SPLITS["split"] != "val"], VECTORS, 0.9)
    assert leakage.gallery == 1
    assert leakage.nearest_km[0] == pytest.approx(2 * 9.108, abs=0.02)


def test_a_group_on_both_sides_is_named_and_is_not_its_own_twin() -> None:
    splits = pd.concat([SPLITS, pd.DataFrame({"group": ["g3"], "split": ["train"]})])
    leakage = place_leakage(CLEAN, splits, VECTORS, 0.9)
    assert leakage.shared_groups == ("g3",)
    assert leakage.duplicates.empty
    assert "no_shared_groups" not in passed(CLEAN, splits, VECTORS, STRICT)


def test_a_sequence_in_common_blocks_in_whatever_place_it_stands() -> None:
    promising = SPLITS.assign(apart_km=1)
    for sequences, leaks in ((["s; t", "u", "v", "w; t"], True), (["s; t", "u", "", ""], False)):
        places = CLEAN.assign(sequence=sequences)
        assert place_leakage(places, promising, VECTORS, 0.9).numbers["sharing_sequences"] == leaks
        assert ("no_shared_groups" not in passed(places, promising, VECTORS, STRICT)) == leaks
        # A split at random says how many there are, and stops nothing.
        assert "no_shared_groups" in passed(places, SPLITS, VECTORS, STRICT)


def test_splits_that_keep_a_distance_part_sequences_too() -> None:
    places = CLEAN.assign(sequence=["s; t", "u", "v", "w; t"])
    apart = keep_apart(places, SPLITS, 1)
    assert apart["split"].tolist() == ["none", "val", "test"]
    assert "no_shared_groups" in passed(places, apart, VECTORS, STRICT)


def test_twins_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    n = 60
    places = pd.DataFrame(
        {
            "item_id": [f"i{index:02d}" for index in range(n)],
            "group": [f"g{index:02d}" for index in range(n)],
            "latitude": rng.uniform(35, 36, n),
            "longitude": rng.uniform(139, 140, n),
        }
    )
    splits = pd.DataFrame(
        {"group": places["group"], "split": rng.choice(["train", "val", "test", "none"], n)}
    )
    vectors = rng.normal(size=(n, 3)).astype(np.float32)
    expected = {}
    for row in range(n):
        for other in range(n):
            pair = splits["split"][row], splits["split"][other]
            if pair[0] == "test" and pair[1] in ("train", "val"):
                lengths = np.linalg.norm(vectors[row]) * np.linalg.norm(vectors[other])
                cosine = float(vectors[row] @ vectors[other] / lengths)
                if cosine >= 0.95 and cosine > expected.get(f"i{row:02d}", ("", -1))[1]:
                    expected[f"i{row:02d}"] = (f"i{other:02d}", cosine)
    found = place_leakage(places, splits, vectors, 0.95).duplicates
    assert expected
    assert dict(zip(found["item_id"], found["twin"], strict=True)) == {k: v[0] for k, v in expected.items()}
    assert found["cosine"].tolist() == pytest.approx(sorted((v[1] for v in expected.values()), reverse=True))


def test_near_duplicates_block_beyond_what_is_tolerated() -> None:
    vectors = VECTORS.copy()
    vectors[2] = 3 * vectors[0] + 0.1 * vectors[1]
    assert "no_near_duplicates" not in passed(CLEAN, SPLITS, vectors, STRICT)
    tolerant = LeakageSettings(duplicate_cosine=0.9, tolerated_duplicates=0.5)
    assert "no_near_duplicates" in passed(CLEAN, SPLITS, vectors, tolerant)
    exact = LeakageSettings(duplicate_cosine=0.9999)
    assert "no_near_duplicates" in passed(CLEAN, SPLITS, vectors, exact)


def test_an_empty_gallery_leaks_nothing() -> None:
    assert passed(CLEAN, SPLITS.assign(split="test"), VECTORS, STRICT) == set(LEAKAGE_CHECKS)


def test_rows_must_fit_together() -> None:
    with pytest.raises(EvaluationError, match="3 embeddings for 4 places"):
        place_leakage(CLEAN, SPLITS, VECTORS[:3], 0.9)
    with pytest.raises(EvaluationError, match="no photograph of test"):
        place_leakage(CLEAN, SPLITS.assign(split="train"), VECTORS, 0.9)


def test_splits_are_checked_by_group_and_municipality() -> None:
    findings = place_split_findings(CLEAN, SPLITS)
    assert tuple(finding.check for finding in findings) == PLACE_SPLIT_CHECKS
    assert all(finding.passed for finding in findings)
    without_test = place_split_findings(CLEAN, SPLITS.replace({"split": {"test": "none"}}))
    assert [finding.passed for finding in without_test] == [True, True, False]
    assert without_test[2].numbers["dropped_photos"] == 2
    twice = pd.concat([SPLITS[1:], SPLITS[1:]])
    assert [finding.passed for finding in place_split_findings(CLEAN, twice)][:2] == [False, False]
