"""The embedder by configuration: shapes, joining, greyscale, refusals."""

import itertools

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.unit.models.embedding.networks import PAPER_TAPS, images, network, settings
from zuroku.errors import ConfigError, ImageError
from zuroku.models.backbones import backbone_normalization, create_backbone
from zuroku.models.embedding.head import HIDDEN, create_head
from zuroku.models.embedding.settings import EmbedderSettings
from zuroku.models.embedding.taps import tap_module, tap_stride

STAGES = {
    "resnet18": [64, 64, 128, 256, 512, 512],
    "tf_efficientnet_lite0": [16, 24, 40, 112, 320, 1280],
}
TAPS = ["stage1", "stage2", "stage3", "stage4", "stage5", "last"]


@pytest.mark.parametrize("backbone", STAGES)
@pytest.mark.parametrize("pooling", ["gap", "gem", "gem_fixed"])
def test_every_stage_and_pooling(backbone: str, pooling: str) -> None:
    embedder = network(backbone, taps=TAPS, pooling=pooling)
    assert embedder.tap_dimensions == dict(zip(TAPS, STAGES[backbone], strict=True))
    with torch.inference_mode():
        vectors = embedder(images())
    assert vectors.shape == (3, sum(STAGES[backbone])) == (3, embedder.dimension)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize(
    ("head", "whitening"), itertools.product(["none", "linear", "fc3", "fc6"], ["none", "linear", "pca"])
)
def test_every_head_and_whitening(head: str, whitening: str) -> None:
    dimension = None if head == whitening == "none" else 24
    embedder = network(taps=PAPER_TAPS, head=head, whitening=whitening, dimension=dimension)
    assert sum(embedder.tap_dimensions.values()) == 1472
    with torch.inference_mode():
        vectors, raw = embedder(images()), embedder.raw_vectors(images())
    assert vectors.shape == (3, dimension or 1472)
    assert raw.shape == (3, embedder.raw_dimension)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize(("kind", "layers"), [("fc3", 2), ("fc6", 5)])
def test_the_last_of_three_or_six_layers_is_the_classifier(kind: str, layers: int) -> None:
    head = create_head(kind, 1472, 512)
    linear = [module for module in head if isinstance(module, torch.nn.Linear)]
    assert len(linear) == layers
    assert [module.out_features for module in linear] == [HIDDEN] * (layers - 1) + [512]
    assert isinstance(head[-1], torch.nn.ReLU)


def test_six_layers_start_with_vectors_that_differ() -> None:
    torch.manual_seed(0)
    inputs = torch.nn.functional.normalize(torch.rand(40, 1472) ** 4, dim=1)
    vectors = torch.nn.functional.normalize(create_head("fc6", 1472, 512)(inputs), dim=1).detach()
    cosines = (vectors @ vectors.T)[~torch.eye(40, dtype=torch.bool)]
    assert cosines.mean() < 0.99
    assert vectors.norm(dim=1).min() > 0.99


def test_a_plain_backbone_is_its_own_pooled_output() -> None:
    embedder = network("tf_efficientnet_lite0")
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in backbone_normalization("tf_efficientnet_lite0"))
    with torch.inference_mode():
        pooled = embedder.backbone((images() - mean) / std)
        torch.testing.assert_close(embedder.raw_vectors(images()), pooled)
        torch.testing.assert_close(embedder(images()), pooled / pooled.norm(dim=1, keepdim=True))


def test_in_resnet18_conv5_pooled_is_gap_and_the_block_before_is_not() -> None:
    embedder = network(taps=["conv5", "last", "gap", "layer4.0"])
    # timm starts a block's last normalisation at zero, so that an untrained block changes nothing.
    torch.nn.init.ones_(embedder.backbone.layer4[1].bn2.weight)
    features = embedder.features(images())
    torch.testing.assert_close(features["conv5"], features["gap"])
    torch.testing.assert_close(features["last"], features["gap"])
    assert features["layer4.0"].shape == features["gap"].shape
    assert not torch.allclose(features["layer4.0"], features["gap"])


def test_normalised_taps_are_joined_with_unit_length_each() -> None:
    embedder = network(taps=PAPER_TAPS, tap_normalisation=True)
    with torch.inference_mode():
        features = embedder.features(images())
        joined = embedder.joined(features)
        vectors = embedder(images())
    parts = joined.split(list(embedder.tap_dimensions.values()), dim=1)
    for tap, part in zip(PAPER_TAPS, parts, strict=True):
        torch.testing.assert_close(part.norm(dim=1), torch.ones(3))
        torch.testing.assert_close(part * features[tap].norm(dim=1, keepdim=True), features[tap])
    torch.testing.assert_close(vectors, joined / 5**0.5)


