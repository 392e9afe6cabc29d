"""Training an embedder: what the bundle holds, resuming, Feature Tuning against the same by hand."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from torch.nn import functional

from tests.unit.training import figure_data
from tests.unit.training.releases import Champions
from tests.unit.training.traced_export import SERVED_EXPORT, traced_export
from zuroku.artifacts import Artifact, build
from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.errors import ConfigError, SplitError
from zuroku.losses.settings import ContrastiveSettings
from zuroku.models.backbones import create_backbone, state_sha256
from zuroku.models.bundle import training_groups
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.create import create_embedder, load_network
from zuroku.models.embedding.findings import trained_embedder_findings
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.embedding.settings import EmbedderNetworkSettings, EmbedderSettings
from zuroku.models.findings import embedder_findings
from zuroku.tracking import NullTracker
from zuroku.training import embedder
from zuroku.training.embedder import EmbedderTrainingSettings, _sampler, train_embedder
from zuroku.training.embedding_rows import embedding_rows, targets_of
from zuroku.training.loop import LoopSettings

pytestmark = pytest.mark.slow

TAPS = ["stage3", "stage4", "gap"]
SEED = 20211211


def settings(epochs: int = 2, train: str = "head", **values: object) -> EmbedderTrainingSettings:
    """A tiny Feature Tuning, unless other ``values`` are given."""
    network = {"taps": TAPS, "tap_normalisation": True, "head": "fc3", "dimension": 16}
    network |= dict(values.pop("network", {}))  # type: ignore[call-overload]
    loop = {"epochs": epochs, "patience": epochs, "batch_size": 16, "learning_rate": 1e-3, "seed": SEED}
    loop |= dict(values.pop("loop", {}))  # type: ignore[call-overload]
    return EmbedderTrainingSettings(
        network=EmbedderNetworkSettings(
            **{"backbone": "tf_efficientnet_lite0", "weights": "packaged", "size_px": 32} | network
        ),
        train=train,
        held_out_share=0.2,
        loop=LoopSettings(**loop),
        **values,
    )


@pytest.fixture(scope="module", autouse=True)
def quick_graphs() -> Iterator[None]:
    with traced_export():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact]:
    # Enough books for two of each kind in val.
    return figure_data.make(tmp_path_factory.mktemp("figures"), books=42, figures=2)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact]:
    """Few books with many figures each: books that can be classes."""
    return figure_data.make(tmp_path_factory.mktemp("wide"), books=9, figures=5)


def trained(
    data: tuple[Dataset, Artifact], target: Path, configured: EmbedderTrainingSettings, tracker: object = None
) -> Artifact:
    return train_embedder(*data, configured, target, "1", tracker or NullTracker())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tuned(data: tuple[Dataset, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return trained(data, tmp_path_factory.mktemp("tuned") / "bundle", settings(3))


def test_a_trained_network_finds_its_like_in_other_books(data, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("zuroku.models.embedding.bundle._export", SERVED_EXPORT)
    network = {"taps": ["gap"], "tap_normalisation": False, "head": "linear", "dimension": 32}
    configured = settings(4, "network", network=network, augmented=True, loop={"learning_rate": 3e-4})
    bundle = trained(data, tmp_path / "bundle", configured)
    card = EmbedderPredictor(bundle.path).card
    assert card.validation["recall_at_1_other_groups"] > 0.8
    assert card.validation["share_of_unseen_labels"] == 0
    # With three classes, the bound of alpha is ln 9.
    assert card.alpha == pytest.approx(np.log(9))
    assert [finding.passed for finding in embedder_findings(bundle.path)] == [True, True]


def test_the_bundle_tells_what_it_was_made_of(data, tuned: Artifact) -> None:
    dataset, splits = data
    card = EmbedderPredictor(tuned.path).card
    weights = state_sha256(create_backbone("tf_efficientnet_lite0", "packaged"))
    assert card.data == {"pictures": dataset.version, "splits": splits.sha256, "weights": weights}
    assert card.taps == {"stage3": 40, "stage4": 112, "gap": 1280}
    assert set(card.tap_norms) == set(TAPS)
    assert (card.dimension, card.n_classes, card.licence) == (16, 3, "CC0-1.0")
    assert EmbedderTrainingSettings.model_validate(card.settings) == settings(3)
    table = pd.read_parquet(splits.path / "splits.parquet")
    assert training_groups(tuned.path) == set(table.loc[table["split"] != "test", "group"])
    assert trained_embedder_findings(tuned.path, {"no such book"})[1].passed
    # The classifier was of use in training only.
    assert not [name for name in load_file(tuned.path / "model.safetensors") if "classify" in name]
    assert not list(tuned.path.parent.glob(".bundle.partial*"))


def test_a_tuned_head_leaves_the_backbone_as_it_was(tuned: Artifact) -> None:
    started = create_embedder(settings().network)
    state = load_network(tuned.path).state_dict()
    for name, tensor in started.backbone.state_dict().items():
        assert torch.equal(state[f"backbone.{name}"], tensor)


def test_a_tuned_head_is_that_of_a_plain_loop_over_the_features(data, tmp_path: Path) -> None:
    configured = settings(2, loop={"optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 5e-4})
    bundle = trained(data, tmp_path / "bundle", configured)
    dataset, splits = data
    rows = embedding_rows(
        dataset, pd.read_parquet(splits.path / "splits.parquet"), "group",
        column="label", min_count=1, held_out_share=0.2, seed=SEED,
    )  # fmt: skip

    torch.manual_seed(SEED)
    network = create_embedder(configured.network)
    classify = torch.nn.Linear(16, 3)
    network.eval()

    def features(part: list) -> torch.Tensor:
        pictures = np.stack([square_pixels(dataset.read(row), 32) for row in part])
        with torch.no_grad():
            by_tap = network.features(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255)
        return torch.cat([functional.normalize(by_tap[tap], dim=1) for tap in TAPS], dim=1)

    def loss_of(part: torch.Tensor, targets: np.ndarray) -> torch.Tensor:
        vectors = functional.normalize(network.head(part), dim=1)
        return functional.cross_entropy(classify(np.log(9) * vectors), torch.from_numpy(targets))

    train, held_out = features(rows.train), features(rows.held_out)
    targets = {name: targets_of(getattr(rows, name), rows.classes, "label") for name in ("train", "held_out")}
    parameters = [*network.head.parameters(), *classify.parameters()]
    step = torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=5e-4)
    best, kept = np.inf, {}
    for epoch in range(2):
        order = np.random.default_rng([SEED, epoch]).permutation(len(train))
        for start in range(0, len(train), 16):
            chosen = order[start : start + 16]
            step.zero_grad()
            loss_of(train[chosen], targets["train"][chosen]).backward()
            step.step()
        with torch.no_grad():
            now = float(loss_of(held_out, targets["held_out"]))
        if now < best:
            best, kept = now, {name: tensor.clone() for name, tensor in network.head.state_dict().items()}
    found = load_network(bundle.path).head.state_dict()
    for name, tensor in kept.items():
        torch.testing.assert_close(found[name], tensor, atol=1e-5, rtol=1e-3)


def test_several_labels_and_a_fitted_whitening(data, tmp_path: Path) -> None:
    loss = {"kind": "l2_softmax", "multi_label": True, "alpha": 8.0}
    network = {"head": "linear", "dimension": 8, "whitening": "pca", "taps": ["stage3"]}
    configured = settings(2, loss=loss, network=network)
    bundle = trained(data, tmp_path / "bundle", configured)
    card = EmbedderPredictor(bundle.path).card
    assert (card.alpha, card.dimension) == (8, 8)
    whitening = load_network(bundle.path).whitening
    assert whitening is not None
    assert float(whitening.mean.abs().sum()) > 0


def test_a_loss_over_pairs_has_pairs_in_its_batches() -> None:
    classes = np.repeat(np.arange(40), 4)
    order = np.array(list(_sampler(settings(loss=ContrastiveSettings(per_class=4)), classes)))
    assert all(len(set(classes[together])) == 1 for together in order.reshape(-1, 4))
    plain = np.array(list(_sampler(settings(), classes)))
    assert not all(len(set(classes[together])) == 1 for together in plain.reshape(-1, 4))


def test_where_books_are_the_classes_those_of_val_were_never_seen(wide, tmp_path: Path) -> None:
    configured = settings(1, classes="group", loss={"kind": "cosface"})
    card = EmbedderPredictor(trained(wide, tmp_path / "bundle", configured).path).card
    assert card.validation["share_of_unseen_labels"] == 1
    assert "recall_at_1_other_groups" not in card.validation
    assert 0 <= card.validation["recall_at_1"] <= 1
    assert card.alpha == 60


def test_a_whitening_alone_needs_no_training(data, tmp_path: Path) -> None:
    network = {"head": "none", "dimension": 8, "whitening": "pca"}
    bundle = trained(data, tmp_path / "bundle", settings(train="whitening", network=network))
    card = EmbedderPredictor(bundle.path).card
    assert (card.dimension, card.alpha, card.n_classes) == (8, None, 0)
    assert card.validation["mean_cosine"] < 0.5


def test_one_embedder_goes_on_from_another(data, tuned: Artifact, tmp_path: Path) -> None:
    configured = settings(1, network={"weights": str(tuned.path)}, loop={"learning_rate": 1e-12})
    bundle = trained(data, tmp_path / "bundle", configured)
    theirs, ours = load_network(tuned.path).head, load_network(bundle.path).head
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor)
    card = EmbedderPredictor(bundle.path).card
    assert card.data["weights"] == tuned.sha256
    # Where it lay is no part of the bundle: the same bytes give the same model on every machine.
    assert card.weights == card.settings["network"]["weights"] == f"embedder:{tuned.sha256}"
    texts = [file for file in bundle.path.iterdir() if file.suffix in (".json", ".md")]
    assert not [file for file in texts if str(tuned.path) in file.read_text()]


class StopsAt:
    """A tracker that fails at an epoch, as a machine does."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def log_metrics(self, metrics: dict, step: int = 0) -> None:
        if step == self.epoch:
            raise KeyboardInterrupt

    def log_artifact(self, path: Path, folder: str = "") -> None:
        pass


