"""Labels of a dataset of photographs: where each was taken, by area, road and landmark, as one table.

The spatial join is ``geo.labels``'; here it meets manifests and feature tables on disk.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.datasets.geodata.features import FeatureTable
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.places.overlap import LEAST_SHARE, require_overlap
from zuroku.datasets.places.table import read_places
from zuroku.findings import Finding
from zuroku.geo.labels import LabelSettings, imbalance_table, label_places

LABELS = "labels.parquet"
IMBALANCE = "imbalance.md"

_OVERLAPPING = {"areas": ("prefecture", "municipality", "town"), "roads": ("road",)}
"""Labels by the table that they come from. Landmarks may be none, or elsewhere."""


LABEL_CHECKS = ("labelled", "near_roads")
"""The first stops a run, the second warns: photographs in parks and on squares have no road."""


class PlaceLabelSettings(LabelSettings):
    """How photographs are joined, and the shares that must lie in an area and should be at a road."""

    least_share: float = Field(default=0.95, ge=0, le=1)
    least_road_share: float = Field(default=0.5, ge=0, le=1)


def label_dataset(
    dataset: Dataset, tables: Mapping[str, FeatureTable], settings: PlaceLabelSettings, target: Path
) -> Artifact:
    """Write ``labels.parquet`` and the paper's Table 2 for ``dataset`` to ``target``.

    ``tables`` are ``areas``, ``admin``, ``roads`` and ``landmarks``. Rows stand in the manifest's order, with
    the columns of ``label_places`` and the photograph's ``group`` and ``slice``.

    Raises:
        GeoDataError: coordinates or tables cannot be used, or areas or roads are those of another land.
        IntegrityError: a photograph of the manifest has no coordinates.
    """
    return build(target, partial(_write, dataset, tables, settings))


def read_labels(folder: Path) -> pd.DataFrame:
    """Return the labels that ``label_dataset`` wrote to ``folder``, one row per photograph."""
    return pd.read_parquet(folder / LABELS)


def label_findings(labels: pd.DataFrame, settings: PlaceLabelSettings) -> list[Finding]:
    """Check how many photographs lie in an area, of whatever level, and how many have a road near enough."""
    inside, at_road = (
        float((labels[list(tasks)] != "").any(axis=1).mean()) for tasks in _OVERLAPPING.values()
    )
    near = f"{at_road:.1%} have a road within {settings.max_distance_m:g} m"
    return [
        Finding(LABEL_CHECKS[0], inside >= settings.least_share, f"{inside:.1%} lie in one of the areas"),
        Finding(LABEL_CHECKS[1], at_road >= settings.least_road_share, near),
    ]


def _write(
    dataset: Dataset, tables: Mapping[str, FeatureTable], settings: PlaceLabelSettings, out: Path
) -> None:
    places = read_places(dataset.root)
    coordinates = places[["latitude", "longitude"]].to_numpy(dtype=np.float64)
    labels = label_places(
        places["item_id"].tolist(),
        coordinates,
        tables["areas"].frame,
        tables["roads"].frame,
        tables["landmarks"].frame,
        settings,
        tables["admin"].frame,
    )
    for what, tasks in _OVERLAPPING.items():
        # Who has labels lies on the map; the wider search is for a map that gave next to none.
        if (labels[list(tasks)] != "").any(axis=1).mean() < LEAST_SHARE:
            require_overlap(coordinates, tables[what].frame, what)
    labels["group"] = dataset.manifest["group"].to_numpy()
    labels["slice"] = places["slice"].to_numpy()
    labels.to_parquet(out / LABELS, index=False, compression="zstd")
    (out / IMBALANCE).write_text(markdown_table(imbalance_table(labels)), encoding="utf-8")


def markdown_table(table: pd.DataFrame) -> str:
    """Return ``table`` as Markdown, floats with one digit."""
    head = f"| {' | '.join(map(str, table.columns))} |\n|{'---|' * len(table.columns)}"
    rows = [
        "| " + " | ".join(f"{v:,.1f}" if isinstance(v, float) else str(v) for v in row) + " |"
        for row in table.itertuples(index=False)
    ]
    return "\n".join([head, *rows, ""])
