import errno
import hashlib
import json

import geopandas as gpd
import pytest
import shapely

from zuroku.artifacts import locked
from zuroku.datasets.geodata.features import CARD, FEATURES, FeatureTable, write_features
from zuroku.errors import BusyError, GeoDataError, IntegrityError, StorageError


def roads(ids=("way/2", "way/10", "way/1"), kinds=("primary", "service", "service")):
    lines = [shapely.LineString([(139 + n, 35), (139 + n, 36)]) for n in range(len(ids))]
    return gpd.GeoDataFrame({"feature_id": list(ids), "kind": list(kinds)}, geometry=lines, crs=4326)


def test_a_table_is_read_as_it_was_written_by_id(tmp_path):
    table = write_features(roads(), {"name": "道路", "licence": "ODbL"}, tmp_path / "roads")
    assert table == FeatureTable(tmp_path / "roads")
    assert table.frame["feature_id"].tolist() == ["way/1", "way/10", "way/2"]
    assert table.frame.crs.to_epsg() == 4326
    assert table.frame.geometry.iloc[0].equals(shapely.LineString([(141, 35), (141, 36)]))
    assert table.card == {
        "name": "道路",
        "licence": "ODbL",
        "features": 3,
        "counts": {"primary": 1, "service": 2},
        "bounds": {"west": 139.0, "south": 35.0, "east": 141.0, "north": 36.0},
    }
    assert "道路" in (tmp_path / "roads" / CARD).read_text(encoding="utf-8")
    assert table.version == hashlib.sha256((tmp_path / "roads" / FEATURES).read_bytes()).hexdigest()


def test_equal_rows_give_equal_bytes_in_any_order(tmp_path):
    first = write_features(roads(), {}, tmp_path / "a")
    shuffled = roads().sample(frac=1, random_state=3)
    assert write_features(shuffled, {}, tmp_path / "b").version == first.version
    other = roads(kinds=("primary", "service", "primary"))
    assert write_features(other, {}, tmp_path / "c").version != first.version


def test_a_table_without_rows_is_a_table(tmp_path):
    table = write_features(roads((), ()), {}, tmp_path / "roads")
    assert len(table.frame) == 0
    assert table.card == {"features": 0, "counts": {}, "bounds": None}


def test_a_card_that_is_no_json_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_features(roads(), {"farthest_m": float("inf")}, tmp_path / "roads")
    assert not (tmp_path / "roads").exists()


def test_a_second_write_replaces_the_first(tmp_path):
    write_features(roads(), {}, tmp_path / "roads")
    table = write_features(roads(("way/7",), ("primary",)), {}, tmp_path / "roads")
    assert table.frame["feature_id"].tolist() == ["way/7"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".roads.lock", "roads"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (roads(ids=("way/1", "way/1", "way/2")), r"1 repeated feature_ids \(way/1\)"),
        (roads().drop(columns="feature_id"), "no column feature_id"),
        (roads().to_crs(32654), "the CRS EPSG:32654"),
        (roads().set_crs(None, allow_override=True), "the CRS is not given"),
        (
            roads().set_geometry([shapely.Point(), None, shapely.Point(139, 35)], crs=4326),
            "2 empty geometries",
        ),
    ],
)
def test_a_frame_that_is_no_table_of_features_is_refused(tmp_path, frame, said):
    with pytest.raises(GeoDataError, match=said):
        write_features(frame, {}, tmp_path / "roads")
    assert not (tmp_path / "roads").exists()


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    before = write_features(roads(), {}, tmp_path / "roads").version

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gpd.GeoDataFrame, "to_parquet", full)
    with pytest.raises(StorageError, match="no room left"):
        write_features(roads(("way/7",), ("primary",)), {}, tmp_path / "roads")
    assert FeatureTable(tmp_path / "roads").version == before


def test_two_writers_do_not_meet(tmp_path):
    with locked(tmp_path / ".roads.lock"), pytest.raises(BusyError):
        write_features(roads(), {}, tmp_path / "roads")


def test_a_missing_or_broken_table_says_so(tmp_path):
    for read in ("frame", "card", "version"):
        with pytest.raises(IntegrityError, match=r"no (features.parquet|dataset.json) in"):
            getattr(FeatureTable(tmp_path), read)
    (tmp_path / FEATURES).write_bytes(b"PAR1 cut off")
    (tmp_path / CARD).write_text(json.dumps({}))
    with pytest.raises(IntegrityError, match="not readable GeoParquet"):
        _ = FeatureTable(tmp_path).frame
