"""Training a layout detector on a few pages: bundle, contract, resuming, going on from another."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.training.page_data import page_dataset
from tests.unit.training.releases import AtEpoch, Champions, stop
from zuroku.artifacts import Artifact, build, file_sha256, verify
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.splits import SplitSettings, extend_splits
from zuroku.datasets.zones import NDL_DOCL_CLASSES
from zuroku.errors import ConfigError, IntegrityError
from zuroku.models.backbones import create_backbone, state_sha256
from zuroku.models.bundle import training_groups
from zuroku.models.layout.page_detector import PageDetector
from zuroku.tracking import NullTracker
from zuroku.training import layout_detector
from zuroku.training.layout_detector import LayoutDetectorSettings, train_layout_detector
from zuroku.training.loop import LoopSettings

pytestmark = pytest.mark.slow

LOOP = LoopSettings(epochs=2, patience=2, batch_size=4, learning_rate=1e-3)


def settings(
    family: str, architecture: str, weights: str = "random", **changes: object
) -> LayoutDetectorSettings:
    return LayoutDetectorSettings(
        classes=list(NDL_DOCL_CLASSES),
        figure_classes=["4_illustration"],
        overall_classes=["1_overall"],
        family=family,
        architecture=architecture,
        weights=weights,
        size_px=128,
        loop=LOOP,
        **changes,
    )


FCOS = settings("fcos", "tf_efficientnet_lite0", "packaged")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact]:
    root = tmp_path_factory.mktemp("pages")
    dataset = page_dataset(root, books=6)
    manifest = dataset.manifest
    table = extend_splits(manifest["group"].tolist(), manifest["label"].tolist(), SplitSettings())
    splits = build(root / "splits", lambda out: table.to_parquet(out / "splits.parquet"))
    return dataset, splits


def test_every_family_gives_a_bundle_that_detects(data: tuple[Dataset, Artifact], tmp_path: Path) -> None:
    dataset, splits = data
    families = (
        FCOS,
        settings("segmentation", "lraspp_mobilenet_v3_large"),
        settings("ultralytics", "yolo26n"),
    )
    for number, configured in enumerate(families):
        target = tmp_path / str(number)
        bundle = train_layout_detector(dataset, splits, configured, target, "1", NullTracker())
        verify(bundle.path, bundle.sha256)
        assert not list(tmp_path.glob("*.scratch"))
        detector = PageDetector(bundle.path)
        assert detector.card.family == configured.family
        row = dataset.rows()[0]
        found = next(iter(detector.detect([lambda row=row: dataset.read(row)])))
        assert found.boxes.shape == (len(found), 4)
        assert (found.boxes[:, 2] <= row.width).all()
        assert (found.boxes[:, 3] <= row.height).all()
        assert (found.scores[:-1] >= found.scores[1:]).all()
        table = pd.read_parquet(splits.path / "splits.parquet")
        seen = set(json.loads((bundle.path / "training_groups.json").read_text()))
        assert seen == set(table.loc[table["split"] != "test", "group"])


def test_training_goes_on_after_a_kill_and_ends_the_same(
    data: tuple[Dataset, Artifact], tmp_path: Path
) -> None:
    dataset, splits = data
    whole = train_layout_detector(dataset, splits, FCOS, tmp_path / "whole", "1", NullTracker())

    class KilledError(Exception):
        pass

    class Dying(NullTracker):
        def log_metrics(self, metrics: object, step: int = 0) -> None:
            if step == 2:
                raise KilledError

    with pytest.raises(KilledError):
        train_layout_detector(dataset, splits, FCOS, tmp_path / "killed", "1", Dying())
    assert not (tmp_path / "killed").exists()
    epochs = []

    class Counting(NullTracker):
        def log_metrics(self, metrics: object, step: int = 0) -> None:
            epochs.append(step)

    resumed = train_layout_detector(dataset, splits, FCOS, tmp_path / "killed", "1", Counting())
    assert epochs == [2]
    first, second = (json.loads((one.path / "card.json").read_text()) for one in (whole, resumed))
    assert first["thresholds"] == pytest.approx(second["thresholds"], abs=1e-3)


def test_a_detector_goes_on_from_anothers_weights(data: tuple[Dataset, Artifact], tmp_path: Path) -> None:
    dataset, splits = data
    table = pd.read_parquet(splits.path / "splits.parquet")
    turned = table.replace({"split": {"test": "train", "train": "test"}})
    others = build(tmp_path / "turned", lambda out: turned.to_parquet(out / "splits.parquet"))
    first = train_layout_detector(dataset, others, FCOS, tmp_path / "first", "1", NullTracker())
    weights = str(first.path / "model.safetensors")
    fewer = FCOS.model_copy(update={"weights": weights, "classes": ["1_overall", "4_illustration"]})
    second = train_layout_detector(dataset, splits, fewer, tmp_path / "second", "1", NullTracker())
    detector = PageDetector(second.path)
    assert detector.classes == ("1_overall", "4_illustration")
    # The books that the first one has seen are no test for the second.
    assert training_groups(second.path) == set(table["group"])
    # By content, so that the folder does not change the bundle.
    named = f"file:{file_sha256(Path(weights))}"
    assert detector.card.initial_weights == detector.card.settings["weights"] == named
    assert detector.card.data["weights"] == file_sha256(Path(weights))
    began = state_sha256(create_backbone("tf_efficientnet_lite0", "packaged"))
    assert PageDetector(first.path).card.data["weights"] == began
    other = settings("segmentation", "lraspp_mobilenet_v3_large", weights)
    with pytest.raises(ConfigError, match="tensors"):
        train_layout_detector(dataset, splits, other, tmp_path / "third", "1", NullTracker())
    nowhere = FCOS.model_copy(update={"weights": str(tmp_path / "nothing.safetensors")})
    with pytest.raises(ConfigError, match="no weights at"):
        train_layout_detector(dataset, splits, nowhere, tmp_path / "fourth", "1", NullTracker())


def test_the_start_that_is_told_is_the_one_it_had(data: tuple[Dataset, Artifact], tmp_path: Path) -> None:
    dataset, splits = data
    first = train_layout_detector(dataset, splits, FCOS, tmp_path / "first", "1", NullTracker())
    champions = Champions(tmp_path, first.path)
    weights = champions.link / "model.safetensors"
    goes_on = FCOS.model_copy(update={"weights": str(weights)})

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train_layout_detector(dataset, splits, goes_on, tmp_path / "stopped", "1", AtEpoch(2, stop))
    # Another model is released while this trains.
    began = file_sha256(weights)
    released = AtEpoch(1, champions.release)
    made = train_layout_detector(dataset, splits, goes_on, tmp_path / "whole", "1", released)
    assert PageDetector(made.path).card.data["weights"] == began
    assert "elsewhere" not in training_groups(made.path)

    # What was stopped before that starts again, from what is there now.
    tracker = AtEpoch()
    made = train_layout_detector(dataset, splits, goes_on, tmp_path / "stopped", "1", tracker)
    assert tracker.epochs == [1, 2]
    assert PageDetector(made.path).card.data["weights"] == file_sha256(weights) != began
    assert "elsewhere" in training_groups(made.path)

    (champions.second / "training_groups.json").write_text("[]")
    with pytest.raises(IntegrityError, match=r"changed training_groups\.json"):
        train_layout_detector(dataset, splits, goes_on, tmp_path / "damaged", "1", NullTracker())


def test_a_file_of_weights_keeps_the_ending_of_its_link(
    data: tuple[Dataset, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ultralytics tells a checkpoint by it; a cache keeps the file itself under its digest."""
    (tmp_path / "blob").write_bytes(b"weights")
    (tmp_path / "snapshot").mkdir()
    link = tmp_path / "snapshot" / "yolov5nu.pt"
    link.symlink_to(tmp_path / "blob")
    (tmp_path / "current").symlink_to(tmp_path / "snapshot")
    given: list[object] = []

    def noting(*arguments: object) -> None:
        given.extend(arguments)
        stop()

    monkeypatch.setattr(layout_detector, "train_ultralytics", noting)
    configured = settings("ultralytics", "yolov5nu", str(tmp_path / "current" / "yolov5nu.pt"))
    with pytest.raises(KeyboardInterrupt):
        train_layout_detector(*data, configured, tmp_path / "bundle", "1", NullTracker())
    assert str(link.parent.resolve() / link.name) in given


def test_a_class_that_was_not_learnt_is_not_emitted(data: tuple[Dataset, Artifact], tmp_path: Path) -> None:
    dataset, splits = data
    strict = settings("fcos", "tf_efficientnet_lite0", "packaged", least_f1=1.0)
    bundle = train_layout_detector(dataset, splits, strict, tmp_path / "strict", "1", NullTracker())
    detector = PageDetector(bundle.path)
    found = next(iter(detector.detect([lambda: dataset.read(dataset.rows()[0])])))
    learnt = {name for name in detector.classes if detector.card.validation.get(f"f1.{name}") == 1}
    emitted = {detector.classes[label] for label in detector.confident(found).labels}
    assert emitted <= learnt
    assert {detector.classes[label] for label in found.labels} - learnt  # the ranking is whole
    assert "not emitted" in (bundle.path / "README.md").read_text(encoding="utf-8")


def test_weights_that_a_family_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="random weights"):
        settings("ultralytics", "yolo26n", "packaged")
