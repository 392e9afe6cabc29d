"""Training by Ultralytics' own trainer: pages in its folder layout, a network out.

Its optimizer, schedule, augmentation and losses are its own, which is what makes the comparison fair; ours
are the data, the split, the zones that are asked for, how pages are scaled, the batch, the number of epochs
and the seed. Its loggers are off: the tracker hears of it.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import nn

from zuroku.artifacts import write_atomically
from zuroku.datasets.manifest import Dataset
from zuroku.models.layout.decoding import GridOutput
from zuroku.models.layout.preprocessing import scaled_size
from zuroku.models.layout.ultralytics_network import (
    LICENCE,
    GridNetwork,
    grid_of,
    load_network,
    ultralytics_package,
)
from zuroku.tracking import Tracker
from zuroku.training.loop import LoopSettings
from zuroku.training.pages import AnnotatedPages, input_targets, scaled_page


def train_ultralytics(
    dataset: Dataset,
    pages: dict[str, AnnotatedPages],
    classes: Sequence[str],
    architecture: str,
    weights: str,
    size_px: int,
    least_side_px: float,
    loop: LoopSettings,
    scratch: Path,
    tracker: Tracker,
) -> tuple[nn.Module, GridOutput, str]:
    """Train ``architecture`` in ``scratch``, or go on where a killed training stopped.

    Zones with a side below ``least_side_px`` in the input are left out, as for our own detectors.
    Returns the best epoch's network as ``GridNetwork``, how to read it, and its licence.
    """
    description = write_layout(dataset, pages, classes, size_px, least_side_px, scratch)
    last = scratch / "run" / "weights" / "last.pt"
    package = ultralytics_package()
    if last.exists():
        model = package.YOLO(str(last))
        options: dict[str, Any] = {"resume": True}
    else:
        model = package.YOLO(f"{architecture.removesuffix('u')}.yaml" if weights == "random" else weights)
        options = {
            "data": str(description),
            "epochs": loop.epochs,
            "patience": loop.patience,
            "batch": loop.batch_size,
            # Otherwise gradients are gathered until 64 pages have been seen: on a hundred pages, two steps
            # an epoch.
            "nbs": loop.batch_size,
            "imgsz": size_px,
            "seed": loop.seed % (1 << 31),
            "workers": loop.workers,
            "device": "0" if torch.cuda.is_available() else "cpu",
            "pretrained": False,
            # A page reads one way only.
            "fliplr": 0.0,
            "project": str(scratch),
            "name": "run",
            "exist_ok": True,
            "plots": False,
            "verbose": False,
        }
    model.add_callback("on_fit_epoch_end", lambda trainer: _report(trainer, tracker))
    model.train(**options)
    network = load_network(scratch / "run" / "weights" / "best.pt")
    grid = grid_of(network)
    return GridNetwork(network), grid, LICENCE


def _report(trainer: Any, tracker: Tracker) -> None:
    metrics = {
        name.replace("(B)", ""): float(value)
        for name, value in trainer.metrics.items()
        if np.isfinite(float(value))
    }
    tracker.log_metrics(metrics, step=trainer.epoch + 1)


def write_layout(
    dataset: Dataset,
    pages: dict[str, AnnotatedPages],
    classes: Sequence[str],
    size_px: int,
    least_side_px: float,
    scratch: Path,
) -> Path:
    """Write pages as they are served, label files and the description.

    A label is a class, and its box's centre and size as shares of the page.
    """
    for split, part in pages.items():
        images, labels = scratch / "images" / split, scratch / "labels" / split
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        asked = input_targets(part, size_px, least_side_px)
        for number, (row, target) in enumerate(zip(part.rows, asked, strict=True)):
            boxes = target["boxes"].numpy() / np.tile(scaled_size(row.width, row.height, size_px), 2)
            centres, extents = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
            lines = [
                f"{label} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n"
                for label, (x, y), (w, h) in zip(target["labels"].tolist(), centres, extents, strict=True)
            ]
            (labels / f"{number:06d}.txt").write_text("".join(lines))
            image = images / f"{number:06d}.png"
            if not image.exists():
                encoded = io.BytesIO()
                Image.fromarray(scaled_page(dataset.read(row), size_px)).save(
                    encoded, "PNG", compress_level=1
                )
                write_atomically(image, encoded.getvalue())
    description = scratch / "pages.yaml"
    names = dict(enumerate(classes))
    text = {"path": str(scratch.resolve()), "train": "images/train", "val": "images/val", "names": names}
    description.write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
    return description
