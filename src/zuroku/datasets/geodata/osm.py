"""Roads and landmarks of OpenStreetMap, from an extract or a server, by tag filters.

Which source, which tags, and what becomes of them is here; how each source is read, in the readers beside it.
Data © OpenStreetMap contributors under the ODbL: whoever publishes the tables names both.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import geopandas as gpd
import numpy as np
import shapely
from pydantic import Field, StringConstraints, model_validator

from zuroku.config import Settings
from zuroku.datasets.geodata.geofabrik import GeofabrikSettings, geofabrik_extract
from zuroku.datasets.geodata.osm_file import check_pbf, check_xml, contents
from zuroku.datasets.geodata.osm_tags import TagQuery, feature_frame, first_match, tag_query
from zuroku.datasets.geodata.overpass import OverpassSettings
from zuroku.datasets.http import PoliteClient
from zuroku.errors import GeoDataError

LICENCE = "ODbL-1.0"
ATTRIBUTION = (
    "Data © OpenStreetMap contributors, Open Database License 1.0 (https://www.openstreetmap.org/copyright)"
)

ROADS = {
    "motorway": "motorway",
    "motorway_link": "motorway",
    "trunk": "trunk",
    "trunk_link": "trunk",
    "primary": "primary",
    "primary_link": "primary",
    "secondary": "secondary",
    "secondary_link": "secondary",
    "tertiary": "tertiary",
    "tertiary_link": "tertiary",
    "unclassified": "unclassified",
    "residential": "residential",
    "living_street": "living_street",
}
"""Roads that cars with cameras drive on, by value of ``highway``; a link belongs to what it leads to."""

LANDMARKS = (
    "tourism=museum",
    "tourism=zoo",
    "tourism=theme_park",
    "tourism=gallery",
    "tourism=viewpoint",
    "tourism=attraction",
    "historic=castle",
    "historic=monument",
    "historic=ruins",
    "aeroway=aerodrome",
    "railway=station",
    "man_made=tower",
    "man_made=lighthouse",
    "amenity=place_of_worship",
    "amenity=university",
    "amenity=townhall",
    "leisure=stadium",
    "leisure=park",
)

TagFilter = Annotated[str, StringConstraints(pattern=r"^[^=\s]+=\S.*$")]


class OsmSettings(Settings):
    """Where the map comes from, and which of its features are roads and landmarks."""

    source: Literal["pbf", "xml", "place", "bbox", "geofabrik"]
    path: Path | None = Field(default=None, description="of the extract, for pbf and xml")
    place: str | None = Field(default=None, description="as the gazetteer writes it: Chuo, Tokyo, Japan")
    bbox: tuple[float, float, float, float] | None = Field(
        default=None, description="west, south, east, north in degrees"
    )
    geofabrik: GeofabrikSettings | None = None
    engine: Literal["osmium", "quackosm"] = Field(
        default="osmium",
        description="of pbf and geofabrik: osmium was faster and took less memory, about 3 bytes for each of"
        " the file, at every size measured (to 512 MB); QuackOSM is the paper's",
    )
    roads: dict[str, str] = Field(default=ROADS, min_length=1, description="value of highway → kind")
    landmarks: tuple[TagFilter, ...] = Field(
        default=LANDMARKS, description="key=value or key=*; of several that match, the first is the kind"
    )
    overpass: OverpassSettings = OverpassSettings()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"pbf": "path", "xml": "path"}.get(self.source, self.source)
        if getattr(self, needed) is None:
            raise ValueError(f"source {self.source} needs {needed}")
        if self.bbox is not None:
            west, south, east, north = self.bbox
            if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
                raise ValueError(f"bbox {self.bbox} is not west, south, east, north in degrees")
        return self


def read_roads(settings: OsmSettings, root: Path) -> gpd.GeoDataFrame:
    """Return ``feature_id`` ("way/12"), ``name`` (name, else ref, else ""), ``kind``, lines in EPSG:4326.

    Rows by ``feature_id``. Relative paths in ``settings`` start at ``root``. Ways with area=yes are left out.

    Raises:
        GeoDataError: the source cannot be read, or holds no road that the filter wants.
        UnavailableError, DownloadError, IntegrityError, StorageError, ConfigError: see ``geofabrik_extract``
            and the readers.
    """
    found = _features(settings, root, {"highway": list(settings.roads)}, roads=True)
    is_road = [
        feature_id.startswith("way/") and tags.get("area") != "yes"
        for feature_id, tags in zip(found["feature_id"], found["tags"], strict=True)
    ]
    found = found[np.array(is_road, dtype=bool)]
    if not len(found):
        raise _no_roads(settings, root)
    found = found.set_geometry([_line(geometry) for geometry in found.geometry], crs="EPSG:4326")
    kinds = [settings.roads[tags["highway"]] for tags in found["tags"]]
    return _table(found, kinds)


def read_landmarks(settings: OsmSettings, root: Path) -> gpd.GeoDataFrame:
    """Return ``feature_id`` ("node/3"), ``name``, ``kind`` ("tourism=museum"), points and polygons.

    EPSG:4326, rows by ``feature_id``. Closed ways are polygons, open ways are left out. No filters, no rows;
    nor where the map has no landmark, because one can do without.

    Raises:
        as ``read_roads``, except that no landmark is no error.
    """
    if not settings.landmarks:
        return _table(feature_frame([]), [])
    found = _features(settings, root, tag_query(settings.landmarks), roads=False)
    places = np.array([_place(geometry) for geometry in found.geometry], dtype=object)
    is_place = np.array([place is not None for place in places], dtype=bool)
    if not is_place.any():
        return _table(feature_frame([]), [])
    found = found[is_place].set_geometry(list(places[is_place]), crs="EPSG:4326")
    return _table(found, [first_match(tags, settings.landmarks) for tags in found["tags"]])


def _features(settings: OsmSettings, root: Path, query: TagQuery, *, roads: bool) -> gpd.GeoDataFrame:
    """Return ``feature_id, tags, geometry`` of all that ``query`` wants."""
    # Readers are slow to import, and only one of them is needed.
    if settings.source in ("pbf", "geofabrik"):
        path = _extract(settings, root)
        check_pbf(path)
        if settings.engine == "osmium":
            from zuroku.datasets.geodata.osmium_reader import read_with_osmium

            return read_with_osmium(path, query)
        from zuroku.datasets.geodata.quackosm_reader import read_with_quackosm

        return read_with_quackosm(path, query)
    from zuroku.datasets.geodata import osmnx_reader

    if settings.source == "xml":
        path = _extract(settings, root)
        check_xml(path)
        if roads:
            return osmnx_reader.roads_from_xml(path, query)
        return osmnx_reader.features_from_xml(path, query)
    overpass = settings.overpass
    if overpass.cache is not None:
        overpass = overpass.model_copy(update={"cache": root / overpass.cache})
    if settings.bbox is not None and settings.source == "bbox":
        return osmnx_reader.features_in_box(settings.bbox, query, overpass)
    return osmnx_reader.features_of_place(settings.place or "", query, overpass)


def _extract(settings: OsmSettings, root: Path) -> Path:
    """Return the file to read, fetching it where it comes from Geofabrik."""
    if settings.geofabrik is None or settings.source != "geofabrik":
        return root / (settings.path or "")
    fetched = settings.geofabrik.model_copy(update={"destination": root / settings.geofabrik.destination})
    with PoliteClient(fetched.http) as client:
        return geofabrik_extract(fetched, client)


def _line(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a road as a line: QuackOSM and OSMnx take every closed way with a junction for an area."""
    return shapely.LineString(geometry.exterior) if geometry.geom_type == "Polygon" else geometry


