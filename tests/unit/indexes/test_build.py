"""Building an index: what it holds, what it refuses, and that it appears whole or not at all."""

import json
import multiprocessing
import os
import resource
import signal
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.unit.indexes.figure_entries import (
    BOTH_ENCODERS,
    DATA,
    DIMENSION,
    ENCODER,
    ENCODERS,
    LANDMARK_ENCODER,
    ROUTES,
    SETTINGS,
    entries,
    entry,
    small_index,
    thumbnail,
    unit_vectors,
)
from zuroku.artifacts import build, verify
from zuroku.errors import BundleError, ConfigError, IntegrityError, StorageError
from zuroku.indexes import spool
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import IndexEntry, IndexSettings, SpaceEncoder
from zuroku.indexes.search import load_index


def built(folder: Path, figures, encoders=ENCODERS, settings=SETTINGS) -> Path:
    return build_index(figures, settings, encoders, ROUTES, folder / "index", DATA).path


def test_every_figure_is_found_again_with_its_vector_payload_and_thumbnail(tmp_path):
    index = small_index(tmp_path / "index", 50)
    given = {figure.figure_id: figure for figure in entries(50)}
    for row, figure in enumerate(index.payload(range(50))):
        was = given.pop(figure.figure_id)
        assert (index.spaces["general"].vectors[row] == was.vector).all()
        assert index.thumbnail(row) == was.thumbnail
        assert (figure.x_min, figure.y_min, figure.x_max, figure.y_max) == was.box
        assert dict(zip(figure.tags, figure.confidences, strict=True)) == was.tags
        for name in ("page_id", "pid", "title", "primary_tag", "licence", "source_url"):
            assert getattr(figure, name) == getattr(was, name)
    assert not given


def test_each_primary_tag_is_one_slice_in_the_order_of_arrival(tmp_path):
    index = small_index(tmp_path / "index", 50)
    slices = index.manifest.spaces["general"].slices
    assert list(slices) == ["graphic_map", "picture_landmark", "stamp"]
    for tag, (start, stop) in slices.items():
        figures = index.payload(range(start, stop))
        assert {figure.primary_tag for figure in figures} == {tag}
        assert [f.figure_id for f in figures] == sorted(f.figure_id for f in figures)


def test_batches_change_nothing(tmp_path, monkeypatch):
    whole = small_index(tmp_path / "whole", 50)
    monkeypatch.setattr(spool, "_BATCH_ROWS", 4)
    batched = small_index(tmp_path / "batched", 50)
    assert pq.ParquetFile(batched.path / "payload.parquet").num_row_groups > 10
    assert (whole.spaces["general"].vectors == batched.spaces["general"].vectors).all()
    rows = [49, 0, 17, 17, 3, 33]
    assert whole.payload(rows) == batched.payload(rows)
    assert [figure.figure_id for figure in batched.payload(rows)][2:4] == ["fig002", "fig002"]


def test_the_same_figures_give_the_same_bytes(tmp_path):
    first = build_index(entries(30), SETTINGS, ENCODERS, ROUTES, tmp_path / "a", DATA)
    again = build_index(entries(30), SETTINGS, ENCODERS, ROUTES, tmp_path / "b", DATA)
    other = build_index(entries(30, seed=1), SETTINGS, ENCODERS, ROUTES, tmp_path / "c", DATA)
    assert first.sha256 == again.sha256 != other.sha256


def test_the_files_are_those_that_other_programs_read(tmp_path):
    folder = built(tmp_path, entries(50))
    assert np.load(folder / "spaces" / "general" / "vectors.npy").shape == (50, DIMENSION)
    assert pq.read_table(folder / "payload.parquet").num_rows == 50
    shards = sorted((folder / "thumbnails").iterdir())
    assert len(shards) > 2
    names = []
    for shard in shards:
        with tarfile.open(shard) as tar:
            names += tar.getnames()
    assert names == [f"fig{number:03d}.jpg" for number in range(50)]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["spaces"]["general"]["encoder"]["sha256"] == ENCODER.sha256
    assert manifest["data"] == DATA
    assert not list(folder.rglob("*.pkl"))
    assert not (folder / "spool").exists()


