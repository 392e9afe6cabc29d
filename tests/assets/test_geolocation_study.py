"""The study that is the paper's whole recipe: its split, its scales, its answer; the scorecard reads it."""

import dagster as dg
import pytest

from assets import geolocation
from assets.lineages import build_assets, configured
from assets.scorecard import SCORECARD
from tests.workspace import REPOSITORY
from zuroku.models.geolocation.settings import GeolocatorNetworkSettings
from zuroku.profile import Profile
from zuroku.reports.geolocation import GeolocationEvaluationSettings
from zuroku.reports.scorecard import ScorecardSettings
from zuroku.training.geolocator import GeolocatorTrainingSettings

PROFILES = pytest.mark.parametrize("name", ["full", "sample"])
JUDGED = f"{geolocation.PAPER}_evaluation"


@PROFILES
def test_it_joins_the_papers_split_scales_and_answer(name: str) -> None:
    profile = Profile(name, REPOSITORY)
    settings = configured(profile)
    network = profile.load(settings[geolocation.PAPER].task, GeolocatorTrainingSettings).network
    assert isinstance(network, GeolocatorNetworkSettings)
    assert network.location.sigmas == (1, 4, 16, 64, 256)
    answers = profile.load(settings[JUDGED].task, GeolocationEvaluationSettings)
    assert (answers.neighbours, answers.rules, answers.areas) == (100, ["centroid"], ["everywhere"])
    # What is not the paper's stays that of every evaluation.
    given = answers.model_dump(exclude={"neighbours", "rules", "areas"})
    usual = profile.load("geolocator_evaluation", GeolocationEvaluationSettings)
    assert given == usual.model_dump(exclude={"neighbours", "rules", "areas"})
    made = {key.to_user_string(): one for one in build_assets(profile) for key in one.keys}
    for asset in (geolocation.PAPER, JUDGED):
        assert dg.AssetKey("place_splits_paper") in made[asset].dependency_keys
        assert made[asset].tags_by_key[dg.AssetKey(asset)]["study"] == "geolocation"
    assert dg.AssetKey(geolocation.PAPER) in made[JUDGED].dependency_keys


@PROFILES
def test_the_scorecard_waits_for_every_asset_of_its_claims(name: str) -> None:
    profile = Profile(name, REPOSITORY)
    (card,) = (one for one in build_assets(profile) if dg.AssetKey(SCORECARD) in one.keys)
    asked = {
        one.asset for one in profile.load(SCORECARD, ScorecardSettings).claims if one.lineage == "geolocation"
    }
    assert {dg.AssetKey(asset) for asset in asked} <= set(card.dependency_keys)
