"""Which loss an embedder is trained with: one settings model per loss, told apart by ``kind``.

What pytorch-metric-learning has is taken from there; the other losses stand beside this file.
"""

from typing import Annotated, Literal

from pydantic import Field
from pytorch_metric_learning.losses import ArcFaceLoss, ContrastiveLoss, CosFaceLoss, SubCenterArcFaceLoss
from torch import nn

from zuroku.config import Settings
from zuroku.losses.l2_softmax import L2Softmax, L2SoftmaxMultiLabel, least_alpha
from zuroku.losses.softmax import Softmax


class SoftmaxSettings(Settings):
    """Plain softmax."""

    kind: Literal["softmax"] = "softmax"


class L2SoftmaxSettings(Settings):
    """Softmax, or with ``multi_label`` a binary cross-entropy per class, on the sphere of radius alpha."""

    kind: Literal["l2_softmax"] = "l2_softmax"
    alpha: float | None = Field(
        default=None, gt=0, description="none: the bound for a probability of 0.9 with the classes trained on"
    )
    multi_label: bool = False


class CosFaceSettings(Settings):
    """CosFace (Wang et al. 2018) with Tani and Wada's values: the margin is taken from the cosine."""

    kind: Literal["cosface"] = "cosface"
    margin: float = Field(default=0.45, ge=0, lt=1)
    scale: float = Field(default=60.0, gt=0)


class ArcFaceSettings(Settings):
    """ArcFace (Deng et al. 2019); with several ``sub_centers`` per class, Deng et al. 2020."""

    kind: Literal["arcface"] = "arcface"
    margin_degrees: float = Field(default=28.6, ge=0, lt=90, description="28.6 degrees are .5 radians")
    scale: float = Field(default=64.0, gt=0)
    sub_centers: int = Field(default=1, ge=1)


class ContrastiveSettings(Settings):
    """Contrastive loss over all pairs of a batch, which therefore has several images of a class.

    Hinges on distances, not on their squares as Radenović et al. 2019 have it.
    """

    kind: Literal["contrastive"] = "contrastive"
    margin: float = Field(default=0.7, gt=0, le=2, description="distance of unit vectors of two classes")
    per_class: int = Field(default=4, ge=2, description="images of a class that are drawn together")


LossSettings = Annotated[
    SoftmaxSettings | L2SoftmaxSettings | CosFaceSettings | ArcFaceSettings | ContrastiveSettings,
    Field(discriminator="kind"),
]


def create_loss(settings: LossSettings, n_classes: int, dimension: int) -> nn.Module:
    """Return the loss, with its class centres: ``(vectors (n, dimension), targets)`` → scalar.

    Vectors are raw, of any length. Targets are class indices ``(n,)`` int64; for ``multi_label``, 0 or 1 for
    each class, ``(n, n_classes)``.

    Raises:
        ConfigError: alpha is left to the bound and there are fewer than three classes.
    """
    if isinstance(settings, SoftmaxSettings):
        return Softmax(n_classes, dimension)
    if isinstance(settings, L2SoftmaxSettings):
        alpha = settings.alpha or least_alpha(n_classes)
        return (L2SoftmaxMultiLabel if settings.multi_label else L2Softmax)(n_classes, dimension, alpha)
    if isinstance(settings, CosFaceSettings):
        cosface: nn.Module = CosFaceLoss(
            num_classes=n_classes, embedding_size=dimension, margin=settings.margin, scale=settings.scale
        )
        return cosface
    if isinstance(settings, ArcFaceSettings):
        return _arcface(settings, n_classes, dimension)
    contrastive: nn.Module = ContrastiveLoss(neg_margin=settings.margin)
    return contrastive


def embedding_scale(settings: LossSettings, n_classes: int) -> float | None:
    """Return α: what a unit vector is multiplied with before the classifier, where the loss has it.

    Raises:
        ConfigError: as ``create_loss``.
    """
    if isinstance(settings, L2SoftmaxSettings):
        return settings.alpha or least_alpha(n_classes)
    if isinstance(settings, CosFaceSettings | ArcFaceSettings):
        return settings.scale
    return None


def _arcface(settings: ArcFaceSettings, n_classes: int, dimension: int) -> nn.Module:
    values = {"num_classes": n_classes, "embedding_size": dimension, "scale": settings.scale}
    # The library takes degrees, and turns them into radians itself.
    values["margin"] = settings.margin_degrees
    if settings.sub_centers > 1:
        several: nn.Module = SubCenterArcFaceLoss(sub_centers=settings.sub_centers, **values)
        return several
    one: nn.Module = ArcFaceLoss(**values)
    return one
