"""The made-up land: equal for equal settings, whole, joined by roads, and nowhere on a real map."""

from collections import Counter

import numpy as np
import pyproj
import pytest
import shapely

from zuroku.datasets.sample.land.areas import plan_towns
from zuroku.datasets.sample.land.ground import Ground, plan_ground
from zuroku.datasets.sample.land.land import Land, plan_land
from zuroku.datasets.sample.land.roads import plan_roads
from zuroku.datasets.sample.land.settings import LandSettings
from zuroku.datasets.sample.noise import seeded_rng

SMALL = LandSettings(
    seed=3, prefectures=2, municipalities=3, towns=3, capital_towns=4, width_km=110, height_km=80
)
GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def land() -> Land:
    return plan_land(SMALL)


def ground_of(settings: LandSettings) -> Ground:
    return plan_ground(settings, seeded_rng(settings.seed, 1))


def metres(land: Land, shapes: object) -> object:
    """Project by a local plane: independent of the plan the land was made on."""
    project = pyproj.Transformer.from_crs(
        "EPSG:4326",
        f"+proj=laea +lat_0={land.settings.latitude} +lon_0={land.settings.longitude}",
        always_xy=True,
    )
    return shapely.transform(shapes, lambda xy: np.column_stack(project.transform(*xy.T)))


def test_equal_settings_give_equal_tables(land: Land) -> None:
    again = plan_land(SMALL)
    for name in ("areas", "roads", "landmarks", "water"):
        assert getattr(land, name).equals(getattr(again, name))
    assert land.tags == again.tags


def test_another_seed_gives_another_land(land: Land) -> None:
    other = plan_land(SMALL.model_copy(update={"seed": 4}))
    assert not np.allclose(land.areas.total_bounds, other.areas.total_bounds, atol=1e-3)
    assert set(land.areas["municipality"]) != set(other.areas["municipality"])


def test_tables_have_the_columns_of_the_readers(land: Land) -> None:
    areas = "feature_id prefecture_code prefecture municipality_code municipality town_code town geometry"
    assert list(land.areas) == areas.split()
    assert list(land.roads) == list(land.landmarks) == ["feature_id", "name", "kind", "geometry"]
    assert set(land.tags) == {*land.roads["feature_id"], *land.landmarks["feature_id"]}
    for table in (land.areas, land.roads, land.landmarks, land.water):
        assert table.crs.to_epsg() == 4326
        assert table.is_valid.all()
        assert not table.is_empty.any()


def test_every_level_has_as_many_areas_as_asked(land: Land) -> None:
    per_prefecture = land.areas.groupby("prefecture_code")["municipality_code"].nunique()
    assert per_prefecture.to_dict() == {"91": 3, "92": 3}
    per_municipality = land.areas.groupby("municipality_code")["town_code"].nunique()
    assert sorted(per_municipality) == [3, 3, 3, 3, 4, 4]
    assert (land.areas["municipality_code"].str[:2] == land.areas["prefecture_code"]).all()
    assert (land.areas["town_code"].str[:5] == land.areas["municipality_code"]).all()
    assert land.areas["town_code"].is_unique
    assert not land.areas.duplicated(["municipality_code", "town"]).any()
    for code, name in (("prefecture_code", "prefecture"), ("municipality_code", "municipality")):
        assert (land.areas.groupby(code)[name].nunique() == 1).all()


def test_areas_and_lakes_cover_the_land_once(land: Land) -> None:
    shapes = metres(land, np.concatenate([land.areas.geometry.to_numpy(), land.water.geometry.to_numpy()]))
    whole = shapely.union_all(shapes)
    # Coordinates have steps of a centimetre: borders may miss each other by that much.
    assert shapely.area(shapes).sum() == pytest.approx(whole.area, rel=1e-6)
    holes = [shapely.Polygon(hole).area for part in shapely.get_parts(whole) for hole in part.interiors]
    assert sum(holes) < 1e-5 * whole.area
    assert len(land.water) == SMALL.prefectures


def test_a_municipality_is_one_piece_of_land_but_for_islands(land: Land) -> None:
    islands = 0
    for _, towns in land.areas.groupby("municipality_code"):
        parts = shapely.get_parts(shapely.union_all(towns.geometry.to_numpy(), grid_size=1e-7))
        shares = np.sort(shapely.area(parts))[::-1] / shapely.area(parts).sum()
        assert shares[0] > 0.8
        islands += len(parts) - 1
    assert islands >= 3


def test_some_town_has_two_parts(land: Land) -> None:
    assert (land.areas.geom_type == "MultiPolygon").sum() >= 1


def test_default_land_lies_in_the_open_pacific() -> None:
    land = plan_land(LandSettings())
    west, south, east, north = land.areas.total_bounds
    assert 149 < west < east < 154
    assert 30 < south < north < 33
    width = GEOD.inv(west, 31.5, east, 31.5)[2] / 1000
    height = GEOD.inv(151.5, south, 151.5, north)[2] / 1000
    assert 240 < width < 360
    assert 150 < height < 270
    assert land.areas["prefecture_code"].astype(int).min() == 91
    assert len(land.areas) == 4 * (7 + 4 + 4)


def test_streets_lie_in_a_core_of_their_town(land: Land) -> None:
    ground = ground_of(SMALL)
    towns, lakes = plan_towns(SMALL, ground, seeded_rng(SMALL.seed, 2))
    _, streets = plan_roads(towns, lakes, ground, seeded_rng(SMALL.seed, 3))
    assert [town.town_code for town in towns] == list(land.areas["town_code"])
    for town, own in zip(towns, streets, strict=True):
        lines = shapely.MultiLineString([road.line for road in own.roads])
        assert 500 < shapely.minimum_bounding_radius(lines) < 2600
        assert town.ground.buffer(300).covers(lines)


