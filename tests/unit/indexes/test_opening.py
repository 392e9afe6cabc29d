"""Opening an index: what is damaged, or does not fit together, is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.indexes.figure_entries import (
    BOTH_ENCODERS,
    ENCODER,
    small_index,
    spoil,
    unit_vectors,
)
from zuroku.artifacts import seal
from zuroku.errors import BundleError, IntegrityError
from zuroku.indexes.search import load_index

SHA256 = ENCODER.sha256
VECTORS = "spaces/general/vectors.npy"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A fresh index that a test may spoil."""
    return small_index(tmp_path / "index", 12).path


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


@pytest.mark.parametrize("name", [VECTORS, "payload.parquet", "manifest.json", "thumbnails/000000.tar"])
def test_a_changed_file_is_refused(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-20] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises((IntegrityError, BundleError), match=name):
        load_index(folder)


def cut_short(folder: Path) -> None:
    data = (folder / VECTORS).read_bytes()
    (folder / VECTORS).write_bytes(data[:-100])


def test_vectors_cut_short_are_refused_by_the_seal_and_without_it(folder):
    cut_short(folder)
    with pytest.raises(IntegrityError, match=r"changed spaces/general/vectors\.npy"):
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
    np.save(folder / VECTORS, vectors)
    seal(folder)
    with pytest.raises(BundleError, match=r"vectors\.npy is \("):
        load_index(folder)


def test_pickled_vectors_are_never_executed(folder):
    np.save(folder / VECTORS, np.array([print], dtype=object), allow_pickle=True)
    seal(folder)
    with pytest.raises(BundleError, match=r"vectors\.npy cannot be read"):
        load_index(folder)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"format": 3}, "has format 3"),
        ({"format": None}, "has format None"),
        ({"metric": "euclidean"}, "metric"),
        ({"colour": "red"}, "colour"),
        ({"count": 0}, "count"),
        ({"count": 13}, "end at row 12 of 13"),
        ({"spaces": {}}, "end at row 0"),
        ({"general_dimension": 23}, "encoder has 24"),
        ({"general_count": 11}, "hold 12 figures of 11"),
        ({"general_slices": {"stamp": [0, 5], "graphic_map": [6, 12]}}, "repeat rows at 5"),
        ({"general_slices": {"stamp": [0, 7], "graphic_map": [5, 12]}}, "repeat rows at 5"),
        ({"general_slices": {"stamp": [1, 13]}}, "repeat rows at 0"),
        ({"general_slices": {}}, "slices"),
        ({"routes": {"default": "other", "routes": {}, "empty_slots": []}}, "neither other"),
    ],
)
def test_another_manifest_is_refused(folder, change, fault):
    spoil(folder, **change)
    with pytest.raises(BundleError, match=fault):
        load_index(folder)


def test_an_index_of_format_1_is_to_be_built_again(folder):
    spoil(folder, format=1)
    with pytest.raises(
        BundleError, match=r"(?s)format 1.*expected: an index of format 2.*build the index again"
    ):
        load_index(folder)


def test_figures_in_a_space_to_which_they_are_not_routed_are_refused(tmp_path):
    folder = small_index(tmp_path / "index", 12, BOTH_ENCODERS).path
    spoil(folder, routes={"default": "general", "routes": {"stamp": "landmark"}, "empty_slots": []})
    with pytest.raises(BundleError, match="stamp lie in general, but are routed elsewhere"):
        load_index(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "\udce9"])
def test_a_manifest_that_is_no_mapping_is_refused(folder, text):
    (folder / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    seal(folder)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_index(folder)
