"""Ground truth of INRIA Holidays: it stands in the file names."""

from pathlib import Path

import pytest

from zuroku.datasets.ground_truth.holidays import read_holidays
from zuroku.errors import SourceError


def put(tmp_path: Path, *names: str) -> Path:
    path = tmp_path / "holidays_images.dat"
    path.write_text("\n".join(names) + "\n")
    return path


def test_groups_and_queries_stand_in_the_names(tmp_path: Path) -> None:
    path = put(tmp_path, "100000.jpg", "100001.jpg", "149900.jpg", "100002.jpg", "149912.jpg")
    truth = read_holidays(path)
    assert truth.groups.tolist() == [0, 0, 1, 0, 1]
    assert truth.queries.tolist() == [0, 2]


def test_a_list_of_the_published_size(tmp_path: Path) -> None:
    sizes = [3] * 491 + [2] * 9
    names = [f"{1000 + group}{i:02}.jpg" for group, size in enumerate(sizes) for i in range(size)]
    truth = read_holidays(put(tmp_path, *names))
    assert (len(truth.groups), len(truth.queries)) == (1491, 500)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["100000.jpg", "100001.jpg", "10000.jpg"], "1 names of another form (10000.jpg)"),
        (["100000.jpg", "100001.jpg 3"], "1 names of another form (100001.jpg 3)"),
        (["100000.jpg", "100001.jpg", "100101.jpg"], "1 groups without a query (1001)"),
        (["100000.jpg", "100100.jpg", "100101.jpg"], "1 groups of a query alone (1000)"),
        (["100000.jpg", "100001.jpg", "100001.jpg"], "1 names that come twice (100001.jpg)"),
        (["100000.jpg", "100001.jp"], "1 names of another form (100001.jp)"),
        ([], "lists without a name"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_holidays(put(tmp_path, *names))
    assert said in caught.value.found


def test_a_missing_list_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_holidays(tmp_path / "nowhere.dat")
