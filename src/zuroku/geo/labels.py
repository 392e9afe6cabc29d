"""Labels of places by spatial join: prefecture, municipality, town, road, landmark (Hirata et al., 3.1).

From coordinates and tables of features to a table of labels, and the table of how unequal they are. Reading
files, splitting and training belong elsewhere.
"""

from collections.abc import Sequence
from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from zuroku.config import Settings
from zuroku.errors import GeoDataError
from zuroku.geo.distances import checked_coordinates
from zuroku.geo.metric import containing, nearest_within

Task = Literal["prefecture", "municipality", "town", "road", "landmark"]
TASKS: tuple[Task, ...] = ("prefecture", "municipality", "town", "road", "landmark")
"""The five classifications of the paper, from coarse to fine."""

_LEVELS = ("prefecture", "municipality", "town")


class LabelSettings(Settings):
    """How near a road or landmark must be, and how many items a class needs.

    ``least_items`` names a minimum by task: the labels of rarer classes are taken away. The paper does not
    speak of one, but its Table 2 shows no town with less than 10 items and no road or landmark with less
    than 11.
    """

    max_distance_m: float = Field(default=20.0, gt=0, le=1000, description="20 m in section 3.1")
    least_items: dict[Task, int] = Field(default_factory=dict)


def label_places(
    item_ids: Sequence[str],
    coordinates: npt.ArrayLike,
    areas: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    landmarks: gpd.GeoDataFrame,
    settings: LabelSettings,
    admin: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Label each place with the area it lies in, and the nearest road and landmark, joined in metres.

    Args:
        item_ids: ``(n,)`` unique ids.
        coordinates: ``(n, 2)`` latitude, longitude in degrees.
        areas: Polygons with ``feature_id, prefecture_code, municipality_code, town_code`` ("" = not given).
        roads: Lines with ``feature_id, name``.
        landmarks: Points or polygons with ``feature_id``; inside a polygon the distance is 0.
        settings: Distance and least number of items.
        admin: A second table of areas, which gives prefecture and municipality where ``areas`` does not.

    Returns:
        One row per item in their order: ``item_id, latitude, longitude``, the five ``TASKS`` as strings,
        ``road_distance_m, landmark_distance_m``. An area is named by its code. A road is
        ``municipality/name``, so that the ways of one street are one class, and its ``feature_id`` if it
        has no name; a landmark is its ``feature_id``. "" is no label (the paper's -1): outside of all
        areas, nothing within ``max_distance_m`` (the distance is NaN), or too rare a class. On a border
        the lowest code is taken, of equally near features the lowest ``feature_id`` (as text).

    Raises:
        GeoDataError: ids are repeated or do not fit the coordinates, coordinates are out of range, or a
            table lacks a column or is not in EPSG:4326.
    """
    places = checked_coordinates(coordinates)
    _check_ids(item_ids, len(places))
    labels = pd.DataFrame(
        {"item_id": np.array(item_ids, dtype=object), "latitude": places[:, 0], "longitude": places[:, 1]}
    )
    codes = _area_codes(places, areas)
    if admin is not None:
        given = _area_codes(places, admin)
        codes = {
            level: np.where((codes[level] == "") & (level != "town"), given[level], codes[level])
            for level in _LEVELS
        }
    labels = labels.assign(**codes)
    ordered = _by_id(roads, ["feature_id", "name"], "roads")
    road, road_distances = nearest_within(places, _geometries(ordered), settings.max_distance_m)
    labels["road"] = _road_labels(road, ordered, codes["municipality"])
    ordered = _by_id(landmarks, ["feature_id"], "landmarks")
    landmark, distances = nearest_within(places, _geometries(ordered), settings.max_distance_m)
    labels["landmark"] = _taken(ordered["feature_id"], landmark)
    labels["road_distance_m"], labels["landmark_distance_m"] = road_distances, distances
    for task, least in settings.least_items.items():
        sizes = labels.groupby(task)[task].transform("size")
        labels[task] = labels[task].where(sizes >= least, "")
    return labels


def imbalance_table(labels: pd.DataFrame) -> pd.DataFrame:
    """How unequal the classes are: the paper's Table 2, with the numbers of classes and items beside it.

    ``deviation`` is the population standard deviation of the items per class, ``least`` and ``most`` the
    smallest and the largest class; all are 0 where a task has no class. Unlabelled items are no class.

    The deviations that the paper prints cannot belong to its minima and maxima. No set of numbers between
    ``least`` and ``most`` deviates by more than half the range (Popoviciu's inequality; over the n - 1 form
    at most ``sqrt(n / (n - 1))`` times that): 1,665 for its towns, where it prints 5,578.86; 85.5 for
    roads (523.08); 739.5 for landmarks (1,631.36). And n numbers that reach both ends deviate by at least
    ``range / sqrt(2 n)``, 11,694 for 47 prefectures from 4,480 to 117,857, where it prints 13.44. Only the
    municipalities' 522.18 is possible.
    """
    rows = []
    for task in TASKS:
        given = labels[task][labels[task] != ""]
        sizes = given.value_counts().to_numpy()
        rows.append(
            {
                "task": task,
                "classes": len(sizes),
                "deviation": float(sizes.std()) if len(sizes) else 0.0,
                "least": int(sizes.min(initial=len(given))),
                "most": int(sizes.max(initial=0)),
                "labelled": len(given),
                "unlabelled": len(labels) - len(given),
            }
        )
    return pd.DataFrame(rows)


def _area_codes(
    places: npt.NDArray[np.float64], areas: gpd.GeoDataFrame
) -> dict[str, npt.NDArray[np.object_]]:
    """The codes ``(n,)`` of the area that each place lies in, by level."""
    columns = [f"{level}_code" for level in _LEVELS]
    ordered = _by_id(areas, ["feature_id", *columns], "areas")
    # A table may hold municipalities beside their towns: the finest area knows most.
    fineness = (ordered[columns] != "").iloc[:, ::-1]
    ordered = ordered.loc[fineness.sort_values(list(fineness), ascending=False, kind="stable").index]
    found = containing(places, _geometries(ordered))
    return {level: _taken(ordered[f"{level}_code"], found) for level in _LEVELS}


def _road_labels(
    road: npt.NDArray[np.intp], roads: gpd.GeoDataFrame, municipality: npt.NDArray[np.object_]
) -> npt.NDArray[np.object_]:
    names, ids = _taken(roads["name"], road), _taken(roads["feature_id"], road)
    named = [
        f"{code}/{name}" if name else way for code, name, way in zip(municipality, names, ids, strict=True)
    ]
    return np.array(named, dtype=object)


def _taken(values: pd.Series, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
    """``values`` at ``positions``, "" where the position is -1."""
    # The last element stands for -1.
    return np.append(values.to_numpy(dtype=object), "")[positions]


def _geometries(frame: gpd.GeoDataFrame) -> npt.NDArray[np.object_]:
    return np.asarray(frame.geometry.to_numpy(), dtype=object)


def _by_id(frame: gpd.GeoDataFrame, columns: list[str], what: str) -> gpd.GeoDataFrame:
    """Sort a table by ``feature_id``, so that the lowest index is the lowest id."""
    missing = [name for name in columns if name not in frame]
    if missing or frame.crs is None or frame.crs.to_epsg() != 4326:
        raise GeoDataError(
            f"the {what} have " + (f"no column {', '.join(missing)}" if missing else f"the CRS {frame.crs}"),
            expected=f"a GeoDataFrame in EPSG:4326 with the columns {', '.join(columns)}",
            remedy="read the table with zuroku.datasets.geodata",
        )
    return frame.sort_values("feature_id", ignore_index=True)


def _check_ids(item_ids: Sequence[str], n_places: int) -> None:
    repeated = len(item_ids) - len(set(item_ids))
    if len(item_ids) != n_places or repeated:
        raise GeoDataError(
            f"{len(item_ids)} item ids ({repeated} repeated) and {n_places} coordinates",
            expected="one unique id for each place",
            remedy="take both from the same table of places",
        )
