"""The scorecard: which way a claim is better, and what an interval allows to say."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workspace import REPOSITORY
from zuroku.reports.scorecard import Claim, ScorecardSettings, scorecard_rows, write_scorecard

PROFILES = sorted(path.parent.name for path in (REPOSITORY / "configs").glob("*/paper_scorecard.yaml"))


def claim(**values: Any) -> Claim:
    given = {"lineage": "l", "source": "s", "quantity": "q", "low": 25, "high": 25, "asset": "a"}
    return Claim.model_validate(given | {"metric": "m", "difference": "none", "comparable": True} | values)


def rows(one: Claim, **metrics: float) -> list[dict[str, Any]]:
    run = {"metrics": metrics, "run_id": "0123456789", "url": "", "seconds": 1.0, "tags": {}}
    return scorecard_rows(ScorecardSettings(claims=[one]), lambda asset: run)


@pytest.mark.parametrize(
    ("better", "value", "low", "high", "said"),
    [
        ("higher", 30, 27, 33, "above the claim"),
        ("higher", 26, 24, 28, "the claim is reached"),
        ("higher", 24, 22, 26, "below the claim, within the interval"),
        ("higher", 20, 18, 22, "below the claim"),
        ("lower", 300, 280, 320, "above the claim"),
        ("lower", 26, 24, 28, "above the claim, within the interval"),
        ("lower", 24, 22, 26, "the claim is reached"),
        ("lower", 20, 18, 22, "below the claim"),
    ],
)
def test_the_verdict_knows_which_way_is_better(
    better: str, value: float, low: float, high: float, said: str
) -> None:
    (row,) = rows(claim(better=better), m=value, m_low=low, m_high=high)
    assert row["verdict"] == said


@pytest.mark.parametrize(
    ("better", "value", "said"),
    [
        ("higher", 24, "below the claim, without an interval"),
        ("higher", 300, "the claim is reached"),
        ("lower", 300, "above the claim, without an interval"),
        ("lower", 25, "the claim is reached"),
    ],
)
def test_without_an_interval_none_is_spoken_of(better: str, value: float, said: str) -> None:
    (row,) = rows(claim(better=better), m=value)
    assert (row["verdict"], row["ours_low"], row["ours_high"]) == (said, None, None)


def test_the_page_says_where_lower_is_better(tmp_path: Path) -> None:
    found = rows(claim(better="lower"), m=30, m_low=29, m_high=31) + rows(claim(), m=30)
    page = (write_scorecard(found, tmp_path / "card").path / "scorecard.md").read_text()
    lines = page.splitlines()[-2:]
    assert "| 25 (lower is better) | 30.000 [29.000, 31.000] |" in lines[0]
    assert "| 25 | 30.000 |" in lines[1]


@pytest.mark.parametrize("profile", PROFILES)
def test_errors_and_deviations_are_better_when_lower(profile: str) -> None:
    text = (REPOSITORY / "configs" / profile / "paper_scorecard.yaml").read_text()
    for one in ScorecardSettings.model_validate(yaml.safe_load(text)).claims:
        is_error = one.metric.endswith("median_km") or one.metric == "bias_deviation"
        assert (one.better == "lower") == is_error, one.quantity


def test_the_full_profile_does_not_speak_of_the_sample() -> None:
    text = (REPOSITORY / "configs" / "full" / "paper_scorecard.yaml").read_text()
    assert not [word for word in ("generated", "frozen", "two cores", "four ", "twelve") if word in text]


def test_every_claim_of_feature_tuning_has_its_row_and_the_papers_way_beside_it() -> None:
    text = (REPOSITORY / "configs" / "full" / "paper_scorecard.yaml").read_text()
    claims = ScorecardSettings.model_validate(yaml.safe_load(text)).claims
    found = {one.metric: one.low for one in claims if one.asset == "feature_tuning"}
    for metric, value in found.items():
        if metric.startswith("ukbench.") and not metric.endswith(".trained_on_test"):
            assert found[f"{metric}.trained_on_test"] == value
    assert sorted(set(found.values())) == [0.435, 0.485, 0.855, 0.977, 0.998, 3.73, 3.91, 4.0]


@pytest.mark.parametrize("profile", ["full", "sample"])
def test_every_number_of_the_geolocation_paper_has_its_row_on_the_papers_recipe(profile: str) -> None:
    text = (REPOSITORY / "configs" / profile / "paper_scorecard.yaml").read_text()
    claims = ScorecardSettings.model_validate(yaml.safe_load(text)).claims
    found = {one.metric: one.low for one in claims if one.asset == "geolocator_paper_evaluation"}
    heads = {"prefecture": 0.76, "municipality": 0.35, "town": 0.11, "road": 0.18, "landmark": 0.12}
    shares = {"within_1_km": 0.205, "within_25_km": 0.837, "within_100_km": 0.914}
    expected = {"median_km": 25, "bias_deviation": 0.8325} | shares
    assert found == expected | {f"head_{task}": share for task, share in heads.items()}
    assert all(one.study for one in claims if one.asset == "geolocator_paper_evaluation")
