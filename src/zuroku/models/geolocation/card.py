"""The card of a geolocator bundle, and the same for people. What writes a bundle is in ``bundle``."""

from typing import Any, Literal

from pydantic import Field

from zuroku.config import Settings
from zuroku.models.bundle import GROUPS
from zuroku.models.geolocation.settings import GeolocatorNetworkSettings, kernel_width_km


class GeolocatorCard(Settings):
    """What a geolocator is. Vectors of two geolocators must never be compared: an index names its own.

    ``release`` is restricted: whoever has the model can find where a private photograph was taken, which
    is why Hirata et al. hold back theirs. ``classes`` are the ids of each task in the order of its
    probabilities, taken from the training groups. ``data`` maps each input to the SHA-256 of its content.
    """

    name: str
    format: int = 1
    release: Literal["restricted"] = "restricted"
    licence: str
    backbone: str
    weights: str
    dimension: int
    size_px: int
    views: int
    preprocessing: str
    classes: dict[str, list[str]]
    sigmas: list[float] = Field(description="of the location encoder")
    data: dict[str, str]
    network: GeolocatorNetworkSettings
    settings: dict[str, Any]
    validation: dict[str, float]
    code_version: str


def geolocator_readme(card: GeolocatorCard, n_groups: int) -> str:
    """Return the card as Markdown."""
    tasks = "\n".join(
        f"| {task} | {len(names)} | {_accuracy(card, task)} |" for task, names in card.classes.items()
    )
    sigmas = ", ".join(f"{sigma:g} ({kernel_width_km(sigma):.3g} km)" for sigma in card.sigmas)
    data = "\n".join(f"- {name}: `{sha256}`" for name, sha256 in card.data.items())
    scores = "\n".join(f"- {name}: {value:.4f}" for name, value in card.validation.items())
    size = f"{card.size_px}, {card.size_px}, 3"
    n_answers = card.dimension + sum(map(len, card.classes.values()))
    return f"""# {card.name}

Tells where a photograph may have been taken: {card.backbone} that started from {card.weights} weights, mean
over the squares of a picture, projection to {card.dimension} dimensions, one linear head for each task, and
GeoCLIP's location encoder ({card.network.location.variant}) for coordinates in the same space. Input
`pixels` (n, v, {size}) uint8 RGB: {card.preprocessing}. v is {card.views} for a panorama, else 1. Output
`answers` (n, {n_answers}) float32: the unit vector, then each task's probabilities in this order. Compare
vectors by inner product, and only with vectors of this very bundle.

| task | classes | accuracy on the validation groups |
|---|---|---|
{tasks}

Scales of the location encoder, σ and the width of its kernel: {sigmas}

## Release: {card.release}
Who has this model can find out where private photographs were taken. Pass it on only with a recorded
decision to do so.

## Made from
{data}
- {n_groups} groups seen in training and validation: `{GROUPS}`

## On the validation groups (training was stopped by them, so these are no test scores)
{scores}

## Licence of the data
{card.licence}

## Limits
It knows only the classes and the region it was trained on, and answers for every picture, also for those
from elsewhere. Night, bad weather, indoor and aerial pictures are rare or missing in street views: expect
larger errors there. Coordinates in a picture's EXIF data are never read.
"""


def _accuracy(card: GeolocatorCard, task: str) -> str:
    accuracy = card.validation.get(f"accuracy_{task}")
    return "not measured" if accuracy is None else f"{accuracy:.3f}"
