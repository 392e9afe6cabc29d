"""A small dataset of places made on the spot: panoramas and photographs whose colours tell the area."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from zuroku.artifacts import Artifact, build
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.source import SourceItem

CARD = {"name": "views", "description": "test", "licence": "CC0-1.0", "url": "https://example.org"}
COLOURS = [(200, 60, 60), (60, 200, 60), (60, 60, 200), (200, 200, 60)]
PER_AREA = 12


def draw(colour: tuple[int, int, int], seed: int, width: int) -> bytes:
    """One picture of 32 rows as PNG."""
    noise = np.random.default_rng(seed).normal(0, 25, (32, width, 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make(root: Path, task_values: dict[str, list[str]] | None = None) -> tuple[Dataset, Artifact, Artifact]:
    """Return four areas of two prefectures with twelve pictures each, their labels and splits.

    Every fifth is a photograph, the others are panoramas. Items without a town have none; nothing is labelled
    with a landmark. ``task_values`` replace columns of the labels.
    """
    items, rows = [], []
    for area, colour in enumerate(COLOURS):
        for index in range(PER_AREA):
            name = f"v{area}{index:02d}"
            read = partial(draw, colour, 100 * area + index, 40 if index % 5 == 0 else 128)
            items.append(SourceItem(name, "", f"g{area}{index:02d}", "", "CC0-1.0", "", read))
            rows.append(
                {
                    "item_id": name,
                    "latitude": 35 + area + 0.01 * index,
                    "longitude": 139 - area,
                    "prefecture": str(area // 2),
                    "municipality": str(area),
                    "town": f"{area}-{index % 2}" if index % 4 else "",
                    "road": f"way/{area}" if index else "",
                    "landmark": "",
                }
            )
    dataset = ingest(Collection(items, "test", "thread"), root / "data", IngestSettings(), CARD)
    labels = pd.DataFrame(rows).assign(**(task_values or {}))
    places = build(root / "labels", lambda out: labels.to_parquet(out / "labels.parquet"))
    split = [("val", "train", "train", "train", "test", "train")[i % 6] for i in range(len(rows))]
    table = pd.DataFrame({"group": [f"g{row['item_id'][1:]}" for row in rows], "split": split})
    splits = build(root / "splits", lambda out: table.to_parquet(out / "splits.parquet"))
    return dataset, places, splits
