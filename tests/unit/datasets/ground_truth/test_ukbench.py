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


def test_other_names_are_told_by_their_order(tmp_path: Path) -> None:
    names = ["b3", "a1", "b1", "a3", "a2", "b4", "a4", "b2"]
    assert read_ukbench(put(tmp_path, names)).groups.tolist() == [1, 0, 1, 0, 0, 1, 0, 1]
    mixed = [*(f"ukbench{number:05}.jpg" for number in range(3)), "ukbench.jpg"]
    assert read_ukbench(put(tmp_path, mixed)).groups.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("form", ["ukbench{:05}", "full/ukbench{:05}.ppm"])
def test_groups_are_those_of_the_numbers_whatever_is_left_out(tmp_path: Path, form: str) -> None:
    names = [form.format(number) for number in (400, 4, 7, 402, 5, 403, 6, 401)]
    assert read_ukbench(put(tmp_path, names)).groups.tolist() == [100, 1, 1, 100, 1, 100, 1, 100]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (range(2, 10), r"2 groups that are not whole \(00000 to 00003, 00008 to 00011\)"),
        ([0, 1, 2, 5], "2 groups that are not whole"),
        ([*range(4), 4], r"1 groups that are not whole \(00004 to 00007\)"),
    ],
)
def test_a_gallery_that_cuts_groups_is_refused(tmp_path: Path, numbers: list[int], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_ukbench(put(tmp_path, [f"ukbench{number:05}.jpg" for number in numbers]))


def test_one_image_under_two_names_does_not_make_up_for_another(tmp_path: Path) -> None:
    names = ["ukbench00000.jpg", "ukbench00000.png", "ukbench00001.jpg", "ukbench00002.jpg"]
    with pytest.raises(SourceError, match="1 groups that are not whole"):
        read_ukbench(put(tmp_path, names))


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
