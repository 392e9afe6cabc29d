"""Training a geolocator: what it learns, what the bundle holds, resuming after a stop."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from tests.unit.training import place_data
from tests.unit.training.releases import Champions
from tests.unit.training.traced_export import traced_export
from zuroku.artifacts import Artifact, verify
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.place_halves import calibrating
from zuroku.models.bundle import training_groups
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.settings import EmbedderSettings
from zuroku.models.geolocation.bundle import load_geolocator
from zuroku.models.geolocation.findings import geolocator_findings
from zuroku.models.geolocation.location_encoder import LocationEncoder
from zuroku.models.geolocation.network import create_geolocator
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.models.geolocation.settings import LocationSettings
from zuroku.tracking import NullTracker
from zuroku.training import geolocator
from zuroku.training.geolocator import GeolocatorTrainingSettings, train_geolocator

pytestmark = pytest.mark.slow

EPOCHS = 20

Data = tuple[Dataset, Artifact, Artifact]


def settings(epochs: int = 2, train: str = "head", **values: Any) -> GeolocatorTrainingSettings:
    """A tiny training, unless other ``values`` are given."""
    network = {"backbone": "test_resnet", "weights": "random", "size_px": 32, "dimension": 24}
    network |= {"location": {"width": 16}} | dict(values.pop("network", {}))
    loop = {"epochs": epochs, "patience": epochs, "batch_size": 8, "learning_rate": 0.05}
    loop |= dict(values.pop("loop", {}))
    fields = {"queue": 20, "augmented": train == "network"} | values
    return GeolocatorTrainingSettings.model_validate(
        {"network": network, "loop": loop, "train": train} | fields
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return place_data.make(tmp_path_factory.mktemp("places"))


class Notes:
    """A tracker that keeps what it hears, and may fail at an epoch as a machine does."""

    def __init__(self, stop_at: int = 0) -> None:
        self.epochs: dict[int, dict[str, float]] = {}
        self._stop_at = stop_at

    def log_metrics(self, metrics: dict[str, float], step: int = 0) -> None:
        self.epochs[step] = dict(metrics)
        if self._stop_at and step == self._stop_at:
            raise KeyboardInterrupt

    def log_artifact(self, path: Path, folder: str = "") -> None:
        pass


def trained(
    data: Data, target: Path, configured: GeolocatorTrainingSettings, tracker: Any = None
) -> Artifact:
    return train_geolocator(*data, configured, target, "1", tracker or NullTracker())


@pytest.fixture(scope="module")
def heard() -> Notes:
    return Notes()


@pytest.fixture(scope="module")
def bundle(data: Data, heard: Notes, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return trained(data, tmp_path_factory.mktemp("trained") / "bundle", settings(EPOCHS), heard)


def test_it_learns_and_every_loss_is_told(bundle: Artifact, heard: Notes) -> None:
    first, last = heard.epochs[1], heard.epochs[EPOCHS]
    names = ("prefecture", "municipality", "town", "road", "contrast")
    for kind in ("train_loss", "val_loss"):
        assert set(first) >= {kind, *(f"{kind}_{name}" for name in names)}
        assert f"{kind}_landmark" not in first
        assert first[kind] == pytest.approx(sum(first[f"{kind}_{name}"] for name in names), rel=1e-4)
        assert last[kind] < first[kind]
    assert last["train_loss_contrast"] < first["train_loss_contrast"]
    validation = GeolocatorPredictor(bundle.path).card.validation
    assert validation["accuracy_prefecture"] > 0.9
    assert validation["accuracy_municipality"] > 0.6
    assert validation["unseen_municipality"] == 0
    assert "accuracy_landmark" not in validation
    assert heard.epochs[0] == validation


def test_the_bundle_tells_what_it_was_made_of(data: Data, bundle: Artifact) -> None:
    dataset, labels, splits = data
    card = GeolocatorPredictor(bundle.path).card
    assert card.data == {"views": dataset.version, "place_labels": labels.sha256, "splits": splits.sha256}
    assert (card.release, card.licence, card.dimension) == ("restricted", "CC0-1.0", 24)
    assert card.classes["municipality"] == ["0", "1", "2", "3"]
    assert card.classes["landmark"] == []
    assert GeolocatorTrainingSettings.model_validate(card.settings) == settings(EPOCHS)
    table = pd.read_parquet(splits.path / "splits.parquet")
    in_val = table.loc[table["split"] == "val", "group"]
    seen = {*table.loc[table["split"] == "train", "group"], *in_val[~calibrating(in_val.tolist())]}
    assert training_groups(bundle.path) == seen
    assert all(finding.passed for finding in geolocator_findings(bundle.path, ["g402"]))
    # Queue and class weights were of use in training only.
    names = load_file(bundle.path / "model.safetensors")
    assert not [name for name in names if "queue" in name or "weights_" in name]
    assert not list(bundle.path.parent.glob(".bundle.partial*"))


def test_what_is_served_has_the_accuracy_of_the_card(data: Data, bundle: Artifact) -> None:
    dataset, labels, splits = data
    table = pd.read_parquet(splits.path / "splits.parquet").set_index("group")["split"]
    truth = pd.read_parquet(labels.path / "labels.parquet").set_index("item_id")
    predictor = GeolocatorPredictor(bundle.path)
    val = [row for row in dataset.rows() if table[row.group] == "val"]
    found = predictor.predict(dataset.read(row) for row in val)
    for task in ("municipality", "town"):
        names = np.array(predictor.classes[task])[found.probabilities[task].argmax(axis=1)]
        asked = np.array([truth.loc[row.item_id, task] for row in val])
        accuracy = (names == asked)[asked != ""].mean()
        assert accuracy == pytest.approx(predictor.card.validation[f"accuracy_{task}"])


def test_a_frozen_backbone_stays_as_it_was_and_an_open_one_does_not(
    data: Data, bundle: Artifact, tmp_path
) -> None:
    torch.manual_seed(settings().loop.seed)
    started = create_geolocator(settings().network, {"town": ["a"]}).backbone.state_dict()
    frozen = load_geolocator(bundle.path).backbone.state_dict()
    assert all(torch.equal(tensor, frozen[name]) for name, tensor in started.items())
    whole = trained(data, tmp_path / "whole", settings(1, "network"))
    tuned = load_geolocator(whole.path).backbone.state_dict()
    assert not all(torch.equal(tensor, tuned[name]) for name, tensor in started.items())


@pytest.mark.parametrize("train", ["head", "network"])
def test_stopped_after_an_epoch_it_ends_as_if_it_had_not_been(data: Data, tmp_path: Path, train: str) -> None:
    configured = settings(4, train)
    whole = trained(data, tmp_path / "whole", configured)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        trained(data, tmp_path / "stopped", configured, Notes(stop_at=2))
    assert not (tmp_path / "stopped").exists()
    last = tmp_path / ".stopped.partial.scratch" / "checkpoints" / "last.ckpt"
    # The queue is among what goes on.
    stored = torch.load(last, weights_only=False)["state_dict"]
    assert int(stored["losses.queue.n_stored"]) == 20
    assert trained(data, tmp_path / "stopped", configured).sha256 == whole.sha256
    assert not list(tmp_path.glob(".stopped.partial*"))


@pytest.fixture
def champions(tmp_path: Path) -> Champions:
    plain = EmbedderSettings(backbone="test_resnet", weights="random", size_px=32)
    with traced_export():
        return Champions(tmp_path, build_embedder(plain, tmp_path / "first", "1").path)


def test_stopped_it_does_not_go_on_from_another_backbone(
    data: Data, champions: Champions, tmp_path: Path
) -> None:
    configured = settings(network={"weights": str(champions.link)})

    def stopped(name: str) -> Any:
        notes = Notes(stop_at=1)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            trained(data, tmp_path / name, configured, notes)
        assert list(notes.epochs) == [1]
        return np.load(tmp_path / f".{name}.partial.scratch" / "train.features.npy")

    before = stopped("bundle")
    champions.release()
    after = stopped("bundle")
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(after, stopped("fresh"))


def test_stopped_it_does_not_go_on_from_other_places(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = tmp_path / "places.pth"
    location = {"variant": "geoclip", "weights": str(places), "width": 1024}
    configured = settings(network={"dimension": 512, "location": location})
    state = LocationEncoder(LocationSettings(variant="geoclip"), 512).state_dict()
    goes_on: list[bool] = []

    def stopped(*arguments: Any) -> None:
        scratch = next(argument for argument in arguments if isinstance(argument, Path))
        goes_on.append((scratch / "left").exists())
        (scratch / "left").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(geolocator, "_fit", stopped)
    for shift in (0, 0, 1):
        torch.save({name: tensor + shift for name, tensor in state.items()}, places)
        with pytest.raises(KeyboardInterrupt):
            trained(data, tmp_path / "bundle", configured)
    assert goes_on == [False, True, False]


def test_a_geolocator_tells_the_start_it_had(
    data: Data, champions: Champions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = champions.releasing_after(create_geolocator)
    monkeypatch.setattr(geolocator, "create_geolocator", made)
    written: list[Any] = []
    monkeypatch.setattr(geolocator, "write_geolocator", lambda *papers: written.extend(papers))
    trained(data, tmp_path / "bundle", settings(1, network={"weights": str(champions.link)}))
    card, groups = written[2:]
    assert card.data["weights"] == verify(champions.first).sha256
    assert "elsewhere" not in groups


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"augmented": True}, "set augmented to false"),
        ({"loop": {"optimizer": "adam"}}, "radam"),
        (
            {"network": {"dimension": 24, "location": {"variant": "geoclip", "weights": "w.pth"}}},
            "512 dimensions",
        ),
        ({"flip": 0.5}, "Extra inputs"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(values: dict, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        settings(**values)


def test_the_papers_form_is_a_value_of_the_settings() -> None:
    network = {
        "backbone": "vit_large_patch14_clip_224.laion2b_ft_in12k_in1k",
        "weights": "timm",
        "size_px": 224,
        "location": {"variant": "paper"},
    }
    paper = GeolocatorTrainingSettings.model_validate({"network": network})
    assert (paper.train, paper.augmented, paper.queue, paper.network.dimension) == (
        "network",
        True,
        8192,
        512,
    )
    loop = paper.loop
    assert (loop.batch_size, loop.learning_rate, loop.epochs, loop.patience) == (256, 1e-4, 100, 5)
    assert paper.network.location.sigmas == (1, 4, 16, 64, 256)
