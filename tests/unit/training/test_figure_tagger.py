"""Training: what the bundle holds, kill and resume, what an untrained label does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tests.unit.training import figure_data
from zuroku.artifacts import Artifact, verify
from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.errors import BundleError, IntegrityError, SplitError
from zuroku.models.backbones import create_backbone
from zuroku.models.bundle import read_card
from zuroku.models.tagger import ServedTagger, Tagger
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.tracking import NullTracker
from zuroku.training.figure_tagger import labelled_figures, train_figure_tagger

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact, Artifact]:
    root = tmp_path_factory.mktemp("trained")
    dataset, splits = figure_data.make(root)
    bundle = train_figure_tagger(
        dataset, splits, figure_data.settings(3), root / "bundle", "1", NullTracker()
    )
    return dataset, splits, bundle


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
from tests.unit.training import figure_data
from zuroku.artifacts import verify
from zuroku.datasets.manifest import Dataset
from zuroku.tracking import NullTracker
from zuroku.training import pixels
from zuroku.training.figure_tagger import train_figure_tagger

root, log = Path(sys.argv[1]), Path(sys.argv[2])
plain = pixels.PixelDataset.__getitem__

def noted(self, key):
    with log.open("a") as file:
        file.write(f"{len(self)}:{key}\\n")
    return plain(self, key)

pixels.PixelDataset.__getitem__ = noted
train_figure_tagger(
    Dataset(root / "data"),
    verify(root / "splits"),
    figure_data.settings(4),
    root / sys.argv[3],
    "1",
    NullTracker(),
)
"""


def start(root: Path, log: Path, target: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", _SCRIPT, str(root), str(log), target]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def train_keys(log: Path, n_train: int) -> list[int]:
    pairs = (line.split(":") for line in log.read_text().split())
    return [int(key) for size, key in pairs if int(size) == n_train]


def test_killed_in_the_middle_it_goes_on_and_has_seen_the_same_items(tmp_path: Path) -> None:
    dataset, splits = figure_data.make(tmp_path)
    table = pd.read_parquet(splits.path / "splits.parquet")
    groups = set(table.loc[table["split"] == "train", "group"])
    n_train = sum(row.group in groups for row in dataset.rows())

    killed = start(tmp_path, tmp_path / "killed.log", "bundle")
    last = tmp_path / ".bundle.partial.scratch" / "checkpoints" / "last.ckpt"
    for _ in range(2400):
        if last.exists():
            break
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "bundle").exists()

    assert start(tmp_path, tmp_path / "resumed.log", "bundle").wait() == 0
    assert start(tmp_path, tmp_path / "whole.log", "whole").wait() == 0
    resumed = train_keys(tmp_path / "resumed.log", n_train)
    whole = train_keys(tmp_path / "whole.log", n_train)
    first_epoch = resumed[0] // n_train
    assert first_epoch >= 1, "it started over"
    # From the first epoch that was not finished, the same items in the same order.
    assert resumed == whole[first_epoch * n_train :]
    verify(tmp_path / "bundle")
    assert read_card(tmp_path / "bundle").thresholds
    assert not list(tmp_path.glob(".bundle.partial*"))
