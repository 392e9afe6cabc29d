"""Labels of places by spatial join: seconds and memory by number, and what that comes to for a million.

The land is made: a quarter as many areas as places and as many roads, at the density of Japan's census areas.
A larger land reaches further and is no denser. Each run has a process of its own; memory includes the land.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from benchmarks.stages import Failure, Stage, medians, run_alone
from benchmarks.timing import circumstances, write_json
from zuroku.datasets.geodata.areas import AREA_COLUMNS
from zuroku.geo.labels import LabelSettings, label_places

_SEED = 20211211
_PLACES_PER_AREA = 4
_PLACES_PER_LANDMARK = 10
_AREA_KM = 1.22  # 250,000 of such squares are as large as Japan
_EDGE_STEPS = 15  # 60 corners to an area, as census areas have
_ROAD_CORNERS = 6
_ROAD_STEP_KM = 0.06
_ASIDE_KM = 0.01
_SOUTH, _WEST = 33.0, 131.0
_KM_PER_DEGREE = 111.2
_TOWNS_PER_MUNICIPALITY, _TOWNS_PER_PREFECTURE = 130, 5300

Kilometres = npt.NDArray[np.float64]
"""East and north of the land's corner, ``(…, 2)``."""


@dataclass(frozen=True)
class MadeLand:
    """Places ``(n, 2)`` latitude, longitude in degrees, and the tables that label them."""

    places: npt.NDArray[np.float64]
    areas: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    landmarks: gpd.GeoDataFrame


