"""Areas across the antimeridian, as files write them: points on both sides lie inside, far ones do not."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import box

from zuroku.datasets.geodata.antimeridian import cut_at_antimeridian, unrolled
from zuroku.datasets.geodata.polygon_files import read_polygons
from zuroku.geo.metric import containing

JUMPING = [(178, -18), (-178, -18), (-178, -16), (178, -16), (178, -18)]
FROM_THE_WEST = [*JUMPING[1:-1], JUMPING[0], JUMPING[1]]
BY_THE_LINE = [(178, -18), (180, -18), (-180, -18), (-178, -18), (-178, -16), (178, -16), (178, -18)]
BEYOND = [(178, -18), (182, -18), (182, -16), (178, -16), (178, -18)]
BEYOND_WEST = [(x - 360, y) for x, y in BEYOND]
HOLE = [(-179.5, -17.5), (-179.5, -16.5), (-179.1, -16.5), (-179.1, -17.5), (-179.5, -17.5)]


def read(folder, *rings):
    """Return the polygons of a GeoJSON file with ``rings`` of one polygon, as they were read."""
    geometry = {"type": "Polygon", "coordinates": [list(map(list, ring)) for ring in rings]}
    feature = {"type": "Feature", "properties": {"NAME": "a"}, "geometry": geometry}
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return read_polygons(path, None, None).frame


@pytest.mark.parametrize("ring", [JUMPING, JUMPING[::-1], FROM_THE_WEST, BY_THE_LINE, BEYOND, BEYOND_WEST])
def test_an_area_across_the_antimeridian_holds_both_sides_and_nothing_else(tmp_path, ring):
    frame = read(tmp_path, ring)
    assert frame.geometry.is_valid.all()
    assert frame.geometry.area.sum() == pytest.approx(8)
    inside = [(-17, 179), (-17, -179), (-17, 180), (-17, -180)]
    outside = [(-17, 0), (-17, 100), (-17, 177.5), (-17, -177.5), (-19, 179)]
    found = containing(np.array(inside + outside, dtype=float), frame.geometry.to_numpy())
    assert found.tolist() == [0] * len(inside) + [-1] * len(outside)


def test_a_hole_stays_where_it_is(tmp_path):
    frame = read(tmp_path, JUMPING, HOLE)
    assert frame.geometry.area.sum() == pytest.approx(8 - 0.4)
    assert containing(np.array([(-17, -179.3), (-17, 179.3)]), frame.geometry.to_numpy()).tolist() == [-1, 0]


def test_a_ring_that_jumps_often_is_not_mended_to_something_else(tmp_path):
    """Its sides cross each other until it is unrolled."""
    ring = [(179, 0), (-179, 1), (179, 2), (-179, 3), (-178, 3), (-178, 0), (179, 0)]
    area = shapely.Polygon([(x % 360, y) for x, y in ring]).area
    assert read(tmp_path, ring).geometry.area.sum() == pytest.approx(area)


def test_metres_across_the_antimeridian_are_cut_too(tmp_path):
    areas = gpd.GeoDataFrame({"NAME": ["a"]}, geometry=[box(178, -18, 182, -16)], crs=4326)
    areas.to_crs(3832).to_file(tmp_path / "areas.gpkg")
    polygons = read_polygons(tmp_path / "areas.gpkg", None, None).frame.geometry.to_numpy()
    places = np.array([(-17, 179), (-17, -179), (-17, 0)], dtype=float)
    assert containing(places, polygons).tolist() == [0, 0, -1]


@pytest.mark.parametrize(
    "geometry",
    [
        box(-180, -90, 180, 90),
        box(-180, -10, 180, 10),
        # About the south pole, as maps of Antarctica have it.
        shapely.Polygon([(-180, -90), (-180, -80), (-90, -70), (0, -75), (90, -70), (180, -80), (180, -90)]),
        # Wide, but in steps that leave no doubt.
        shapely.segmentize(box(-120, 40, 120, 60), 30),
        shapely.MultiPolygon([box(178, -18, 180, -16), box(-180, -18, -178, -16)]),
        box(139, 35, 140, 36),
        box(15_000_000, 4_000_000, 15_001_000, 4_001_000),
        box(400_000, 4_000_000, 400_300, 4_001_000),
        shapely.Point(200, 0),
    ],
)
def test_what_does_not_cross_stays(geometry):
    given = np.array([geometry], dtype=object)
    assert shapely.equals_exact(cut_at_antimeridian(unrolled(given)), given).all()
