"""Photographs and tables of places for tests, made by code."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

LATITUDE, LONGITUDE = 35.658581, 139.745433


def picture(seed: int = 0, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Return a smooth picture that no other seed gives."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def encoded(
    image: Image.Image, kind: str = "JPEG", gps: Mapping[int, Any] | None = None, **tags: Any
) -> bytes:
    """Return ``image`` with an EXIF of GPS tags and, by their names, tags of the base directory."""
    exif = Image.Exif()
    for name, value in tags.items():
        exif[ExifTags.Base[name]] = value
    if gps is not None:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
        # Without an entry that points to it, Pillow leaves it out of PNG and TIFF.
        exif[ExifTags.IFD.GPSInfo] = 0
    sink = io.BytesIO()
    image.save(sink, kind, exif=exif)
    return sink.getvalue()


def gps_tags(
    latitude: Any = (35.0, 39.0, 30.8916), longitude: Any = (139.0, 44.0, 43.5588)
) -> dict[int, Any]:
    """Return the tags of a place in Tokyo, or of other degrees, minutes and seconds north and east."""
    return {1: "N", 2: latitude, 3: "E", 4: longitude}


def photo(seed: int = 0, gps: bool = False) -> bytes:
    """Return a JPEG, with the position of ``gps_tags`` if asked."""
    return encoded(picture(seed), gps=gps_tags() if gps else None)


def put(root: Path, name: str, data: bytes | str) -> Path:
    """Write a file below ``root`` and return its path."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path
