"""Training a figure tagger: dataset and splits in, model bundle out."""

import logging
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import DataLoader

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.errors import EvaluationError, SplitError
from zuroku.evaluation.calibration import fit_temperature
from zuroku.evaluation.hierarchy import LabelHierarchy, build_hierarchy
from zuroku.evaluation.multilabel import label_scores
from zuroku.evaluation.thresholds import choose_thresholds
from zuroku.models.backbones import STARTS, backbone_normalization, create_backbone, followed, start_origin
from zuroku.models.bundle import TaggerCard, write_bundle
from zuroku.models.tagger import ServedTagger, Tagger
from zuroku.tracking import Tracker
from zuroku.training.augment import AugmentSettings, augment, item_draw
from zuroku.training.loop import LoopSettings, fit, optimizer
from zuroku.training.pixels import EpochSampler, PixelDataset, cache_pixels
from zuroku.training.scratch import scratch_folder

logger = logging.getLogger("zuroku.training")

PREPROCESSING = "decoded at the smallest JPEG scale with twice the pixels, squashed bilinearly with antialias"


class FigureTaggerSettings(Settings):
    """What is trained. ``full`` holds the paper's values, ``sample`` what two cores manage.

    ``outputs`` restricts or reorders the labels (the original's 11 lack ``graphic_illust``);
    ``threshold`` fixes one cut for every label instead of choosing them on the validation books.
    """

    hierarchy: dict[str, list[str]]
    outputs: list[str] | None = None
    backbone: str = "efficientnet_b0"
    weights: str = Field(default="timm", description="packaged, timm, random, or a safetensors path")
    size_px: int = Field(default=224, ge=32)
    threshold: float | None = Field(default=None, gt=0, lt=1)
    augment: AugmentSettings = AugmentSettings()
    loop: LoopSettings = LoopSettings()


@dataclass(frozen=True)
class LabelledFigures:
    """The rows of one split: manifest rows, their targets and who they belong to."""

    rows: list[Any]
    targets: npt.NDArray[np.float32]

    @property
    def groups(self) -> list[str]:
        """The book of each row."""
        return [str(row.group) for row in self.rows]

    @property
    def classes(self) -> list[str]:
        """The class of each row."""
        return [str(row.label) for row in self.rows]


def labelled_figures(
    dataset: Dataset, splits: pd.DataFrame, split: str, hierarchy: LabelHierarchy, by: str = "group"
) -> LabelledFigures:
    """Return the reviewed figures of ``split``. ``by`` names the manifest column that was split.

    Unreviewed labels are a model's guesses: they may train (as any noisy label), never test.
    """
    manifest = dataset.manifest
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    chosen = manifest[manifest[by].map(split_of) == split]
    if split != "train":
        chosen = chosen[chosen["reviewed"]]
    if chosen.empty:
        raise SplitError(
            f"no figure of {dataset.root} is in the split {split!r}",
            expected="at least one reviewed figure per split",
            remedy="extend the splits with this dataset, or add books",
        )
    rows: list[Any] = list(chosen.itertuples(index=False))
    return LabelledFigures(rows, hierarchy.targets([row.label for row in rows]))


