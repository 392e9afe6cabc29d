"""What a source of photographs with coordinates hands over, whoever it is.

A provider lists; the bytes are read later, by the workers of the ingest. Formats, servers and the table
beside the manifest have modules of their own.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import nan
from pathlib import Path
from typing import NoReturn, Protocol

from shapely.geometry.base import BaseGeometry

from zuroku.datasets.source import SourceItem
from zuroku.errors import ImageError

SLICES = ("", "night", "weather", "indoor", "aerial")
"""Kinds of photographs that are reported on their own; the first is everything else."""


@dataclass(frozen=True)
class PlaceItem:
    """A photograph and where it was taken: latitude and longitude in degrees, WGS84.

    ``heading`` is where the camera looks, in degrees clockwise from north; NaN for a panorama and where
    nobody says. ``captured_at`` is ISO 8601 or empty; ``slice`` is one of ``SLICES``.
    """

    item: SourceItem
    latitude: float
    longitude: float
    heading: float = nan
    captured_at: str = ""
    sequence: str = ""
    author: str = ""
    slice: str = ""


@dataclass(frozen=True)
class Places:
    """What a provider found.

    ``refused`` are items whose ``read`` raises, so that the ingest quarantines them with their reason.
    ``skipped`` counts by reason what never becomes an item. ``files`` are what the items were read from, as
    far as that lies on this disk: a change of one of them makes an ingest begin anew.
    """

    items: list[PlaceItem]
    refused: list[SourceItem] = field(default_factory=list)
    skipped: Mapping[str, int] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


class PlaceProvider(Protocol):
    """Anything that can list photographs with coordinates."""

    def places(self, boundary: BaseGeometry | None) -> Places:
        """List the photographs inside ``boundary`` (longitude, latitude; None: all), in a stable order."""


def position_group(latitude: float, longitude: float) -> str:
    """Return the group of a photograph that nobody puts into one: a hash of its position to 11 m.

    Groups are listed in bundles, which need not show where each photograph was taken. Who tries all positions
    (to four decimals) still finds them, so this is no secret.
    """
    return hashlib.sha256(f"{latitude:.4f},{longitude:.4f}".encode()).hexdigest()[:16]


def refused_item(item_id: str, source_url: str, found: str, *, expected: str, remedy: str) -> SourceItem:
    """Return an item that the ingest will quarantine, giving ``found`` as its reason."""
    read = partial(_refuse, found, expected, remedy)
    return SourceItem(item_id, "", item_id, "", "", source_url, read)


def _refuse(found: str, expected: str, remedy: str) -> NoReturn:
    raise ImageError(found, expected=expected, remedy=remedy)
