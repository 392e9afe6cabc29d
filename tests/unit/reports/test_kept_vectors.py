"""Vectors kept by block: made once for a network and a dataset, again when damaged, forgotten when old."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zuroku.artifacts import locked
from zuroku.errors import BusyError, StorageError
from zuroku.reports import kept_vectors
from zuroku.reports.kept_vectors import Arrays, KeptVectors

DATASET = SimpleNamespace(version="a" * 64)


def block(value: float) -> Arrays:
    return {"vectors": np.full((4, 3), value, dtype=np.float32), "town": np.arange(4, dtype=np.int32)}


def refused() -> Arrays:
    raise AssertionError("it was made again")


def test_a_block_is_made_once(tmp_path: Path) -> None:
    first = KeptVectors(tmp_path, "n", DATASET).block(0, 4, lambda: block(2))
    again = KeptVectors(tmp_path, "n", DATASET).block(0, 4, refused)
    assert again.keys() == first.keys()
    for name, array in first.items():
        assert again[name].dtype == array.dtype
        np.testing.assert_array_equal(again[name], array)


@pytest.mark.parametrize(
    ("network", "version", "start", "stop"),
    [("m", "a", 0, 4), ("n", "b", 0, 4), ("n", "a", 4, 8), ("n", "a", 0, 3)],
)
def test_another_network_dataset_or_block_has_its_own(
    tmp_path: Path, network: str, version: str, start: int, stop: int
) -> None:
    KeptVectors(tmp_path, "n", DATASET).block(0, 4, lambda: block(2))
    other = KeptVectors(tmp_path, network, SimpleNamespace(version=version * 64))
    assert other.block(start, stop, lambda: block(3))["vectors"][0, 0] == 3


def flipped(data: bytes) -> bytes:
    at = data.index(np.float32(2).tobytes() * 3)
    return data[:at] + b"\xff" + data[at + 1 :]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-30], lambda data: b"", lambda data: b"something else", flipped]
)
def test_a_damaged_block_is_made_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    kept = KeptVectors(tmp_path, "n", DATASET)
    kept.block(0, 4, lambda: block(2))
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(damage(path.read_bytes()))
    assert kept.block(0, 4, lambda: block(3))["vectors"][0, 0] == 3
    assert kept.block(0, 4, refused)["vectors"][0, 0] == 3


def test_what_nothing_asks_for_is_deleted_after_a_month(tmp_path: Path) -> None:
    for name in ("old", "young"):
        KeptVectors(tmp_path, name, DATASET).block(0, 4, lambda: block(2))
    for folder in tmp_path.glob("[!.]*"):
        days = 31 if folder.name.startswith("old") else 29
        os.utime(folder, (0, time.time() - days * 24 * 3600))
    KeptVectors(tmp_path, "new", DATASET)
    assert sorted(folder.name[:3] for folder in tmp_path.glob("[!.]*")) == ["new", "you"]


def test_a_folder_that_is_used_is_not_old(tmp_path: Path) -> None:
    KeptVectors(tmp_path, "n", DATASET).block(0, 4, lambda: block(2))
    (folder,) = tmp_path.glob("[!.]*")
    os.utime(folder, (0, 0))
    KeptVectors(tmp_path, "n", DATASET).block(0, 4, refused)


def test_folders_are_touched_and_deleted_under_one_lock_which_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KeptVectors(tmp_path, "old", DATASET)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    seen: list[tuple[str, str]] = []

    def alone(act: Callable[..., None]) -> Callable[..., None]:
        def acting(path: Path, *arguments: Any, **options: Any) -> None:
            with pytest.raises(BusyError), locked(tmp_path / ".lock", wait=False):
                pass
            seen.append((act.__name__, path.name[:3]))
            act(path, *arguments, **options)

        return acting

    monkeypatch.setattr(kept_vectors.os, "utime", alone(os.utime))
    monkeypatch.setattr(kept_vectors.shutil, "rmtree", alone(shutil.rmtree))
    KeptVectors(tmp_path, "new", DATASET)
    assert seen == [("utime", "new"), ("rmtree", "old")]


def test_a_folder_that_another_deleted_meanwhile_is_made_again(tmp_path: Path) -> None:
    kept = KeptVectors(tmp_path, "n", DATASET)
    shutil.rmtree(*tmp_path.glob("[!.]*"))
    kept.block(0, 4, lambda: block(2))
    assert kept.block(0, 4, refused)["vectors"][0, 0] == 2


def test_what_other_code_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KeptVectors(tmp_path, "n", DATASET).block(0, 4, lambda: block(2))
    monkeypatch.setattr(kept_vectors, "_FORMAT", kept_vectors._FORMAT + 1)
    assert KeptVectors(tmp_path, "n", DATASET).block(0, 4, lambda: block(3))["vectors"][0, 0] == 3


def test_a_full_disk_is_said_and_earlier_blocks_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptVectors(tmp_path, "n", DATASET)
    kept.block(0, 4, lambda: block(2))

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_vectors, "write_atomically", full)
    with pytest.raises(StorageError, match="No space left"):
        kept.block(4, 8, lambda: block(3))
    kept.block(0, 4, refused)
