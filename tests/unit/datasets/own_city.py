"""A user's own city for tests: photographs, map and areas of the made-up land of two towns."""

from pathlib import Path
from typing import Any

from shapely.geometry import box

from tests.unit.datasets.places.place_files import encoded, gps_tags, picture, put
from tests.unit.datasets.small_land import LAND, planned
from tests.workspace import REPOSITORY
from zuroku.datasets.own_profile import OwnPlaces, own_places
from zuroku.datasets.sample.land.files import write_land

TEMPLATES = REPOSITORY / "configs" / "sample"
AREAS = "files/census/r2ka91.shp"
ADMIN = "files/municipalities.geojson"
OSM = "files/land.osm.pbf"


def write_city(root: Path) -> Path:
    """Write photographs with EXIF, a table of them, and geodata below ``root``.

    Of five photographs three lie in the land, kilometres apart, one in Tokyo, and one has no position.
    """
    write_land(LAND, root / "files")
    rows = ["NAME,LAT,LON"]
    towns = list(planned().areas.geometry)
    west, south, east, north = towns[0].bounds
    corner = towns[0].intersection(box(west, south, (3 * west + east) / 4, (3 * south + north) / 4))
    for number, area in enumerate([*towns, corner]):
        place = area.representative_point()
        gps = gps_tags((place.y, 0.0, 0.0), (place.x + number * 1e-4, 0.0, 0.0))
        put(root, f"photos/{number}.jpg", encoded(picture(number), gps=gps))
        rows.append(f"{number}.jpg,{place.y},{place.x}")
    put(root, "photos/tokyo.jpg", encoded(picture(8), gps=gps_tags()))
    put(root, "photos/unplaced.jpg", encoded(picture(9)))
    put(root, "photos.csv", "\n".join([*rows, "tokyo.jpg,35.6,139.7"]) + "\n")
    return root


def brought(root: Path, **changed: Any) -> OwnPlaces:
    """Return what the options for the city below ``root`` would be."""
    options: dict[str, Any] = {
        "profile": "places",
        "photos": root / "photos",
        "table": None,
        "columns": None,
        "osm": root / OSM,
        "areas": [root / AREAS],
        "layout": "estat",
        "fields": None,
        "encoding": None,
        "admin": root / ADMIN,
    }
    return own_places(**options | changed)


def leavings(root: Path) -> set[str]:
    """Return what lies in ``configs`` and ``var``, apart from locks."""
    found = [*(root / "configs").glob("*"), *(root / "configs").glob(".*"), *(root / "var").glob("*")]
    found += (root / "var").glob(".*")
    return {path.relative_to(root).as_posix() for path in found if path.suffix != ".lock"}
