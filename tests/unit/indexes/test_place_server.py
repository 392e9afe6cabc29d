"""Places on a server, played by the client's in-memory mode: loading, switching, rollback, and failing."""

from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from tests.unit.indexes.place_photographs import ENCODER, built, nearest, payload, vectors
from zuroku.errors import BundleError, DownloadError, EvaluationError
from zuroku.indexes import place_server
from zuroku.indexes.place_bundle import PlaceBundle, read_place_bundle
from zuroku.indexes.place_index import PlaceIndex, open_place_index
from zuroku.indexes.place_server import (
    collection_name,
    connect,
    open_place_server,
    publish_place_collection,
    rollback_place_collection,
)


@pytest.fixture
def client() -> QdrantClient:
    return QdrantClient(":memory:")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[PlaceBundle]:
    """Four bundles of different vectors."""
    folder = tmp_path_factory.mktemp("bundles")
    return [read_place_bundle(built(folder / str(seed), 60, seed).path) for seed in range(4)]


def aliases(client: QdrantClient) -> dict[str, str]:
    return {known.alias_name: known.collection_name for known in client.get_aliases().aliases}


def collections(client: QdrantClient) -> set[str]:
    return {known.name for known in client.get_collections().collections}


def test_a_server_answers_as_the_embedded_engine_does(
    client: QdrantClient, bundles: list[PlaceBundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_server, "_BATCH", 7)
    publish_place_collection(bundles[0], client)
    engines: list[PlaceIndex] = [
        open_place_server(bundles[0], client),
        open_place_index(bundles[0].path, tmp_path),
    ]
    query, inside = vectors(1, seed=9)[0], (payload(60)["prefecture"] == "11").to_numpy()
    for index in engines:
        assert index.count() == 60
        assert index.count({"prefecture": "11"}) == 20
        found = index.search(query, 12, encoder_sha256=ENCODER)
        assert found.rows.tolist() == nearest(query, vectors(60), 12)
        by_area = index.search(query, 12, {"prefecture": "11"}, encoder_sha256=ENCODER)
        assert by_area.rows.tolist() == nearest(query, vectors(60), 12, inside)
        np.testing.assert_array_equal(index.bundle.coordinates([2]), [[35.002, 138.998]])
        with pytest.raises(EvaluationError, match="k = 61"):
            index.search(query, 61, encoder_sha256=ENCODER)
        with pytest.raises(BundleError, match="a query made by the encoder"):
            index.search(query, 1, encoder_sha256="cd" * 32)
    scores = [index.search(query, 12, encoder_sha256=ENCODER).scores for index in engines]
    np.testing.assert_allclose(*scores, atol=1e-5)


def test_the_payload_travels_to_the_server(client: QdrantClient, bundles: list[PlaceBundle]) -> None:
    publish_place_collection(bundles[0], client)
    (point,) = client.retrieve("places", [3])
    assert point.payload == payload(60).iloc[3].to_dict()


def test_the_alias_is_switched_and_the_collection_before_is_kept(
    client: QdrantClient, bundles: list[PlaceBundle]
) -> None:
    client.create_collection("places-of-others", vectors_config={})
    names = [publish_place_collection(bundle, client) for bundle in bundles[:3]]
    assert names == [collection_name(bundle) for bundle in bundles[:3]]
    assert aliases(client) == {"places": names[2], "places-before": names[1]}
    assert collections(client) == {*names[1:], "places-of-others"}
    assert publish_place_collection(bundles[2], client) == names[2]
    assert aliases(client) == {"places": names[2], "places-before": names[1]}


def test_a_rollback_exchanges_both(client: QdrantClient, bundles: list[PlaceBundle]) -> None:
    with pytest.raises(BundleError, match="no collection before the first"):
        rollback_place_collection(client, "places")
    first = publish_place_collection(bundles[0], client)
    with pytest.raises(BundleError, match=f"no collection before {first}"):
        rollback_place_collection(client, "places")
    second = publish_place_collection(bundles[1], client)
    assert rollback_place_collection(client, "places") == first
    assert aliases(client) == {"places": first, "places-before": second}
    for bundle in bundles[:2]:
        assert open_place_server(bundle, client).count() == 60
    assert rollback_place_collection(client, "places") == second


def test_a_reader_holds_on_to_its_own_bundle(client: QdrantClient, bundles: list[PlaceBundle]) -> None:
    publish_place_collection(bundles[0], client)
    reader, query = open_place_server(bundles[0], client), vectors(1, seed=9)[0]
    before = reader.search(query, 5, encoder_sha256=ENCODER).rows
    publish_place_collection(bundles[1], client)
    np.testing.assert_array_equal(reader.search(query, 5, encoder_sha256=ENCODER).rows, before)


def test_a_bundle_that_is_not_published_is_refused(client: QdrantClient, bundles: list[PlaceBundle]) -> None:
    with pytest.raises(BundleError, match="published nothing as places"):
        open_place_server(bundles[0], client)
    for bundle in bundles[1:]:
        publish_place_collection(bundle, client)
    with pytest.raises(BundleError, match=f"published {collection_name(bundles[3])}, "):
        open_place_server(bundles[0], client)


class CutError(Exception):
    """Stands for a process that was killed."""


class Watched:
    """Stands between the loader and the client: notes the rows of each batch, and fails where it is told."""

    def __init__(self, client: QdrantClient, failures: list[Exception | None]) -> None:
        self.upsert, self.failures = client.upsert, failures
        self.sent: list[tuple[int, int]] = []

    def __call__(self, name: str, points: list[models.PointStruct], wait: bool) -> object:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        assert wait
        self.sent.append((points[0].id, points[-1].id))
        return self.upsert(name, points=points, wait=wait)


Watch = Callable[..., Watched]


@pytest.fixture
def watch(client: QdrantClient, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Return what watches the client, which then fails in this order; batches are of 25 rows."""
    monkeypatch.setattr(place_server, "_BATCH", 25)
    monkeypatch.setattr(place_server, "_PAGE", 10)
    upsert = client.upsert

    def start(*failures: Exception | None) -> Watched:
        monkeypatch.setattr(client, "upsert", upsert)
        watched = Watched(client, list(failures))
        monkeypatch.setattr(client, "upsert", watched)
        return watched

    return start


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(place_server, "sleep", waited.append)
    return waited


def refused(status: int) -> UnexpectedResponse:
    return UnexpectedResponse(status, "", b"", httpx.Headers())


def test_a_killed_load_leaves_the_alias_and_goes_on_where_it_was(
    client: QdrantClient, bundles: list[PlaceBundle], watch: Watch
) -> None:
    first = publish_place_collection(bundles[0], client)
    watch(None, CutError())
    with pytest.raises(CutError):
        publish_place_collection(bundles[1], client)
    assert aliases(client) == {"places": first}
    assert client.count(collection_name(bundles[1])).count == 25
    again = watch()
    second = publish_place_collection(bundles[1], client)
    assert again.sent == [(25, 49), (50, 59)]
    assert aliases(client) == {"places": second, "places-before": first}
    assert client.count(second).count == 60
    query = vectors(1, seed=9)[0]
    found = open_place_server(bundles[1], client).search(query, 12, encoder_sha256=ENCODER)
    assert found.rows.tolist() == nearest(query, vectors(60, 1), 12)


def test_a_batch_is_sent_again_after_growing_pauses(
    client: QdrantClient, bundles: list[PlaceBundle], watch: Watch, pauses: list[float]
) -> None:
    dropped = ResponseHandlingException(ConnectionResetError(104, "Connection reset"))
    watched = watch(None, dropped, refused(503), ResourceExhaustedResponse("busy", 1), None)
    name = publish_place_collection(bundles[0], client)
    assert watched.sent == [(0, 24), (25, 49), (50, 59)]
    assert len(pauses) == 3
    assert pauses == sorted(set(pauses))
    assert client.count(name).count == 60


def test_a_server_that_keeps_failing_is_said_and_nothing_is_lost(
    client: QdrantClient, bundles: list[PlaceBundle], watch: Watch, pauses: list[float]
) -> None:
    watch(None, *[refused(500)] * 4)
    with pytest.raises(DownloadError, match=r"(?s)500.*goes on where it was"):
        publish_place_collection(bundles[0], client)
    assert len(pauses) == 3
    again = watch()
    publish_place_collection(bundles[0], client)
    assert again.sent == [(25, 49), (50, 59)]


def test_a_refused_batch_is_not_sent_again(
    client: QdrantClient, bundles: list[PlaceBundle], watch: Watch, pauses: list[float]
) -> None:
    watch(refused(403))
    with pytest.raises(DownloadError, match="403"):
        publish_place_collection(bundles[0], client)
    assert pauses == []


def test_a_server_that_lost_photographs_is_not_switched_to(
    client: QdrantClient, bundles: list[PlaceBundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, upsert = publish_place_collection(bundles[0], client), client.upsert
    monkeypatch.setattr(
        client, "upsert", lambda name, points, wait: upsert(name, points=points[1:], wait=wait)
    )
    with pytest.raises(BundleError, match="holds 59 photographs after loading"):
        publish_place_collection(bundles[1], client)
    assert aliases(client) == {"places": first}
    monkeypatch.undo()
    second = publish_place_collection(bundles[1], client)
    assert aliases(client) == {"places": second, "places-before": first}


def test_a_published_collection_that_shrank_is_refused_and_mended_where_it_is(
    client: QdrantClient, bundles: list[PlaceBundle], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish_place_collection(bundles[0], client)
    client.delete(name, points_selector=[5])
    with pytest.raises(BundleError, match="holds 59 photographs"):
        open_place_server(bundles[0], client)
    deleted: list[str] = []
    monkeypatch.setattr(client, "delete_collection", deleted.append)
    watched = watch()
    publish_place_collection(bundles[0], client)
    assert (watched.sent, deleted) == ([(0, 24)], [])
    assert open_place_server(bundles[0], client).count() == 60


def test_a_failing_server_is_said(
    client: QdrantClient, bundles: list[PlaceBundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_place_collection(bundles[0], client)
    index = open_place_server(bundles[0], client)

    def fail(*arguments: object, **named: object) -> None:
        raise ResponseHandlingException(ConnectionRefusedError(111, "Connection refused"))

    monkeypatch.setattr(client, "query_points", fail)
    with pytest.raises(DownloadError, match="Connection refused"):
        index.search(vectors(1)[0], 1, encoder_sha256=ENCODER)


def test_an_address_without_a_server_is_said() -> None:
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:9 did not answer"):
        connect("http://127.0.0.1:9")