class TaggerModule(pl.LightningModule):
    """Binary cross-entropy over the labels that have images (Aoike 2021 §2.1)."""

    tagger: Tagger
    trained: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self, tagger: Tagger, settings: FigureTaggerSettings, trained: npt.NDArray[np.bool_], n_train: int
    ) -> None:
        super().__init__()
        self.tagger = tagger.to(memory_format=torch.channels_last)
        self._settings = settings
        self._n_train = n_train
        mean, std = backbone_normalization(settings.backbone)
        self.register_buffer("trained", torch.from_numpy(trained.astype(np.float32)), persistent=False)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of ``(n, 3, h, w)`` float32 RGB in [0, 1]."""
        normalised = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        result: Tensor = self.tagger(normalised)
        return result

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean binary cross-entropy over the trained labels; the others get no gradient."""
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return (loss * self.trained).sum() / (self.trained.sum() * len(targets))

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int) -> Tensor:
        """One step on randomly augmented views."""
        pixels, targets, keys = batch
        seed = self._settings.loop.seed
        draws = [item_draw(seed, *divmod(int(key), self._n_train)) for key in keys]
        images = augment(_channels_first(pixels), draws, self._settings.augment)
        loss = self.loss(self.logits(images), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int) -> None:
        """The loss on pictures as they are served."""
        pixels, targets, _ = batch
        loss = self.loss(self.logits(_channels_first(pixels)), targets)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(targets), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Adam, as in the original."""
        return optimizer(self, self._settings.loop)


def train_figure_tagger(
    dataset: Dataset,
    splits: Artifact,
    settings: FigureTaggerSettings,
    target: Path,
    code_version: str,
    tracker: Tracker,
    split_by: str = "group",
) -> Artifact:
    """Train on the train books, tune on the val books, and write the bundle to ``target``.

    Killed and called again, it goes on after the last finished epoch. Checkpoints and decoded
    pictures stay in the hidden working folder and do not enter the bundle.
    """
    return build(target, partial(_train, dataset, splits, settings, code_version, tracker, split_by))


def _train(
    dataset: Dataset,
    splits: Artifact,
    settings: FigureTaggerSettings,
    code_version: str,
    tracker: Tracker,
    split_by: str,
    folder: Path,
) -> None:
    hierarchy = build_hierarchy(settings.hierarchy, settings.outputs)
    table = pd.read_parquet(splits.path / "splits.parquet")
    figures = {name: labelled_figures(dataset, table, name, hierarchy, split_by) for name in ("train", "val")}
    trained = np.asarray(figures["train"].targets.any(axis=0))
    settings = settings.model_copy(update={"weights": followed(settings.weights)})
    start: Any = settings.weights
    origin = start_origin(start, partial(create_backbone, settings.backbone, start))
    scratch = scratch_folder(folder, origin.data)
    tagger = _untrained(settings, len(hierarchy.labels))
    module, val = _fit(tagger, dataset, figures, trained, settings, scratch, tracker)
    decoding = _choose_decoding(_logits(module, val), figures["val"], trained, hierarchy, settings.threshold)
    card = TaggerCard(
        name="figure_tagger",
        labels=list(hierarchy.labels),
        hierarchy=settings.hierarchy,
        trained=[label for label, has in zip(hierarchy.labels, trained, strict=True) if has],
        thresholds=decoding.thresholds,
        temperature=decoding.temperature,
        size_px=settings.size_px,
        preprocessing=PREPROCESSING,
        backbone=settings.backbone,
        data={str(dataset.card["name"]): dataset.version, "splits": splits.sha256} | origin.data,
        settings=settings.model_dump(mode="json") | {"weights": origin.name},
        validation=decoding.validation,
        licence=str(dataset.card["licence"]),
        code_version=code_version,
    )
    mean, std = backbone_normalization(settings.backbone)
    served = ServedTagger(module.tagger, mean, std, decoding.temperature)
    example = torch.zeros(2, settings.size_px, settings.size_px, 3, dtype=torch.uint8)
    seen = [getattr(row, split_by) for part in figures.values() for row in part.rows]
    write_bundle(folder, served, card, [*seen, *origin.groups], example)
    shutil.rmtree(scratch)


def _untrained(settings: FigureTaggerSettings, n_labels: int) -> Tagger:
    weights: Any = settings.weights
    if weights not in STARTS:
        weights = Path(weights)
    # New layers are drawn here: equal inputs give equal models.
    torch.manual_seed(settings.loop.seed)
    return Tagger(create_backbone(settings.backbone, weights), n_labels)


def _fit(
    tagger: Tagger,
    dataset: Dataset,
    figures: dict[str, LabelledFigures],
    trained: npt.NDArray[np.bool_],
    settings: FigureTaggerSettings,
    scratch: Path,
    tracker: Tracker,
) -> tuple[TaggerModule, DataLoader[Any]]:
    """Train in ``scratch`` and return the best epoch's module with the loader of the val figures."""
    pixels = {
        name: cache_pixels(dataset, part.rows, settings.size_px, scratch / f"{name}.npy")
        for name, part in figures.items()
    }
    module = TaggerModule(tagger, settings, trained, len(figures["train"].rows))
    loaders = _loaders(figures, pixels, settings.loop)
    best = fit(module, loaders["train"], loaders["val"], settings.loop, scratch / "checkpoints", tracker)
    module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    return module.to("cpu").eval(), loaders["val"]


@dataclass(frozen=True)
class _Decoding:
    temperature: float
    thresholds: list[float]
    validation: dict[str, float]


def _choose_decoding(
    logits: npt.NDArray[np.float64],
    val: LabelledFigures,
    trained: npt.NDArray[np.bool_],
    hierarchy: LabelHierarchy,
    threshold: float | None,
) -> _Decoding:
    """Calibrate and choose thresholds on the val figures, and score them there."""
    try:
        temperature = fit_temperature(logits[:, trained], val.targets[:, trained])
    except EvaluationError as error:
        # Few figures can be separable: every sharper temperature then looks better.
        logger.warning("probabilities stay uncalibrated: %s", error.found)
        temperature = 1.0
    probabilities = 1 / (1 + np.exp(-logits / temperature))
    thresholds = choose_thresholds(val.targets, probabilities)
    if threshold is not None:
        thresholds = np.full(len(hierarchy.labels), threshold)
    scores = label_scores(val.targets, hierarchy.decode(probabilities, thresholds, trained), hierarchy.labels)
    return _Decoding(
        temperature,
        [float(cut) for cut in thresholds],
        {"macro_f1": scores.macro_f1, "micro_f1": scores.micro_f1},
    )


def _loaders(
    figures: dict[str, LabelledFigures], pixels: dict[str, npt.NDArray[np.uint8]], settings: LoopSettings
) -> dict[str, DataLoader[Any]]:
    train = PixelDataset(pixels["train"], figures["train"].targets)
    val = PixelDataset(pixels["val"], figures["val"].targets)
    options: dict[str, Any] = {"batch_size": settings.batch_size, "num_workers": settings.workers}
    return {
        "train": DataLoader(train, sampler=EpochSampler(len(train), settings.seed), **options),
        "val": DataLoader(val, **options),
    }


@torch.inference_mode()
def _logits(module: TaggerModule, loader: DataLoader[Any]) -> npt.NDArray[np.float64]:
    batches = [module.logits(_channels_first(pixels)) for pixels, _, _ in loader]
    return torch.cat(batches).numpy().astype(np.float64)


def _channels_first(pixels: Tensor) -> Tensor:
    """``(n, h, w, 3)`` uint8 → ``(n, 3, h, w)`` float32 in [0, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 255
