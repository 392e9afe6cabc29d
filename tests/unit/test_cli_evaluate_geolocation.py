"""``zuroku evaluate geolocation`` on good and bad input."""

import json
import math
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from zuroku.cli import app

HEADER = "gt_lat,gt_lon,pred_lat,pred_lon\n"
GOOD = HEADER + "35.68,139.76,35.68,139.76\n35.68,139.76,43.06,141.35\n"


def run(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", "geolocation", "--predictions", str(path), *arguments])


def scores_of(path: Path, *arguments: str) -> dict:
    result = run(path, "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_json_is_exactly_the_promised_object(good: Path) -> None:
    scores = scores_of(good)
    assert list(scores) == ["accuracy_within_km", "median_km", "mean_km"]
    assert list(scores["accuracy_within_km"]) == ["1", "25", "100", "200", "750", "2500"]
    assert list(scores["accuracy_within_km"].values()) == [0.5, 0.5, 0.5, 0.5, 0.5, 1.0]
    assert scores["mean_km"] == scores["median_km"] == pytest.approx(great_circle_km() / 2, rel=0.006)


def great_circle_km() -> float:
    """Tokyo to Sapporo by the spherical law of cosines."""
    a, b, along = math.radians(35.68), math.radians(43.06), math.radians(141.35 - 139.76)
    cosine = math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(along)
    return 6371 * math.acos(cosine)


def test_the_distance_can_be_chosen(good: Path) -> None:
    by_circle = scores_of(good, "--distance", "haversine")
    assert by_circle["mean_km"] == pytest.approx(great_circle_km() / 2, rel=1e-9)
    assert by_circle["mean_km"] != scores_of(good)["mean_km"]


def test_the_table_names_its_protocol(good: Path) -> None:
    assert run(good).stdout.splitlines()[0] == "2 photographs, geodesic distance ≤ r"
    strict = run(good, "--strict", "--distance", "haversine").stdout.splitlines()
    assert strict[0] == "2 photographs, haversine distance < r"
    assert strict[1].split() == ["within", "1", "km", "0.5000"]


def test_missing_predictions_are_misses_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "missing.csv"
    path.write_text(GOOD + "35,139,,\n35,139, ,\n", encoding="utf-8")
    result = run(path, "--json")
    assert result.exit_code == 0
    scores = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert scores["accuracy_within_km"]["2500"] == 0.5
    assert scores["mean_km"] is None
    assert scores["median_km"] is None
    assert "2 of 4 predictions are missing" in result.stderr


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path, good: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text(
        "name,pred_lon,pred_lat,gt_lon,gt_lat\na,139.76,35.68,139.76,35.68\n\nb,141.35,43.06,139.76,35.68\n",
        encoding="utf-8-sig",
    )
    assert scores_of(path) == scores_of(good)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (HEADER, "has a header and no row"),
        ("gt_lat,gt_long,pred_lat,pred_lon\n1,2,3,4\n", "has no column gt_lon"),
        (HEADER + "1,2,3\n", "1 rows without exactly 4 cells (line 2: 3)"),
        (HEADER + "1,2,nan,nan\n", "no finite number (line 2: nan, nan)"),
        (HEADER + "1,2,inf,3\n", "no finite number (line 2: inf)"),
        (HEADER + "1,2,35°N,3\n", "no finite number (line 2: 35°N)"),
        (HEADER + "1,2,35,\n", "rows with an empty cell (line 2: pred_lon)"),
        (HEADER + ",,35,139\n", "rows with an empty cell (line 2: gt_lat, gt_lon)"),
        (HEADER + "1,2,3,4\n139,35,35,139\n", "look swapped (line 3: 139 35)"),
        (HEADER + "1,2,91,181\n", "not on Earth (line 2: 91 181)"),
        (HEADER + "1,2,3,4\n" * 3 + "x,2,3,4\n1,2,3,999\n", "has 2 faults"),
    ],
)
def test_bad_files_are_said_with_their_lines(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    result = run(path, "--json")
    assert result.exit_code == 1
    assert said in result.stderr
    assert "remedy:" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("encoding", "said"), [("cp932", "Shift-JIS (cp932), not UTF-8"), ("utf-16", "UTF-16, not UTF-8")]
)
def test_other_encodings_are_named(tmp_path: Path, encoding: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(("場所," + HEADER + "東京,1,2,3,4\n").encode(encoding))
    result = run(path)
    assert result.exit_code == 1
    assert said in result.stderr


def test_no_file_and_no_such_distance_are_said(tmp_path: Path, good: Path) -> None:
    assert run(tmp_path / "nowhere.csv").exit_code == 1
    assert "cannot be read" in run(tmp_path / "nowhere.csv").stderr
    result = run(good, "--distance", "manhattan")
    assert result.exit_code == 2
    assert "haversine" in result.stderr
