"""What an OpenStreetMap file is before anybody reads it: whole, and holding what.

A PBF file is a row of blobs, each with its length before it (OpenStreetMap wiki, "PBF Format"). So a page
saved in its place, or a download cut short, is told without reading what is in the blobs.
"""

import struct
from collections import Counter
from pathlib import Path

import osmium

from zuroku.errors import GeoDataError

_MAX_HEADER_BYTES = 64 << 10
_TYPE, _DATASIZE = 0x0A, 0x18
_SHOWN = 6


def check_pbf(path: Path) -> None:
    """Check that the file at ``path`` is a PBF from its first to its last blob.

    Raises:
        GeoDataError: there is no file, it is something else, or it ends early.
    """
    size = check_file(path)
    with path.open("rb") as file:
        start = file.read(64)
        if start[5:15] != b"\x09OSMHeader":
            raise GeoDataError(
                f"{path} is no PBF; it begins {start[:40]!r}",
                expected="an OpenStreetMap extract in PBF (.osm.pbf)",
                remedy="open it in an editor: a server may have sent a page in its place; fetch it again",
            )
        at = 0
        while at < size:
            file.seek(at)
            length = file.read(4)
            header_bytes = struct.unpack(">I", length)[0] if len(length) == 4 else 0
            data_bytes = _data_bytes(file.read(min(header_bytes, _MAX_HEADER_BYTES)))
            following = at + 4 + header_bytes + (data_bytes or 0)
            if data_bytes is None or following > size:
                raise GeoDataError(
                    f"{path} is cut short or damaged: it has {size} bytes and no whole blob at byte {at}",
                    expected="a PBF of whole blobs",
                    remedy="fetch it again and compare it with the published checksum",
                )
            at = following


def check_xml(path: Path) -> None:
    """Check that the file at ``path`` begins as OpenStreetMap XML.

    Raises:
        GeoDataError: there is no file, or it is something else.
    """
    check_file(path)
    with path.open("rb") as file:
        start = file.read(1024)
    if b"<osm" not in start:
        raise GeoDataError(
            f"{path} is no OpenStreetMap XML; it begins {start[:40]!r}",
            expected="a file whose root is <osm>",
            remedy="name an extract in XML (.osm), or set source to pbf",
        )


def check_file(path: Path) -> int:
    """Return the size in bytes of the file at ``path``.

    Raises:
        GeoDataError: there is none.
    """
    if not path.is_file():
        raise GeoDataError(
            f"there is no file {path}",
            expected="an OpenStreetMap extract (.osm.pbf or .osm)",
            remedy="mend the path in the configuration, or fetch the extract",
        )
    return path.stat().st_size


def contents(path: Path) -> str:
    """Say how many nodes, ways and relations the PBF or XML file at ``path`` holds, and of which roads."""
    kinds: Counter[str] = Counter()
    highways: Counter[str] = Counter()
    for element in osmium.FileProcessor(str(path)):
        kinds[element.type_str()] += 1
        if isinstance(element, osmium.osm.Way) and "highway" in element.tags:
            highways[element.tags["highway"]] += 1
    found = ", ".join(f"{value} {count}" for value, count in highways.most_common(_SHOWN)) or "none"
    return f"{kinds['n']} nodes, {kinds['w']} ways and {kinds['r']} relations; ways with highway: {found}"


def _data_bytes(header: bytes) -> int | None:
    """Return ``datasize`` (field 3) of a BlobHeader; None if it is no such message."""
    at, found = 0, None
    while at < len(header):
        field, at = header[at], at + 1
        value, at = _varint(header, at)
        if field & 7 == 2:
            at += value
        elif field & 7 != 0:
            return None
        if field == _DATASIZE:
            found = value
    return found if header[:1] == bytes([_TYPE]) and at == len(header) else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            break
    return value, at
