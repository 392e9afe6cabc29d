"""NDL-ImageLabel and more figures fetched from a server that stands for the library's."""

import hashlib
import io
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.datasets.ndl_server import (
    API,
    ARCHIVE,
    FIGURES,
    IIIF,
    METADATA,
    Fault,
    NdlServer,
    figure_bytes,
    illustration,
    published_csv,
    published_zip,
    quick_client,
)
from zuroku.config import parse_settings
from zuroku.datasets.http import PoliteClient, UnavailableError, UnusableError
from zuroku.datasets.ndl_download import (
    IDLE_CALLS,
    KNOWN_TAGS,
    DownloadSettings,
    illustrations_of_tag,
    imagelabel_items,
)
from zuroku.errors import ConfigError, DownloadError, IntegrityError, SourceError

CLASSES = set(FIGURES.values())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NdlServer]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with NdlServer() as running:
        yield running


@pytest.fixture
def client() -> Iterator[PoliteClient]:
    with quick_client() as opened:
        yield opened


def settings_for(server: NdlServer, folder: Path, **fields: Any) -> DownloadSettings:
    values = {
        "destination": str(folder),
        "archive_url": server.url(ARCHIVE),
        "metadata_url": server.url(METADATA),
        "iiif_url": server.url(IIIF),
        "api_url": server.url(API),
        **fields,
    }
    return parse_settings(values, DownloadSettings, "the test")


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


