"""The table of places beside a manifest."""

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.datasets.places.place_files import put
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.places.table import PLACES, PLACES_SCHEMA, places_bytes, read_places
from zuroku.datasets.source import SourceItem
from zuroku.errors import GeoDataError, IntegrityError


def place(item_id: str, latitude: float = 35.0, longitude: float = 139.0, **fields: object) -> PlaceItem:
    item = SourceItem(item_id, "", item_id, "", "CC0", "", bytes)
    return PlaceItem(item, latitude, longitude, **fields)  # type: ignore[arg-type]


def dataset_of(root: Path, manifest: list[str], table: bytes) -> Path:
    put(root, PLACES, table)
    pq.write_table(pa.table({"item_id": manifest}), root / "manifest.parquet")
    return root


def test_rows_return_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    items = [
        place(
            "b", heading=90.0, captured_at="2024-01-02T03:04:05", sequence="s", author="花子", slice="night"
        ),
        place("a", -90, 180),
        place("quarantined"),
    ]
    frame = read_places(dataset_of(tmp_path, ["b", "a"], places_bytes(items)))
    assert list(frame.columns) == PLACES_SCHEMA.names
    assert frame["item_id"].tolist() == ["b", "a"]
    assert frame.iloc[0].tolist() == ["b", 35.0, 139.0, 90.0, "2024-01-02T03:04:05", "s", "花子", "night"]
    assert math.isnan(frame.iloc[1]["heading"])


def test_bytes_do_not_depend_on_the_order() -> None:
    items = [place("a"), place("b", 1, 2)]
    assert places_bytes(items) == places_bytes(items[::-1])
    assert places_bytes([]) == places_bytes([])


@pytest.mark.parametrize(
    "bad",
    [
        place("a", 139, 35),
        place("a", math.nan),
        place("a", heading=360.0),
        place("a", heading=-1.0),
        place("a", slice="dusk"),
    ],
)
def test_unknown_values_are_refused(bad: PlaceItem) -> None:
    with pytest.raises(GeoDataError):
        places_bytes([bad])


def test_faults_of_the_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=f"no {PLACES}"):
        read_places(tmp_path)
    put(tmp_path, PLACES, places_bytes([place("a")]))
    with pytest.raises(IntegrityError, match=r"no manifest.parquet"):
        read_places(tmp_path)
    dataset_of(tmp_path, ["a", "b"], places_bytes([place("a")]))
    with pytest.raises(IntegrityError, match="lacks 1 items of the manifest: b"):
        read_places(tmp_path)
    pq.write_table(pa.table({"item_id": ["a"], "lat": [1.0]}), tmp_path / PLACES)
    with pytest.raises(IntegrityError, match="has the columns item_id, lat"):
        read_places(tmp_path)
