"""Roads and landmarks of an extract: what becomes of the tags, and what is told of extracts without any."""

import shutil

import pytest
import shapely
from pydantic import ValidationError

from tests.unit.datasets.geodata.osm_extract import (
    FILTERS,
    LANDMARKS,
    PLACES,
    ROADS,
    SHARED,
    write_extract,
)
from zuroku.datasets.geodata.features import write_features
from zuroku.datasets.geodata.osm import OsmSettings, read_landmarks, read_roads
from zuroku.errors import GeoDataError

SOURCES = [
    pytest.param({"source": "pbf", "path": "town.osm.pbf", "engine": "osmium"}, id="pbf"),
    pytest.param({"source": "xml", "path": "town.osm"}, id="xml"),
]


def _settings(values, **more):
    return OsmSettings(**values, landmarks=FILTERS, **more)


@pytest.mark.parametrize("source", SOURCES)
def test_roads_have_a_name_a_kind_and_a_line(tmp_path, source):
    write_extract(tmp_path / source["path"])
    roads = read_roads(_settings(source), tmp_path)
    assert list(roads.columns) == ["feature_id", "name", "kind", "geometry"]
    assert roads.crs == "EPSG:4326"
    assert {row.feature_id: (row.name, row.kind) for row in roads.itertuples(index=False)} == ROADS
    assert set(roads.geometry.geom_type) == {"LineString"}
    main = roads.geometry.iloc[0]
    assert shapely.equals_exact(
        main.normalize(), shapely.LineString([PLACES[node] for node in (1, 2, 3)]), 1e-7
    )
    assert roads.geometry.iloc[2].is_ring


@pytest.mark.parametrize("source", SOURCES)
def test_landmarks_are_points_and_areas_of_the_first_filter_that_matches(tmp_path, source):
    write_extract(tmp_path / source["path"])
    landmarks = read_landmarks(_settings(source), tmp_path)
    assert list(landmarks.columns) == ["feature_id", "name", "kind", "geometry"]
    assert {row.feature_id: (row.name, row.kind) for row in landmarks.itertuples(index=False)} == LANDMARKS
    assert landmarks["feature_id"].tolist() == sorted(LANDMARKS)
    types = dict(zip(landmarks["feature_id"], landmarks.geometry.geom_type, strict=True))
    assert types["node/50"] == "Point"
    assert types["way/6"] == "Polygon"
    ring = landmarks.geometry[landmarks["feature_id"] == "relation/1"].iloc[0]
    assert ring.area == pytest.approx(0.003**2 - 0.001**2)


def test_the_order_of_filters_decides_and_values_of_highway_may_be_renamed(tmp_path):
    source = {"source": "pbf", "path": write_extract(tmp_path / "town.osm.pbf"), "engine": "osmium"}
    turned = OsmSettings(**source, landmarks=("historic=castle", "tourism=museum"), roads={"footway": "path"})
    kinds = dict(read_landmarks(turned, tmp_path)[["feature_id", "kind"]].to_numpy().tolist())
    assert kinds["node/50"] == "historic=castle"
    assert read_roads(turned, tmp_path)["kind"].tolist() == ["path"]


def test_a_way_that_leaves_the_extract_is_kept_as_far_as_it_is_inside(tmp_path):
    inside = {number: place for number, place in PLACES.items() if number not in (3, 43)}
    source = {"source": "pbf", "path": write_extract(tmp_path / "cut.osm.pbf", places=inside)}
    roads = read_roads(_settings(source, engine="osmium"), tmp_path)
    assert roads["feature_id"].tolist() == ["way/1", "way/3"]
    assert len(roads.geometry.iloc[0].coords) == 2


def test_no_filter_for_landmarks_gives_an_empty_table(tmp_path):
    path = write_extract(tmp_path / "town.osm.pbf")
    empty = read_landmarks(OsmSettings(source="pbf", path=path, engine="osmium", landmarks=()), tmp_path)
    assert list(empty.columns) == ["feature_id", "name", "kind", "geometry"]
    assert len(empty) == 0


