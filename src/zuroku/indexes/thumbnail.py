"""Thumbnails: the small JPEG of a picture that an index keeps, so that results can be drawn from it alone."""

import io

from PIL import Image, UnidentifiedImageError

from zuroku.errors import ImageError

THUMBNAIL_PX = 256


def thumbnail_jpeg(image: Image.Image, longest_px: int = THUMBNAIL_PX) -> bytes:
    """Return ``image`` as a JPEG whose longer side has at most ``longest_px``; it is never enlarged."""
    small = image.convert("RGB")  # always a copy: thumbnail() works in place
    small.thumbnail((longest_px, longest_px), reducing_gap=2.0)
    encoded = io.BytesIO()
    small.save(encoded, format="JPEG", quality=85)
    return encoded.getvalue()


def check_thumbnail(data: bytes, longest_px: int = THUMBNAIL_PX) -> None:
    """Check by its header that ``data`` is a JPEG of at most ``longest_px``.

    Raises:
        ImageError: it is not.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            found, longer_side = str(image.format), max(image.size)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        found, longer_side = "unreadable image", 0
    if found != "JPEG" or longer_side > longest_px:
        raise ImageError(
            f"a thumbnail that is a {found} of {longer_side} px",
            expected=f"a JPEG of at most {longest_px} px",
            remedy="make it with thumbnail_jpeg",
        )
