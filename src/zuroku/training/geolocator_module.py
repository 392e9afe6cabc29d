"""A geolocator as the loop wants it, whole or above cached features."""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from zuroku.models.geolocation.network import Geolocator, PlaceSpace
from zuroku.training.geolocator_items import PlaceBatch
from zuroku.training.geolocator_losses import PlaceLosses
from zuroku.training.loop import LoopSettings


class GeolocatorModule(pl.LightningModule):
    """The sum of the losses on what ``space`` makes of the features that ``encode`` finds in a batch."""

    def __init__(
        self, encode: nn.Module, space: PlaceSpace, losses: PlaceLosses, settings: LoopSettings
    ) -> None:
        super().__init__()
        self.encode = encode
        self.space = space
        self.losses = losses
        self._settings = settings

    def training_step(self, batch: PlaceBatch, batch_index: int) -> Tensor:
        """One step; each loss is logged as ``train_loss_<task>`` or ``train_loss_contrast``."""
        return self._total(batch, "train_loss")

    def validation_step(self, batch: PlaceBatch, batch_index: int) -> None:
        """The losses on the val groups, the contrast against the places of the batch alone."""
        self._total(batch, "val_loss")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """RAdam (Liu et al. 2020) at a constant rate, as the paper."""
        return torch.optim.RAdam(
            [parameter for parameter in self.parameters() if parameter.requires_grad],
            lr=self._settings.learning_rate,
            weight_decay=self._settings.weight_decay,
        )

    def raw_vectors(self, batch: PlaceBatch) -> Tensor:
        """Return the raw vectors ``(n, dimension)`` of a batch's pictures."""
        raw: Tensor = self.space.projection(self.encode(batch.inputs, batch.counts))
        return raw

    def _total(self, batch: PlaceBatch, name: str) -> Tensor:
        losses = self.losses(self.space, self.raw_vectors(batch), batch.targets, batch.coordinates)
        total = torch.stack(list(losses.values())).sum()
        options: dict[str, Any] = {
            "on_step": False, "on_epoch": True, "batch_size": len(batch.counts), "sync_dist": True,
        }  # fmt: skip
        self.log(name, total, prog_bar=True, **options)
        self.log_dict({f"{name}_{task}": loss for task, loss in losses.items()}, **options)
        return total


class SquareFeatures(nn.Module):
    """The backbone, trained with the rest."""

    def __init__(self, network: Geolocator) -> None:
        super().__init__()
        self.backbone = network.backbone
        # In a tuple, so that torch does not take it for a part: its space is one of the module already.
        self._network = (network,)

    def forward(self, squares: Tensor, counts: Tensor) -> Tensor:
        """Return features ``(n, d)`` of squares ``(m, 3, s, s)`` uint8."""
        (network,) = self._network
        images = (squares.float() / 255).contiguous(memory_format=torch.channels_last)
        return network.features(images, counts)


class CachedFeatures(nn.Module):
    """A frozen backbone's features, as they are."""

    def forward(self, features: Tensor, counts: Tensor) -> Tensor:
        """Return ``features`` ``(n, d)``, one row for each picture."""
        return features