@pytest.mark.parametrize("source", SOURCES)
def test_an_extract_without_ways_says_what_it_holds(tmp_path, source):
    write_extract(tmp_path / source["path"], ways={}, relations={})
    with pytest.raises(GeoDataError) as told:
        read_roads(_settings(source), tmp_path)
    assert f"{len(PLACES)} nodes, 0 ways and 0 relations" in told.value.found
    assert "complete" in told.value.remedy
    assert set(read_landmarks(_settings(source), tmp_path)["feature_id"]) == {"node/50", "node/51"}


@pytest.mark.parametrize("source", SOURCES)
def test_filters_that_find_nothing_say_what_is_there(tmp_path, source):
    write_extract(tmp_path / source["path"])
    settings = OsmSettings(**source, roads={"raceway": "raceway"}, landmarks=("man_made=lighthouse",))
    with pytest.raises(GeoDataError, match="residential 2"):
        read_roads(settings, tmp_path)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("wanted", ["man_made=lighthouse", "highway=primary"])
def test_a_map_without_landmarks_gives_a_table_without_rows(tmp_path, source, wanted):
    """Also one whose only matches are open ways, which are no place."""
    write_extract(tmp_path / source["path"])
    empty = read_landmarks(OsmSettings(**source, landmarks=(wanted,)), tmp_path)
    written = write_features(empty, {"name": "landmarks"}, tmp_path / "landmarks")
    assert (len(written.frame), written.card["bounds"]) == (0, None)
    assert list(written.frame.columns) == ["feature_id", "name", "kind", "geometry"]
    assert written.frame.crs == "EPSG:4326"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("damage", "told"),
    [("missing", "there is no file"), ("page", "it begins b'<html>"), ("cut", "cut short|cannot be read")],
)
def test_files_that_are_no_whole_extract_are_refused(tmp_path, source, damage, told):
    path = tmp_path / source["path"]
    whole = write_extract(path).read_bytes()
    if damage == "page":
        path.write_bytes(b"<html><body>404</body></html>")
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) * 3 // 4])
    else:
        path.unlink()
    for read in (read_roads, read_landmarks):
        with pytest.raises(GeoDataError, match=told):
            read(_settings(source), tmp_path)


def test_a_blob_that_is_damaged_within_is_refused(tmp_path):
    path = write_extract(tmp_path / "town.osm.pbf")
    data = bytearray(path.read_bytes())
    data[-40:-20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(GeoDataError, match="cannot be read"):
        read_roads(OsmSettings(source="pbf", path=path, engine="osmium"), tmp_path)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"source": "pbf"}, "needs path"),
        ({"source": "geofabrik"}, "needs geofabrik"),
        ({"source": "bbox", "bbox": (35.0, 139.0, 34.9, 139.1)}, "west, south, east, north"),
        ({"source": "xml", "path": "a.osm", "landmarks": ("tourism",)}, "pattern"),
        ({"source": "xml", "path": "a.osm", "roads": {}}, "at least 1"),
    ],
)
def test_settings_that_lack_something_are_refused(values, told):
    with pytest.raises(ValidationError, match=told):
        OsmSettings(**values)


def test_real_extracts_give_the_same_in_both_formats(tmp_path):
    folder = SHARED / "osm"
    if not folder.exists():
        pytest.skip(f"no real extracts in {folder}")
    pbf = OsmSettings(source="pbf", path=folder / "tokyo_nerima_itabashi.osm.pbf", engine="osmium")
    xml = OsmSettings(source="xml", path=folder / "tokyo_nerima_itabashi.osm")
    for read, count in ((read_roads, 642), (read_landmarks, 21)):
        first, second = read(pbf, tmp_path), read(xml, tmp_path)
        assert len(first) == count
        assert first.drop(columns="geometry").equals(second.drop(columns="geometry"))
        assert first.geometry.normalize().geom_equals_exact(second.geometry.normalize(), 1e-7).all()


def test_a_real_extract_that_lost_its_ways_is_told(tmp_path):
    real = SHARED / "osm" / "tokyo_center_NODES_ONLY.osm.pbf"
    if not real.exists():
        pytest.skip(f"no {real}")
    shutil.copy(real, tmp_path / "town.osm.pbf")
    with pytest.raises(GeoDataError, match="219780 nodes, 0 ways"):
        read_roads(OsmSettings(source="pbf", path="town.osm.pbf", engine="osmium"), tmp_path)
