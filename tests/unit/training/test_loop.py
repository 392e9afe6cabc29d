"""Optimisers and schedules by configuration."""

import lightning.pytorch as pl
import pytest
import torch
from pydantic import ValidationError

from zuroku.training.loop import LoopSettings, optimizer


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
