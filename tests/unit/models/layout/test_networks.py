"""What the families serve, against the libraries' own decoding."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zuroku.models.layout import fcos
from zuroku.models.layout.decoding import decode_grid
from zuroku.models.layout.fcos import PageFcos
from zuroku.models.layout.segmenter import STRIDE, PageSegmenter
from zuroku.models.layout.ultralytics_network import GridNetwork, grid_of, ultralytics_package


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Random weights decide how many boxes there are to compare: every run draws the same ones."""
    torch.manual_seed(3)


def images(height: int = 128, width: int = 96) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(5))


def randomised(network: nn.Module) -> nn.Module:
    """Return the network with weights that give scores worth comparing."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def test_fcos_boxes_are_those_torchvision_finds() -> None:
    network = PageFcos("tf_efficientnet_lite0", "random", 3)
    randomised(network.fcos.head)
    network.eval()
    picture = images()
    own = network.fcos
    own.score_thresh, own.nms_thresh, own.topk_candidates, own.detections_per_img = 0.15, 0.6, 10_000, 300
    # torchvision resizes and normalises by itself: it is given the size and statistics of ours.
    own.transform.min_size, own.transform.max_size = (96,), 128
    own.transform.image_mean, own.transform.image_std = network.mean.flatten(), network.std.flatten()
    with torch.inference_mode():
        expected = own([picture[0]])[0]
        output = network(picture)[0].numpy()
    found = decode_grid(output, (128, 96), fcos.GRID, 0.15, 300)
    # torchvision also returns boxes without area, where a distance is 0.
    corners = expected["boxes"].numpy()
    solid = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    assert len(found) == solid.sum() > 20
    np.testing.assert_allclose(found.scores, expected["scores"][solid], rtol=1e-4)
    np.testing.assert_allclose(found.boxes, corners[solid], rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("architecture", ["yolov5n", "yolo26n"])
def test_ultralytics_cells_are_those_of_its_own_head(architecture: str) -> None:
    model = randomised(ultralytics_package().YOLO(f"{architecture}.yaml").model.float())
    head = model.model[-1]
    head.end2end = False  # the head as it predicts before it keeps its best
    picture = images()
    with torch.inference_mode():
        decoded = model(picture)[0][0].T.numpy()
        grid = grid_of(model)
        output = GridNetwork(model)(picture)[0].numpy()
    found = decode_grid(output, (128, 96), grid.model_copy(update={"suppression_iou": None}), -1.0, 10**6)
    order = np.argsort(-decoded[:, 4:].ravel(), kind="stable")[: len(found)]
    cells = order // (decoded.shape[1] - 4)
    centre, size = decoded[cells, :2], decoded[cells, 2:4]
    corners = np.concatenate([centre - size / 2, centre + size / 2], axis=1).clip(0, [96, 128, 96, 128])
    np.testing.assert_allclose(found.scores, decoded[:, 4:].ravel()[order], rtol=1e-4)
    # Scores equal up to rounding may change places, so boxes are compared where the score stands alone.
    apart = -np.diff(found.scores) > 1e-5 * found.scores[:-1]
    alone = np.append(apart, True) & np.append(True, apart)
    assert alone.sum() > 100
    np.testing.assert_allclose(found.boxes[alone], corners[alone], rtol=1e-3, atol=2e-2)


def test_pillow_stays_as_it_is() -> None:
    before = Image.open
    ultralytics_package()
    assert Image.open is before
    assert Image.open.__module__ == "PIL.Image"


def test_an_end_to_end_head_is_not_suppressed() -> None:
    model = ultralytics_package().YOLO("yolo26n.yaml").model
    model.model[-1].end2end = True
    assert grid_of(model).suppression_iou is None
    model.model[-1].end2end = False
    assert grid_of(model).suppression_iou == 0.7


@pytest.mark.parametrize("architecture", ["deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"])
def test_a_segmenter_serves_probabilities_at_a_quarter(architecture: str) -> None:
    network = PageSegmenter(architecture, 4).eval()
    with torch.inference_mode():
        masks = network(images())
    assert masks.shape == (1, 4, 128 // STRIDE, 96 // STRIDE)
    assert 0 <= float(masks.min()) <= float(masks.max()) <= 1


def test_a_segmenter_learns_the_masks_of_its_boxes() -> None:
    network = PageSegmenter("lraspp_mobilenet_v3_large", 2)
    picture = images().repeat(2, 1, 1, 1)
    target = {"boxes": torch.tensor([[16.0, 16.0, 80.0, 112.0]]), "labels": torch.tensor([1])}
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(12):
        loss = network.loss(picture, [target, target])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_frozen_stages_keep_their_weights_and_statistics() -> None:
    network = PageFcos("tf_efficientnet_lite0", "packaged", 2).train()
    body = network.fcos.backbone.body
    before = {name: tensor.clone() for name, tensor in body.state_dict().items()}
    target = {"boxes": torch.tensor([[8.0, 8.0, 80.0, 100.0]]), "labels": torch.tensor([1])}
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-2)
    network.loss(images(), [target]).backward()
    optimizer.step()
    changed = {name for name, tensor in body.state_dict().items() if not torch.equal(tensor, before[name])}
    assert not [name for name in changed if name.startswith(("conv_stem", "bn1", "blocks.0", "blocks.1"))]
    assert [name for name in changed if name.startswith("blocks.4")]