def make_land(n_places: int) -> MadeLand:
    """Make a land for ``n_places``, most of them within 20 m of a road."""
    rng = np.random.default_rng(_SEED)
    side = math.ceil(math.sqrt(n_places / _PLACES_PER_AREA))
    lines = _road_lines(rng, n_places, side * _AREA_KM)
    within = rng.uniform(0, _ROAD_CORNERS - 1, n_places)
    corner, part = np.divmod(within, 1)
    rows, corner = np.arange(n_places), corner.astype(np.int64)
    on_road = lines[rows, corner] + part[:, None] * (lines[rows, corner + 1] - lines[rows, corner])
    places = _degrees(on_road + rng.normal(0, _ASIDE_KM, (n_places, 2)))[:, ::-1]
    far = rng.uniform(0, side * _AREA_KM, (n_places // _PLACES_PER_LANDMARK, 2))
    landmarks = _table("node", shapely.points(_degrees(far)), name="", kind="tourism=museum")
    # Two ways of a street have one name, and every second street has none.
    names = [f"street {row // 4}" if row % 4 < 2 else "" for row in rows.tolist()]
    roads = _table("way", shapely.linestrings(_degrees(lines)), name=names, kind="residential")
    return MadeLand(places, _area_table(area_rings(rng, side)), roads, landmarks)


def area_rings(rng: np.random.Generator, side: int) -> Kilometres:
    """Return the closed rings ``(side², corners, 2)`` of areas that share winding borders."""
    grid = np.stack(np.meshgrid(*[np.arange(side + 1.0)] * 2), axis=-1)
    grid += rng.uniform(-0.2, 0.2, grid.shape)
    east = _winding(rng, grid[:, :-1], grid[:, 1:])
    north = _winding(rng, grid[:-1], grid[1:])
    borders = [east[:-1], north[:, 1:], east[1:, :, ::-1], north[:, :-1, ::-1]]
    rings = np.concatenate([border[:, :, :-1] for border in borders], axis=2)
    rings = np.concatenate([rings, rings[:, :, :1]], axis=2)
    return _AREA_KM * rings.reshape(side * side, -1, 2)


def _winding(rng: np.random.Generator, start: Kilometres, end: Kilometres) -> Kilometres:
    """Return borders from ``start`` to ``end`` that wind to both sides of the straight line."""
    way = np.linspace(0, 1, _EDGE_STEPS + 1)[:, None]
    along = (end - start)[..., None, :]
    across = along[..., ::-1] * np.array([-1, 1])
    aside = rng.uniform(-0.03, 0.03, (*start.shape[:2], _EDGE_STEPS + 1, 1))
    aside[:, :, [0, -1]] = 0
    return start[..., None, :] + way * along + aside * across


def _road_lines(rng: np.random.Generator, n_roads: int, width_km: float) -> Kilometres:
    """Return roads ``(n, corners, 2)`` that start anywhere and turn a little at each corner."""
    heading = rng.uniform(0, 2 * np.pi, (n_roads, 1)) + rng.normal(0, 0.2, (n_roads, _ROAD_CORNERS)).cumsum(1)
    steps = _ROAD_STEP_KM * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    return rng.uniform(0, width_km, (n_roads, 1, 2)) + steps.cumsum(axis=1)


def _degrees(places: Kilometres) -> npt.NDArray[np.float64]:
    """Return longitude and latitude ``(…, 2)``; the land's east and north are a little stretched."""
    per_degree = np.array([_KM_PER_DEGREE * math.cos(math.radians(36)), _KM_PER_DEGREE])
    return np.array([_WEST, _SOUTH]) + places / per_degree


def _area_table(rings: Kilometres) -> gpd.GeoDataFrame:
    numbers = np.arange(len(rings))
    codes = {
        "prefecture_code": [f"{number:02d}" for number in numbers // _TOWNS_PER_PREFECTURE],
        "municipality_code": [f"{number:05d}" for number in numbers // _TOWNS_PER_MUNICIPALITY],
        "town_code": [f"{number:09d}" for number in numbers],
    }
    table = dict.fromkeys(AREA_COLUMNS, "") | codes | {"feature_id": codes["town_code"]}
    return gpd.GeoDataFrame(table, geometry=shapely.polygons(_degrees(rings)), crs=4326)


def _table(element: str, shapes: npt.NDArray[np.object_], **columns: str | list[str]) -> gpd.GeoDataFrame:
    ids = [f"{element}/{number}" for number in range(len(shapes))]
    return gpd.GeoDataFrame({"feature_id": ids} | columns, geometry=shapes, crs=4326)


def label_stages(n_places: int) -> Iterator[tuple[str, int]]:
    """Make a land, then label it."""
    land = make_land(n_places)
    ids = [str(number) for number in range(n_places)]
    yield "land", n_places
    labels = label_places(ids, land.places, land.areas, land.roads, land.landmarks, LabelSettings())
    yield "labels", int((labels["road"] != "").sum())


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the exponent of the power law that fits ``values`` by ``sizes`` best; 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def projection(labels: Mapping[int, Stage], size: int) -> dict[str, float]:
    """Return what ``size`` places would take by the two largest sizes that were measured.

    Seconds grow by the exponent measured, and never less than linearly: a fixed cost flatters it. Memory
    follows the straight line.
    """
    smaller, larger = sorted(labels)[-2:]
    ends = labels[smaller], labels[larger]
    power = exponent([smaller, larger], [stage.seconds for stage in ends])
    steps = (size - larger) / (larger - smaller)
    return {
        "places": size,
        "exponent": power,
        "seconds": ends[1].seconds * (size / larger) ** max(power, 1.0),
        "peak_mib": ends[1].peak_mib + steps * (ends[1].peak_mib - ends[0].peak_mib),
    }


def markdown(labels: Mapping[int, Stage]) -> str:
    """Return a Markdown table: medians by size."""
    lines = [
        "| places | areas | roads | time, s | CPU, s | places/s | most memory, MiB | with a road |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size, stage in sorted(labels.items()):
        areas = math.ceil(math.sqrt(size / _PLACES_PER_AREA)) ** 2
        lines.append(
            f"| {size:,} | {areas:,} | {size:,} | {stage.seconds:.2f} | {stage.cpu_seconds:.2f} "
            f"| {size / stage.seconds:,.0f} | {stage.peak_mib:,.0f} | {stage.items / size:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure the sizes asked for and project the largest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--project", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    result: dict[str, Any] = circumstances()
    runs: dict[int, list[list[Stage]]] = {size: [] for size in options.sizes}
    for _ in range(options.rounds):
        for size, done in runs.items():
            run = run_alone(label_stages, size)
            if isinstance(run, Failure):
                raise RuntimeError(f"{size:,} places: {run.reason}")
            done.append(run)
    labels = {size: medians(done)["labels"] for size, done in runs.items()}
    print(markdown(labels))
    result["runs"] = {size: [[asdict(stage) for stage in run] for run in done] for size, done in runs.items()}
    if len(labels) > 1:
        result["projection"] = found = projection(labels, options.project)
        print(
            f"\nTime grows with exponent {found['exponent']:.2f}. {options.project:,} places would take "
            f"{found['seconds']:,.0f} s (exponent 1 at least) and {found['peak_mib']:,.0f} MiB (linear)."
        )
    print(f"\nload average at the start: {result['load_average']}")
    write_json(options.out, result)


if __name__ == "__main__":
    main()
