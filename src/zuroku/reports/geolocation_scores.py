"""Scores of geolocation from a file of predictions, as the command prints them.

This joins the reader and the metric; what counts as near lives in ``zuroku.evaluation.geolocation``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zuroku.datasets.faults import FaultList
from zuroku.datasets.tables import Row, read_rows
from zuroku.errors import SourceError
from zuroku.evaluation.geolocation import Distance, GeolocationScores, error_km, score_distances
from zuroku.geo.distances import Coordinates

COLUMNS = ("gt_lat", "gt_lon", "pred_lat", "pred_lon")
"""Columns of a file of predictions: true and predicted latitude and longitude in degrees, WGS84."""


@dataclass(frozen=True)
class Places:
    """True places ``(n, 2)`` and predicted ones ``(n, 2)``; NaN where a prediction is missing."""

    truth: Coordinates
    predictions: Coordinates


def score_predictions(path: Path, distance: Distance, strict: bool) -> GeolocationScores:
    """Score the predictions in the CSV file at ``path``.

    Raises:
        SourceError: as ``read_predictions``.
    """
    places = read_predictions(path)
    return score_distances(error_km(places.truth, places.predictions, distance), strict=strict)


def read_predictions(path: Path) -> Places:
    """Read the CSV file at ``path`` with ``COLUMNS``, and possibly more.

    A prediction whose two cells are empty is missing. Every other cell is a finite number in its range.

    Raises:
        SourceError: the file is missing, empty, not UTF-8 or broken CSV, lacks a column or rows, or has
            rows that cannot be used: all of them are named by line.
    """
    faults = FaultList()
    rows = read_rows(path, COLUMNS, faults)
    values = [_places(row, faults) for row in rows]
    faults.raise_if_any(
        str(path),
        expected="latitudes from -90 to 90 and longitudes from -180 to 180 in degrees; a missing prediction "
        "has both cells empty",
        remedy="mend these rows: exchange swapped columns, and write degrees as decimal numbers",
    )
    if not values:
        raise SourceError(
            f"{path} has a header and no row",
            expected="one row per photograph",
            remedy="write the predictions again; this file is cut off",
        )
    table = np.array(values)
    return Places(table[:, :2], table[:, 2:])


def plain_scores(scores: GeolocationScores) -> dict[str, Mapping[str, float] | float | None]:
    """Return the scores for JSON, where an infinite median or mean, which JSON cannot say, is null."""
    return {
        "accuracy_within_km": dict(scores.accuracy_within_km),
        "median_km": _finite(scores.median_km),
        "mean_km": _finite(scores.mean_km),
    }


def score_table(scores: GeolocationScores, distance: Distance, strict: bool) -> str:
    """Return the scores as a few lines of plain text that name the protocol."""
    sign = "<" if strict else "≤"
    lines = [f"{scores.count:,} photographs, {distance} distance {sign} r"]
    lines += [f"within {radius:>5} km {share:8.4f}" for radius, share in scores.accuracy_within_km.items()]
    lines += [f"median {scores.median_km:14.2f} km", f"mean {scores.mean_km:16.2f} km"]
    return "\n".join(lines)


def missing_note(scores: GeolocationScores) -> str:
    """Say how missing predictions changed the scores, if there are any."""
    if not scores.missing:
        return ""
    return (
        f"{scores.missing} of {scores.count} predictions are missing: they count as misses at infinite "
        "distance, so the mean, and the median once half are missing, is infinite (null in JSON)"
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _places(row: Row, faults: FaultList) -> list[float]:
    place = f"line {row.line}"
    cells = [row.values[name].strip() for name in COLUMNS]
    missing = [not cell for cell in cells]
    if any(missing[:2]) or missing[2] != missing[3]:
        empty = ", ".join(name for name, gone in zip(COLUMNS, missing, strict=True) if gone)
        faults.add("rows with an empty cell", f"{place}: {empty}")
    values = [_number(cell) for cell in cells]
    if wrong := [
        cell for cell, value in zip(cells, values, strict=True) if cell and not math.isfinite(value)
    ]:
        faults.add("rows with a cell that is no finite number", f"{place}: {', '.join(wrong)}")
    elif outside := [pair for pair in (values[:2], values[2:]) if not _on_earth(*pair)]:
        swapped = all(_on_earth(longitude, latitude) for latitude, longitude in outside)
        kind = (
            "rows whose latitude and longitude look swapped" if swapped else "rows with places not on Earth"
        )
        faults.add(kind, f"{place}: {', '.join(f'{pair[0]:g} {pair[1]:g}' for pair in outside)}")
    return values


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _on_earth(latitude: float, longitude: float) -> bool:
    """Tell whether the place is possible; NaN, a missing cell, is."""
    return not abs(latitude) > 90 and not abs(longitude) > 180
