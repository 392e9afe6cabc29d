"""One large file from a server: resumed by HTTP Range, checked, moved into place whole.

Beside ``<path>.part`` lies ``<path>.part.json``: which version of the file the part belongs to.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from zuroku.artifacts import file_sha256, locked, write_atomically
from zuroku.datasets.http import PoliteClient, TransientError
from zuroku.errors import DownloadError, IntegrityError, StorageError

_CONTENT_RANGE = re.compile(r"bytes (?P<start>\d+)-\d+/(?P<total>\d+|\*)")


@dataclass(frozen=True)
class _Version:
    """What a server said about the file that a part belongs to. ``total_bytes`` is None if unknown."""

    url: str
    etag: str
    last_modified: str
    total_bytes: int | None

    @property
    def validator(self) -> str:
        """The value for If-Range, or an empty text: a weak ETag promises no equal bytes (§13.1.5)."""
        return self.etag if self.etag.startswith('"') else self.last_modified


def download_file(client: PoliteClient, url: str, path: Path, sha256: str | None) -> str:
    """Download ``url`` to ``path`` and return its SHA-256 (hex); a file that is there is only checked.

    A download that was cut off goes on where it stopped, if the server still has the same version
    (RFC 9110 §14, If-Range). ``path`` appears only when every byte is there and has ``sha256``,
    where one is given. A second process waits for the first.

    Raises:
        UnavailableError: the file is gone, or the server cannot be reached.
        DownloadError: the server gave something else (its bytes are removed), or all tries failed.
        IntegrityError: the file that is already there has another SHA-256; it is left alone.
        StorageError: the disk is full or not writable; the part is kept.
    """
    part = _Part(path, url)
    try:
        with locked(path.parent / f".{path.name}.lock"):
            if path.exists():
                return _check_present(path, sha256)
            client.retrying(url, lambda: part.fetch(client))
            return part.finish(sha256)
    except OSError as error:
        raise StorageError(
            f"cannot write {path} (so far {part.size()} bytes): {error.strerror}",
            expected="a folder with room for the whole file that this user may write to",
            remedy="free space or change the rights and run this again: it goes on where it stopped",
        ) from error


class _Part:
    """The unfinished file beside its target."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url
        self._file = path.with_name(f"{path.name}.part")
        self._note = path.with_name(f"{path.name}.part.json")

    def size(self) -> int:
        """Return the number of bytes there are."""
        return self._file.stat().st_size if self._file.exists() else 0

    def fetch(self, client: PoliteClient) -> None:
        """Make one try to fetch what is missing.

        Raises:
            TransientError: the body ended early, or is another version; the next try goes on or begins anew.
        """
        version, offset = self._resume_point()
        if version is not None and offset > 0 and offset == version.total_bytes:
            return
        if version is None or offset == 0:
            opened = client.stream(self._url)
        else:
            headers = {"Range": f"bytes={offset}-", "If-Range": version.validator}
            opened = client.stream(self._url, headers, accepted=(200, 206, 416))
        with opened as response:
            if response.status_code != 200 and version is not None:
                self._refuse_other_version(response, version, offset)
            else:
                offset = 0
                self._discard()
                version = _version_of(response, self._url)
                write_atomically(self._note, json.dumps(asdict(version)).encode())
            self._append(client, response, offset)
        if version.total_bytes is not None and self.size() != version.total_bytes:
            self._refuse_length(version.total_bytes)

    def finish(self, sha256: str | None) -> str:
        """Check the whole file, move it into place and return its SHA-256."""
        found = file_sha256(self._file)
        if sha256 is not None and found != sha256:
            size = self.size()
            self._discard()
            raise DownloadError(
                f"{self._url} gave {size} bytes with SHA-256 {found}; they were removed",
                expected=f"SHA-256 {sha256}",
                remedy="if the publisher released a new version, check it and configure its SHA-256; "
                "if not, try again or take the file from elsewhere",
            )
        _sync(self._file)
        os.replace(self._file, self._path)
        _sync(self._path.parent)
        self._note.unlink(missing_ok=True)
        return found

    def _resume_point(self) -> tuple[_Version | None, int]:
        """Return the version the part belongs to and its length; nothing if it cannot be resumed."""
        try:
            version = _Version(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None, 0
        if version.url != self._url or not version.validator:
            return None, 0
        return version, self.size()

    def _append(self, client: PoliteClient, response: httpx.Response, offset: int) -> None:
        # Unbuffered, so that after any failure the part is a true prefix of the file.
        with self._file.open("ab", buffering=0) as file:
            file.truncate(offset)
            for chunk in client.watched(response.iter_raw()):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[file.write(rest) :]

    def _refuse_other_version(self, response: httpx.Response, version: _Version, offset: int) -> None:
        """Discard the part unless ``response`` (206 or 416) continues exactly it."""
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        same = (
            response.headers.get("ETag", version.etag) == version.etag
            and response.headers.get("Last-Modified", version.last_modified) == version.last_modified
        )
        total_fits = match is not None and (
            version.total_bytes is None or match["total"] in ("*", str(version.total_bytes))
        )
        if match is None or int(match["start"]) != offset or not same or not total_fits:
            self._discard()
            raise TransientError(f"no continuation at byte {offset} (status {response.status_code})")

    def _refuse_length(self, total_bytes: int) -> None:
        size = self.size()
        if size > total_bytes:
            self._discard()
        raise TransientError(f"{size} bytes instead of {total_bytes}")

    def _discard(self) -> None:
        self._file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def _version_of(response: httpx.Response, url: str) -> _Version:
    length = response.headers.get("Content-Length", "")
    return _Version(
        url=url,
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
        total_bytes=int(length) if length.isdecimal() else None,
    )


def _check_present(path: Path, sha256: str | None) -> str:
    found = file_sha256(path)
    if sha256 is not None and found != sha256:
        raise IntegrityError(
            f"{path} has SHA-256 {found}",
            expected=f"SHA-256 {sha256}, as configured or recorded when it was first fetched",
            remedy="delete the file to fetch it again; if the new version is wanted, change the SHA-256",
        )
    return found


def _sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