def test_plain_taps_are_joined_as_they_are() -> None:
    embedder = network(taps=["conv3", "conv2"])
    features = embedder.features(images())
    torch.testing.assert_close(
        embedder.joined(features), torch.cat([features["conv3"], features["conv2"]], 1)
    )


def test_a_grey_network_sees_luma_alone() -> None:
    coloured = images()
    luma = 0.299 * coloured[:, 0] + 0.587 * coloured[:, 1] + 0.114 * coloured[:, 2]
    grey = luma[:, None].expand(-1, 3, -1, -1)
    with torch.inference_mode():
        blind = network(grey=True)
        torch.testing.assert_close(blind(coloured), blind(grey))
        seeing = network()
        torch.testing.assert_close(blind(coloured), seeing(grey))
        assert not torch.allclose(seeing(coloured), seeing(grey))


def test_gradients_reach_backbone_exponent_head_and_whitening() -> None:
    embedder = network(taps=["conv4", "last"], pooling="gem", head="fc3", dimension=16, whitening="linear")
    embedder.raw_vectors(images()).sum().backward()
    untouched = [name for name, value in embedder.named_parameters() if value.grad is None]
    assert untouched == []


def test_no_hook_is_left_behind() -> None:
    embedder = network(taps=PAPER_TAPS)
    embedder(images())
    with pytest.raises(ImageError):
        embedder(images(size=16))
    assert not any(module._forward_hooks for module in embedder.modules())


def test_images_smaller_than_a_stride_are_refused() -> None:
    with pytest.raises(ImageError, match="16 × 16"):
        network(taps=["conv5"])(images(size=16))
    assert network(taps=["conv2"])(images(size=16)).shape == (3, 64)


def test_strides_follow_the_stages() -> None:
    backbone = create_backbone("resnet18", "random")
    strides = {
        tap: tap_stride(backbone, tap) for tap in ("bn1", "conv1", "conv2", "layer2.0", "conv5", "gap")
    }
    assert strides == {"bn1": 2, "conv1": 2, "conv2": 4, "layer2.0": 8, "conv5": 32, "gap": 32}
    assert tap_module(backbone, "conv2") == tap_module(backbone, "stage2") == "layer1"


@pytest.mark.parametrize(("backbone", "tap"), [("resnet18", "conv6"), ("tf_efficientnet_lite0", "conv2")])
def test_a_tap_that_does_not_exist_is_refused(backbone: str, tap: str) -> None:
    with pytest.raises(ConfigError, match=f"no tap '{tap}'"):
        network(backbone, taps=[tap])


def test_what_is_no_feature_map_is_refused() -> None:
    with pytest.raises(ConfigError, match="no feature map"):
        network(taps=["global_pool"])


def test_a_whitening_to_more_dimensions_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="65 dimensions of 64"):
        network(taps=["conv2"], whitening="pca", dimension=65)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"taps": []}, "at least 1"),
        ({"taps": ["conv2", "conv2"]}, "named twice"),
        ({"pooling": "gem"}, "pooled already"),
        ({"head": "fc3"}, "needs a dimension"),
        ({"dimension": 512}, "nothing gives the vector"),
        ({"head": "fc4", "dimension": 512}, "Input should be"),
        ({"size_px": 16}, "greater than or equal to 32"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        settings(**{"size_px": 32, **values})


@pytest.mark.parametrize(
    "values",
    [{"head": "linear", "dimension": 8}, {"whitening": "pca"}, {"taps": ["last"], "pooling": "gem"}],
)
def test_an_embedder_that_is_not_trained_has_nothing_to_train(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="stay untrained"):
        EmbedderSettings(backbone="resnet18", weights="random", size_px=32, **values)


def test_the_old_configuration_is_a_plain_backbone() -> None:
    plain = EmbedderSettings(backbone="tf_efficientnet_lite0", weights="packaged", size_px=224)
    assert plain.taps == ["gap"]
    assert plain.name == "figure_embedder"
    assert not plain.grey


def test_batches_and_single_images_give_the_same() -> None:
    embedder = network(taps=PAPER_TAPS, tap_normalisation=True, head="fc6", dimension=32)
    with torch.inference_mode():
        whole = embedder(images(4))
        alone = torch.cat([embedder(image[None]) for image in images(4)])
    np.testing.assert_allclose(alone.numpy(), whole.numpy(), atol=1e-5)
