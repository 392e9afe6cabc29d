"""Archives that nobody vouches for: what is refused, and that nothing half-done is left."""

import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from zuroku.datasets.archive import extract_archive
from zuroku.errors import SourceError, StorageError

LIMIT = 1 << 24


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def linked(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


class TestUnpacking:
    def refusal(self, archive: Path, limit: int = LIMIT) -> str:
        target = archive.parent / "out" / "folder"
        with pytest.raises(SourceError) as caught:
            extract_archive(archive, target, limit)
        assert str(archive) in caught.value.found
        assert left_in(target.parent) == set()
        return str(caught.value)

    def test_all_dangerous_members_are_listed_and_nothing_is_written(self, tmp_path: Path) -> None:
        archive = zip_of(
            tmp_path / "a.zip",
            ("stamp/1_1_1.jpg", b"fine"),
            ("../outside.jpg", b"x"),
            ("/etc/absolute.jpg", b"x"),
            ("C:\\windows.jpg", b"x"),
            ("stamp\\..\\..\\outside.jpg", b"x"),
            (linked("stamp/link.jpg"), b"/etc/passwd"),
            (linked("stamp/pipe.jpg", stat.S_IFIFO), b""),
            ("STAMP/1_1_1.JPG", b"twice"),
            ("stamp/1_1_1.jpg/below.jpg", b"x"),
            ("stamp/" + "x" * 300, b"x"),
            ("stamp/bomb.jpg", bytes(4 << 20)),
        )
        text = self.refusal(archive)
        assert (
            "4 members that leave the folder ('../outside.jpg', '/etc/absolute.jpg', 'C:/windows.jpg'" in text
        )
        assert "2 members that are links or devices (stamp/link.jpg, stamp/pipe.jpg)" in text
        assert "members named twice (STAMP/1_1_1.JPG)" in text
        assert "members below another member (stamp/1_1_1.jpg/below.jpg)" in text
        assert "names longer than a file system takes" in text
        assert "1 members that unpack to a bomb (stamp/bomb.jpg" in text
        assert not (tmp_path / "outside.jpg").exists()

    def test_declared_sizes_are_summed(self, tmp_path: Path) -> None:
        archive = zip_of(tmp_path / "a.zip", ("a.jpg", os.urandom(600)), ("b.jpg", os.urandom(600)))
        assert "1200 bytes in all" in self.refusal(archive, limit=1000)

    def test_a_member_that_lies_about_its_size(self, tmp_path: Path) -> None:
        data = zip_of(tmp_path / "a.zip", ("a.jpg", b"z" * 5000)).read_bytes()
        liar = tmp_path / "liar.zip"
        liar.write_bytes(data.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
        assert "damaged or no zip file, at a.jpg" in self.refusal(liar)

    def test_damage_is_found(self, tmp_path: Path) -> None:
        archive = zip_of(tmp_path / "a.zip", (zipfile.ZipInfo("a.jpg"), b"x" * 1000))
        data = bytearray(archive.read_bytes())
        data[500] ^= 1
        archive.write_bytes(data)
        assert "at a.jpg: Bad CRC-32" in self.refusal(archive)
        archive.write_bytes(data[:600])
        assert "damaged or no zip file, at the list of members" in self.refusal(archive)

    def test_encrypted_members(self, tmp_path: Path) -> None:
        archive = zip_of(tmp_path / "a.zip", ("a.jpg", b"x"))
        data = bytearray(archive.read_bytes())
        for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(mark) + offset] |= 1
        archive.write_bytes(data)
        assert "1 encrypted members (a.jpg)" in self.refusal(archive)

    def test_names_in_shift_jis_utf8_and_neither(self, tmp_path: Path) -> None:
        archive = zip_of(tmp_path / "a.zip", ("stamp/xxxx.jpg", b"1"), ("地図/図.jpg", b"2"))
        data = archive.read_bytes()
        # In Shift-JIS the second byte of 表 is a backslash, which must not become a folder.
        archive.write_bytes(data.replace(b"xxxx", "表示".encode("cp932")))
        extract_archive(archive, tmp_path / "folder", LIMIT)
        assert (tmp_path / "folder/stamp/表示.jpg").read_bytes() == b"1"
        assert (tmp_path / "folder/地図/図.jpg").read_bytes() == b"2"
        archive.write_bytes(data.replace(b"xxxx", b"\xfd\xfe\x81\x20"))
        assert "names neither UTF-8 nor Shift-JIS" in self.refusal(archive)

    def test_backslashes_part_folders(self, tmp_path: Path) -> None:
        archive = zip_of(tmp_path / "a.zip", ("stamp\\", b""), ("stamp\\1_1_1.jpg", b"x"))
        extract_archive(archive, tmp_path / "folder", LIMIT)
        assert (tmp_path / "folder/stamp/1_1_1.jpg").read_bytes() == b"x"

    def test_what_a_killed_run_left_is_cleared(self, tmp_path: Path) -> None:
        (tmp_path / ".folder.partial").mkdir()
        (tmp_path / ".folder.partial/stale.jpg").write_bytes(b"x")
        extract_archive(zip_of(tmp_path / "a.zip", ("a.jpg", b"x")), tmp_path / "folder", LIMIT)
        assert left_in(tmp_path) == {"a.zip", "folder"}
        assert left_in(tmp_path / "folder") == {"a.jpg"}

    def test_a_full_disk_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        archive = zip_of(tmp_path / "a.zip", ("a.jpg", b"x"))
        with monkeypatch.context() as patch:
            patch.setattr("shutil.copyfileobj", full)
            with pytest.raises(StorageError, match="No space left"):
                extract_archive(archive, tmp_path / "folder", LIMIT)
        assert left_in(tmp_path) == {"a.zip"}
        extract_archive(archive, tmp_path / "folder", LIMIT)
        assert left_in(tmp_path / "folder") == {"a.jpg"}
