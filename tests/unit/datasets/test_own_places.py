"""A user's own city: what is written for it, that it is whole or nothing, and what is refused."""

import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from tests.unit.datasets.geodata.osm_extract import write_extract
from tests.unit.datasets.own_city import OSM, TEMPLATES, brought, leavings, write_city
from tests.unit.datasets.places.place_files import encoded, gps_tags, picture, put
from tests.unit.datasets.small_land import planned
from zuroku.artifacts import file_sha256
from zuroku.config import load_settings
from zuroku.datasets.collection import ingest_collection, load_collection, load_features
from zuroku.datasets.geodata.collection import ingest_features
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.own_places import OwnPlacesReport, ingest_own_places
from zuroku.datasets.own_profile import STAGES
from zuroku.datasets.place_labels import PlaceLabelSettings, label_dataset, label_findings, read_labels
from zuroku.datasets.place_splits import PlaceSplitSettings, write_place_splits
from zuroku.datasets.places.table import read_places
from zuroku.errors import ConfigError, GeoDataError, SourceError, SplitError, ZurokuError


def ingested(root: Path, **changed: Any) -> OwnPlacesReport:
    return ingest_own_places(brought(root, **changed), TEMPLATES, root)


def label_tables(data: Path) -> dict[str, FeatureTable]:
    """Return the tables that labels are joined from, by what they are there."""
    names = zip(("areas", "roads", "landmarks", "admin"), STAGES, strict=False)
    return {name: FeatureTable(data / stage) for name, stage in names}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a city that nobody ingests."""
    return write_city(tmp_path_factory.mktemp("city"))


@pytest.fixture
def copy(city: Path, tmp_path: Path) -> Path:
    """Return a city of the test's own."""
    return shutil.copytree(city, tmp_path / "city")


def test_a_city_becomes_a_profile_and_its_datasets(copy: Path) -> None:
    seen = []
    report = ingest_own_places(brought(copy), TEMPLATES, copy, lambda done, total: seen.append((done, total)))
    assert leavings(copy) == {"configs/places", "var/places"}
    data = copy / "var" / "places" / "data"
    assert {path.name for path in data.iterdir()} == set(STAGES)
    dataset = Dataset(data / "street_views")
    assert dataset.manifest["item_id"].tolist() == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(read_places(dataset.root)) == 3
    assert (report.photographs, report.without_position, report.outside, report.refused) == (3, 1, 1, 0)
    assert report.to_convert == 0
    assert report.features == {stage: len(FeatureTable(data / stage).frame) for stage in STAGES[:-1]}
    assert report.features["census_areas"] == len(planned().areas)
    assert report.features["admin_areas"] == 1
    assert seen[-1] == (4, 4)


def test_single_stages_give_the_same_again(copy: Path, tmp_path: Path) -> None:
    """What is printed in an error, and what DVC does: one stage after the other from the written files."""
    ingested(copy)
    configs, data = copy / "configs" / "places", copy / "var" / "places" / "data"
    for stage in STAGES[:-1]:
        again = ingest_features(load_features(configs / f"{stage}.yaml"), tmp_path / "data" / stage, copy)
        assert again.version == FeatureTable(data / stage).version
        assert again.card == FeatureTable(data / stage).card
    settings = load_collection(configs / "street_views.yaml")
    photographs = ingest_collection(settings, tmp_path / "data" / "street_views", copy)
    assert photographs.version == Dataset(data / "street_views").version
    assert photographs.card["fingerprint"] == Dataset(data / "street_views").card["fingerprint"]


def test_the_same_options_again_take_in_what_has_come(copy: Path) -> None:
    before = ingested(copy)
    files = {path.name: file_sha256(path) for path in (copy / "configs" / "places").iterdir()}
    place = planned().areas.geometry.iloc[0].representative_point()
    gps = gps_tags((place.y + 1e-4, 0.0, 0.0), (place.x, 0.0, 0.0))
    put(copy, "photos/more.jpg", encoded(picture(7), gps=gps))
    assert ingested(copy).photographs == before.photographs + 1
    assert {path.name: file_sha256(path) for path in (copy / "configs" / "places").iterdir()} == files


