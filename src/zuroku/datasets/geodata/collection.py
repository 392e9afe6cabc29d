"""A table of geographic features by configuration: areas, roads, landmarks, or points sampled from them.

Reading files is the readers' business; here their results become a dataset with a card.
"""

import tempfile
from collections.abc import Callable
from glob import escape
from pathlib import Path
from typing import Any, Literal, Self

import geopandas as gpd
from pydantic import Field, model_validator

from zuroku.config import Settings, config_hash
from zuroku.datasets.fingerprints import fingerprint, listing_lines
from zuroku.datasets.geodata.areas import AreaSettings, read_areas
from zuroku.datasets.geodata.features import FeatureTable, write_features
from zuroku.datasets.geodata.osm import OsmSettings, read_landmarks, read_roads
from zuroku.datasets.sample.land.files import write_land
from zuroku.datasets.sample.land.settings import LandSettings
from zuroku.geo.sampling import SamplingSettings, report_sampling, sample_points

_ABOUT = {"kind", "name", "description", "licence", "url", "citation", "source"}


class FeatureCollectionSettings(Settings):
    """Areas, roads or landmarks: what they are, and the files or the service they come from.

    ``generated`` draws a made-up land and writes its files in the published layouts; the section of the
    readers, ``areas`` or ``osm``, then names those files, and relative paths start among them.
    """

    kind: Literal["areas", "roads", "landmarks"]
    name: str
    description: str
    licence: str = Field(min_length=1)
    url: str
    citation: str = ""
    source: Literal["generated", "published"]
    generated: LandSettings | None = None
    areas: AreaSettings | None = None
    osm: OsmSettings | None = None

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        section = "areas" if self.kind == "areas" else "osm"
        if getattr(self, section) is None:
            raise ValueError(f"kind is {self.kind!r}, but there is no section {section!r}")
        if self.source == "generated" and self.generated is None:
            raise ValueError("source is 'generated', but there is no section 'generated'")
        return self


class PointCollectionSettings(Settings):
    """Points to take photographs at, sampled from the datasets named ``roads`` and ``landmarks``."""

    kind: Literal["points"]
    name: str
    description: str
    licence: str = Field(min_length=1)
    url: str
    citation: str = ""
    source: Literal["sampled"] = "sampled"
    roads: str = "osm_roads"
    landmarks: str = "osm_landmarks"
    sampling: SamplingSettings = SamplingSettings()


AnyFeatures = FeatureCollectionSettings | PointCollectionSettings


def ingest_features(settings: AnyFeatures, out: Path, root: Path) -> FeatureTable:
    """Read the configured features and write them to the folder ``out``.

    Relative paths of the configuration start at ``root``; points are sampled from the datasets beside
    ``out``.

    Raises:
        GeoDataError: a source cannot be used, or nothing is left of it.
        IntegrityError: the dataset of roads or landmarks is not there.
        StorageError: the disk is full; what lay in ``out`` stays.
    """
    about: dict[str, Any] = settings.model_dump(mode="json", include=_ABOUT)
    if isinstance(settings, PointCollectionSettings):
        frame, found = _sampled(settings, out.parent)
        inputs = {
            name: FeatureTable(out.parent / name).version for name in (settings.roads, settings.landmarks)
        }
        return write_features(frame, about | {"report": found, "inputs": inputs, "fingerprint": None}, out)
    about["fingerprint"] = features_fingerprint(settings, root)
    if settings.source == "published":
        frame, found = _read(settings, root)
    else:
        assert settings.generated is not None  # by the validator above
        with tempfile.TemporaryDirectory() as folder:
            write_land(settings.generated, Path(folder))
            frame, found = _read(settings, Path(folder))
    return write_features(frame, about | {"report": found}, out)


def features_fingerprint(settings: AnyFeatures, root: Path) -> str | None:
    """Return the fingerprint of what the source holds now, or None where DVC or only a fetch can tell."""
    if isinstance(settings, PointCollectionSettings):
        return None
    if settings.source == "generated":
        return config_hash(settings)
    files = _files(settings)
    if files is None:
        return None
    # A Shapefile is several files of one stem.
    paths = [part for file in files for part in sorted((root / file).parent.glob(f"{escape(file.stem)}.*"))]
    return fingerprint(settings, listing_lines(*paths))


def _files(settings: FeatureCollectionSettings) -> list[Path] | None:
    """Return the local files that the configuration names, or None if it names a service."""
    if settings.areas is not None and settings.kind == "areas":
        return settings.areas.files
    assert settings.osm is not None  # by the settings' validator
    return None if settings.osm.path is None else [settings.osm.path]


def _read(settings: FeatureCollectionSettings, root: Path) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    if settings.areas is not None and settings.kind == "areas":
        areas = read_areas(settings.areas, root)
        return areas.frame, areas.counts
    assert settings.osm is not None  # by the settings' validator
    read: Callable[[OsmSettings, Path], gpd.GeoDataFrame] = (
        read_roads if settings.kind == "roads" else read_landmarks
    )
    frame = read(settings.osm, root)
    return frame, {"rows": len(frame)}


def _sampled(settings: PointCollectionSettings, data: Path) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    roads = FeatureTable(data / settings.roads).frame
    landmarks = FeatureTable(data / settings.landmarks).frame
    points = sample_points(roads, landmarks, settings.sampling)
    report = report_sampling(points, roads, landmarks, settings.sampling)
    return points, {
        "points": report.points,
        "nearest_m": report.nearest_m and list(report.nearest_m),
        "short_classes": report.short_classes,
        "isolated": len(report.isolated),
    }
