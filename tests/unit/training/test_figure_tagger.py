"""Training: what the bundle holds, kill and resume, what an untrained label does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unit.training import figure_data
from tests.unit.training.releases import AtEpoch, Champions, stop
from zuroku.artifacts import Artifact, build, file_sha256, verify
from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.errors import BundleError, ConfigError, IntegrityError, SplitError
from zuroku.models.backbones import create_backbone, state_sha256
from zuroku.models.bundle import read_card
from zuroku.models.tagger import ServedTagger, Tagger
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.tracking import NullTracker
from zuroku.training import figure_tagger, pixels
from zuroku.training.figure_tagger import labelled_figures, train_figure_tagger

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@contextmanager
def noting(log: Path) -> Iterator[None]:
    """Write into ``log`` which item of how many is read, in the order of reading."""
    plain = pixels.PixelDataset.__getitem__

    def noted(self: pixels.PixelDataset, key: int) -> object:
        with log.open("a") as file:
            file.write(f"{len(self)}:{key}\n")
        return plain(self, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixels.PixelDataset, "__getitem__", noted)
        yield


def train(data: Path, target: Path, log: Path) -> Artifact:
    dataset, splits = Dataset(data / "data"), verify(data / "splits")
    with noting(log):
        return train_figure_tagger(dataset, splits, figure_data.settings(4), target, "1", NullTracker())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact]:
    return figure_data.make(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def trained(data: tuple[Dataset, Artifact]) -> tuple[Dataset, Artifact, Artifact]:
    root = data[0].root.parent
    return *data, train(root, root / "bundle", root / "whole.log")


def test_it_learns_to_tell_plain_pictures_apart(trained) -> None:
    dataset, splits, bundle = trained
    predictor = TaggerPredictor(bundle.path)
    table = pd.read_parquet(splits.path / "splits.parquet")
    figures = labelled_figures(dataset, table, "test", predictor.hierarchy)
    probabilities = predictor.predict_all(lambda row=row: dataset.read(row) for row in figures.rows)
    assert (predictor.decide(probabilities) == (figures.targets > 0.5)).mean() > 0.8


def test_onnx_safetensors_and_the_served_model_are_one(trained) -> None:
    dataset, _, bundle = trained
    predictor = TaggerPredictor(bundle.path)
    card = predictor.card
    weights = load_file(bundle.path / "model.safetensors")
    tagger = Tagger(create_backbone(card.backbone, "random"), len(card.labels))
    model = ServedTagger(tagger, [0.0] * 3, [1.0] * 3, card.temperature)
    model.load_state_dict(weights)
    picture = square_pixels(dataset.read(dataset.rows()[0]), card.size_px)
    with torch.inference_mode():
        eager = model.eval()(torch.from_numpy(picture.copy())[None]).numpy()[0]
    session = onnxruntime.InferenceSession(str(bundle.path / "model.onnx"))
    onnx = session.run(None, {"pixels": picture[None]})[0][0]
    np.testing.assert_allclose(onnx, eager, atol=1e-4)
    np.testing.assert_allclose(predictor.probabilities(picture), eager, atol=1e-4)


def test_a_start_from_a_file_is_told_by_its_content(trained, tmp_path: Path) -> None:
    dataset, splits, packaged = trained
    start = tmp_path / "start.safetensors"
    save_file(create_backbone("tf_efficientnet_lite0", "random").state_dict(), start)
    settings = figure_data.settings(1).model_copy(update={"weights": str(start)})
    card = read_card(
        train_figure_tagger(dataset, splits, settings, tmp_path / "bundle", "1", NullTracker()).path
    )
    assert card.data == read_card(packaged.path).data | {"weights": file_sha256(start)}
    assert card.settings["weights"] == f"file:{file_sha256(start)}"
    began = state_sha256(create_backbone("tf_efficientnet_lite0", "packaged"))
    assert read_card(packaged.path).data["weights"] == began


@pytest.fixture
def champions(tmp_path: Path) -> Champions:
    def write(folder: Path) -> None:
        state = create_backbone("tf_efficientnet_lite0", "packaged").state_dict()
        save_file(state, folder / "model.safetensors")
        (folder / "card.json").write_text("{}")
        (folder / "training_groups.json").write_text('["before"]')

    return Champions(tmp_path, build(tmp_path / "first", write).path)


def test_stopped_it_does_not_go_on_from_other_weights(data, champions: Champions, tmp_path: Path) -> None:
    dataset, splits = data
    weights = champions.link / "model.safetensors"
    settings = figure_data.settings(2).model_copy(update={"weights": str(weights)})
    for _ in range(2):
        tracker = AtEpoch(2, stop)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train_figure_tagger(dataset, splits, settings, tmp_path / "bundle", "1", tracker)
        assert tracker.epochs == [1, 2]
        champions.release()


def test_a_tagger_tells_the_start_it_had(data, champions: Champions, tmp_path: Path, monkeypatch) -> None:
    dataset, splits = data
    weights = champions.link / "model.safetensors"
    began = load_file(weights)["conv_stem.weight"]
    settings = figure_data.settings(1).model_copy(update={"weights": str(weights)})
    told = champions.releasing_after(figure_tagger.start_origin)
    monkeypatch.setattr(figure_tagger, "start_origin", told)
    written: list[Any] = []
    monkeypatch.setattr(figure_tagger, "write_bundle", lambda *papers: written.extend(papers))
    train_figure_tagger(dataset, splits, settings, tmp_path / "bundle", "1", NullTracker())
    _, served, card, groups, _ = written
    assert card.data["weights"] == file_sha256(champions.first / "model.safetensors")
    assert "before" in groups
    assert "elsewhere" not in groups
    ended = next(tensor for name, tensor in served.state_dict().items() if name.endswith("conv_stem.weight"))
    torch.testing.assert_close(ended, began, atol=0.1, rtol=0)


def test_weights_that_are_not_there_are_explained(data, tmp_path: Path) -> None:
    dataset, splits = data
    settings = figure_data.settings(1).model_copy(update={"weights": str(tmp_path / "none.safetensors")})
    with pytest.raises(ConfigError, match="no weights at"):
        train_figure_tagger(dataset, splits, settings, tmp_path / "bundle", "1", NullTracker())


def test_a_class_without_images_is_untrained_and_never_told(trained) -> None:
    _, _, bundle = trained
    predictor = TaggerPredictor(bundle.path)
    assert "persons" not in predictor.card.trained
    certain = np.ones((1, len(predictor.card.labels)), dtype=np.float32)
    assert not predictor.decide(certain)[0][predictor.card.labels.index("persons")]


def test_a_changed_bundle_is_refused(trained, tmp_path: Path) -> None:
    _, _, bundle = trained
    copy = tmp_path / "bundle"
    copy.mkdir()
    for path in bundle.path.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    card = json.loads((copy / "card.json").read_text())
    card["thresholds"][0] = 0.01
    (copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(IntegrityError, match=r"changed card\.json"):
        TaggerPredictor(copy)
    with pytest.raises(BundleError, match="no model bundle"):
        TaggerPredictor(tmp_path)


def test_a_split_without_figures_is_refused(trained) -> None:
    dataset, splits, bundle = trained
    table = pd.read_parquet(splits.path / "splits.parquet").replace({"split": {"test": "val"}})
    with pytest.raises(SplitError, match="'test'"):
        labelled_figures(dataset, table, "test", TaggerPredictor(bundle.path).hierarchy)


_SCRIPT = """
import sys
from pathlib import Path
from tests.unit.training.test_figure_tagger import train

