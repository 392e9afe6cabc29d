"""Rows of published tables that have coordinates inside a boundary, streamed; and the files they name.

The columns of each set are known to its own module. Nothing is held but a batch and what is kept.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from shapely.geometry.base import BaseGeometry

from zuroku.datasets.places.boundary import usable_coordinates
from zuroku.errors import SourceError

BLOCK_BYTES = 4 << 20
"""Of a table at a time. Arrow reads some thirty blocks ahead, so larger ones cost memory and gain nothing."""

PlacedRow = tuple[dict[str, Any], float, float]
"""The cells of a row by column, latitude, longitude."""


def placed_rows(
    batches: Iterable[pa.RecordBatch],
    latitude: str,
    longitude: str,
    boundary: BaseGeometry | None,
    skipped: dict[str, int],
) -> Iterator[PlacedRow]:
    """Yield the rows of ``batches`` (columns of text) whose coordinates can be used; others are counted.

    What is no number counts as no coordinate: published tables write "", "null" or "nan" there.
    """
    for batch in batches:
        latitudes, longitudes = _numbers(batch, latitude), _numbers(batch, longitude)
        kept = np.flatnonzero(usable_coordinates(latitudes, longitudes, boundary, skipped))
        rows = batch.take(pa.array(kept)).to_pylist()
        yield from zip(rows, latitudes[kept].tolist(), longitudes[kept].tolist(), strict=True)


def header_of(path: Path) -> list[str]:
    """Return the names in the first line of the CSV file at ``path``.

    Raises:
        SourceError: it cannot be read, or is no UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}",
            expected="the published table",
            remedy="check the path in the configuration, or fetch the table again",
        ) from error


def file_below(folder: Path, name: str) -> Path:
    """Return the file that a table calls ``name``.

    Raises:
        SourceError: the name leads out of ``folder``.
    """
    inner = PurePosixPath(name)
    if inner.is_absolute() or ".." in inner.parts or not inner.parts:
        raise SourceError(
            f"a table names the file {name!r}",
            expected="a path inside the folder of images",
            remedy="take the published table again",
        )
    return folder / inner


def iso_time(text: str) -> str:
    """Return a published time as ISO 8601, or an empty text where it is none ("null", a month of 00)."""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _numbers(batch: pa.RecordBatch, column: str) -> npt.NDArray[np.float64]:
    texts = batch.column(column).to_pandas()
    return np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)
