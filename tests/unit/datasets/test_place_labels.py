"""Labels of a dataset of photographs: against a walk through all areas, in the manifest's order, sealed."""

from functools import partial
from pathlib import Path

import pytest
import shapely

from tests.unit.datasets.places.place_files import photo
from tests.unit.datasets.small_land import planned, write_datasets
from zuroku.artifacts import verify
from zuroku.config import parse_settings
from zuroku.datasets.geodata.features import FeatureTable, write_features
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_labels import (
    IMBALANCE,
    LABEL_CHECKS,
    PlaceLabelSettings,
    label_dataset,
    label_findings,
    read_labels,
)
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.places.table import PLACES, places_bytes
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError, GeoDataError, IntegrityError
from zuroku.geo.labels import TASKS

NAMES = {"areas": "census_areas", "admin": "admin_areas", "roads": "osm_roads", "landmarks": "osm_landmarks"}
SETTINGS = PlaceLabelSettings()


def places() -> list[tuple[str, shapely.Point, str]]:
    """Return item ids, places and slices: towns, a road, a landmark, out at sea; not sorted by id."""
    towns = planned().areas.geometry.representative_point()
    road = planned().roads.geometry.iloc[0].interpolate(0.5, normalized=True)
    landmark = planned().landmarks.geometry.iloc[0].representative_point()
    sea = shapely.Point(152.9, 33.9)
    found = [("z", towns.iloc[0], ""), ("a", towns.iloc[1], "night"), ("m", road, ""), ("k", landmark, "")]
    return [*found, ("b", sea, "aerial")]


def photographed(out: Path, bad: bytes | None = None) -> Dataset:
    """Write a dataset of tiny photographs at ``places``, groups of two; ``bad`` replaces the first one."""
    items = []
    for number, (name, place, slice_) in enumerate(places()):
        read = partial(photo, number) if bad is None or number else partial(bytes, bad)
        source = SourceItem(name, "", f"g{number // 2}", "", "CC0-1.0", "", read)
        items.append(PlaceItem(source, place.y, place.x, slice=slice_))
    collection = Collection([place.item for place in items], "test", "thread", {PLACES: places_bytes(items)})
    return ingest(collection, out, IngestSettings(max_quarantined_share=0.5), {"name": "test"})


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FeatureTable]:
    data = write_datasets(tmp_path_factory.mktemp("data"))
    return {name: FeatureTable(data / stage) for name, stage in NAMES.items()}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return photographed(tmp_path_factory.mktemp("photographs") / "street_views")


def town_by_walking(place: shapely.Point) -> tuple[str, str, str]:
    """Return the codes of prefecture, municipality and town of the one area that holds ``place``."""
    areas = planned().areas
    codes = areas[["prefecture_code", "municipality_code", "town_code"]].itertuples(index=False, name=None)
    found = [code for code, area in zip(codes, areas.geometry, strict=True) if area.contains(place)]
    assert len(found) <= 1
    return found[0] if found else ("", "", "")


def test_rows_stand_in_the_manifests_order_with_their_labels(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path
) -> None:
    made = label_dataset(dataset, tables, SETTINGS, tmp_path / "labels")
    assert verify(made.path).sha256 == made.sha256
    labels = read_labels(made.path)
    assert labels["item_id"].tolist() == dataset.manifest["item_id"].tolist() == ["z", "a", "m", "k", "b"]
    assert labels["group"].tolist() == ["g0", "g0", "g1", "g1", "g2"]
    assert labels["slice"].tolist() == ["", "night", "", "", "aerial"]
    found = list(labels[["prefecture", "municipality", "town"]].itertuples(index=False, name=None))
    assert found == [town_by_walking(place) for _, place, _ in places()]
    by_id = labels.set_index("item_id")
    road = planned().roads.iloc[0]
    assert by_id.loc["m", "road"] == f"{by_id.loc['m', 'municipality']}/{road['name']}"
    assert by_id.loc["k", "landmark"] == planned().landmarks["feature_id"].iloc[0]
    assert by_id.loc["b", list(TASKS)].tolist() == [""] * len(TASKS)


def test_municipalities_are_labelled_where_the_census_has_no_area(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path
) -> None:
    towns = tables["areas"].frame
    (tmp_path / "half").mkdir()
    towns[towns["town_code"] == town_by_walking(places()[0][1])[2]].to_parquet(
        tmp_path / "half" / "features.parquet"
    )
    half = tables | {"areas": FeatureTable(tmp_path / "half")}
    labels = read_labels(label_dataset(dataset, half, SETTINGS, tmp_path / "labels").path)
    second = labels.set_index("item_id").loc["a"]
    assert second["town"] == ""
    assert second["municipality"] == planned().areas["municipality_code"].iloc[0]


