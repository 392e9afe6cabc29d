"""Searching an index: against a full sort, by tag and without books; and everything it refuses."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.indexes.figure_entries import DIMENSION, ENCODER, small_index, unit_vectors
from zuroku.artifacts import seal
from zuroku.errors import BundleError, EvaluationError, IntegrityError
from zuroku.indexes.search import load_index

SHA256 = ENCODER.sha256


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return small_index(tmp_path_factory.mktemp("index") / "index", 50)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A fresh index that a test may spoil."""
    return small_index(tmp_path / "index", 12).path


def sorted_ids(index, query, wanted) -> list[str]:
    """Ids of the figures that ``wanted`` accepts, by falling inner product."""
    figures = index.payload(range(len(index)))
    products = [(-float(np.dot(query, index.vectors[row])), row) for row in range(len(index))]
    return [figures[row].figure_id for _, row in sorted(products) if wanted(figures[row])]


@pytest.mark.parametrize("tag", [None, "graphic_map", "stamp", "picture_landmark"])
@pytest.mark.parametrize("pids", [(), ("1001",), {"1000", "1003", "unknown"}])
def test_results_are_those_of_a_full_sort_of_what_the_filters_leave(index, tag, pids):
    queries = unit_vectors(5, seed=9)
    nearest = index.search(queries, 6, SHA256, tag, pids)
    for query, rows in zip(queries, nearest.rows, strict=True):
        expected = sorted_ids(index, query, lambda f: tag in (None, f.primary_tag) and f.pid not in pids)
        assert [figure.figure_id for figure in index.payload(rows)] == expected[:6]


