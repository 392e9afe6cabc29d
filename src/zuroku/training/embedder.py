"""Training an embedder: dataset, splits and a configuration in, embedder bundle out.

Retrieval is judged on groups that were never trained on, and where a group is an object (a landmark, a museum
piece) their classes were not either: the class-disjoint protocol. A classifier's loss cannot be taken on
classes it does not know, so training stops by the loss of held-out *images* of the train groups, and the val
groups only tell, on the card, how well retrieval does there.
"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.losses.settings import (
    ContrastiveSettings,
    L2SoftmaxSettings,
    LossSettings,
    create_loss,
    embedding_scale,
)
from zuroku.models.backbones import followed
from zuroku.models.embedding.bundle import write_embedder
from zuroku.models.embedding.card import PREPROCESSING, EmbedderCard
from zuroku.models.embedding.create import create_embedder, weights_origin
from zuroku.models.embedding.network import Embedder
from zuroku.models.embedding.settings import EmbedderNetworkSettings
from zuroku.models.embedding.whitening import PcaWhitening
from zuroku.tracking import Tracker
from zuroku.training.augment import AugmentSettings, augment, item_draw
from zuroku.training.class_sampler import ClassSampler
from zuroku.training.embedder_module import EmbedderModule, RawVectors, TailVectors
from zuroku.training.embedder_vectors import (
    device,
    finished_vectors,
    raw_vectors,
    tap_norms,
    unit_vectors,
)
from zuroku.training.embedding_rows import ClassColumn, EmbeddingRows, embedding_rows, targets_of
from zuroku.training.embedding_scores import retrieval_scores
from zuroku.training.features import EmbeddingItems, cache_features
from zuroku.training.loop import LoopSettings, fit
from zuroku.training.pixels import EpochSampler, cache_pixels
from zuroku.training.scratch import scratch_folder


class EmbedderTrainingSettings(Settings):
    """What is trained, on what, with which loss."""

    name: str = "figure_embedder"
    network: EmbedderNetworkSettings
    loss: LossSettings = L2SoftmaxSettings()
    train: Literal["network", "head", "whitening"] = Field(
        default="network",
        description="the whole network; the head alone on features of a frozen backbone, computed once"
        " (Feature Tuning); or nothing but a fitted pca whitening",
    )
    classes: Literal["label", "group"] = Field(
        default="label", description="what a class is; group where every group is one object"
    )
    min_count: int = Field(default=1, ge=1, description="images in training that make a class")
    held_out_share: float = Field(
        default=0.1, gt=0, lt=1, description="of the training images, to know when to stop"
    )
    augmented: bool = Field(default=False, description="random views; Feature Tuning has none")
    augment: AugmentSettings = AugmentSettings()
    loop: LoopSettings = LoopSettings()

    @model_validator(mode="after")
    def _something_is_trained(self) -> "EmbedderTrainingSettings":
        network = self.network
        if self.train == "head" and network.head == "none" and network.whitening != "linear":
            raise ValueError("train: head, but the network has neither a head nor a linear whitening")
        if self.train == "whitening" and (network.whitening != "pca" or network.head != "none"):
            raise ValueError("train: whitening fits a pca whitening on a network without a head")
        if self.train != "network" and network.pooling == "gem":
            raise ValueError(f"train: {self.train} leaves the exponent of gem untrained: use gem_fixed")
        if self.train != "network" and self.augmented:
            raise ValueError(f"train: {self.train} sees every image once: it cannot be augmented")
        if self.classes == "group" and self._several_labels:
            raise ValueError("classes: group gives an image one class, and the loss takes several")
        return self

    @model_validator(mode="after")
    def _pairs_meet(self) -> "EmbedderTrainingSettings":
        if isinstance(self.loss, ContrastiveSettings) and self.loop.devices > 1:
            raise ValueError(
                f"loss: contrastive with loop.devices: {self.loop.devices} deals the images of a class to"
                " different processes, where they make no pairs: use one device"
            )
        return self

    def starting_from(self, weights: str) -> "EmbedderTrainingSettings":
        """Return these settings with other ``weights`` to start from."""
        network = self.network.model_copy(update={"weights": weights})
        return self.model_copy(update={"network": network})

    @property
    def class_column(self) -> ClassColumn:
        """The manifest column that the loss reads its classes from."""
        return "labels" if self._several_labels else self.classes

    @property
    def _several_labels(self) -> bool:
        return isinstance(self.loss, L2SoftmaxSettings) and self.loss.multi_label


def train_embedder(
    dataset: Dataset,
    splits: Artifact,
    settings: EmbedderTrainingSettings,
    target: Path,
    code_version: str,
    tracker: Tracker,
    split_by: str = "group",
) -> Artifact:
    """Train on the train groups and write the bundle to ``target``; ``split_by`` is what was split.

    Killed and called again, it goes on after the last finished epoch. Checkpoints, decoded pictures and
    features stay in the hidden working folder and do not enter the bundle, and neither do the class centres.

    Raises:
        ConfigError: the settings do not fit the network or the data.
        SplitError: the train or the val groups have no images.
    """
    return build(target, partial(_train, dataset, splits, settings, code_version, tracker, split_by))


def _train(
    dataset: Dataset,
    splits: Artifact,
    settings: EmbedderTrainingSettings,
    code_version: str,
    tracker: Tracker,
    split_by: str,
    folder: Path,
) -> None:
    rows = embedding_rows(
        dataset,
        pd.read_parquet(splits.path / "splits.parquet"),
        split_by,
        column=settings.class_column,
        min_count=settings.min_count,
        held_out_share=settings.held_out_share,
        seed=settings.loop.seed,
    )
    settings = settings.starting_from(followed(settings.network.weights))
    # New layers are drawn here: equal inputs give equal models.
    torch.manual_seed(settings.loop.seed)
    network = create_embedder(settings.network)
    origin = weights_origin(settings.network.weights, network.backbone)
    scratch = scratch_folder(folder, origin.data)
    network.to(device())
    inputs = _inputs(network, dataset, rows, settings.train, scratch)
    val = _trained_vectors(network, inputs, rows, settings, scratch, tracker)
    validation = retrieval_scores(val, rows.val, settings.classes, split_by, set(rows.classes))
    tracker.log_metrics(validation)
    card = _card(
        network,
        settings.starting_from(origin.name),
        0 if settings.train == "whitening" else len(rows.classes),
        tap_norms=tap_norms(network, inputs["held_out"]),
        data={str(dataset.card["name"]): dataset.version, "splits": splits.sha256} | origin.data,
        validation=validation,
        licence=str(dataset.card["licence"]),
        code_version=code_version,
    )
    seen = {str(getattr(row, split_by)) for row in (*rows.train, *rows.held_out, *rows.val)}
    write_embedder(folder, network, card, seen | origin.groups)
    shutil.rmtree(scratch)


def _trained_vectors(
    network: Embedder,
    inputs: dict[str, npt.NDArray[Any]],
    rows: EmbeddingRows,
    settings: EmbedderTrainingSettings,
    scratch: Path,
    tracker: Tracker,
) -> npt.NDArray[np.float32]:
    """Train ``network`` in place, whitening last, and return the unit vectors of the val groups."""
    if settings.train != "whitening":
        _fit(network, inputs, rows, settings, scratch, tracker)
    network.to(device()).eval()
    embed = RawVectors(network) if settings.train == "network" else TailVectors(network)
    if isinstance(network.whitening, PcaWhitening):
        network.whitening.fit(unit_vectors(raw_vectors(embed, inputs["train"])))
    return finished_vectors(network, raw_vectors(embed, inputs["val"]))


def _card(
    network: Embedder,
    settings: EmbedderTrainingSettings,
    n_classes: int,
    **made: Any,
) -> EmbedderCard:
    """Return the card of ``network`` with what its making has shown, ``made``, in the card's fields."""
    return EmbedderCard(
        name=settings.name,
        backbone=settings.network.backbone,
        weights=settings.network.weights,
        dimension=network.dimension,
        size_px=settings.network.size_px,
        preprocessing=PREPROCESSING,
        settings=settings.model_dump(mode="json"),
        network=settings.network,
        taps=network.tap_dimensions,
        alpha=embedding_scale(settings.loss, n_classes) if n_classes else None,
        n_classes=n_classes,
        **made,
    )


