"""Books and pages that a library refuses, breaks or changes: what stops the ingest, and what is put aside."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.datasets.ndl_server import FakeTime, quick_client
from tests.unit.datasets.pages.iiif_requests import CONFIGURED, HTML, ids, refusal, settings_for
from tests.unit.datasets.pages.iiif_server import (
    PREFIX,
    Fault,
    IiifServer,
    canvas_v2,
    manifest_v2,
    manifest_v3,
    page_jpeg,
    service_v2,
)
from zuroku.config import parse_settings
from zuroku.datasets.collection import ingest_collection
from zuroku.datasets.http import PoliteClient
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.pages import iiif, iiif_manifest
from zuroku.datasets.pages.collection import PageCollectionSettings
from zuroku.datasets.pages.iiif import iiif_items
from zuroku.errors import DownloadError, SourceError


class TestBadBooks:
    """A book that cannot be read stands as one item that says why; the next book is fetched."""

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (HTML, "holds no JSON"),
            (b"", "holds no JSON"),
            (b'{"items": [', "holds no JSON"),
            (b'{"label": "\\ud800"}', "holds no JSON"),
            (b"\xff\xfe{\x00}\x00", "holds no JSON"),
            (b"[" * 100_000, "holds no JSON"),
            ([], "holds a JSON list"),
            ("text", "holds a JSON str"),
            ({}, "without a canvas"),
            (manifest_v2([]), "sc:Manifest without a canvas"),
            (manifest_v3([]), "Manifest without a canvas"),
            ({"@type": "sc:Manifest", "sequences": "none"}, "without a canvas"),
            ({"@type": "sc:Collection", "manifests": [{"@id": "x"}]}, "sc:Collection without a canvas"),
            (
                {"type": "Collection", "items": [{"type": "Manifest", "id": "x"}]},
                "Collection without a canvas",
            ),
        ],
    )
    def test_something_else_than_a_manifest(
        self, server: IiifServer, client: PoliteClient, answer: Any, reason: str
    ) -> None:
        server.books["bad"] = answer
        server.add_book("100", [1])
        bad, good = iiif_items(settings_for(server, "bad", "100"), client)
        assert (bad.item_id, bad.group, bad.label, bad.licence) == ("bad_manifest", "bad", "", CONFIGURED)
        assert bad.source_url == f"{server.base}{PREFIX}/bad/manifest.json"
        assert reason in refusal(bad).found
        assert good.read() == page_jpeg("100/R0000001")

    @pytest.mark.parametrize(
        ("faults", "reason"),
        [
            ([Fault(status=404)], "answered 404"),
            ([Fault(declared_bytes=50)], "holds no JSON"),
            (
                [Fault(status=302, headers={"Location": "ftp://127.0.0.1/x"})],
                "redirected to 'ftp://127.0.0.1/x'",
            ),
            ([Fault(status=302, headers={"Location": f"http://{'a' * 70}.example/"})], "redirected to"),
        ],
    )
    def test_a_manifest_that_never_comes(
        self, server: IiifServer, client: PoliteClient, faults: list[Fault], reason: str
    ) -> None:
        server.add_book("bad", [1])
        server.add_book("100", [1])
        server.misbehave("bad/manifest.json", *faults)
        bad, good = iiif_items(settings_for(server, "bad", "100"), client)
        assert reason in refusal(bad).found
        assert good.item_id == "100_1"

    @pytest.mark.parametrize(
        ("faults", "reason"),
        [
            ([Fault(status=403)], "answered 403"),
            ([Fault(status=503)] * 2, "failed 2 times in a row, the last time with status 503"),
            ([Fault(declared_bytes=1 << 20)] * 2, "failed 2 times in a row"),
        ],
    )
    def test_a_server_that_fails_or_refuses_stops_the_list(
        self, server: IiifServer, client: PoliteClient, faults: list[Fault], reason: str
    ) -> None:
        server.add_book("bad", [1])
        server.add_book("100", [1])
        server.misbehave("bad/manifest.json", *faults)
        settings = settings_for(server, "bad", "100")
        with pytest.raises(DownloadError, match=reason) as caught:
            iiif_items(settings, client)
        assert "add the PID bad to iiif.refused" in caught.value.remedy
        asked = len(server.requests)
        for _ in range(2):
            put_aside, good = iiif_items(settings.model_copy(update={"refused": ["bad"]}), client)
            assert (put_aside.item_id, good.item_id) == ("bad_manifest", "100_1")
            assert "the library refuses the book bad" in refusal(put_aside).found
        assert server.requests[asked:] == [f"{PREFIX}/100/manifest.json"]
        assert ids(iiif_items(settings, client)) == ["bad_1", "100_1"]

    def test_a_refused_book_must_be_one_of_the_collection(
        self, server: IiifServer, client: PoliteClient
    ) -> None:
        settings = settings_for(server, "1017141").model_copy(update={"refused": ["101714"]})
        with pytest.raises(SourceError, match="refused names 101714"):
            iiif_items(settings, client)
        assert server.requests == []

    def test_a_silent_server_runs_into_the_time_limit(self, server: IiifServer) -> None:
        server.add_book("bad", [1])
        server.misbehave("bad/manifest.json", *[Fault(silent=True)] * 2)
        with (
            quick_client(timeout_s=0.1, max_tries=2) as hasty,
            pytest.raises(DownloadError, match="ReadTimeout"),
        ):
            iiif_items(settings_for(server, "bad"), hasty)

    def test_a_manifest_without_end(
        self, server: IiifServer, client: PoliteClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iiif, "MAX_MANIFEST_BYTES", 100)
        server.add_book("100", [1])
        (item,) = iiif_items(settings_for(server, "100"), client)
        assert "sends more than 100 bytes" in refusal(item).found

    def test_more_canvases_than_any_book_has(
        self, server: IiifServer, client: PoliteClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iiif_manifest, "MAX_CANVASES", 2)
        server.add_book("100", [1, 2, 3])
        (item,) = iiif_items(settings_for(server, "100"), client)
        assert "holds 3 canvases" in refusal(item).found

    def test_the_books_that_fail_are_named(
        self, server: IiifServer, client: PoliteClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.add_book("100", [1])
        with caplog.at_level(logging.WARNING):
            iiif_items(settings_for(server, "dead", "100", "gone"), client)
        assert "2 of 3 books cannot be listed: dead, gone" in caplog.text

    def test_any_number_of_dead_pids_does_not_stop_it(self, server: IiifServer, client: PoliteClient) -> None:
        pids = [f"{number}" for number in range(8)]
        assert len(iiif_items(settings_for(server, *pids), client)) == len(pids)

    def test_too_many_requests(self, server: IiifServer) -> None:
        server.add_book("100", [1])
        server.misbehave("100/manifest.json", Fault(status=429, headers={"Retry-After": "7"}))
        server.misbehave("100/R0000001", Fault(status=429, headers={"Retry-After": "9"}))
        time = FakeTime()
        with quick_client(time) as patient:
            (item,) = iiif_items(settings_for(server, "100"), patient)
            assert item.read() == page_jpeg("100/R0000001")
        assert [wait for wait in time.slept if wait >= 1] == [7, 9]

    def test_two_pids_of_one_book(self, server: IiifServer, client: PoliteClient) -> None:
        server.add_book("100", [1, 2])
        server.books["200"] = server.books["100"]
        items = iiif_items(settings_for(server, "100", "200"), client)
        assert ids(items) == ["100_1", "100_2", "200_manifest"]
        assert "the manifest of 200 shows no image of its own; the first is that of 100_1" in (
            refusal(items[2]).found
        )


class TestBadPages:
    """A canvas or page that cannot be had is refused with its reason; the others go on."""

    @pytest.mark.parametrize(
        ("canvas", "reason"),
        [
            ({}, "0 images painted on it"),
            (None, "0 images painted on it"),
            ("canvas", "0 images painted on it"),
            ({"images": [3, {"resource": "a.jpg"}]}, "0 images painted on it"),
            ({"images": canvas_v2({})["images"] * 2}, "2 images painted on it"),
            (canvas_v2(None), "an image without a IIIF image service"),
            (canvas_v2("http://127.0.0.1/x"), "an image without a IIIF image service"),
            (
                canvas_v2({"@id": "http://127.0.0.1/x", "profile": "http://iiif.io/api/auth/1/login"}),
                "without a",
            ),
            (
                canvas_v2({"profile": "http://iiif.io/api/image/2/level1.json", "@id": 7}),
                "without a IIIF image",
            ),
        ],
    )
    def test_a_canvas_without_a_usable_image(
        self, server: IiifServer, client: PoliteClient, canvas: Any, reason: str
    ) -> None:
        server.add_book("100", [1, 2])
        server.books["100"]["sequences"][0]["canvases"].insert(1, canvas)
        first, bad, last = iiif_items(settings_for(server, "100"), client)
        assert ids([first, bad, last]) == ["100_1", "100_canvas_2", "100_2"]
        assert (bad.group, bad.licence, bad.title) == (first.group, first.licence, first.title)
        assert reason in refusal(bad).found
        assert last.read() == page_jpeg("100/R0000002")

    def test_a_canvas_that_stands_twice(self, server: IiifServer, client: PoliteClient) -> None:
        server.add_book("100", [1, 2, 1])
        items = iiif_items(settings_for(server, "100"), client)
        assert ids(items) == ["100_1", "100_2", "100_canvas_3"]
        assert "has the image of 100_1 again" in refusal(items[2]).found

    def test_a_page_of_another_book(self, server: IiifServer, client: PoliteClient) -> None:
        server.add_book("100", [1])
        server.add_book("200", [1])
        server.books["200"]["sequences"][0]["canvases"] += server.books["100"]["sequences"][0]["canvases"]
        items = iiif_items(settings_for(server, "100", "200"), client)
        assert ids(items) == ["100_1", "200_1", "200_canvas_2"]

    @pytest.mark.parametrize(
        "address",
        [
            "file:///etc",
            "ftp://127.0.0.1/x",
            "//127.0.0.1/x",
            "x",
            "http://",
            "http://[::1",
            f"http://{'a' * 70}.b",
        ],
    )
    def test_only_http_is_followed(self, server: IiifServer, client: PoliteClient, address: str) -> None:
        server.add_book("100", [1])
        service = service_v2(server.base, "x") | {"@id": address}
        server.books["100"]["sequences"][0]["canvases"].append(canvas_v2(service))
        good, bad = iiif_items(settings_for(server, "100"), client)
        assert address.rstrip("/") in refusal(bad).found
        assert good.read() == page_jpeg("100/R0000001")
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        ("faults", "reason"),
        [
            ([Fault(status=404)], "answered 404"),
            ([Fault(body=HTML)], "something else than a JPEG; it begins b'<!DOCTYPE html>"),
            ([Fault(body=b"")], "something else than a JPEG"),
        ],
    )
    def test_a_page_that_never_comes(
        self, server: IiifServer, client: PoliteClient, faults: list[Fault], reason: str
    ) -> None:
        server.add_book("100", [1, 2])
        server.misbehave("100/R0000001/full", *faults)
        bad, good = iiif_items(settings_for(server, "100"), client)
        assert reason in refusal(bad).found
        assert good.read() == page_jpeg("100/R0000002")

    @pytest.mark.parametrize("faults", [[Fault(status=403)], [Fault(declared_bytes=1 << 20)] * 2])
    def test_a_server_that_fails_or_refuses_costs_no_page(
        self, server: IiifServer, client: PoliteClient, tmp_path: Path, faults: list[Fault]
    ) -> None:
        server.add_book("100", [1])
        server.misbehave("100/R0000001/full", *faults)
        collection = Collection(iiif_items(settings_for(server, "100"), client), "f", workers="thread")
        with pytest.raises(DownloadError, match="100_1 cannot be fetched") as caught:
            ingest(collection, tmp_path / "out", IngestSettings(max_quarantined_share=1), {})
        assert "add the PID 100 to iiif.refused" in caught.value.remedy
        assert len(ingest(collection, tmp_path / "out", IngestSettings(), {}).manifest) == 1

    def test_half_a_page_is_fetched_again(self, server: IiifServer, client: PoliteClient) -> None:
        server.add_book("100", [1])
        server.misbehave("100/R0000001/full", Fault(declared_bytes=1 << 20))
        (item,) = iiif_items(settings_for(server, "100"), client)
        assert item.read() == page_jpeg("100/R0000001")

    def test_a_page_longer_than_declared_does_not_spoil_the_next(
        self, server: IiifServer, client: PoliteClient
    ) -> None:
        server.add_book("100", [1, 2])
        server.misbehave("100/R0000001/full", Fault(declared_bytes=100))
        cut, good = iiif_items(settings_for(server, "100"), client)
        assert cut.read() == page_jpeg("100/R0000001")[:100]
        assert good.read() == page_jpeg("100/R0000002")

    def test_a_silent_server_runs_into_the_time_limit(self, server: IiifServer) -> None:
        server.add_book("100", [1, 2])
        server.misbehave("100/R0000001/full", *[Fault(silent=True)] * 2)
        with quick_client(timeout_s=0.1, max_tries=2) as hasty:
            bad, good = iiif_items(settings_for(server, "100"), hasty)
            with pytest.raises(DownloadError, match="ReadTimeout"):
                bad.read()
            assert good.read() == page_jpeg("100/R0000002")

    def test_a_page_without_end(
        self, server: IiifServer, client: PoliteClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iiif, "MAX_PAGE_BYTES", 100)
        server.add_book("100", [1])
        (item,) = iiif_items(settings_for(server, "100"), client)
        assert "sends more than 100 bytes" in refusal(item).found


class TestRestrictedBook:
    """What the message about a refused page advises costs nothing that was fetched."""

    def settings(self, server: IiifServer, **section: Any) -> PageCollectionSettings:
        values = {
            "kind": "pages", "name": "corpus", "description": "", "licence": CONFIGURED, "url": "",
            "labelled": False, "source": "iiif",
            # Every page closes a shard.
            "ingest": {"shard_bytes": 1, "workers": 1, "max_quarantined_share": 0.5},
            "iiif": {
                "manifest_url": server.manifest_url, "licence": CONFIGURED, "pids": ["1", "100", "2"],
                "http": {"requests_per_second": 1000, "max_tries": 1}, **section,
            },
        }  # fmt: skip
        return parse_settings(values, PageCollectionSettings, "the test")

    def test_the_advice_keeps_finished_shards(self, server: IiifServer, tmp_path: Path) -> None:
        for pid in ("1", "100", "2"):
            server.add_book(pid, [1, 2])
        server.misbehave("100/R0000002/full", *[Fault(status=403)] * 9)
        out = tmp_path / "data" / "page_corpus"
        for _ in range(2):
            with pytest.raises(DownloadError, match="100_2 cannot be fetched") as caught:
                ingest_collection(self.settings(server), out, tmp_path)
        assert "add the PID 100 to iiif.refused" in caught.value.remedy
        assert caught.value.remedy.endswith("then run this again: finished shards are kept")
        before = list(server.requests)
        # Neither what is in finished shards nor the list is fetched again.
        for fetched in ("1/R0000001/full", "1/R0000002/full", "100/R0000001/full", "100/manifest.json"):
            assert sum(f"{PREFIX}/{fetched}" in path for path in before) == 1

        dataset = ingest_collection(self.settings(server, refused=["100"]), out, tmp_path)
        assert server.requests[len(before) :] == [
            f"{PREFIX}/2/R000000{page}/full/full/0/default.jpg" for page in (1, 2)
        ]
        assert dataset.manifest["item_id"].tolist() == ["1_1", "1_2", "100_1", "2_1", "2_2"]
        bad = pd.read_parquet(out / "quarantine.parquet")
        assert bad["item_id"].tolist() == ["100_2"]
        assert "the library refuses the book 100" in bad["reason"][0]
