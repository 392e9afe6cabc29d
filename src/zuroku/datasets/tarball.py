"""Members of a tar archive that nobody vouches for: read once from front to back, plain files only.

Where they go and what happens on failure decides ``archive``.
"""

import shutil
import tarfile
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from zuroku.datasets.faults import FaultList
from zuroku.errors import SourceError

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")

_LONGEST_NAME_BYTES = 255
_CHUNK_BYTES = 1 << 20


def extract_tarball(archive: Path, work: Path, max_bytes: int) -> None:
    """Unpack the tar file ``archive``, compressed by gzip or not, into the new folder ``work``.

    A compressed archive cannot be looked through first without reading it twice, so what is sound may lie
    in ``work`` when this raises.

    Raises:
        SourceError: no tar file, damaged or cut short, more than ``max_bytes`` in all, or with members that
            leave the folder, are links or devices, or are named twice; all such members are listed.
        OSError: ``work`` cannot be written.
    """
    work.mkdir(parents=True)
    faults = FaultList()
    member = "its first member"
    try:
        with tarfile.open(archive, "r|*", encoding="utf-8", errors="surrogateescape") as opened:
            for info, path in _sound_members(opened, archive, max_bytes, faults):
                member = path.as_posix()
                source = opened.extractfile(info)
                assert source is not None  # a plain file, by _sound_members
                target = work / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as file:
                    shutil.copyfileobj(source, file, _CHUNK_BYTES)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise SourceError(
            f"{archive} is damaged or no tar archive, after {member}: {error}",
            expected="a complete tar archive",
            remedy=f"delete {archive} and fetch it again",
        ) from error
    faults.raise_if_any(
        str(archive),
        expected="plain files below one folder",
        remedy="do not unpack it by hand; fetch it again from the publisher and compare its SHA-256",
    )


def _sound_members(
    opened: tarfile.TarFile, archive: Path, max_bytes: int, faults: FaultList
) -> Iterator[tuple[tarfile.TarInfo, PurePosixPath]]:
    """Yield the plain files with their paths; what else there is, is noted in ``faults``."""
    total = 0
    seen: set[str] = set()
    for info in opened:
        path = PurePosixPath(info.name.replace("\\", "/"))
        if info.isdir():
            continue
        total += info.size
        if total > max_bytes:
            raise SourceError(
                f"{archive} unpacks to more than {max_bytes} bytes",
                expected="at most that much",
                remedy="if it is genuine, raise max_unpacked_bytes in the configuration",
            )
        folded = unicodedata.normalize("NFC", path.as_posix()).casefold()
        if fault := _fault(info, path, folded in seen):
            faults.add(fault, repr(info.name))
            continue
        seen.add(folded)
        yield info, path


def _fault(info: tarfile.TarInfo, path: PurePosixPath, twice: bool) -> str:
    """Say what is wrong with a member, or return an empty text."""
    if not info.isfile():
        return "members that are links or devices"
    if path.is_absolute() or PureWindowsPath(path).drive or ".." in path.parts or not path.parts:
        return "members that leave the folder"
    try:
        if any(len(part.encode()) > _LONGEST_NAME_BYTES for part in path.parts):
            return "names longer than a file system takes"
    except UnicodeEncodeError:
        return "names that are not UTF-8"
    return "members named twice" if twice else ""
