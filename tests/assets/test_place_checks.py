"""Checks of the datasets of places as the assets ask for them: the configured bounds, and stated licences."""

from pathlib import Path

import geopandas as gpd
import pytest
from shapely import box

import assets.datasets
import assets.places
from tests.unit.datasets.places.place_files import encoded, gps_tags, picture, put
from zuroku.config import parse_settings
from zuroku.datasets.collection import ingest_collection
from zuroku.datasets.geodata.features import write_features
from zuroku.datasets.source import NOT_STATED
from zuroku.datasets.street_views import StreetViewSettings


@pytest.mark.parametrize(("licence", "passed"), [(NOT_STATED, False), ("ODbL-1.0", True)])
def test_a_licence_that_nobody_stated_fails_its_check(tmp_path: Path, licence: str, passed: bool) -> None:
    frame = gpd.GeoDataFrame({"feature_id": ["a"]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:4326")
    table = write_features(frame, {"licence": licence}, tmp_path / "areas")
    found = {finding.check: finding.passed for finding in assets.places._findings(table)}
    assert found == {"has_features": True, "licence_stated": passed}


def test_photographs_are_checked_against_the_configured_boundary(tmp_path: Path) -> None:
    put(tmp_path, "photos/0.jpg", encoded(picture(0), gps=gps_tags((35.0, 0, 0), (139.0, 0, 0))))
    values = {"kind": "places", "name": "x", "description": "", "licence": "CC0-1.0", "url": ""}
    values |= {"source": "folder", "folder": {"root": "photos"}, "boundary": "areas"}
    settings = parse_settings(values, StreetViewSettings, "the test")
    for east, passed in ((140.0, True), (138.5, False)):
        frame = gpd.GeoDataFrame({"feature_id": ["a"]}, geometry=[box(138, 34, east, 36)], crs="EPSG:4326")
        write_features(frame, {"licence": "CC0-1.0"}, tmp_path / "areas")
        if passed:
            dataset = ingest_collection(settings, tmp_path / "street_views", tmp_path)
        found = {one.check: one.passed for one in assets.datasets._findings(dataset, settings, 0)}
        assert found["places_within_bounds"] == passed
