"""What a library publishes, an archive or a table: fetched once, known by its SHA-256 from then on.

Archives are unpacked beside. What is in a table or in the unpacked folder belongs to the reader of each
collection.
"""

import re
import tarfile
import zipfile
from pathlib import Path

from zuroku.artifacts import write_atomically
from zuroku.datasets.archive import extract_archive
from zuroku.datasets.http import PoliteClient
from zuroku.datasets.resumable import download_file
from zuroku.datasets.tarball import TAR_SUFFIXES
from zuroku.errors import ConfigError, DownloadError

ARCHIVE_SUFFIXES = (".zip", *TAR_SUFFIXES)
TABLE_SUFFIXES = (".csv",)


def published_folder(
    client: PoliteClient, url: str, sha256: str | None, destination: Path, max_unpacked_bytes: int
) -> Path:
    """Return the folder with what the archive at ``url`` holds, fetching and unpacking unless that is done.

    The folder lies in ``destination`` and is named by the SHA-256 of the archive, so that a new version
    never hides behind an old folder. An archive without ``sha256`` is recorded in ``<archive>.sha256`` once
    it has proved to be sound; it may then be deleted.

    Raises:
        UnavailableError: there is no archive, or no server.
        DownloadError: the server fails otherwise, or gives something else than such an archive.
        ConfigError: the address does not end in the name of a zip or tar file.
        SourceError, StorageError, IntegrityError: see ``extract_archive`` and ``download_file``.
    """
    archive = destination / _file_name(url, "archive_url", ARCHIVE_SUFFIXES)
    expected = sha256 or _recorded(archive)
    fresh = not archive.exists()
    if fresh and expected and (unpacked := _unpacked(archive, expected)).exists():
        return unpacked
    found = download_file(client, url, archive, expected)
    if fresh and not _is_archive(archive):
        _refuse(archive, url, "an archive of that kind")
    folder = _unpacked(archive, found)
    extract_archive(archive, folder, max_unpacked_bytes)
    _write_record(archive, found)
    return folder


def published_table(client: PoliteClient, url: str, sha256: str | None, destination: Path) -> Path:
    """Return the table at ``url`` as a file in ``destination``, fetching it unless it is there.

    A table without ``sha256`` is recorded in ``<table>.sha256`` when it is fetched, and checked from then on.

    Raises:
        UnavailableError: there is no table, or no server.
        DownloadError: the server fails otherwise, or gives a web page.
        ConfigError: the address does not end in the name of a CSV file.
        StorageError, IntegrityError: see ``download_file``.
    """
    table = destination / _file_name(url, "the address of a table", TABLE_SUFFIXES)
    fresh = not table.exists()
    found = download_file(client, url, table, sha256 or _recorded(table))
    if fresh and _beginning(table).lstrip().startswith(b"<"):
        _refuse(table, url, "a table")
    _write_record(table, found)
    return table


def file_name(url: str) -> str:
    """Return the name under which what is published at ``url`` is kept."""
    return url.rsplit("/", 1)[-1]


def _file_name(url: str, key: str, suffixes: tuple[str, ...]) -> str:
    name = file_name(url)
    if not (re.fullmatch(r"[\w-][\w.-]*", name) and name.endswith(suffixes)):
        raise ConfigError(
            f"{key} is {url}",
            expected=f"an address that ends in a file name with {' or '.join(suffixes)}",
            remedy="mend it in the configuration",
        )
    return name


def _unpacked(archive: Path, sha256: str) -> Path:
    suffix = next(suffix for suffix in ARCHIVE_SUFFIXES if archive.name.endswith(suffix))
    return archive.with_name(f"{archive.name.removesuffix(suffix)}-{sha256[:12]}")


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> str | None:
    return _record(path).read_text()[:64] if _record(path).exists() else None


def _write_record(path: Path, sha256: str) -> None:
    write_atomically(_record(path), f"{sha256}  {path.name}\n".encode())


def _is_archive(path: Path) -> bool:
    return tarfile.is_tarfile(path) if path.name.endswith(TAR_SUFFIXES) else zipfile.is_zipfile(path)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(40)


def _refuse(path: Path, url: str, kind: str) -> None:
    start = _beginning(path)
    path.unlink()
    raise DownloadError(
        f"{url} gave something else than {kind}; it begins {start!r} and was removed",
        expected="the published file",
        remedy="open the address in a browser (a proxy may answer in its place), then run this again",
    )