def with_vector(vector) -> Iterator[IndexEntry]:
    yield from entries(5)
    yield entry(5, vector)


@pytest.mark.parametrize(
    ("vector", "fault"),
    [
        (np.full(DIMENSION, np.nan, dtype=np.float32), "not finite"),
        (np.full(DIMENSION, np.inf, dtype=np.float32), "not finite"),
        (2 * unit_vectors(1)[0], "of length 2"),
        (np.zeros(DIMENSION, dtype=np.float32), "of length 0"),
        (unit_vectors(1)[0][:-1], r"of shape \(23,\)"),
        (unit_vectors(1), r"of shape \(1, 24\)"),
    ],
)
def test_a_bad_vector_is_refused_with_the_name_of_its_figure(tmp_path, vector, fault):
    with pytest.raises(BundleError, match=f"figure fig005 has a vector.*{fault}"):
        built(tmp_path, with_vector(vector))
    assert [path.name for path in tmp_path.iterdir()] == [".index.lock"]


@pytest.mark.parametrize("data", [b"", b"no image", thumbnail(3)[:10]])
def test_a_bad_thumbnail_is_refused(tmp_path, data):
    with pytest.raises(BundleError, match="figure fig000 has a thumbnail"):
        built(tmp_path, [entry(0, unit_vectors(1)[0], thumbnail=data)])


def test_a_figure_without_a_primary_tag_is_refused(tmp_path):
    with pytest.raises(BundleError, match="fig000 has no primary tag"):
        built(tmp_path, [entry(0, unit_vectors(1)[0], primary_tag="")])


def test_figures_that_come_twice_are_all_named(tmp_path):
    vectors = unit_vectors(12)
    twice = [entry(n, vectors[n]) for n in (1, 2, 3, 4, 2, 7, 4, 4)]
    with pytest.raises(BundleError, match="more than once: fig002, fig004\n"):
        built(tmp_path, twice)
    assert not (tmp_path / "index").exists()


def test_an_index_of_nothing_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no figure to index"):
        built(tmp_path, [])
    assert [path.name for path in tmp_path.iterdir()] == [".index.lock"]


def sealed_encoder(folder: Path, weights: bytes = b"weights") -> SpaceEncoder:
    def make(work: Path) -> None:
        (work / "model.onnx").write_bytes(weights)

    bundle = build(folder, make)
    return SpaceEncoder(ENCODER.model_copy(update={"sha256": bundle.sha256}), bundle.path)


def test_the_encoder_comes_along_and_another_one_is_refused(tmp_path):
    encoder = sealed_encoder(tmp_path / "encoder")
    space = load_index(built(tmp_path, entries(9), {"general": encoder})).spaces["general"]
    assert verify(space.encoder_folder).sha256 == encoder.identity.sha256 == space.manifest.encoder.sha256
    with pytest.raises(IntegrityError, match="seal"):
        built(tmp_path / "other", entries(9), {"general": SpaceEncoder(ENCODER, encoder.folder)})
    assert not (tmp_path / "other" / "index").exists()


def test_each_space_holds_the_figures_routed_to_it_with_its_own_encoder(tmp_path):
    encoders = {
        "landmark": sealed_encoder(tmp_path / "encoder", b"landmark"),
        "general": sealed_encoder(tmp_path / "another", b"general"),
    }
    index = load_index(built(tmp_path, entries(50), encoders))
    assert list(index.spaces) == ["general", "landmark"]
    assert list(index.manifest.spaces["general"].slices) == ["graphic_map", "stamp"]
    assert index.manifest.spaces["landmark"].slices == {"picture_landmark": (34, 50)}
    given = {figure.figure_id: figure.vector for figure in entries(50)}
    for name, space in index.spaces.items():
        assert (space.encoder_folder / "model.onnx").read_bytes() == name.encode()
        start, stop = space.manifest.rows
        for vector, figure in zip(space.vectors, index.payload(range(start, stop)), strict=True):
            assert (figure.primary_tag == "picture_landmark") == (name == "landmark")
            assert (vector == given.pop(figure.figure_id)).all()
    assert not given


