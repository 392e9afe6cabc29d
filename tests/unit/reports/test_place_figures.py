"""Pictures of places: points are drawn where they lie, panoramas folded in the order of their headings."""

import io

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

from zuroku.errors import EvaluationError
from zuroku.reports.place_figures import panorama_sheet, points_map

AREAS = gpd.GeoDataFrame(geometry=[shapely.box(139.0, 35.0, 139.5, 35.5)], crs="EPSG:4326")


def points(kinds: int = 2, n: int = 40) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(0)
    return gpd.GeoDataFrame(
        {"kind": [f"kind{i % kinds}" for i in range(n)]},
        geometry=gpd.points_from_xy(rng.uniform(139, 139.5, n), rng.uniform(35, 35.5, n)),
        crs="EPSG:4326",
    )


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def near(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(image - colour).max(axis=2) < 12).sum())


def test_each_class_has_its_colour() -> None:
    blue, orange, grey = (31, 119, 180), (255, 127, 14), (127, 127, 127)
    two = pixels(points_map(points(2), AREAS))
    assert min(near(two, blue), near(two, orange)) > 100
    one = pixels(points_map(points(1), AREAS))
    assert near(one, blue) > 100 > near(one, orange)
    assert near(pixels(points_map(points(12), AREAS)), grey) > near(two, grey)


def test_a_place_beside_the_areas_and_a_single_point_can_be_drawn() -> None:
    assert points_map(points(1, 1), AREAS).startswith(b"\x89PNG")
    assert points_map(points(), AREAS.translate(10).to_frame("geometry")).startswith(b"\x89PNG")


def test_no_points_are_refused() -> None:
    with pytest.raises(EvaluationError, match="no points"):
        points_map(points().iloc[:0], AREAS)


def test_a_panorama_is_folded_north_and_east_above_south_and_west() -> None:
    colours = [(250, 0, 0), (0, 200, 0), (0, 0, 250), (240, 220, 0)]
    panorama = Image.new("RGB", (800, 200))
    for heading, colour in enumerate(colours):
        panorama.paste(colour, (200 * heading, 0, 200 * (heading + 1), 200))
    sheet = pixels(panorama_sheet([(panorama, ["p000001"])]))
    corners = [sheet[60, 60], sheet[60, 200], sheet[200, 60], sheet[200, 200]]
    assert np.array(corners) == pytest.approx(np.array(colours), abs=12)


def test_an_ordinary_photograph_stays_as_it_is() -> None:
    photograph = Image.new("RGB", (400, 300), (0, 0, 250))
    photograph.paste((250, 0, 0), (200, 0, 400, 300))
    sheet = pixels(panorama_sheet([(photograph, ["a"])]))
    assert sheet[140, 60] == pytest.approx(np.array([0, 0, 250]), abs=12)
    assert sheet[140, 220] == pytest.approx(np.array([250, 0, 0]), abs=12)
