"""Photographs of the made-up land: where they are taken, what they show, and that they stay the same."""

import io
import math
import pickle
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image
from pyproj import Geod

from tests.unit.datasets.small_land import planned
from zuroku.config import parse_settings
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.sample.land.photographs import LandPhotographSettings, land_photographs
from zuroku.datasets.sample.land.street_views.plan import ViewPlan
from zuroku.errors import ConfigError
from zuroku.geo.labels import LabelSettings, label_places

WGS84 = Geod(ellps="WGS84")
SETTINGS = LandPhotographSettings(land_seed=1, seed=2, visits=2, size_px=32)
TABLES = {"areas": planned().areas, "roads": planned().roads, "landmarks": planned().landmarks}


def points_on_the_land() -> gpd.GeoDataFrame:
    """Return a point on every eighth road, at every landmark, and one out at sea."""
    roads = planned().roads.geometry.iloc[::8].interpolate(0.4, normalized=True)
    landmarks = planned().landmarks.geometry.representative_point()
    places = [*roads, *landmarks, shapely.Point(152.9, 33.9)]
    ids = [f"p{number:06d}" for number in range(len(places))]
    return gpd.GeoDataFrame({"feature_id": ids}, geometry=places, crs="EPSG:4326")


POINTS = points_on_the_land()


def photographs(settings: LandPhotographSettings = SETTINGS, **tables: Any) -> list[PlaceItem]:
    return land_photographs(settings, POINTS, TABLES | tables)


def plan_of(place: PlaceItem) -> ViewPlan:
    """Return the plan that the photograph is drawn from."""
    (plan, _) = place.item.read.args  # type: ignore[attr-defined]
    return plan


def shape_of(table: str, feature_id: str) -> shapely.Geometry:
    return TABLES[table].set_index("feature_id").geometry[feature_id]


def apart(a: float, b: float) -> float:
    """Return the angle between two bearings, in degrees."""
    return abs((a - b + 180) % 360 - 180)


def slow_bearing(road: shapely.LineString, latitude: float, longitude: float) -> float:
    """Walk the road in small steps and return the geodesic bearing of the segment that is nearest."""
    corners = shapely.get_coordinates(road)
    nearest, bearing = math.inf, math.nan
    for start, end in pairwise(corners):
        steps = start + np.linspace(0, 1, 2001)[:, None] * (end - start)
        away = [np.full(len(steps), value) for value in (longitude, latitude)]
        _, _, metres = WGS84.inv(*away, *steps.T)
        if metres.min() < nearest:
            nearest, bearing = metres.min(), WGS84.inv(*start, *end)[0]
    return bearing


@pytest.fixture(scope="module")
def taken() -> list[PlaceItem]:
    return photographs()


def test_bearings_of_roads_are_those_of_a_slow_walk(taken: list[PlaceItem]) -> None:
    on_roads = [place for place in taken if plan_of(place).road_bearing is not None]
    assert len(on_roads) >= 20
    for place in on_roads:
        plan = plan_of(place)
        road_id = plan.road_id if plan.road_id.startswith("way/") else None
        roads = [road_id] if road_id else way_ids(plan.road_name)
        wanted = [slow_bearing(shape_of("roads", way), place.latitude, place.longitude) for way in roads]
        assert min(apart(plan.road_bearing, bearing) for bearing in wanted) < 0.5


def way_ids(name: str) -> list[str]:
    roads = TABLES["roads"]
    return roads["feature_id"][roads["name"] == name].tolist()


def test_bearings_of_landmarks_lead_to_their_middles(taken: list[PlaceItem]) -> None:
    seen = [place for place in taken if plan_of(place).landmark_bearing is not None]
    assert len(seen) >= 20
    for place in seen:
        middle = shape_of("landmarks", plan_of(place).landmark_id).centroid
        wanted, _, metres = WGS84.inv(place.longitude, place.latitude, middle.x, middle.y)
        # The Earth is taken for a sphere there, which turns a bearing by up to a fifth of a degree.
        assert metres < 0.1 or apart(plan_of(place).landmark_bearing, wanted) < 0.5


@pytest.mark.parametrize(
    ("line", "bearing"),
    [
        (shapely.LineString([(10, 60), (10.01, 60)]), 90),
        (shapely.LineString([(10.01, 60), (10, 60)]), 270),
        (shapely.LineString([(10.005, 59.99), (10.005, 60.01)]), 0),
        # At 60 degrees of latitude a degree of longitude is half as long.
        (shapely.LineString([(10, 59.9975), (10.01, 60.0025)]), 45),
        (
            shapely.MultiLineString(
                [[(10, 60.01), (10.01, 60.01)], [(10.01, 60.0025), (10.005, 60), (10, 60.0025)]]
            ),
            225,
        ),
    ],
)
def test_the_bearing_of_a_drawn_road(line: shapely.Geometry, bearing: float) -> None:
    # Beside the corner of the bent road, so that its first segment is the nearest.
    at = shapely.Point(10.0051, 60.0001) if line.geom_type == "MultiLineString" else line.centroid
    points = gpd.GeoDataFrame({"feature_id": ["p0"]}, geometry=[at], crs="EPSG:4326")
    roads = gpd.GeoDataFrame(
        {"feature_id": ["way/1"], "name": [""], "kind": ["residential"]}, geometry=[line], crs="EPSG:4326"
    )
    settings = SETTINGS.model_copy(update={"jitter_m": 0.0, "visits": 1})
    (place,) = land_photographs(settings, points, TABLES | {"roads": roads})
    assert apart(plan_of(place).road_bearing, bearing) < 0.5
    assert plan_of(place).road_id == "way/1"
    assert plan_of(place).road_kind == "residential"


