"""Training a geolocator in two processes: one network, one queue, and heads that a batch has no label for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.unit.training import place_data
from zuroku.models.geolocation.network import Geolocator
from zuroku.training import geolocator
from zuroku.training.geolocator import GeolocatorTrainingSettings, train_geolocator
from zuroku.training.geolocator_items import PlaceBatch
from zuroku.training.geolocator_losses import UNLABELLED
from zuroku.training.geolocator_module import GeolocatorModule

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        torch.cuda.is_available(), reason="a GPU would be taken, not two processes of the CPU"
    ),
]

N_ITEMS = len(place_data.COLOURS) * place_data.PER_AREA
QUEUE = 20
SETTINGS = GeolocatorTrainingSettings.model_validate(
    {
        "network": {
            "backbone": "test_resnet", "weights": "random", "size_px": 32, "dimension": 24,
            "location": {"width": 16},
        },
        "queue": QUEUE,
        "loop": {"epochs": 2, "patience": 2, "batch_size": 8, "learning_rate": 0.01, "devices": 2},
    }
)  # fmt: skip


class Noting(GeolocatorModule):
    """Writes down, process by process, what each step of training had, and what it ends with."""

    notes: Path

    def training_step(self, batch: PlaceBatch, batch_index: int) -> Tensor:
        loss = super().training_step(batch, batch_index)
        labelled = int((batch.targets["road"] != UNLABELLED).sum())
        step = {"loss": float(loss), "labelled": labelled, "coordinates": batch.coordinates.tolist()}
        with (self.notes / f"steps{self.global_rank}").open("a") as file:
            file.write(json.dumps(step) + "\n")
        return loss

    def on_train_end(self) -> None:
        torch.save(self.state_dict(), self.notes / f"state{self.global_rank}.pt")


class FileTracker:
    """Tells a file, because another process does the telling."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def log_metrics(self, metrics: dict[str, float], step: int = 0) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps([step, metrics]) + "\n")

    def log_artifact(self, path: Path, folder: str = "") -> None:
        pass


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_processes_end_with_one_network_and_one_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two pictures in training know their road: most batches have no label for this head.
    roads = {1: "a", 2: "b"}
    data = place_data.make(tmp_path / "places", {"road": [roads.get(i, "") for i in range(N_ITEMS)]})

    def noting(*arguments: Any) -> Noting:
        module = Noting(*arguments)
        module.notes = tmp_path
        return module

    trained: list[Geolocator] = []
    monkeypatch.setattr(geolocator, "GeolocatorModule", noting)
    # The network is what is looked at: its export is as with one process, and takes longest.
    monkeypatch.setattr(
        geolocator, "write_geolocator", lambda folder, network, *papers: trained.append(network)
    )
    train_geolocator(*data, SETTINGS, tmp_path / "bundle", "1", FileTracker(tmp_path / "told"))

    first, second = (torch.load(tmp_path / f"state{rank}.pt", weights_only=True) for rank in (0, 1))
    assert first.keys() == second.keys()
    assert [name for name, tensor in first.items() if not torch.equal(tensor, second[name])] == []
    assert all(tensor.isfinite().all() for tensor in first.values())
    # This process goes on with what those have trained.
    assert torch.equal(trained[0].space.projection.weight.cpu(), first["space.projection.weight"])

    steps = [lines(tmp_path / f"steps{rank}") for rank in (0, 1)]
    assert any((a["labelled"] == 0) != (b["labelled"] == 0) for a, b in zip(*steps, strict=True))
    # The queue is the first process's: its newest batches, the last one foremost.
    newest = np.concatenate([step["coordinates"] for step in reversed(steps[0])])[:QUEUE]
    np.testing.assert_array_equal(first["losses.queue.stored"].numpy(), newest)
    assert int(first["losses.queue.n_stored"]) == QUEUE

    # Each epoch is told once, with the mean over both processes.
    told = dict(lines(tmp_path / "told"))
    per_epoch = len(steps[0]) // 2
    for epoch in (1, 2):
        of_epoch = [step["loss"] for rank in steps for step in rank[(epoch - 1) * per_epoch :][:per_epoch]]
        assert told[epoch]["train_loss"] == pytest.approx(np.mean(of_epoch), rel=1e-4)
