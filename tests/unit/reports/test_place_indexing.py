"""The index of places: which photographs enter it, what is kept of each, and its checks."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from tests.unit.models.geolocation import bundles
from tests.unit.reports.photographed_places import MUNICIPALITIES, areas, network, table, world
from zuroku.artifacts import Artifact, build, verify
from zuroku.datasets.geodata.features import write_features
from zuroku.datasets.images import decode_rgb
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_labels import read_labels
from zuroku.errors import SplitError
from zuroku.indexes.answer_policy import read_policy
from zuroku.indexes.place_borders import open_borders
from zuroku.indexes.place_bundle import (
    PLACE_THUMBNAIL_PX,
    PlaceIndexSettings,
    PlaceSource,
    read_names,
    read_outlines,
    read_place_bundle,
)
from zuroku.indexes.place_index import PlaceNeighbours
from zuroku.indexes.thumbnail import thumbnail_jpeg
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports import place_indexing
from zuroku.reports.place_figures import folded_panorama
from zuroku.reports.place_indexing import (
    PLACE_INDEX_CHECKS,
    PlaceIndexingSettings,
    index_places,
    place_index_findings,
)
from zuroku.reports.place_policy import PolicySettings, choose_policy
from zuroku.reports.place_vectors import locate_photographs

pytestmark = pytest.mark.slow

SETTINGS = PlaceIndexingSettings(index=PlaceIndexSettings(name="places"))
ANSWERS = PolicySettings(neighbours=5, rules=["top1", "spherical_median"])

Index = Callable[[pd.DataFrame, Path], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact, Artifact, Artifact]:
    root = tmp_path_factory.mktemp("indexing")
    dataset, labels, splits = world(root)
    return dataset, labels, splits, bundles.bundle(root / "bundle", network(dataset))


@pytest.fixture(scope="module")
def index(
    made: tuple[Dataset, Artifact, Artifact, Artifact], tmp_path_factory: pytest.TempPathFactory
) -> Index:
    """Return what builds an index on the splits it is given."""
    dataset, labels, _, bundle = made
    root = tmp_path_factory.mktemp("index")
    roads = gpd.GeoDataFrame({"feature_id": ["way/1"]}, geometry=[Point(139, 35)], crs=4326)
    credit = {"name": "osm", "licence": "ODbL-1.0"}
    landmarks = roads.assign(feature_id="node/3", name="Castle")
    tables = {
        "areas": areas(root),
        "admin": areas(root),
        "roads": write_features(roads, credit, root / "roads"),
        "landmarks": write_features(landmarks, credit, root / "landmarks"),
    }

    def indexed(rows: pd.DataFrame, folder: Path) -> Path:
        splits = build(folder / "splits", lambda out: rows.to_parquet(out / "splits.parquet"))
        made = index_places(
            dataset, labels, splits, tables, bundle, ANSWERS, SETTINGS, folder / "vectors", folder / "index"
        )
        return made.path

    return indexed


@pytest.fixture(scope="module")
def groups(made: tuple[Dataset, Artifact, Artifact, Artifact]) -> pd.DataFrame:
    return pd.read_parquet(made[2].path / "splits.parquet")


@pytest.fixture(scope="module")
def folder(index: Index, groups: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return index(groups, tmp_path_factory.mktemp("whole"))


def test_train_and_val_are_indexed_with_what_is_known_of_them(
    folder: Path, made: tuple[Dataset, Artifact, Artifact, Artifact]
) -> None:
    dataset, bundle = made[0], made[3]
    found = read_place_bundle(folder)
    rows = table()
    expected = rows[rows["split"].isin(["train", "val"])].reset_index(drop=True)
    payload = found.rows(range(len(found)))
    for column in ("item_id", "latitude", "longitude", "prefecture", "municipality", "town", "split"):
        assert payload[column].tolist() == expected[column].tolist()
    assert payload["author"].tolist() == [f"author of {item_id}" for item_id in expected["item_id"]]
    assert payload["source_url"].tolist() == [f"https://example.org/{one}" for one in expected["item_id"]]
    assert set(payload["licence"]) == {"CC-BY-4.0"}

    predictor = GeolocatorPredictor(bundle.path)
    assert found.manifest.encoder_sha256 == predictor.sha256
    pictures = {row.item_id: dataset.read(row) for row in dataset.rows()}
    for place, row in enumerate(payload.itertuples()):
        shard, offset, length = row.image.split("/")
        data = dataset.reader.read(shard, int(offset), int(length))
        assert data == pictures[row.item_id]
        np.testing.assert_allclose(found.vectors[place], predictor.geolocate(data).vector, atol=1e-5)
        folded = folded_panorama(decode_rgb(data))
        assert found.thumbnail(place) == thumbnail_jpeg(folded, PLACE_THUMBNAIL_PX)
        assert folded.size == (80, 80)


def test_what_it_was_made_of_is_named_by_its_bytes(
    folder: Path, made: tuple[Dataset, Artifact, Artifact, Artifact]
) -> None:
    dataset, labels = made[0], made[1]
    data = read_place_bundle(folder).manifest.data
    assert data[dataset.card["name"]] == dataset.version
    assert data["place_labels"] == labels.sha256
    assert data["splits"] == verify(folder.parent / "splits").sha256
    assert {"areas", "admin", "roads", "landmarks"} <= data.keys()


def test_names_and_outlines_are_credited(folder: Path) -> None:
    assert read_place_bundle(folder).manifest.sources == (
        PlaceSource(of="areas", licence="CC-BY-4.0", citation="Bureau of Land."),
        PlaceSource(of="admin", licence="CC-BY-4.0", citation="Bureau of Land."),
        PlaceSource(of="roads", licence="ODbL-1.0", citation=""),
        PlaceSource(of="landmarks", licence="ODbL-1.0", citation=""),
    )


def test_no_test_photograph_enters_even_where_its_group_stands_in_train_too(
    index: Index, groups: pd.DataFrame, tmp_path: Path
) -> None:
    tested = groups.loc[groups["split"] == "test", "group"].tolist()
    twice = pd.concat([groups, pd.DataFrame({"group": tested[:2], "split": ["train", "val"]})])
    found = read_place_bundle(index(twice, tmp_path)).rows(range(24))
    rows = table()
    assert not set(found["item_id"]) & set(rows.loc[rows["group"].isin(tested), "item_id"])
    assert len(found) == 24


def test_an_index_of_nothing_is_refused(index: Index, groups: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="0 photographs in val"):
        index(groups[groups["split"].isin(["test", "none"])], tmp_path)
    assert not (tmp_path / "index").exists()


def test_the_policy_is_what_this_geolocator_chooses_on_val(
    folder: Path, made: tuple[Dataset, Artifact, Artifact, Artifact], groups: pd.DataFrame, tmp_path: Path
) -> None:
    dataset, labels, _, bundle = made
    photographs = locate_photographs(
        dataset, read_labels(labels.path), groups, GeolocatorPredictor(bundle.path), tmp_path
    )
    assert read_policy(folder) == choose_policy(photographs, ANSWERS)


def test_names_outlines_and_borders_lie_in_the_bundle(folder: Path) -> None:
    bundle = read_place_bundle(folder)
    names = read_names(bundle)
    assert names["municipality"] == {code: f"city {code}" for code in MUNICIPALITIES}
    assert names["landmark"] == {"node/3": "Castle"}
    assert len(read_outlines(bundle)["features"]) == 2
    borders = open_borders(bundle)
    assert borders is not None
    assert set(borders.within((139.7, 35.4, 139.8, 35.7))["level"]) == {"prefecture", "municipality"}


def test_a_good_index_passes_its_checks(folder: Path) -> None:
    findings = place_index_findings(folder)
    assert [(finding.check, finding.passed) for finding in findings] == [
        (check, True) for check in PLACE_INDEX_CHECKS
    ]
    assert findings[0].says == "24 of 24 find themselves"
    assert findings[1].numbers == {"recall": 1.0}


def test_an_engine_that_finds_others_fails_the_checks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.asarray(read_place_bundle(folder).vectors)

    def farthest(vector: np.ndarray, k: int, *, encoder_sha256: str) -> PlaceNeighbours:
        rows = np.argsort(vectors @ vector)[:k]
        return PlaceNeighbours((vectors @ vector)[rows], rows)

    engine = SimpleNamespace(search=farthest, close=lambda: None)
    monkeypatch.setattr(place_indexing, "open_place_index", lambda folder: engine)
    findings = place_index_findings(folder)
    assert [finding.passed for finding in findings] == [False, False]
    assert findings[1].numbers["recall"] == 0
