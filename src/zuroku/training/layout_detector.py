"""Training a layout detector: annotated pages and splits in, detector bundle out, for every family."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from pydantic import Field, model_validator
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.detections import Detections
from zuroku.errors import ConfigError
from zuroku.evaluation.detection import match_page
from zuroku.evaluation.detection_thresholds import best_threshold
from zuroku.models.backbones import STARTS, WeightsOrigin, create_backbone, followed, start_origin
from zuroku.models.bundle import ONNX
from zuroku.models.layout import fcos
from zuroku.models.layout.bundle import DetectorCard, Family, write_detector, write_papers
from zuroku.models.layout.decoding import GridOutput
from zuroku.models.layout.fcos import PageFcos
from zuroku.models.layout.page_detector import DetectorRuntime
from zuroku.models.layout.segmenter import PageSegmenter
from zuroku.tracking import Tracker
from zuroku.training.augment import item_draw
from zuroku.training.loop import LoopSettings, fit, optimizer
from zuroku.training.page_views import PageViewSettings, page_views
from zuroku.training.pages import (
    AnnotatedPages,
    PageDataset,
    Target,
    ZoneClasses,
    annotated_pages,
    cache_pages,
    collate_pages,
    input_targets,
)
from zuroku.training.pixels import EpochSampler
from zuroku.training.scratch import scratch_folder
from zuroku.training.ultralytics_trainer import train_ultralytics

_STANDARD_THRESHOLD = 0.3
"""For a class that the val pages do not have."""

_SILENT = 2.0
"""A threshold that no score reaches."""

_MATCH_IOU = 0.5


class LayoutDetectorSettings(ZoneClasses):
    """What is trained.

    ``family`` and ``architecture`` choose the network: ``fcos`` on a timm backbone, ``ultralytics`` by the
    name of one of its architectures (``yolov5nu`` is anchor-free, not the paper's YOLOv5), or
    ``segmentation`` by torchvision's name.
    """

    family: Family = "fcos"
    architecture: str = "tf_efficientnet_lite0"
    weights: str = Field(
        default="timm", description="packaged, timm, random, or a detector bundle's safetensors to go on from"
    )
    size_px: int = Field(default=1024, ge=64, multiple_of=32, description="long side of the input")
    least_side_px: float = Field(
        default=8, ge=0, description="zones that are thinner in the input are not asked for"
    )
    least_f1: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="a class that stays below on the val books is not emitted: its boxes would be clutter",
    )
    views: PageViewSettings = PageViewSettings()
    loop: LoopSettings = LoopSettings()

    @model_validator(mode="after")
    def _weights_exist_for_family(self) -> "LayoutDetectorSettings":
        if self.family != "fcos" and self.weights in ("packaged", "timm"):
            raise ValueError(
                f"the family {self.family} starts from random weights or a path, not {self.weights}"
            )
        return self


class LayoutModule(pl.LightningModule):
    """Any network with ``loss(images, targets)`` on pages."""

    def __init__(
        self, network: PageFcos | PageSegmenter, settings: LayoutDetectorSettings, n_train: int
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self._settings = settings
        self._n_train = n_train

    def training_step(self, batch: tuple[Tensor, list[Target], list[int]], batch_index: int) -> Tensor:
        """One step on random views."""
        pixels, targets, keys = batch
        draws = [item_draw(self._settings.loop.seed, *divmod(key, self._n_train)) for key in keys]
        images, targets = page_views(_channels_first(pixels), targets, draws, self._settings.views)
        loss = self.network.loss(images.contiguous(memory_format=torch.channels_last), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(keys))
        return loss

    def validation_step(self, batch: tuple[Tensor, list[Target], list[int]], batch_index: int) -> None:
        """The loss on pages as they are served."""
        pixels, targets, keys = batch
        loss = self.network.loss(_channels_first(pixels), targets)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(keys), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Adam, as for the tagger."""
        return optimizer(self, self._settings.loop)


def train_layout_detector(
    dataset: Dataset,
    splits: Artifact,
    settings: LayoutDetectorSettings,
    target: Path,
    code_version: str,
    tracker: Tracker,
    name: str = "layout_detector",
) -> Artifact:
    """Train on the train books, stop by the val books, and write the bundle ``name`` to ``target``.

    Killed and called again, it goes on after the last finished epoch.
    """
    return build(target, partial(_train, dataset, splits, settings, code_version, tracker, name))


def _train(
    dataset: Dataset,
    splits: Artifact,
    settings: LayoutDetectorSettings,
    code_version: str,
    tracker: Tracker,
    model: str,
    folder: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    pages = {name: annotated_pages(dataset, table, name, settings.classes) for name in ("train", "val")}
    trained = sorted({int(label) for labels in pages["train"].labels for label in labels})
    if not trained:
        raise ConfigError(
            f"no page in training has a zone of {', '.join(settings.classes)}",
            expected="annotated pages of these classes",
            remedy="compare the classes of page_zones.yaml with those of the dataset",
        )
    settings = settings.model_copy(update={"weights": followed(settings.weights)})
    start: Any = settings.weights
    origin = start_origin(start, partial(create_backbone, settings.architecture, start))
    scratch = scratch_folder(folder, origin.data)
    network, grid, code_licence = _fit(dataset, pages, settings, scratch, tracker)
    card = _card(
        settings,
        origin,
        name=model,
        trained=[settings.classes[label] for label in trained],
        grid=grid,
        data={str(dataset.card["name"]): dataset.version, "splits": splits.sha256} | origin.data,
        licence=str(dataset.card["licence"]),
        code_licence=code_licence,
        code_version=code_version,
    )
    seen = {group for part in pages.values() for group in part.groups}
    write_detector(folder, network, card, sorted(seen | origin.groups))
    write_papers(folder, _with_thresholds(dataset, pages["val"], folder, card, settings.least_f1))
    shutil.rmtree(scratch)


def _card(settings: LayoutDetectorSettings, origin: WeightsOrigin, **made: Any) -> DetectorCard:
    """Return the card before thresholds are chosen, with what the training has shown, ``made``."""
    return DetectorCard(
        family=settings.family,
        architecture=settings.architecture,
        initial_weights=origin.name,
        classes=settings.classes,
        figure_classes=settings.figure_classes,
        overall_classes=settings.overall_classes,
        thresholds=[_STANDARD_THRESHOLD] * len(settings.classes),
        size_px=settings.size_px,
        settings=settings.model_dump(mode="json") | {"weights": origin.name},
        validation={},
        **made,
    )


def _with_thresholds(
    dataset: Dataset, val: AnnotatedPages, folder: Path, card: DetectorCard, least_f1: float
) -> DetectorCard:
    """Choose each class's threshold on the val pages, seen as they are served."""
    runtime = DetectorRuntime(folder / ONNX, card)
    found = list(runtime.detect(partial(dataset.read, row) for row in val.rows))
    thresholds, validation = [], {}
    for label, name in enumerate(card.classes):
        pages = []
        for boxes, labels, page in zip(val.boxes, val.labels, found, strict=True):
            if not isinstance(page, Detections):
                raise page
            of_class = page.labels == label
            truths = boxes[labels == label]
            pages.append(match_page(page.boxes[of_class], page.scores[of_class], truths, [_MATCH_IOU]))
        threshold, f1 = best_threshold(pages, _STANDARD_THRESHOLD)
        if any(page.n_truths for page in pages):
            validation[f"f1.{name}"] = 0.0 if np.isnan(f1) else f1
            threshold = threshold if validation[f"f1.{name}"] >= least_f1 else _SILENT
        thresholds.append(threshold)
    return card.model_copy(update={"thresholds": thresholds, "validation": validation})


def _fit(
    dataset: Dataset,
    pages: dict[str, AnnotatedPages],
    settings: LayoutDetectorSettings,
    scratch: Path,
    tracker: Tracker,
) -> tuple[nn.Module, GridOutput | None, str]:
    """Return the trained network, how to read its output, and its code's licence."""
    if settings.family == "ultralytics":
        return train_ultralytics(
            dataset, pages, settings.classes, settings.architecture, settings.weights, settings.size_px,
            settings.least_side_px, settings.loop, scratch, tracker,
        )  # fmt: skip
    # New layers are drawn here: equal inputs give equal models.
    torch.manual_seed(settings.loop.seed)
    network = _network(settings)
    module = LayoutModule(network, settings, len(pages["train"].rows))
    loaders = {
        name: _loader(dataset, part, name, settings, scratch / f"{name}.npy") for name, part in pages.items()
    }
    best = fit(module, loaders["train"], loaders["val"], settings.loop, scratch / "checkpoints", tracker)
    module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    grid = fcos.GRID if settings.family == "fcos" else None
    return network.to("cpu").eval(), grid, "BSD-3-Clause (torchvision), Apache-2.0 (timm)"


def _network(settings: LayoutDetectorSettings) -> PageFcos | PageSegmenter:
    started = settings.weights in STARTS
    if settings.family == "fcos":
        start: Any = settings.weights if started else "random"
        network: PageFcos | PageSegmenter = PageFcos(settings.architecture, start, len(settings.classes))
    else:
        network = PageSegmenter(settings.architecture, len(settings.classes))  # type: ignore[arg-type]
    if not started:
        _go_on_from(network, Path(settings.weights))
    return network


def _go_on_from(network: nn.Module, path: Path) -> None:
    """Load the weights of a detector bundle, except where other classes give other shapes.

    Raises:
        ConfigError: they are of another network.
    """
    own = network.state_dict()
    found = {name.removeprefix("network."): tensor for name, tensor in load_file(path).items()}
    fitting = {
        name: tensor for name, tensor in found.items() if name in own and own[name].shape == tensor.shape
    }
    if len(fitting) < len(own) - 2:
        raise ConfigError(
            f"{path} has {len(fitting)} of the network's {len(own)} tensors",
            expected="a bundle of the same family and architecture, which differs in its classes at most",
            remedy="configure the family and architecture that the bundle's card.json names",
        )
    network.load_state_dict(fitting, strict=False)


def _loader(
    dataset: Dataset, pages: AnnotatedPages, split: str, settings: LayoutDetectorSettings, path: Path
) -> DataLoader[Any]:
    pixels = cache_pages(dataset, pages, settings.size_px, path)
    data = PageDataset(pixels, input_targets(pages, settings.size_px, settings.least_side_px))
    sampler = EpochSampler(len(data), settings.loop.seed) if split == "train" else None
    batch_size = settings.loop.batch_size
    return DataLoader(
        data,
        sampler=sampler,
        batch_size=batch_size,
        # Of a page pooled into one cell and left over alone, batch normalisation has no variance.
        drop_last=split == "train" and len(data) % batch_size == 1 and len(data) > batch_size,
        num_workers=settings.loop.workers,
        collate_fn=collate_pages,
    )


def _channels_first(pixels: Tensor) -> Tensor:
    """``(n, h, w, 3)`` uint8 → ``(n, 3, h, w)`` float32 in [0, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 255
