"""How the nearest photographs become an answer with a radius: chosen by an evaluation, kept in an index.

The rules are ``geo.answers``'s, the radius is ``evaluation.conformal``'s; here is which of them is in use.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zuroku.config import Settings, parse_settings
from zuroku.evaluation.conformal import ConformalRadius
from zuroku.geo.answers import AnswerSettings, Rule, answer, spread_km
from zuroku.geo.distances import Coordinates

POLICY = "policy.json"

Area = Literal["everywhere", "prefecture", "municipality"]
AREAS: tuple[Area, ...] = get_args(Area)
"""Where neighbours are sought: anywhere, or only in the area that a head of the model names."""


class RadiusSettings(Settings):
    """A calibrated radius in numbers (``evaluation.conformal.ConformalRadius``); null stands for infinity."""

    confidence: float
    quantile: float | None
    normalised: bool
    floor: float
    n_groups: int


class AnswerPolicy(Settings):
    """The rule that is served, and what it was calibrated to.

    ``abstain_above`` is the largest uncertainty in km that still gets an answer. Null where no threshold
    would keep its promise on the validation photographs: then every answer is given, with its radius.
    """

    rule: Rule
    area: Area
    neighbours: int = Field(ge=1)
    answer: AnswerSettings
    radius: RadiusSettings
    abstain_above: float | None = None


def read_policy(folder: Path) -> AnswerPolicy:
    """Return the policy that lies in ``folder``: a finished evaluation, or the bundle of an index."""
    path = folder / POLICY
    return parse_settings(json.loads(path.read_text(encoding="utf-8")), AnswerPolicy, origin=str(path))


@dataclass(frozen=True)
class PlaceEstimate:
    """One answer: a place ``(2,)``, the radius in km that holds with the policy's confidence, how sure it is.

    ``uncertainty_km`` is the weighted mean distance of the neighbours from the place; ``abstained`` says that
    it is too large for an answer. The radius is infinite where calibration photographs were too few.
    """

    place: Coordinates
    radius_km: float
    uncertainty_km: float
    abstained: bool


def estimate_place(policy: AnswerPolicy, coordinates: npt.ArrayLike, scores: npt.ArrayLike) -> PlaceEstimate:
    """Return what ``policy`` makes of neighbours at ``coordinates`` ``(k, 2)`` with ``scores`` ``(k,)``.

    Raises:
        GeoDataError: see ``geo.answers.answer``.
    """
    place = answer(coordinates, scores, policy.rule, policy.answer)
    uncertainty = spread_km(coordinates, scores, place, policy.answer)
    radius = float(conformal_radius(policy.radius).radius_km(np.array([uncertainty]))[0])
    above = policy.abstain_above
    return PlaceEstimate(place, radius, uncertainty, above is not None and uncertainty > above)


def conformal_radius(settings: RadiusSettings) -> ConformalRadius:
    """Return the radius that ``settings`` stand for."""
    quantile = np.inf if settings.quantile is None else settings.quantile
    return ConformalRadius(
        settings.confidence, quantile, settings.normalised, settings.floor, settings.n_groups
    )


def radius_settings(radius: ConformalRadius) -> RadiusSettings:
    """Return ``radius`` as numbers that JSON can hold: infinity becomes null."""
    quantile = radius.quantile if np.isfinite(radius.quantile) else None
    return RadiusSettings(
        confidence=radius.confidence,
        quantile=quantile,
        normalised=radius.normalised,
        floor=radius.floor,
        n_groups=radius.n_groups,
    )


def area_filter(area: Area, heads: Mapping[str, str]) -> dict[str, str]:
    """Return the filter of a search within ``area``; ``heads`` are the class that each head names."""
    named = heads.get(area, "")
    return {area: named} if named else {}
