"""``zuroku ingest places``: what it prints, which options it takes, and that its profile can be run."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from assets import geolocation
from assets.geolocation import blocking_findings, evaluation_asset
from assets.lineages import build_assets, config_hashes, configured
from assets.scorecard import SCORECARD
from tests.unit.datasets.own_city import ADMIN, AREAS, OSM, TEMPLATES, leavings, write_city
from tests.workspace import REPOSITORY
from zuroku.cli import app
from zuroku.datasets import own_places
from zuroku.datasets.own_places import OwnPlacesReport
from zuroku.datasets.own_profile import STAGES
from zuroku.evaluation.conformal import calibrate_radius
from zuroku.evaluation.place_halves import calibrating
from zuroku.findings import Finding
from zuroku.profile import Profile
from zuroku.reports.geolocation import GEOLOCATION_CHECKS, GeolocationEvaluationSettings
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


def test_it_says_that_there_will_be_no_radius(done: Any) -> None:
    assert "answers will come without a radius" in done.stdout
    assert "4 km wide, and there are 0" in done.stdout
    assert "HEIC" not in done.stdout


def reported(blocks: int, to_convert: int = 0) -> OwnPlacesReport:
    """Return a report with so many blocks that calibrate, and as many others."""
    names = [str(number) for number in range(1000)]
    halves = calibrating(names)
    mine = [name for name, calibrates in zip(names, halves, strict=True) if calibrates][:blocks]
    others = [name for name, calibrates in zip(names, halves, strict=True) if not calibrates][:blocks]
    return OwnPlacesReport(60, to_convert, 0, 0, 0, {"osm_roads": 4}, (*mine, *others), 0.24)


@pytest.mark.parametrize(("blocks", "radius"), [(8, False), (9, True)])
def test_a_radius_needs_as_many_blocks_as_its_promise(
    blocks: int, radius: bool, city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_places, "ingest_own_places", lambda *given: reported(blocks, 12))
    output = run("places", *options(city)).stdout
    assert ("without a radius" in output) != radius
    assert radius or f"in 9 squares or more, 0.24 km wide, and there are {blocks}" in output
    assert "12 HEIC or AVIF, which cannot be read here; convert them to JPEG" in output
    # The promise itself, by the confidence that the profile has.
    settings = Profile("sample", REPOSITORY).load("geolocator_evaluation", GeolocationEvaluationSettings)
    made = calibrate_radius(np.ones(blocks), confidence=settings.confidence, groups=range(blocks))
    assert math.isfinite(made.quantile) == radius


def test_only_of_an_own_city_the_floors_stop_nothing(
    city: Path, done: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks fail all the same: they warn."""
    failed = [Finding(check, False, "") for check in GEOLOCATION_CHECKS]
    monkeypatch.setattr(geolocation, "read_geolocation_metrics", lambda report: {})
    monkeypatch.setattr(geolocation, "geolocation_findings", lambda metrics, settings: failed)

    def stops(profile: Profile) -> set[str]:
        asset = evaluation_asset(profile, "geolocator", "geolocator_evaluation", "place_splits", study=None)
        return {spec.name for spec in asset.check_specs if spec.blocking}

    def refuses(profile: Profile) -> set[str]:
        return {finding.check for finding in blocking_findings(profile)(city)}

    sample, own = Profile("sample", REPOSITORY), Profile("own_city", city)
    floors = {"beats_constant_guess", "no_worse_than_raw_features"}
    assert stops(sample) == refuses(sample) == {*GEOLOCATION_CHECKS} - {"has_radius"}
    assert stops(own) == refuses(own) == stops(sample) - floors


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
    included = {yaml.safe_load(path.read_text()).get("include") for path in profile.configs.iterdir()}
    assert included - {None} <= {path.name for path in profile.configs.iterdir()}


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