def test_spaces_may_have_vectors_of_different_lengths_but_not_one_space(tmp_path):
    narrow = LANDMARK_ENCODER.model_copy(update={"dimension": 3})
    encoders = BOTH_ENCODERS | {"landmark": SpaceEncoder(narrow)}
    vectors = [vector[:3] / np.linalg.norm(vector[:3]) if n % 3 == 2 else vector
               for n, vector in enumerate(unit_vectors(9))]  # fmt: skip
    index = load_index(built(tmp_path, (entry(n, vector) for n, vector in enumerate(vectors)), encoders))
    assert {name: space.vectors.shape for name, space in index.spaces.items()} == {
        "general": (6, DIMENSION),
        "landmark": (3, 3),
    }
    with pytest.raises(BundleError, match=r"fig002 has a vector of shape \(24,\)"):
        built(tmp_path / "other", entries(9), encoders)


def test_a_space_without_figures_is_left_out(tmp_path):
    figures = [entry(0, unit_vectors(1)[0])]
    assert list(load_index(built(tmp_path, figures, BOTH_ENCODERS)).spaces) == ["general"]


def test_encoders_that_the_routes_do_not_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no tag goes to musem"):
        built(tmp_path, entries(3), ENCODERS | {"musem": SpaceEncoder(LANDMARK_ENCODER)})
    with pytest.raises(ConfigError, match="no embedder for general"):
        built(tmp_path, entries(3), {"landmark": SpaceEncoder(LANDMARK_ENCODER)})


CODED = IndexSettings(name="figures", approximate_from=1100)


def test_only_large_spaces_get_codes_and_these_are_the_same_each_time(tmp_path):
    small = built(tmp_path / "small", entries(1000), settings=CODED)
    first = built(tmp_path / "first", entries(1200), settings=CODED)
    again = built(tmp_path / "again", entries(1200), settings=CODED)
    codes = Path("spaces") / "general" / "codes.faiss"
    assert not (small / codes).exists()
    assert (first / codes).read_bytes() == (again / codes).read_bytes()
    assert [load_index(f).spaces["general"].manifest.approximate for f in (small, first)] == [False, True]
    assert verify(first).sha256 == verify(again).sha256


def test_a_finished_index_is_not_built_again(tmp_path):
    built(tmp_path, entries(9))

    def never() -> Iterator[IndexEntry]:
        raise AssertionError("read again")
        yield

    built(tmp_path, never())


def limited_build(folder: Path, answer: Path, limit: int) -> None:
    # Files larger than this fail as they do on a full disk; Python ignores the signal that comes too.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        built(folder, entries(300))
    except StorageError as error:
        answer.write_text(str(error))


# The vectors, joined, are larger than any shard; the payload's first write is smaller than either.
@pytest.mark.parametrize("limit", [500, 15_000, 25_000])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, limit):
    out, answer = tmp_path / "out", tmp_path / "answer"
    out.mkdir()
    arguments = (out, answer, limit)
    process = multiprocessing.get_context("spawn").Process(target=limited_build, args=arguments)
    process.start()
    process.join()
    assert "no room left" in answer.read_text()
    assert "free space" in answer.read_text()
    assert [path.name for path in out.iterdir()] == [".index.lock"]
    assert len(load_index(built(out, entries(300)))) == 300


def endless_build(folder: Path) -> None:
    def figures() -> Iterator[IndexEntry]:
        yield from entries(40)
        (folder / "running").touch()
        time.sleep(60)

    built(folder, figures())


def test_a_killed_build_leaves_no_index_and_a_second_one_completes(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=endless_build, args=(tmp_path,))
    process.start()
    for _ in range(1500):
        if (tmp_path / "running").exists():
            break
        time.sleep(0.02)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert (tmp_path / ".index.partial").exists()
    assert not (tmp_path / "index").exists()
    killed = load_index(built(tmp_path, entries(20)))
    fresh = small_index(tmp_path / "fresh", 20)
    assert killed.sha256 == fresh.sha256
