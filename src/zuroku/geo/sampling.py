"""Where photographs are asked for: points along roads and at landmarks, evenly spread and never crowded.

Hirata, Shinozaki, Iguchi, "High-Accuracy Geolocation Estimation from Photos Using Deep Learning", §3.1. The
text gives the bounds (500 m, 5 km), intervals by road class, a grid for landmarks, DBSCAN and centroids; what
it leaves open is said where it is decided. Reading roads and landmarks, and asking for photographs, belong
elsewhere.
"""

from dataclasses import dataclass
from typing import Literal, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, model_validator

from zuroku.config import Settings
from zuroku.errors import GeoDataError
from zuroku.geo.distances import Coordinates
from zuroku.geo.landmark_grid import LandmarkGrid, landmark_candidates
from zuroku.geo.line_walk import Geometries, group_lengths_m, merged_lines, places_along
from zuroku.geo.metric import containing
from zuroku.geo.spacing import Spaced, clusters, coordinates_of, gaps, nearest_m, unit_vectors

_DECIMALS = 7
"""Of coordinates in degrees, as in OpenStreetMap: about a centimetre."""

_GAP_STEPS = 4
"""Roads are searched for gaps every quarter of the lower bound."""

_SPARE = 2
"""Candidates per point of a class that needs its minimum: clusters and neighbours take some."""

_ROOM = 1.2
"""Shortest interval of such a class in units of the lower bound, for the reason given in the settings."""

_CLASS = ["source", "kind"]
_PAIR = ["latitude", "longitude"]


