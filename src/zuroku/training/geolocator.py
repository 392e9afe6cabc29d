"""Training a geolocator: pictures, place labels, splits and a configuration in, geolocator bundle out.

Classes are those of the train groups. The val groups that do not calibrate stop the training and give the
accuracies on the card, so that test groups alone can judge. Distances in km belong to ``evaluation``.
"""

import shutil
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from zuroku.artifacts import Artifact, build, file_sha256
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.indexes.threads import single_threaded
from zuroku.models.backbones import followed
from zuroku.models.embedding.create import weights_origin
from zuroku.models.embedding.findings import spread_of
from zuroku.models.geolocation.bundle import write_geolocator
from zuroku.models.geolocation.card import GeolocatorCard
from zuroku.models.geolocation.location_encoder import location_weights
from zuroku.models.geolocation.network import Geolocator, create_geolocator
from zuroku.models.geolocation.settings import GeolocatorNetworkSettings
from zuroku.models.geolocation.views import PREPROCESSING
from zuroku.tracking import Tracker
from zuroku.training.augment import item_draw
from zuroku.training.geolocator_items import (
    FrozenBackbone,
    PlaceInputs,
    PlaceItems,
    as_batch,
    cache_place_features,
    cache_squares,
)
from zuroku.training.geolocator_losses import UNLABELLED, PlaceLosses, class_weights
from zuroku.training.geolocator_module import CachedFeatures, GeolocatorModule, SquareFeatures
from zuroku.training.geolocator_rows import GeolocatorRows, PlacedRows, geolocator_rows
from zuroku.training.loop import LoopSettings, fit
from zuroku.training.pixels import EpochSampler
from zuroku.training.place_views import PlaceViewSettings, place_views
from zuroku.training.scratch import scratch_folder

LABELS = "labels.parquet"


class GeolocatorLoopSettings(LoopSettings):
    """The paper's loop: RAdam at a constant 1e-4, batches of 256 on each GPU, patience 5."""

    patience: int = Field(default=5, ge=1, description="epochs without a lower validation loss")
    batch_size: int = Field(default=256, ge=1)
    optimizer: Literal["radam"] = "radam"  # type: ignore[assignment]
    schedule: Literal["constant"] = "constant"


class GeolocatorTrainingSettings(Settings):
    """What is trained, on what, against how many past locations."""

    name: str = "geolocator"
    network: GeolocatorNetworkSettings
    train: Literal["network", "head"] = Field(
        default="network",
        description="the whole network, or all above a frozen backbone whose features are computed once",
    )
    augmented: bool = Field(default=True, description="random views, for train: network")
    augment: PlaceViewSettings = PlaceViewSettings()
    queue: int = Field(default=8192, ge=0, description="past locations that are negatives too")
    same_place_m: float = Field(
        default=20.0, ge=0, description="locations this near are not told apart; 20 m as for the labels"
    )
    loop: GeolocatorLoopSettings = GeolocatorLoopSettings()

    @model_validator(mode="after")
    def _views_are_seen(self) -> "GeolocatorTrainingSettings":
        if self.train == "head" and self.augmented:
            raise ValueError("train: head sees every picture once: set augmented to false")
        return self


def train_geolocator(
    dataset: Dataset,
    labels: Artifact,
    splits: Artifact,
    settings: GeolocatorTrainingSettings,
    target: Path,
    code_version: str,
    tracker: Tracker,
) -> Artifact:
    """Train on the train groups and write the bundle to ``target``.

    Killed and called again, it goes on after the last finished epoch. Checkpoints, decoded pictures and
    features stay in the hidden working folder and do not enter the bundle; neither do queue and class
    weights.

    Raises:
        ConfigError: the settings do not fit the network, or columns are missing from the labels.
        GeoDataError: a picture of train or val has no row in the labels.
        SplitError: the train or the val groups have no pictures.
    """
    return build(target, partial(_train, dataset, labels, splits, settings, code_version, tracker))


def _train(
    dataset: Dataset,
    labels: Artifact,
    splits: Artifact,
    settings: GeolocatorTrainingSettings,
    code_version: str,
    tracker: Tracker,
    folder: Path,
) -> None:
    rows = geolocator_rows(
        dataset,
        pd.read_parquet(labels.path / LABELS),
        pd.read_parquet(splits.path / "splits.parquet"),
    )
    started = settings.network
    settings = _starting_from(settings, followed(started.weights), followed(started.location.weights))
    # New layers are drawn here: equal inputs give equal models.
    torch.manual_seed(settings.loop.seed)
    network = create_geolocator(settings.network, rows.classes)
    origin = weights_origin(settings.network.weights, network.backbone.backbone)
    location = _location_origin(settings.network)
    scratch = scratch_folder(folder, origin.data | location)
    network.to(_device())
    inputs = _inputs(network, dataset, rows, settings.train, scratch)
    module = _fit(network, inputs, rows, settings, scratch, tracker)
    validation = _validation(module, _items(inputs["val"], rows.val, settings), rows.val)
    tracker.log_metrics(validation)
    data = {str(dataset.card["name"]): dataset.version}
    data |= {"place_labels": labels.sha256, "splits": splits.sha256} | origin.data | location
    card = _card(
        # By their content, not by the folder they lie in.
        _starting_from(
            settings, origin.name, f"file:{location['location_weights']}" if location else "random"
        ),
        rows,
        dataset,
        data=data,
        validation=validation,
        code_version=code_version,
    )
    seen = {str(row.group) for row in (*rows.train.rows, *rows.val.rows)}
    write_geolocator(folder, network, card, seen | origin.groups)
    shutil.rmtree(scratch)


