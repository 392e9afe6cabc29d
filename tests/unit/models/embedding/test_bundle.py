"""Bundles of embedders: what is written, what is served, going on from one, older ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unit.models.embedding.networks import PAPER_TAPS, pictures
from zuroku.artifacts import Artifact, file_sha256, seal, verify
from zuroku.errors import BundleError, ConfigError, ImageError
from zuroku.models.backbones import create_backbone, state_sha256
from zuroku.models.bundle import training_groups
from zuroku.models.embedding.bundle import build_embedder, write_embedder
from zuroku.models.embedding.card import EmbedderCard
from zuroku.models.embedding.create import create_embedder, load_network, weights_origin
from zuroku.models.embedding.features import mean_norms, tap_features
from zuroku.models.embedding.findings import trained_embedder_findings
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.embedding.settings import EmbedderNetworkSettings, EmbedderSettings
from zuroku.models.findings import embedder_findings

pytestmark = pytest.mark.slow

SIZE = 32


def frozen(**values: object) -> EmbedderSettings:
    return EmbedderSettings(backbone="resnet18", weights="random", size_px=SIZE, **values)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    settings = frozen(taps=PAPER_TAPS, tap_normalisation=True, grey=True, name="normalised")
    return build_embedder(settings, tmp_path_factory.mktemp("frozen") / "bundle", "1")


@pytest.fixture(scope="module")
def headed(tmp_path_factory: pytest.TempPathFactory, bundle: Artifact) -> Path:
    """A bundle with head and whitening, written as training does."""
    folder = tmp_path_factory.mktemp("headed")
    settings = EmbedderNetworkSettings(
        backbone="resnet18", weights=str(bundle.path), size_px=SIZE, taps=["conv3", "last"],
        pooling="gem", head="fc3", dimension=16, whitening="linear",
    )  # fmt: skip
    torch.manual_seed(1)
    embedder = create_embedder(settings)
    card = EmbedderCard(
        name="headed", backbone="resnet18", weights="random", dimension=16, size_px=SIZE, preprocessing="",
        settings={}, code_version="1", network=settings, taps=embedder.tap_dimensions,
        validation={"mean_cosine": 0.99, "effective_rank": 1.5},
    )  # fmt: skip
    write_embedder(folder, embedder, card, ["a", "b"])
    seal(folder)
    return folder


def test_graph_weights_and_predictor_are_one(bundle: Artifact) -> None:
    predictor = EmbedderPredictor(bundle.path)
    network = load_network(bundle.path)
    images = torch.from_numpy(pictures()).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        eager = network(images).numpy()
    session = onnxruntime.InferenceSession(str(bundle.path / "model.onnx"))
    np.testing.assert_allclose(session.run(None, {"pixels": pictures()})[0], eager, atol=1e-5)
    served = np.stack([predictor.embed_pixels(picture) for picture in pictures()])
    np.testing.assert_allclose(served, eager, atol=1e-5)
    assert predictor.dimension == eager.shape[1] == 1472
    assert [finding.passed for finding in embedder_findings(bundle.path)] == [True, True]


def test_the_card_tells_the_network(bundle: Artifact) -> None:
    card = EmbedderPredictor(bundle.path).card
    assert (card.name, card.format) == ("normalised", 2)
    assert card.taps == {"conv2": 64, "conv3": 128, "conv4": 256, "conv5": 512, "gap": 512}
    assert card.network is not None
    assert card.network.grey
    readme = (bundle.path / "README.md").read_text()
    assert "greyscale input" in readme
    assert "Frozen" in readme
    assert training_groups(bundle.path) == set()


def test_equal_settings_give_equal_bundles(bundle: Artifact, tmp_path: Path) -> None:
    settings = EmbedderSettings.model_validate(EmbedderPredictor(bundle.path).card.settings)
    state = torch.get_rng_state()
    again = build_embedder(settings, tmp_path / "again", "1")
    assert again.sha256 == bundle.sha256
    assert torch.equal(torch.get_rng_state(), state)


def test_pictures_of_another_size_are_refused(bundle: Artifact) -> None:
    with pytest.raises(ImageError, match=r"\(64, 64, 3\)"):
        EmbedderPredictor(bundle.path).embed_pixels(pictures(1, 64)[0])


def test_features_of_a_bundle_are_those_of_its_network(bundle: Artifact) -> None:
    many = pictures(40)
    features = tap_features(bundle.path, many)
    assert {tap: part.shape for tap, part in features.items()} == {
        "conv2": (40, 64), "conv3": (40, 128), "conv4": (40, 256), "conv5": (40, 512), "gap": (40, 512),
    }  # fmt: skip
    network = load_network(bundle.path)
    with torch.inference_mode():
        expected = network.features(torch.from_numpy(many[35:36]).permute(0, 3, 1, 2).float() / 255)
    for tap, part in features.items():
        np.testing.assert_allclose(part[35], expected[tap][0].numpy(), rtol=1e-3, atol=1e-5)
    norms = mean_norms(features)
    assert norms["gap"] == pytest.approx(np.mean([np.linalg.norm(row) for row in features["gap"]]), rel=1e-5)
    assert tap_features(network, many[:0])["conv2"].shape == (0, 64)


def test_a_new_head_stands_on_the_backbone_of_another_bundle(bundle: Artifact, headed: Path) -> None:
    below, above = load_network(bundle.path), load_network(headed)
    for name, tensor in below.backbone.state_dict().items():
        torch.testing.assert_close(above.backbone.state_dict()[name], tensor)


def test_configured_alike_head_and_whitening_are_taken_too(headed: Path) -> None:
    theirs = load_network(headed)
    alike = theirs.settings.model_copy(update={"weights": str(headed), "size_px": 64})
    ours = create_embedder(alike)
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor)
    other = create_embedder(alike.model_copy(update={"dimension": 8}))
    assert not torch.equal(other.head[0].weight, theirs.head[0].weight)
    sealed = verify(headed).sha256
    origin = weights_origin(str(headed), ours.backbone)
    assert origin == (f"embedder:{sealed}", {"weights": sealed}, {"a", "b"})


def test_groups_of_the_starting_weights_are_not_forgotten(headed: Path, tmp_path: Path) -> None:
    settings = frozen().model_copy(update={"weights": str(headed)})
    bundle = build_embedder(settings, tmp_path / "frozen", "1")
    assert training_groups(bundle.path) == {"a", "b"}
    assert EmbedderPredictor(bundle.path).card.data == {"weights": verify(headed).sha256}
    collapsed, seen = trained_embedder_findings(headed, {"b", "c"})
    assert (collapsed.check, collapsed.passed) == ("not_collapsed", False)
    assert (seen.check, seen.passed) == ("no_test_group_seen", False)
    assert trained_embedder_findings(headed, {"c"})[1].passed


def test_weights_may_be_a_file_of_the_backbone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    backbone = create_backbone("resnet18", "random")
    path = tmp_path / "resnet18.safetensors"
    save_file(backbone.state_dict(), path)
    embedder = create_embedder(frozen().model_copy(update={"weights": str(path)}))
    torch.testing.assert_close(embedder.backbone.conv1.weight, load_file(path)["conv1.weight"])
    sha256 = file_sha256(path)
    assert weights_origin(str(path), embedder.backbone) == (f"file:{sha256}", {"weights": sha256}, set())


def test_the_same_weights_in_another_folder_give_the_same_bundle(bundle: Artifact, tmp_path: Path) -> None:
    made = []
    for number in range(2):
        start = shutil.copytree(bundle.path, tmp_path / f"start{number}")
        settings = frozen().model_copy(update={"weights": str(start)})
        made.append(build_embedder(settings, tmp_path / f"made{number}", "1"))
    assert made[0].sha256 == made[1].sha256
    card = EmbedderPredictor(made[0].path).card
    assert card.weights == card.settings["weights"] == f"embedder:{bundle.sha256}"
    assert not [file for file in made[0].path.iterdir() if str(tmp_path).encode() in file.read_bytes()]
    assert load_network(made[0].path).settings == card.network


def test_the_card_tells_which_weights_a_package_or_hub_gave(tmp_path: Path) -> None:
    settings = frozen().model_copy(update={"backbone": "tf_efficientnet_lite0", "weights": "packaged"})
    card = EmbedderPredictor(build_embedder(settings, tmp_path / "bundle", "1").path).card
    backbone = create_backbone("tf_efficientnet_lite0", "packaged")
    assert card.data == {"weights": state_sha256(backbone)}
    assert card.weights == "packaged"
    # Buffers are weights too: batch norm's statistics are learnt.
    with torch.no_grad():
        backbone.bn1.running_mean[0] += 1
    assert card.data != {"weights": state_sha256(backbone)}


def test_weights_that_do_not_exist_or_fit_are_refused(bundle: Artifact, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights at"):
        create_embedder(frozen().model_copy(update={"weights": str(tmp_path / "nothing")}))
    other = frozen().model_copy(update={"weights": str(bundle.path), "backbone": "tf_efficientnet_lite0"})
    with pytest.raises(ConfigError, match="is a resnet18, not a tf_efficientnet_lite0"):
        create_embedder(other)


def test_a_bundle_of_format_1_serves_but_tells_no_network(bundle: Artifact, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for path in bundle.path.iterdir():
        (old / path.name).write_bytes(path.read_bytes())
    card = json.loads((old / "card.json").read_text())
    kept = (
        "name",
        "backbone",
        "weights",
        "dimension",
        "size_px",
        "preprocessing",
        "settings",
        "code_version",
    )
    (old / "card.json").write_text(json.dumps({name: card[name] for name in kept} | {"format": 1}))
    seal(old)
    assert EmbedderPredictor(old).embed_pixels(pictures(1)[0]).shape == (1472,)
    with pytest.raises(BundleError, match="format 1"):
        load_network(old)
