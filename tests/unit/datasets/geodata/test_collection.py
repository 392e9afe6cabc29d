"""Tables of features by configuration: generated, published, sampled; their cards and fingerprints."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.datasets.geodata.osm_extract import write_extract
from tests.unit.datasets.small_land import (
    FEATURES,
    LAND,
    POINTS,
    feature_settings,
    planned,
    point_settings,
    write_datasets,
)
from zuroku.artifacts import file_sha256
from zuroku.datasets.collection import holds_features, load_features
from zuroku.datasets.geodata.collection import PointCollectionSettings, features_fingerprint, ingest_features
from zuroku.datasets.geodata.features import CARD, FeatureTable, write_features
from zuroku.datasets.geodata.features import FEATURES as TABLE
from zuroku.datasets.geodata.osm import LANDMARKS, ROADS
from zuroku.datasets.sample.land.files import write_land
from zuroku.errors import ConfigError, GeoDataError, IntegrityError
from zuroku.geo.distances import haversine_km
from zuroku.geo.sampling import SamplingSettings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_datasets(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_land(LAND, folder)
    return folder


@pytest.mark.parametrize("name", ["osm_roads", "osm_landmarks"])
def test_the_map_is_what_was_planned(data: Path, name: str) -> None:
    plan = planned().roads if name == "osm_roads" else planned().landmarks
    # Of the landmarks some are of kinds that nobody asked for.
    wanted = plan[plan["kind"].isin({*LANDMARKS, *ROADS})].sort_values("feature_id", ignore_index=True)
    found = FeatureTable(data / name).frame
    for column in ("feature_id", "name", "kind"):
        assert found[column].tolist() == wanted[column].tolist()
    assert found.geometry.geom_equals_exact(wanted.geometry, 1e-7).all()


def test_areas_are_the_planned_towns_and_municipalities(data: Path) -> None:
    census, admin = FeatureTable(data / "census_areas").frame, FeatureTable(data / "admin_areas").frame
    assert census["town_code"].tolist() == sorted(planned().areas["town_code"])
    assert admin["feature_id"].tolist() == sorted(set(planned().areas["municipality_code"]))
    assert set(admin["town_code"]) == {""}


@pytest.mark.parametrize("name", list(FEATURES))
def test_the_card_says_what_was_read_and_from_which_source(data: Path, name: str) -> None:
    table = FeatureTable(data / name)
    assert table.card["name"] == name
    assert table.card["kind"] == FEATURES[name]["kind"]
    assert table.card["source"] == "generated"
    assert table.card["features"] == len(table.frame) > 0
    assert table.card["fingerprint"] == features_fingerprint(feature_settings(name), data)
    counts = table.card["report"]
    assert counts.get("areas", counts["rows"]) == len(table.frame)


def test_equal_settings_give_equal_bytes(data: Path, tmp_path: Path) -> None:
    again = write_datasets(tmp_path)
    for name in (*FEATURES, "sample_points"):
        for file in (TABLE, CARD):
            assert file_sha256(again / name / file) == file_sha256(data / name / file), f"{name}/{file}"


def test_points_name_the_tables_they_were_sampled_from(data: Path) -> None:
    points = FeatureTable(data / "sample_points")
    assert points.card["inputs"] == {
        name: FeatureTable(data / name).version for name in ("osm_roads", "osm_landmarks")
    }
    assert points.card["report"]["points"] == len(points.frame) > 1
    nearest = [
        min(
            float(haversine_km([(a.y, a.x)], [(b.y, b.x)])[0]) * 1000
            for other, b in enumerate(points.frame.geometry)
            if other != number
        )
        for number, a in enumerate(points.frame.geometry)
    ]
    assert points.card["report"]["nearest_m"][0] == pytest.approx(min(nearest), abs=0.1)
    assert points.card["report"]["nearest_m"][2] == pytest.approx(max(nearest), abs=0.1)


def test_the_card_of_a_lone_point_is_json(data: Path, tmp_path: Path) -> None:
    road = FeatureTable(data / "osm_roads").frame.iloc[:1]
    for name, frame in (("osm_roads", road), ("osm_landmarks", road.iloc[:0])):
        write_features(frame, {}, tmp_path / name)
    sampling = POINTS["sampling"] | {"closest_m": 3000, "other_roads_m": 9000, "farthest_m": 90000}
    settings = point_settings().model_copy(update={"sampling": SamplingSettings(**sampling)})
    points = ingest_features(settings, tmp_path / "sample_points", tmp_path)
    text = (points.root / CARD).read_text(encoding="utf-8")
    report = json.loads(text, parse_constant=pytest.fail)["report"]
    assert (report["points"], report["nearest_m"]) == (1, None)


@pytest.mark.parametrize("missing", ["osm_roads", "osm_landmarks"])
def test_points_need_both_tables(data: Path, tmp_path: Path, missing: str) -> None:
    for name in {"osm_roads", "osm_landmarks"} - {missing}:
        shutil.copytree(data / name, tmp_path / name)
    with pytest.raises(IntegrityError, match=missing):
        ingest_features(point_settings(), tmp_path / "sample_points", tmp_path)
    assert not (tmp_path / "sample_points").exists()


def test_published_files_are_read_from_the_root(data: Path, files: Path, tmp_path: Path) -> None:
    """The sample is what a user's own files of these layouts would be."""
    for name in FEATURES:
        settings = feature_settings(name, source="published", generated=None)
        found = ingest_features(settings, tmp_path / name, files)
        assert found.version == FeatureTable(data / name).version