def _card(
    settings: GeolocatorTrainingSettings, rows: GeolocatorRows, dataset: Dataset, **made: Any
) -> GeolocatorCard:
    """Return the card with what the training has shown, ``made``, in the card's fields."""
    network = settings.network
    return GeolocatorCard(
        name=settings.name,
        licence=str(dataset.card["licence"]),
        backbone=network.backbone,
        weights=network.weights,
        dimension=network.dimension,
        size_px=network.size_px,
        views=network.views,
        preprocessing=PREPROCESSING,
        classes=rows.classes,
        sigmas=list(network.location.sigmas),
        network=network,
        settings=settings.model_dump(mode="json"),
        **made,
    )


def _inputs(
    network: Geolocator, dataset: Dataset, rows: GeolocatorRows, train: str, scratch: Path
) -> dict[str, PlaceInputs]:
    """Return for each split the squares of its pictures, or a frozen backbone's features of them."""
    parts = {"train": rows.train.rows, "val": rows.val.rows}
    if train == "head":
        backbone = FrozenBackbone(network)
        return {
            split: cache_place_features(backbone, dataset, part, scratch / f"{split}.features.npy")
            for split, part in parts.items()
        }
    size_px, views = network.settings.size_px, network.settings.views
    return {
        split: cache_squares(dataset, part, size_px, views, scratch / f"{split}.squares.npy")
        for split, part in parts.items()
    }


def _fit(
    network: Geolocator,
    inputs: dict[str, PlaceInputs],
    rows: GeolocatorRows,
    settings: GeolocatorTrainingSettings,
    scratch: Path,
    tracker: Tracker,
) -> GeolocatorModule:
    """Train ``network`` in place and return its module with the weights of the best epoch."""
    weights = {
        task: class_weights(rows.train.targets[task], len(names))
        for task, names in rows.classes.items()
        if names
    }
    losses = PlaceLosses(weights, settings.queue, settings.same_place_m)
    whole = settings.train == "network"
    encode = SquareFeatures(network.to(memory_format=torch.channels_last)) if whole else CachedFeatures()
    module = GeolocatorModule(encode, network.space, losses, settings.loop).train()
    n_train = len(rows.train.rows)
    views = partial(_views, settings, n_train) if settings.augmented else None
    train = PlaceItems(inputs["train"], rows.train, views)
    loop = settings.loop
    options: dict[str, Any] = {
        "batch_size": loop.batch_size,
        "num_workers": loop.workers,
        "collate_fn": as_batch,
    }
    # Without the backbone, steps are so small that threads would only wait for each other.
    with nullcontext() if whole else single_threaded():
        best = fit(
            module,
            DataLoader(train, sampler=EpochSampler(n_train, loop.seed), **options),
            _items(inputs["val"], rows.val, settings),
            loop,
            scratch / "checkpoints",
            tracker,
        )
    module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    return module


def _items(
    inputs: PlaceInputs, placed: PlacedRows, settings: GeolocatorTrainingSettings
) -> "DataLoader[Any]":
    """Return the loader of pictures as they are served."""
    loop = settings.loop
    return DataLoader(
        PlaceItems(inputs, placed), loop.batch_size, num_workers=loop.workers, collate_fn=as_batch
    )


def _views(settings: GeolocatorTrainingSettings, n_train: int, squares: Tensor, key: int) -> Tensor:
    draw = item_draw(settings.loop.seed, *divmod(key, n_train))
    return place_views(squares, draw, settings.augment)


@torch.inference_mode()
def _validation(module: GeolocatorModule, val: "DataLoader[Any]", placed: PlacedRows) -> dict[str, float]:
    """Return the accuracy of each head on the labelled items of val, and how far their vectors lie apart.

    A label that no training item has cannot be answered: it counts as an error, and ``unseen_<task>`` is the
    share of them.
    """
    module.to(_device()).eval()
    vectors: list[npt.NDArray[np.float32]] = []
    right: dict[str, int] = {}
    for batch in val:
        raw = module.raw_vectors(module.transfer_batch_to_device(batch, _device(), 0)).float()
        vectors.append(functional.normalize(raw, dim=1).cpu().numpy())
        for task, logits in module.space.logits(raw).items():
            hits = logits.argmax(dim=1).cpu() == batch.targets[task]
            right[task] = right.get(task, 0) + int(hits.sum())
    scores: dict[str, float] = {}
    for task, targets in placed.targets.items():
        if n_labelled := placed.labelled[task]:
            seen = int((targets != UNLABELLED).sum())
            scores[f"accuracy_{task}"] = right.get(task, 0) / n_labelled
            scores[f"unseen_{task}"] = 1 - seen / n_labelled
    return scores | spread_of(np.concatenate(vectors)).numbers


def _starting_from(
    settings: GeolocatorTrainingSettings, weights: str, location_weights: str
) -> GeolocatorTrainingSettings:
    location = settings.network.location.model_copy(update={"weights": location_weights})
    changed = {"weights": weights, "location": location}
    return settings.model_copy(update={"network": settings.network.model_copy(update=changed)})


def _location_origin(network: GeolocatorNetworkSettings) -> dict[str, str]:
    start = location_weights(network.location)
    return {} if start is None else {"location_weights": file_sha256(start)}


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
