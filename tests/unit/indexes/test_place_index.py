"""Searching places with the embedded engine: against a full sort, by area; what it refuses and keeps."""

import importlib.metadata
import os
from pathlib import Path

import numpy as np
import pytest

from tests.unit.indexes.place_photographs import (
    ENCODER,
    SETTINGS,
    built,
    nearest,
    payload,
    vectors,
)
from zuroku.artifacts import Artifact, verify
from zuroku.errors import BundleError, EvaluationError, StorageError
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.place_bundle import PlaceIndexSettings
from zuroku.indexes.place_index import PlaceIndex, open_place_index

N = 2000


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PlaceIndex:
    folder = tmp_path_factory.mktemp("places") / "index"
    build_place_index(vectors(N), payload(N), ENCODER, SETTINGS, folder)
    return open_place_index(folder)


def test_two_thousand_photographs_are_searched_exactly(index: PlaceIndex) -> None:
    gallery = vectors(N)
    for query in vectors(20, seed=1):
        found = index.search(query, 100, encoder_sha256=ENCODER)
        assert found.rows.tolist() == nearest(query, gallery, 100)
        expected = gallery[found.rows] @ query
        expected /= np.linalg.norm(gallery[found.rows], axis=1) * np.linalg.norm(query)
        np.testing.assert_allclose(found.scores, expected, atol=1e-5)
        assert (found.scores.dtype, found.rows.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize(
    "where",
    [{"prefecture": "11"}, {"municipality": "13004"}, {"prefecture": "13", "town": "13101001001"}],
)
def test_a_search_is_kept_to_an_area(index: PlaceIndex, where: dict[str, str]) -> None:
    table = payload(N)
    allowed = np.all([table[name] == value for name, value in where.items()], axis=0)
    query = vectors(1, seed=2)[0]
    assert index.search(query, 30, where, encoder_sha256=ENCODER).rows.tolist() == nearest(
        query, vectors(N), 30, allowed
    )
    assert index.count(where) == allowed.sum()


def test_an_area_with_fewer_photographs_gives_fewer(index: PlaceIndex) -> None:
    found = index.search(vectors(1)[0], 500, {"municipality": "13002"}, encoder_sha256=ENCODER)
    assert len(found.rows) == len(found.scores) == index.count({"municipality": "13002"}) == 286
    empty = index.search(vectors(1)[0], 5, {"prefecture": "47"}, encoder_sha256=ENCODER)
    assert len(empty.rows) == len(empty.scores) == index.count({"prefecture": "47"}) == 0


def test_the_whole_index_may_be_asked_for(index: PlaceIndex) -> None:
    assert index.count() == N
    found = index.search(vectors(1)[0], N, encoder_sha256=ENCODER)
    assert sorted(found.rows) == list(range(N))
    assert (np.diff(found.scores) <= 0).all()
    assert found.rows[0] == 0


def test_of_equal_scores_the_lower_row_comes_first(tmp_path: Path) -> None:
    build_place_index(np.ones((6, 4)), payload(6), ENCODER, SETTINGS, tmp_path / "index")
    twins = open_place_index(tmp_path / "index")
    assert twins.search(np.ones(4), 6, encoder_sha256=ENCODER).rows.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("k", [0, -1, N + 1])
def test_no_neighbours_and_more_than_there_are_are_refused(index: PlaceIndex, k: int) -> None:
    with pytest.raises(EvaluationError, match=f"k = {k} in an index of 2000"):
        index.search(vectors(1)[0], k, encoder_sha256=ENCODER)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (np.ones(15), r"shape \(15,\)"),
        (np.ones((1, 16)), r"shape \(1, 16\)"),
        (np.zeros(16), "of length zero"),
        (np.full(16, np.nan), "not finite"),
    ],
)
def test_bad_queries_are_refused(index: PlaceIndex, query: np.ndarray, said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        index.search(query, 1, encoder_sha256=ENCODER)


def test_a_query_by_another_encoder_is_refused(index: PlaceIndex) -> None:
    with pytest.raises(BundleError, match="a query made by the encoder cdcd"):
        index.search(vectors(1)[0], 1, encoder_sha256="cd" * 32)


@pytest.mark.parametrize("where", [{"split": "val"}, {"prefecture": ""}])
def test_a_filter_that_is_no_area_is_refused(index: PlaceIndex, where: dict[str, str]) -> None:
    with pytest.raises(EvaluationError, match="a search where"):
        index.search(vectors(1)[0], 1, where, encoder_sha256=ENCODER)
    with pytest.raises(EvaluationError, match="a search where"):
        index.count(where)


def test_a_large_index_follows_a_graph_and_finds_nearly_all(tmp_path: Path) -> None:
    settings = PlaceIndexSettings(name="places", approximate_from=1000, search_breadth=100)
    gallery = vectors(1000, dimension=32)
    build_place_index(gallery, payload(1000), ENCODER, settings, tmp_path / "index")
    graph = open_place_index(tmp_path / "index")
    assert graph.shard.info().indexed_vectors_count == 1000
    hits = [
        len(set(graph.search(query, 50, encoder_sha256=ENCODER).rows) & set(nearest(query, gallery, 50)))
        for query in vectors(10, seed=3, dimension=32)
    ]
    assert sum(hits) / 500 > 0.95
    query = vectors(1, seed=4, dimension=32)[0]
    inside = payload(1000)["municipality"].to_numpy() == "13004"
    found = graph.search(query, 20, {"municipality": "13004"}, encoder_sha256=ENCODER).rows
    assert len(set(found) & set(nearest(query, gallery, 20, inside))) >= 19


def test_by_default_a_graph_finds_photographs_that_look_nearly_the_same(tmp_path: Path) -> None:
    """Streets of pictures that differ little, asked about by pictures of none of them."""
    n, k = 1500, 50
    streets = vectors(30, dimension=64)
    gallery = streets[np.arange(n) % 30] + 0.05 * vectors(n, seed=1, dimension=64)
    queries = vectors(20, seed=2, dimension=64)
    cosines = queries @ (gallery / np.linalg.norm(gallery, axis=1, keepdims=True)).T
    true = np.argsort(-cosines, axis=1)[:, :k]

    def recall(name: str, **changed: int) -> float:
        settings = PlaceIndexSettings(name="places", approximate_from=1000, **changed)
        build_place_index(gallery, payload(n), ENCODER, settings, tmp_path / name)
        graph = open_place_index(tmp_path / name, tmp_path / f"{name} shards")
        found = [graph.search(query, k, encoder_sha256=ENCODER).rows for query in queries]
        graph.close()
        return sum(len(set(a) & set(b)) for a, b in zip(found, true, strict=True)) / (k * len(queries))

    assert recall("default") >= 0.98 > recall("narrow", graph_links=4, graph_breadth=8, search_breadth=50)


def shard_of(artifact: Artifact, shards: Path) -> Path:
    """Return the folder of the engine's files for a bundle."""
    return shards / f"{artifact.sha256[:16]}-{importlib.metadata.version('qdrant-edge-py')}"


def test_the_engines_files_are_made_once_and_leave_the_bundle_as_it_was(tmp_path: Path) -> None:
    artifact, shards = built(tmp_path / "index"), tmp_path / "shards"
    first = open_place_index(artifact.path, shards)
    segments = {path.name for path in (shard_of(artifact, shards) / "segments").iterdir()}
    again = open_place_index(artifact.path, shards)
    for index in (first, again):
        assert index.search(vectors(1)[0], 3, encoder_sha256=ENCODER).rows[0] == 0
        index.close()
    assert {path.name for path in (shard_of(artifact, shards) / "segments").iterdir()} == segments
    assert verify(artifact.path) == artifact


def test_a_killed_filling_is_begun_again_and_only_the_two_last_used_stay(tmp_path: Path) -> None:
    artifact, shards = built(tmp_path / "index"), tmp_path / "shards"
    partial = shards / f".{shard_of(artifact, shards).name}.partial"
    for path, used_at in ((partial, 3), (shards / "older", 2), (shards / "oldest", 1)):
        (path / "segments" / "cut").mkdir(parents=True)
        os.utime(path, (used_at, used_at))
    assert open_place_index(artifact.path, shards).count() == 40
    assert {path for path in shards.iterdir() if path.is_dir()} == {
        shard_of(artifact, shards),
        shards / "older",
    }


def test_files_of_another_bundle_are_refused(tmp_path: Path) -> None:
    artifact, other = built(tmp_path / "index"), built(tmp_path / "other", seed=1)
    open_place_index(other.path, tmp_path / "shards").close()
    shard_of(other, tmp_path / "shards").rename(shard_of(artifact, tmp_path / "shards"))
    with pytest.raises(BundleError, match="8 of 8 that were compared differ"):
        open_place_index(artifact.path, tmp_path / "shards")


def test_damaged_files_of_the_engine_are_refused(tmp_path: Path) -> None:
    artifact = built(tmp_path / "index")
    open_place_index(artifact.path, tmp_path / "shards").close()
    made = shard_of(artifact, tmp_path / "shards")
    for vectors_file in made.rglob("chunk_0.mmap"):
        vectors_file.unlink()
    with pytest.raises(BundleError, match="the engine cannot use"):
        open_place_index(artifact.path, tmp_path / "shards")
    (made / "edge_config.json").write_text("{")
    with pytest.raises(BundleError, match="the engine cannot use"):
        open_place_index(artifact.path, tmp_path / "shards")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "shards").write_text("a file")
    with pytest.raises(StorageError, match="cannot hold the engine's files"):
        open_place_index(built(tmp_path / "index").path, tmp_path / "shards")


def test_a_published_link_is_followed(tmp_path: Path) -> None:
    artifact = built(tmp_path / "versions" / "one")
    (tmp_path / "champion").symlink_to(artifact.path)
    index = open_place_index(tmp_path / "champion")
    assert index.bundle.path == artifact.path.resolve()
    assert (tmp_path / "versions" / ".place_shards").is_dir()
