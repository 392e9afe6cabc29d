"""Evaluating a geolocator on photographs that it has not seen: answers, heads, radius, floors, slices.

Validation photographs choose how answers are made (``place_policy``). The test photographs are then judged
once, with training and validation photographs as the gallery.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_clusters import CLUSTER, cluster_noun
from zuroku.datasets.place_labels import read_labels
from zuroku.datasets.places.sequences import with_sequences
from zuroku.evaluation.conformal import abstention, radius_coverage
from zuroku.evaluation.geolocation import Distances, error_km
from zuroku.evaluation.geolocation_floors import constant_guess, nearest_feature_places
from zuroku.evaluation.place_leakage import LEAKAGE_CHECKS, LeakageSettings, leakage_findings, place_leakage
from zuroku.findings import Finding
from zuroku.geo.blocks import nearest_km
from zuroku.geo.labels import TASKS
from zuroku.indexes.answer_policy import POLICY, AnswerPolicy, conformal_radius
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.embedding.settings import EmbedderSettings
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.geolocation_metrics import Scoring, flat_scores, prefecture_bias, score_slices
from zuroku.reports.geolocation_page import geolocation_page, geolocation_pictures
from zuroku.reports.place_answers import encoder_answers
from zuroku.reports.place_policy import (
    JudgedPhotographs,
    PolicySettings,
    judge_photographs,
    medians_that_choose,
    policy_of,
)
from zuroku.reports.place_vectors import LocatedPhotographs, locate_photographs, raw_features
from zuroku.reports.provenance import METRICS, measured_on

PREDICTIONS = "predictions.csv"

FLOOR_CHECKS = ("beats_constant_guess", "no_worse_than_raw_features")
GEOLOCATION_CHECKS = (
    *FLOOR_CHECKS,
    "radius_holds",
    *LEAKAGE_CHECKS,
    "has_radius",
)


class GeolocationEvaluationSettings(PolicySettings):
    """What is tried, and how it is reported.

    ``head_start_km`` are the distances to the nearest photograph of the gallery beyond which test photographs
    are scored apart.
    """

    radii_km: list[float] = Field(default=[1, 25, 100, 200, 750, 2500], min_length=1)
    head_start_km: list[float] = Field(default=[0, 1, 5, 25], min_length=1)
    floor: EmbedderSettings = Field(
        default=EmbedderSettings(
            name="raw_features", backbone="tf_efficientnet_lite0", weights="packaged", size_px=128
        ),
        description="the network whose raw features a geolocator must beat",
    )
    floor_slack_km: float = Field(default=0, ge=0, description="by which a model may fall behind its floors")
    must_beat_floors: bool = Field(
        default=True,
        description="or is not released; false where photographs are too few to show it. Read from the"
        " profile's file alone",
    )
    leakage: LeakageSettings = LeakageSettings(duplicate_cosine=0.99)
    resamples: int = Field(default=1000, ge=1)
    seed: int = 20211211

    @property
    def blocking_checks(self) -> tuple[str, ...]:
        """Those of ``GEOLOCATION_CHECKS`` without which a model is not released; the others warn.

        An index without a radius answers as well as another; it only promises less.
        """
        warning = {"has_radius"} if self.must_beat_floors else {"has_radius", *FLOOR_CHECKS}
        return tuple(check for check in GEOLOCATION_CHECKS if check not in warning)


def evaluate_geolocator(
    dataset: Dataset,
    labels: Artifact,
    splits: Artifact,
    bundle: Artifact,
    settings: GeolocationEvaluationSettings,
    kept: Path,
    target: Path,
    code_version: str,
) -> Artifact:
    """Write scores, the policy that is to be served, a page and pictures to ``target``.

    What the networks make of the photographs stays in ``kept``, so a second run goes on from there.

    Raises:
        SplitError: there are no photographs in a split.
        ImageError, OSError: a photograph cannot be read or decoded.
    """
    raw = build_embedder(settings.floor, target.with_name(f"{target.name}.floor"), code_version)
    return build(target, partial(_evaluate, dataset, labels, splits, bundle, raw, settings, kept))


def read_geolocation_metrics(folder: Path) -> dict[str, Any]:
    """Return the metrics of a finished evaluation."""
    metrics: dict[str, Any] = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return metrics


def flat_geolocation_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the main numbers by flat names, for a tracker; intervals as ``_low`` and ``_high``.

    Those of the served way have no prefix; what it scores less a floor is ``minus_<floor>_…``.
    """
    flat = flat_scores(metrics["served"])
    for name, difference in metrics["differences"].items():
        flat |= flat_scores(difference, f"minus_{name}_")
    for task, head in metrics["heads"].items():
        if head["labelled"]:
            flat[f"head_{task}"] = head["accuracy"]
        if head["interval"]:
            flat[f"head_{task}_low"], flat[f"head_{task}_high"] = head["interval"]
    flat |= {"coverage": metrics["radius"]["covered"], "bias_deviation": metrics["bias"]["deviation"]}
    for name, scores in metrics["floors"].items():
        flat[f"floor_{name}_median_km"] = scores["median_km"]
    return {name: float(value) for name, value in flat.items() if value is not None}


