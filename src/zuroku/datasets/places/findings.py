"""Checks of a dataset of photographs with coordinates, on top of those of every dataset of photographs."""

import re

import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from zuroku.datasets.findings import DATASET_CHECKS, photo_findings
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.places.boundary import usable_coordinates
from zuroku.datasets.places.exif import exif_position
from zuroku.datasets.places.table import read_places
from zuroku.datasets.source import NOT_STATED
from zuroku.errors import GeoDataError, ImageError, IntegrityError
from zuroku.findings import Finding

# Photographs of places have no classes, so that nothing can be said of them.
_GENERAL_CHECKS = tuple(name for name in DATASET_CHECKS if not name.startswith("class"))
PLACE_CHECKS = (
    *_GENERAL_CHECKS,
    "places_cover_items",
    "places_within_bounds",
    "exif_equals_places",
    "licences",
    "attribution",
)
_SAMPLE = 64
_SHOWN = 3
# A tenth of a metre on the meridian.
_TOLERANCE_DEG = 1e-6

_ASKS_FOR_CREDIT = re.compile(r"\bby\b|attribution", re.IGNORECASE)


def place_findings(dataset: Dataset, boundary: BaseGeometry | None) -> list[Finding]:
    """Check the manifest as ``photo_findings`` does, then coordinates, EXIF, licences and attribution.

    ``boundary`` (longitude, latitude) is where all photographs must lie; None allows any place but 0, 0. The
    EXIF of a fixed sample is compared. Licences that ask for credit (CC BY) need an author and an address.
    """
    general = photo_findings(dataset, None, labelled=False, floor=0)
    findings = [finding for finding in general if finding.check in _GENERAL_CHECKS]
    if not findings[0].passed:
        return findings + _not_looked_at("the manifest cannot be read")
    try:
        places = read_places(dataset.root)
    except IntegrityError as error:
        unread = _not_looked_at("the table of places cannot be read")[1:]
        return [*findings, Finding("places_cover_items", False, str(error)), *unread]
    manifest = dataset.manifest
    return [
        *findings,
        Finding("places_cover_items", True, f"all {len(places)} items have coordinates"),
        _within(places, boundary),
        _exif(dataset, places),
        _licences(manifest),
        _attribution(manifest, places),
    ]


def _not_looked_at(why: str) -> list[Finding]:
    return [Finding(name, False, f"not looked at: {why}") for name in PLACE_CHECKS[len(_GENERAL_CHECKS) :]]


def _within(places: pd.DataFrame, boundary: BaseGeometry | None) -> Finding:
    latitudes, longitudes = places["latitude"].to_numpy(), places["longitude"].to_numpy()
    inside = usable_coordinates(latitudes, longitudes, boundary, {})
    return _listed("places_within_bounds", "items outside the bounds", places.loc[~inside, "item_id"])


def _exif(dataset: Dataset, places: pd.DataFrame) -> Finding:
    """Compare the EXIF of items drawn by a fixed seed with the table, whose rows are the manifest's."""
    rows = dataset.rows()
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:_SAMPLE])
    bad = []
    for number in chosen:
        expected = places.loc[number, ["latitude", "longitude"]].to_numpy(dtype=np.float64)
        try:
            found = exif_position(dataset.read(rows[number]))
        except (GeoDataError, ImageError, IntegrityError) as error:
            bad.append(f"{rows[number].item_id}: {error.found}")
            continue
        if found is None or not np.allclose(found, expected, rtol=0, atol=_TOLERANCE_DEG):
            bad.append(f"{rows[number].item_id}: EXIF {found}")
    says = f"{len(bad)} of {len(chosen)} drawn items have another position in their EXIF {bad[:_SHOWN]}"
    return Finding("exif_equals_places", not bad, says, {"drawn": len(chosen), "bad": len(bad)})


def _licences(manifest: pd.DataFrame) -> Finding:
    unstated = manifest["licence"].isin(["", NOT_STATED])
    finding = _listed("licences", "items without a stated licence", manifest.loc[unstated, "item_id"])
    if finding.passed:
        return finding
    remedy = "state it in the configuration, a table or with --licence before any of this is passed on"
    return Finding(finding.check, finding.passed, f"{finding.says}: {remedy}")


def _attribution(manifest: pd.DataFrame, places: pd.DataFrame) -> Finding:
    needed = manifest["licence"].str.contains(_ASKS_FOR_CREDIT)
    lacking = needed & ((places["author"] == "") | (manifest["source_url"] == ""))
    finding = _listed("attribution", "items that need a credit lack it", manifest.loc[lacking, "item_id"])
    return Finding(finding.check, finding.passed, finding.says, {"needed": int(needed.sum())})


def _listed(check: str, kind: str, item_ids: "pd.Series[str]") -> Finding:
    shown = ", ".join(list(item_ids)[:_SHOWN])
    return Finding(check, len(item_ids) == 0, f"{len(item_ids)} {kind}{f' ({shown})' if shown else ''}")
