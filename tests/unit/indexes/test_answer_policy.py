"""From neighbours to an answer with a radius, and a policy through JSON and back."""

import json
import math

import numpy as np
import pytest
from pydantic import ValidationError

from zuroku.errors import GeoDataError
from zuroku.evaluation.conformal import ConformalRadius, calibrate_radius
from zuroku.geo.answers import AnswerSettings
from zuroku.indexes.answer_policy import (
    AREAS,
    AnswerPolicy,
    RadiusSettings,
    area_filter,
    conformal_radius,
    estimate_place,
    radius_settings,
)

PLACES = [[35.0, 139.0], [35.0, 139.2], [35.3, 139.1]]
SCORES = [0.9, 0.8, 0.7]
RADIUS = RadiusSettings(confidence=0.9, quantile=2.5, normalised=True, floor=1.5, n_groups=40)


def policy(**values: object) -> AnswerPolicy:
    fields = {
        "rule": "centroid", "area": "everywhere", "neighbours": 3, "radius": RADIUS,
        "answer": AnswerSettings(temperature=None),
    }  # fmt: skip
    return AnswerPolicy(**fields | values)


def great_circle_km(a: list[float], b: list[float]) -> float:
    """By the angle between directions."""
    (lat_a, lon_a), (lat_b, lon_b) = np.radians([a, b])
    cosine = math.sin(lat_a) * math.sin(lat_b) + math.cos(lat_a) * math.cos(lat_b) * math.cos(lon_a - lon_b)
    return 6371 * math.acos(min(1.0, cosine))


def test_the_radius_grows_with_the_spread_of_the_neighbours() -> None:
    found = estimate_place(policy(), PLACES, SCORES)
    np.testing.assert_allclose(found.place, [35.1, 139.1])
    spread = sum(great_circle_km([35.1, 139.1], place) for place in PLACES) / 3
    assert found.uncertainty_km == pytest.approx(spread, rel=1e-6)
    assert found.radius_km == pytest.approx(2.5 * (spread + 1.5), rel=1e-6)
    assert not found.abstained


def test_a_radius_that_is_not_normalised_is_the_quantile() -> None:
    fixed = RADIUS.model_copy(update={"normalised": False})
    assert estimate_place(policy(radius=fixed), PLACES, SCORES).radius_km == 2.5


def test_an_answer_is_withheld_only_above_the_threshold() -> None:
    spread = estimate_place(policy(), PLACES, SCORES).uncertainty_km
    for above, withheld in ((spread, False), (spread - 1e-9, True), (0.0, True), (None, False)):
        assert estimate_place(policy(abstain_above=above), PLACES, SCORES).abstained is withheld


def test_too_few_groups_give_an_infinite_radius_that_json_can_hold() -> None:
    radius = calibrate_radius(np.array([1.0, 2.0, 3.0]), uncertainty=[1, 1, 1], groups=["a", "b", "b"])
    assert math.isinf(radius.quantile)
    kept = policy(radius=radius_settings(radius))
    assert json.loads(kept.model_dump_json())["radius"]["quantile"] is None
    again = AnswerPolicy.model_validate_json(kept.model_dump_json())
    assert again == kept
    assert conformal_radius(again.radius) == radius
    assert math.isinf(estimate_place(again, PLACES, SCORES).radius_km)
    assert math.isinf(estimate_place(again, PLACES[:1], SCORES[:1]).radius_km)


def test_a_radius_is_kept_through_json() -> None:
    radius = ConformalRadius(0.9, 3.25, True, 1.0, 17)
    kept = RadiusSettings.model_validate_json(radius_settings(radius).model_dump_json())
    assert conformal_radius(kept) == radius


def test_a_search_is_kept_to_the_area_that_its_head_names() -> None:
    heads = {"prefecture": "13", "municipality": "13101", "town": "13101001"}
    assert [area_filter(area, heads) for area in AREAS] == [
        {}, {"prefecture": "13"}, {"municipality": "13101"}
    ]  # fmt: skip
    assert area_filter("prefecture", {}) == area_filter("prefecture", {"prefecture": ""}) == {}


@pytest.mark.parametrize("values", [{"rule": "mean"}, {"area": "town"}, {"neighbours": 0}, {"k": 3}])
def test_a_policy_that_is_none_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        policy(**values)


def test_no_neighbour_is_no_answer() -> None:
    with pytest.raises(GeoDataError, match="0 neighbours"):
        estimate_place(policy(), np.empty((0, 2)), [])
