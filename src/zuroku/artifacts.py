"""Folders addressed by their content: built aside, sealed with SHA-256, moved into place whole.

Every output of every task goes through ``build``; every input is checked by ``verify``. Nothing
here knows what the files mean.
"""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zuroku.errors import BusyError, IntegrityError, StorageError

SEAL = "SHA256SUMS"
_CHUNK_BYTES = 1 << 20
_REMEDY = "restore the folder from its remote, or delete it and build it again"
_FULL_DISK = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@dataclass(frozen=True)
class Artifact:
    """A finished output: its folder and the SHA-256 (hex) that names its content.

    ``proof`` is the file in the folder whose bytes have that hash: the seal, or a dataset's manifest.
    """

    path: Path
    sha256: str
    proof: str = SEAL


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of the bytes of the file at ``path``, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def seal(folder: Path) -> str:
    """Write ``SHA256SUMS`` over every file below ``folder`` and return the SHA-256 of that list.

    The list has the format of ``sha256sum``, so that anyone can check a folder without zuroku.
    """
    files = sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p != folder / SEAL
    )
    lines = "".join(f"{file_sha256(folder / name)}  {name}\n" for name in files)
    write_atomically(folder / SEAL, lines.encode())
    return hashlib.sha256(lines.encode()).hexdigest()


def read_seal(folder: Path) -> dict[str, str]:
    """Return the SHA-256 (hex) that the seal of ``folder`` records of each file, by its path there.

    Raises:
        IntegrityError: there is no seal, or it is no list of files.
    """
    path = folder / SEAL
    if not path.is_file():
        raise IntegrityError(
            f"{folder} has no {SEAL}",
            expected="a sealed folder made by zuroku",
            remedy="build it again; a folder without a seal was never finished",
        )
    try:
        lines = (line.split("  ", 1) for line in path.read_bytes().decode().splitlines())
        return {name: digest for digest, name in lines}
    except ValueError as error:
        raise IntegrityError(
            f"the seal {path} is broken: {error}",
            expected="a SHA-256, two spaces and a file name on every line",
            remedy=_REMEDY,
        ) from error


def verify(folder: Path, sha256: str | None = None) -> Artifact:
    """Check ``folder`` against its seal, and the seal against ``sha256`` where one is given.

    Of a link, the folder is checked that it leads to at the beginning.

    Raises:
        IntegrityError: the seal is missing or broken, or files are missing, added or changed (all listed).
    """
    # A link may lead to another folder before the last file is hashed.
    real = folder.resolve()
    recorded = read_seal(real)
    present = {p.relative_to(real).as_posix() for p in real.rglob("*") if p.is_file()} - {SEAL}
    faults = [f"missing {name}" for name in sorted(recorded.keys() - present)]
    faults += [f"added {name}" for name in sorted(present - recorded.keys())]
    faults += [
        f"changed {name}"
        for name in sorted(recorded.keys() & present)
        if file_sha256(real / name) != recorded[name]
    ]
    found = file_sha256(real / SEAL)
    if sha256 is not None and found != sha256:
        faults.append(f"seal {found}")
    if faults:
        raise IntegrityError(
            f"{real} is not what was sealed: {', '.join(faults)}",
            expected=f"the files of {SEAL}" + (f" with seal {sha256}" if sha256 else ""),
            remedy=_REMEDY,
        )
    return Artifact(folder, found)


def build(target: Path, make: Callable[[Path], None]) -> Artifact:
    """Return the sealed folder ``target``, made by ``make(work)`` unless it is already there.

    ``work`` is a hidden sibling that survives a kill: ``make`` finds there what an earlier attempt
    left and goes on from it. Only a finished, sealed folder is moved to ``target``. Two processes
    building the same target take turns, and the second finds it done.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent / f".{target.name}.lock"):
        if target.exists():
            return verify(target)
        work = target.parent / f".{target.name}.partial"
        work.mkdir(exist_ok=True)
        make(work)
        sha256 = seal(work)
        _sync(work)
        os.replace(work, target)
        _sync(target.parent)
    return Artifact(target, sha256)


def replace_folder(work: Path, target: Path) -> None:
    """Move the finished folder ``work`` to ``target``, taking the place of what was there."""
    _sync(work)
    old = target.parent / f".{target.name}.old"
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(target, old)
    os.replace(work, target)
    shutil.rmtree(old, ignore_errors=True)
    _sync(target.parent)


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees the old bytes or the new, never a part."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def locked(
    path: Path, wait: bool = True, say: Callable[[str], None] = lambda line: None
) -> Iterator[IO[str]]:
    """Hold an exclusive lock on ``path``; the kernel frees it when the process dies.

    The open file is the lock: a process that is given it (``pass_fds``) holds it too, until that ends.
    ``say`` is told before another is waited for, which may take hours.

    Raises:
        BusyError: ``wait`` is false and another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise BusyError(
                    f"another process is working on {path.with_suffix('').name.lstrip('.')}",
                    expected="one writer at a time",
                    remedy="wait for it to finish, or stop it, then run this again",
                ) from error
            say(f"waiting for another process, which may have outlived its caller; it holds {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


@contextmanager
def room(folder: Path, needed: str, kept: str = "nothing stays behind") -> Iterator[None]:
    """Turn what a full disk raises inside into a ``StorageError``: no room in ``folder`` for the ``needed``.

    ``kept`` tells what a second run finds.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        raise StorageError(
            f"no room left while writing {folder}: {error.strerror}",
            expected=f"space for {needed}",
            remedy=f"free space or raise the limit and run the same command: {kept}",
        ) from error


def _sync(folder: Path) -> None:
    """Flush the directory entry of ``folder``, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