class TestArchive:
    @pytest.mark.parametrize("below", ["", "NDL-ImageLabel/"])
    def test_figures_come_from_the_archive(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path, below: str
    ) -> None:
        server.files[ARCHIVE] = published_zip(below)
        items = imagelabel_items(settings_for(server, tmp_path), CLASSES, client)
        assert {i.item_id: i.label for i in items} == FIGURES
        assert all(i.title == "経済学全集" and not i.retrieved and i.reviewed for i in items)
        assert all(i.read() == figure_bytes(i.item_id) for i in items)
        digest = hashlib.sha256(server.files[ARCHIVE]).hexdigest()
        assert left_in(tmp_path) == {
            f"imagetagdataset-{digest[:12]}",
            "imagetagdataset.zip",
            "imagetagdataset.zip.sha256",
        }

    def test_a_second_run_fetches_nothing(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        settings = settings_for(server, tmp_path)
        first = [i.item_id for i in imagelabel_items(settings, CLASSES, client)]
        server.requests.clear()
        assert [i.item_id for i in imagelabel_items(settings, CLASSES, client)] == first
        (tmp_path / "imagetagdataset.zip").unlink()
        assert [i.item_id for i in imagelabel_items(settings, CLASSES, client)] == first
        assert server.requests == []

    def test_the_recorded_hash_is_checked_from_then_on(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        settings = settings_for(server, tmp_path)
        imagelabel_items(settings, CLASSES, client)
        archive = tmp_path / "imagetagdataset.zip"
        archive.write_bytes(archive.read_bytes() + b"x")
        with pytest.raises(IntegrityError, match=r"imagetagdataset\.zip has SHA-256"):
            imagelabel_items(settings, CLASSES, client)

    def test_a_new_version_does_not_hide_behind_the_old_folder(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        imagelabel_items(settings_for(server, tmp_path), CLASSES, client)
        (tmp_path / "imagetagdataset.zip").unlink()
        server.files[ARCHIVE] = published_zip("second version/")
        digest = hashlib.sha256(server.files[ARCHIVE]).hexdigest()
        items = imagelabel_items(settings_for(server, tmp_path, archive_sha256=digest), CLASSES, client)
        assert len(items) == len(FIGURES)
        assert (tmp_path / "imagetagdataset.zip.sha256").read_text().startswith(digest)
        assert (tmp_path / f"imagetagdataset-{digest[:12]}" / "second version").is_dir()

    def test_a_configured_hash_is_checked_at_once(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        settings = settings_for(server, tmp_path, archive_sha256="0" * 64)
        with pytest.raises(DownloadError, match="they were removed"):
            imagelabel_items(settings, CLASSES, client)
        assert left_in(tmp_path) == set()

    def test_a_page_instead_of_an_archive(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.misbehave(ARCHIVE, Fault(body=b"<html>please log in</html>"))
        with pytest.raises(DownloadError, match="it begins b'<html>please"):
            imagelabel_items(settings_for(server, tmp_path), CLASSES, client)
        assert left_in(tmp_path) == set()
        assert len(imagelabel_items(settings_for(server, tmp_path), CLASSES, client)) == len(FIGURES)

    def test_half_an_archive_is_continued(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.misbehave(ARCHIVE, Fault(cut_after=40_000))
        assert len(imagelabel_items(settings_for(server, tmp_path), CLASSES, client)) == len(FIGURES)
        assert sum(server.sent_bytes) == len(server.files[ARCHIVE])

    def test_a_class_outside_the_hierarchy(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        with pytest.raises(SourceError, match=r"hierarchy lacks \(stamp\)"):
            imagelabel_items(settings_for(server, tmp_path), CLASSES - {"stamp"}, client)

    def test_server_trouble_is_no_reason_to_fall_back(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.misbehave(ARCHIVE, *[Fault(status=503)] * 9)
        with pytest.raises(DownloadError, match="503"):
            imagelabel_items(settings_for(server, tmp_path), CLASSES, client)

    @pytest.mark.parametrize("where", ["scheme", "redirect", "circle"])
    def test_a_wrong_address_is_no_reason_to_fall_back(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path, where: str
    ) -> None:
        elsewhere = {"redirect": "ftp://127.0.0.1/x.zip", "circle": ARCHIVE}
        if where in elsewhere:
            server.misbehave(ARCHIVE, *[Fault(status=302, headers={"Location": elsewhere[where]})] * 9)
        url = "ftp://127.0.0.1/x.zip" if where == "scheme" else server.url(ARCHIVE)
        with pytest.raises(UnusableError, match="redirect"):
            imagelabel_items(settings_for(server, tmp_path, archive_url=url), CLASSES, client)
        assert not any(path == METADATA for path, _ in server.requests)


class TestFallback:
    @pytest.mark.parametrize("status", [404, 410])
    def test_crops_of_the_published_table(
        self,
        server: NdlServer,
        client: PoliteClient,
        tmp_path: Path,
        status: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        server.misbehave(ARCHIVE, Fault(status=status))
        with caplog.at_level(logging.WARNING):
            items = imagelabel_items(settings_for(server, tmp_path), CLASSES, client)
        assert f"answered {status}" in caplog.text
        assert {i.item_id: i.label for i in items} == FIGURES
        assert all(i.retrieved and i.reviewed and i.title == "経済学全集" for i in items)
        assert not any(path.startswith(IIIF) for path, _ in server.requests)
        path = f"{IIIF}/1017141/R0000454/pct:15.0,20.1,28.5,66.7/full/0/default.jpg"
        assert items[0].source_url == server.url(path)
        assert items[0].read() == figure_bytes(path)

    def test_an_unreachable_archive_and_a_table_on_disk(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        (tmp_path / "table.csv").write_text(published_csv(), encoding="utf-8")
        settings = settings_for(
            server,
            tmp_path / "raw",
            archive_url="http://127.0.0.1:1/gone.zip",
            metadata=str(tmp_path / "table.csv"),
            iiif_size=",256",
        )
        items = imagelabel_items(settings, CLASSES, client)
        assert items[0].source_url.endswith("/pct:15.0,20.1,28.5,66.7/,256/0/default.jpg")
        assert server.requests == []

    def test_a_crop_that_is_gone_says_so_when_read(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.misbehave(ARCHIVE, Fault(status=404))
        server.misbehave(f"{IIIF}/1017141", Fault(status=404))
        first, second, *_ = imagelabel_items(settings_for(server, tmp_path), CLASSES, client)
        with pytest.raises(UnavailableError, match="R0000454"):
            first.read()
        assert second.read()

    def test_a_class_outside_the_hierarchy(
        self, server: NdlServer, client: PoliteClient, tmp_path: Path
    ) -> None:
        server.misbehave(ARCHIVE, Fault(status=404))
        with pytest.raises(SourceError, match="993750_2_2: stamp"):
            imagelabel_items(settings_for(server, tmp_path), CLASSES - {"stamp"}, client)

    def test_neither_archive_nor_table(self, server: NdlServer, client: PoliteClient, tmp_path: Path) -> None:
        server.files = {}
        with pytest.raises(DownloadError, match=r"metadata\.csv answered 404"):
            imagelabel_items(settings_for(server, tmp_path), CLASSES, client)
        assert left_in(tmp_path) == set()


class TestApi:
    def ask(self, server: NdlServer, client: PoliteClient, count: int, tag: str = "graphic_map") -> list[Any]:
        return illustrations_of_tag(tag, count, settings_for(server, Path("unused")), client)

    def test_guesses_are_marked_and_addressed(self, server: NdlServer, client: PoliteClient) -> None:
        server.answers.extendleft([[illustration("1017141_454_0"), illustration("993750_2_2")]])
        first, second = self.ask(server, client, 2)
        assert (first.item_id, second.item_id) == ("1017141_454_0", "993750_2_2")
        assert (first.label, first.group, first.title) == ("graphic_map", "1017141", "日本地図")
        assert first.retrieved
        assert not first.reviewed
        path = f"{IIIF}/1017141/R0000454/pct:15.0,0.00001,28.5,66.7/,256/0/default.jpg"
        assert first.source_url == server.url(path)
        assert first.read() == figure_bytes(path)
        assert server.requests[0][0] == f"{API}?size=10&f-graphictags.tagname=graphic_map"

    def test_asks_until_there_are_enough_distinct_ones(self, server: NdlServer, client: PoliteClient) -> None:
        ids = [f"{pid}_1_0" for pid in range(100, 106)]
        for known in (1, 2, 2, 4, 6):
            server.answers.insert(-1, [illustration(i) for i in ids[:known]])
        server.answers.pop()
        assert [i.item_id for i in self.ask(server, client, 5)] == ids[:5]
        assert len(server.requests) == 5

    def test_ends_when_nothing_new_comes(
        self, server: NdlServer, client: PoliteClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.answers[0] = [illustration("1017141_454_0")]
        with caplog.at_level(logging.WARNING):
            assert len(self.ask(server, client, 3)) == 1
        assert "only 1 of 3 figures of graphic_map" in caplog.text
        assert len(server.requests) == 1 + IDLE_CALLS

    def test_no_figure_at_all(self, server: NdlServer, client: PoliteClient) -> None:
        assert self.ask(server, client, 3, "picture_person") == []

    @pytest.mark.parametrize(("tag", "count"), [("mountain", 1), ("graphic_map&x=", 1), ("stamp", 0)])
    def test_only_known_tags(self, server: NdlServer, client: PoliteClient, tag: str, count: int) -> None:
        with pytest.raises(ConfigError, match="are asked for") as caught:
            self.ask(server, client, count, tag)
        assert "picture_landmark" in caught.value.expected
        assert server.requests == []
        assert len(KNOWN_TAGS) == len(set(KNOWN_TAGS)) == 12

    @pytest.mark.parametrize(
        ("answer", "fault"),
        [
            (b"<html>maintenance</html>", "Invalid JSON"),
            ({"list": []}, "the whole: Input should be a valid"),
            ([{"id": "1_1_1"}], "0.pid: Field required"),
            ([illustration("1_1_1") | {"id": "../../etc"}], "0.id: "),
            ([illustration("1_1_1") | {"pid": "x/y"}], "0.pid: "),
            ([illustration("1_1_1") | {"w": 0}], "0.w: "),
            ([illustration("1_1_1") | {"x": 1e300}], "0.x: "),
            (b'[{"id":"1_1_1","pid":"1","page":1,"x":NaN,"y":0,"w":1,"h":1,"graphictags":[]}]', "0.x: "),
            ([illustration("1_1_1") | {"graphictags": "graphic_map"}], "0.graphictags: "),
            ([illustration("1_1_1", tag="stamp")], "1 figures without the tag graphic_map (1_1_1)"),
        ],
    )
    def test_another_form_is_refused(
        self, server: NdlServer, client: PoliteClient, answer: Any, fault: str
    ) -> None:
        server.answers[0] = answer
        with pytest.raises(DownloadError, match="answers in another form") as caught:
            self.ask(server, client, 1)
        assert fault in str(caught.value)
        assert "graphictags [{tagname, confidence}]" in caught.value.expected


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"archive_sha256": "abc"}, "archive_sha256"),
        ({"iiif_size": "big"}, "iiif_size"),
        ({"iiif_size": "full/../.."}, "iiif_size"),
        ({"http": {"requests_per_second": 0}}, "http.requests_per_second"),
        ({"tags": []}, "tags"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        parse_settings({"destination": str(tmp_path)} | fields, DownloadSettings, "the test")


def test_an_archive_url_that_names_no_archive(
    server: NdlServer, client: PoliteClient, tmp_path: Path
) -> None:
    for url in ("/dataset/", "/dataset/..zip", "/x.tar.bz2"):
        with pytest.raises(ConfigError, match="archive_url"):
            imagelabel_items(settings_for(server, tmp_path, archive_url=server.url(url)), CLASSES, client)


def test_published_zip_is_what_it_stands_for() -> None:
    with zipfile.ZipFile(io.BytesIO(published_zip())) as archive:
        assert sorted(archive.namelist()) == sorted(
            ["metadata.csv", *(f"{label}/{item_id}.jpg" for item_id, label in FIGURES.items())]
        )
