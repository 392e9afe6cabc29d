"""Zones on their way into a manifest and back: checked against their image, as Arrow rows, as objects.

What a zone is says ``zones``; the formats that annotators write are read by ``pages``.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa

from zuroku.datasets.zones import Zone
from zuroku.errors import ImageError

OVERHANG_PX = 2.0
"""So far a zone may reach over the edge and is clipped: annotation tools round and draw on the border."""

ZONES_TYPE = pa.list_(
    pa.struct(
        [
            ("label", pa.string()),
            ("x_min", pa.float64()),
            ("y_min", pa.float64()),
            ("x_max", pa.float64()),
            ("y_max", pa.float64()),
            ("text", pa.string()),
            ("direction", pa.string()),
        ]
    )
)
"""The manifest's column of zones: null where nobody has annotated, empty where there is nothing to mark."""

_SHOWN = 5


def fitted_zones(zones: Sequence[Zone], width: int, height: int) -> tuple[Zone, ...]:
    """Return ``zones`` clipped to an image of ``width`` × ``height`` pixels.

    Raises:
        ImageError: zones that are not finite, are turned over, have no area, or reach over the edge by
            more than ``OVERHANG_PX``; all of them, by their number on the page (from 1).
    """
    clipped = [_clipped(zone, width, height) for zone in zones]
    faults = [
        f"zone {number} ({zone.label}, {_corners(zone)}) {fault}"
        for number, (zone, kept) in enumerate(zip(zones, clipped, strict=True), start=1)
        if (fault := _fault(zone, kept, width, height))
    ]
    if faults:
        more = f", and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ImageError(
            f"{'; '.join(faults[:_SHOWN])}{more}",
            expected=f"zones with an area inside the image of {width} × {height} pixels "
            f"(over its edge by at most {OVERHANG_PX:g})",
            remedy="mend the annotation of this page, or check that it belongs to this image",
        )
    return tuple(clipped)


def zone_rows(zones: Iterable[Zone]) -> list[dict[str, Any]]:
    """Return the value of the manifest's column ``zones``."""
    return [asdict(zone) for zone in zones]


def zones_of(rows: Iterable[Mapping[str, Any]] | None) -> tuple[Zone, ...]:
    """Return what ``zone_rows`` was given; nothing where the column is null."""
    return () if rows is None else tuple(Zone(**row) for row in rows)


def _clipped(zone: Zone, width: int, height: int) -> Zone:
    return replace(
        zone,
        x_min=min(max(zone.x_min, 0.0), float(width)),
        y_min=min(max(zone.y_min, 0.0), float(height)),
        x_max=min(max(zone.x_max, 0.0), float(width)),
        y_max=min(max(zone.y_max, 0.0), float(height)),
    )


def _fault(zone: Zone, clipped: Zone, width: int, height: int) -> str:
    """Say what is wrong with a zone, or return an empty text."""
    if not all(map(math.isfinite, (zone.x_min, zone.y_min, zone.x_max, zone.y_max))):
        return "has a coordinate that is no number"
    if zone.x_max < zone.x_min or zone.y_max < zone.y_min:
        return "is turned over: a maximum lies below its minimum"
    overhang_px = max(-zone.x_min, -zone.y_min, zone.x_max - width, zone.y_max - height)
    if overhang_px > OVERHANG_PX:
        return f"reaches {overhang_px:g} px over the edge of the image"
    if clipped.x_max <= clipped.x_min or clipped.y_max <= clipped.y_min:
        return "has no area inside the image"
    return ""


def _corners(zone: Zone) -> str:
    return f"x {zone.x_min:g} to {zone.x_max:g}, y {zone.y_min:g} to {zone.y_max:g}"