def geolocation_findings(
    metrics: Mapping[str, Any], settings: GeolocationEvaluationSettings
) -> list[Finding]:
    """Check that the model beats its floors, that its radius holds about as often as promised, and leaks.

    It must be shown to beat the constant guess: the whole interval of the difference of the medians, on the
    same photographs, lies below 0. Of raw features, which a small sample may not tell apart from it, it must
    not be shown to be worse. Where there is no interval, the medians alone are compared.
    """
    ours, found = metrics["served"]["median_km"], []
    for check, floor in zip(FLOOR_CHECKS, ("constant_guess", "raw_features"), strict=True):
        theirs, less = metrics["floors"][floor]["median_km"], metrics["differences"][floor]
        low, high = less["intervals"].get("median_km", (less["median_km"], less["median_km"]))
        shown = f"[{low:+.1f}, {high:+.1f}]" if less["intervals"] else "without an interval"
        says = f"median {ours:.1f} km; {floor}: {theirs:.1f} km, difference {shown}"
        bound = high if floor == "constant_guess" else low
        found.append(Finding(check, bound < settings.floor_slack_km, says))
    covered, promised, noun = metrics["radius"]["covered"], settings.confidence, metrics["clusters_are"]
    # Two standard errors of a share over clusters.
    slack = 2 * math.sqrt(promised * (1 - promised) / metrics["test_clusters"])
    says = f"holds for {covered:.1%} of the test {noun}, promised are {promised:.0%}"
    found.append(Finding(GEOLOCATION_CHECKS[2], covered >= promised - slack, says))
    found += [Finding(**finding) for finding in metrics["leakage"]]
    radius = metrics["radius"]["median_radius_km"]
    says = (
        f"no radius: too few validation {noun} in the half that calibrates"
        if radius is None
        else f"{radius:.0f} km in the median"
    )
    return [*found, Finding(GEOLOCATION_CHECKS[-1], radius is not None, says)]