def test_another_content_is_never_overwritten(copy: Path) -> None:
    ingested(copy)
    before = (copy / "configs" / "places" / "census_areas.yaml").read_bytes()
    with pytest.raises(ConfigError, match=r"admin_areas\.yaml are not what would be written"):
        ingested(copy, admin=None)
    assert (copy / "configs" / "places" / "census_areas.yaml").read_bytes() == before
    put(copy, "configs/places/osm_roads.yaml", "mended: by hand\n")
    with pytest.raises(ConfigError, match=r"osm_roads\.yaml are not"):
        ingested(copy)
    put(copy, "configs/taken/notes.txt", "mine")
    with pytest.raises(ConfigError, match=r" and \d+ more are not"):
        ingested(copy, profile="taken")
    assert leavings(copy) == {"configs/places", "configs/taken", "var/places"}


def test_a_table_places_photographs_that_have_no_exif(copy: Path) -> None:
    columns = "file=NAME,latitude=LAT,longitude=LON"
    report = ingested(copy, table=copy / "photos.csv", columns=columns)
    # The one without a row is not named by the table; the others stand where the table says.
    assert (report.photographs, report.without_position, report.outside) == (3, 1, 1)
    found = read_places(copy / "var" / "places" / "data" / "street_views").set_index("item_id")
    place = planned().areas.geometry.iloc[1].representative_point()
    assert found.loc["1.jpg", ["latitude", "longitude"]].tolist() == [place.y, place.x]


def test_every_photograph_has_the_licence_and_the_author_that_are_given(copy: Path) -> None:
    ingested(copy, licence="CC BY 4.0", author="Hanako")
    dataset = Dataset(copy / "var" / "places" / "data" / "street_views")
    assert set(dataset.manifest["licence"]) == {"CC BY 4.0"}
    assert set(read_places(dataset.root)["author"]) == {"Hanako"}


def test_unreadable_photographs_are_counted(copy: Path) -> None:
    data = (copy / "photos" / "0.jpg").read_bytes()
    # Its head, with the position, is whole.
    put(copy, "photos/cut.jpg", data[:-200])
    put(copy, "photos/twice.jpg", data)
    report = ingested(copy)
    assert (report.photographs, report.refused) == (3, 2)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_what_must_be_converted_is_counted_apart(copy: Path) -> None:
    put(copy, "photos/phone.heic", HEIC)
    put(copy, "photos/sent.jpg", HEIC.replace(b"heic", b"avif"))
    report = ingested(copy)
    assert (report.photographs, report.to_convert, report.without_position, report.refused) == (3, 2, 1, 0)


def test_what_must_be_converted_is_counted_once_where_a_table_places_it(copy: Path) -> None:
    put(copy, "photos/phone.heic", HEIC)
    put(copy, "photos/unnamed.heic", HEIC)
    put(copy, "photos.csv", (copy / "photos.csv").read_text() + "phone.heic,31.5,151.3\n")
    columns = "file=NAME,latitude=LAT,longitude=LON"
    report = ingested(copy, table=copy / "photos.csv", columns=columns)
    assert (report.photographs, report.to_convert, report.without_position, report.refused) == (3, 2, 1, 0)


@pytest.mark.parametrize(("bare", "advice"), [(False, ["JPEG"]), (True, ["JPEG", "GPS"])])
def test_a_folder_of_a_phone_is_answered_with_the_conversion(
    copy: Path, bare: bool, advice: list[str]
) -> None:
    for number in range(3):
        put(copy, f"phone/{number}.HEIC", HEIC)
    if bare:
        put(copy, "phone/bare.jpg", encoded(picture(1)))
    with pytest.raises(GeoDataError, match="has a position: 3 are HEIC or AVIF") as raised:
        ingested(copy, photos=copy / "phone")
    assert [word for word in ("JPEG", "GPS") if word in raised.value.remedy] == advice
    assert leavings(copy) == set()


