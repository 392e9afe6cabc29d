"""The real photographs with coordinates that lie beside the repository, and folds that keep places apart.

They are too few for one split: places nearer to each other than the distance to be kept are joined (and so
are those joined to them), the joined ones are dealt to folds, and each fold is asked once, against all the
others. So every photograph is tested, none is left out, and none has one of the gallery within that distance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse.csgraph import connected_components

from zuroku.datasets.geodata.areas import AreaSettings, read_areas
from zuroku.datasets.ingest import ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.places.collection import PlaceCollectionSettings, open_places
from zuroku.datasets.places.photo_folder import PlaceFolderSettings
from zuroku.datasets.places.photo_table import PlaceColumns
from zuroku.datasets.places.table import read_places
from zuroku.geo.distances import Coordinates, haversine_km
from zuroku.geo.labels import LabelSettings, label_places

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "geo"
PHOTOS = _SHARED / "photos_jp"
_AREAS = _SHARED / "admin" / "geojson" / "s0010"

VAL_SHARE = 0.2
_SEED = 20211211


@dataclass(frozen=True)
class Photographs:
    """The photographs as a dataset, and their labels in its order."""

    dataset: Dataset
    table: pd.DataFrame

    @property
    def coordinates(self) -> Coordinates:
        """Latitude and longitude ``(n, 2)``."""
        places: Coordinates = self.table[["latitude", "longitude"]].to_numpy(dtype=np.float64)
        return places


def read_photographs(folder: Path) -> Photographs:
    """Ingest the photographs, with their place as the group, and label them by municipality."""
    source = PlaceCollectionSettings(
        kind="places",
        name="photos_jp",
        description="",
        licence="local use only",
        url="",
        source="folder",
        folder=PlaceFolderSettings(
            root=PHOTOS,
            table="manifest.csv",
            columns=PlaceColumns(latitude="lat", longitude="lon", group="place"),
        ),
    )
    out = folder / "photos"
    if not out.exists():
        card = {"name": source.name, "licence": source.licence}
        ingest(open_places(source, PHOTOS), out, source.ingest, card)
    dataset = Dataset(out)
    areas = read_areas(AreaSettings(layout="n03", files=sorted(_AREAS.glob("*.json"))), _AREAS).frame
    nothing = gpd.GeoDataFrame({"feature_id": [], "name": []}, geometry=[], crs="EPSG:4326")
    places = read_places(dataset.root).set_index("item_id").loc[dataset.manifest["item_id"]].reset_index()
    table = label_places(
        places["item_id"].tolist(),
        places[["latitude", "longitude"]].to_numpy(),
        areas,
        nothing,
        nothing,
        LabelSettings(),
    ).assign(group=dataset.manifest["group"].to_numpy())
    return Photographs(dataset, table)


def joined_places(
    coordinates: npt.ArrayLike, groups: Sequence[str], apart_km: float
) -> npt.NDArray[np.int64]:
    """Return ``(n,)`` the component of each photograph; two of different ones are farther than ``apart_km``.

    Groups are never divided. Great circles; components are numbered by their first photograph.
    """
    places = np.asarray(coordinates, dtype=np.float64)
    names = np.asarray(groups, dtype=object)
    near = haversine_km(
        places[:, None].repeat(len(places), axis=1).reshape(-1, 2), np.tile(places, (len(places), 1))
    )
    linked = (near.reshape(len(places), -1) <= apart_km) | (names[:, None] == names)
    _, found = connected_components(linked, directed=False)
    numbers: npt.NDArray[np.int64] = found.astype(np.int64)
    return numbers


def dealt(components: npt.NDArray[np.int64], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Return ``(n,)`` the fold of each photograph: the largest component first, each to the smallest fold.

    There are at most ``folds``; equal sizes are ordered by ``seed``.
    """
    names, sizes = np.unique(components, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(min(folds, len(names)), dtype=np.int64)
    fold_of = {}
    for place in order:
        fold_of[names[place]] = int(filled.argmin())
        filled[filled.argmin()] += sizes[place]
    return np.array([fold_of[name] for name in components], dtype=np.int64)


def fold_splits(
    groups: Sequence[str], components: npt.NDArray[np.int64], folds: npt.NDArray[np.int64], fold: int
) -> pd.DataFrame:
    """Return ``group, split`` of one fold: test, and of the rest val and train, whole components each.

    Val are components in a seeded order as long as they fit into ``VAL_SHARE`` of the rest; where none fits,
    the smallest.
    """
    names, sizes = np.unique(components[folds != fold], return_counts=True)
    room = VAL_SHARE * sizes.sum()
    val = set()
    for place in np.random.default_rng(_SEED + fold).permutation(len(names)):
        if sizes[place] <= room:
            val.add(names[place])
            room -= sizes[place]
    val = val or {names[sizes.argmin()]}
    splits = np.where(folds == fold, "test", np.where(np.isin(components, list(val)), "val", "train"))
    return pd.DataFrame({"group": groups, "split": splits}).drop_duplicates().sort_values("group")
