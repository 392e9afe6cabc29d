"""What readers of pages share: how a page is read beside its zones, refused, labelled and addressed.

The formats themselves live in ``voc`` and ``coco``.
"""

import io
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

from PIL import ExifTags, Image
from pydantic import AfterValidator

from zuroku.datasets.figure_table import template_fields
from zuroku.datasets.images import probe_image
from zuroku.datasets.zone_rows import fitted_zones
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import ImageError

ILLUSTRATED = "illustrated"
PLAIN = "plain"
"""The label of a page says whether a figure is on it, so that splits can hold both kinds."""

FIGURE_CLASSES = ("4_illustration",)
"""Zone classes of NDL-DocL that make a page illustrated."""

# EXIF's orientations other than 1 (upright); what is none of them, decoders pass over.
_TURNED = range(2, 9)
_ADDRESS_FIELDS = {"item_id", "group"}


def _checked_address(template: str) -> str:
    if unknown := template_fields(template) - _ADDRESS_FIELDS:
        known = ", ".join(sorted(_ADDRESS_FIELDS))
        raise ValueError(f"source_url names {', '.join(sorted(unknown))}; known are {known}")
    template.format(item_id="", group="")
    return template


Address = Annotated[str, AfterValidator(_checked_address)]
"""A template of a page's address over ``{item_id}`` and ``{group}``; empty where there is none."""


def page_label(zones: Iterable[Zone], figure_classes: Collection[str]) -> str:
    """Return ``illustrated`` if a zone has one of ``figure_classes``, else ``plain``."""
    return ILLUSTRATED if any(zone.label in figure_classes for zone in zones) else PLAIN


def read_page(path: Path, zones: tuple[Zone, ...], declared: tuple[int, int] | None) -> ZonedImage:
    """Read the page at ``path`` and check its annotation against it.

    ``declared`` is the (width, height) in pixels that the annotation claims for its image; None where
    it claims none.

    Raises:
        ImageError: no image, one of another size, one that EXIF turns (an annotation does not say
            whether it counts from the turned image or from the stored one), or zones that do not fit.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    info = probe_image(data)
    if declared is not None and declared != (info.width, info.height):
        raise ImageError(
            f"{path.name} has {info.width} × {info.height} pixels, not {declared[0]} × {declared[1]}",
            expected="the image on which the annotation was made",
            remedy="take the image of that size, or annotate this one: boxes are not scaled by a guess",
        )
    with Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if zones and orientation in _TURNED:
        raise ImageError(
            f"{path.name} is turned by its EXIF orientation ({orientation})",
            expected="an annotated image that is stored upright, so that its zones mean one thing",
            remedy="store it upright (for example with exiftran or mogrify -auto-orient) and check the zones",
        )
    return ZonedImage(data, fitted_zones(zones, info.width, info.height))


def refusal(found: str, expected: str, remedy: str) -> Callable[[], bytes]:
    """Return a ``read`` that raises ``ImageError``, so that ingest quarantines the page with the reason."""
    return partial(_refuse, found, expected, remedy)


def claimed_twice(item_id: str) -> Callable[[], bytes]:
    """Return the ``read`` of an image that is not the only one with ``item_id``: which one is right?"""
    return refusal(
        f"several images claim the id {item_id}", "one image per book and frame", "keep the right one"
    )


def _refuse(found: str, expected: str, remedy: str) -> bytes:
    raise ImageError(found, expected=expected, remedy=remedy)
