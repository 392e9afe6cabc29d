"""Decoding images nobody vouches for, and the one preprocessing that training and serving share.

Formats, colour modes and refusals live here; augmentation does not.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from zuroku.errors import ImageError

MAX_PIXELS = 200_000_000
"""Larger images are refused by their header: twice the largest page scan we know of."""

MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "WEBP": "image/webp"}

HEAD_BYTES = 64
"""Of a file that are enough to name its format."""

CONVERSION = "convert it to JPEG, keeping its metadata"

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# Pillow's own bomb guard warns at a third of our bound; ours decides, with a remedy.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class ImageInfo:
    """What an image is, by its bytes and not by its name."""

    width: int
    height: int
    media_type: str


def phone_format(head: bytes) -> str:
    """Return "HEIC" or "AVIF" if ``head`` begins such a file, which phones write and we do not read; else "".

    Told by the brands of its ``ftyp`` box (ISO/IEC 23008-12, section 10; AVIF 1.1, section 6), not its name.
    """
    if head[4:8] != b"ftyp":
        return ""
    # The major brand, its version, then the compatible brands up to the end of the box.
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else ""


def phone_format_error(name: str) -> ImageError:
    """Return the error for an image in the ``phone_format`` of this name."""
    return ImageError(
        f"an image in {name}, which cannot be read here",
        expected=f"a complete {', '.join(MEDIA_TYPES)}",
        remedy=CONVERSION,
    )


def probe_image(data: bytes) -> ImageInfo:
    """Decode ``data`` completely and say what it is.

    Raises:
        ImageError: empty, of an unknown format, larger than ``MAX_PIXELS``, or cut short.
    """
    image = _open(data)
    # MPO, which phones write, is a JPEG that others follow in the same file; the first is the photograph.
    name = "JPEG" if image.format == "MPO" else str(image.format)
    info = ImageInfo(image.width, image.height, MEDIA_TYPES[name])
    _load(image)
    return info


def upright_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) of ``data`` as ``decode_rgb`` would give it; of a JPEG or WebP by its header.

    Raises:
        ImageError: empty, of an unknown format, or larger than ``MAX_PIXELS``; a PNG or TIFF also if it does
            not decode.
    """
    image = _open(data)
    if image.format in ("PNG", "TIFF"):
        # A PNG may tell its orientation after its pixels; Pillow turns a TIFF with them.
        _load(image)
    return (image.height, image.width) if _lies(image) else image.size


def decode_rgb(data: bytes, min_side_px: int | None = None) -> Image.Image:
    """Decode ``data`` to an upright 8-bit RGB image.

    CMYK is converted, 16-bit grey is scaled (not clipped), transparency is laid on white, and the
    EXIF orientation is applied. With ``min_side_px`` a JPEG may be decoded at 1/2, 1/4 or 1/8 of its
    size as long as both sides stay at least that long: several times faster for page scans.

    Raises:
        ImageError: as ``probe_image``.
    """
    image = _open(data)
    if min_side_px is not None:
        image.draft(None, (min_side_px, min_side_px))
    _load(image)
    return _upright_rgb(image)


def decode_reduced(data: bytes, long_side_px: int) -> tuple[Image.Image, tuple[int, int]]:
    """Decode ``data`` as ``decode_rgb``, at the smallest scale that keeps a long side of ``long_side_px``.

    Returns the image, and the (width, height) that ``decode_rgb`` gives it in full. Only JPEGs have other
    scales; at each of them all of the data are read, so what is cut short is refused as in full.

    Raises:
        ImageError: as ``probe_image``.
    """
    image = _open(data)
    stored = image.size
    least_side = max(1, -(-long_side_px * min(stored) // max(stored)))
    image.draft(None, (least_side, least_side))
    _load(image)
    full_size = stored[::-1] if _lies(image) else stored
    return _upright_rgb(image), full_size


def square_pixels(data: bytes, size_px: int) -> npt.NDArray[np.uint8]:
    """Decode ``data`` and squash it to ``(size_px, size_px, 3)`` uint8 RGB.

    Squashing, as in the original (its ``cv2.resize`` to 224 × 224), keeps the whole figure in view. We
    resize with antialiasing, where the original does not. JPEGs are decoded at the smallest scale
    that still has twice the pixels asked for, in training and in serving alike.
    """
    image = decode_rgb(data, min_side_px=2 * size_px)
    return np.asarray(image.resize((size_px, size_px), Image.Resampling.BILINEAR))


def _open(data: bytes) -> Image.Image:
    if not data:
        raise ImageError(
            "an image of zero bytes", expected="an encoded image", remedy="fetch or copy the file again"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=list(MEDIA_TYPES))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        if name := phone_format(data[:HEAD_BYTES]):
            raise phone_format_error(name) from error
        raise ImageError(
            f"bytes that start with {data[:8]!r} cannot be read as an image",
            expected=f"a complete {', '.join(MEDIA_TYPES)}",
            remedy="fetch or copy it again, convert it, or remove it from the collection",
        ) from error
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"an image of {image.width} × {image.height} pixels",
            expected=f"at most {MAX_PIXELS:,} pixels",
            remedy="if it is genuine, scale it down first; a header like this can exhaust the memory",
        )
    return image


def _load(image: Image.Image) -> None:
    # Damaged files raise nearly anything here (OSError, SyntaxError, struct.error, ValueError).
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        raise ImageError(
            f"a {image.format} of {image.width} × {image.height} that does not decode: {error}",
            expected="a complete image",
            remedy="fetch or copy the file again; it is cut short or damaged",
        ) from error


def _lies(image: Image.Image) -> bool:
    # EXIF orientations 5 to 8 lie on their side.
    return image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)


def _upright_rgb(image: Image.Image) -> Image.Image:
    # In place: the copy of a page that is upright already would cost milliseconds.
    ImageOps.exif_transpose(image, in_place=True)
    return _to_rgb(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        return _grey_from_deep(np.asarray(image)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        paper = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(paper, rgba).convert("RGB")
    return image.convert("RGB")


def _grey_from_deep(grey: npt.NDArray[Any]) -> Image.Image:
    """Scale 16-bit grey ``(h, w)`` to 8 bits; floats in [0, 1] likewise."""
    top = 1.0 if grey.dtype.kind == "f" and grey.max(initial=0) <= 1 else 65535.0
    if top == 65535.0 and grey.max(initial=0) <= 255:
        top = 255.0
    return Image.fromarray(np.clip(grey * (255.0 / top), 0, 255).round().astype(np.uint8))
