"""Places for landmarks: one in each cell of a grid, and more for what is larger than a cell.

The cells are rows of equal latitude cut into pieces of equal width, so they have the same size everywhere and
need no projection. What becomes of the places, and roads, belong elsewhere.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pydantic import Field

from zuroku.config import Settings
from zuroku.geo.distances import EARTH_RADIUS_KM, Coordinates
from zuroku.geo.line_walk import Geometries

METRES_PER_DEGREE = np.pi / 180 * EARTH_RADIUS_KM * 1000


class LandmarkGrid(Settings):
    """The cell size for landmarks of at least this area."""

    least_area_m2: float = Field(ge=0)
    cell_m: float = Field(gt=0)


def landmark_candidates(
    landmarks: gpd.GeoDataFrame, grids: Sequence[LandmarkGrid], closest_m: float, least_per_class: int
) -> pd.DataFrame:
    """Return ``latitude, longitude, kind``: for each kind and size one place per cell.

    ``landmarks`` has the columns ``feature_id, kind, geometry``; ``grids`` go from the largest area to 0.
    The cells of a kind with fewer than ``least_per_class`` places are halved, down to ``closest_m``.
    """
    places = _all_places(landmarks, grids)
    coarsest_m = max(grid.cell_m for grid in grids)
    kept = [places.iloc[:0]]
    for _, of_kind in places.groupby("kind"):
        share = 1.0
        while True:
            cells_m = np.maximum(closest_m, of_kind["cell_m"] * share)
            sizes = of_kind.groupby(cells_m)
            found = pd.concat([one_per_cell(same, float(str(cell_m))) for cell_m, same in sizes])
            if len(found) >= min(least_per_class, len(of_kind)) or coarsest_m * share <= closest_m:
                break
            share /= 2
        kept.append(found)
    return pd.concat(kept, ignore_index=True)[["latitude", "longitude", "kind"]]


def areas_m2(geometries: Geometries) -> npt.NDArray[np.float64]:
    """Return the area of each geometry ``(n,)`` on the sphere; 0 for points and lines.

    By the sinusoidal projection, which keeps areas.
    """

    def flat(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return METRES_PER_DEGREE * np.column_stack([xy[:, 0] * np.cos(np.radians(xy[:, 1])), xy[:, 1]])

    return np.asarray(shapely.area(shapely.transform(geometries, flat)), dtype=np.float64)


def cells_of(coordinates: Coordinates, cell_m: float) -> npt.NDArray[np.int64]:
    """Return the cell ``(n, 2)`` (row, column) of each place in the grid of ``cell_m`` metres."""
    row = np.floor(coordinates[:, 0] * METRES_PER_DEGREE / cell_m)
    column = np.floor(coordinates[:, 1] * METRES_PER_DEGREE * _shrink(row, cell_m) / cell_m)
    return np.column_stack([row, column]).astype(np.int64)


def places_in(geometry: shapely.Geometry, cell_m: float) -> Coordinates:
    """Return the centres ``(k, 2)`` of the cells that lie in ``geometry``, or one place in it if none."""
    west, south, east, north = shapely.bounds(geometry) * METRES_PER_DEGREE / cell_m
    found = []
    for row in range(int(np.floor(south)), int(np.floor(north)) + 1):
        shrink = float(_shrink(np.array(row), cell_m))
        columns = np.arange(np.floor(west * shrink), np.floor(east * shrink) + 1)
        latitude = (row + 0.5) * cell_m / METRES_PER_DEGREE
        longitudes = (columns + 0.5) * cell_m / METRES_PER_DEGREE / shrink
        inside = shapely.contains_xy(geometry, longitudes, np.full(len(longitudes), latitude))
        found += [(latitude, longitude) for longitude in longitudes[inside]]
    if not found:
        one = shapely.point_on_surface(geometry)
        found = [(one.y, one.x)]
    return np.array(found, dtype=np.float64)


def one_per_cell(places: pd.DataFrame, cell_m: float) -> pd.DataFrame:
    """Keep the place of the largest landmark in each cell; of equal ones that with the first ``feature_id``.

    ``places`` has the columns ``latitude, longitude, area_m2, feature_id``.
    """
    ordered = places.sort_values(
        ["area_m2", "feature_id", "latitude", "longitude"], ascending=[False, True, True, True]
    )
    cells = cells_of(ordered[["latitude", "longitude"]].to_numpy(dtype=np.float64), cell_m)
    first = ~pd.DataFrame(cells).duplicated().to_numpy()
    return ordered[first]


def _all_places(landmarks: gpd.GeoDataFrame, grids: Sequence[LandmarkGrid]) -> pd.DataFrame:
    """Return every place that a landmark may have, with its kind, area and cell size."""
    geometries = landmarks.geometry.to_numpy()
    rows = []
    for feature_id, kind, geometry, area_m2 in zip(
        landmarks["feature_id"], landmarks["kind"], geometries, areas_m2(geometries), strict=True
    ):
        cell_m = next(grid.cell_m for grid in grids if area_m2 >= grid.least_area_m2)
        rows += [
            (latitude, longitude, kind, feature_id, area_m2, cell_m)
            for latitude, longitude in places_in(geometry, cell_m)
        ]
    columns = ["latitude", "longitude", "kind", "feature_id", "area_m2", "cell_m"]
    return pd.DataFrame(rows, columns=columns)


def _shrink(row: npt.NDArray[np.generic], cell_m: float) -> npt.NDArray[np.float64]:
    """Return how much shorter than at the equator a degree of longitude is in the middle of the rows."""
    latitude = np.radians((np.asarray(row, dtype=np.float64) + 0.5) * cell_m / METRES_PER_DEGREE)
    # Never zero, not even in the row that ends beyond a pole.
    return np.maximum(np.cos(latitude), 1e-9)
