"""Shards of MessagePack maps ``{"image": bytes, "id": text}``, as GeoEstimation keeps MP-16.

Only maps of texts, bytes and nil are read, without a library: the index is made by seeking over the images,
so that a terabyte of shards costs a few hundred bytes of reading per image.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from zuroku.errors import SourceError

_LENGTH_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
"""bin 8, 16, 32 and str 8, 16, 32 of the specification."""

_LONGEST_TEXT = 4096


@dataclass(frozen=True)
class ShardedImage:
    """Where the bytes of an image lie."""

    path: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """Return the encoded image.

        Raises:
            OSError: the shard is gone, or shorter than when it was indexed.
        """
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.length)
        if len(data) != self.length:
            raise OSError(f"{self.path} is cut short")
        return data


def sharded_images(path: Path) -> Iterator[tuple[str, ShardedImage]]:
    """Yield the id and the place of every image in the shard at ``path``, in order.

    Raises:
        SourceError: it cannot be read, is cut short, or holds something else than such maps.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while file.tell() < size:
                yield _record(file, path, size)
    except OSError as error:
        raise _unlike(path, str(error)) from error


def _record(file: BinaryIO, path: Path, size: int) -> tuple[str, ShardedImage]:
    entries = _byte(file, path)
    if not 0x80 <= entries <= 0x8F:
        raise _unlike(path, f"byte {file.tell() - 1} begins no map")
    image_id, image = "", None
    for _ in range(entries & 0x0F):
        key = _text(file, path)
        length = _length(file, path)
        start = file.tell()
        if start + length > size:
            raise _unlike(path, "it is cut short")
        if key == "id":
            image_id = file.read(length).decode(errors="replace")
        elif key == "image":
            image = ShardedImage(path, start, length)
        file.seek(start + length)
    if not image_id or image is None:
        raise _unlike(path, f"a map that ends at byte {file.tell()} lacks image or id")
    return image_id, image


def _text(file: BinaryIO, path: Path) -> str:
    length = _length(file, path)
    if length > _LONGEST_TEXT:
        raise _unlike(path, f"a key of {length} bytes")
    return file.read(length).decode(errors="replace")


def _length(file: BinaryIO, path: Path) -> int:
    """Return how many bytes the next value has; nil has none."""
    kind = _byte(file, path)
    if 0xA0 <= kind <= 0xBF:
        return kind & 0x1F
    if kind == 0xC0:
        return 0
    if kind not in _LENGTH_BYTES:
        raise _unlike(path, f"byte {file.tell() - 1} is neither text nor bytes")
    return int.from_bytes(file.read(_LENGTH_BYTES[kind]), "big")


def _byte(file: BinaryIO, path: Path) -> int:
    data = file.read(1)
    if not data:
        raise _unlike(path, "it is cut short")
    return data[0]


def _unlike(path: Path, found: str) -> SourceError:
    return SourceError(
        f"{path} is no shard of images: {found}",
        expected="MessagePack maps with image (bytes) and id (text)",
        remedy="make or fetch the shard again",
    )
