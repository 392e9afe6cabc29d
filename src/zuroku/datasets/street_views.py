"""Photographs of places as one stage of the data: a collection, with tables of points and areas beside it."""

from pathlib import Path
from typing import Self

from pydantic import SecretStr, model_validator
from shapely.geometry.base import BaseGeometry

from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.ingest import Collection
from zuroku.datasets.places.collection import PlaceCollectionSettings, open_places
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.sample.land.photographs import LandPhotographSettings, land_photographs


class StreetViewSettings(PlaceCollectionSettings):
    """A collection of photographs, and the datasets beside it that it is made with.

    ``points`` are where a server is asked and where generated photographs are taken; ``boundary`` names a
    table of areas outside of which photographs are left out. Without a name nothing is read.
    """

    points: str | None = None
    boundary: str | None = None
    generated: LandPhotographSettings | None = None
    areas: str = "census_areas"
    roads: str = "osm_roads"
    landmarks: str = "osm_landmarks"

    @model_validator(mode="after")
    def _generated_has_its_section(self) -> Self:
        if self.source == "generated" and (self.generated is None or self.points is None):
            raise ValueError("source is 'generated', which needs the section 'generated' and 'points'")
        return self


def with_token(settings: StreetViewSettings, token: str) -> StreetViewSettings:
    """Return ``settings`` with Mapillary's ``token``, which no file, hash or dataset ever holds."""
    if settings.mapillary is None or not token:
        return settings
    mapillary = settings.mapillary.model_copy(update={"token": SecretStr(token)})
    return settings.model_copy(update={"mapillary": mapillary})


def open_street_views(settings: StreetViewSettings, root: Path, data: Path) -> Collection:
    """List the photographs of the configured source; ``data`` holds the other datasets, by name.

    Raises:
        IntegrityError: a table of points or areas is not there.
        SourceError, GeoDataError, ConfigError and others: see ``open_places``.
    """
    points = None if settings.points is None else FeatureTable(data / settings.points).frame

    def drawn() -> list[PlaceItem]:
        assert settings.generated is not None  # by the validator above
        assert points is not None
        names = {"areas": settings.areas, "roads": settings.roads, "landmarks": settings.landmarks}
        tables = {kind: FeatureTable(data / name).frame for kind, name in names.items()}
        return land_photographs(settings.generated, points, tables)

    return open_places(settings, root, points, read_boundary(settings, data), drawn)


def read_boundary(settings: StreetViewSettings, data: Path) -> BaseGeometry | None:
    """Return the areas (longitude, latitude) outside of which no photograph lies, None where all are taken.

    Raises:
        IntegrityError: the table of areas is not in ``data``.
    """
    if settings.boundary is None:
        return None
    return FeatureTable(data / settings.boundary).frame.geometry.union_all()
