"""NDL's own MobileNetV2, the system before the embedders (model ① of Aoike 2021, table 3), made usable here.

Reads the TensorFlow.js files that the Next Digital Library served (``model.json`` and shards of uint8),
writes safetensors by timm's names, and compares them with random weights on the published example figures.

Importing this module gives timm the architecture ``ndl_mobilenetv2_100``: timm's own ``mobilenetv2_100`` pads
convolutions of stride two on both sides, TensorFlow only behind, and its batch normalisations have another
epsilon. Inputs lie in [−1, 1], as for Keras's MobileNetV2: on photographs the first convolution then has the
variance that its normalisation expects, and with [0, 1] a quarter of it.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
from safetensors.torch import save_file
from timm.models import generate_default_cfgs, register_model
from torch import nn

from zuroku.datasets.images import square_pixels
from zuroku.errors import SourceError
from zuroku.evaluation.neighbours import nearest_classes
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.embedding.settings import EmbedderSettings

ARCHITECTURE = "ndl_mobilenetv2_100"
SIZE_PX = 224
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SOURCE = _SHARED / "weights" / "ndl_mobilenetv2_tfjs"
FIGURES = _SHARED / "ndl" / "imagelabel" / "sampleimg"
_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}

Arrays = dict[str, npt.NDArray[np.float32]]

default_cfgs = generate_default_cfgs(
    {f"{ARCHITECTURE}.ndl": {"mean": (0.5,) * 3, "std": (0.5,) * 3, "input_size": (3, SIZE_PX, SIZE_PX)}}
)


@register_model
def ndl_mobilenetv2_100(pretrained: bool = False, **values: Any) -> nn.Module:
    """Return timm's MobileNetV2 with the padding and the epsilon of Keras's."""
    model: nn.Module = timm.create_model(
        "mobilenetv2_100", pretrained=False, pad_type="same", bn_eps=1e-3, **values
    )
    return model


def read_layers(folder: Path) -> tuple[list[dict[str, Any]], Arrays]:
    """Return the Keras layers, in their order, and the weights by name as float32.

    A uint8 value stands for ``value × scale + min``. Small variances may have become zero that way: they are
    what the library computed with, and are kept.

    Raises:
        SourceError: the files are missing or of another form.
    """
    path = folder / "model.json"
    if not path.is_file():
        raise SourceError(
            f"no model.json in {folder}",
            expected="a TensorFlow.js layers model",
            remedy="take it from the repository ndl-lab/tugidigi-web",
        )
    model = json.loads(path.read_text(encoding="utf-8"))
    if model.get("format") != "layers-model":
        raise SourceError(
            f"{path} has the format {model.get('format')!r}",
            expected="layers-model",
            remedy="name the folder of NDL's feature extractor",
        )
    weights: Arrays = {}
    for group in model["weightsManifest"]:
        data = b"".join((folder / name).read_bytes() for name in group["paths"])
        weights |= _dequantised(group["weights"], data)
    return model["modelTopology"]["model_config"]["config"]["layers"], weights


def _dequantised(specifications: Sequence[dict[str, Any]], data: bytes) -> Arrays:
    weights: Arrays = {}
    start = 0
    for one in specifications:
        quantisation = one.get("quantization")
        kind = np.dtype(quantisation["dtype"] if quantisation else one["dtype"])
        count = int(np.prod(one["shape"]))
        values = np.frombuffer(data, kind, count, start).reshape(one["shape"]).astype(np.float32)
        if quantisation:
            values = values * np.float32(quantisation["scale"]) + np.float32(quantisation["min"])
        weights[one["name"]] = values
        start += count * kind.itemsize
    if start != len(data):
        raise SourceError(
            f"shards of {len(data):,} bytes",
            expected=f"{start:,} bytes, as model.json lists them",
            remedy="fetch all shards of the model again",
        )
    return weights


def timm_weights(layers: Sequence[dict[str, Any]], weights: Arrays) -> dict[str, torch.Tensor]:
    """Return the state of ``ndl_mobilenetv2_100``: the same layers in the same order, other names.

    Raises:
        SourceError: the layers are not those of MobileNetV2 1.0.
    """
    state = dict(timm.create_model(ARCHITECTURE, num_classes=0).state_dict())
    modules = list(dict.fromkeys(name.rsplit(".", 1)[0] for name in state))
    trained = [layer["config"]["name"] for layer in layers]
    trained = [name for name in trained if any(key.startswith(f"{name}/") for key in weights)]
    taken: dict[str, torch.Tensor] = {}
    if len(trained) != len(modules):
        raise _unfit(f"{len(trained)} layers", len(modules))
    for name, module in zip(trained, modules, strict=True):
        for key, value in weights.items():
            if key.startswith(f"{name}/"):
                part, array = _converted(key.rsplit("/", 1)[1], value)
                taken[f"{module}.{part}"] = torch.from_numpy(array)
    faults = [n for n, tensor in state.items() if n in taken and taken[n].shape != tensor.shape]
    faults += [n for n in state if n not in taken and not n.endswith("num_batches_tracked")]
    if faults:
        raise _unfit(f"other shapes at {', '.join(faults[:5])}", len(modules))
    return {name: taken.get(name, tensor) for name, tensor in state.items()}


def _unfit(found: str, n_layers: int) -> SourceError:
    return SourceError(
        f"a model with {found}",
        expected=f"the {n_layers} layers of MobileNetV2 1.0",
        remedy="name the folder of NDL's feature extractor",
    )


def _converted(part: str, value: npt.NDArray[np.float32]) -> tuple[str, npt.NDArray[np.float32]]:
    """Turn a kernel ``(h, w, in, out)``, or depthwise ``(h, w, channels, 1)``, into PyTorch's order."""
    if part == "kernel":
        return "weight", np.ascontiguousarray(value.transpose(3, 2, 0, 1))
    if part == "depthwise_kernel":
        return "weight", np.ascontiguousarray(value.transpose(2, 3, 0, 1))
    return _NORM[part], value