def test_photographs_that_cannot_be_split_are_refused_before_any_is_decoded(copy: Path) -> None:
    place = planned().areas.geometry.iloc[0].representative_point()
    for number in range(6):
        gps = gps_tags((place.y + number * 1e-3, 0.0, 0.0), (place.x, 0.0, 0.0))
        put(copy, f"together/{number}.jpg", encoded(picture(number), gps=gps))
    seen: list[int] = []
    own = brought(copy, photos=copy / "together")
    with pytest.raises(SplitError, match=r"6 photographs cannot be parted .* north and .* east") as raised:
        ingest_own_places(own, TEMPLATES, copy, lambda done, total: seen.append(done))
    assert raised.value.expected.startswith("photographs in at least three squares with sides of 4 km")
    assert "add photographs of more places" in raised.value.remedy
    assert seen == []
    assert leavings(copy) == set()


def test_one_sequence_cannot_be_parted_whatever_its_groups(copy: Path) -> None:
    rows = (copy / "photos.csv").read_text().splitlines()[1:4]
    lines = [f"{row},one drive,group {number}" for number, row in enumerate(rows)]
    put(copy, "photos.csv", "\n".join(["NAME,LAT,LON,sequence,group", *lines]) + "\n")
    columns = "file=NAME,latitude=LAT,longitude=LON,sequence=sequence,group=group"
    with pytest.raises(SplitError, match="3 photographs cannot be parted"):
        ingested(copy, table=copy / "photos.csv", columns=columns)


@pytest.mark.parametrize("settled", [False, True])
def test_the_blocks_that_are_told_are_those_of_the_run(copy: Path, settled: bool) -> None:
    """Also after an earlier run, whose splits are lasting."""
    told = ingested(copy)
    home = copy / "var" / "places"
    views, ledger = Dataset(home / "data" / "street_views"), home / "splits" / "place_splits.parquet"
    if settled:
        ledger.parent.mkdir()
        splits = {"group": views.manifest["group"], "split": ["test", "val", "train"]}
        pd.DataFrame(splits).to_parquet(ledger, index=False)
        before, told = told, ingested(copy)
        assert told.validation_blocks != before.validation_blocks
    settings = load_settings(copy / "configs" / "places" / "place_splits.yaml", PlaceSplitSettings)
    labels = label_dataset(views, label_tables(home / "data"), PlaceLabelSettings(), copy / "labels")
    made = write_place_splits(views, read_labels(labels.path), settings, "group", ledger, copy / "splits")
    table = pd.read_parquet(made.path / "splits.parquet")
    assert told.validation_blocks == tuple(table.loc[table["split"] == "val", "cluster"])
    assert told.block_side_km == 4


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"photos": Path("nowhere")}, SourceError, "nowhere is missing"),
        ({"photos": Path("files")}, SourceError, "without a photograph"),
        ({"photos": Path("bare")}, GeoDataError, "none of 1 photographs in .* has a position"),
        (
            {"photos": Path("far")},
            GeoDataError,
            "0 of 1 photographs lie within about 20 km of the areas.*35.65.* north",
        ),
        ({"osm": Path("files/none.osm.pbf")}, GeoDataError, r"none\.osm\.pbf"),
        ({"osm": Path("roadless.osm.pbf")}, GeoDataError, "none of the roads"),
        (
            {"osm": Path("town.osm.pbf")},
            GeoDataError,
            "0 of 4 photographs .* of the roads",
        ),
        ({"photos": Path("beside")}, GeoDataError, "all 1 photographs lie outside the areas, though"),
        ({"areas": [Path("files/none.shp")]}, GeoDataError, r"none\.shp"),
        ({"layout": "n03"}, GeoDataError, "no column N03_001.*its columns are .*KEY_CODE"),
        (
            {"layout": None, "fields": "town_code=CODE,town=S_NAME", "encoding": "cp932"},
            GeoDataError,
            "no column CODE; its columns are .*KEY_CODE",
        ),
        ({"admin": Path("files/census/r2ka91.shp")}, GeoDataError, "no column N03_001"),
        ({"table": Path("photos.csv")}, SourceError, "its columns are NAME, LAT, LON"),
        ({"table": Path("none.csv")}, ZurokuError, r"none\.csv"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_left(
    copy: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], kind: type, said: str
) -> None:
    monkeypatch.chdir(copy)
    put(copy, "bare/a.jpg", encoded(picture(1)))
    put(copy, "far/a.jpg", encoded(picture(1), gps=gps_tags()))
    write_extract(copy / "roadless.osm.pbf", ways={}, relations={})
    write_extract(copy / "town.osm.pbf")
    x, y = min(shapely.get_coordinates(planned().areas.geometry).tolist())
    put(copy, "beside/a.jpg", encoded(picture(1), gps=gps_tags((y, 0, 0), (x - 3e-3, 0, 0))))
    with pytest.raises(kind, match=said) as raised:
        ingest_own_places(brought(Path("."), **changed), TEMPLATES, copy)
    assert raised.value.expected
    assert raised.value.remedy
    assert leavings(copy) == set()


