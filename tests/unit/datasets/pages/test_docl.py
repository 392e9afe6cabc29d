"""NDL-DocL fetched from a server that stands for the library's: resumed, recorded, read."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.datasets.ndl_server import Fault, NdlServer, quick_client
from tests.unit.datasets.pages.page_files import page_bytes, voc_xml
from zuroku.config import parse_settings
from zuroku.datasets.http import PoliteClient, UnavailableError
from zuroku.datasets.pages.docl import DoclSettings, docl_folders, docl_items
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import ConfigError, DownloadError, IntegrityError, SourceError

RARE, MODERN = "/dataset/dataset_kotenseki.zip", "/dataset/dataset_kindai.zip"


def published_zip(name: str, title: str = "", label: str = "4_illustration", seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        folder = f"{name}/{2000000 + seed}{title}/{2000000 + seed}_0003"
        archive.writestr(f"{folder}.jpg", page_bytes(seed))
        archive.writestr(f"{folder}.xml", voc_xml([(label, 1, 2, 30, 40)]))
    return buffer.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NdlServer]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with NdlServer() as running:
        running.files = {
            RARE: published_zip("kotenseki", "(機巧図彙)"),
            MODERN: published_zip("kindai", label="8_textline", seed=1),
        }
        yield running


@pytest.fixture
def client() -> Iterator[PoliteClient]:
    with quick_client() as opened:
        yield opened


def settings_for(server: NdlServer, folder: Path, **rare: Any) -> DoclSettings:
    archives = [{"archive_url": server.url(RARE), **rare}, {"archive_url": server.url(MODERN)}]
    return parse_settings({"destination": str(folder), "archives": archives}, DoclSettings, "the test")


def fetched(server: NdlServer, client: PoliteClient, folder: Path, **rare: Any) -> list[SourceItem]:
    return docl_items(docl_folders(settings_for(server, folder, **rare), client))


def test_the_addresses_are_the_published_ones(tmp_path: Path) -> None:
    urls = [archive.archive_url for archive in DoclSettings(destination=tmp_path).archives]
    assert urls == [f"https://lab.ndl.go.jp{RARE}", f"https://lab.ndl.go.jp{MODERN}"]


def test_both_archives_become_one_list(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    rare, modern = fetched(server, client, tmp_path)
    assert (rare.item_id, rare.group, rare.title, rare.label) == (
        "2000000_0003",
        "2000000",
        "機巧図彙",
        "illustrated",
    )
    assert (modern.item_id, modern.label) == ("2000001_0003", "plain")
    assert rare.licence == "Public Domain Mark 1.0"
    assert rare.source_url == "https://dl.ndl.go.jp/info:ndljp/pid/2000000"
    assert rare.read() == ZonedImage(page_bytes(0), (Zone("4_illustration", 1, 2, 30, 40),))


def test_a_second_run_fetches_nothing(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    first = [item.item_id for item in fetched(server, client, tmp_path)]
    (tmp_path / "dataset_kotenseki.zip").unlink()
    server.requests.clear()
    assert [item.item_id for item in fetched(server, client, tmp_path)] == first
    assert server.requests == []


def test_a_download_that_is_cut_off_goes_on(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    server.misbehave(RARE, Fault(cut_after=500))
    assert len(fetched(server, client, tmp_path)) == 2
    ranges = [headers.get("Range") for path, headers in server.requests if path == RARE]
    assert ranges == [None, "bytes=500-"]
    digest = hashlib.sha256(server.files[RARE]).hexdigest()
    assert (tmp_path / "dataset_kotenseki.zip.sha256").read_text().startswith(digest)
    assert (tmp_path / f"dataset_kotenseki-{digest[:12]}").is_dir()


def test_the_recorded_hash_is_checked(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    fetched(server, client, tmp_path)
    archive = tmp_path / "dataset_kindai.zip"
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(IntegrityError, match=r"dataset_kindai\.zip has SHA-256"):
        fetched(server, client, tmp_path)


def test_a_configured_hash_is_checked(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="they were removed"):
        fetched(server, client, tmp_path, archive_sha256="0" * 64)
    assert not list(tmp_path.glob("*.zip"))


def test_an_archive_that_is_gone(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    del server.files[MODERN]
    with pytest.raises(UnavailableError, match="404"):
        fetched(server, client, tmp_path)


def test_an_archive_of_something_else(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    server.files[RARE] = published_zip("kotenseki", label="GraphicZone")
    with pytest.raises(SourceError, match=r"2000000_0003\.xml: 'GraphicZone'"):
        fetched(server, client, tmp_path)


def test_an_archive_that_leaves_its_folder(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    server.files[RARE] = published_zip("../kotenseki")
    with pytest.raises(SourceError, match="leave the folder"):
        fetched(server, client, tmp_path / "inner")
    assert not (tmp_path / "kotenseki").exists()


def test_an_address_without_an_archive(server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="archive_url is"):
        fetched(server, client, tmp_path, archive_url=server.url("/dataset/"))