train(*map(Path, sys.argv[1:]))
"""


def train_keys(log: Path, n_train: int) -> list[int]:
    pairs = (line.split(":") for line in log.read_text().split())
    return [int(key) for size, key in pairs if int(size) == n_train]


def test_killed_in_the_middle_it_goes_on_and_has_seen_the_same_items(trained, tmp_path: Path) -> None:
    """The loop is every model's; the others' tests stop it without a kill."""
    dataset, splits, _ = trained
    table = pd.read_parquet(splits.path / "splits.parquet")
    groups = set(table.loc[table["split"] == "train", "group"])
    n_train = sum(row.group in groups for row in dataset.rows())

    root, target = dataset.root.parent, tmp_path / "bundle"
    command = [sys.executable, "-c", _SCRIPT, str(root), str(target), str(tmp_path / "killed.log")]
    killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    last = tmp_path / ".bundle.partial.scratch" / "checkpoints" / "last.ckpt"
    while killed.poll() is None and not last.exists():
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not target.exists()

    train(root, target, tmp_path / "resumed.log")
    resumed = train_keys(tmp_path / "resumed.log", n_train)
    whole = train_keys(root / "whole.log", n_train)
    first_epoch = resumed[0] // n_train
    assert first_epoch >= 1, "it started over"
    # From the first epoch that was not finished, the same items in the same order.
    assert resumed == whole[first_epoch * n_train :]
    verify(target)
    assert read_card(target).thresholds
    assert not list(tmp_path.glob(".bundle.partial*"))
