"""Ground truth of ROxford and RParis: both forms, bad input, and the real files."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zuroku.datasets.ground_truth.revisited import RevisitedTruth, read_revisited
from zuroku.errors import SourceError
from zuroku.evaluation.retrieval import revisited

REAL = Path(__file__).resolve().parents[5] / "shared/data/protocols/revisitop"
real_files = pytest.mark.skipif(not REAL.is_dir(), reason="the ground truth of revisitop is not on this disk")


def content(**changed: Any) -> dict[str, Any]:
    gnd = [
        {"easy": [0, 2], "hard": [1], "junk": [], "bbx": [136.5, 34, 648.5, 955.7]},
        {"easy": [], "hard": [3], "junk": [0, 1], "bbx": [0, 0, 10, 10]},
    ]
    return {"imlist": ["a", "b", "c", "d"], "qimlist": ["p", "q"], "gnd": gnd} | changed


def query(**changed: Any) -> dict[str, Any]:
    return {"gnd": [content()["gnd"][0] | changed, content()["gnd"][1]]}


def put(tmp_path: Path, value: object, form: str) -> Path:
    path = tmp_path / f"gnd.{form}"
    path.write_bytes(json.dumps(value).encode() if form == "json" else pickle.dumps(value, 2))
    return path


@pytest.mark.parametrize("form", ["json", "pkl"])
def test_both_forms_are_read(tmp_path: Path, form: str) -> None:
    truth = read_revisited(put(tmp_path, content(), form))
    assert truth.images == ("a", "b", "c", "d")
    assert truth.queries == ("p", "q")
    assert truth.boxes.tolist() == [[136.5, 34, 648.5, 955.7], [0, 0, 10, 10]]
    for found, expected in [
        (truth.easy, [[0, 2], []]),
        (truth.hard, [[1], [3]]),
        (truth.junk, [[], [0, 1]]),
    ]:
        assert [part.tolist() for part in found] == expected
        assert all(part.dtype == np.intp for part in found)


def test_boxes_may_be_missing(tmp_path: Path) -> None:
    gnd = [{kind: entry[kind] for kind in ("easy", "hard", "junk")} for entry in content()["gnd"]]
    assert np.isnan(read_revisited(put(tmp_path, content(gnd=gnd), "json")).boxes).all()


@pytest.mark.parametrize("form", ["json", "pkl"])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (query(easy=[4]), "1 queries that name unknown images (0)"),
        (query(junk=[-1]), "1 queries that name unknown images (0)"),
        (query(easy=[0, 0]), "1 queries that name an image twice (0)"),
        (query(hard=[2]), "1 queries that name an image twice (0)"),
        ({"imlist": ["a", "b", "c", "a"]}, "1 names that come twice (a)"),
        ({"qimlist": ["p", "p"]}, "1 names that come twice (p)"),
        ({"qimlist": ["p"]}, "lengths that differ (1 queries, 2 in gnd)"),
        ({"imlist": []}, "imlist: List should have at least 1 item"),
        ({"gnd": "x"}, "gnd: Input should be a valid list"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
        (query(easy=[1.0]), "gnd.0.easy.0: Input should be a valid integer"),
        (query(easy=[True]), "gnd.0.easy.0: Input should be a valid integer"),
        (query(easy=["a"]), "gnd.0.easy.0: Input should be a valid integer"),
        (query(bbx=[1, 2, 3]), "gnd.0.bbx: List should have at least 4 items"),
        (query(bbx=[1, 2, 3, float("nan")]), "gnd.0.bbx.3: Input should be a finite number"),
        ({"gnd": [{"ok": [1], "junk": []}] * 2}, "gnd.0.easy: Field required"),
    ],
)
def test_bad_content_is_refused(tmp_path: Path, form: str, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_revisited(put(tmp_path, content(**changed), form))
    assert said in caught.value.found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no JSON"),
        (json.dumps(content()).encode()[:-9], "no JSON"),
        (b"[" * 100_000, "nested without end"),
        (b"[]", "the whole: Input should be"),
        (b"\xff\xfe", "no UTF-8"),
    ],
)
def test_broken_json_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "gnd.json"
    path.write_bytes(data)
    with pytest.raises(SourceError) as caught:
        read_revisited(path)
    assert said in caught.value.found


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(SourceError, match="not the ground truth"):
        read_revisited(put(tmp_path, content(gnd=endless), "pkl"))


def read_real(name: str) -> RevisitedTruth:
    return read_revisited(REAL / f"gnd_{name}.pkl")


@real_files
@pytest.mark.parametrize(("name", "n_images"), [("roxford5k", 4993), ("rparis6k", 6322)])
def test_the_published_ground_truth(name: str, n_images: int) -> None:
    truth = read_real(name)
    assert (len(truth.images), len(truth.queries)) == (n_images, 70)
    assert len(truth.easy) == len(truth.hard) == len(truth.junk) == len(truth.boxes) == 70
    assert not set(truth.images) & set(truth.queries)
    assert (truth.boxes[:, :2] < truth.boxes[:, 2:]).all()


@real_files
@pytest.mark.parametrize("name", ["roxford5k", "rparis6k"])
def test_a_perfect_ranking_of_the_published_ground_truth_scores_one(name: str) -> None:
    truth = read_real(name)
    # Easy first, then hard; what E passes over stands before the end, and what H passes over at the front.
    columns = []
    for parts in zip(truth.easy, truth.hard, truth.junk, strict=True):
        first = np.concatenate(parts)
        columns.append(np.append(first, np.setdiff1d(np.arange(len(truth.images)), first)))
    scores = revisited(np.array(columns).T, truth.easy, truth.hard, truth.junk, len(truth.images))
    for part in scores.values():
        assert part.mean_average_precision == pytest.approx(1)
        assert [part.mean_precision_at(k) for k in (1, 5, 10)] == pytest.approx([1, 1, 1])
    empty = [sum(len(images) == 0 for images in kind) for kind in (truth.easy, truth.hard)]
    assert [int(np.isnan(scores[p].average_precision).sum()) for p in ("E", "H")] == empty


@real_files
@pytest.mark.parametrize("name", ["roxford5k", "rparis6k"])
def test_a_random_ranking_of_the_published_ground_truth_equals_a_loop(name: str) -> None:
    truth = read_real(name)
    n = len(truth.images)
    ranks = np.random.default_rng(1).permuted(np.tile(np.arange(n), (70, 1)), axis=1).T
    scores = revisited(ranks, truth.easy, truth.hard, truth.junk, n)
    kinds = [[set(part.tolist()) for part in kind] for kind in (truth.easy, truth.hard, truth.junk)]
    easy, hard, junk = kinds
    for part, right, passed_over in (
        ("E", easy, [h | j for h, j in zip(hard, junk, strict=True)]),
        ("M", [e | h for e, h in zip(easy, hard, strict=True)], junk),
        ("H", hard, [e | j for e, j in zip(easy, junk, strict=True)]),
    ):
        for number in range(70):
            left = [image for image in ranks[:, number].tolist() if image not in passed_over[number]]
            hits, area, places = 0, 0.0, []
            for place, image in enumerate(left):
                if image in right[number]:
                    area += (hits / place if place else 1.0) / 2 + (hits + 1) / (place + 1) / 2
                    hits += 1
                    places.append(place + 1)
            found = [scores[part].average_precision[number]]
            found += [scores[part].precision_at[k][number] for k in (1, 5, 10)]
            if not right[number]:
                assert np.isnan(found).all()
                continue
            depths = [min(places[-1], k) for k in (1, 5, 10)]
            expected = [area / len(right[number])]
            expected += [sum(place <= depth for place in places) / depth for depth in depths]
            assert found == pytest.approx(expected, abs=1e-12)
