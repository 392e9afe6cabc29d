"""The files of a made-up land, in the layouts in which real ones are published."""

from pathlib import Path

from zuroku.datasets.sample.land.admin_file import write_admin
from zuroku.datasets.sample.land.census_files import write_census
from zuroku.datasets.sample.land.land import plan_land
from zuroku.datasets.sample.land.osm_file import write_osm
from zuroku.datasets.sample.land.settings import LandSettings


def write_land(settings: LandSettings, folder: Path) -> None:
    """Write the census areas, the municipalities and the map of the land of ``settings`` to ``folder``.

    They are ``census/r2ka91.shp`` and so on, one Shapefile per prefecture, ``municipalities.geojson`` and
    ``land.osm.pbf``.
    """
    land = plan_land(settings)
    (folder / "census").mkdir(parents=True, exist_ok=True)
    write_census(land, folder / "census")
    write_admin(land, folder / "municipalities.geojson")
    write_osm(land, folder / "land.osm.pbf")
