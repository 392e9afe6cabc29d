"""A small labelled dataset of simple pictures, made on the spot: bars, rings and noise."""

import io
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from zuroku.artifacts import Artifact
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.source import SourceItem
from zuroku.datasets.splits import SplitSettings, write_splits
from zuroku.training.figure_tagger import FigureTaggerSettings
from zuroku.training.loop import LoopSettings

HIERARCHY = {"bars": ["drawn"], "rings": ["drawn"], "noise": [], "persons": []}
CARD = {"name": "pictures", "description": "test", "licence": "CC0-1.0", "url": "https://example.org"}


def settings(epochs: int = 2, **values: object) -> FigureTaggerSettings:
    """Values that train in seconds."""
    return FigureTaggerSettings(
        hierarchy=HIERARCHY,
        backbone="tf_efficientnet_lite0",
        weights="packaged",
        size_px=48,
        loop=LoopSettings(epochs=epochs, batch_size=16, learning_rate=1e-3, patience=epochs),
        **values,  # type: ignore[arg-type]
    )


def draw(kind: str, seed: int) -> bytes:
    """One picture as JPEG."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (96, 80), 230)
    pen = ImageDraw.Draw(image)
    if kind == "bars":
        for x in range(8, 90, 14):
            pen.rectangle((x, int(rng.integers(5, 60)), x + 8, 78), fill=40)
    elif kind == "rings":
        for radius in range(8, 38, 7):
            pen.ellipse((48 - radius, 40 - radius, 48 + radius, 40 + radius), outline=30, width=2)
    grain = rng.normal(0, 60 if kind == "noise" else 8, (80, 96))
    pixels = np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def make(root: Path, books: int = 24, figures: int = 3) -> tuple[Dataset, Artifact]:
    """Return a dataset of ``books`` × ``figures`` pictures and its splits."""
    items = []
    for book in range(books):
        kind = ("bars", "rings", "noise")[book % 3]
        for index in range(figures):
            read = partial(draw, kind, 100 * book + index)
            items.append(SourceItem(f"{book}_{index}_0", kind, str(book), "", "CC0-1.0", "", read))
    collection = Collection(items, "test", "thread")
    dataset = ingest(collection, root / "data", IngestSettings(), CARD)
    splits = write_splits(dataset, SplitSettings(), "group", root / "ledger.parquet", root / "splits")
    return dataset, splits
