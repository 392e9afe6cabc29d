"""A model bundle: what is needed to use a model, in one sealed folder without pickles.

``model.onnx`` (uint8 pixels in, probabilities out), ``model.safetensors`` (the weights by name),
``card.json`` (what the model is), ``README.md`` (the same for people), ``training_groups.json`` (what
it has seen) and the seal. Publishing one as champion belongs to ``release``.
"""

import json
import logging
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zuroku.artifacts import verify
from zuroku.config import Settings, parse_settings
from zuroku.errors import BundleError

if TYPE_CHECKING:
    import torch
    from torch import nn

ONNX = "model.onnx"
WEIGHTS = "model.safetensors"
CARD = "card.json"
GROUPS = "training_groups.json"

# Torch is imported where a bundle is written: whoever only uses one would wait for it longest.

C = TypeVar("C", bound=Settings)


class TaggerCard(Settings):
    """What a figure tagger is, what it was made from, and how to read its output.

    ``thresholds`` belong to calibrated probabilities. Labels outside ``trained`` had no image: they
    are never emitted. ``data`` maps each input to the SHA-256 of its content.
    """

    name: str
    format: int = 1
    labels: list[str]
    hierarchy: dict[str, list[str]]
    trained: list[str]
    thresholds: list[float]
    temperature: float
    size_px: int
    preprocessing: str
    backbone: str
    data: dict[str, str]
    settings: dict[str, Any]
    validation: dict[str, float]
    licence: str
    code_version: str


def write_bundle(
    folder: Path,
    model: "nn.Module",
    card: TaggerCard,
    training_groups: Sequence[str],
    example: "torch.Tensor",
) -> None:
    """Write the tagger ``model`` and its papers into ``folder``; sealing is left to ``artifacts.build``.

    ``example`` is a batch of the model's input; its first dimension stays free in the ONNX graph.
    """
    write_model(folder, model, card, training_groups, partial(_export_batches, example))
    (folder / "README.md").write_text(_readme(card, len(set(training_groups))), encoding="utf-8")


def write_model(
    folder: Path,
    model: "nn.Module",
    card: Settings,
    training_groups: Sequence[str],
    export: "Callable[[nn.Module, Path], None]",
) -> None:
    """Write weights, ONNX graph (by ``export``), card and training groups of any served model."""
    import torch
    from safetensors.torch import save_file

    model = model.eval().to("cpu").to(memory_format=torch.contiguous_format)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / WEIGHTS)
    # The exporters report each of their passes; none of it is for the user.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export(model, folder / ONNX)
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / GROUPS).write_text(json.dumps(sorted(set(training_groups))) + "\n", encoding="utf-8")


def read_card(folder: Path) -> TaggerCard:
    """Verify the tagger's bundle in ``folder`` and return its card; raises as ``open_card``."""
    return open_card(folder, TaggerCard)


def open_card(folder: Path, kind: type[C]) -> C:
    """Verify the bundle in ``folder`` and return its card, which must be of ``kind``.

    Raises:
        BundleError: there is no bundle.
        ConfigError: it is a bundle of another kind of model.
        IntegrityError: its files are not what was sealed.
    """
    if not (folder / CARD).is_file():
        raise BundleError(
            f"no model bundle in {folder}",
            expected=f"a folder with {CARD}, {ONNX} and {WEIGHTS}",
            remedy="run `make demo` to train and release one, or name the folder of a bundle",
        )
    verify(folder)
    values = json.loads((folder / CARD).read_text(encoding="utf-8"))
    return parse_settings(values, kind, origin=str(folder / CARD))


def training_groups(folder: Path) -> set[str]:
    """Return the groups (books) that the bundle's model was trained or tuned on."""
    return set(json.loads((folder / GROUPS).read_text(encoding="utf-8")))


def _export_batches(example: "torch.Tensor", model: "nn.Module", path: Path) -> None:
    import torch

    torch.onnx.export(
        model,
        (example,),
        str(path),
        input_names=["pixels"],
        output_names=["probabilities"],
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("n")},),
        # One file: weights beside it would get names that change from run to run.
        external_data=False,
        verbose=False,
    )


def _readme(card: TaggerCard, n_groups: int) -> str:
    rows = "\n".join(
        f"| {label} | {threshold:.3f} | {'yes' if label in card.trained else 'no: never emitted'} |"
        for label, threshold in zip(card.labels, card.thresholds, strict=True)
    )
    data = "\n".join(f"- {name}: `{sha256}`" for name, sha256 in card.data.items())
    scores = "\n".join(f"- {name}: {value:.4f}" for name, value in card.validation.items())
    return f"""# {card.name}

Tags figures cut from scanned pages. Backbone {card.backbone}, {card.size_px} × {card.size_px} px.
Input `pixels` (n, {card.size_px}, {card.size_px}, 3) uint8 RGB, {card.preprocessing}; output
`probabilities` (n, {len(card.labels)}) float32, calibrated on the validation books (temperature
{card.temperature:.3f}).

| label | threshold | trained |
|---|---|---|
{rows}

## Made from
{data}
- {n_groups} groups (books) seen in training and validation: `{GROUPS}`

## On the validation books (thresholds were chosen here, so these are no test scores)
{scores}

## Licence of the data
{card.licence}

## Limits
Trained on figures of old Japanese books: other material needs a test of its own. Tags describe the
picture, not its subject's meaning; do not use them to identify persons.
"""