def test_a_source_that_is_gone_leaves_the_table_that_was_there(files: Path, tmp_path: Path) -> None:
    settings = feature_settings("osm_roads", source="published", generated=None)
    there = ingest_features(settings, tmp_path / "osm_roads", files)
    with pytest.raises(GeoDataError, match=r"land\.osm\.pbf"):
        ingest_features(settings, tmp_path / "osm_roads", tmp_path / "nowhere")
    assert FeatureTable(tmp_path / "osm_roads").version == there.version


class TestFingerprint:
    @pytest.mark.parametrize("part", [".shp", ".dbf", ".prj"])
    def test_of_a_shapefile_covers_all_its_files(self, files: Path, tmp_path: Path, part: str) -> None:
        # Brackets, as browsers number downloads, are no pattern.
        for file in (files / "census").iterdir():
            shutil.copy2(file, tmp_path / f"r2ka[1]{file.suffix}")
        areas = {"layout": "estat", "files": ["r2ka[1].shp"]}
        settings = feature_settings("census_areas", source="published", areas=areas)
        before = features_fingerprint(settings, tmp_path)
        assert before == features_fingerprint(settings, tmp_path)
        with (tmp_path / f"r2ka[1]{part}").open("ab") as file:
            file.write(b" ")
        assert features_fingerprint(settings, tmp_path) != before

    def test_of_roads_is_that_of_the_map_whatever_else_is_configured(self, tmp_path: Path) -> None:
        write_extract(tmp_path / "land.osm.pbf")
        settings = feature_settings(
            "osm_roads", source="published", areas={"layout": "n03", "files": ["other.geojson"]}
        )
        before = features_fingerprint(settings, tmp_path)
        with (tmp_path / "land.osm.pbf").open("ab") as file:
            file.write(b" ")
        assert features_fingerprint(settings, tmp_path) != before

    def test_of_a_server_or_of_points_is_left_to_dvc(self, tmp_path: Path) -> None:
        osm = {"source": "place", "place": "Nowhere"}
        settings = feature_settings("osm_roads", source="published", osm=osm)
        assert features_fingerprint(settings, tmp_path) is None
        assert features_fingerprint(point_settings(), tmp_path) is None

    def test_of_a_generated_land_follows_its_seed(self, tmp_path: Path) -> None:
        other = LAND.model_copy(update={"seed": 2}).model_dump()
        found = {features_fingerprint(feature_settings("osm_roads"), tmp_path)}
        found.add(features_fingerprint(feature_settings("osm_roads", generated=other), tmp_path))
        assert len(found) == 2


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("census_areas", {"areas": None}, "no section 'areas'"),
        ("osm_roads", {"osm": None}, "no section 'osm'"),
        ("osm_roads", {"osm": None, "areas": FEATURES["census_areas"]["areas"]}, "no section 'osm'"),
        ("osm_roads", {"generated": None}, "no section 'generated'"),
        ("osm_roads", {"licence": ""}, "licence"),
        ("osm_roads", {"kind": "points"}, "kind"),
    ],
)
def test_a_section_that_is_missing_is_named(name: str, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        feature_settings(name, **changed)


def test_the_kind_says_how_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "points.yaml").write_text(yaml.safe_dump(POINTS))
    (tmp_path / "roads.yaml").write_text(json.dumps(feature_settings("osm_roads").model_dump(mode="json")))
    (tmp_path / "figures.yaml").write_text("name: x\n")
    assert holds_features(tmp_path / "points.yaml")
    assert holds_features(tmp_path / "roads.yaml")
    assert not holds_features(tmp_path / "figures.yaml")
    assert isinstance(load_features(tmp_path / "points.yaml"), PointCollectionSettings)
    assert load_features(tmp_path / "roads.yaml") == feature_settings("osm_roads")
