"""Coordinates inside an image file: EXIF GPS written and read. No other metadata is kept, for privacy.

Positions are the ground truth of a collection here. Whoever answers a query must never call this on it.
"""

import io
import warnings
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageOps
from PIL.TiffImagePlugin import IFDRational

from zuroku.datasets.images import CONVERSION, HEAD_BYTES, MEDIA_TYPES, phone_format, phone_format_error
from zuroku.errors import GeoDataError, ImageError
from zuroku.geo.distances import checked_coordinates

QUALITY = 90
LONGEST_WEBP_PX = 16383
"""What the format allows (14 bits), so four views of 4096 px side by side do not fit."""

# 4 is libwebp's default, written out because the bytes of a dataset depend on it.
_METHOD = 4
# A ten-thousandth of a second of arc is 3 mm.
_PARTS = 10_000

_GPS = ExifTags.GPS


def positioned_webp(image: Image.Image, latitude: float, longitude: float) -> bytes:
    """Return ``image`` upright as WebP (quality 90, RGB) whose only metadata are its coordinates in degrees.

    The coordinates read back are within 2 mm.

    Raises:
        GeoDataError: no place on Earth.
        ImageError: a side is longer than ``LONGEST_WEBP_PX``.
    """
    checked_coordinates((latitude, longitude))
    if max(image.size) > LONGEST_WEBP_PX:
        raise ImageError(
            f"an image of {image.width} × {image.height} pixels",
            expected=f"sides up to {LONGEST_WEBP_PX} pixels, the most that WebP holds",
            remedy="scale it down (longest_px in the configuration)",
        )
    upright = ImageOps.exif_transpose(image).convert("RGB")
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            _GPS.GPSVersionID: b"\x02\x03\x00\x00",
            _GPS.GPSLatitudeRef: "S" if latitude < 0 else "N",
            _GPS.GPSLatitude: _rationals(latitude),
            _GPS.GPSLongitudeRef: "W" if longitude < 0 else "E",
            _GPS.GPSLongitude: _rationals(longitude),
            _GPS.GPSMapDatum: "WGS-84",
        }
    )
    sink = io.BytesIO()
    # Pillow would take a colour profile over from the image unless told otherwise.
    upright.save(sink, "WEBP", quality=QUALITY, method=_METHOD, exif=exif, icc_profile=b"", xmp=b"")
    return sink.getvalue()


def exif_position(source: bytes | Path) -> tuple[float, float] | None:
    """Return (latitude, longitude) in degrees of a JPEG, PNG, TIFF or WebP; None where it has none.

    Of a path only what is needed is read.

    Raises:
        GeoDataError: there is a position, but it is incomplete, no number, out of range, or 0, 0.
        ImageError: no such image.
        OSError: the path cannot be opened.
    """
    gps = _gps_tags(source)
    latitude, longitude = gps.get(_GPS.GPSLatitude), gps.get(_GPS.GPSLongitude)
    if latitude is None and longitude is None:
        return None
    position = (
        _degrees(latitude, gps.get(_GPS.GPSLatitudeRef), "NS", "latitude"),
        _degrees(longitude, gps.get(_GPS.GPSLongitudeRef), "EW", "longitude"),
    )
    if position == (0, 0):
        raise _malformed("it is 0, 0, which devices without a fix write")
    if abs(position[0]) > 90 or abs(position[1]) > 180:
        raise _malformed(f"{position[0]:g}, {position[1]:g} is no place on Earth")
    return position


def _rationals(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    minutes, parts = divmod(round(abs(degrees) * 3600 * _PARTS), 60 * _PARTS)
    return IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(parts, _PARTS)


def _gps_tags(source: bytes | Path) -> dict[int, Any]:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(file, formats=list(MEDIA_TYPES)) as image:
                    return dict(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
        except OSError as error:
            file.seek(0)
            if name := phone_format(file.read(HEAD_BYTES)):
                raise phone_format_error(name) from error
            raise ImageError(
                f"it cannot be read as an image: {error}",
                expected=f"a {', '.join(MEDIA_TYPES)}",
                remedy=f"{CONVERSION}, or remove it",
            ) from error
        except MemoryError:
            raise
        except Exception as error:
            # Damaged metadata raise nearly anything here (struct.error, SyntaxError, TypeError, ValueError).
            raise _malformed(f"its metadata are damaged ({error})") from error


def _degrees(values: Any, reference: Any, letters: str, name: str) -> float:
    """Return signed degrees of up to three rationals (degrees, minutes, seconds) and a letter."""
    if isinstance(reference, bytes):
        reference = reference.decode("ascii", "replace")
    letter = str(reference or "").strip("\0 ").upper()[:1]
    if values is None or letter not in letters or not letter:
        raise _malformed(f"the {name} or its reference ({' or '.join(letters)}) is missing")
    try:
        parts = [float(value) for value in (values if isinstance(values, tuple) else (values,))]
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise _malformed(f"the {name} is no number ({values})") from error
    # A denominator of zero reads as NaN.
    if not 1 <= len(parts) <= 3 or not all(part >= 0 for part in parts):
        raise _malformed(f"the {name} is no number ({values})")
    # 60 itself is what some devices make of 59.9999.
    if any(part > 60 for part in parts[1:]):
        raise _malformed(f"the {name} has minutes or seconds above 60 ({values})")
    degrees = sum(part / float(60**power) for power, part in enumerate(parts))
    return -degrees if letter == letters[1] else degrees


def _malformed(reason: str) -> GeoDataError:
    return GeoDataError(
        f"the position in the image's EXIF cannot be used: {reason}",
        expected="latitude and longitude as rationals with N or S and E or W",
        remedy="write the position again, or remove it and give it in a table",
    )
