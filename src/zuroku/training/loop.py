"""The one training loop: Lightning, checkpoints at epoch ends, resume, early stop, tracking.

What is trained belongs to the task modules; how long and on what is here.
"""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from pydantic import Field, model_validator
from torch.utils.data import DataLoader

from zuroku.config import Settings
from zuroku.tracking import Tracker

logger = logging.getLogger("zuroku.training")


class LoopSettings(Settings):
    """How long to train, on what, and when to stop."""

    epochs: int = Field(default=100, ge=1)
    patience: int = Field(default=10, ge=1, description="epochs without a lower validation loss")
    batch_size: int = Field(default=48, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    optimizer: Literal["adam", "sgd"] = "adam"
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "cosine", "steps"] = "constant"
    milestones: list[int] = Field(default=[], description="epochs after which the rate falls, for steps")
    step_factor: float = Field(default=0.2, gt=0, lt=1, description="of each fall")
    workers: int = Field(default=0, ge=0, description="processes that load batches; 0 loads in this one")
    devices: int = Field(default=1, ge=1, description="more than one trains with DDP")
    seed: int = 20211211

    @model_validator(mode="after")
    def _steps_have_milestones(self) -> "LoopSettings":
        if (self.schedule == "steps") != bool(self.milestones):
            raise ValueError(
                f"schedule {self.schedule} with milestones {self.milestones}: steps needs some, others none"
            )
        return self


def precision() -> Literal["bf16-mixed", "32-true"]:
    """bf16 autocast on a GPU; fp32 on a CPU, where bf16 is no faster and rounds Adam's steps away."""
    return "bf16-mixed" if torch.cuda.is_available() else "32-true"


def optimizer(module: pl.LightningModule, settings: LoopSettings) -> dict[str, Any]:
    """Return the optimiser and its schedule in the form Lightning expects."""
    stepper = _stepper(module, settings)
    if settings.schedule == "constant":
        return {"optimizer": stepper}
    if settings.schedule == "steps":
        falls = torch.optim.lr_scheduler.MultiStepLR(stepper, settings.milestones, settings.step_factor)
        return {"optimizer": stepper, "lr_scheduler": {"scheduler": falls, "interval": "epoch"}}
    steps = int(module.trainer.estimated_stepping_batches)
    one_cycle = torch.optim.lr_scheduler.OneCycleLR(
        stepper, max_lr=settings.learning_rate, total_steps=steps, pct_start=0.2
    )
    return {"optimizer": stepper, "lr_scheduler": {"scheduler": one_cycle, "interval": "step"}}


def _stepper(module: pl.LightningModule, settings: LoopSettings) -> torch.optim.Optimizer:
    """Return Adam (its decay added to the gradient), or SGD with momentum."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        return torch.optim.Adam(module.parameters(), lr=rate, weight_decay=decay)
    return torch.optim.SGD(module.parameters(), lr=rate, momentum=settings.momentum, weight_decay=decay)


def fit(
    module: pl.LightningModule,
    train: DataLoader[Any],
    val: DataLoader[Any],
    settings: LoopSettings,
    work: Path,
    tracker: Tracker,
) -> Path:
    """Train ``module`` and return the checkpoint with the lowest ``val_loss``.

    A checkpoint is written at the end of every epoch. Called again with the same ``work`` after a
    kill, training goes on after the last finished epoch. (Lightning can resume inside an epoch,
    but then repeats its first batches and omits its last.)
    """
    # Lightning tells of hardware and products; what matters is in our own lines.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    pl.seed_everything(settings.seed, verbose=False)
    best = ModelCheckpoint(
        work, filename="best", monitor="val_loss", save_last=True, enable_version_counter=False
    )
    trainer = pl.Trainer(
        max_epochs=settings.epochs,
        accelerator="auto",
        devices=settings.devices,
        strategy="ddp_spawn" if settings.devices > 1 else "auto",
        precision=precision(),
        callbacks=[best, EarlyStopping("val_loss", patience=settings.patience), _Report(tracker), *_bar()],
        enable_progress_bar=sys.stderr.isatty(),
        logger=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=work,
    )
    last = work / "last.ckpt"
    with warnings.catch_warnings():
        # Batches come from a mapped array in this process; more workers would only copy them.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty.*")
        warnings.filterwarnings("ignore", message=".*number of training batches.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        trainer.fit(module, train, val, ckpt_path=last if last.exists() else None, weights_only=False)
    return Path(best.best_model_path)


class _Report(Callback):
    """Sends the numbers of each epoch to the tracker and to the log."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        epoch = trainer.current_epoch + 1
        self._tracker.log_metrics(metrics, step=epoch)
        numbers = ", ".join(f"{name} {value:.4f}" for name, value in sorted(metrics.items()))
        logger.info("epoch %d of at most %d: %s", epoch, trainer.max_epochs, numbers)


def _bar() -> list[Callback]:
    return [TQDMProgressBar(refresh_rate=5, leave=False)] if sys.stderr.isatty() else []