def test_a_figure_is_its_own_nearest_with_a_cosine_of_one(index):
    nearest = index.search(index.vectors, 1, SHA256)
    assert nearest.rows[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(nearest.scores, 1, atol=1e-6)


def test_more_neighbours_than_figures_are_padded(index):
    nearest = index.search(unit_vectors(2), 60, SHA256)
    assert nearest.rows.shape == nearest.scores.shape == (2, 60)
    assert sorted(nearest.rows[0, :50]) == list(range(50))
    assert (nearest.rows[:, 50:] == -1).all()
    assert np.isnan(nearest.scores[:, 50:]).all()
    assert not np.isnan(nearest.scores[:, :50]).any()


def test_all_books_excluded_leave_nothing(index):
    nearest = index.search(unit_vectors(1), 3, SHA256, exclude_pids=["1000", "1001", "1002", "1003"])
    assert nearest.rows.tolist() == [[-1, -1, -1]]


def test_no_queries_give_no_results(index):
    assert index.search(unit_vectors(1)[:0], 3, SHA256).rows.shape == (0, 3)


def test_a_query_of_another_encoder_is_refused_by_both_names(index):
    with pytest.raises(BundleError, match=f"(?s)encoder {'ef' * 32}.*drawn {SHA256}"):
        index.search(unit_vectors(1), 3, "ef" * 32)


@pytest.mark.parametrize(
    ("queries", "fault"),
    [
        (np.full((2, DIMENSION), np.nan, dtype=np.float32), "2 queries that are not finite"),
        (np.vstack([unit_vectors(1), np.full((1, DIMENSION), np.inf)]), "the first in row 1"),
        (3 * unit_vectors(2), "row 0 that is not of unit length"),
        (np.zeros((1, DIMENSION)), "not of unit length"),
        (unit_vectors(1)[0], r"shape \(24,\)"),
        (unit_vectors(2)[:, 1:], r"shape \(2, 23\)"),
    ],
)
def test_bad_queries_are_refused(index, queries, fault):
    with pytest.raises(EvaluationError, match=fault):
        index.search(queries, 3, SHA256)


@pytest.mark.parametrize("k", [0, -1])
def test_no_neighbours_are_refused(index, k):
    with pytest.raises(EvaluationError, match=f"k = {k}"):
        index.search(unit_vectors(1), k, SHA256)


def test_an_unknown_tag_is_refused_with_the_known_ones(index):
    with pytest.raises(EvaluationError, match=r"(?s)'pictur'.*graphic_map, picture_landmark, stamp"):
        index.search(unit_vectors(1), 3, SHA256, tag="pictur")


@pytest.mark.parametrize("row", [-1, 50])
def test_rows_outside_are_refused(index, row):
    with pytest.raises(EvaluationError, match=f"row {row} of an index of 50"):
        index.payload([3, row])
    with pytest.raises(EvaluationError, match=f"row {row}"):
        index.thumbnail(row)


def test_no_rows_have_no_payload(index):
    assert index.payload([]) == []


def test_an_index_without_its_encoder_says_so(index):
    with pytest.raises(BundleError, match=r"(?s)holds no encoder.*drawn"):
        _ = index.encoder_folder


def test_a_published_link_may_move_while_the_index_is_in_use(tmp_path):
    first, second = small_index(tmp_path / "first", 12), small_index(tmp_path / "second", 5)
    link = tmp_path / "champion"
    link.symlink_to(first.path)
    opened = load_index(link)
    link.unlink()
    link.symlink_to(second.path)
    assert opened.search(unit_vectors(1), 12, SHA256).rows.max() == 11
    assert opened.thumbnail(11) == first.thumbnail(11)


def test_a_folder_that_is_no_index_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no index bundle"):
        load_index(tmp_path)
    with pytest.raises(BundleError, match="no index bundle"):
        load_index(tmp_path / "missing")


@pytest.mark.parametrize("name", ["vectors.npy", "payload.parquet", "manifest.json", "thumbnails/000000.tar"])
def test_a_changed_file_is_refused(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-20] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises((IntegrityError, BundleError), match=name):
        load_index(folder)


def cut_short(folder: Path) -> None:
    data = (folder / "vectors.npy").read_bytes()
    (folder / "vectors.npy").write_bytes(data[:-100])


def test_vectors_cut_short_are_refused_by_the_seal_and_without_it(folder):
    cut_short(folder)
    with pytest.raises(IntegrityError, match=r"changed vectors\.npy"):
        load_index(folder)
    seal(folder)
    with pytest.raises(BundleError, match=r"vectors\.npy cannot be read"):
        load_index(folder)


def rewrite_payload(folder: Path, table: pa.Table) -> None:
    pq.write_table(table, folder / "payload.parquet")
    seal(folder)


def test_a_payload_of_another_length_or_shape_is_refused(folder):
    table = pq.read_table(folder / "payload.parquet")
    rewrite_payload(folder, table.slice(1))
    with pytest.raises(BundleError, match=r"payload\.parquet has 11 rows"):
        load_index(folder)
    rewrite_payload(folder, table.drop_columns("pid"))
    with pytest.raises(BundleError, match="has the columns figure_id, page_id, title"):
        load_index(folder)
    (folder / "payload.parquet").write_bytes(b"PAR1")
    seal(folder)
    with pytest.raises(BundleError, match=r"payload\.parquet cannot be read"):
        load_index(folder)


@pytest.mark.parametrize(
    "vectors",
    [unit_vectors(11), unit_vectors(12)[:, :-1], unit_vectors(12).astype(np.float64)],
    ids=["rows", "columns", "dtype"],
)
def test_vectors_of_another_shape_are_refused(folder, vectors):
    np.save(folder / "vectors.npy", vectors)
    seal(folder)
    with pytest.raises(BundleError, match=r"vectors\.npy is \("):
        load_index(folder)


def test_pickled_vectors_are_never_executed(folder):
    np.save(folder / "vectors.npy", np.array([print], dtype=object), allow_pickle=True)
    seal(folder)
    with pytest.raises(BundleError, match=r"vectors\.npy cannot be read"):
        load_index(folder)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"format": 2}, "has format 2"),
        ({"format": None}, "has format None"),
        ({"metric": "euclidean"}, "metric"),
        ({"colour": "red"}, "colour"),
        ({"count": 0}, "count"),
        ({"count": 13}, "end at row 12 of 13"),
        ({"dimension": 23}, "encoder has 24"),
        ({"slices": {"stamp": [0, 5], "graphic_map": [6, 12]}}, "repeat rows at 5"),
        ({"slices": {"stamp": [0, 7], "graphic_map": [5, 12]}}, "repeat rows at 5"),
        ({"slices": {}}, "end at row 0"),
    ],
)
def test_another_manifest_is_refused(folder, change, fault):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    seal(folder)
    with pytest.raises(BundleError, match=fault):
        load_index(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "\udce9"])
def test_a_manifest_that_is_no_mapping_is_refused(folder, text):
    (folder / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    seal(folder)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_index(folder)
