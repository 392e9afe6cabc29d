"""The profile of a user's own city: options in, YAML files out."""

import re
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import yaml
from pyproj import Geod
from shapely.geometry import box

from tests.unit.datasets.own_city import AREAS, OSM, TEMPLATES, brought, write_city
from tests.unit.datasets.small_land import planned
from zuroku.config import load_settings
from zuroku.datasets.own_profile import STAGES, named_columns, profile_files
from zuroku.datasets.place_splits import PlaceSplitSettings, place_splits, separated_splits
from zuroku.errors import ConfigError, SplitError
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
    scaled = {"geolocator_evaluation.yaml", "place_splits.yaml"}
    for name in set(copied) - own_names - scaled - {"place_labels.yaml"}:
        assert files[name] == (TEMPLATES / name).read_bytes()
    labels = yaml.safe_load((TEMPLATES / "place_labels.yaml").read_bytes())
    # How many photographs a landmark needs is said for the sample's parks.
    assert labels.pop("least_items")
    assert yaml.safe_load(files["place_labels.yaml"]) == labels
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
    own_gate = {"within_km": release["gate"]["within_km"], "floor": 0}
    assert release["gate"] == template["gate"] | own_gate
    settings = GeolocatorReleaseSettings.model_validate(release)
    assert settings.gate.within_km == release["gate"]["within_km"]
    comment = profile_files(brought(city), TEMPLATES, city)["geolocator_release.yaml"].decode()
    said = re.match(r"# Distances follow from the extent of the areas, ([\d.]+) km", comment)
    assert said
    assert float(said[1]) == pytest.approx(near * 5, rel=0.01)


def one_area(folder: Path, west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """Return the options of a file with one area of this extent."""
    land = gpd.GeoDataFrame({"NAME": ["x"]}, geometry=[box(west, south, east, north)], crs="EPSG:4326")
    land.to_file(folder / "land.geojson")
    return {"areas": [folder / "land.geojson"], "layout": None, "fields": "prefecture=NAME"}


def ward(folder: Path) -> dict[str, Any]:
    """Return the options of a ward, 2.7 km wide and 3.0 km high."""
    return one_area(folder, 139.68, 35.75, 139.71, 35.777)


def test_a_ward_is_split_by_smaller_blocks_and_the_file_says_why(city: Path, tmp_path: Path) -> None:
    changed = ward(tmp_path)
    text = profile_files(brought(city, **changed), TEMPLATES, city)["place_splits.yaml"].decode()
    template = yaml.safe_load((TEMPLATES / "place_splits.yaml").read_text())
    assert yaml.safe_load(text) == template | {"block_km": 0.06}
    assert text.startswith("# Distances follow from the extent of the areas, 3.0 km on its longer side.")
    assert "1/50 of it, at most 1 km" in text


def test_photographs_all_over_a_ward_can_be_split(city: Path, tmp_path: Path) -> None:
    """Wherever the ward lies on the grid of blocks; with the sample's 1 km half of the draws cannot."""
    own = PlaceSplitSettings.model_validate(written(city, "place_splits", **ward(tmp_path)))
    samples = load_settings(TEMPLATES / "place_splits.yaml", PlaceSplitSettings)
    refused = {own: 0, samples: 0}
    for seed in range(10):
        rng = np.random.default_rng(seed)
        where = rng.uniform((34, 135), (36, 140)) + rng.uniform((0, 0), (0.027, 0.03), (200, 2))
        names = [str(number) for number in range(len(where))]
        places = pd.DataFrame({"item_id": names, "group": names, "municipality": "13119"})
        places[["latitude", "longitude"]] = where
        for settings in refused:
            try:
                separated_splits(places, place_splits(places, settings), settings)
            except SplitError:
                refused[settings] += 1
    assert refused[own] == 0
    assert refused[samples] >= 5


def test_the_first_model_of_a_city_is_released_whatever_it_shows(city: Path) -> None:
    files = profile_files(brought(city), TEMPLATES, city)
    evaluation = GeolocationEvaluationSettings.model_validate(written(city, "geolocator_evaluation"))
    assert not evaluation.must_beat_floors
    assert "must_beat_floors is false: a few photographs" in files["geolocator_evaluation.yaml"].decode()
    assert (
        "The floor is 0: without a first model nothing answers" in files["geolocator_release.yaml"].decode()
    )


def test_what_is_near_in_a_country_is_no_farther_than_before(city: Path, tmp_path: Path) -> None:
    areas = one_area(tmp_path, 130, 31, 141, 41)
    assert written(city, "place_splits", **areas)["block_km"] == 1
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
