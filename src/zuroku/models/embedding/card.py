"""The card of an embedder bundle, and the same for people. What writes a bundle is in ``bundle``."""

from typing import Any

from pydantic import Field

from zuroku.config import Settings
from zuroku.models.bundle import GROUPS
from zuroku.models.embedding.settings import EmbedderNetworkSettings

PREPROCESSING = "decoded at the smallest JPEG scale with twice the pixels, squashed bilinearly with antialias"


class EmbedderCard(Settings):
    """What an embedder is. Vectors of two embedders must never be compared: an index names its own.

    ``taps`` maps each tap to its dimensions, ``tap_norms`` to the mean length of its features in training.
    ``alpha`` is what unit vectors were multiplied with before the classifier of the training, which is no
    part of the bundle. ``data`` maps each input to the SHA-256 of its content. Cards of format 1 have none
    of this.
    """

    name: str
    format: int = 2
    backbone: str
    weights: str
    dimension: int
    size_px: int
    preprocessing: str
    settings: dict[str, Any]
    code_version: str
    network: EmbedderNetworkSettings | None = None
    taps: dict[str, int] = Field(default={})
    tap_norms: dict[str, float] = Field(default={})
    alpha: float | None = None
    n_classes: int = 0
    data: dict[str, str] = Field(default={})
    validation: dict[str, float] = Field(default={})
    licence: str = ""


def embedder_readme(card: EmbedderCard, network: EmbedderNetworkSettings, n_groups: int) -> str:
    """Return the card as Markdown."""
    taps = "\n".join(
        f"| {tap} | {dimension} | {card.tap_norms[tap]:.3f} |"
        if tap in card.tap_norms
        else f"| {tap} | {dimension} | |"
        for tap, dimension in card.taps.items()
    )
    whitening = "" if network.whitening == "none" else f", {network.whitening} whitening"
    head = "no head" if network.head == "none" else f"head {network.head}"
    made = f"""# {card.name}

Turns a figure into a unit vector of {card.dimension} numbers: {card.backbone} that starts from {card.weights}
weights, {network.pooling} pooling, {head}{whitening}{", greyscale input" if network.grey else ""}.
Input `pixels` (n, {card.size_px}, {card.size_px}, 3) uint8 RGB, {card.preprocessing}; output `vectors`
(n, {card.dimension}) float32. Compare by inner product, and only with vectors of this very bundle.

| tap | dimensions | mean norm in training |
|---|---|---|
{taps}
"""
    if not card.validation:
        return made + "\nFrozen: nothing in it was trained here.\n"
    data = "\n".join(f"- {name}: `{sha256}`" for name, sha256 in card.data.items())
    scores = "\n".join(f"- {name}: {value:.4f}" for name, value in card.validation.items())
    return f"""{made}
## Made from
{data}
- {card.n_classes} classes
- {n_groups} groups seen in training and validation: `{GROUPS}`

## On the validation groups
{scores}

## Licence of the data
{card.licence}
"""