def test_trunk_roads_and_main_streets_are_one_network(land: Land) -> None:
    main = land.roads["kind"].isin(["trunk", "primary", "secondary"])
    parent: dict[tuple[float, float], tuple[float, float]] = {}

    def root(place: tuple[float, float]) -> tuple[float, float]:
        while parent.setdefault(place, place) != place:
            place = parent[place]
        return place

    for line in land.roads.geometry[main]:
        corners = [tuple(corner) for corner in line.coords]
        for corner in corners[1:]:
            parent[root(corners[0])] = root(corner)
    assert len({root(place) for place in parent}) == 1


def test_roads_have_the_tags_and_kinds_of_japan(land: Land) -> None:
    kinds = Counter(land.roads["kind"])
    assert set(kinds) >= {"motorway", "trunk", "primary", "secondary", "tertiary", "residential"}
    assert kinds["residential"] > kinds["tertiary"] > 0
    motorways = land.roads["feature_id"][land.roads["kind"] == "motorway"]
    assert all(land.tags[road]["oneway"] == "yes" for road in motorways)
    unnamed = (land.roads["name"] == "").mean()
    assert 0.2 < unnamed < 0.8
    for feature_id, kind in zip(land.roads["feature_id"], land.roads["kind"], strict=True):
        assert land.tags[feature_id]["highway"] == kind


def test_many_landmarks_stand_at_a_road(land: Land) -> None:
    lines = shapely.STRtree(metres(land, land.roads.geometry.to_numpy()))
    shapes = metres(land, land.landmarks.geometry.to_numpy())
    _, distances = lines.query_nearest(shapes, return_distance=True, all_matches=False)
    assert np.mean(distances <= 20) > 0.4
    assert np.mean(distances > 20) > 0.1
    assert (land.landmarks["name"] != "").all()


def test_every_municipality_has_a_park_kilometres_wide_on_dry_ground_of_its_own(land: Land) -> None:
    parks = land.landmarks[land.landmarks["name"].str.endswith("自然公園")]
    own = land.areas.dissolve("municipality")
    assert {name.removesuffix("自然公園") for name in parks["name"]} == {name[:-1] for name in own.index}
    flat = metres(land, parks.geometry.to_numpy())
    for name, park, in_metres in zip(parks["name"], parks.geometry, flat, strict=True):
        town = next(area for area in own.index if name.startswith(area[:-1]))
        assert own.geometry[town].contains(park)
        west, south, east, north = in_metres.bounds
        assert 2000 < east - west < 10_000
        assert 2000 < north - south < 10_000


def test_landmarks_are_points_outlines_and_outlines_with_ponds() -> None:
    land = plan_land(SMALL.model_copy(update={"towns": 6, "capital_towns": 8}))
    element = land.landmarks["feature_id"].str.partition("/")[0]
    holes = land.landmarks.geometry.apply(lambda shape: len(getattr(shape, "interiors", ())))
    assert set(element) == {"node", "way", "relation"}
    assert (land.landmarks.geom_type[element == "node"] == "Point").all()
    assert (land.landmarks.geom_type[element != "node"] == "Polygon").all()
    assert (holes[element == "relation"] == 1).all()
    assert (holes[element == "way"] == 0).all()
    ids = [*land.roads["feature_id"], *land.landmarks["feature_id"]]
    assert len(set(ids)) == len(ids)


def test_undistorted_offsets_are_true_metres_on_the_globe() -> None:
    ground = ground_of(SMALL)
    offsets = np.array([[0.0, 0.0], [90.0, 0.0], [0.0, 90.0], [-50.0, 50.0]])
    for middle in ([0.0, 0.0], [21_000.0, -13_000.0], [-30_000.0, 8_000.0]):
        places = ground.undistorted(np.array(middle), offsets)
        globe = shapely.get_coordinates(ground.degrees_of([shapely.MultiPoint(places)]))
        azimuth, _, length = GEOD.inv(*np.repeat(globe[:1], 3, axis=0).T, *globe[1:].T)
        assert length == pytest.approx([90, 90, 50 * np.sqrt(2)], rel=0.03)
        assert azimuth == pytest.approx([90, 0, -45], abs=2.5)


@pytest.mark.parametrize("seed", range(3))
def test_the_plan_is_never_folded(seed: int) -> None:
    settings = LandSettings(seed=seed)
    ground = ground_of(settings)
    east, north = np.meshgrid(np.arange(-80e3, 80e3, 900), np.arange(-50e3, 50e3, 900))
    corners = np.stack([east, north], 2)
    cells = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], 2)
    bent = shapely.get_coordinates(ground.degrees_of([shapely.MultiPoint(cells.reshape(-1, 2))]))
    x, y = np.moveaxis(bent.reshape(-1, 4, 2), 2, 0)
    areas = 0.5 * (x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(axis=1)
    assert (areas > 0).all()


def test_the_smallest_land_is_one_town() -> None:
    land = plan_land(
        LandSettings(prefectures=1, municipalities=1, towns=1, capital_towns=1, width_km=60, height_km=60)
    )
    assert len(land.areas) == 1
    assert {"trunk", "residential"} <= set(land.roads["kind"])
    assert "motorway" not in set(land.roads["kind"])
