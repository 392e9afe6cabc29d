"""The bundle of a detector: one form for every family of networks."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from zuroku.config import Settings
from zuroku.models.bundle import CARD, GROUPS, training_groups, write_model
from zuroku.models.layout.decoding import GridOutput
from zuroku.models.layout.served import ServedDetector, example_pixels

Family = Literal["fcos", "ultralytics", "segmentation"]


class DetectorCard(Settings):
    """What a detector of zones or objects is, what it was made from, and how to read its output.

    ``grid`` is None for a segmentation network, whose output are masks. ``thresholds`` are the least
    scores of a box by class, chosen on the validation books, and above 1 for a class that was not learnt
    well enough to be emitted; evaluation keeps the whole ranking.
    """

    name: str
    format: int = 1
    family: Family
    architecture: str
    initial_weights: str
    classes: list[str]
    figure_classes: list[str]
    overall_classes: list[str]
    trained: list[str]
    thresholds: list[float]
    size_px: int
    grid: GridOutput | None
    data: dict[str, str]
    settings: dict[str, Any]
    validation: dict[str, float]
    licence: str
    code_licence: str
    code_version: str


def write_detector(folder: Path, network: nn.Module, card: DetectorCard, groups: Sequence[str]) -> None:
    """Write the bundle's files into ``folder``; sealing is left to ``artifacts.build``."""
    write_model(folder, ServedDetector(network), card, groups, partial(_export_rectangles, card.size_px))
    write_papers(folder, card)


def write_papers(folder: Path, card: DetectorCard) -> None:
    """Write ``card`` into the unsealed bundle ``folder``: once more when its thresholds are chosen."""
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(card, len(training_groups(folder))), encoding="utf-8")


def _export_rectangles(size_px: int, model: nn.Module, path: Path) -> None:
    torch.onnx.export(
        model,
        (example_pixels(size_px),),
        str(path),
        input_names=["pixels"],
        output_names=["output"],
        dynamic_axes={"pixels": {1: "height", 2: "width"}},
        opset_version=17,
        # The newer exporter proves its constraints on two free sides for a quarter of an hour.
        dynamo=False,
    )


def _readme(card: DetectorCard, n_groups: int) -> str:
    rows = "\n".join(
        f"| {name} | {_emitted(threshold)} | {'yes' if name in card.trained else 'no: never emitted'} |"
        for name, threshold in zip(card.classes, card.thresholds, strict=True)
    )
    data = "\n".join(f"- {name}: `{sha256}`" for name, sha256 in card.data.items())
    scores = "\n".join(f"- {name}: {value:.4f}" for name, value in card.validation.items())
    return f"""# {card.name}

Finds boxes of the classes below in pictures of the kind it was trained on.
{card.family}: {card.architecture}, from {card.initial_weights} weights.
Input `pixels` (1, h, w, 3) uint8 RGB, long side {card.size_px}, padded right and below to multiples of 32.

| class | threshold | trained |
|---|---|---|
{rows}

## Made from
{data}
- {n_groups} groups (books) seen in training and validation: `{GROUPS}`

## On the validation books (thresholds were chosen here, so these are no test scores)
{scores}

## Licence
Data: {card.licence}. Code of the network: {card.code_licence}.

## Limits
Other kinds of pages than those it was trained on need a test of their own.
"""


def _emitted(threshold: float) -> str:
    return f"{threshold:.3f}" if threshold <= 1 else "not emitted: too low an F1 on the validation books"
