"""Which network an embedder is: every variant of the papers is a value of these models.

How a network is trained belongs to ``training.embedder``.
"""

from typing import Literal

from pydantic import Field, model_validator

from zuroku.config import Settings
from zuroku.models.embedding.taps import GAP

Pooling = Literal["gap", "gem", "gem_fixed"]
Head = Literal["none", "linear", "fc3", "fc6"]
WhiteningKind = Literal["none", "linear", "pca"]


class EmbedderNetworkSettings(Settings):
    """Backbone → taps → pooling → concatenation → head → whitening → unit vector.

    With the default values it is a plain backbone with its own global average pooling.
    """

    backbone: str = Field(description="a timm model")
    weights: str = Field(
        description="packaged, timm, random, a safetensors file of the backbone, or the folder of an"
        " embedder bundle to go on from"
    )
    size_px: int = Field(ge=32)
    taps: list[str] = Field(
        default=[GAP],
        min_length=1,
        description="where features are taken, in this order: gap (the backbone's own pooled output), last"
        " (its last feature map), stage1, stage2 …, conv1 … conv5 (ResNets), or a module's dotted name",
    )
    pooling: Pooling = Field(
        default="gap",
        description="of every tap but gap; gem learns p from 3, gem_fixed keeps it (learned under ArcFace, it"
        " collapsed)",
    )
    tap_normalisation: bool = Field(
        default=False, description="unit length for every tap before they are joined"
    )
    head: Head = "none"
    dimension: int | None = Field(
        default=None, ge=2, description="of the head's output, or of the whitening's where there is no head"
    )
    whitening: WhiteningKind = "none"
    grey: bool = Field(default=False, description="the network sees luma only, in training and in serving")

    @model_validator(mode="after")
    def _makes_sense(self) -> "EmbedderNetworkSettings":
        if len(set(self.taps)) < len(self.taps):
            raise ValueError(f"taps are named twice: {', '.join(self.taps)}")
        if self.pooling != "gap" and GAP in self.taps:
            raise ValueError(f"the tap gap is pooled already: with pooling {self.pooling}, name the tap last")
        if self.head != "none" and self.dimension is None:
            raise ValueError(f"the head {self.head} needs a dimension (512 in the papers)")
        if self.head == self.whitening == "none" and self.dimension is not None:
            raise ValueError("without a head or a whitening nothing gives the vector its dimension")
        return self


class EmbedderSettings(EmbedderNetworkSettings):
    """An embedder that is not trained here: nothing in it may need training."""

    name: str = "figure_embedder"

    @model_validator(mode="after")
    def _needs_no_training(self) -> "EmbedderSettings":
        if self.head != "none" or self.whitening != "none":
            raise ValueError(
                f"head {self.head} and whitening {self.whitening} would stay untrained: train this embedder"
            )
        if self.pooling == "gem":
            raise ValueError("the exponent of gem would stay untrained: use gem_fixed")
        return self
