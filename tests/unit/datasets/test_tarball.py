"""Tar archives that nobody vouches for: unpacked whole or not at all."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.unit.datasets.photos.photo_files import tarball
from zuroku.datasets.archive import extract_archive
from zuroku.errors import SourceError

FILES = {"jpg/100000.jpg": b"one", "jpg/100001.jpg": b"two" * 5000, "全.txt": b"three"}


def unpacked(
    tmp_path: Path, data: bytes, name: str = "a.tar.gz", max_bytes: int = 1 << 20
) -> dict[str, bytes]:
    (tmp_path / name).write_bytes(data)
    folder = tmp_path / "out"
    try:
        extract_archive(tmp_path / name, folder, max_bytes)
    except SourceError:
        assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {name}
        raise
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def with_member(info: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "compressed"), [("a.tar.gz", True), ("a.tgz", True), ("a.tar", False)])
def test_files_come_out(tmp_path: Path, name: str, compressed: bool) -> None:
    assert unpacked(tmp_path, tarball(FILES, compressed), name) == FILES


def test_folders_in_the_archive_are_no_members(tmp_path: Path) -> None:
    info = tarfile.TarInfo("jpg")
    info.type = tarfile.DIRTYPE
    assert unpacked(tmp_path, with_member(info), "a.tar") == {}


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_part_of_an_archive(tmp_path: Path, cut: float) -> None:
    whole = tarball({"a": bytes(range(256)) * 400, "b": b"x" * 3000})
    with pytest.raises(SourceError, match="damaged or no tar archive"):
        unpacked(tmp_path, whole[: int(cut * len(whole))])


def test_something_else(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="damaged or no tar archive"):
        unpacked(tmp_path, b"<html>" * 2000)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["../up"], "members that leave the folder"),
        (["/etc/x"], "members that leave the folder"),
        (["a\\..\\..\\x"], "members that leave the folder"),
        (["C:/x"], "members that leave the folder"),
        (["x" * 300], "names longer than a file system takes"),
        (["same", "Same"], "members named twice"),
    ],
)
def test_members_that_must_not_be_unpacked(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        unpacked(tmp_path, tarball(dict.fromkeys(names, b"x") | {"good": b"y"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(SourceError, match="links or devices"):
        unpacked(tmp_path, with_member(info), "a.tar")


def test_more_than_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="unpacks to more than 20000 bytes"):
        unpacked(tmp_path, tarball({"a": bytes(10_000), "b": bytes(10_001)}), max_bytes=20_000)
