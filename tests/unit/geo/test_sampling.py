"""The sample of points: its bounds, its densities, its minimum, and that rows may come in any order."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pydantic import ValidationError

from zuroku.errors import GeoDataError
from zuroku.geo.distances import haversine_km
from zuroku.geo.labels import LabelSettings, label_places
from zuroku.geo.landmark_grid import LandmarkGrid
from zuroku.geo.sampling import SamplingSettings, points_by_class, report_sampling, sample_points

KM_EAST, KM_NORTH = 1 / 91.29, 1 / 110.94


def _table(rows):
    return gpd.GeoDataFrame(rows, columns=["feature_id", "name", "kind", "geometry"], crs="EPSG:4326")


def _line(*places_km):
    return shapely.LineString([(139 + x * KM_EAST, 35 + y * KM_NORTH) for x, y in places_km])


def _town(seed=0, roads=60, landmarks=30, size_km=12):
    rng = np.random.default_rng(seed)
    kinds = ["trunk", "secondary", "residential", "living_street"]
    rows = []
    for i in range(roads):
        start, turn = rng.uniform(0, size_km, 2), rng.uniform(0, 6)
        line = _line(start, start + 2 * np.array([np.cos(turn), np.sin(turn)]), start + rng.uniform(-3, 3, 2))
        rows.append((f"way/{i}", rng.choice(["", "a", "b"]), kinds[i % 4], line))
    marks = []
    for i in range(landmarks):
        place = shapely.Point(
            139 + rng.uniform(0, size_km) * KM_EAST, 35 + rng.uniform(0, size_km) * KM_NORTH
        )
        kind = ["tourism=museum", "leisure=park"][i % 2]
        marks.append((f"node/{i}", "", kind, place.buffer(0.012) if i % 5 == 0 else place))
    return _table(rows), _table(marks)


def _places(points):
    return np.column_stack([points.geometry.y, points.geometry.x])


def _nearest_m(points):
    places = _places(points)
    distances = np.array([haversine_km(place, places) for place in places]) * 1000
    np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)


@pytest.mark.parametrize("representative", ["centroid", "medoid"])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_two_points_are_nearer_than_the_lower_bound_and_no_road_is_far_from_all(representative, seed):
    roads, landmarks = _town(seed)
    settings = SamplingSettings(representative=representative)
    points = sample_points(roads, landmarks, settings)
    assert len(points) > 40
    assert _nearest_m(points).min() >= 500
    on_roads = shapely.get_coordinates(shapely.segmentize(roads.geometry.to_numpy(), 0.003))[:, ::-1]
    assert max(haversine_km(place, _places(points)).min() for place in on_roads) * 1000 <= 2500


def test_no_landmark_that_has_room_is_left_out():
    crowd = [(f"node/{i}", "", "leisure=park", shapely.Point(139 + 0.3 * i * KM_EAST, 35)) for i in range(40)]
    settings = SamplingSettings(landmark_grids=({"least_area_m2": 0, "cell_m": 500},))
    points = sample_points(_table([]), _table(crowd), settings)
    row = np.array([[35.0, 139 + 0.3 * i * KM_EAST] for i in range(40)])
    # A cell keeps the first of its landmarks, so each has one within a cell, and that a point within 500 m.
    assert max(haversine_km(place, _places(points)).min() for place in row) <= 1.0
    assert _nearest_m(points).min() >= 500


@pytest.mark.parametrize("representative", ["centroid", "medoid"])
def test_rows_may_come_in_any_order(representative):
    roads, landmarks = _town(2)
    settings = SamplingSettings(representative=representative)
    points = sample_points(roads, landmarks, settings)
    shuffled = sample_points(
        roads.sample(frac=1, random_state=1), landmarks.sample(frac=1, random_state=2), settings
    )
    assert points.equals(shuffled)
    assert list(points.columns) == ["feature_id", "source", "kind", "geometry"]
    assert points["feature_id"].tolist() == [f"p{i:06d}" for i in range(len(points))]
    assert _places(points).tolist() == sorted(_places(points).tolist())
    assert points.crs == "EPSG:4326"


def test_a_lone_road_gets_its_interval_and_larger_roads_get_more_points():
    kinds = {"trunk": 600, "secondary": 1200, "residential": 4000}
    roads = _table([(f"way/{i}", "", kind, _line((0, 9 * i), (24.1, 9 * i))) for i, kind in enumerate(kinds)])
    points = sample_points(roads, _table([]), SamplingSettings(least_per_class=0))
    for kind, interval_m in kinds.items():
        places = _places(points[points["kind"] == kind])
        places = places[places[:, 1].argsort()]
        assert len(places) == 24_000 // interval_m
        assert haversine_km(places[:-1], places[1:]) * 1000 == pytest.approx(interval_m, rel=4e-3)


def test_a_road_is_not_started_anew_at_every_way():
    ways = [
        (f"way/{i}", "Main", "secondary", _line((0.302 * i, 0), (0.302 * i + 0.302, 0))) for i in range(40)
    ]
    whole = [("way/0", "Main", "secondary", _line((0, 0), (12.08, 0)))]
    settings = SamplingSettings(least_per_class=0)
    cut, uncut = (sample_points(_table(rows), _table([]), settings) for rows in (ways, whole))
    assert len(cut) == len(uncut) == 10
    # A straight line in degrees and the geodesic that the whole is one segment of are metres apart.
    eastward = [places[places[:, 1].argsort()] for places in map(_places, (cut, uncut))]
    assert haversine_km(*eastward).max() * 1000 < 5


def test_a_rare_class_keeps_its_minimum_in_a_crowd_of_others():
    rows = [(f"way/{i}", "", "trunk", _line((0, i * 0.4), (10, i * 0.4))) for i in range(20)]
    rows += [("way/90", "", "residential", _line((0, 3.1), (10, 3.1)))]
    settings = SamplingSettings(least_per_class=6)
    counts = sample_points(_table(rows), _table([]), settings)["kind"].value_counts()
    assert counts["residential"] >= 6
    assert counts["trunk"] > 50


def test_what_cannot_be_had_is_reported():
    roads = _table(
        [("way/1", "", "trunk", _line((0, 0), (1.3, 0))), ("way/2", "", "service", _line((90, 0), (90.1, 0)))]
    )
    settings = SamplingSettings(least_per_class=2)
    points = sample_points(roads, _table([]), settings)
    report = report_sampling(points, roads, _table([]), settings)
    assert report.short_classes == {"road service": 1}
    assert report.isolated == points["feature_id"][points["kind"] == "service"].tolist()
    assert report.points == len(points) == 3
    assert report.nearest_m[2] > 5000 > report.nearest_m[0]


def test_a_lone_point_has_no_nearest_one():
    roads = _table([("way/1", "", "service", _line((0, 0), (0.1, 0)))])
    points = sample_points(roads, _table([]), SamplingSettings())
    report = report_sampling(points, roads, _table([]), SamplingSettings())
    assert (report.points, report.nearest_m) == (1, None)
    assert report.isolated == ["p000000"]


def test_where_a_road_goes_on_nobody_is_isolated():
    roads = _table([("way/1", "", "service", _line((0, 0), (60, 0), (60, 40)))])
    settings = SamplingSettings(least_per_class=0)
    points = sample_points(roads, _table([]), settings)
    assert _nearest_m(points).max() <= 5000
    assert not report_sampling(points, roads, _table([]), settings).isolated


def test_points_stay_on_their_roads_unless_the_papers_centroid_is_asked_for():
    assert SamplingSettings().representative == "medoid"


def test_the_centroid_may_lie_off_the_road_and_the_medoid_does_not():
    corner = [("way/1", "", "trunk", _line((0, 0.4), (0, 0), (0.4, 0)))]
    settings = SamplingSettings(
        closest_m=300,
        road_intervals_m={"trunk": 300},
        landmark_grids=(LandmarkGrid(least_area_m2=0, cell_m=300),),
        least_per_class=0,
    )
    line = corner[0][3]
    off, on = (
        sample_points(_table(corner), _table([]), settings.model_copy(update={"representative": how}))
        for how in ("centroid", "medoid")
    )
    assert off.geometry.distance(line).max() > 1e-4
    assert on.geometry.distance(line).max() < 1e-6


def test_counts_by_municipality_add_up_and_name_what_lies_outside():
    roads, landmarks = _town(4)
    points = sample_points(roads, landmarks, SamplingSettings())
    west, south, east, north = points.total_bounds
    middle = (west + east) / 2
    areas = gpd.GeoDataFrame(
        {
            "feature_id": ["a1", "a2", "b1"],
            "municipality_code": ["13101", "13101", "13102"],
            "municipality": ["A", "A", "B"],
        },
        geometry=[
            shapely.box(west, south, middle, 35.03),
            shapely.box(west, 35.03, middle, north),
            shapely.box(middle, south, east, 35.06),
        ],
        crs="EPSG:4326",
    )
    table = points_by_class(points, areas)
    assert list(table.columns) == ["municipality_code", "municipality", "source", "kind", "points"]
    assert table["points"].sum() == len(points)
    inside_a = (points.geometry.x <= middle).sum()
    assert table[table["municipality"] == "A"]["points"].sum() == inside_a
    assert (
        table[table["municipality"] == ""]["points"].sum()
        == ((points.geometry.x > middle) & (points.geometry.y > 35.06)).sum()
    )


def test_points_on_a_border_count_where_labels_put_them():
    codes = ["13102", "13101"]
    areas = gpd.GeoDataFrame(
        {"feature_id": codes, "municipality_code": codes, "municipality": ["B", "A"]},
        geometry=[shapely.box(139.02, 35, 139.2, 35.2), shapely.box(138.9, 35, 139.02, 35.2)],
        crs="EPSG:4326",
    ).assign(prefecture_code="13", town_code="")
    # Three millimetres south of both, one of them below their common border, and one three metres south.
    metre = KM_NORTH / 1000
    places = [(139.0, 35 - 0.003 * metre), (139.02, 35 - 0.003 * metre), (139.1, 35 - 0.003 * metre)]
    places += [(139.1, 35 - 3 * metre)]
    points = gpd.GeoDataFrame(
        {"feature_id": list("pqrs"), "source": "road", "kind": "trunk"},
        geometry=[shapely.Point(place) for place in places],
        crs="EPSG:4326",
    )
    none = _table([])
    labels = label_places(list("pqrs"), _places(points), areas, none, none, LabelSettings())["municipality"]
    assert labels.tolist() == ["13101", "13101", "13102", ""]
    table = points_by_class(points, areas)
    assert dict(zip(table["municipality_code"], table["points"], strict=True)) == {
        "": 1,
        "13101": 2,
        "13102": 1,
    }
    assert table["municipality"].tolist() == ["", "A", "B"]


def test_only_landmarks_are_enough_and_nothing_is_not():
    _, landmarks = _town(5)
    points = sample_points(_table([]), landmarks, SamplingSettings())
    assert set(points["source"]) == {"landmark"}
    with pytest.raises(GeoDataError, match="neither roads nor landmarks"):
        sample_points(_table([]), _table([]), SamplingSettings())
    with pytest.raises(GeoDataError, match="EPSG:3857"):
        sample_points(_table([]), landmarks.to_crs(3857), SamplingSettings())


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"farthest_m": 1000}, "three times"),
        ({"road_intervals_m": {"trunk": 400}}, "trunk"),
        ({"other_roads_m": 6000}, "other_roads_m"),
        ({"landmark_grids": ({"least_area_m2": 5, "cell_m": 600},)}, "down to 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, told):
    with pytest.raises(ValidationError, match=told):
        SamplingSettings(**values)