def test_the_table_of_imbalance_has_a_row_for_each_task(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path
) -> None:
    made = label_dataset(dataset, tables, SETTINGS, tmp_path / "labels")
    lines = (made.path / IMBALANCE).read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0] for row in rows[2:]] == list(TASKS)
    assert len({len(row) for row in rows}) == 1
    classes, labelled = rows[0].index("classes"), rows[0].index("labelled")
    town = rows[2 + TASKS.index("town")]
    assert (town[classes], town[labelled]) == ("2", "4")


def test_equal_inputs_give_equal_bytes(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path
) -> None:
    one, two = (label_dataset(dataset, tables, SETTINGS, tmp_path / name) for name in ("one", "two"))
    assert one.sha256 == two.sha256


def test_quarantined_photographs_have_no_labels(tables: dict[str, FeatureTable], tmp_path: Path) -> None:
    dataset = photographed(tmp_path / "street_views", bad=b"no image")
    labels = read_labels(label_dataset(dataset, tables, SETTINGS, tmp_path / "labels").path)
    assert labels["item_id"].tolist() == ["a", "m", "k", "b"]
    assert labels["slice"].tolist() == ["night", "", "", "aerial"]


def test_a_dataset_without_places_is_refused_and_nothing_is_written(
    tables: dict[str, FeatureTable], tmp_path: Path
) -> None:
    dataset = photographed(tmp_path / "street_views")
    (dataset.root / PLACES).unlink()
    with pytest.raises(IntegrityError, match=PLACES):
        label_dataset(dataset, tables, SETTINGS, tmp_path / "labels")
    assert not (tmp_path / "labels").exists()


@pytest.mark.parametrize("name", list(NAMES))
def test_a_missing_table_is_an_error(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path, name: str
) -> None:
    with pytest.raises(IntegrityError, match="gone"):
        label_dataset(
            dataset, tables | {name: FeatureTable(tmp_path / "gone")}, SETTINGS, tmp_path / "labels"
        )
    assert not (tmp_path / "labels").exists()


def test_tables_that_were_exchanged_are_refused(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path
) -> None:
    wrong = tables | {"areas": tables["roads"]}
    with pytest.raises(GeoDataError, match="town_code"):
        label_dataset(dataset, wrong, SETTINGS, tmp_path / "labels")


@pytest.mark.parametrize("name", ["areas", "roads"])
def test_a_map_of_another_land_is_refused_with_both_extents(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path, name: str
) -> None:
    def moved(table: str) -> FeatureTable:
        frame = tables[table].frame
        frame = frame.set_geometry(frame.geometry.translate(-20, 4))
        return write_features(frame, {"name": table}, tmp_path / table)

    # Municipalities of the right land would label photographs that the towns do not.
    elsewhere = [name, "admin"] if name == "areas" else [name]
    with pytest.raises(GeoDataError, match=f"0 of 5 photographs lie .* of the {name}") as told:
        label_dataset(dataset, tables | {one: moved(one) for one in elsewhere}, SETTINGS, tmp_path / "labels")
    there = [point for _, point, _ in places()]
    assert (
        f"{min(point.x for point in there):.4f} to {max(point.x for point in there):.4f} east"
        in told.value.found
    )
    west, _, east, _ = FeatureTable(tmp_path / name).frame.total_bounds
    assert f"{west:.4f} to {east:.4f} east" in told.value.expected
    assert not (tmp_path / "labels").exists()


def test_photographs_without_roads_warn_and_those_outside_of_all_areas_stop(
    dataset: Dataset, tables: dict[str, FeatureTable], tmp_path: Path
) -> None:
    labels = read_labels(label_dataset(dataset, tables, SETTINGS, tmp_path / "labels").path)
    at_road = float((labels["road"] != "").mean())
    for least_share, least_road_share in ((0.8, at_road), (0.81, at_road + 0.01)):
        settings = PlaceLabelSettings(least_share=least_share, least_road_share=least_road_share)
        findings = label_findings(labels, settings)
        assert tuple(finding.check for finding in findings) == LABEL_CHECKS
        assert {finding.passed for finding in findings} == {least_share == 0.8}
    assert "80.0% lie in one of the areas" in findings[0].says
    assert "within 20 m" in findings[1].says


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_between_none_and_all(share: float) -> None:
    with pytest.raises(ConfigError, match="least_share"):
        parse_settings({"least_share": share}, PlaceLabelSettings, "the test")
