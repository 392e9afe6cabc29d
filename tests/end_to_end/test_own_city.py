"""A user's own city from a folder of photographs to an answer, by the commands of ``docs/geolocation.md``.

Each command is a process of its own, and what one prints is what the next one is. The city is a ward 3 km
wide, and nothing can be learned from its photographs: what a model learns is tested elsewhere, and that its
user gets an answer at all is tested here.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from tests.unit.datasets.geodata.osm_extract import write_extract
from tests.unit.datasets.places.place_files import encoded, gps_tags, picture, put
from tests.workspace import REPOSITORY, edit, tiny_workspace
from zuroku.artifacts import verify
from zuroku.profile import Profile
from zuroku.reports.geolocation import (
    GeolocationEvaluationSettings,
    geolocation_findings,
    read_geolocation_metrics,
)

pytestmark = pytest.mark.slow

ZUROKU = Path(sys.executable).with_name("zuroku")
WEST, SOUTH, SIDE = 139.68, 35.75, 0.027
PHOTOGRAPHS = 60


def ran(command: list[object], root: Path, **environment: str) -> str:
    """Run ``command`` in ``root`` as a process of its own and return what it prints.

    Without what other tests, and MLflow itself, leave in the environment of this one.
    """
    left = ("DAGSTER_HOME", "MLFLOW_TRACKING_URI")
    done = subprocess.run(
        [str(part) for part in command],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name not in left} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_ward(root: Path) -> None:
    """Write the four towns of a ward, the roads around them, and photographs all over it."""
    half = SIDE / 2
    corners = [(WEST + column * half, SOUTH + row * half) for row in (0, 1) for column in (0, 1)]
    towns = [box(x, y, x + half, y + half) for x, y in corners]
    names = {"CODE": [f"13199{number:04d}" for number in range(4)], "NAME": ["南西", "南東", "北西", "北東"]}
    names |= {"WARD": ["見本区"] * 4, "PREF": ["見本県"] * 4}
    gpd.GeoDataFrame(names, geometry=towns, crs="EPSG:4326").to_file(root / "areas.geojson")
    lines = [WEST + step * half for step in range(3)]
    nodes = {
        10 * row + column + 1: (x, SOUTH + row * half) for row in range(3) for column, x in enumerate(lines)
    }
    ways = {row + 1: ([10 * row + 1, 10 * row + 2, 10 * row + 3], {"highway": "primary"}) for row in range(3)}
    write_extract(root / "city.osm.pbf", ways, {}, nodes)
    rng = np.random.default_rng(1)
    for number, (x, y) in enumerate(rng.uniform(0, SIDE, (PHOTOGRAPHS, 2))):
        gps = gps_tags((SOUTH + y, 0.0, 0.0), (WEST + x, 0.0, 0.0))
        put(root, f"photos/{number:02d}.jpg", encoded(picture(number), gps=gps))
    put(root, "photos/phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with tiny values, beside the files of the ward."""
    folder = tmp_path_factory.mktemp("own")
    tiny_workspace(folder)
    # The stages of a profile depend on the code.
    (folder / "src").symlink_to(REPOSITORY / "src")
    # As the sample has them: here the checks shall say what they would say to a user.
    edit(folder, "geolocator_evaluation", floor_slack_km=0, confidence=0.9)
    write_ward(folder)
    return folder


@pytest.fixture(scope="module")
def said(root: Path) -> str:
    options = ["--photos", "photos", "--osm", "city.osm.pbf", "--areas", "areas.geojson"]
    fields = "town_code=CODE,town=NAME,municipality=WARD,prefecture=PREF"
    options += ["--fields", fields, "--profile", "ward"]
    return ran([ZUROKU, "ingest", "places", *options, "--configs", "configs/sample"], root)


@pytest.fixture(scope="module")
def trained(root: Path, said: str) -> Path:
    """Run what the ingest names as the next command, and return where it kept its state."""
    (line,) = (line for line in said.splitlines() if line.startswith("next: "))
    assert line == "next: ZUROKU_PROFILE=ward make demo"
    demo = [sys.executable, "-m", "orchestration.demo"]
    ran(demo, REPOSITORY, ZUROKU_PROFILE="ward", ZUROKU_ROOT=str(root))
    return root / "var"


def test_the_ingest_says_what_is_lost(said: str) -> None:
    assert f"{PHOTOGRAPHS} photographs in street_views; left out: 0 without a readable position" in said
    assert "1 HEIC or AVIF" in said
    assert "answers will come without a radius" in said


def test_a_model_that_knows_nothing_is_released_with_a_warning(trained: Path) -> None:
    pointer = json.loads((trained / "ward" / "latest" / "geolocator_evaluation.json").read_text())
    settings = Profile("ward", trained.parent).load("geolocator_evaluation", GeolocationEvaluationSettings)
    findings = geolocation_findings(read_geolocation_metrics(trained / pointer["path"]), settings)
    assert {one.check for one in findings if not one.passed} == {"beats_constant_guess", "has_radius"}
    for name in ("ward_geolocator", "ward_place_index"):
        verify((trained / "models" / name / "champion").resolve())


def test_a_photograph_is_answered(root: Path, said: str, trained: Path) -> None:
    (line,) = (line for line in said.splitlines() if line.startswith("then: "))
    zuroku, *arguments = shlex.split(line.removeprefix("then: ").replace("PHOTOGRAPH", "photos/07.jpg"))
    assert zuroku == ".venv/bin/zuroku"
    answer = ran([ZUROKU, *arguments], root).splitlines()
    latitude, longitude = map(float, answer[0].split("  ")[0].split(", "))
    assert 0 <= latitude - SOUTH <= SIDE
    assert 0 <= longitude - WEST <= SIDE
    assert "no radius" in answer[0]
    assert any(line.startswith("municipality: 見本区") for line in answer)
    assert (root / "map.html").is_file()
    coarse = [*arguments[: arguments.index("--map")], "--coarse"]
    assert ran([ZUROKU, *coarse], root) == "見本県 (100%)\n"
