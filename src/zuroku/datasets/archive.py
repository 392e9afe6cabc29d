"""Unpacking an archive that nobody vouches for into a folder that appears whole or not at all.

Zip archives are read here, tar archives by ``tarball``.
"""

import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from zuroku.artifacts import locked, replace_folder
from zuroku.datasets.faults import FaultList
from zuroku.datasets.tarball import TAR_SUFFIXES, extract_tarball
from zuroku.errors import SourceError, StorageError

MAX_RATIO = 200
"""A member that unpacks to more than so many times its size is a bomb: images hardly shrink at all."""

# Below this size a high ratio is harmless, and common in text.
_RATIO_FREE_BYTES = 1 << 20
_LONGEST_NAME_BYTES = 255
_CHUNK_BYTES = 1 << 20
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1


def extract_archive(archive: Path, folder: Path, max_bytes: int) -> None:
    """Unpack ``archive``, a tar file if its name says so, else zip, to ``folder``: at most ``max_bytes``.

    Names are UTF-8 where a zip archive says so or they can be, else Shift-JIS (cp932), which Japanese
    Windows writes without saying so.
    Every zip member's CRC is checked. If ``folder`` is there already, it is left as it is.

    Raises:
        SourceError: not such a file, damaged, or with members that leave the folder, are links,
            encrypted, named twice, or unpack to too much; all such members are listed.
        StorageError: the disk is full or not writable; nothing is left behind.
    """
    with locked(folder.parent / f".{folder.name}.lock"):
        if folder.exists():
            return
        work = folder.parent / f".{folder.name}.partial"
        try:
            shutil.rmtree(work, ignore_errors=True)
            extract = extract_tarball if archive.name.endswith(TAR_SUFFIXES) else _extract
            extract(archive, work, max_bytes)
            replace_folder(work, folder)
        except OSError as error:
            raise StorageError(
                f"cannot unpack {archive} to {folder}: {error.strerror or error}",
                expected="a folder with room for the whole collection that this user may write to",
                remedy="free space or change the rights and run this again",
            ) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _extract(archive: Path, work: Path, max_bytes: int) -> None:
    work.mkdir(parents=True)
    member = "the list of members"
    try:
        with zipfile.ZipFile(archive) as opened:
            for info, path in _checked_members(opened, archive, max_bytes):
                member = path.as_posix()
                target = work / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(info) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file, _CHUNK_BYTES)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        UnicodeDecodeError,
    ) as error:
        raise SourceError(
            f"{archive} is damaged or no zip file, at {member}: {error}",
            expected="a complete zip archive",
            remedy=f"delete {archive} and fetch it again",
        ) from error


def _checked_members(
    opened: zipfile.ZipFile, archive: Path, max_bytes: int
) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Return the files of the archive with their decoded paths, having looked at every member."""
    faults = FaultList()
    members: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    seen: set[str] = set()
    for info in opened.infolist():
        name = _decoded_name(info, faults)
        if name is None:
            continue
        path = PurePosixPath(name)
        _check_member(info, name, path, faults)
        if info.is_dir() or name.endswith("/"):
            continue
        folded = unicodedata.normalize("NFC", path.as_posix()).casefold()
        if folded in seen:
            faults.add("members named twice", name)
        seen.add(folded)
        members.append((info, path))
    for folded in sorted(seen):
        if any(parent.as_posix() in seen for parent in PurePosixPath(folded).parents):
            faults.add("members below another member", folded)
    total = sum(info.file_size for info, _ in members)
    if total > max_bytes:
        faults.add("declared sizes too large", f"{total} bytes in all")
    faults.raise_if_any(
        str(archive),
        expected=f"plain files below one folder, at most {max_bytes} bytes in all",
        remedy="do not unpack it by hand; fetch it again from the publisher and compare its SHA-256",
    )
    return members


def _decoded_name(info: zipfile.ZipInfo, faults: FaultList) -> str | None:
    """Return the name with forward slashes; zipfile reads names without the UTF-8 flag as cp437."""
    name = info.filename
    if not info.flag_bits & _UTF8_FLAG:
        raw = name.encode("cp437")
        decoded = _decoded(raw, "utf-8") or _decoded(raw, "cp932")
        if decoded is None:
            faults.add("names neither UTF-8 nor Shift-JIS", repr(raw))
            return None
        name = decoded
    return name.replace("\\", "/")


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _check_member(info: zipfile.ZipInfo, name: str, path: PurePosixPath, faults: FaultList) -> None:
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or not path.parts:
        faults.add("members that leave the folder", repr(name))
    if any(len(part.encode()) > _LONGEST_NAME_BYTES for part in path.parts):
        faults.add("names longer than a file system takes", f"{name[:40]}…")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        faults.add("members that are links or devices", name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        faults.add("members compressed other than by deflate", name)
    if info.flag_bits & _ENCRYPTED_FLAG:
        faults.add("encrypted members", name)
    if info.file_size > max(_RATIO_FREE_BYTES, MAX_RATIO * info.compress_size):
        faults.add("members that unpack to a bomb", f"{name}: {info.compress_size} to {info.file_size} bytes")