@pytest.mark.parametrize("train", ["head", "network"])
def test_stopped_after_an_epoch_it_ends_as_if_it_had_not_been(data, tmp_path: Path, train: str) -> None:
    configured = settings(4, train, augmented=train == "network")
    whole = trained(data, tmp_path / "whole", configured)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        trained(data, tmp_path / "stopped", configured, StopsAt(3))
    assert not (tmp_path / "stopped").exists()
    assert (tmp_path / ".stopped.partial.scratch" / "checkpoints" / "last.ckpt").exists()
    resumed = trained(data, tmp_path / "stopped", configured)
    assert resumed.sha256 == whole.sha256
    assert not list(tmp_path.glob(".stopped.partial*"))


def test_stopped_it_does_not_go_on_from_other_weights(data, tuned: Artifact, tmp_path: Path) -> None:
    champions = Champions(tmp_path, tuned.path)
    configured = settings(2, network={"weights": str(champions.link)})
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        trained(data, tmp_path / "stopped", configured, StopsAt(1))
    champions.release()
    again = trained(data, tmp_path / "stopped", configured)
    assert again.sha256 == trained(data, tmp_path / "whole", configured).sha256
    assert "elsewhere" in training_groups(again.path)


def test_an_embedder_tells_the_start_it_had(data, tuned: Artifact, tmp_path: Path, monkeypatch) -> None:
    champions = Champions(tmp_path, tuned.path)
    monkeypatch.setattr(embedder, "create_embedder", champions.releasing_after(create_embedder))
    bundle = trained(data, tmp_path / "bundle", settings(1, network={"weights": str(champions.link)}))
    assert EmbedderPredictor(bundle.path).card.data["weights"] == tuned.sha256
    assert "elsewhere" not in training_groups(bundle.path)


