"""The benchmark of a query: what its tables say, and the galleries that it makes up."""

import io
import json

import numpy as np
from PIL import Image

from benchmarks.geolocate_query import StageClock, markdown, summary
from benchmarks.place_gallery import clustered, drawn_picture, made_up_areas
from zuroku.geo.distances import haversine_km
from zuroku.indexes.place_bundle import GIVEN_COLUMNS, OUTLINES


def test_stages_are_noted_in_their_order_and_inside_each_other() -> None:
    clock = StageClock()
    for _ in range(3):
        with clock.stage("outer"), clock.stage("inner"):
            pass
    assert {name: len(times) for name, times in clock.spent.items()} == {"inner": 3, "outer": 3}
    assert all(i <= o for i, o in zip(clock.spent["inner"], clock.spent["outer"], strict=True))


def test_a_summary_is_in_milliseconds_and_a_table_has_a_row_for_each_stage() -> None:
    found = summary({"encode": [0.001 * value for value in range(101)]})
    assert np.isclose(found["encode"]["p50_ms"], 50)
    assert np.isclose(found["encode"]["p95_ms"], 95)
    assert (
        markdown({"small": found, "large": found}).splitlines()[2] == "| encode | 50.0 | 95.0 | 50.0 | 95.0 |"
    )


def test_photographs_that_look_alike_lie_together_and_queries_have_neighbours() -> None:
    centre = np.eye(1, 32, dtype=np.float32)
    made = clustered(4000, 32, centre)
    assert np.allclose(np.linalg.norm(made.vectors, axis=1), 1, atol=1e-5)
    assert list(made.payload.columns) == list(GIVEN_COLUMNS)
    assert made.payload["item_id"].is_unique
    cosines = made.vectors @ centre[0]
    alike = made.payload.loc[cosines > 0.9, ["latitude", "longitude"]].to_numpy()
    assert len(alike) > 5
    assert haversine_km(alike[0], alike).max() < 150
    assert np.array_equal(clustered(4000, 32, centre).vectors, made.vectors)


def test_drawn_pictures_have_their_size_and_differ() -> None:
    first, second = (drawn_picture(512, 128, seed, "webp") for seed in (0, 1))
    assert Image.open(io.BytesIO(first)).size == (512, 128)
    assert first != second


def test_outlines_are_closed_rings_with_codes() -> None:
    features = json.loads(made_up_areas()[OUTLINES])["features"]
    assert [feature["properties"]["prefecture_code"] for feature in features][::46] == ["01", "47"]
    rings = [feature["geometry"]["coordinates"][0] for feature in features]
    assert all(ring[0] == ring[-1] and len(ring) == 1001 for ring in rings)