def convert(folder: Path, target: Path) -> Path:
    """Write the weights in ``folder`` as safetensors to ``target``, and return it."""
    save_file(timm_weights(*read_layers(folder)), target)
    return target


def separation(vectors: npt.NDArray[np.float32], classes: Sequence[str]) -> dict[str, float]:
    """Return how well unit vectors tell classes apart: 1-NN accuracy, and mean cosine within and between."""
    cosines = vectors @ vectors.T
    same = np.asarray(classes)[:, None] == np.asarray(classes)[None, :]
    others = ~np.eye(len(classes), dtype=bool)
    found = nearest_classes(vectors, classes, range(len(classes)))
    return {
        "nearest_accuracy": float((found == np.asarray(classes, dtype=object)).mean()),
        "cosine_within": float(cosines[same & others].mean()),
        "cosine_between": float(cosines[~same].mean()),
    }


def main() -> None:
    """Convert the weights, and compare them with random ones on the example figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/benchmarks/ndl_mobilenetv2.safetensors"))
    options = parser.parse_args()
    if not SOURCE.is_dir():
        sys.exit(f"skipped: NDL's weights are not at {SOURCE}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    weights = convert(SOURCE, options.out)
    print(f"written: {weights}, for backbone {ARCHITECTURE} at {SIZE_PX} px")
    if not FIGURES.is_dir():
        sys.exit(f"not compared: there are no figures at {FIGURES}")
    paths = sorted(path for path in FIGURES.rglob("*") if path.is_file())
    pictures = [square_pixels(path.read_bytes(), SIZE_PX) for path in paths]
    with tempfile.TemporaryDirectory() as temporary:
        for name in (str(weights), "random"):
            settings = EmbedderSettings(backbone=ARCHITECTURE, weights=name, size_px=SIZE_PX)
            bundle = build_embedder(settings, Path(temporary) / Path(name).stem, "benchmark")
            predictor = EmbedderPredictor(bundle.path)
            vectors = np.stack([predictor.embed_pixels(picture) for picture in pictures])
            scores = separation(vectors, [path.parent.name for path in paths])
            numbers = ", ".join(f"{key} {value:.3f}" for key, value in scores.items())
            print(f"{len(paths)} figures, {Path(name).stem}: {numbers}")


if __name__ == "__main__":
    main()