def _place(geometry: shapely.Geometry) -> shapely.Geometry | None:
    """Return the point or the area that a landmark is; None for an open line."""
    if geometry.geom_type == "Point":
        return geometry
    if geometry.geom_type == "LineString" and geometry.is_ring:
        geometry = shapely.Polygon(geometry)
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        return None
    parts = shapely.get_parts(shapely.make_valid(geometry))
    areas = [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
    return shapely.union_all(areas) if areas else None


def _table(found: gpd.GeoDataFrame, kinds: list[str]) -> gpd.GeoDataFrame:
    names = [tags.get("name") or tags.get("ref") or "" for tags in found["tags"]]
    table = found[["feature_id", "geometry"]].assign(name=names, kind=kinds)
    return table[["feature_id", "name", "kind", "geometry"]].sort_values("feature_id", ignore_index=True)


def _no_roads(settings: OsmSettings, root: Path) -> GeoDataError:
    expected, remedy = f"ways with highway={', '.join(settings.roads)}", "widen the filter roads"
    if settings.source in ("place", "bbox"):
        return GeoDataError(
            "the server knows no roads there", expected=expected, remedy=f"{remedy}, or the area"
        )
    path = _extract(settings, root)
    held = contents(path)
    if " 0 ways" in held:
        remedy = (
            "make the extract with complete ways (osmium extract --strategy complete_ways), or read another"
        )
    return GeoDataError(f"{path} has none of the roads; it holds {held}", expected=expected, remedy=remedy)
