"""The parts of an embedder that are trained, whole or above cached features, as the loop wants them."""

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
from torch import Tensor, nn

from zuroku.models.embedding.network import Embedder
from zuroku.training.features import by_tap
from zuroku.training.loop import LoopSettings, optimizer


class EmbedderModule(pl.LightningModule):
    """A loss on what ``embed`` makes of ``views`` of a batch; views are random where they are given keys."""

    def __init__(
        self,
        embed: nn.Module,
        loss: nn.Module,
        views: Callable[[Tensor, Tensor | None], Tensor],
        settings: LoopSettings,
    ) -> None:
        super().__init__()
        self.embed = embed
        self.loss = loss
        self._views = views
        self._settings = settings

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int) -> Tensor:
        """One step on the views of this epoch."""
        inputs, targets, keys = batch
        loss: Tensor = self.loss(self.embed(self._views(inputs, keys)), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int) -> None:
        """The loss of held-out images as they are served."""
        inputs, targets, _ = batch
        loss = self.loss(self.embed(self._views(inputs, None)), targets)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(targets), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Adam or SGD, as configured."""
        return optimizer(self, self._settings)


class RawVectors(nn.Module):
    """The whole network up to its raw vectors."""

    def __init__(self, network: Embedder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return raw vectors of ``(n, 3, h, w)`` float32 RGB in [0, 1]."""
        return self.network.raw_vectors(images)


class TailVectors(nn.Module):
    """What is trained on cached features; the backbone below is no part of it, nor of its checkpoints."""

    def __init__(self, network: Embedder) -> None:
        super().__init__()
        self.head = network.head
        self.whitening = network.whitening
        # In a tuple, so that torch does not take it for a part.
        self._network = (network,)

    def forward(self, features: Tensor) -> Tensor:
        """Return raw vectors of cached features ``(n, sum of the taps' dimensions)``."""
        (network,) = self._network
        return network.tail(network.joined(by_tap(features, network.tap_dimensions)))
