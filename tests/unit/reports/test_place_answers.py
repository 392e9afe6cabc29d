"""Answers by rule and area against answers made one query at a time."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.reports.photographed_places import photographs, table, units
from zuroku.geo.answers import RULES, AnswerSettings, answer, spread_km
from zuroku.geo.distances import EARTH_RADIUS_KM
from zuroku.indexes.answer_policy import AREAS, Area
from zuroku.reports.place_answers import answers_by_way, encoder_answers
from zuroku.reports.place_vectors import LocatedPhotographs

SETTINGS = AnswerSettings(cluster_radius_km=2, bandwidth_km=3)
K = 6


def gallery() -> LocatedPhotographs:
    rows = table()
    held = rows[rows["split"].isin(["train", "val"])]
    return photographs(held, units(len(held), 1))


def queries(prefectures: list[str], municipalities: list[str]) -> LocatedPhotographs:
    rows = table()
    asked = rows[rows["split"] == "test"].iloc[: len(prefectures)]
    return photographs(asked, units(len(asked), 2), prefecture=prefectures, municipality=municipalities)


ASKED = queries(["13", "14", "14", "", "13"], ["13102", "13101", "47000", "14100", "14999"])


def nearest(query: int, area: Area) -> tuple[np.ndarray, np.ndarray]:
    """Return places and cosines of the K nearest of the area, or of everything where it holds nothing."""
    held = gallery()
    named = "" if area == "everywhere" else str(ASKED.heads[area][query])
    inside = [row for row, true in enumerate(held.table.get(area, [""] * 24)) if true == named]
    rows = inside if named and inside else list(range(len(held.table)))
    cosines = {row: float(held.vectors[row] @ ASKED.vectors[query]) for row in rows}
    best = sorted(rows, key=lambda row: -cosines[row])[:K]
    return held.coordinates[best], np.array([cosines[row] for row in best])


def test_every_way_answers_as_one_query_at_a_time() -> None:
    found = answers_by_way(ASKED, gallery(), RULES, AREAS, K, SETTINGS)
    assert set(found) == {(rule, area) for rule in RULES for area in AREAS}
    for (rule, area), answers in found.items():
        assert answers.places.shape == (5, 2)
        for query in range(5):
            places, scores = nearest(query, area)
            expected = answer(places, scores, rule, SETTINGS)
            np.testing.assert_allclose(answers.places[query], expected, atol=1e-5)
            spread = spread_km(places, scores, expected, SETTINGS)
            assert answers.uncertainty_km[query] == pytest.approx(spread, rel=1e-3, abs=1e-3)


def test_the_centroid_is_the_papers_plain_mean() -> None:
    found = answers_by_way(ASKED, gallery(), ["centroid"], ["everywhere"], K, SETTINGS)
    expected = [nearest(query, "everywhere")[0].mean(axis=0) for query in range(5)]
    np.testing.assert_allclose(found["centroid", "everywhere"].places, expected)


def test_the_uncertainty_is_the_weighted_mean_distance_to_the_neighbours() -> None:
    found = answers_by_way(ASKED, gallery(), ["top1"], ["everywhere"], K, SETTINGS)["top1", "everywhere"]
    places, scores = nearest(0, "everywhere")
    weights = [np.exp((score - scores[0]) / SETTINGS.temperature) for score in scores]
    a, b = np.radians(found.places[0]), np.radians(places)
    half = np.sin((b - a) / 2) ** 2
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half[:, 0] + np.cos(a[0]) * np.cos(b[:, 0]) * half[:, 1]))
    assert found.uncertainty_km[0] == pytest.approx(np.average(km, weights=weights), rel=1e-4)


def test_an_area_without_photographs_and_a_head_that_names_none_are_sought_everywhere() -> None:
    found = answers_by_way(ASKED, gallery(), ["top1"], AREAS, K, SETTINGS)
    everywhere = found["top1", "everywhere"].places
    # No photograph lies in 47000, and the prefecture of the fourth is not named.
    assert found["top1", "municipality"].places[2].tolist() == everywhere[2].tolist()
    assert found["top1", "prefecture"].places[3].tolist() == everywhere[3].tolist()
    assert (found["top1", "municipality"].places != everywhere).any()


def test_an_area_keeps_the_answers_inside_it() -> None:
    found = answers_by_way(ASKED, gallery(), ["top1"], ["municipality"], K, SETTINGS)
    held = gallery()
    for query in (0, 1, 3, 4):
        inside = held.table["municipality"] == ASKED.heads["municipality"][query]
        assert found["top1", "municipality"].places[query].tolist() in held.coordinates[inside].tolist()


def test_the_location_encoder_answers_with_the_place_it_encodes_nearest() -> None:
    held = gallery()
    held = photographs(pd.concat([held.table, held.table]), np.tile(held.vectors, (2, 1)))

    def encode(places: np.ndarray) -> np.ndarray:
        """Wave numbers at random, as a location encoder draws them."""
        waves = np.sin(np.asarray(places) @ (40 * units(2, 9).astype(np.float64)))
        return (waves / np.linalg.norm(waves, axis=1, keepdims=True)).astype(np.float32)

    found = encoder_answers(ASKED, held, encode)
    for query in range(5):
        cosines = encode(held.coordinates) @ ASKED.vectors[query]
        assert found[query].tolist() == held.coordinates[cosines.argmax()].tolist()
    assert len(np.unique(found, axis=0)) > 1