def _evaluate(
    dataset: Dataset,
    labels: Artifact,
    splits: Artifact,
    bundle: Artifact,
    raw: Artifact,
    settings: GeolocationEvaluationSettings,
    kept: Path,
    out: Path,
) -> None:
    predictor = GeolocatorPredictor(bundle.path)
    table = pd.read_parquet(splits.path / "splits.parquet")
    photographs = locate_photographs(dataset, read_labels(labels.path), table, predictor, kept)
    val = judge_photographs(photographs, ["val"], ["train"], settings)
    test = judge_photographs(photographs, ["test"], ["train", "val"], settings)
    policy = policy_of(val, settings)
    views = predictor.card.views
    features = raw_features(dataset, photographs.table, EmbedderPredictor(raw.path), views, kept)
    metrics = _metrics(test, features, policy, predictor, settings) | {"clusters_are": cluster_noun(table)}
    metrics["data"] = measured_on(dataset, splits, bundle)
    medians = medians_that_choose(val)
    metrics["validation"] = {"/".join(way): median for way, median in medians.items()}
    places = with_sequences(photographs.table, dataset.root)
    leakage = place_leakage(places, table, features.vectors, settings.leakage.duplicate_cosine)
    metrics["leakage"] = [asdict(finding) for finding in leakage_findings(leakage, settings.leakage)]
    metrics = _plain(metrics)
    way = (policy.rule, policy.area)
    (out / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (out / POLICY).write_text(policy.model_dump_json(indent=2) + "\n", encoding="utf-8")
    predictions = test.queries.table.assign(
        pred_lat=test.answers[way].places[:, 0], pred_lon=test.answers[way].places[:, 1]
    ).rename(columns={"latitude": "gt_lat", "longitude": "gt_lon"})
    columns = ["item_id", "group", "gt_lat", "gt_lon", "pred_lat", "pred_lon"]
    predictions[columns].to_csv(out / PREDICTIONS, index=False)
    (out / "report.md").write_text(geolocation_page(metrics, policy), encoding="utf-8")
    pictures = geolocation_pictures(
        test.queries.coordinates, test.answers[way].places, test.gallery.coordinates, metrics
    )
    (out / "pictures").mkdir(exist_ok=True)
    for name, data in pictures.items():
        (out / "pictures" / f"{name}.png").write_bytes(data)


def _metrics(
    test: JudgedPhotographs,
    features: LocatedPhotographs,
    policy: AnswerPolicy,
    predictor: GeolocatorPredictor,
    settings: GeolocationEvaluationSettings,
) -> dict[str, Any]:
    table, way = test.queries.table, (policy.rule, policy.area)
    clusters = table[CLUSTER].tolist()
    truth, known = test.queries.coordinates, test.gallery.coordinates
    errors, spread = test.errors(way), test.answers[way].uncertainty_km
    scoring = Scoring(settings.radii_km, settings.resamples, settings.seed)
    by_way = {"/".join(one): test.errors(one) for one in test.answers}
    by_encoder = encoder_answers(test.queries, test.gallery, predictor.encode_locations)
    by_way["location_encoder/everywhere"] = error_km(truth, by_encoder)
    guess = np.tile(constant_guess(known), (len(errors), 1))
    by_floor = {"constant_guess": error_km(truth, guess), "raw_features": _nearest_raw(features)}
    ways = {name: scoring.scores(found, clusters) for name, found in by_way.items()}
    radii = conformal_radius(policy.radius).radius_km(spread)
    return {
        "test_photographs": len(table),
        "test_groups": table["group"].nunique(),
        "test_clusters": len(set(clusters)),
        "gallery": len(test.gallery.table),
        "served": ways["/".join(way)] | {"way": "/".join(way)},
        "ways": ways,
        "floors": {name: scoring.scores(found, clusters) for name, found in by_floor.items()},
        "differences": {
            name: scoring.difference(errors, found, clusters) for name, found in by_floor.items()
        },
        "heads": {task: scoring.head(test.queries, predictor, task) for task in TASKS},
        "by_head_start": _by_head_start(errors, nearest_km(truth, known), clusters, scoring, settings),
        "slices": score_slices(errors, spread, table, policy.abstain_above, settings.abstention_km, scoring),
        "bias": prefecture_bias(test.queries),
        "radius": asdict(radius_coverage(errors, radii, clusters)),
        "abstention": _abstention(errors, spread, clusters, policy, settings),
    }


def _by_head_start(
    errors: Distances,
    start: Distances,
    clusters: Sequence[str],
    scoring: Scoring,
    settings: GeolocationEvaluationSettings,
) -> dict[str, Any]:
    """Return the scores by the least distance to the gallery, where photographs are that far from it."""
    names = np.array(clusters, dtype=object)
    return {
        f"{km:g}": scoring.scores(errors[start >= km], names[start >= km].tolist())
        for km in settings.head_start_km
        if (start >= km).any()
    }


def _abstention(
    errors: Distances,
    spread: Distances,
    clusters: Sequence[str],
    policy: AnswerPolicy,
    settings: GeolocationEvaluationSettings,
) -> dict[str, Any] | None:
    if policy.abstain_above is None:
        return None
    radius_km, threshold = settings.abstention_km, policy.abstain_above
    return asdict(abstention(errors, spread, radius_km=radius_km, threshold=threshold, groups=clusters))


def _nearest_raw(floor: LocatedPhotographs) -> Distances:
    """Return how far the photograph is that looks most alike to a network not trained on places."""
    queries, gallery = floor.part(["test"]), floor.part(["train", "val"])
    places = nearest_feature_places(queries.vectors, gallery.vectors, gallery.coordinates)
    return error_km(queries.coordinates, places)


def _plain(value: Any) -> Any:
    """Return ``value`` for JSON, which has neither NaN nor infinity: both become null."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
