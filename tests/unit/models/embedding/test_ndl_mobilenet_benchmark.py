"""NDL's MobileNetV2 after conversion, against a plain reading of its layers in numpy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.ndl_mobilenet import (
    ARCHITECTURE,
    FIGURES,
    SIZE_PX,
    SOURCE,
    convert,
    read_layers,
    separation,
    timm_weights,
)
from zuroku.datasets.images import square_pixels
from zuroku.errors import SourceError
from zuroku.models.backbones import backbone_normalization, create_backbone

real = pytest.mark.skipif(not SOURCE.is_dir(), reason="NDL's weights are not beside the repository")


def convolved(image: np.ndarray, kernel: np.ndarray, config: dict[str, Any], depthwise: bool) -> np.ndarray:
    """Convolve ``(h, w, c)`` as TensorFlow does."""
    size, stride = kernel.shape[0], config["strides"][0]
    if config["padding"] == "same":
        sides = []
        for length in image.shape[:2]:
            total = max((-(-length // stride) - 1) * stride + size - length, 0)
            sides.append((total // 2, total - total // 2))
        image = np.pad(image, [*sides, (0, 0)])
    windows = sliding_window_view(image, (size, size), axis=(0, 1))[::stride, ::stride]
    pattern = "hwcij,ijcm->hwc" if depthwise else "hwcij,ijco->hwo"
    return np.einsum(pattern, windows, kernel, optimize=True)


def keras_output(
    layers: list[dict[str, Any]], weights: dict[str, np.ndarray], image: np.ndarray
) -> np.ndarray:
    """Run the layers one after the other on ``(h, w, 3)`` in [−1, 1]."""
    outputs: dict[str, np.ndarray] = {}
    for layer in layers:
        config, kind = layer["config"], layer["class_name"]
        name = config["name"]
        before = [outputs[node[0]] for node in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []
        given = {key.split("/")[1]: value for key, value in weights.items() if key.startswith(f"{name}/")}
        if kind == "InputLayer":
            outputs[name] = image
        elif kind == "ZeroPadding2D":
            outputs[name] = np.pad(before[0], [*config["padding"], (0, 0)])
        elif kind == "Conv2D":
            outputs[name] = convolved(before[0], given["kernel"], config, depthwise=False)
        elif kind == "DepthwiseConv2D":
            outputs[name] = convolved(before[0], given["depthwise_kernel"], config, depthwise=True)
        elif kind == "BatchNormalization":
            scale = given["gamma"] / np.sqrt(given["moving_variance"] + config["epsilon"])
            outputs[name] = (before[0] - given["moving_mean"]) * scale + given["beta"]
        elif kind == "ReLU":
            outputs[name] = np.clip(before[0], 0, config["max_value"])
        elif kind == "Add":
            outputs[name] = before[0] + before[1]
        else:
            assert kind == "GlobalAveragePooling2D"
            return before[0].mean(axis=(0, 1))
    raise AssertionError("no pooling")


def tiny_model(folder: Path, **changes: Any) -> Path:
    """Write a TensorFlow.js model of two weights."""
    weights = [
        {"name": "a/kernel", "shape": [2, 2], "dtype": "float32",
         "quantization": {"min": -1.0, "scale": 0.5, "dtype": "uint8"}},
        {"name": "b/gamma", "shape": [2], "dtype": "float32"},
    ]  # fmt: skip
    layers = [{"class_name": "Conv2D", "config": {"name": name}, "inbound_nodes": []} for name in "ab"]
    model = {
        "format": "layers-model",
        "modelTopology": {"model_config": {"config": {"layers": layers}}},
        "weightsManifest": [{"paths": ["one.bin", "two.bin"], "weights": weights}],
    }
    data = bytes([0, 1, 2, 255]) + np.array([3.5, -4.0], dtype=np.float32).tobytes()
    (folder / "model.json").write_text(json.dumps(model | changes))
    (folder / "one.bin").write_bytes(data[:5])
    (folder / "two.bin").write_bytes(data[5:])
    return folder


def test_uint8_stands_for_scale_and_least_value_across_shards(tmp_path: Path) -> None:
    layers, weights = read_layers(tiny_model(tmp_path))
    assert [layer["config"]["name"] for layer in layers] == ["a", "b"]
    np.testing.assert_array_equal(weights["a/kernel"], [[-1.0, -0.5], [0.0, 126.5]])
    np.testing.assert_array_equal(weights["b/gamma"], [3.5, -4.0])


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no model\.json"):
        read_layers(tmp_path)
    tiny_model(tmp_path, format="graph-model")
    with pytest.raises(SourceError, match="graph-model"):
        read_layers(tmp_path)
    tiny_model(tmp_path)
    (tmp_path / "two.bin").write_bytes(bytes(20))
    with pytest.raises(SourceError, match="25 bytes"):
        read_layers(tmp_path)
    tiny_model(tmp_path)
    with pytest.raises(SourceError, match="2 layers"):
        timm_weights(*read_layers(tmp_path))


def test_the_architecture_pads_as_tensorflow_and_takes_inputs_around_zero() -> None:
    model = create_backbone(ARCHITECTURE, "random")
    assert backbone_normalization(ARCHITECTURE) == ([0.5] * 3, [0.5] * 3)
    assert model.bn1.eps == 1e-3
    impulse = torch.zeros(1, 3, 8, 8)
    impulse[..., 0, 0] = 1
    with torch.inference_mode():
        torch.nn.init.ones_(model.conv_stem.weight)
        # Padded on both sides, the first position would see the corner in the middle of its kernel.
        weight = torch.zeros_like(model.conv_stem.weight)
        weight[:, :, 0, 0] = 1
        model.conv_stem.weight.copy_(weight)
        assert float(model.conv_stem(impulse)[0, 0, 0, 0]) == 3
    assert timm.create_model("mobilenetv2_100").conv_stem.padding == (1, 1)


@real
def test_converted_it_gives_what_its_layers_give(tmp_path: Path) -> None:
    layers, weights = read_layers(SOURCE)
    # Its own size, since odd sizes inside are padded otherwise by the layers' fixed padding.
    pixels = np.random.default_rng(3).integers(0, 256, (SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    image = pixels.astype(np.float32) / 127.5 - 1
    expected = keras_output(layers, weights, image)
    backbone = create_backbone(ARCHITECTURE, convert(SOURCE, tmp_path / "ndl.safetensors")).eval()
    with torch.inference_mode():
        found = backbone(torch.from_numpy(image).permute(2, 0, 1)[None]).numpy()[0]
    np.testing.assert_allclose(found, expected, atol=1e-2)
    assert np.corrcoef(found, expected)[0, 1] > 0.9999


@real
@pytest.mark.skipif(not FIGURES.is_dir(), reason="the example figures are not beside the repository")
def test_it_tells_classes_of_real_figures_apart(tmp_path: Path) -> None:
    paths = sorted(path for path in FIGURES.rglob("*") if path.is_file())
    pictures = np.stack([square_pixels(path.read_bytes(), SIZE_PX) for path in paths])
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    classes = [path.parent.name for path in paths]
    torch.manual_seed(1)
    scores = {}
    for name in (convert(SOURCE, tmp_path / "ndl.safetensors"), "random"):
        with torch.inference_mode():
            vectors = torch.nn.functional.normalize(create_backbone(ARCHITECTURE, name).eval()(images), dim=1)
        scores[str(name) == "random"] = separation(vectors.numpy(), classes)
    ndl, random = scores[False], scores[True]
    assert ndl["nearest_accuracy"] > random["nearest_accuracy"]
    assert ndl["cosine_within"] - ndl["cosine_between"] > random["cosine_within"] - random["cosine_between"]
