"""A table of geographic features on disk: areas, roads, landmarks or points, as GeoParquet beside a card.

What the columns mean, each reader knows. Here is only how a table is checked, written and read again.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd

from zuroku.artifacts import file_sha256, locked, replace_folder, room, write_atomically
from zuroku.errors import GeoDataError, IntegrityError

FEATURES = "features.parquet"
CARD = "dataset.json"

_SHOWN = 5


@dataclass(frozen=True)
class FeatureTable:
    """A finished table on disk: ``features.parquet`` and ``dataset.json`` in the folder ``root``."""

    root: Path

    @cached_property
    def version(self) -> str:
        """SHA-256 (hex) of the bytes of ``features.parquet``."""
        return file_sha256(self._existing(FEATURES))

    @cached_property
    def frame(self) -> gpd.GeoDataFrame:
        """The features, one row each, by ``feature_id``; EPSG:4326 (x is the longitude)."""
        path = self._existing(FEATURES)
        try:
            return gpd.read_parquet(path)
        except (ValueError, OSError) as error:
            raise IntegrityError(
                f"{path} is not readable GeoParquet: {error}",
                expected="the file that zuroku wrote",
                remedy="restore it from its remote, or build the stage again",
            ) from error

    @cached_property
    def card(self) -> dict[str, Any]:
        """What ``dataset.json`` says of name, source, licence and counts."""
        card: dict[str, Any] = json.loads(self._existing(CARD).read_text(encoding="utf-8"))
        return card

    def _existing(self, name: str) -> Path:
        path = self.root / name
        if not path.is_file():
            raise IntegrityError(
                f"no {name} in {self.root}",
                expected="a finished table of features",
                remedy="run `dvc repro`, `dvc pull`, or `make demo`",
            )
        return path


def write_features(frame: gpd.GeoDataFrame, card: Mapping[str, Any], out: Path) -> FeatureTable:
    """Write ``frame`` to the folder ``out``, whole or not at all, and return it as it lies there.

    Rows are sorted by ``feature_id``; equal rows give equal bytes. ``card`` (name, licence, …) becomes
    ``dataset.json`` together with the number of ``features``, their ``counts`` by ``kind`` where they
    have one, and their ``bounds`` in degrees (null for an empty table).

    Raises:
        GeoDataError: the frame has no or repeated ids, another CRS than EPSG:4326, or empty geometries.
        StorageError: the disk is full; what lay in ``out`` stays.
        BusyError: another process is writing to ``out``.
    """
    _check(frame)
    ordered = frame.sort_values("feature_id", ignore_index=True)
    with locked(out.parent / f".{out.name}.lock", wait=False):
        work = out.parent / f".{out.name}.partial"
        with room(work, "the table of features", "what lay there stays"):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            ordered.to_parquet(work / FEATURES, index=False, compression="zstd", schema_version="1.1.0")
            text = json.dumps(dict(card) | _numbers(ordered), ensure_ascii=False, indent=2, allow_nan=False)
            write_atomically(work / CARD, (text + "\n").encode())
            replace_folder(work, out)
    return FeatureTable(out)


def _numbers(frame: gpd.GeoDataFrame) -> dict[str, Any]:
    counts = frame["kind"].value_counts().to_dict() if "kind" in frame else {}
    sides = ("west", "south", "east", "north")
    bounds = dict(zip(sides, map(float, frame.total_bounds), strict=True)) if len(frame) else None
    return {"features": len(frame), "counts": dict(sorted(counts.items())), "bounds": bounds}


def _check(frame: gpd.GeoDataFrame) -> None:
    faults = []
    if "feature_id" not in frame:
        faults.append("no column feature_id")
    elif repeated := sorted(set(frame["feature_id"][frame["feature_id"].duplicated()])):
        faults.append(f"{len(repeated)} repeated feature_ids ({', '.join(map(str, repeated[:_SHOWN]))})")
    if frame.crs is None or frame.crs.to_epsg() != 4326:
        faults.append(f"the CRS {frame.crs.to_string() if frame.crs else 'is not given'}")
    if empty := int((frame.geometry.isna() | frame.geometry.is_empty).sum()):
        faults.append(f"{empty} empty geometries")
    if faults:
        raise GeoDataError(
            f"the features have {'; '.join(faults)}",
            expected="unique ids and filled geometries in EPSG:4326",
            remedy="mend the reader or the frame that gave them",
        )
