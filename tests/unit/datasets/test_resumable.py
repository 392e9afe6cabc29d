"""Downloads that resume, against a server that breaks off, changes its mind or lies."""

import errno
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.datasets.ndl_server import ARCHIVE, Fault, NdlServer, quick_client
from zuroku.datasets.http import UnavailableError
from zuroku.datasets.resumable import download_file
from zuroku.errors import DownloadError, IntegrityError, StorageError


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NdlServer]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with NdlServer() as running:
        yield running


class TestDownload:
    @pytest.fixture
    def target(self, tmp_path: Path) -> Path:
        return tmp_path / "raw" / "imagetagdataset.zip"

    def fetch(self, server: NdlServer, target: Path, sha256: str | None = None, tries: int = 5) -> str:
        with quick_client(max_tries=tries) as client:
            return download_file(client, server.url(ARCHIVE), target, sha256)

    def is_whole(self, server: NdlServer, target: Path) -> bool:
        seen = sorted(path.name for path in target.parent.iterdir() if not path.name.endswith(".lock"))
        return seen == [target.name] and target.read_bytes() == server.files[ARCHIVE]

    def cut(self, server: NdlServer, target: Path, after: int) -> None:
        """Leave a part of ``after`` bytes behind, as a broken connection would."""
        server.misbehave(ARCHIVE, Fault(cut_after=after))
        with pytest.raises(DownloadError, match="RemoteProtocolError"):
            self.fetch(server, target, tries=1)
        assert not target.exists()
        assert part_of(target).stat().st_size == after
        server.sent_bytes.clear()
        server.requests.clear()

    def test_appears_whole_with_its_hash(self, server: NdlServer, target: Path) -> None:
        digest = hashlib.sha256(server.files[ARCHIVE]).hexdigest()
        assert self.fetch(server, target, digest) == digest
        assert self.is_whole(server, target)

    def test_a_file_that_is_there_is_only_checked(self, server: NdlServer, target: Path) -> None:
        digest = self.fetch(server, target)
        server.requests.clear()
        assert self.fetch(server, target, digest) == digest
        assert server.requests == []
        with pytest.raises(IntegrityError, match="delete the file to fetch it again"):
            self.fetch(server, target, "0" * 64)
        assert self.is_whole(server, target)

    def test_a_cut_body_goes_on_in_the_same_run(self, server: NdlServer, target: Path) -> None:
        server.misbehave(ARCHIVE, Fault(cut_after=30_000))
        self.fetch(server, target)
        assert self.is_whole(server, target)
        total = len(server.files[ARCHIVE])
        assert server.sent_bytes == [30_000, total - 30_000]

    def test_a_second_run_fetches_only_the_rest(self, server: NdlServer, target: Path) -> None:
        self.cut(server, target, 50_000)
        self.fetch(server, target)
        assert self.is_whole(server, target)
        assert sum(server.sent_bytes) == len(server.files[ARCHIVE]) - 50_000
        assert server.requests[0][1]["Range"] == "bytes=50000-"
        assert server.requests[0][1]["If-Range"] == server.etag

    def test_a_server_that_ignores_ranges(self, server: NdlServer, target: Path) -> None:
        self.cut(server, target, 50_000)
        server.misbehave(ARCHIVE, Fault(ignores_range=True))
        self.fetch(server, target)
        assert self.is_whole(server, target)

    @pytest.mark.parametrize("ignores_if_range", [False, True])
    def test_a_new_version_begins_anew(self, server: NdlServer, target: Path, ignores_if_range: bool) -> None:
        self.cut(server, target, 50_000)
        server.files[ARCHIVE] = bytes(reversed(server.files[ARCHIVE]))
        server.etag = '"v2"'
        server.misbehave(ARCHIVE, Fault(ignores_if_range=ignores_if_range))
        self.fetch(server, target)
        assert self.is_whole(server, target)

    def test_a_new_version_shorter_than_the_part(self, server: NdlServer, target: Path) -> None:
        self.cut(server, target, 50_000)
        server.files[ARCHIVE] = b"short"
        server.misbehave(ARCHIVE, Fault(ignores_if_range=True))
        self.fetch(server, target)
        assert self.is_whole(server, target)
        assert server.requests[0][1]["Range"] == "bytes=50000-"

    @pytest.mark.parametrize("etag", ['W/"v1"', ""])
    def test_without_a_strong_etag_the_date_decides(self, server: NdlServer, target: Path, etag: str) -> None:
        server.etag = etag
        date = {"Last-Modified": "Tue, 01 Jun 2021 00:00:00 GMT"}
        server.misbehave(ARCHIVE, Fault(cut_after=50_000, headers=date))
        with pytest.raises(DownloadError):
            self.fetch(server, target, tries=1)
        server.misbehave(ARCHIVE, Fault(ignores_if_range=True, headers=date))
        self.fetch(server, target)
        assert self.is_whole(server, target)
        assert server.requests[1][1]["If-Range"] == date["Last-Modified"]
        assert server.sent_bytes[1] == len(server.files[ARCHIVE]) - 50_000

    def test_without_any_validator_nothing_is_trusted(self, server: NdlServer, target: Path) -> None:
        server.etag = 'W/"v1"'
        self.cut(server, target, 50_000)
        self.fetch(server, target)
        assert self.is_whole(server, target)
        assert "Range" not in server.requests[0][1]

    @pytest.mark.parametrize("note", ["", "{}", "[1]", '{"url": 1}'])
    def test_a_broken_note_begins_anew(self, server: NdlServer, target: Path, note: str) -> None:
        self.cut(server, target, 50_000)
        note_of(target).write_text(note)
        self.fetch(server, target)
        assert self.is_whole(server, target)

    def test_a_part_of_another_address_is_not_continued(self, server: NdlServer, target: Path) -> None:
        self.cut(server, target, 50_000)
        server.files["/mirror.zip"] = server.files[ARCHIVE]
        with quick_client() as client:
            download_file(client, server.url("/mirror.zip"), target, None)
        assert self.is_whole(server, target)
        assert "Range" not in server.requests[0][1]

    def test_killed_before_the_move(self, server: NdlServer, target: Path) -> None:
        self.cut(server, target, 50_000)
        part_of(target).write_bytes(server.files[ARCHIVE])
        self.fetch(server, target)
        assert self.is_whole(server, target)
        assert server.requests == []

    def test_a_part_that_grew_too_long(self, server: NdlServer, target: Path) -> None:
        self.cut(server, target, 50_000)
        part_of(target).write_bytes(server.files[ARCHIVE] + b"x")
        self.fetch(server, target)
        assert self.is_whole(server, target)

    def test_wrong_bytes_are_removed_and_the_next_run_is_clean(self, server: NdlServer, target: Path) -> None:
        digest = hashlib.sha256(server.files[ARCHIVE]).hexdigest()
        server.misbehave(ARCHIVE, Fault(body=b"<html>maintenance</html>"))
        with pytest.raises(DownloadError, match="gave 24 bytes with SHA-256") as caught:
            self.fetch(server, target, digest)
        assert digest in caught.value.expected
        assert [p.name for p in target.parent.iterdir()] == [f".{target.name}.lock"]
        assert self.fetch(server, target, digest) == digest
        assert self.is_whole(server, target)

    def test_a_full_disk_keeps_the_part(
        self, server: NdlServer, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", full_after(20_000))
            with pytest.raises(StorageError, match=r"so far 20000 bytes\): No space left") as caught:
                self.fetch(server, target)
        assert "goes on where it stopped" in caught.value.remedy
        assert not target.exists()
        server.sent_bytes.clear()
        self.fetch(server, target)
        assert self.is_whole(server, target)
        assert sum(server.sent_bytes) == len(server.files[ARCHIVE]) - 20_000

    def test_a_folder_that_is_a_file(self, server: NdlServer, tmp_path: Path) -> None:
        (tmp_path / "raw").write_bytes(b"")
        with pytest.raises(StorageError, match="cannot write"):
            self.fetch(server, tmp_path / "raw" / "x.zip")

    def test_a_missing_file_leaves_nothing(self, server: NdlServer, target: Path) -> None:
        server.misbehave(ARCHIVE, Fault(status=404))
        with pytest.raises(UnavailableError):
            self.fetch(server, target)
        assert [p.name for p in target.parent.iterdir()] == [f".{target.name}.lock"]

    def test_the_note_says_which_version(self, server: NdlServer, target: Path) -> None:
        self.cut(server, target, 50_000)
        note = json.loads(note_of(target).read_text())
        assert note["etag"] == server.etag
        assert note["total_bytes"] == len(server.files[ARCHIVE])


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def note_of(target: Path) -> Path:
    return target.with_name(target.name + ".part.json")


def full_after(limit: int) -> Any:
    """Return a stand-in for ``Path.open`` whose ``.part`` files take ``limit`` bytes and no more."""
    original = Path.open

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            room = limit - self.tell()
            if room <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(bytes(data)[:room]) or 0

    def opened(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return (
            Full(self, mode)
            if self.suffix == ".part" and "a" in mode
            else original(self, mode, *args, **kwargs)
        )

    return opened
