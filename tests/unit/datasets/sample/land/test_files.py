"""Files of the made-up land: laid out as published, the same bytes again, and read by the real readers."""

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import osmium
import pyogrio
import pyproj
import pytest
import shapely
import shapely.ops

from zuroku.datasets.geodata.areas import AreaSettings, read_areas
from zuroku.datasets.geodata.osm import LANDMARKS, ROADS, OsmSettings, read_landmarks, read_roads
from zuroku.datasets.sample.land.admin_file import write_admin
from zuroku.datasets.sample.land.census_files import write_census
from zuroku.datasets.sample.land.land import Land, plan_land
from zuroku.datasets.sample.land.osm_file import write_osm
from zuroku.datasets.sample.land.settings import LandSettings

SMALL = LandSettings(
    seed=1, prefectures=2, municipalities=2, towns=3, capital_towns=8, width_km=100, height_km=70
)
PUBLISHED = Path(__file__).parents[6] / "shared" / "data" / "geo" / "census" / "r2ka13103.shp"
PBF = "land.osm.pbf"
ADMIN = "N03.geojson"

_DIGESTS = """
import hashlib, sys, tempfile
from pathlib import Path
from zuroku.datasets.sample.land.admin_file import write_admin
from zuroku.datasets.sample.land.census_files import write_census
from zuroku.datasets.sample.land.land import plan_land
from zuroku.datasets.sample.land.osm_file import write_osm
from zuroku.datasets.sample.land.settings import LandSettings
land = plan_land(LandSettings.model_validate_json(sys.argv[1]))
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    write_census(land, folder)
    write_admin(land, folder / "N03.geojson")
    write_osm(land, folder / "land.osm.pbf")
    for path in sorted(folder.iterdir()):
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def land() -> Land:
    return plan_land(SMALL)


@pytest.fixture(scope="module")
def folder(land: Land, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("land")
    write_census(land, made)
    write_admin(land, made / ADMIN)
    write_osm(land, made / PBF)
    return made


def dbf_fields(path: Path) -> list[tuple[str, str, int, int]]:
    data = path.read_bytes()
    (head,) = struct.unpack_from("<H", data, 8)
    fields = [data[at : at + 32] for at in range(32, head - 1, 32)]
    return [(f[:11].rstrip(b"\0").decode(), chr(f[11]), f[16], f[17]) for f in fields]


def census(folder: Path) -> AreaSettings:
    return AreaSettings(layout="estat", files=[Path(f"r2ka{code}.shp") for code in (91, 92)])


def test_another_process_writes_the_same_bytes(folder: Path) -> None:
    command = [sys.executable, "-c", _DIGESTS, SMALL.model_dump_json()]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    here = [f"{p.name} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in sorted(folder.iterdir())]
    assert said.split("\n")[:-1] == here


def test_census_is_a_file_set_per_prefecture_without_an_encoding(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()} - {PBF, ADMIN}
    assert names == {f"r2ka{code}.{end}" for code in (91, 92) for end in ("shp", "shx", "dbf", "prj")}


def test_census_has_the_columns_that_e_stat_publishes(folder: Path) -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the published census areas are not here")
    ours, theirs = dbf_fields(folder / "r2ka91.dbf"), dbf_fields(PUBLISHED.with_suffix(".dbf"))
    assert ours == theirs
    assert (folder / "r2ka91.prj").read_bytes() == PUBLISHED.with_suffix(".prj").read_bytes()


def test_census_text_is_cp932_and_codes_agree(folder: Path, land: Land) -> None:
    assert pyogrio.read_info(folder / "r2ka91.shp")["crs"] == "EPSG:6668"
    table = pyogrio.read_dataframe(folder / "r2ka91.shp", encoding="cp932")
    assert set(table["PREF_NAME"]) == {"青波県"}
    towns = table[table["HCODE"] == 8101]
    assert list(towns["KEY_CODE"].unique()) == list(
        land.areas["town_code"][land.areas["prefecture"] == "青波県"]
    )
    assert (table["S_AREA"] == table["KIHON1"] + table["KIHON2"]).all()
    assert (table["KCODE1"] == table["KIHON1"] + "-" + table["KIHON2"]).all()
    whole = table["PREF"] + table["CITY"] + table["S_AREA"]
    assert (whole.where(table["KIHON2"] != "00", whole.str[:9]) == table["KEY_CODE"]).all()
    assert (towns["AREA_MAX_F"] == "M").sum() == towns["KEY_CODE"].nunique()
    assert towns["JINKO"].sum() > 1000


def test_census_areas_are_square_metres_and_lie_about_their_point(folder: Path) -> None:
    table = pyogrio.read_dataframe(folder / "r2ka92.shp", encoding="cp932")
    flat = pyproj.Transformer.from_crs(
        6668, "+proj=laea +lat_0=31.5 +lon_0=151.5 +ellps=GRS80", always_xy=True
    )
    for row in table.itertuples():
        shape = shapely.ops.transform(flat.transform, row.geometry)
        assert pytest.approx(shape.area, rel=1e-3) == row.AREA
        assert pytest.approx(shape.length, rel=1e-2) == row.PERIMETER
        assert row.geometry.contains(shapely.Point(row.X_CODE, row.Y_CODE).buffer(1e-6))


def test_read_areas_gives_the_land_back(folder: Path, land: Land) -> None:
    found = read_areas(census(folder), folder)
    assert found.water == len(land.water) == 2
    assert found.parts == sum(len(shapely.get_parts(shape)) - 1 for shape in land.areas.geometry) >= 1
    assert found.mended == found.without_code == 0
    ours, theirs = land.areas, found.frame
    assert ours.drop(columns="geometry").equals(theirs.drop(columns="geometry"))
    assert shapely.equals(ours.geometry.to_numpy(), theirs.geometry.to_numpy()).all()


def test_read_areas_gives_the_municipalities_back(folder: Path, land: Land) -> None:
    found = read_areas(AreaSettings(layout="n03", files=[Path(ADMIN)]), folder).frame
    municipalities = land.areas.drop_duplicates("municipality_code").set_index("municipality_code")
    assert list(found["municipality_code"]) == sorted(municipalities.index)
    assert list(found["municipality"]) == list(municipalities["municipality"])
    assert set(found["town_code"]) == {""}
    for code, shape in zip(found["municipality_code"], found.geometry, strict=True):
        towns = land.areas.geometry[land.areas["municipality_code"] == code]
        assert shapely.union_all(towns.to_numpy()).difference(shape).area < 1e-9
    features = json.loads((folder / ADMIN).read_text(encoding="utf-8"))["features"]
    assert list(features[0]["properties"]) == ["N03_001", "N03_002", "N03_003", "N03_004", "N03_007"]


def test_read_roads_and_landmarks_give_the_land_back(folder: Path, land: Land) -> None:
    settings = OsmSettings(source="pbf", path=Path(PBF), engine="osmium")
    wanted = (
        (read_roads(settings, folder), land.roads[land.roads["kind"].isin(ROADS)]),
        (read_landmarks(settings, folder), land.landmarks[land.landmarks["kind"].isin(LANDMARKS)]),
    )
    for theirs, ours in wanted:
        ours = ours.sort_values("feature_id", ignore_index=True)
        assert list(theirs["feature_id"]) == list(ours["feature_id"])
        assert list(theirs["name"]) == list(ours["name"])
        assert list(theirs["kind"]) == list(ours["kind"])
        pairs = zip(ours.geometry.to_numpy(), theirs.geometry.to_numpy(), strict=True)
        assert all(shapely.equals_exact(a, b, 0, normalize=True) for a, b in pairs)
    assert len(wanted[0][0]) < len(land.roads)
    assert len(wanted[1][0]) < len(land.landmarks)
    assert any(feature.startswith("relation/") for feature in wanted[1][0]["feature_id"])


def test_osm_elements_are_sorted_and_roads_that_meet_share_nodes(folder: Path, land: Land) -> None:
    ids: dict[str, list[int]] = {"n": [], "w": [], "r": []}
    places = set()
    used: list[int] = []
    for element in osmium.FileProcessor(str(folder / PBF)):
        ids[element.type_str()].append(element.id)
        assert element.version == 1
        if element.is_node():
            places.add((element.location.x, element.location.y))
        elif element.is_way():
            used += {node.ref for node in element.nodes}
    assert all(numbers == sorted(set(numbers)) for numbers in ids.values())
    assert set(used) <= set(ids["n"])
    assert len(used) > 1.5 * len(set(used))
    points = int((land.landmarks.geom_type == "Point").sum())
    assert len(places) >= len(ids["n"]) - points


def test_osm_is_replaced_and_leaves_nothing_else(land: Land, tmp_path: Path) -> None:
    path = tmp_path / PBF
    path.write_bytes(b"old")
    write_osm(land, path)
    assert [file.name for file in tmp_path.iterdir()] == [PBF]
    assert path.stat().st_size > 10_000
