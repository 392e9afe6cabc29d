"""How a geolocator answers best on its validation photographs, and how far those answers may be trusted.

The gallery of validation photographs is the training set. They come in two halves by cluster
(``place_halves``): one chooses the rule that is served, the other calibrates its radius and when to give no
answer. The test photographs are not looked at here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from zuroku.config import Settings
from zuroku.datasets.place_clusters import CLUSTER
from zuroku.errors import SplitError
from zuroku.evaluation.conformal import ConformalRadius, calibrate_radius, choose_threshold
from zuroku.evaluation.geolocation import Distances, error_km
from zuroku.evaluation.place_halves import calibrating
from zuroku.geo.answers import RULES, AnswerSettings, Rule
from zuroku.indexes.answer_policy import AREAS, AnswerPolicy, Area, radius_settings
from zuroku.reports.place_answers import Answers, Way, answers_by_way
from zuroku.reports.place_vectors import LocatedPhotographs


class PolicySettings(Settings):
    """What is tried, and what is promised.

    ``abstention_km`` and ``abstention_share``: answers are given only where, on the validation photographs,
    that share of them lies within that distance.
    """

    neighbours: int = Field(default=100, ge=1)
    rules: list[Rule] = Field(default=list(RULES), min_length=1)
    areas: list[Area] = Field(default=list(AREAS), min_length=1)
    answer: AnswerSettings = AnswerSettings()
    confidence: float = Field(default=0.9, gt=0, lt=1)
    abstention_km: float = Field(default=25, gt=0)
    abstention_share: float = Field(default=0.9, gt=0, le=1)


@dataclass(frozen=True)
class JudgedPhotographs:
    """The photographs of one split against their gallery."""

    queries: LocatedPhotographs
    gallery: LocatedPhotographs
    answers: Mapping[Way, Answers]

    def errors(self, way: Way) -> Distances:
        """Return how far from the truth the answers of ``way`` are, ``(n,)`` km."""
        return error_km(self.queries.coordinates, self.answers[way].places)


def choose_policy(photographs: LocatedPhotographs, settings: PolicySettings) -> AnswerPolicy:
    """Return how one geolocator answers best on its validation photographs, with the radius that holds there.

    One half of the clusters, which stopped the training too, chooses the way; the other calibrates radius and
    abstention.

    Raises:
        SplitError: there are no photographs in train or val.
    """
    return policy_of(judge_photographs(photographs, ["val"], ["train"], settings), settings)


def judge_photographs(
    photographs: LocatedPhotographs,
    asked: Sequence[str],
    held: Sequence[str],
    settings: PolicySettings,
) -> JudgedPhotographs:
    """Answer the photographs of the splits ``asked`` by every way, with those of ``held`` as the gallery.

    Raises:
        SplitError: there are no photographs in one of them.
    """
    queries, gallery = photographs.part(asked), photographs.part(held)
    if not len(queries.table) or not len(gallery.table):
        raise SplitError(
            f"{len(queries.table)} photographs in {' and '.join(asked)}, {len(gallery.table)} in "
            f"{' and '.join(held)}",
            expected="photographs in train, val and test",
            remedy="add photographs, or configure smaller blocks",
        )
    found = answers_by_way(
        queries, gallery, settings.rules, settings.areas, settings.neighbours, settings.answer
    )
    return JudgedPhotographs(queries, gallery, found)


def policy_of(val: JudgedPhotographs, settings: PolicySettings) -> AnswerPolicy:
    """Choose the way with the smallest median error, and calibrate its radius and abstention on other places.

    Too few of these for the promise give an infinite radius, which is none, rather than one too small.
    """
    medians = medians_that_choose(val)
    way = min(medians, key=lambda one: (medians[one], one))
    clusters = val.queries.table[CLUSTER]
    held = calibrating(clusters.tolist())
    spread = val.answers[way].uncertainty_km[held]
    radius, threshold = _calibrated(val.errors(way)[held], spread, clusters[held].tolist(), settings)
    return AnswerPolicy(
        rule=way[0],
        area=way[1],
        neighbours=settings.neighbours,
        answer=settings.answer,
        radius=radius_settings(radius),
        abstain_above=threshold if math.isfinite(threshold) else None,
    )


def medians_that_choose(val: JudgedPhotographs) -> dict[Way, float]:
    """Return the median error in km of every way on the places that choose one."""
    asked = ~calibrating(val.queries.table[CLUSTER].tolist())
    return {way: float(np.median(val.errors(way)[asked])) for way in val.answers}


def _calibrated(
    errors: Distances, spread: Distances, clusters: Sequence[str], settings: PolicySettings
) -> tuple[ConformalRadius, float]:
    """Return the radius, and the largest uncertainty that still gets an answer: -∞ where no promise holds."""
    confidence = settings.confidence
    if not clusters:
        return ConformalRadius(confidence, math.inf, normalised=False, floor=1.0, n_groups=0), -math.inf
    kept = choose_threshold(
        errors, spread, radius_km=settings.abstention_km, share=settings.abstention_share, groups=clusters
    )
    radius = calibrate_radius(errors, confidence=confidence, uncertainty=spread, groups=clusters)
    return radius, kept.threshold