def test_val_groups_without_images_are_refused(data, tmp_path: Path) -> None:
    dataset, splits = data
    table = pd.read_parquet(splits.path / "splits.parquet").replace({"split": {"val": "test"}})
    other = build(tmp_path / "splits", lambda out: table.to_parquet(out / "splits.parquet"))
    with pytest.raises(SplitError, match="'val'"):
        trained((dataset, other), tmp_path / "bundle", settings())
    assert not (tmp_path / "bundle").exists()


def test_too_few_classes_are_refused(data, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1000 images in training"):
        trained(data, tmp_path / "bundle", settings(min_count=1000))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"network": {"head": "none", "dimension": None}}, "neither a head"),
        ({"network": {"taps": ["last"], "pooling": "gem"}}, "use gem_fixed"),
        ({"augmented": True}, "cannot be augmented"),
        ({"train": "whitening"}, "fits a pca whitening"),
        ({"classes": "group", "loss": {"kind": "l2_softmax", "multi_label": True}}, "takes several"),
        ({"loss": {"kind": "cosface", "alpha": 3}}, "Extra inputs"),
        ({"loss": {"kind": "contrastive"}, "loop": {"devices": 2}}, "no pairs: use one device"),
    ],
)
def test_settings_that_train_nothing_or_not_as_named_are_refused(values: dict, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        settings(**values)


def test_losses_without_pairs_train_on_several_devices() -> None:
    assert settings(loss={"kind": "cosface"}, loop={"devices": 2}).loop.devices == 2


def test_frozen_and_tuned_bundles_are_used_alike(data, tuned: Artifact, tmp_path: Path) -> None:
    plain = EmbedderSettings(backbone="tf_efficientnet_lite0", weights="packaged", size_px=32)
    frozen = EmbedderPredictor(build_embedder(plain, tmp_path / "frozen", "1").path)
    dataset, _ = data
    row = dataset.rows()[0]
    for predictor in (frozen, EmbedderPredictor(tuned.path)):
        (vector,) = predictor.embed([lambda row=row: dataset.read(row)])
        assert vector.shape == (predictor.dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert json.loads((tuned.path / "card.json").read_text())["format"] == frozen.card.format
