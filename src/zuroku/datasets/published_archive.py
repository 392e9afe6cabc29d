"""A zip archive that a library publishes: fetched once, known by its SHA-256 from then on, unpacked beside.

What lies in the unpacked folder belongs to the reader of each collection.
"""

import re
import zipfile
from pathlib import Path

from zuroku.artifacts import write_atomically
from zuroku.datasets.archive import extract_archive
from zuroku.datasets.http import PoliteClient
from zuroku.datasets.resumable import download_file
from zuroku.errors import ConfigError, DownloadError


def published_folder(
    client: PoliteClient, url: str, sha256: str | None, destination: Path, max_unpacked_bytes: int
) -> Path:
    """Return the folder with what the archive at ``url`` holds, fetching and unpacking unless that is done.

    The folder lies in ``destination`` and is named by the SHA-256 of the archive, so that a new version
    never hides behind an old folder. An archive without ``sha256`` is recorded in ``<archive>.sha256`` once
    it has proved to be sound; it may then be deleted.

    Raises:
        UnavailableError: there is no archive, or no server.
        DownloadError: the server fails otherwise, or gives something else than a zip archive.
        ConfigError: the address does not end in the name of a zip file.
        SourceError, StorageError, IntegrityError: see ``extract_archive`` and ``download_file``.
    """
    archive = destination / _file_name(url)
    record = archive.with_name(f"{archive.name}.sha256")
    expected = sha256 or _recorded(record)
    fresh = not archive.exists()
    if fresh and expected and (unpacked := _unpacked(archive, expected)).exists():
        return unpacked
    found = download_file(client, url, archive, expected)
    if fresh:
        _refuse_other_than_zip(archive, url)
    folder = _unpacked(archive, found)
    extract_archive(archive, folder, max_unpacked_bytes)
    write_atomically(record, f"{found}  {archive.name}\n".encode())
    return folder


def _file_name(url: str) -> str:
    name = url.rsplit("/", 1)[-1]
    if not re.fullmatch(r"[\w-][\w.-]*\.zip", name):
        raise ConfigError(
            f"archive_url is {url}",
            expected="an address that ends in the name of a .zip file",
            remedy="mend archive_url in the configuration",
        )
    return name


def _unpacked(archive: Path, sha256: str) -> Path:
    return archive.with_name(f"{archive.stem}-{sha256[:12]}")


def _recorded(record: Path) -> str | None:
    return record.read_text()[:64] if record.exists() else None


def _refuse_other_than_zip(archive: Path, url: str) -> None:
    if zipfile.is_zipfile(archive):
        return
    with archive.open("rb") as file:
        start = file.read(40)
    archive.unlink()
    raise DownloadError(
        f"{url} gave something else than a zip archive; it begins {start!r} and was removed",
        expected="the published archive",
        remedy="open the address in a browser (a proxy may answer in its place), then run this again",
    )
