"""Ground truth of Google Landmarks v2: the published CSVs."""

from pathlib import Path

import pytest

from zuroku.datasets.ground_truth.google_landmarks import read_google_landmarks, read_solution
from zuroku.errors import SourceError

INDEX = "id\naa\nbb\ncc\n"
SOLUTION = "id,images,Usage\nq1,cc aa,Private\nq2,None,Ignored\nq3,bb,Public\n"


def put(folder: Path, index: str = INDEX, solution: str = SOLUTION) -> Path:
    (folder / "index.csv").write_text(index)
    (folder / "retrieval_solution_v2.1.csv").write_text(solution)
    return folder


def test_ignored_queries_are_left_out(tmp_path: Path) -> None:
    truth = read_google_landmarks(put(tmp_path))
    assert truth.images == ("aa", "bb", "cc")
    assert truth.queries == ("q1", "q3")
    assert [part.tolist() for part in truth.relevant] == [[2, 0], [1]]
    assert truth.usages == ("Private", "Public")


def test_a_recognition_solution_may_have_queries_without_a_landmark(tmp_path: Path) -> None:
    path = tmp_path / "recognition_solution_v2.1.csv"
    path.write_text('id,landmarks,Usage\nq1,7 12,Public\nq2,,Private\nq3,"5",Private\nq4,,Ignored\n')
    solution = read_solution(path, "landmarks")
    assert solution.queries == ("q1", "q2", "q3")
    assert solution.answers == (("7", "12"), (), ("5",))
    assert solution.usages == ("Public", "Private", "Private")


@pytest.mark.parametrize(
    ("index", "solution", "said"),
    [
        (INDEX, SOLUTION.replace("bb", "zz"), "1 unknown images (zz for q3)"),
        (INDEX, SOLUTION.replace("cc aa", "cc cc"), "1 queries that name an image twice (q1)"),
        (INDEX, SOLUTION.replace("bb", ""), "1 scored queries without an answer (q3)"),
        (INDEX, SOLUTION.replace("q3", "q1"), "1 names that come twice (q1)"),
        (INDEX, SOLUTION.replace("Public", "public"), "1 unknown usages ('public' of q3)"),
        (INDEX, "id,images,Usage\nq2,None,Ignored\n", "1 solutions without a scored query"),
        (INDEX, "id,landmarks,Usage\nq1,3,Public\n", "has no column images"),
        (INDEX, SOLUTION + "q4,aa", "has 1 short lines"),
        (INDEX, "", "has no column id, images, Usage"),
        (INDEX + "aa\n", SOLUTION, "1 names that come twice (aa)"),
        ("id\n", SOLUTION, "galleries without an image"),
        ("name\naa\n", SOLUTION, "has no column id"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, index: str, solution: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_google_landmarks(put(tmp_path, index, solution))
    assert said in caught.value.found


def test_both_files_must_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds 0 files retrieval_solution\*.csv and no index.csv"):
        read_google_landmarks(tmp_path)
    put(tmp_path)
    (tmp_path / "retrieval_solution_v2.csv").write_text(SOLUTION)
    with pytest.raises(SourceError, match=r"holds 2 files .* and an index\.csv"):
        read_google_landmarks(tmp_path)
