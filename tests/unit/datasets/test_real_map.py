"""A real map joined with a real census: roads and landmarks → points → labels → panoramas."""

import io
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from zuroku.config import parse_settings
from zuroku.datasets.geodata.collection import (
    FeatureCollectionSettings,
    PointCollectionSettings,
    ingest_features,
)
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.street_views import StreetViewSettings, open_street_views
from zuroku.geo.labels import TASKS, LabelSettings, label_places
from zuroku.geo.sampling import points_by_class

REAL = Path(__file__).resolve().parents[4] / "shared/data/geo"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real maps in {REAL}")

ABOUT = {"description": "A test.", "licence": "ODbL-1.0", "url": "", "source": "published"}
OSM = {"source": "pbf", "path": "osm/tokyo_nerima_itabashi.osm.pbf", "engine": "osmium"}
TABLES: dict[str, dict[str, Any]] = {
    "osm_roads": {"kind": "roads", "osm": OSM},
    "osm_landmarks": {"kind": "landmarks", "osm": OSM},
    "census_areas": {"kind": "areas", "areas": {"layout": "estat", "files": ["census/h27ka13119.shp"]}},
    "admin_areas": {
        "kind": "areas",
        "areas": {"layout": "n03", "files": ["admin/geojson/s0010/N03-21_13_210101.json"]},
    },
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tables, and points with the paper's intervals at medoids and at centroids."""
    folder = tmp_path_factory.mktemp("data")
    for name, values in TABLES.items():
        settings = parse_settings({"name": name} | ABOUT | values, FeatureCollectionSettings, "the test")
        ingest_features(settings, folder / name, REAL)
    for how in ("medoid", "centroid"):
        values = {"kind": "points", "name": how, "sampling": {"representative": how}}
        settings = parse_settings(ABOUT | values | {"source": "sampled"}, PointCollectionSettings, "the test")
        ingest_features(settings, folder / how, REAL)
    return folder


def frame(data: Path, name: str) -> gpd.GeoDataFrame:
    return FeatureTable(data / name).frame


def labels_of(data: Path, name: str) -> pd.DataFrame:
    """Return the labels of the points ``name``, with their ``source`` and ``kind``."""
    points = frame(data, name)
    labels = label_places(
        points["feature_id"].tolist(),
        np.column_stack([points.geometry.y, points.geometry.x]),
        frame(data, "census_areas"),
        frame(data, "osm_roads"),
        frame(data, "osm_landmarks"),
        LabelSettings(),
        frame(data, "admin_areas"),
    )
    return labels.assign(source=points["source"], kind=points["kind"])


def test_the_extract_meets_a_corner_of_the_census(data: Path) -> None:
    tables = {name: frame(data, name) for name in ("osm_roads", "osm_landmarks", "census_areas")}
    assert [len(table) for table in tables.values()] == [642, 21, 134]
    metric = {name: table.to_crs(32654) for name, table in tables.items()}
    met = metric["census_areas"].sjoin(metric["osm_roads"], predicate="intersects")
    assert met["feature_id_left"].nunique() == 16


@pytest.mark.parametrize(
    ("how", "sources", "nearest_m", "labelled", "on_their_road"),
    [
        ("medoid", {"road": 12, "landmark": 8}, (511, 630, 1093), (20, 20, 5, 14, 8), 12),
        ("centroid", {"road": 11, "landmark": 8}, (510, 562, 1093), (19, 19, 5, 10, 4), 8),
    ],
)
def test_points_and_their_labels(
    data: Path,
    how: str,
    sources: dict[str, int],
    nearest_m: tuple[int, ...],
    labelled: tuple[int, ...],
    on_their_road: int,
) -> None:
    labels = labels_of(data, how)
    assert labels["source"].value_counts().to_dict() == sources
    assert FeatureTable(data / how).card["report"]["nearest_m"] == pytest.approx(nearest_m, abs=0.6)
    assert tuple((labels[task] != "").sum() for task in TASKS) == labelled
    assert (labels["road"][labels["source"] == "road"] != "").sum() == on_their_road
    # The wards of the census of 2015 are those of the municipalities of 2021.
    counts = points_by_class(frame(data, how), frame(data, "admin_areas"))
    wards = counts.groupby("municipality_code")["points"].sum().to_dict()
    assert wards == labels["municipality"].value_counts().to_dict() == {"13119": 5, "13120": len(labels) - 5}


def test_stations_and_streets_are_where_the_city_has_them(data: Path) -> None:
    labels = labels_of(data, "medoid")
    landmarks = frame(data, "osm_landmarks").set_index("feature_id")["name"]
    towns = frame(data, "census_areas").set_index("town_code")["town"]
    stations = labels[labels["kind"] == "railway=station"]
    names = [landmarks[station].split()[0] for station in stations["landmark"]]
    assert dict(zip(names, stations["municipality"], strict=True)) == {
        "練馬": "13120",
        "平和台": "13120",
        "地下鉄赤塚": "13120",
        "地下鉄成増": "13119",
    }
    assert sorted(towns[code] for code in labels["town"] if code) == [
        "小茂根５丁目",
        "成増２丁目",
        "東山町",
        "東新町２丁目",
        "桜川３丁目",
    ]
    # Ring road 7 leads through both wards and is one street in each.
    ring = labels["road"][labels["road"].str.contains("環七通り")].value_counts().to_dict()
    assert ring == {"13119/環七通り (Kannana dori)": 1, "13120/環七通り (Kannana dori)": 2}


def test_panoramas_of_a_real_map_are_drawn_by_configuration(data: Path) -> None:
    values = {"kind": "places", "name": "street_views", "source": "generated", "points": "medoid"}
    drawn = {"generated": {"land_seed": 1, "seed": 2, "size_px": 32}}
    settings = parse_settings(ABOUT | values | drawn, StreetViewSettings, "the test")
    items = {item.item_id: item for item in open_street_views(settings, data, data).items}
    assert sorted(items) == [f"{point}_0" for point in frame(data, "medoid")["feature_id"]]
    pictures = []
    # A ring road in Nerima, one in Itabashi, and a station.
    for item_id, town, seen in (
        ("p000001_0", "", "環七通り (Kannana dori)"),
        ("p000012_0", "東山町", "環七通り (Kannana dori)"),
        ("p000019_0", "成増２丁目", "railway=station"),
    ):
        plan = items[item_id].read.args[0].read.args[0]  # type: ignore[attr-defined]
        assert (plan.town, seen in (plan.road_name, plan.landmark_kind)) == (town, True)
        picture = Image.open(io.BytesIO(items[item_id].read())).convert("RGB")
        assert picture.size == (128, 32)
        pictures.append(np.asarray(picture, dtype=np.float64))
        assert pictures[-1].std() > 20
    assert min(abs(a - b).mean() for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True)) > 10
