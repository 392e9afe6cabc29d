"""Ground truth of UKBench: four in a row, once sorted."""

from pathlib import Path

import pytest

from zuroku.datasets.ground_truth.ukbench import read_ukbench, ukbench_truth
from zuroku.errors import SourceError


def put(tmp_path: Path, names: list[str]) -> Path:
    path = tmp_path / "images.txt"
    path.write_text("\n".join(names))
    return path


def test_four_in_a_row_are_a_group() -> None:
    assert ukbench_truth(8).groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_gallery_may_be_in_any_order(tmp_path: Path) -> None:
    numbers = [7, 0, 4, 3, 5, 2, 1, 6]
    path = put(tmp_path, [f"ukbench{number:05}.jpg" for number in numbers])
    assert read_ukbench(path).groups.tolist() == [number // 4 for number in numbers]


@pytest.mark.parametrize("n_images", [0, 3, 10_199])
def test_broken_groups_are_refused(n_images: int) -> None:
    with pytest.raises(SourceError, match=f"{n_images} images of UKBench"):
        ukbench_truth(n_images)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a", "b", "c"], "3 images of UKBench"),
        (["a", "b", "c", "a"], r"1 names that come twice \(a\)"),
        ([], "lists without a name"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_ukbench(put(tmp_path, names))