def test_the_labels_are_those_that_the_plan_was_drawn_with(taken: list[PlaceItem]) -> None:
    labels = label_places(
        [place.item.item_id for place in taken],
        [(place.latitude, place.longitude) for place in taken],
        TABLES["areas"],
        TABLES["roads"],
        TABLES["landmarks"],
        LabelSettings(),
    )
    plans = [plan_of(place) for place in taken]
    for task in ("road", "landmark"):
        assert labels[task].tolist() == [getattr(plan, f"{task}_id") for plan in plans]
        assert 10 < (labels[task] != "").sum() < len(labels)
    for task in ("prefecture", "municipality", "town"):
        assert labels[task].tolist() == [getattr(plan, f"{task}_code") for plan in plans]
    names = dict(zip(TABLES["areas"]["town_code"], TABLES["areas"]["town"], strict=True))
    assert [plan.town for plan in plans] == [names.get(code, "") for code in labels["town"]]


def test_out_at_sea_nothing_is_near(taken: list[PlaceItem]) -> None:
    plan = plan_of(taken[-1])
    assert (plan.town_code, plan.town, plan.road_id, plan.landmark_id) == ("", "", "", "")
    assert plan.road_bearing is None
    assert plan.landmark_bearing is None


def test_visits_are_groups_of_their_own_around_their_point(taken: list[PlaceItem]) -> None:
    assert len(taken) == SETTINGS.visits * len(POINTS)
    assert len({place.item.group for place in taken}) == len(taken)
    assert len({(place.latitude, place.longitude) for place in taken}) == len(taken)
    for number, place in enumerate(taken):
        point = POINTS.iloc[number // SETTINGS.visits]
        assert place.item.item_id == f"{point['feature_id']}_{number % SETTINGS.visits}"
        assert place.sequence == place.item.group
        _, _, metres = WGS84.inv(place.longitude, place.latitude, point.geometry.x, point.geometry.y)
        assert metres <= 1.01 * math.sqrt(2) * SETTINGS.jitter_m


def test_two_visits_of_a_place_look_different_and_have_its_road_in_common(taken: list[PlaceItem]) -> None:
    first, second = plan_of(taken[0]), plan_of(taken[1])
    assert first.seed != second.seed
    assert first.road_id == second.road_id != ""


def test_equal_settings_give_equal_plans_and_bytes(taken: list[PlaceItem]) -> None:
    again = photographs(LandPhotographSettings(**SETTINGS.model_dump()))
    assert [plan_of(place) for place in again] == [plan_of(place) for place in taken]
    assert [(p.latitude, p.longitude, p.slice) for p in again] == [
        (p.latitude, p.longitude, p.slice) for p in taken
    ]
    # As it comes back from another process.
    assert pickle.loads(pickle.dumps(again[3].item)).read() == taken[3].item.read()


def test_the_order_of_rows_and_of_shares_changes_nothing(taken: list[PlaceItem]) -> None:
    shares = dict(reversed(SETTINGS.shares.items()))
    mixed = {name: table.sample(frac=1, random_state=3) for name, table in TABLES.items()}
    again = photographs(SETTINGS.model_copy(update={"shares": shares}), **mixed)
    assert [plan_of(place) for place in again] == [plan_of(place) for place in taken]


def test_another_seed_stands_elsewhere(taken: list[PlaceItem]) -> None:
    other = photographs(SETTINGS.model_copy(update={"seed": 3}))
    assert not {(p.latitude, p.longitude) for p in other} & {(p.latitude, p.longitude) for p in taken}
    assert plan_of(other[0]).seed != plan_of(taken[0]).seed


def test_a_photograph_is_four_squares_side_by_side(taken: list[PlaceItem]) -> None:
    with Image.open(io.BytesIO(taken[0].item.read())) as image:
        assert (image.size, image.mode, image.format) == ((4 * 32, 32), "RGB", "PNG")


def test_conditions_have_their_shares() -> None:
    shares = {"night": 0.5, "aerial": 0.25}
    found = photographs(SETTINGS.model_copy(update={"shares": shares, "visits": 40}))
    counts = {name: sum(place.slice == name for place in found) / len(found) for name in ("", *shares)}
    assert counts == pytest.approx(shares | {"": 0.25}, abs=0.05)
    assert all(plan_of(place).slice == place.slice for place in found)


@pytest.mark.parametrize(
    "shares", [{"night": 0.7, "weather": 0.4}, {"night": -0.1}, {"": 0.5}, {"dusk": 0.1}]
)
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="shares"):
        parse_settings({"shares": shares}, LandPhotographSettings, "the test")
