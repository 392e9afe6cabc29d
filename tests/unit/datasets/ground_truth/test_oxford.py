"""Ground truth of Oxford Buildings and Paris: a folder of text files."""

from pathlib import Path

import numpy as np
import pytest

from zuroku.datasets.ground_truth.oxford import read_oxford
from zuroku.errors import SourceError


def put_truth(folder: Path) -> Path:
    """Three queries of two landmarks, one of them a tenth, over six images."""
    names = ["all_souls_000013", "all_souls_000026", "oxford_000001", "bodleian_000002", "a", "b"]
    files = {
        "images": "\n".join(f"{name}.jpg" if name < "b" else name for name in names) + "\n",
        "all_souls_10_query": "oxc1_all_souls_000013 136.5 34.1 648.5 955.7\n",
        "all_souls_10_good": "all_souls_000013\nall_souls_000026\n",
        "all_souls_10_ok": "oxford_000001\n",
        "all_souls_10_junk": "",
        "all_souls_2_query": "oxc1_all_souls_000026 1 2 3 4",
        "all_souls_2_good": "all_souls_000026",
        "all_souls_2_ok": "",
        "all_souls_2_junk": "a\nb\n",
        "bodleian_1_query": "bodleian_000002 1 2 3 4\r\n",  # as Paris writes them
        "bodleian_1_good": "bodleian_000002\r\n",
        "bodleian_1_ok": "",
        "bodleian_1_junk": "",
    }
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    (folder / "readme.txt").write_text("not of a query")
    return folder


def fault(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_oxford(folder)
    return caught.value.found


def test_the_folder_is_read_by_landmark_then_number(tmp_path: Path) -> None:
    truth = read_oxford(put_truth(tmp_path))
    assert truth.queries == ("all_souls_2", "all_souls_10", "bodleian_1")
    assert truth.images[0] == "all_souls_000013"
    assert truth.query_images.tolist() == [1, 0, 3]
    assert truth.boxes.tolist() == [[1, 2, 3, 4], [136.5, 34.1, 648.5, 955.7], [1, 2, 3, 4]]
    assert [part.tolist() for part in truth.good] == [[1], [0, 1], [3]]
    assert [part.tolist() for part in truth.ok] == [[], [2], []]
    assert [part.tolist() for part in truth.junk] == [[4, 5], [], []]
    assert all(part.dtype == np.intp for part in truth.junk)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("all_souls_2_good", "all_souls_0000", "1 unknown images (all_souls_0000 in all_souls_2_good.txt)"),
        ("all_souls_2_query", "oxc1_nowhere 1 2 3 4", "1 unknown images (nowhere in all_souls_2_query.txt)"),
        ("all_souls_2_query", "", "1 queries that are not an image and a box (all_souls_2_query.txt)"),
        ("all_souls_2_query", "oxc1_a 1 2 3", "not an image and a box"),
        ("all_souls_2_query", "oxc1_a 1 2 3 x", "not an image and a box"),
        ("all_souls_2_query", "oxc1_a 1 2 3 nan", "not an image and a box"),
        ("all_souls_2_query", "oxc1_a 3 2 1 4", "not an image and a box"),
        ("all_souls_2_ok", "a", "1 queries that name an image twice (all_souls_2)"),
        ("all_souls_2_junk", "a\na", "1 queries that name an image twice (all_souls_2)"),
        ("images", "a\nb\na\n", "1 names that come twice (a)"),
        ("images", "a\na.jpg\n", "1 images of one name (a)"),
        ("images", "\n", "lists without a name"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    (put_truth(tmp_path) / f"{name}.txt").write_text(text)
    assert said in fault(tmp_path)


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    put_truth(tmp_path)
    (tmp_path / "all_souls_2_good.txt").write_text("lost")
    (tmp_path / "bodleian_1_query.txt").write_text("")
    found = fault(tmp_path)
    assert "2 faults" in found
    assert "lost in all_souls_2_good.txt" in found
    assert "bodleian_1_query.txt" in found


def test_missing_files_are_named(tmp_path: Path) -> None:
    put_truth(tmp_path)
    (tmp_path / "all_souls_10_junk.txt").unlink()
    (tmp_path / "bodleian_1_query.txt").unlink()
    assert "missing files (all_souls_10_junk.txt, bodleian_1_query.txt)" in fault(tmp_path)


def test_without_the_list_of_images_the_remedy_is_said(tmp_path: Path) -> None:
    (put_truth(tmp_path) / "images.txt").unlink()
    assert "has no images.txt" in fault(tmp_path)


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_queries_is_said(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no ground truth" in fault(tmp_path / folder)


def test_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    (put_truth(tmp_path) / "all_souls_2_ok.txt").write_bytes(b"\xff\xfe\x00")
    assert "all_souls_2_ok.txt cannot be read: no UTF-8" in fault(tmp_path)
