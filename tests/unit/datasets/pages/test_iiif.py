"""Pages fetched from a server that stands for a library with IIIF, and that does everything wrong in turn."""

import csv
import io
import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.unit.datasets.ndl_server import quick_client
from tests.unit.datasets.pages.iiif_requests import CONFIGURED, HTML, SHARED, ids, settings_for
from tests.unit.datasets.pages.iiif_server import (
    LICENCE,
    PAGE_SIZE,
    PREFIX,
    Fault,
    IiifServer,
    canvas_v2,
    canvas_v3,
    manifest_v2,
    manifest_v3,
    page_jpeg,
    service_v2,
    service_v3,
)
from zuroku.config import parse_settings
from zuroku.datasets.http import PoliteClient
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.pages import iiif
from zuroku.datasets.pages.iiif import IiifSettings, iiif_items
from zuroku.datasets.pages.iiif_manifest import parse_manifest
from zuroku.errors import ConfigError, SourceError, StorageError


class TestSettings:
    def test_the_defaults_are_the_librarys(self) -> None:
        settings = IiifSettings(pids=["1017141"], licence="PDM")
        assert (
            settings.manifest_url.replace("{pid}", "1") == "https://www.dl.ndl.go.jp/api/iiif/1/manifest.json"
        )
        assert settings.size == "full"

    def test_numbers_of_a_yaml_file_are_pids(self) -> None:
        settings = parse_settings({"pids": [1017141, "b_1.x-2"], "licence": "PDM"}, IiifSettings, "x")
        assert settings.pids == ["1017141", "b_1.x-2"]

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"pids": []},
            {"pids": ["1"], "pids_file": "pids.txt"},
            {"pids": ["../1"]},
            {"pids": ["1/2"]},
            {"pids": ["1\n"]},
            {"pids": [""]},
            {"pids": ["1" * 101]},
            {"pids": ["1"], "manifest_url": "https://host/manifest.json"},
            {"pids": ["1"], "manifest_url": "file:///{pid}"},
            {"pids": ["1"], "manifest_url": "https://host/{pid}/{page}"},
            {"pids": ["1"], "size": "100,100"},
            {"pids": ["1"], "size": "0,"},
            {"pids": ["1"], "size": "full/0"},
            {"pids": ["1"], "size": "１００,"},
            {"pids": ["1"], "pages_per_book": 0},
            {"pids": ["1"], "licence": ""},
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, fields: dict[str, Any]) -> None:
        with pytest.raises(ConfigError):
            parse_settings({"licence": "PDM", **fields}, IiifSettings, "x")