class SamplingSettings(Settings):
    """How densely each class is sampled; the bounds are the paper's.

    Intervals near ``closest_m`` lose every second point where a road winds, since neighbours are then nearer
    than allowed: even the largest roads stay a little above it.
    """

    closest_m: float = Field(default=500, gt=0, description="no two points are nearer (haversine)")
    farthest_m: float = Field(default=5000, gt=0, description="no road goes on further without a point")
    road_intervals_m: dict[str, float] = Field(
        default={
            "motorway": 600,
            "trunk": 600,
            "primary": 800,
            "secondary": 1200,
            "tertiary": 2000,
            "unclassified": 3000,
            "residential": 4000,
        },
        description="arc length between places, by the kind of road",
    )
    other_roads_m: float = Field(default=5000, gt=0, description="for kinds that have no interval")
    landmark_grids: tuple[LandmarkGrid, ...] = Field(
        default=(
            LandmarkGrid(least_area_m2=250_000, cell_m=600),
            LandmarkGrid(least_area_m2=10_000, cell_m=1500),
            LandmarkGrid(least_area_m2=0, cell_m=4000),
        ),
        description="by area, largest first; the last must take all",
    )
    least_per_class: int = Field(default=10, ge=0, description="points of each kind, where there is room")
    representative: Literal["centroid", "medoid"] = Field(
        default="medoid",
        description="of a cluster: the place nearest to its centroid, or as the paper the centroid itself, "
        "which may lie off every road",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.farthest_m < 3 * self.closest_m:
            raise ValueError("farthest_m must be at least three times closest_m, or gaps have no room")
        intervals = self.road_intervals_m | {"other_roads_m": self.other_roads_m}
        outside = [kind for kind, m in intervals.items() if not self.closest_m <= m <= self.farthest_m]
        outside += [
            f"cell {g.cell_m:g}"
            for g in self.landmark_grids
            if not self.closest_m <= g.cell_m <= self.farthest_m
        ]
        if outside:
            raise ValueError(f"not between closest_m and farthest_m: {', '.join(outside)}")
        areas = [grid.least_area_m2 for grid in self.landmark_grids]
        if areas != sorted(areas, reverse=True) or not areas or areas[-1] != 0:
            raise ValueError("landmark_grids must go from the largest least_area_m2 down to 0")
        return self


def sample_points(
    roads: gpd.GeoDataFrame, landmarks: gpd.GeoDataFrame, settings: SamplingSettings
) -> gpd.GeoDataFrame:
    """Return points (``feature_id, source, kind, geometry``; EPSG:4326) by latitude and longitude.

    ``roads`` and ``landmarks`` have the columns ``feature_id, name, kind, geometry``; either may be empty.
    In this order:

    1. Roads of one kind and name are joined and walked at equal arc length (``places_along``); roads without
       a name count as one, walked from each to the next.
    2. Landmarks give one place per kind and cell, those larger than a cell one in each cell.
    3. A class with fewer than twice ``least_per_class`` places gets a shorter interval or smaller cells, as
       far as ``closest_m`` allows.
    4. DBSCAN and halving (``clusters``); each cluster is represented by its medoid or centroid. It counts for
       the rarest class in it that has no points yet, or fewer than ``least_per_class``, or else the rarest.
    5. Points are kept greedily, clusters with the rarest classes first, none nearer than ``closest_m``; then
       places further than that from all points are kept themselves.
    6. Where a road goes on further than ``farthest_m`` / 2 from every point, it gets one there. So two
       neighbours are further than ``farthest_m`` apart only where there is no road between them.

    The result does not depend on the order of rows.

    Raises:
        GeoDataError: there are neither roads nor landmarks, or they are not in EPSG:4326, or not lines.
    """
    _check(roads, landmarks)
    lines = _lines_by_kind(roads)
    candidates = _candidates(lines, landmarks, settings)
    chosen = _kept(candidates, settings)
    points = pd.concat([chosen, _gap_points(chosen, lines, settings)], ignore_index=True)
    points = points.sort_values(_PAIR, ignore_index=True)
    points["feature_id"] = [f"p{number:06d}" for number in range(len(points))]
    geometry = gpd.points_from_xy(points["longitude"], points["latitude"])
    return gpd.GeoDataFrame(points[["feature_id", *_CLASS]], geometry=geometry, crs="EPSG:4326")


@dataclass(frozen=True)
class SamplingReport:
    """What a person wants to know of a sample.

    ``nearest_m`` are the least, median and largest distance to the nearest other point, None where there is
    only one point. ``short_classes`` are classes ("road trunk") with fewer than ``least_per_class`` points,
    for want of room. ``isolated`` are points further than ``farthest_m`` from any other: no road leads on
    from there.
    """

    points: int
    nearest_m: tuple[float, float, float] | None
    short_classes: dict[str, int]
    isolated: list[str]


def report_sampling(
    points: gpd.GeoDataFrame,
    roads: gpd.GeoDataFrame,
    landmarks: gpd.GeoDataFrame,
    settings: SamplingSettings,
) -> SamplingReport:
    """Return the report on ``points``, sampled from ``roads`` and ``landmarks`` with ``settings``."""
    known = [("road", kind) for kind in roads["kind"].unique()]
    known += [("landmark", kind) for kind in landmarks["kind"].unique()]
    counts = points.groupby(_CLASS).size().to_dict()
    nearest = nearest_m(np.column_stack([points.geometry.y, points.geometry.x]))
    return SamplingReport(
        points=len(points),
        nearest_m=(
            (float(nearest.min()), float(np.median(nearest)), float(nearest.max()))
            if len(points) > 1
            else None
        ),
        short_classes={
            f"{source} {kind}": int(counts.get((source, kind), 0))
            for source, kind in sorted(known)
            if counts.get((source, kind), 0) < settings.least_per_class
        },
        isolated=list(points["feature_id"][nearest > settings.farthest_m]),
    )


def points_by_class(points: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Count ``points`` by municipality and class: ``municipality_code, municipality, source, kind, points``.

    Joined in metres, as labels are: a point outside all ``areas`` counts for the municipality ""; one on a
    border, for the area whose ``feature_id`` comes first.
    """
    ordered = areas.sort_values("feature_id")
    coordinates = np.column_stack([points.geometry.y, points.geometry.x])
    found = containing(coordinates, np.asarray(ordered.geometry.to_numpy(), dtype=object))
    columns = ["municipality_code", "municipality"]
    # The last element stands for -1, which is outside.
    within = points[_CLASS].assign(
        **{name: np.append(ordered[name].to_numpy(dtype=object), "")[found] for name in columns}
    )
    counts: pd.DataFrame = within.groupby([*columns, *_CLASS]).size().rename("points").reset_index()
    return counts


def _check(roads: gpd.GeoDataFrame, landmarks: gpd.GeoDataFrame) -> None:
    for name, frame in (("roads", roads), ("landmarks", landmarks)):
        if len(frame) and frame.crs != "EPSG:4326":
            raise GeoDataError(
                f"{name} are in {frame.crs}", expected="EPSG:4326", remedy="reproject them with to_crs(4326)"
            )
    if not len(roads) and not len(landmarks):
        raise GeoDataError(
            "there are neither roads nor landmarks to sample",
            expected="at least one of them",
            remedy="check the extract and the tag filters",
        )


_Lines = dict[str, tuple[Geometries, npt.NDArray[np.int64]]]


def _lines_by_kind(roads: gpd.GeoDataFrame) -> _Lines:
    """Return for each kind of road its joined lines and the number of the name that each belongs to."""
    joined: _Lines = {}
    for kind, frame in roads.groupby("kind"):
        lines, groups = merged_lines(frame.geometry.to_numpy(), list(frame["name"]))
        if len(lines):
            joined[str(kind)] = lines, groups
    return joined


def _candidates(lines: _Lines, landmarks: gpd.GeoDataFrame, settings: SamplingSettings) -> pd.DataFrame:
    """Return places ``latitude, longitude, source, kind`` without repeats, in a fixed order."""
    tables = []
    for kind, (parts, groups) in lines.items():
        interval_m = settings.road_intervals_m.get(kind, settings.other_roads_m)
        if settings.least_per_class:
            enough_m = group_lengths_m(parts, groups).sum() / (_SPARE * settings.least_per_class)
            interval_m = min(interval_m, max(_ROOM * settings.closest_m, enough_m))
        tables.append(_table(places_along(parts, groups, interval_m), "road", kind))
    found = landmark_candidates(
        landmarks, settings.landmark_grids, settings.closest_m, _SPARE * settings.least_per_class
    )
    if len(found):
        tables.append(found.assign(source="landmark"))
    columns = [*_PAIR, *_CLASS]
    rounded = pd.concat(tables, ignore_index=True)[columns].round(_DECIMALS)
    return rounded.drop_duplicates().sort_values(columns, ignore_index=True)


def _table(coordinates: Coordinates, source: str, kind: str) -> pd.DataFrame:
    latitude, longitude = coordinates.T
    return pd.DataFrame({"latitude": latitude, "longitude": longitude, "source": source, "kind": kind})


def _kept(candidates: pd.DataFrame, settings: SamplingSettings) -> pd.DataFrame:
    """Return one place for each cluster that has room for it, and for what is then still far from all."""
    options, parts = _options(candidates, settings)
    spaced = Spaced(options[_PAIR].to_numpy(), settings.closest_m)
    rank = options["rank"].to_numpy()
    counts = np.zeros(rank.max() + 1, dtype=np.int64)
    chosen = []
    for part in parts:
        has = counts[rank[part]]
        wanted = np.lexsort((rank[part], has > 0, has >= settings.least_per_class))
        row = spaced.take_first([part[i] for i in wanted])
        if row is not None:
            counts[rank[row]] += 1
            chosen.append(row)
    return options.iloc[chosen][[*_PAIR, *_CLASS]]


def _options(candidates: pd.DataFrame, settings: SamplingSettings) -> tuple[pd.DataFrame, list[list[int]]]:
    """Return the places that clusters and single candidates would have, and which rows compete in turn.

    A cluster has one for each of its classes. ``rank`` is 0 for the class with the fewest candidates;
    clusters with rare classes come first.
    """
    sizes = candidates.groupby(_CLASS).size().reset_index(name="size")
    ranked = sizes.sort_values(["size", *_CLASS])[_CLASS].reset_index(drop=True)
    rank_of = {(source, kind): rank for rank, (source, kind) in enumerate(ranked.itertuples(index=False))}
    ranks = np.array([rank_of[each] for each in candidates[_CLASS].itertuples(index=False, name=None)])
    coordinates = candidates[_PAIR].to_numpy()
    vectors = unit_vectors(coordinates)
    rows = []
    for number, members in enumerate(clusters(coordinates, settings.closest_m)):
        centroid = vectors[members].mean(axis=0)
        place = coordinates_of(centroid[None])[0].round(_DECIMALS)
        offsets = ((vectors[members] - centroid) ** 2).sum(axis=1)
        for rank in np.unique(ranks[members]):
            of_class = ranks[members] == rank
            if settings.representative == "medoid":
                place = coordinates[members[of_class][offsets[of_class].argmin()]]
            rows.append((number, rank, place[0], place[1]))
    options = pd.DataFrame(rows, columns=["part", "rank", *_PAIR])
    options[_CLASS] = ranked.to_numpy()[options["rank"]]
    first = options.groupby("part")[["rank", *_PAIR]].transform("min")
    keys = (options["rank"], options["part"], first["longitude"], first["latitude"], first["rank"])
    options = options.iloc[np.lexsort(keys)].reset_index(drop=True)
    starts = np.flatnonzero(np.diff(options["part"])) + 1
    parts = [list(rows) for rows in np.split(np.arange(len(options)), starts)]
    # A cluster may find no room where one of its members would: they come after, each for itself.
    single = candidates.assign(rank=ranks).sort_values(["rank", *_PAIR])
    parts += [[len(options) + row] for row in range(len(single))]
    return pd.concat([options, single], ignore_index=True), parts


def _gap_points(chosen: pd.DataFrame, lines: _Lines, settings: SamplingSettings) -> pd.DataFrame:
    """Return places on roads that are too far from all of ``chosen`` and from each other."""
    step_m = settings.closest_m / _GAP_STEPS
    tables = [
        _table(places_along(parts, np.arange(len(parts)), step_m), "road", kind)
        for kind, (parts, _) in lines.items()
    ]
    if not tables:
        return chosen.iloc[:0]
    places = pd.concat(tables, ignore_index=True).round(_DECIMALS)
    # Between two places that were looked at a road may still be a step away from both.
    rows = gaps(chosen[_PAIR].to_numpy(), places[_PAIR].to_numpy(), settings.farthest_m / 2 - step_m)
    return places.iloc[rows]