def test_a_city_without_landmarks_does_without_them(copy: Path) -> None:
    """Points are sampled along the roads, and photographs are labelled by all else."""
    towns = enumerate(planned().areas.representative_point(), start=1)
    places = {number: (point.x, point.y) for number, point in towns}
    write_extract(copy / "plain.osm.pbf", {1: (list(places), {"highway": "residential"})}, {}, places)
    report = ingested(copy, osm=copy / "plain.osm.pbf")
    assert report.features["osm_landmarks"] == 0
    assert report.features["sample_points"] > 0
    data = copy / "var" / "places" / "data"
    made = label_dataset(
        Dataset(data / "street_views"), label_tables(data), PlaceLabelSettings(), copy / "labels"
    )
    labels = read_labels(made.path)
    assert (labels["landmark"] == "").all()
    assert (labels["town"] != "").all()


def towns_as_geojson(path: Path, columns: dict[str, str]) -> Path:
    """Write the towns with the columns that ``columns`` names after those of the land."""
    towns = planned().areas[[*columns, "geometry"]].rename(columns=columns)
    gpd.GeoDataFrame(towns, crs="EPSG:4326").to_file(path)
    return path


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ({"town_code": "CODE", "town": "NAME"}, "town_code=CODE,town=NAME"),
        ({"town_code": "CODE"}, "town_code=CODE"),
        ({"prefecture": "NAME"}, "prefecture=NAME"),
    ],
)
def test_areas_of_one_level_will_do(copy: Path, columns: dict[str, str], fields: str) -> None:
    """The first line is the one of ``docs/geolocation.md``."""
    areas = [towns_as_geojson(copy / "AREAS.geojson", columns)]
    ingested(copy, areas=areas, layout=None, fields=fields, admin=None)
    data = copy / "var" / "places" / "data"
    settings = load_settings(copy / "configs" / "places" / "place_labels.yaml", PlaceLabelSettings)
    labels = label_dataset(Dataset(data / "street_views"), label_tables(data), settings, copy / "labels")
    inside, _ = label_findings(read_labels(labels.path), settings)
    assert inside.passed
    assert inside.says == "100.0% lie in one of the areas"


def test_a_failure_leaves_the_datasets_that_were_there(copy: Path) -> None:
    ingested(copy)
    data = copy / "var" / "places" / "data"
    before = {stage: file_sha256(data / stage / "dataset.json") for stage in STAGES}
    (copy / OSM).write_bytes(b"no map")
    with pytest.raises(GeoDataError):
        ingested(copy)
    assert {stage: file_sha256(data / stage / "dataset.json") for stage in STAGES} == before
    assert leavings(copy) == {"configs/places", "var/places"}