class TestPidsFile:
    def test_one_on_a_line(self, server: IiifServer, client: PoliteClient, tmp_path: Path) -> None:
        server.add_book("100", [1])
        server.add_book("200", [1])
        path = tmp_path / "pids.txt"
        path.write_bytes(b"\xef\xbb\xbf200\r\n\r\n  100 \r\n")
        assert ids(iiif_items(settings_for(server, pids_file=str(path)), client)) == ["200_1", "100_1"]

    def test_a_pid_named_twice_is_fetched_once(
        self, server: IiifServer, client: PoliteClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.add_book("100", [1])
        with caplog.at_level(logging.WARNING):
            assert ids(iiif_items(settings_for(server, "100", "100"), client)) == ["100_1"]
        assert "1 PIDs are named more than once" in caplog.text
        assert len(server.requests) == 1

    def test_every_line_that_is_none_is_named(
        self, server: IiifServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        path = tmp_path / "pids.txt"
        path.write_text("100\nhttps://dl.ndl.go.jp/pid/200\n300 400\n")
        with pytest.raises(SourceError, match="2 faults") as caught:
            iiif_items(settings_for(server, pids_file=str(path)), client)
        assert "line 2: 'https://dl.ndl.go.jp/pid/200', line 3: '300 400'" in caught.value.found
        assert server.requests == []

    @pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe1\x000\x00"])
    def test_no_file_or_nothing_in_it(
        self, server: IiifServer, client: PoliteClient, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "pids.txt"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SourceError, match=r"pids\.txt"):
            iiif_items(settings_for(server, pids_file=str(path)), client)


class TestPages:
    def test_a_book_as_published(self, server: IiifServer, client: PoliteClient) -> None:
        server.add_book("2568591", [14, 15, 1016])
        items = iiif_items(settings_for(server, "2568591"), client)
        assert ids(items) == ["2568591_14", "2568591_15", "2568591_1016"]
        first = items[0]
        assert (first.group, first.label, first.title) == ("2568591", "", "機巧図彙 2巻首1巻")
        assert (first.licence, first.retrieved, first.reviewed) == (LICENCE, True, True)
        assert first.source_url == f"{server.base}{PREFIX}/2568591/R0000014/full/full/0/default.jpg"
        assert len(server.requests) == 1
        assert [item.read() for item in items] == [
            page_jpeg(f"2568591/R{frame:07}") for frame in (14, 15, 1016)
        ]

    def test_version_3_with_either_image_api(self, server: IiifServer, client: PoliteClient) -> None:
        new, old = service_v3(server.base, "v3/a"), service_v2(server.base, "b")
        server.books["x"] = manifest_v3([canvas_v3([new]), canvas_v3([old])])
        items = iiif_items(settings_for(server, "x"), client)
        assert ids(items) == ["x_1", "x_2"]
        assert items[0].title == "機巧図彙"
        assert items[0].licence == "http://creativecommons.org/publicdomain/mark/1.0/"
        assert [item.source_url.split("/")[-3] for item in items] == ["max", "full"]
        assert [item.read() for item in items] == [page_jpeg("v3/a"), page_jpeg("b")]

    def test_smaller_pages(self, server: IiifServer, client: PoliteClient) -> None:
        server.add_book("100", [1])
        (item,) = iiif_items(settings_for(server, "100", size="!32,32"), client)
        data = item.read()
        assert isinstance(data, bytes)
        assert Image.open(io.BytesIO(data)).size == (24, 32)
        assert PAGE_SIZE == (48, 64)

    def test_the_first_pages_of_each_book(self, server: IiifServer, client: PoliteClient) -> None:
        server.add_book("100", [3, 4, 5])
        server.add_book("200", [1])
        items = iiif_items(settings_for(server, "100", "200", pages_per_book=2), client)
        assert ids(items) == ["100_3", "100_4", "200_1"]

    @pytest.mark.parametrize("names", [["100/R0000007", "100/cover"], ["200/R0000007", "200/R0000008"]])
    def test_positions_where_the_addresses_give_no_frames_of_this_book(
        self, server: IiifServer, client: PoliteClient, names: list[str]
    ) -> None:
        server.books["100"] = manifest_v2(canvas_v2(service_v2(server.base, name)) for name in names)
        assert ids(iiif_items(settings_for(server, "100"), client)) == ["100_1", "100_2"]

    def test_the_licence_of_the_configuration_where_the_book_names_none(
        self, server: IiifServer, client: PoliteClient
    ) -> None:
        server.add_book("100", [1])
        del server.books["100"]["license"]
        (item,) = iiif_items(settings_for(server, "100"), client)
        assert item.licence == CONFIGURED

    def test_ingest_keeps_what_is_good_and_says_what_is_not(
        self, server: IiifServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.add_book("100", [1, 2, 3, 4])
        server.misbehave("100/R0000002/full", Fault(status=404))
        server.misbehave("100/R0000004/full", Fault(body=HTML))
        server.misbehave("100/R0000003/full", Fault(body=page_jpeg("cut")[:-20]))
        items = iiif_items(settings_for(server, "100", "dead"), client)
        settings = IngestSettings(max_quarantined_share=1)
        ingest(Collection(items, "f", workers="thread"), tmp_path / "out", settings, {})
        assert pd.read_parquet(tmp_path / "out" / "manifest.parquet")["item_id"].tolist() == ["100_1"]
        bad = pd.read_parquet(tmp_path / "out" / "quarantine.parquet").set_index("item_id")["reason"]
        assert set(bad.index) == {"100_2", "100_3", "100_4", "dead_manifest"}
        assert "R0000002/full/full/0/default.jpg answered 404" in bad["100_2"]
        assert "does not decode" in bad["100_3"]
        assert "something else than a JPEG" in bad["100_4"]
        assert "dead/manifest.json answered 404" in bad["dead_manifest"]


class TestKeptManifests:
    def test_a_second_run_lists_the_same_without_asking(
        self, server: IiifServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.add_book("100", [1, 2])
        settings = settings_for(server, "100", "dead", manifests=str(tmp_path / "kept"))
        first = ids(iiif_items(settings, client))
        server.add_book("100", [1])
        server.add_book("dead", [1])
        server.requests.clear()
        assert first == ["100_1", "100_2", "dead_manifest"]
        assert ids(iiif_items(settings, client)) == ["100_1", "100_2", "dead_1"]
        assert server.requests == [f"{PREFIX}/dead/manifest.json"]

    def test_another_library_has_other_books(
        self, server: IiifServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.add_book("100", [1])
        server.add_book("b100", [1, 2])
        other = {"manifests": str(tmp_path), "manifest_url": server.manifest_url.replace("{pid}", "b{pid}")}
        assert len(iiif_items(settings_for(server, "100", manifests=str(tmp_path)), client)) == 1
        assert len(iiif_items(settings_for(server, "100", **other), client)) == 2

    def test_no_manifest_is_not_kept(self, server: IiifServer, client: PoliteClient, tmp_path: Path) -> None:
        server.books["100"] = HTML
        iiif_items(settings_for(server, "100", manifests=str(tmp_path)), client)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_written(
        self, server: IiifServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        server.add_book("100", [1])
        with pytest.raises(StorageError, match="cannot be kept"):
            iiif_items(settings_for(server, "100", manifests=str(tmp_path / "file" / "kept")), client)


def test_addresses_and_names_are_those_of_the_published_table() -> None:
    """The figures of NDL-ImageLabel are crops of the very pages whose addresses are built here."""
    table = SHARED / "data" / "ndl" / "imagelabel" / "metadata.csv"
    if not table.exists():
        pytest.skip(f"{table.name} of NDL-ImageLabel is not beside the repository")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    for name, *_, crop in rows:
        pid, frame, _ = name.split("_")
        service, region = crop.rsplit("/", 4)[:2]
        manifest = manifest_v2([canvas_v2(service_v2("", "") | {"@id": service})])
        parsed = parse_manifest(json.dumps(manifest).encode(), "it")
        settings = IiifSettings(pids=[pid], licence="PDM")
        (item,) = iiif._book_items(pid, parsed, {}, settings, quick_client())
        assert item.item_id == f"{pid}_{frame}"
        assert item.source_url == crop.replace(f"/{region}/", "/full/")
    assert len(rows) == 6405
