"""``zuroku ingest places``: what it prints, which options it takes, and that its profile can be run."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from assets.lineages import build_assets, config_hashes, configured
from assets.scorecard import SCORECARD
from tests.unit.datasets.own_city import ADMIN, AREAS, OSM, TEMPLATES, leavings, write_city
from zuroku.cli import app
from zuroku.datasets.own_profile import STAGES
from zuroku.profile import Profile
from zuroku.reports.scorecard import ScorecardSettings


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_city(tmp_path_factory.mktemp("city"))


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["ingest", *map(str, arguments)])


def options(root: Path) -> list[object]:
    return [
        *("--photos", root / "photos", "--osm", root / OSM, "--root", root, "--configs", TEMPLATES),
        *("--areas", root / AREAS, "--admin", root / ADMIN),
        *("--fields", "town_code=KEY_CODE,town=S_NAME,municipality=CITY_NAME", "--encoding", "cp932"),
        *("--licence", "CC BY 4.0", "--author", "Hanako"),
    ]


@pytest.fixture(scope="module")
def done(city: Path) -> Any:
    return run("places", *options(city), "--profile", "own_city")


def test_it_says_what_was_left_out_and_what_to_run(city: Path, done: Any) -> None:
    assert done.exit_code == 0, done.output
    assert "3 photographs in street_views" in done.stdout
    assert "1 without a readable position, 1 outside the areas, 0 unreadable or twice" in done.stdout
    for stage in STAGES[:-1]:
        assert f" in {stage}" in done.stdout
    assert f"ZUROKU_ROOT={city} ZUROKU_PROFILE=own_city make demo" in done.stdout


def test_licence_and_author_reach_the_profile(city: Path, done: Any) -> None:
    content = yaml.safe_load((city / "configs" / "own_city" / "street_views.yaml").read_text())
    assert (content["licence"], content["folder"]["author"]) == ("CC BY 4.0", "Hanako")


def test_the_profile_holds_what_its_assets_need_and_nothing_else(city: Path, done: Any) -> None:
    """As the conventions ask of every profile in the repository."""
    profile = Profile("own_city", city)
    names = {asset.key.to_user_string() for asset in build_assets(profile)}
    assert {*STAGES, "place_labels", "place_splits", "geolocator", "place_index"} <= names
    assert config_hashes(profile)
    tasks = {one.task for one in configured(profile).values()}
    assert {path.stem for path in profile.configs.iterdir()} == tasks | {*STAGES}
    profile.load(SCORECARD, ScorecardSettings)
    included = [yaml.safe_load(path.read_text()).get("include") for path in profile.configs.iterdir()]
    assert set(included) == {None}


def test_an_error_is_one_message_and_leaves_nothing(city: Path, tmp_path: Path) -> None:
    result = run("places", *options(city), "--root", tmp_path, "--osm", tmp_path / "none.osm.pbf")
    assert result.exit_code == 1
    assert "GeoDataError" in result.stderr
    assert "remedy" in result.stderr
    assert leavings(tmp_path) == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["osm_roads", "--photos", "x"], "--photos: only for the stage places, not for osm_roads"),
        (["osm_roads", "--osm", "x", "--profile", "places"], "--osm, --profile: only for"),
        (["places"], "needs --photos, --osm, --areas"),
        (["places", "--photos", "x", "--osm", "y"], "needs --areas"),
        (["places", "--photos", "x", "--osm", "y", "--areas", "z", "--data", "d"], "--data: places are"),
        (["places", "--photos", "x", "--osm", "y", "--areas", "z", "--layout", "shp"], "'shp'"),
    ],
)
def test_options_of_another_stage_are_refused(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
