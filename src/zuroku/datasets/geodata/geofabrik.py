"""OpenStreetMap extracts of Geofabrik: found by region, fetched once, checked against the published MD5.

Reading the extract belongs elsewhere.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from pydantic import Field

from zuroku.artifacts import locked, write_atomically
from zuroku.config import Settings
from zuroku.datasets.http import HttpSettings, PoliteClient
from zuroku.datasets.resumable import download_file
from zuroku.errors import ConfigError, DownloadError, IntegrityError

_MAX_INDEX_BYTES = 256 << 20
_MAX_MD5_BYTES = 4096
_CHUNK_BYTES = 1 << 20
_SHOWN = 8


class GeofabrikSettings(Settings):
    """Which extract is fetched, and where it is kept."""

    region: str = Field(min_length=1, description="id in the index, such as kanto")
    destination: Path = Field(description="folder for the extract and its .md5")
    index_url: str = "https://download.geofabrik.de/index-v1.json"
    http: HttpSettings = HttpSettings()


def geofabrik_extract(settings: GeofabrikSettings, client: PoliteClient) -> Path:
    """Return the PBF of the region, fetching it unless it is there; what is there is checked.

    The newest extract is fetched once and stays, with its MD5 beside it: delete both for a newer one. A fetch
    that was cut off goes on where it stopped.

    Raises:
        ConfigError: the index does not know the region (similar ones are named).
        DownloadError: a server fails, or the file does not have its MD5; nothing is kept of it.
        IntegrityError: the file that is there has changed.
        StorageError: see ``download_file``.
    """
    path = settings.destination / f"{settings.region.replace('/', '-')}.osm.pbf"
    recorded = path.with_name(f"{path.name}.md5")
    settings.destination.mkdir(parents=True, exist_ok=True)
    with locked(settings.destination / f".{path.name}.fetch.lock"):
        if path.exists() and recorded.exists():
            _check_present(path, recorded)
            return path
        index = client.fetch_bytes(settings.index_url, _MAX_INDEX_BYTES)
        url = region_url(index, settings.region)
        md5 = _published_md5(client, f"{url}.md5")
        unchecked = path.with_name(f"{path.name}.unchecked")
        download_file(client, url, unchecked, None)
        found = _file_md5(unchecked)
        if found != md5:
            unchecked.unlink()
            raise DownloadError(
                f"{url} has the MD5 {found}; it was removed",
                expected=f"{md5}, as published beside it",
                remedy="run this again: the extract may have been replaced while it was fetched",
            )
        write_atomically(recorded, f"{md5}  {path.name}\n".encode())
        os.replace(unchecked, path)
    return path


def region_url(index: bytes, region: str) -> str:
    """Return the address of the PBF of ``region`` in an ``index`` (GeoJSON, one feature per region).

    Raises:
        DownloadError: the index is none.
        ConfigError: it does not know the region, or has no PBF of it.
    """
    try:
        regions = [feature["properties"] for feature in json.loads(index)["features"]]
        addresses = {str(properties["id"]): _address(properties) for properties in regions}
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(
            f"the index of extracts cannot be read ({type(error).__name__}: {error})",
            expected="GeoJSON with an id and the address of a PBF for each region",
            remedy="open index_url in a browser and mend it",
        ) from error
    if not addresses.get(region):
        like = sorted(name for name in addresses if region.lower() in name or name in region.lower())
        raise ConfigError(
            f"no extract of the region {region!r} among {len(addresses)}",
            expected=f"an id such as {', '.join((like or sorted(addresses))[:_SHOWN])}",
            remedy="take the id from the index of extracts",
        )
    return addresses[region]


def _address(properties: dict[str, Any]) -> str:
    # In the published index under "urls"; copies of it that leave out the other formats have "pbf" itself.
    return str(properties.get("urls", properties).get("pbf", ""))


def _published_md5(client: PoliteClient, url: str) -> str:
    text = client.fetch_bytes(url, _MAX_MD5_BYTES).decode("ascii", errors="replace")
    match = re.match(r"[0-9a-f]{32}(?=\s|$)", text)
    if match is None:
        raise DownloadError(
            f"{url} holds {text[:60]!r}",
            expected="an MD5 in hexadecimal, then the name of the file",
            remedy="open the address in a browser; a proxy may answer in its place",
        )
    return match[0]


def _check_present(path: Path, recorded: Path) -> None:
    expected, found = recorded.read_text()[:32], _file_md5(path)
    if found != expected:
        raise IntegrityError(
            f"{path} has the MD5 {found}",
            expected=f"{expected}, as recorded in {recorded.name} when it was fetched",
            remedy="delete both files to fetch the extract again",
        )


def _file_md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
