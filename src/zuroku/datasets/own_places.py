"""A user's own city made into datasets and a profile, all of them or nothing.

Readers and ingest are those of every profile; here is in which order they work, and what is refused before
anything stands in its place. What the profile says is in ``own_profile``; training is the profile's own run.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from zuroku.artifacts import locked, replace_folder, write_atomically
from zuroku.config import load_settings
from zuroku.datasets.collection import ingest_collection, load_collection, load_features
from zuroku.datasets.geodata.collection import ingest_features
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.ingest import Progress
from zuroku.datasets.own_profile import STAGES, OwnPlaces, profile_files
from zuroku.datasets.place_clusters import CLUSTER
from zuroku.datasets.place_labels import PlaceLabelSettings
from zuroku.datasets.place_splits import SIDES, PlaceSplitSettings, place_splits, separated_splits
from zuroku.datasets.places.boundary import in_boundary
from zuroku.datasets.places.overlap import require_overlap
from zuroku.datasets.places.photo_folder import PhotoFolder, file_phone_format
from zuroku.datasets.places.provider import PlaceItem, Places
from zuroku.datasets.places.sequences import SEQUENCE
from zuroku.errors import ConfigError, GeoDataError, SplitError, StorageError, ZurokuError
from zuroku.geo.distances import Coordinates
from zuroku.geo.labels import label_places

_SHOWN = 5


@dataclass(frozen=True)
class OwnPlacesReport:
    """Numbers of a finished ingest: of photographs, and of the features of each stage by its name.

    ``photographs`` are in the dataset. Left out are those ``to_convert``, which are HEIC or AVIF, those
    ``without_position`` that can be read (why, stands in ``quarantine.parquet``), those ``outside`` the
    areas, and those ``refused`` because they cannot be decoded or stand twice. ``validation_blocks`` are the
    names of the blocks, ``block_side_km`` wide, that choose how answers are made and calibrate their radius.
    """

    photographs: int
    to_convert: int
    without_position: int
    outside: int
    refused: int
    features: Mapping[str, int]
    validation_blocks: tuple[str, ...]
    block_side_km: float


def ingest_own_places(
    own: OwnPlaces, templates: Path, root: Path, progress: Progress = lambda done, total: None
) -> OwnPlacesReport:
    """Write the profile to ``configs/`` and its datasets to ``var/`` below ``root``.

    They are made aside and moved when all of them are finished. The same options again make them anew.

    Raises:
        ConfigError: the profile's folder exists with other content, or ``templates`` are none.
        GeoDataError: no photograph has a position, all lie elsewhere than the areas or the roads, or geodata
            cannot be used.
        SplitError: the photographs lie too near together for training, validation and test.
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
    found, to_convert = _photographs(own)
    tables = {}
    inside = np.ones(len(found.items), dtype=np.bool_)
    for stage in STAGES[:-1]:
        tables[stage] = ingest_features(load_features(configs / f"{stage}.yaml"), data / stage, root)
        if stage == "census_areas":
            inside = _inside(found, tables[stage])
        elif stage == "osm_roads":
            require_overlap(_positions(found), tables[stage].frame, "roads of --osm")
    splits = load_settings(configs / "place_splits.yaml", PlaceSplitSettings)
    kept = [item for item, keep in zip(found.items, inside, strict=True) if keep]
    ledger = root / "var" / own.profile / "splits" / "place_splits.parquet"
    blocks = _validation_blocks(
        _labelled(kept, tables, load_settings(configs / "place_labels.yaml", PlaceLabelSettings)),
        splits,
        ledger,
    )
    settings = load_collection(configs / f"{STAGES[-1]}.yaml")
    card = ingest_collection(settings, data / STAGES[-1], root, progress).card
    return OwnPlacesReport(
        photographs=card["items"],
        to_convert=to_convert,
        without_position=len(found.refused) + sum(found.skipped.values()) - to_convert,
        outside=int((~inside).sum()),
        refused=card["quarantined"] - len(found.refused),
        features={stage: int(table.card["features"]) for stage, table in tables.items()},
        validation_blocks=blocks,
        block_side_km=SIDES * splits.block_km,
    )


