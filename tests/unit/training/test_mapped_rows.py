"""Arrays whose rows are computed once: full disks, kills, and other shapes."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from zuroku.errors import StorageError
from zuroku.training.mapped_rows import mapped_rows

N_ROWS = 1200
EXPECTED = np.random.default_rng(3).normal(size=(N_ROWS, 5)).astype(np.float32)


class Rows:
    """Gives ``EXPECTED`` seven rows at a time and dies before the row ``dies_at``; notes where it began."""

    def __init__(self, dies_at: int = N_ROWS) -> None:
        self.dies_at = dies_at
        self.starts: list[int] = []

    def __call__(self, start: int) -> Iterator[np.ndarray]:
        self.starts.append(start)
        for first in range(start, N_ROWS, 7):
            if first >= self.dies_at:
                raise KeyboardInterrupt
            yield EXPECTED[first : first + 7]


def test_what_was_finished_before_a_kill_is_not_computed_again(tmp_path: Path) -> None:
    path = tmp_path / "train.features.npy"
    with pytest.raises(KeyboardInterrupt):
        mapped_rows(path, EXPECTED.shape, np.float32, Rows(dies_at=700))
    assert not path.exists()
    rest = Rows()
    np.testing.assert_array_equal(mapped_rows(path, EXPECTED.shape, np.float32, rest), EXPECTED)
    assert 256 <= rest.starts[0] <= 700
    assert rest.starts[0] % 7 == 0
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    # A finished array asks for nothing.
    again = Rows()
    mapped = mapped_rows(path, EXPECTED.shape, np.float32, again)
    assert not again.starts
    assert not mapped.flags.writeable


def test_the_room_of_all_rows_is_taken_before_the_first(tmp_path: Path) -> None:
    path = tmp_path / "train.npy"
    shape = (64, 128, 128, 3)
    taken = []

    def blocks(start: int) -> Iterator[np.ndarray]:
        taken.extend(file.stat().st_blocks * 512 for file in tmp_path.iterdir())
        yield np.ones(shape, dtype=np.uint8)

    mapped_rows(path, shape, np.uint8, blocks)
    # Without holes a write into the mapped file always has somewhere to go.
    assert taken[0] >= np.prod(shape)


def test_without_room_there_is_an_error_that_says_so_and_no_file(tmp_path: Path) -> None:
    rows = Rows()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(StorageError, match=r"GB of train\.npy"):
            mapped_rows(tmp_path / "train.npy", EXPECTED.shape, np.float32, rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not rows.starts
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dies_at", [N_ROWS, 700])
def test_an_array_of_another_shape_starts_anew(tmp_path: Path, dies_at: int) -> None:
    path = tmp_path / "train.npy"
    try:
        mapped_rows(path, EXPECTED.shape, np.float32, Rows(dies_at))
    except KeyboardInterrupt:
        assert not path.exists()
    wider = np.concatenate([EXPECTED, EXPECTED], axis=1)
    found = mapped_rows(path, wider.shape, np.float32, lambda start: [wider[start:]])
    np.testing.assert_array_equal(found, wider)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
