"""Files of rankings and ground truth, joined: what comes out, and what is refused."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zuroku.datasets.ground_truth.protocol import Protocol
from zuroku.errors import ConfigError, EvaluationError, SourceError
from zuroku.evaluation.ranking import rank_gallery
from zuroku.reports.retrieval_scores import RankingFiles, RetrievalScores, score_retrieval, score_table


def put_array(path: Path, array: object) -> Path:
    np.save(path, np.asarray(array))
    return path


def put_truth(folder: Path, protocol: Protocol) -> tuple[Path, int, int]:
    """Write small ground truth; return it with its numbers of images and queries."""
    folder.mkdir(exist_ok=True)
    if protocol == "ukbench":
        (folder / "names.txt").write_text("\n".join(f"ukbench{i:05}.jpg" for i in range(8)))
        return folder / "names.txt", 8, 8
    if protocol == "holidays":
        names = [f"{group}{i:02}.jpg" for group in (1000, 1001, 1002) for i in range(3)]
        (folder / "holidays_images.dat").write_text("\n".join(names))
        return folder / "holidays_images.dat", 9, 3
    if protocol == "oxford5k":
        (folder / "images.txt").write_text("\n".join("abcdef"))
        for number, good in ((1, "a\nb"), (2, "d")):
            files = {"query": f"oxc1_{good[0]} 0 0 9 9", "good": good, "ok": "c", "junk": "e\nf"}
            for kind, text in files.items():
                (folder / f"tower_{number}_{kind}.txt").write_text(text)
        return folder, 6, 2
    if protocol == "gld":
        (folder / "index.csv").write_text("id\n" + "\n".join("abcdef"))
        rows = "q1,a b,Public\nq2,None,Ignored\nq3,c,Private\nq4,d,Private\n"
        (folder / "retrieval_solution_v2.1.csv").write_text("id,images,Usage\n" + rows)
        return folder, 6, 3
    gnd = [
        {"easy": [0, 1], "hard": [2], "junk": [3], "bbx": [0, 0, 9, 9]},
        {"easy": [], "hard": [4], "junk": [], "bbx": [0, 0, 9, 9]},
    ]
    content = {"imlist": list("abcdef"), "qimlist": ["p", "q"], "gnd": gnd}
    (folder / "gnd.json").write_text(json.dumps(content))
    return folder / "gnd.json", 6, 2


def by_ranks(tmp_path: Path, protocol: Protocol, ranks: Any) -> RetrievalScores:
    truth, _, _ = put_truth(tmp_path / "truth", protocol)
    return score_retrieval(protocol, truth, RankingFiles(ranks=put_array(tmp_path / "ranks.npy", ranks)))


PERFECT: dict[str, list[list[int]]] = {
    "ukbench": [[i // 4 * 4 + (i + j) % 4 for j in range(4)] for i in range(8)],
    "holidays": [[0, 1, 2, *range(3, 9)], [4, 5, 3, *range(3), *range(6, 9)], [8, 7, *range(7)]],
    "oxford5k": [[4, 0, 1, 2, 3, 5], [3, 2, 0, 1, 4, 5]],
    "roxford": [[3, 1, 0, 2, 4, 5], [4, 0, 1, 2, 3, 5]],
    "rparis": [[0, 3, 1, 2, 4, 5], [4, 0, 1, 2, 3, 5]],
    "gld": [[0, 1, 2], [2, 0, 1], [3, 0, 1]],
}
_REVISITED = {part: {"mAP": 1.0, "mP@1": 1.0, "mP@5": 1.0, "mP@10": 1.0} for part in ("E", "M", "H")}
BEST: dict[str, dict[str, Any]] = {
    "ukbench": {"NS": 4.0},
    "holidays": {"mAP": 1.0},
    "oxford5k": {"mAP": 1.0},
    "roxford": _REVISITED,
    "rparis": _REVISITED,
    "gld": {"mAP@100": 1.0, "Private": {"mAP@100": 1.0}, "Public": {"mAP@100": 1.0}},
}


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_perfect_ranking_reaches_the_best_score(tmp_path: Path, protocol: Protocol) -> None:
    result = by_ranks(tmp_path, protocol, np.array(PERFECT[protocol]).T)
    assert result.scores == BEST[protocol]


def test_scores_by_hand(tmp_path: Path) -> None:
    # Query 1: a wrong image, then both easy ones, the hard one, the junk. Query 2 has no easy image.
    ranks = np.array([[5, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]]).T
    scores = by_ranks(tmp_path, Protocol.ROXFORD, ranks).scores
    easy = ((0 + 1 / 2) / 2 + (1 / 2 + 2 / 3) / 2) / 2
    assert scores["E"] == pytest.approx({"mAP": easy, "mP@1": 0, "mP@5": 2 / 3, "mP@10": 2 / 3})
    # Hard: in query 1 places 1 (wrong) and 2 are left, in query 2 all.
    hard = ((0 + 1 / 2) / 2 + (0 + 1 / 5) / 2) / 2
    middle = (1 / 2 + 1 / 5) / 2
    assert scores["H"] == pytest.approx({"mAP": hard, "mP@1": 0, "mP@5": middle, "mP@10": middle})


def test_usages_of_landmarks_are_told_apart(tmp_path: Path) -> None:
    ranks = np.array([[0, 5, 1], [5, 2, 0], [-1, -1, -1]]).T
    result = by_ranks(tmp_path, Protocol.GLD, ranks)
    public, private = (1 + 2 / 3) / 2, (1 / 2 + 0) / 2
    assert result.scores["Public"] == pytest.approx({"mAP@100": public})
    assert result.scores["Private"] == pytest.approx({"mAP@100": private})
    assert result.scores["mAP@100"] == pytest.approx((public + 2 * private) / 3)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_embeddings_score_as_their_ranks_do(tmp_path: Path, protocol: Protocol) -> None:
    truth, n_images, n_queries = put_truth(tmp_path / "truth", protocol)
    rng = np.random.default_rng(5)
    gallery = rng.normal(size=(n_images, 4)).astype(np.float32)
    queries = gallery if protocol == "ukbench" else rng.normal(size=(n_queries, 4)).astype(np.float32)
    files = {
        "ranks": put_array(tmp_path / "ranks.npy", rank_gallery(queries, gallery)),
        "queries": put_array(tmp_path / "queries.npy", queries),
        "gallery": put_array(tmp_path / "gallery.npy", gallery),
    }
    by_embeddings = RankingFiles(queries=files["queries"], gallery=files["gallery"])
    results = [score_retrieval(protocol, truth, f) for f in (RankingFiles(files["ranks"]), by_embeddings)]
    assert results[0] == results[1]
    assert (results[0].n_images, results[0].n_queries, results[0].note) == (n_images, n_queries, "")


@pytest.mark.parametrize(
    ("protocol", "kept", "said"),
    [("ukbench", 4, False), ("holidays", 8, True), ("oxford5k", 5, True), ("roxford", 3, True)],
)
def test_a_ranking_that_ends_early_is_noted_where_it_matters(
    tmp_path: Path, protocol: str, kept: int, said: bool
) -> None:
    ranks = np.array(PERFECT[protocol]).T[:kept]
    assert bool(by_ranks(tmp_path, Protocol(protocol), ranks).note) is said


@pytest.mark.parametrize(("n_images", "kept", "said"), [(150, 100, False), (150, 99, True), (60, 60, False)])
def test_landmarks_need_a_hundred_answers(tmp_path: Path, n_images: int, kept: int, said: bool) -> None:
    (tmp_path / "index.csv").write_text("id\n" + "\n".join(map(str, range(n_images))))
    (tmp_path / "retrieval_solution.csv").write_text("id,images,Usage\nq,0 7,Public\n")
    files = RankingFiles(put_array(tmp_path / "ranks.npy", np.arange(kept)[:, None]))
    assert bool(score_retrieval(Protocol.GLD, tmp_path, files).note) is said


def test_ukbench_takes_the_number_of_images(tmp_path: Path) -> None:
    files = RankingFiles(put_array(tmp_path / "ranks.npy", np.array(PERFECT["ukbench"]).T))
    assert score_retrieval(Protocol.UKBENCH, Path("8"), files).scores == {"NS": 4.0}
    with pytest.raises(SourceError, match="7 images of UKBench"):
        score_retrieval(Protocol.UKBENCH, Path("7"), files)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_tables_hold_every_number(tmp_path: Path, protocol: Protocol) -> None:
    result = by_ranks(tmp_path, protocol, np.array(PERFECT[protocol]).T)
    first, header, *rows = score_table(result).splitlines()
    assert first == f"{protocol}: {result.n_queries} queries, {result.n_images} images"
    cells = {row.split()[0]: dict(zip(header.split(), row.split()[1:], strict=True)) for row in rows}
    for name, value in BEST[protocol].items():
        expected = value if isinstance(value, dict) else {name: value}
        part = cells[name if isinstance(value, dict) else "all"]
        assert {column: float(cell) for column, cell in part.items()} == expected


RANKS = np.array(PERFECT["roxford"]).T


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        (RANKS.T, "shape (2, 6) for 6 images and 2 queries"),
        (RANKS[:, :1], "shape (6, 1)"),
        (RANKS[:, 0], "shape (6,)"),
        (RANKS.astype(float), "ranks hold float64"),
        (RANKS - 1, "outside 0 to 5"),
        (RANKS // 2, "come twice"),
        (np.append(RANKS, RANKS, axis=0), "shape (12, 2)"),
        (RANKS[:0], "shape (0, 2)"),
    ],
)
def test_bad_ranks_are_refused(tmp_path: Path, ranks: Any, said: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        by_ranks(tmp_path, Protocol.ROXFORD, ranks)
    assert said in caught.value.found


@pytest.mark.parametrize("protocol", [Protocol.UKBENCH, Protocol.HOLIDAYS, Protocol.OXFORD5K, Protocol.GLD])
def test_other_protocols_have_no_images_after_the_ground_truth(tmp_path: Path, protocol: Protocol) -> None:
    with pytest.raises(EvaluationError, match="outside 0 to"):
        by_ranks(tmp_path, protocol, np.array(PERFECT[protocol]).T + 5)


@pytest.mark.parametrize("protocol", [Protocol.ROXFORD, Protocol.RPARIS])
def test_distractors_are_wrong_answers(tmp_path: Path, protocol: Protocol) -> None:
    whole = np.array([[3, 1, 9, 0, 2, 4, 5, 6, 7, 8], [6, 4, 0, 1, 2, 3, 5, 9, 7, 8]]).T
    result = by_ranks(tmp_path, protocol, whole)
    # Of both hard images one distractor comes first, once the easy and junk ones are gone.
    assert result.scores["H"] == pytest.approx({"mAP": 1 / 4, "mP@1": 0, "mP@5": 1 / 2, "mP@10": 1 / 2})
    assert result.n_images == 10
    assert result.note.startswith("4 images after the 6 of the ground truth are taken for distractors")
    assert "lower bounds" not in result.note
    cut = by_ranks(tmp_path, protocol, whole[:6])
    assert "only 6 of 10 images are ranked" in cut.note


def test_a_far_distractor_needs_no_room_for_those_before_it(tmp_path: Path) -> None:
    ranks = RANKS.astype(np.int64)
    ranks[-1] = 2**60
    assert by_ranks(tmp_path, Protocol.ROXFORD, ranks).n_images == 2**60 + 1


def test_embedded_distractors_score_as_their_ranks_do(tmp_path: Path) -> None:
    truth, n_images, n_queries = put_truth(tmp_path / "truth", Protocol.ROXFORD)
    rng = np.random.default_rng(6)
    gallery, queries = rng.normal(size=(n_images + 30, 4)), rng.normal(size=(n_queries, 4))
    paths = [put_array(tmp_path / f"{name}.npy", a) for name, a in (("q", queries), ("g", gallery))]
    found = score_retrieval(Protocol.ROXFORD, truth, RankingFiles(None, *paths))
    assert found == by_ranks(tmp_path, Protocol.ROXFORD, rank_gallery(queries, gallery))
    holidays, _, n_asked = put_truth(tmp_path / "others", Protocol.HOLIDAYS)
    put_array(tmp_path / "q.npy", rng.normal(size=(n_asked, 4)))
    with pytest.raises(EvaluationError, match="9 of the gallery"):
        score_retrieval(Protocol.HOLIDAYS, holidays, RankingFiles(None, *paths))


def altered(value: float) -> Any:
    vectors = np.ones((6, 3), dtype=np.float32)
    vectors[2] = value
    return vectors


@pytest.mark.parametrize(
    ("queries", "gallery", "said"),
    [
        (np.ones((2, 3)), altered(np.nan), "gallery have 1 row NaN or infinite (2)"),
        (np.ones((2, 3)), altered(0), "gallery have 1 row of length zero (2)"),
        (np.ones((2, 4)), altered(1), "queries are 4 wide and the gallery 3"),
        (np.ones((2, 3)), np.empty((0, 3)), "(2, 3) for the queries and (0, 3) for the gallery"),
        (np.ones((3, 2)), altered(1).T, "(3, 2) for the queries and (3, 6) for the gallery"),
        (np.ones(2), altered(1), "queries has shape (2,)"),
        (np.ones((2, 3), dtype=int), altered(1), "queries hold int64"),
    ],
)
def test_bad_embeddings_are_refused(tmp_path: Path, queries: Any, gallery: Any, said: str) -> None:
    truth, _, _ = put_truth(tmp_path / "truth", Protocol.ROXFORD)
    paths = [put_array(tmp_path / f"{name}.npy", a) for name, a in (("q", queries), ("g", gallery))]
    with pytest.raises(EvaluationError) as caught:
        score_retrieval(Protocol.ROXFORD, truth, RankingFiles(None, *paths))
    assert said in caught.value.found


def npy_bytes(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz_bytes() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, ranks=RANKS)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no array",
        npy_bytes(RANKS)[:40],
        npy_bytes(RANKS)[:-3],
        npy_bytes(np.array([{"a": 1}, None])),
        npy_bytes(np.array(3)),
        npz_bytes(),
        npz_bytes()[:50],
    ],
)
def test_files_that_are_no_whole_array_are_refused(tmp_path: Path, data: bytes) -> None:
    truth, _, _ = put_truth(tmp_path / "truth", Protocol.ROXFORD)
    (tmp_path / "ranks.npy").write_bytes(data)
    with pytest.raises(SourceError, match=r"ranks\.npy cannot be used"):
        score_retrieval(Protocol.ROXFORD, truth, RankingFiles(tmp_path / "ranks.npy"))


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    truth, _, _ = put_truth(tmp_path / "truth", Protocol.ROXFORD)
    for path in (tmp_path / "nowhere.npy", tmp_path):
        with pytest.raises(SourceError, match="cannot be used"):
            score_retrieval(Protocol.ROXFORD, truth, RankingFiles(path))


@pytest.mark.parametrize("given", ["", "r q", "r g", "r q g", "q", "g"])
def test_one_whole_ranking_must_be_given(tmp_path: Path, given: str) -> None:
    path = put_array(tmp_path / "x.npy", RANKS)
    files = RankingFiles(*(path if name in given.split() else None for name in "rqg"))
    with pytest.raises(ConfigError, match="both ranks and embeddings, or neither"):
        score_retrieval(Protocol.ROXFORD, tmp_path, files)