def _photographs(own: OwnPlaces) -> tuple[Places, int]:
    """Return what the folder holds, wherever it was taken, and how many of it must be converted first."""
    photos = own.photos
    if photos.table is not None:
        photos = photos.model_copy(update={"table": str(Path(photos.table).resolve())})
    found = PhotoFolder(photos, own.licence, "").places(None)
    # None of these is an item, whoever says where it was taken.
    to_convert = sum(bool(file_phone_format(file)) for file in found.files)
    if not found.items:
        count = len(found.refused) + sum(found.skipped.values())
        unread = f": {to_convert} are HEIC or AVIF, which cannot be read here" if to_convert else ""
        remedies = ["convert these to JPEG, keeping their metadata"] if to_convert else []
        if to_convert < count:
            remedies.append(
                "export the originals with their GPS data, or give --table FILE (a CSV with the columns "
                "file, latitude and longitude; others are named with --columns)"
            )
        raise GeoDataError(
            f"none of {count} photographs in {photos.root} has a position{unread}",
            expected="coordinates in the EXIF of the photographs, or a table of them",
            remedy="; ".join(remedies),
        )
    return found, to_convert


def _inside(found: Places, areas: FeatureTable) -> npt.NDArray[np.bool_]:
    """Return which photographs ``(n,)`` lie in the areas.

    Raises:
        GeoDataError: nearly all of them lie far away, or the rest lies only beside them.
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
    return inside


def _labelled(
    photographs: list[PlaceItem], tables: Mapping[str, FeatureTable], settings: PlaceLabelSettings
) -> pd.DataFrame:
    """Return the ``photographs`` as ``place_splits`` reads them, labelled as the profile's run will."""
    where = np.array([(place.latitude, place.longitude) for place in photographs], dtype=np.float64)
    labels = label_places(
        [place.item.item_id for place in photographs],
        where,
        tables["census_areas"].frame,
        tables["osm_roads"].frame,
        tables["osm_landmarks"].frame,
        settings,
        tables["admin_areas"].frame,
    )
    sequences = [place.sequence for place in photographs]
    return labels.assign(group=[place.item.group for place in photographs], **{SEQUENCE: sequences})


def _validation_blocks(places: pd.DataFrame, settings: PlaceSplitSettings, ledger: Path) -> tuple[str, ...]:
    """Split ``places`` as the profile's run will, and return the blocks of val.

    Photographs that cannot be decoded are still among them, so this is what is to be expected. ``ledger`` is
    what earlier runs have assigned, if there were any.

    Raises:
        SplitError: they cannot be split.
    """
    known = pd.read_parquet(ledger) if ledger.exists() else pd.DataFrame({"group": [], "split": []})
    existing = dict(zip(known["group"], known["split"], strict=True))
    try:
        table = separated_splits(places, place_splits(places, settings, existing), settings)
    except SplitError as error:
        where = places[["latitude", "longitude"]]
        (south, west), (north, east) = where.min(), where.max()
        raise SplitError(
            f"{len(places)} photographs cannot be parted into train, val and test: {error.found}; they were "
            f"taken from {south:.4f} to {north:.4f} north and {west:.4f} to {east:.4f} east",
            expected=f"photographs in at least three squares with sides of {SIDES * settings.block_km:g} km, "
            f"and {settings.block_km:g} km between one part and the next",
            remedy="add photographs of more places; or, where the areas reach much farther than the "
            "photographs, give --areas of that part alone: these distances follow from their extent",
        ) from error
    here = table["group"].isin(places["group"]) & (table["split"] == "val")
    return tuple(sorted(set(table.loc[here, CLUSTER])))


def _positions(found: Places) -> Coordinates:
    return np.array([(place.latitude, place.longitude) for place in found.items], dtype=np.float64)


def _write_files(files: Mapping[str, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in files.items():
        write_atomically(folder / name, data)
