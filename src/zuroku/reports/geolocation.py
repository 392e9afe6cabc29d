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
from zuroku.evaluation.bootstrap import Interval
from zuroku.evaluation.conformal import abstention, radius_coverage
from zuroku.evaluation.geolocation import (
    Distances,
    HeadAccuracy,
    bias_table,
    error_km,
    head_accuracy,
    score_distances,
    score_intervals,
    score_slices,
)
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

GEOLOCATION_CHECKS = (
    "beats_constant_guess",
    "no_worse_than_raw_features",
    "radius_holds",
    *LEAKAGE_CHECKS,
    "has_radius",
)
BLOCKING_CHECKS = GEOLOCATION_CHECKS[:-1]
"""An index without a radius answers as well as another; it only promises less."""

_UNKNOWN = -2


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
    leakage: LeakageSettings = LeakageSettings(duplicate_cosine=0.99)
    resamples: int = Field(default=1000, ge=1)
    seed: int = 20211211


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
    """Return the main numbers by flat names, for a tracker; intervals as ``_low`` and ``_high``."""
    served = metrics["served"]
    flat = {"median_km": served["median_km"], "mean_km": served["mean_km"]}
    for radius, share in served["accuracy_within_km"].items():
        flat[f"within_{radius}_km"] = share
    for name, (low, high) in served["intervals"].items():
        key = name if name.endswith("km") else f"within_{name}_km"
        flat |= {f"{key}_low": low, f"{key}_high": high}
    flat |= {f"head_{task}": head["accuracy"] for task, head in metrics["heads"].items() if head["labelled"]}
    flat |= {"coverage": metrics["radius"]["covered"], "bias_deviation": metrics["bias"]["deviation"]}
    for name, scores in metrics["floors"].items():
        flat[f"floor_{name}_median_km"] = scores["median_km"]
    return {name: float(value) for name, value in flat.items() if value is not None}


def geolocation_findings(
    metrics: Mapping[str, Any], settings: GeolocationEvaluationSettings
) -> list[Finding]:
    """Check that the model beats its floors, that its radius holds about as often as promised, and leaks.

    It must be shown to beat the constant guess, by the whole interval of its median. Of raw features, which a
    small sample may not tell apart from it, it must not be shown to be worse. Where there is no interval, the
    medians alone are compared.
    """
    ours, intervals = metrics["served"]["median_km"], metrics["served"]["intervals"]
    low, high = intervals.get("median_km", (ours, ours))
    shown = f"[{low:.1f}, {high:.1f}]" if intervals else "without an interval"
    found = []
    bounds = {"constant_guess": high, "raw_features": low}
    for check, (floor, bound) in zip(GEOLOCATION_CHECKS, bounds.items(), strict=False):
        theirs = metrics["floors"][floor]["median_km"]
        says = f"median {ours:.1f} km {shown}; {floor}: {theirs:.1f} km"
        found.append(Finding(check, bound < theirs + settings.floor_slack_km, says))
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
    metrics = _metrics(test, policy, predictor, settings) | {"clusters_are": cluster_noun(table)}
    metrics["data"] = measured_on(dataset, splits, bundle)
    medians = medians_that_choose(val)
    metrics["validation"] = {"/".join(way): median for way, median in medians.items()}
    views = predictor.card.views
    features = raw_features(dataset, photographs.table, EmbedderPredictor(raw.path), views, kept)
    metrics["floors"]["raw_features"] = _raw_floor(features, settings)
    leakage = place_leakage(photographs.table, table, features.vectors, settings.leakage.duplicate_cosine)
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
    policy: AnswerPolicy,
    predictor: GeolocatorPredictor,
    settings: GeolocationEvaluationSettings,
) -> dict[str, Any]:
    table, way, radii_km = test.queries.table, (policy.rule, policy.area), settings.radii_km
    clusters, slices = table[CLUSTER].tolist(), table["slice"].tolist()
    truth, known = test.queries.coordinates, test.gallery.coordinates
    errors, spread = test.errors(way), test.answers[way].uncertainty_km
    score = partial(score_distances, radii_km=radii_km)
    draw = partial(score_intervals, resamples=settings.resamples, seed=settings.seed)
    # One block says nothing about the next: there is no interval.
    intervals = draw(errors, clusters, radii_km=radii_km) if len(set(clusters)) > 1 else {}
    start = nearest_km(truth, known)
    by_encoder = encoder_answers(test.queries, test.gallery, predictor.encode_locations)
    guess = np.tile(constant_guess(known), (len(errors), 1))
    radii = conformal_radius(policy.radius).radius_km(spread)
    return {
        "test_photographs": len(table),
        "test_groups": table["group"].nunique(),
        "test_clusters": len(set(clusters)),
        "gallery": len(test.gallery.table),
        "served": asdict(score(errors)) | {"way": "/".join(way), "intervals": _pairs(intervals)},
        "ways": {"/".join(one): asdict(score(test.errors(one))) for one in test.answers}
        | {"location_encoder/everywhere": asdict(score(error_km(truth, by_encoder)))},
        "floors": {"constant_guess": asdict(score(error_km(truth, guess)))},
        "heads": {task: asdict(_head(test.queries, predictor, task)) for task in TASKS},
        "by_head_start": {
            f"{km:g}": asdict(score(errors[start >= km]))
            for km in settings.head_start_km
            if (start >= km).any()
        },
        "slices": {
            name: asdict(one) for name, one in score_slices(errors, slices, radii_km=radii_km).items()
        },
        "slice_uncertainty": pd.Series(spread).groupby(slices).mean().to_dict(),
        "bias": _bias(test.queries),
        "radius": asdict(radius_coverage(errors, radii, clusters)),
        "abstention": _abstention(errors, spread, clusters, policy, settings),
    }


def _bias(queries: LocatedPhotographs) -> dict[str, Any]:
    """Return the bias of the prefecture head; of areas without prefectures there is none."""
    inside = (queries.table["prefecture"] != "").to_numpy()
    if not inside.any():
        return {"deviation": None, "table": []}
    answers, areas = queries.heads["prefecture"][inside], queries.table["prefecture"][inside]
    bias = bias_table(answers.tolist(), areas.tolist())
    return {"deviation": bias.deviation, "table": bias.table.to_dict(orient="records")}


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


def _raw_floor(floor: LocatedPhotographs, settings: GeolocationEvaluationSettings) -> dict[str, Any]:
    """Score the place of the photograph that looks most alike to a network that was not trained on places."""
    queries, gallery = floor.part(["test"]), floor.part(["train", "val"])
    places = nearest_feature_places(queries.vectors, gallery.vectors, gallery.coordinates)
    return asdict(score_distances(error_km(queries.coordinates, places), radii_km=settings.radii_km))


def _head(queries: LocatedPhotographs, predictor: GeolocatorPredictor, task: str) -> HeadAccuracy:
    """Return how often the head of ``task`` is right; a class that training did not have counts as a miss."""
    known = {name: place for place, name in enumerate(predictor.classes[task])}
    named = np.array([known.get(name, _UNKNOWN) for name in queries.heads[task]], dtype=np.int64)
    true = queries.table[task]
    labels = np.array([-1 if name == "" else known.get(name, len(known)) for name in true], dtype=np.int64)
    return head_accuracy(named, labels)


def _plain(value: Any) -> Any:
    """Return ``value`` for JSON, which has neither NaN nor infinity: both become null."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pairs(intervals: Mapping[str, Interval]) -> dict[str, tuple[float, float]]:
    return {name: (found.lower, found.upper) for name, found in intervals.items()}
