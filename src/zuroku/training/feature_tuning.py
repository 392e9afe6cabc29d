"""Feature Tuning (Tani and Wada): a backbone tuned on classes, its layers joined, and tuned again on top.

Five variants per loss. Judging them belongs to ``reports.feature_tuning``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from zuroku.artifacts import Artifact
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.losses.settings import CosFaceSettings, LossSettings, SoftmaxSettings
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.settings import EmbedderNetworkSettings, EmbedderSettings
from zuroku.tracking import NullTracker
from zuroku.training.embedder import EmbedderTrainingSettings, train_embedder
from zuroku.training.loop import LoopSettings

VARIANTS = ("plain", "concatenation", "normalised", "tuned3", "tuned6")
"""The paper's rows: the tuned backbone; its layers joined ("addition"); the same with every layer of unit
length; three and six fully connected layers retrained on them."""


class FeatureTuningSettings(Settings):
    """The backbone, where it is tapped, and how both trainings go.

    ``normalised_input`` joins layers of unit length below the retrained layers too. The paper does not: its
    deepest layer is twenty times as long as its first, and one of its networks collapsed.
    """

    backbone: str = "resnet18"
    weights: str = "timm"
    size_px: int = Field(default=224, ge=32)
    taps: list[str] = Field(default=["conv2", "conv3", "conv4", "conv5", "gap"], min_length=2)
    dimension: int = Field(default=512, ge=2)
    normalised_input: bool = True
    losses: dict[str, LossSettings] = Field(
        default={"softmax": SoftmaxSettings(), "cosface": CosFaceSettings()}, min_length=1
    )
    tune_backbone: LoopSettings
    tune_head: LoopSettings


def tune_features(
    dataset: Dataset,
    splits: Artifact,
    settings: FeatureTuningSettings,
    target: Path,
    code_version: str,
) -> dict[str, Artifact]:
    """Train every variant of every loss below ``target`` and return the bundles as ``loss-variant``.

    Classes are the groups, so a split by group is class-disjoint. Killed and called again, it goes on with
    the variant that was not finished.
    """
    made: dict[str, Artifact] = {}
    for name, loss in settings.losses.items():
        plain = EmbedderTrainingSettings(
            name=f"{name}-plain",
            network=_network(settings, ["gap"], settings.weights),
            loss=loss,
            classes="group",
            loop=settings.tune_backbone,
        )
        tuned = train_embedder(dataset, splits, plain, target / plain.name, code_version, NullTracker())
        made[plain.name] = tuned
        start = str(tuned.path)
        for variant, normalised in (("concatenation", False), ("normalised", True)):
            network = _network(settings, settings.taps, start, tap_normalisation=normalised)
            joined = EmbedderSettings(name=f"{name}-{variant}", **network.model_dump())
            made[joined.name] = build_embedder(joined, target / joined.name, code_version)
        for variant, head in (("tuned3", "fc3"), ("tuned6", "fc6")):
            retrained = EmbedderTrainingSettings(
                name=f"{name}-{variant}",
                network=_network(
                    settings,
                    settings.taps,
                    start,
                    tap_normalisation=settings.normalised_input,
                    head=head,
                    dimension=settings.dimension,
                ),
                loss=loss,
                classes="group",
                train="head",
                loop=settings.tune_head,
            )
            made[retrained.name] = train_embedder(
                dataset, splits, retrained, target / retrained.name, code_version, NullTracker()
            )
    return made


def tap_bundles(
    settings: FeatureTuningSettings, tuned: Mapping[str, Artifact], target: Path, code_version: str
) -> dict[str, Artifact]:
    """Return, per loss, each tap of its tuned backbone alone as an embedder, as ``loss-tap``."""
    made = {}
    for name in settings.losses:
        start = str(tuned[f"{name}-plain"].path)
        for tap in settings.taps:
            alone = EmbedderSettings(name=f"{name}-{tap}", **_network(settings, [tap], start).model_dump())
            made[alone.name] = build_embedder(alone, target / alone.name, code_version)
    return made


def _network(
    settings: FeatureTuningSettings, taps: list[str], weights: str, **more: Any
) -> EmbedderNetworkSettings:
    return EmbedderNetworkSettings(
        backbone=settings.backbone, weights=weights, size_px=settings.size_px, taps=taps, **more
    )
