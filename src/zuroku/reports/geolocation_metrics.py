"""What is counted of a judged geolocator: scores and heads with their intervals, differences, slices, bias.

Errors and labels in, plain values for JSON out. Which answers are judged, ``geolocation`` decides; the page
is ``geolocation_page``'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from zuroku.datasets.place_clusters import CLUSTER
from zuroku.evaluation.bootstrap import Interval
from zuroku.evaluation.conformal import abstention
from zuroku.evaluation.geolocation import (
    UNLABELLED,
    Distances,
    bias_table,
    difference_intervals,
    head_accuracy,
    head_interval,
    score_distances,
    score_intervals,
)
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.place_vectors import LocatedPhotographs

_UNKNOWN = -2

Pair = tuple[float, float]


@dataclass(frozen=True)
class Scoring:
    """How errors ``(n,)`` in km become numbers: the radii, and the draws of clusters for intervals.

    One cluster says nothing about the next: of photographs in a single one there is no interval.
    """

    radii_km: Sequence[float]
    resamples: int
    seed: int

    def scores(self, errors: Distances, clusters: Sequence[str]) -> dict[str, Any]:
        """Return the scores, and ``intervals``: a pair for each radius, ``median_km`` and ``mean_km``."""
        found = {}
        if len(set(clusters)) > 1:
            found = score_intervals(
                errors, clusters, radii_km=self.radii_km, resamples=self.resamples, seed=self.seed
            )
        return asdict(score_distances(errors, radii_km=self.radii_km)) | {"intervals": _pairs(found)}

    def difference(self, ours: Distances, theirs: Distances, clusters: Sequence[str]) -> dict[str, Any]:
        """Return our scores minus theirs on the same photographs, in the form of ``scores``."""
        found = {}
        if len(set(clusters)) > 1:
            found = difference_intervals(
                ours, theirs, clusters, radii_km=self.radii_km, resamples=self.resamples, seed=self.seed
            )
        mine, other = (score_distances(errors, radii_km=self.radii_km) for errors in (ours, theirs))
        return {
            "accuracy_within_km": {
                radius: share - other.accuracy_within_km[radius]
                for radius, share in mine.accuracy_within_km.items()
            },
            "median_km": mine.median_km - other.median_km,
            "mean_km": mine.mean_km - other.mean_km,
            "intervals": _pairs(found),
        }

    def head(self, queries: LocatedPhotographs, predictor: GeolocatorPredictor, task: str) -> dict[str, Any]:
        """Return how often the head of ``task`` is right, with ``interval``, None where there is none.

        A class that training did not have counts as a miss.
        """
        known = {name: place for place, name in enumerate(predictor.classes[task])}
        named = np.array([known.get(name, _UNKNOWN) for name in queries.heads[task]], dtype=np.int64)
        true = queries.table[task]
        labels = np.array(
            [UNLABELLED if name == "" else known.get(name, len(known)) for name in true], dtype=np.int64
        )
        clusters = queries.table[CLUSTER]
        found = None
        if clusters[labels != UNLABELLED].nunique() > 1:
            draw = {"resamples": self.resamples, "seed": self.seed}
            found = _pair(head_interval(named, labels, clusters.tolist(), **draw))
        return asdict(head_accuracy(named, labels)) | {"interval": found}


def score_slices(
    errors: Distances,
    uncertainty_km: Distances,
    table: pd.DataFrame,
    threshold: float | None,
    abstention_km: float,
    scoring: Scoring,
) -> dict[str, Any]:
    """Return the scores of each slice (night, weather, indoor, …) of ``table`` by its name, "" being none.

    ``withheld`` is the share that gets no answer, each cluster counted once as in the promise; None where no
    threshold is served.
    """
    found = {}
    for name, rows in sorted(table.groupby("slice").indices.items()):
        clusters = table[CLUSTER].iloc[rows].tolist()
        withheld = None
        if threshold is not None:
            kept = abstention(
                errors[rows],
                uncertainty_km[rows],
                radius_km=abstention_km,
                threshold=threshold,
                groups=clusters,
            )
            withheld = 1 - kept.accepted
        found[str(name)] = scoring.scores(errors[rows], clusters) | {"withheld": withheld}
    return found


def prefecture_bias(queries: LocatedPhotographs) -> dict[str, Any]:
    """Return the bias of the prefecture head; of areas without prefectures there is none."""
    inside = (queries.table["prefecture"] != "").to_numpy()
    if not inside.any():
        return {"deviation": None, "table": []}
    answers, areas = queries.heads["prefecture"][inside], queries.table["prefecture"][inside]
    bias = bias_table(answers.tolist(), areas.tolist())
    return {"deviation": bias.deviation, "table": bias.table.to_dict(orient="records")}


def flat_scores(scores: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return scores or a difference by flat names, intervals as ``_low`` and ``_high``."""
    flat = {f"{prefix}median_km": scores["median_km"], f"{prefix}mean_km": scores["mean_km"]}
    for radius, share in scores["accuracy_within_km"].items():
        flat[f"{prefix}within_{radius}_km"] = share
    for name, (low, high) in scores["intervals"].items():
        key = prefix + (name if name.endswith("km") else f"within_{name}_km")
        flat |= {f"{key}_low": low, f"{key}_high": high}
    return flat


def _pairs(intervals: Mapping[str, Interval]) -> dict[str, Pair]:
    return {name: _pair(found) for name, found in intervals.items()}


def _pair(found: Interval) -> Pair:
    return found.lower, found.upper
