"""A user's own city made into datasets and a profile, all of them or nothing.

Readers and ingest are those of every profile; here is in which order they work, and what is refused before
anything stands in its place. What the profile says is in ``own_profile``; training is the profile's own run.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zuroku.artifacts import locked, replace_folder, write_atomically
from zuroku.datasets.collection import ingest_collection, load_collection, load_features
from zuroku.datasets.geodata.collection import ingest_features
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.ingest import Progress
from zuroku.datasets.own_profile import STAGES, OwnPlaces, profile_files
from zuroku.datasets.places.boundary import in_boundary
from zuroku.datasets.places.overlap import require_overlap
from zuroku.datasets.places.photo_folder import PhotoFolder
from zuroku.datasets.places.provider import Places
from zuroku.errors import ConfigError, GeoDataError, StorageError, ZurokuError
from zuroku.geo.distances import Coordinates

_SHOWN = 5


@dataclass(frozen=True)
class OwnPlacesReport:
    """Numbers of a finished ingest: of photographs, and of the features of each stage by its name.

    ``photographs`` are in the dataset. Left out are those ``without_position`` that can be read (why, stands
    in ``quarantine.parquet``), those ``outside`` the areas, and those ``refused`` because they cannot be
    decoded or stand twice.
    """

    photographs: int
    without_position: int
    outside: int
    refused: int
    features: Mapping[str, int]


def ingest_own_places(
    own: OwnPlaces, templates: Path, root: Path, progress: Progress = lambda done, total: None
) -> OwnPlacesReport:
    """Write the profile to ``configs/`` and its datasets to ``var/`` below ``root``.

    They are made aside and moved when all of them are finished. The same options again make them anew.

    Raises:
        ConfigError: the profile's folder exists with other content, or ``templates`` are none.
        GeoDataError: no photograph has a position, all lie elsewhere than the areas or the roads, or geodata
            cannot be used.
        SourceError and others: see ``ingest_features`` and ``ingest_collection``.
    """
    files = profile_files(own, templates, root)
    configs, data = root / "configs" / own.profile, root / "var" / own.profile / "data"
    _refuse_other_content(configs, data, files)
    work = root / "var" / f".{own.profile}.partial"
    with locked(root / "var" / f".{own.profile}.lock", wait=False):
        try:
            report = _ingest(own, files, work, root, progress)
        except StorageError:
            # Finished shards stay, so that a second run goes on.
            raise
        except ZurokuError:
            shutil.rmtree(work)
            raise
        data.mkdir(parents=True, exist_ok=True)
        for stage in STAGES:
            replace_folder(work / "data" / stage, data / stage)
        if not configs.exists():
            aside = configs.with_name(f".{configs.name}.partial")
            _write_files(files, aside)
            replace_folder(aside, configs)
        shutil.rmtree(work)
    return report


def _refuse_other_content(configs: Path, data: Path, files: Mapping[str, bytes]) -> None:
    if not configs.exists():
        return
    there = {path.name: path.read_bytes() for path in configs.iterdir() if path.is_file()}
    if different := sorted(name for name in there.keys() | files if there.get(name) != files.get(name)):
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise ConfigError(
            f"{configs} exists, and {', '.join(different[:_SHOWN])}{more} are not what would be written",
            expected="a new profile, or one made with the same options",
            remedy=f"choose another --profile, remove {configs}, or ingest single stages of it: "
            f"`zuroku ingest STAGE --configs {configs} --data {data}`",
        )


def _ingest(
    own: OwnPlaces, files: Mapping[str, bytes], work: Path, root: Path, progress: Progress
) -> OwnPlacesReport:
    configs, data = work / "configs", work / "data"
    _write_files(files, configs)
    found = _photographs(own)
    features = {}
    outside = 0
    for stage in STAGES[:-1]:
        table = ingest_features(load_features(configs / f"{stage}.yaml"), data / stage, root)
        features[stage] = int(table.card["features"])
        if stage == "census_areas":
            outside = _outside(found, table)
        elif stage == "osm_roads":
            require_overlap(_positions(found), table.frame, "roads of --osm")
    settings = load_collection(configs / f"{STAGES[-1]}.yaml")
    card = ingest_collection(settings, data / STAGES[-1], root, progress).card
    return OwnPlacesReport(
        photographs=card["items"],
        without_position=len(found.refused) + sum(found.skipped.values()),
        outside=outside,
        refused=card["quarantined"] - len(found.refused),
        features=features,
    )


def _photographs(own: OwnPlaces) -> Places:
    """Return what the folder holds, wherever it was taken."""
    photos = own.photos
    if photos.table is not None:
        photos = photos.model_copy(update={"table": str(Path(photos.table).resolve())})
    found = PhotoFolder(photos, own.licence, "").places(None)
    if not found.items:
        count = len(found.refused) + sum(found.skipped.values())
        raise GeoDataError(
            f"none of {count} photographs in {photos.root} has a position",
            expected="coordinates in the EXIF of the photographs, or a table of them",
            remedy="export the originals with their GPS data, or give --table FILE (a CSV with the columns "
            "file, latitude and longitude; others are named with --columns)",
        )
    return found


def _outside(found: Places, areas: FeatureTable) -> int:
    """Return how many photographs lie outside of all areas.

    Raises:
        GeoDataError: nearly all of them do, or the rest lies only beside them.
    """
    places = _positions(found)
    require_overlap(places, areas.frame, "areas of --areas")
    inside = in_boundary(places[:, 0], places[:, 1], areas.frame.geometry.union_all())
    if not inside.any():
        raise GeoDataError(
            f"all {len(places)} photographs lie outside the areas, though some lie beside them",
            expected="photographs within the areas: others are left out",
            remedy="give areas that hold the places of the photographs",
        )
    return int((~inside).sum())


def _positions(found: Places) -> Coordinates:
    return np.array([(place.latitude, place.longitude) for place in found.items], dtype=np.float64)


def _write_files(files: Mapping[str, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in files.items():
        write_atomically(folder / name, data)
