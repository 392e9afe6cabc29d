"""The profile of a user's own city: options in, YAML files out."""

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import yaml
from pyproj import Geod
from shapely.geometry import box

from tests.unit.datasets.own_city import AREAS, OSM, TEMPLATES, brought, write_city
from tests.unit.datasets.small_land import planned
from zuroku.datasets.own_profile import STAGES, named_columns, profile_files
from zuroku.errors import ConfigError
from zuroku.reports.geolocation import GeolocationEvaluationSettings
from zuroku.reports.geolocation_release import GeolocatorReleaseSettings


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_city(tmp_path_factory.mktemp("city"))


def written(root: Path, stage: str, **changed: Any) -> dict[str, Any]:
    """Return what the file of ``stage`` would say."""
    content: dict[str, Any] = yaml.safe_load(
        profile_files(brought(root, **changed), TEMPLATES, root)[f"{stage}.yaml"]
    )
    return content


def test_values_that_are_not_about_data_are_the_samples(city: Path) -> None:
    files = profile_files(brought(city), TEMPLATES, city)
    copied = [name for name in files if name.startswith(("place_", "geolocator"))]
    assert {"place_labels.yaml", "place_splits.yaml", "geolocator.yaml", "place_index.yaml"} <= {*copied}
    own_names = {"geolocator_release.yaml", "place_index.yaml"}
    for name in set(copied) - own_names - {"geolocator_evaluation.yaml"}:
        assert files[name] == (TEMPLATES / name).read_bytes()
    released = [yaml.safe_load(files[name]) for name in sorted(own_names)]
    assert (released[0]["model"], released[1]["index"]["name"]) == (
        "places_geolocator",
        "places_place_index",
    )
    assert {f"{stage}.yaml" for stage in STAGES} | {"paper_scorecard.yaml"} == files.keys() - {*copied}


def test_what_is_near_follows_from_the_extent_of_the_areas(city: Path) -> None:
    west, south, east, north = planned().areas.total_bounds
    middle = (south + north) / 2
    geod = Geod(ellps="WGS84")
    metres = (
        geod.inv(west, south, west, north)[2],
        geod.inv(west, middle, east, middle)[2],
    )
    near = max(metres) / 1000 / 5
    assert near < 25
    release, evaluation = written(city, "geolocator_release"), written(city, "geolocator_evaluation")
    assert release["gate"]["within_km"] == pytest.approx(near, rel=0.05)
    assert evaluation["abstention_km"] == release["gate"]["within_km"]
    answer = GeolocationEvaluationSettings.model_validate(evaluation).answer
    assert answer.bandwidth_km == pytest.approx(near * 0.4, rel=0.05)
    assert answer.cluster_radius_km == pytest.approx(near * 0.2, rel=0.05)
    template = yaml.safe_load((TEMPLATES / "geolocator_release.yaml").read_text())
    assert release["gate"] == template["gate"] | {"within_km": release["gate"]["within_km"]}
    settings = GeolocatorReleaseSettings.model_validate(release)
    assert settings.gate.within_km == release["gate"]["within_km"]
    comment = profile_files(brought(city), TEMPLATES, city)["geolocator_release.yaml"].decode()
    assert comment.startswith(f"# Distances follow from the extent of the areas, {near * 5:.0f} km")


def test_what_is_near_in_a_country_is_no_farther_than_before(city: Path, tmp_path: Path) -> None:
    land = gpd.GeoDataFrame({"NAME": ["x"]}, geometry=[box(130, 31, 141, 41)], crs="EPSG:4326")
    land.to_file(tmp_path / "land.geojson")
    areas = {"areas": [tmp_path / "land.geojson"], "layout": None, "fields": "prefecture=NAME"}
    assert written(city, "geolocator_release", **areas)["gate"]["within_km"] == 25
    assert written(city, "geolocator_evaluation", **areas)["answer"] == {
        "bandwidth_km": 10,
        "cluster_radius_km": 5,
    }


def test_paths_are_relative_below_the_root_and_absolute_elsewhere(city: Path) -> None:
    assert written(city, "census_areas")["areas"]["files"] == [AREAS]
    assert written(city, "street_views")["folder"] == {"root": "photos"}
    outside = profile_files(brought(city), TEMPLATES, city / "photos")
    assert yaml.safe_load(outside["osm_roads.yaml"])["osm"]["path"] == str(city / OSM)


def test_relative_options_start_where_the_command_is_given(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(city / "photos")
    own = brought(Path(".."), table=Path("../photos.csv"))
    folder = yaml.safe_load(profile_files(own, TEMPLATES, city)["street_views.yaml"])["folder"]
    assert folder == {"root": "photos", "table": str(city / "photos.csv")}


def test_a_table_in_the_folder_is_named_from_there(city: Path) -> None:
    columns = "file=NAME, latitude=LAT,longitude=LON"
    table = city / "photos" / "lists" / "all.csv"
    assert written(city, "street_views", table=table, columns=columns)["folder"] == {
        "root": "photos",
        "table": "lists/all.csv",
        "columns": {"file": "NAME", "latitude": "LAT", "longitude": "LON"},
    }


def test_one_file_of_areas_serves_for_both(city: Path) -> None:
    changed = {"admin": None, "layout": None, "fields": "town_code=KEY_CODE", "encoding": "cp932"}
    areas = {"layout": "fields", "fields": {"town_code": "KEY_CODE"}, "encoding": "cp932"}
    for stage in ("census_areas", "admin_areas"):
        assert written(city, stage, **changed)["areas"] == areas | {"files": [AREAS]}


def test_licence_and_author_of_the_photographs_are_what_the_user_says(city: Path) -> None:
    assert written(city, "street_views")["licence"] == "not stated"
    stated = written(city, "street_views", licence="CC BY 4.0", author="Hanako")
    assert stated["licence"] == "CC BY 4.0"
    assert stated["folder"] == {"root": "photos", "author": "Hanako"}


def test_xml_is_read_as_xml(city: Path) -> None:
    found = written(city, "osm_landmarks", osm=city / "files" / "land.osm")["osm"]
    assert found == {"source": "xml", "path": "files/land.osm"}


def test_templates_without_the_lineage_are_refused(city: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="geolocator"):
        profile_files(brought(city), tmp_path, city)


def test_columns_are_named_in_pairs() -> None:
    assert named_columns("town_code=CODE, town = NAME 1", "--fields") == {
        "town_code": "CODE",
        "town": "NAME 1",
    }


@pytest.mark.parametrize("text", ["", "CODE", "town=", "=CODE", "town=A,town=B", "town=A,,"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--fields is"):
        named_columns(text, "--fields")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layout": None}, "nothing says what the columns of .* mean: .*KEY_CODE"),
        ({"fields": "twon=S_NAME"}, "twon"),
        ({"columns": "lat=LAT"}, "lat"),
        ({"layout": "estat", "fields": "town=S_NAME"}, "belongs to `layout: fields`"),
        ({"layout": "fields"}, "belongs to `layout: fields`"),
        ({"profile": "../sample"}, "profile"),
        ({"profile": ""}, "profile"),
    ],
)
def test_options_that_do_not_fit_are_named(city: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        brought(city, **changed)


def test_unknown_columns_are_answered_with_the_known(city: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        brought(city, fields="twon=S_NAME", layout=None)
    assert "municipality_code" in raised.value.expected