def _fit(
    network: Embedder,
    inputs: dict[str, npt.NDArray[Any]],
    rows: EmbeddingRows,
    settings: EmbedderTrainingSettings,
    scratch: Path,
    tracker: Tracker,
) -> None:
    """Train ``network`` in place and leave it with the weights of its best epoch."""
    loss = create_loss(settings.loss, len(rows.classes), network.raw_dimension)
    whole = settings.train == "network"
    embed = RawVectors(network.to(memory_format=torch.channels_last)) if whole else TailVectors(network)
    views = partial(_views, settings, len(rows.train)) if whole else _as_they_are
    module = EmbedderModule(embed.train(), loss, views, settings.loop)
    column, loop = settings.class_column, settings.loop
    targets = targets_of(rows.train, rows.classes, column)
    train = EmbeddingItems(inputs["train"], targets)
    held_out = EmbeddingItems(inputs["held_out"], targets_of(rows.held_out, rows.classes, column))
    options: dict[str, Any] = {"batch_size": loop.batch_size, "num_workers": loop.workers}
    best = fit(
        module,
        DataLoader(train, sampler=_sampler(settings, targets), **options),
        DataLoader(held_out, **options),
        loop,
        scratch / "checkpoints",
        tracker,
    )
    module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])


def _sampler(settings: EmbedderTrainingSettings, targets: npt.NDArray[Any]) -> Sampler[int]:
    if isinstance(settings.loss, ContrastiveSettings):
        return ClassSampler(targets, settings.loss.per_class, settings.loop.seed)
    return EpochSampler(len(targets), settings.loop.seed)


def _inputs(
    network: Embedder, dataset: Dataset, rows: EmbeddingRows, train: str, scratch: Path
) -> dict[str, npt.NDArray[Any]]:
    """Return of each part the pictures ``(n, h, w, 3)`` uint8, or a frozen backbone's features ``(n, d)``."""
    parts = {"train": rows.train, "held_out": rows.held_out, "val": rows.val}
    if train == "network":
        size_px = network.settings.size_px
        return {
            name: cache_pixels(dataset, part, size_px, scratch / f"{name}.pixels.npy")
            for name, part in parts.items()
        }
    return {
        name: cache_features(network, dataset, part, scratch / f"{name}.features.npy")
        for name, part in parts.items()
    }


def _as_they_are(features: Tensor, keys: Tensor | None) -> Tensor:
    return features


def _views(settings: EmbedderTrainingSettings, n_train: int, pixels: Tensor, keys: Tensor | None) -> Tensor:
    """``(n, h, w, 3)`` uint8 → ``(n, 3, h, w)`` float32 in [0, 1], in training of random views."""
    images = pixels.permute(0, 3, 1, 2).float() / 255
    if keys is not None and settings.augmented:
        draws = [item_draw(settings.loop.seed, *divmod(int(key), n_train)) for key in keys]
        images = augment(images, draws, settings.augment)
    return images.contiguous(memory_format=torch.channels_last)
