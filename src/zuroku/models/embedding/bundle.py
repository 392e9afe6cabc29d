"""The bundle of an embedder, written from a network, trained or frozen. ``predictor`` uses one."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import torch
from torch import nn

from zuroku.artifacts import Artifact, build
from zuroku.models.backbones import followed
from zuroku.models.bundle import write_model
from zuroku.models.embedding.card import PREPROCESSING, EmbedderCard, embedder_readme
from zuroku.models.embedding.create import create_embedder, weights_origin
from zuroku.models.embedding.network import Embedder, ServedEmbedder
from zuroku.models.embedding.settings import EmbedderNetworkSettings, EmbedderSettings

_SEED = 20211211
"""Draws the backbone of ``weights: random``: equal settings give equal bundles."""


def build_embedder(settings: EmbedderSettings, target: Path, code_version: str) -> Artifact:
    """Write the bundle of an embedder that is not trained here to ``target``."""
    return build(target, partial(_write_frozen, settings, code_version))


def write_embedder(folder: Path, embedder: Embedder, card: EmbedderCard, groups: Collection[str]) -> None:
    """Write ``embedder`` and its papers into ``folder``; sealing is left to ``artifacts.build``.

    ``groups`` are those that it has been trained on or chosen by, its starting weights included.
    """
    export = partial(_export, card.size_px)
    write_model(folder, ServedEmbedder(embedder), card, list(groups), export)
    readme = embedder_readme(card, embedder.settings, len(set(groups)))
    (folder / "README.md").write_text(readme, encoding="utf-8")


def _write_frozen(settings: EmbedderSettings, code_version: str, folder: Path) -> None:
    settings = settings.model_copy(update={"weights": followed(settings.weights)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        embedder = create_embedder(settings)
    origin = weights_origin(settings.weights, embedder.backbone)
    told = settings.model_copy(update={"weights": origin.name})
    card = EmbedderCard(
        name=settings.name,
        backbone=settings.backbone,
        weights=origin.name,
        dimension=embedder.dimension,
        size_px=settings.size_px,
        preprocessing=PREPROCESSING,
        settings=told.model_dump(mode="json"),
        code_version=code_version,
        network=EmbedderNetworkSettings(**told.model_dump(exclude={"name"})),
        taps=embedder.tap_dimensions,
        data=origin.data,
    )
    write_embedder(folder, embedder, card, origin.groups)


def _export(size_px: int, model: nn.Module, path: Path) -> None:
    torch.onnx.export(
        model,
        (torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8),),
        str(path),
        input_names=["pixels"],
        output_names=["vectors"],
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("n")},),
        external_data=False,
        verbose=False,
    )
