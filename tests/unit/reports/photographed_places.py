"""Forty panoramas of noise in four municipalities, with their places, labels and splits, made on the spot."""

from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import torch
from shapely.geometry import box

from tests.unit.models.geolocation import bundles
from tests.unit.models.geolocation.bundles import SIZE, picture
from zuroku.artifacts import Artifact, build
from zuroku.datasets.geodata.features import FeatureTable, write_features
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.places.table import PLACES, places_bytes
from zuroku.datasets.source import SourceItem
from zuroku.models.geolocation.network import Geolocator
from zuroku.models.geolocation.views import picture_views
from zuroku.reports.place_vectors import LocatedPhotographs

CARD = {"name": "views", "description": "test", "licence": "CC0-1.0", "url": "https://example.org"}
MUNICIPALITIES = {
    "13101": (35.69, 139.75),
    "13102": (35.67, 139.77),
    "14100": (35.44, 139.64),
    # No class of the models of these tests.
    "14999": (35.30, 139.48),
}
SPLITS = ("train", "train", "val", "test", "none")
"""Of the five groups of each municipality, two photographs each."""


def table() -> pd.DataFrame:
    """Return the labels, in the manifest's order, with the split of each photograph beside them."""
    draw = np.random.default_rng(5)
    rows = []
    for municipality, (latitude, longitude) in MUNICIPALITIES.items():
        for index in range(10):
            rows.append(
                {
                    # Not in the order of the rows.
                    "item_id": f"p{9 - index}{municipality}",
                    "latitude": latitude + draw.normal(0, 0.01),
                    "longitude": longitude + draw.normal(0, 0.01),
                    "prefecture": municipality[:2],
                    "municipality": municipality,
                    "town": "",
                    "road": ("Aoba-dori", "unknown road", "")[index % 3],
                    "landmark": "node/3" if index == 7 else "",
                    "group": f"g{municipality}{index // 2}",
                    "slice": "night" if index % 2 else "",
                    "split": SPLITS[index // 2],
                }
            )
    return pd.DataFrame(rows)


def world(root: Path) -> tuple[Dataset, Artifact, Artifact]:
    """Return the dataset, its labels and its splits, all below ``root``."""
    rows = table()
    items = []
    for number, row in enumerate(rows.itertuples()):
        read = partial(picture, 160, 40, 100 + number)
        source = SourceItem(
            row.item_id, "", row.group, "", "CC-BY-4.0", f"https://example.org/{row.item_id}", read
        )
        author = f"author of {row.item_id}"
        items.append(PlaceItem(source, row.latitude, row.longitude, author=author, slice=row.slice))
    collection = Collection([place.item for place in items], "test", "thread", {PLACES: places_bytes(items)})
    dataset = ingest(collection, root / "data", IngestSettings(), CARD)
    labels = rows.drop(columns="split")
    groups = rows[["group", "split"]].drop_duplicates()
    return (
        dataset,
        build(root / "labels", lambda out: labels.to_parquet(out / "labels.parquet")),
        build(root / "splits", lambda out: groups.to_parquet(out / "splits.parquet")),
    )


def areas(root: Path) -> FeatureTable:
    """Return a square of land about each municipality."""
    frame = gpd.GeoDataFrame(
        {
            "feature_id": list(MUNICIPALITIES),
            "prefecture_code": [code[:2] for code in MUNICIPALITIES],
            "prefecture": ["東京都" if code.startswith("13") else "神奈川県" for code in MUNICIPALITIES],
            "municipality_code": list(MUNICIPALITIES),
            "municipality": [f"city {code}" for code in MUNICIPALITIES],
            "town_code": "",
            "town": "",
        },
        geometry=[box(x - 0.05, y - 0.05, x + 0.05, y + 0.05) for y, x in MUNICIPALITIES.values()],
        crs="EPSG:4326",
    )
    card = {"name": "areas", "licence": "CC-BY-4.0", "citation": "Bureau of Land."}
    return write_features(frame, card, root / "areas")


def network(dataset: Dataset, seed: int = 0) -> Geolocator:
    """Return random weights whose vectors of ``dataset`` point in all directions, as trained ones do."""
    geolocator = bundles.network()
    projection = geolocator.space.projection
    torch.manual_seed(seed)
    projection.reset_parameters()
    squares = np.stack([picture_views(dataset.read(row), SIZE, 4) for row in dataset.rows()])
    with torch.no_grad():
        pixels = torch.from_numpy(squares).flatten(0, 1).permute(0, 3, 1, 2) / 255
        features = geolocator.backbone.raw_vectors(pixels).view(*squares.shape[:2], -1).mean(dim=1)
        projection.weight /= (features @ projection.weight.T).std(dim=0)[:, None]
        projection.bias.copy_(-(features @ projection.weight.T).mean(dim=0))
    return geolocator


def units(n: int, seed: int, dimension: int = 8) -> np.ndarray:
    """Return ``(n, dimension)`` float32 unit vectors."""
    drawn = np.random.default_rng(seed).standard_normal((n, dimension))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def photographs(rows: pd.DataFrame, vectors: np.ndarray, **heads: list[str]) -> LocatedPhotographs:
    """Return ``rows`` as a model might have seen them; without a cluster each group is one."""
    rows = rows if "cluster" in rows else rows.assign(cluster=rows["group"])
    named = {task: np.array(names, dtype=object) for task, names in heads.items()}
    return LocatedPhotographs(rows.reset_index(drop=True), vectors, named)
