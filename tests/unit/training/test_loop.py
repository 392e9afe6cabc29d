"""Optimisers and schedules by configuration, and the loop in two processes."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from pydantic import ValidationError
from torch.utils.data import DataLoader, Dataset

from zuroku.training.loop import LoopSettings, fit, optimizer
from zuroku.training.pixels import EpochSampler


class One(pl.LightningModule):
    """One parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))


def test_by_default_it_is_adam_without_decay_at_a_constant_rate() -> None:
    made = optimizer(One(), LoopSettings())
    assert set(made) == {"optimizer"}
    assert type(made["optimizer"]) is torch.optim.Adam
    (group,) = made["optimizer"].param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (1e-4, 0, (0.9, 0.999))


def test_feature_tuning_steps_as_the_recipe_says() -> None:
    settings = LoopSettings(
        epochs=120, learning_rate=0.01, optimizer="sgd", weight_decay=5e-4,
        schedule="steps", milestones=[60, 90, 110],
    )  # fmt: skip
    made = optimizer(One(), settings)
    sgd, falls = made["optimizer"], made["lr_scheduler"]
    assert type(sgd) is torch.optim.SGD
    assert (sgd.param_groups[0]["momentum"], sgd.param_groups[0]["weight_decay"]) == (0.9, 5e-4)
    assert falls["interval"] == "epoch"
    rates = []
    for _ in range(120):
        rates.append(sgd.param_groups[0]["lr"])
        sgd.step()
        falls["scheduler"].step()
    expected = [0.01] * 60 + [0.002] * 30 + [0.0004] * 20 + [0.00008] * 10
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize("values", [{"schedule": "steps"}, {"milestones": [60]}, {"step_factor": 1.0}])
def test_steps_and_milestones_go_together(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LoopSettings(**values)


class Keys(Dataset[int]):
    """Items that are their own keys."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, key: int) -> int:
        return key


class Noting(pl.LightningModule):
    """Writes down, process by process, which keys it is trained on."""

    def __init__(self, notes: Path) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self._notes = notes

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        with (self._notes / f"rank{self.global_rank}").open("a") as file:
            file.writelines(f"{key}\n" for key in batch.tolist())
        return self.weight.square().sum()

    def validation_step(self, batch: Any, _: int) -> None:
        self.log("val_loss", self.weight.sum(), batch_size=len(batch), sync_dist=True)

    def configure_optimizers(self) -> Any:
        return optimizer(self, LoopSettings())


class FileTracker:
    """Tells a file, because another process does the telling."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def log_metrics(self, metrics: dict[str, float], step: int = 0) -> None:
        with self._path.open("a") as file:
            file.write(f"{step}\n")

    def log_artifact(self, path: Path, folder: str = "") -> None:
        pass


@pytest.mark.slow
def test_two_processes_share_each_epoch_and_tell_it_once(tmp_path: Path) -> None:
    settings = LoopSettings(epochs=2, batch_size=3, devices=2)
    train = DataLoader(Keys(), sampler=EpochSampler(12, settings.seed), batch_size=3)
    val = DataLoader(Keys(), batch_size=3)
    tracker = FileTracker(tmp_path / "told")
    best = fit(Noting(tmp_path), train, val, settings, tmp_path / "work", tracker)
    seen = [[int(key) for key in (tmp_path / f"rank{rank}").read_text().split()] for rank in (0, 1)]
    for epoch in (0, 1):
        # Six of twelve keys each, and no key twice.
        halves = [keys[6 * epoch : 6 * epoch + 6] for keys in seen]
        assert sorted(halves[0] + halves[1]) == [12 * epoch + item for item in range(12)]
    assert (tmp_path / "told").read_text().split() == ["1", "2"]
    assert torch.load(best, weights_only=True)["epoch"] == 1
