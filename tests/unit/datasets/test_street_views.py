"""Photographs as a stage of the data: drawn at the points of the land, or cut by a boundary from a folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.datasets.places.place_files import encoded, gps_tags, picture, put
from tests.unit.datasets.small_land import planned, write_datasets
from zuroku.config import config_hash, parse_settings
from zuroku.datasets.collection import (
    collection_fingerprint,
    holds_features,
    ingest_collection,
    load_collection,
    open_collection,
)
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.places.collection import SKIPPED
from zuroku.datasets.places.table import PLACES, read_places
from zuroku.datasets.street_views import StreetViewSettings, open_street_views, with_token
from zuroku.errors import ConfigError, IntegrityError

ABOUT = {"kind": "places", "name": "street_views", "description": "", "licence": "CC0-1.0", "url": ""}
DRAWN = {"source": "generated", "points": "sample_points", "ingest": {"workers": 1}}
DRAWN |= {"generated": {"land_seed": 1, "seed": 2, "visits": 2, "size_px": 32}}
FOLDER = {"source": "folder", "folder": {"root": "photos"}}


def settings_of(values: dict[str, Any], **changed: Any) -> StreetViewSettings:
    return parse_settings(ABOUT | values | changed, StreetViewSettings, "the test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_datasets(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def drawn(data: Path) -> Dataset:
    """Return the dataset as the stage writes it, beside the tables it is drawn from."""
    path = data / "street_views.yaml"
    path.write_text(yaml.safe_dump(ABOUT | DRAWN))
    assert not holds_features(path)
    return ingest_collection(load_collection(path), data / "street_views", data)


def test_every_point_is_photographed_as_often_as_it_is_visited(data: Path, drawn: Dataset) -> None:
    points = FeatureTable(data / "sample_points").frame["feature_id"]
    ids = [f"{point}_{visit}" for point in points for visit in range(2)]
    assert drawn.manifest["item_id"].tolist() == ids
    assert drawn.card["items"] == drawn.card["groups"] == len(ids)
    assert read_places(drawn.root)["sequence"].tolist() == ids
    assert json.loads((drawn.root / SKIPPED).read_text()) == {}


def test_another_process_draws_the_same_bytes(data: Path, drawn: Dataset) -> None:
    opened = open_street_views(settings_of(DRAWN), data, data)
    assert opened.beside[PLACES] == (drawn.root / PLACES).read_bytes()
    assert opened.fingerprint == drawn.card["fingerprint"]
    rows = {row.item_id: row for row in drawn.rows()}
    for item in opened.items[:3]:
        assert item.read() == drawn.read(rows[item.item_id])


@pytest.mark.parametrize("missing", ["sample_points", "census_areas", "osm_roads", "osm_landmarks"])
def test_a_missing_table_is_named(data: Path, tmp_path: Path, missing: str) -> None:
    for name in {"sample_points", "census_areas", "osm_roads", "osm_landmarks"} - {missing}:
        shutil.copytree(data / name, tmp_path / name)
    with pytest.raises(IntegrityError, match=missing):
        open_street_views(settings_of(DRAWN), tmp_path, tmp_path)


def test_tables_may_have_other_names(data: Path, tmp_path: Path) -> None:
    for name in ("sample_points", "census_areas", "osm_roads", "osm_landmarks"):
        shutil.copytree(data / name, tmp_path / f"other_{name}")
    names = {"points": "other_sample_points", "areas": "other_census_areas"}
    names |= {"roads": "other_osm_roads", "landmarks": "other_osm_landmarks"}
    found = open_street_views(settings_of(DRAWN, **names), tmp_path, tmp_path)
    assert found.beside == open_street_views(settings_of(DRAWN), data, data).beside


@pytest.mark.parametrize("lacking", ["generated", "points"])
def test_drawing_needs_its_section_and_points(lacking: str) -> None:
    with pytest.raises(ConfigError, match="section 'generated' and 'points'"):
        settings_of(DRAWN, **{lacking: None})


class TestFolder:
    def photos(self, root: Path) -> Path:
        """Write one photograph in a town of the land, one in Tokyo, and one without a position."""
        town = planned().areas.geometry.iloc[0].representative_point()
        inside = gps_tags((town.y, 0.0, 0.0), (town.x, 0.0, 0.0))
        put(root, "photos/inside.jpg", encoded(picture(1), gps=inside))
        put(root, "photos/outside.jpg", encoded(picture(2), gps=gps_tags()))
        put(root, "photos/unplaced.jpg", encoded(picture(3)))
        return root

    def test_photographs_outside_the_boundary_are_left_out_and_counted(
        self, data: Path, tmp_path: Path
    ) -> None:
        settings = settings_of(FOLDER, boundary="census_areas", ingest={"max_quarantined_share": 0.5})
        root, out = self.photos(tmp_path), tmp_path / "data" / "street_views"
        shutil.copytree(data / "census_areas", tmp_path / "data" / "census_areas")
        found = ingest_collection(settings, out, root)
        assert found.manifest["item_id"].tolist() == ["inside.jpg"]
        assert json.loads((found.root / SKIPPED).read_text()) == {"outside the boundary": 1}
        assert found.card["quarantined"] == 1

    def test_a_boundary_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(IntegrityError, match="census_areas"):
            open_street_views(settings_of(FOLDER, boundary="census_areas"), self.photos(tmp_path), tmp_path)

    def test_without_names_no_table_is_read(self, tmp_path: Path) -> None:
        opened = open_street_views(settings_of(FOLDER), self.photos(tmp_path), tmp_path / "nowhere")
        assert sorted(item.item_id for item in opened.items) == ["inside.jpg", "outside.jpg", "unplaced.jpg"]

    def test_a_changed_folder_has_another_fingerprint(self, tmp_path: Path) -> None:
        settings, root = settings_of(FOLDER), self.photos(tmp_path)
        before = collection_fingerprint(settings, root, tmp_path)
        assert before == open_collection(settings, root, tmp_path).fingerprint
        put(root, "photos/more.jpg", encoded(picture(4), gps=gps_tags()))
        assert collection_fingerprint(settings, root, tmp_path) != before


def test_what_is_drawn_or_fetched_is_left_to_dvc(tmp_path: Path) -> None:
    mapillary = settings_of({"source": "mapillary", "mapillary": {"destination": "downloads"}})
    for settings in (settings_of(DRAWN), mapillary):
        assert collection_fingerprint(settings, tmp_path, tmp_path) is None


def test_the_token_reaches_the_provider_and_nothing_that_is_written() -> None:
    values = {"kind": "places", "name": "a", "description": "b", "licence": "c", "url": "d"}
    mapillary = {"destination": "found"}
    settings = StreetViewSettings.model_validate(values | {"source": "mapillary", "mapillary": mapillary})
    given = with_token(settings, "secret")
    assert given.mapillary is not None
    assert given.mapillary.token is not None
    assert given.mapillary.token.get_secret_value() == "secret"
    assert "secret" not in repr(given) + given.model_dump_json()
    assert config_hash(given) == config_hash(settings)
    assert with_token(settings, "") == settings
