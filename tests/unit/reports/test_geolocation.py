"""Evaluating a geolocator: all numbers again by hand, from the vectors of its predictor."""

import csv
import io
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pyproj import Geod

from tests.unit.models.geolocation import bundles
from tests.unit.reports.photographed_places import network, table, world
from zuroku.artifacts import Artifact, build, verify
from zuroku.datasets.manifest import Dataset
from zuroku.errors import ConfigError, SplitError
from zuroku.geo.answers import AnswerSettings, answer, spread_km
from zuroku.indexes.answer_policy import read_policy
from zuroku.models.embedding.settings import EmbedderSettings
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.geolocation import (
    GEOLOCATION_CHECKS,
    GeolocationEvaluationSettings,
    evaluate_geolocator,
    flat_geolocation_metrics,
    geolocation_findings,
    read_geolocation_metrics,
)
from zuroku.reports.geolocation_page import geolocation_page

slow = pytest.mark.slow

K = 5
CALIBRATING = ("g131022", "g141002")
"""Of the validation groups those that do not choose, by the hash of their names."""
SETTINGS = GeolocationEvaluationSettings(
    neighbours=K,
    rules=["centroid", "cluster_medoid", "top1"],
    answer=AnswerSettings(cluster_radius_km=3),
    radii_km=[1, 10, 40],
    head_start_km=[0, 0.5, 1000],
    # Two of the four validation groups calibrate; they are just enough.
    confidence=0.6,
    abstention_km=60,
    abstention_share=0.5,
    floor=EmbedderSettings(name="floor", backbone="test_efficientnet", weights="random", size_px=32),
    resamples=20,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact, Artifact, Artifact]:
    root = tmp_path_factory.mktemp("geolocation")
    dataset, labels, splits = world(root)
    return dataset, labels, splits, bundles.bundle(root / "bundle", network(dataset))


@pytest.fixture(scope="module")
def report(
    made: tuple[Dataset, Artifact, Artifact, Artifact], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    target = tmp_path_factory.mktemp("evaluation") / "report"
    return evaluate_geolocator(*made, SETTINGS, target.with_name("vectors"), target, "1").path


class ByHand:
    """Photographs of one split against their gallery, one query at a time."""

    def __init__(
        self, made: tuple[Dataset, Artifact, Artifact, Artifact], asked: str, held: list[str]
    ) -> None:
        dataset, bundle = made[0], made[3]
        predictor = GeolocatorPredictor(bundle.path)
        found = predictor.predict(dataset.read(row) for row in dataset.rows())
        rows = table()
        queries = np.flatnonzero(rows["split"] == asked)
        known = np.flatnonzero(rows["split"].isin(held))
        self.rows, self.gallery = rows.iloc[queries], rows.iloc[known]
        self.cosines = found.vectors[queries].astype(np.float64) @ found.vectors[known].T
        self.heads = {
            task: [names[best] for best in found.probabilities[task][queries].argmax(axis=1)]
            for task, names in predictor.classes.items()
            if names
        }

    def answer(self, query: int, rule: str, area: str) -> tuple[np.ndarray, float]:
        """Return the place and the spread of its neighbours."""
        inside = np.arange(len(self.gallery))
        if area != "everywhere":
            same = np.flatnonzero(self.gallery[area] == self.heads[area][query])
            inside = same if len(same) else inside
        best = sorted(inside, key=lambda row: -self.cosines[query, row])[:K]
        around = self.gallery.iloc[best][["latitude", "longitude"]].to_numpy()
        scores = self.cosines[query, best]
        place = (
            around.mean(axis=0)
            if rule == "centroid"
            else around[0]
            if rule == "top1"
            else answer(around, scores, rule, SETTINGS.answer)
        )
        return place, spread_km(around, scores, place, SETTINGS.answer)

    def judged(self, rule: str, area: str) -> tuple[list[float], list[float]]:
        """Return error and spread of every query, in km."""
        errors, spreads = [], []
        for query, row in enumerate(self.rows.itertuples()):
            place, spread = self.answer(query, rule, area)
            errors.append(Geod(ellps="WGS84").inv(row.longitude, row.latitude, place[1], place[0])[2] / 1000)
            spreads.append(spread)
        return errors, spreads


@pytest.fixture(scope="module")
def val(made: tuple[Dataset, Artifact, Artifact, Artifact]) -> ByHand:
    return ByHand(made, "val", ["train"])


@pytest.fixture(scope="module")
def tested(made: tuple[Dataset, Artifact, Artifact, Artifact]) -> ByHand:
    return ByHand(made, "test", ["train", "val"])


@slow
def test_every_way_is_scored_as_by_hand(report: Path, tested: ByHand) -> None:
    metrics = read_geolocation_metrics(report)
    assert len(metrics["ways"]) == 3 * 3 + 1
    for way, scores in metrics["ways"].items():
        if way.startswith("location_encoder"):
            continue
        errors, _ = tested.judged(*way.split("/"))
        assert scores["median_km"] == pytest.approx(np.median(errors), rel=1e-5)
        assert scores["mean_km"] == pytest.approx(np.mean(errors), rel=1e-5)
        assert scores["accuracy_within_km"] == {
            f"{radius:g}": pytest.approx(np.mean([error <= radius for error in errors]))
            for radius in SETTINGS.radii_km
        }
    everything = [*metrics["ways"].values(), *metrics["floors"].values(), *metrics["differences"].values()]
    everything += [*metrics["by_head_start"].values(), *metrics["slices"].values(), metrics["served"]]
    names = {f"{radius:g}" for radius in SETTINGS.radii_km} | {"median_km", "mean_km"}
    assert all(set(scores["intervals"]) == names for scores in everything)
    assert list(metrics["differences"]) == list(metrics["floors"]) == ["constant_guess", "raw_features"]
    for name, difference in metrics["differences"].items():
        ours, theirs = metrics["served"]["mean_km"], metrics["floors"][name]["mean_km"]
        assert difference["mean_km"] == pytest.approx(ours - theirs)
    # The photographs of groups without a split are counted nowhere.
    assert (metrics["test_photographs"], metrics["test_groups"], metrics["gallery"]) == (8, 4, 24)


@slow
def test_the_served_way_is_the_best_on_validation_and_its_radius_is_the_conformal_one(
    report: Path, val: ByHand
) -> None:
    metrics, policy = read_geolocation_metrics(report), read_policy(report)
    calibrates = val.rows["group"].isin(CALIBRATING).to_numpy()
    medians = {
        way: np.median(np.array(val.judged(*way.split("/"))[0])[~calibrates]) for way in metrics["validation"]
    }
    assert metrics["validation"] == pytest.approx(medians, rel=1e-5)
    assert metrics["served"]["way"] == f"{policy.rule}/{policy.area}"
    assert medians[metrics["served"]["way"]] == pytest.approx(min(medians.values()), rel=1e-5)

    judged = zip(*val.judged(policy.rule, policy.area), calibrates, strict=True)
    factors = sorted(error / (spread + 1) for error, spread, mine in judged if mine)
    # Two photographs in each of two groups weigh 1/6 each, and 1/3 lies at infinity: the least factor that
    # a weight of 0.6 does not exceed is the last.
    assert policy.radius.quantile == pytest.approx(factors[3], rel=1e-4)
    assert (policy.radius.n_groups, policy.radius.confidence, policy.neighbours) == (2, 0.6, K)


@slow
def test_the_radius_is_judged_on_the_test_groups(report: Path, tested: ByHand) -> None:
    metrics, policy = read_geolocation_metrics(report), read_policy(report)
    errors, spreads = tested.judged(policy.rule, policy.area)
    radii = [policy.radius.quantile * (spread + 1) for spread in spreads]
    inside = np.mean([error <= radius for error, radius in zip(errors, radii, strict=True)])
    assert metrics["radius"]["covered"] == pytest.approx(inside)
    assert metrics["radius"]["median_radius_km"] == pytest.approx(np.median(radii), rel=1e-5)


@slow
def test_a_class_that_training_did_not_have_is_a_miss(report: Path, tested: ByHand) -> None:
    heads = read_geolocation_metrics(report)["heads"]
    for task, found in tested.heads.items():
        pairs = [(true, named) for true, named in zip(tested.rows[task], found, strict=True) if true]
        assert heads[task]["labelled"] == len(pairs)
        assert heads[task]["unlabelled"] == 8 - len(pairs)
        assert heads[task]["accuracy"] == pytest.approx(np.mean([true == named for true, named in pairs]))
    assert (tested.rows["municipality"] == "14999").sum() == 2
    # No photograph has a town: there is no accuracy, and JSON has no NaN.
    assert heads["town"] == {"accuracy": None, "labelled": 0, "unlabelled": 8, "interval": None}
    low, high = heads["municipality"]["interval"]
    assert low <= heads["municipality"]["accuracy"] <= high


@slow
def test_the_metrics_are_json_without_nan(report: Path) -> None:
    def refuse(name: str) -> float:
        raise AssertionError(name)

    json.loads((report / "metrics.json").read_text(), parse_constant=refuse)


@slow
def test_floors_slices_and_head_start(report: Path, tested: ByHand) -> None:
    metrics, policy = read_geolocation_metrics(report), read_policy(report)
    errors, spreads = tested.judged(policy.rule, policy.area)
    places = tested.gallery[["latitude", "longitude"]].to_numpy()
    geod = Geod(ellps="WGS84")

    def km(a: np.ndarray, b: np.ndarray) -> float:
        return geod.inv(a[1], a[0], b[1], b[0])[2] / 1000

    best = min(places, key=lambda one: np.median([km(one, other) for other in places]))
    truth = tested.rows[["latitude", "longitude"]].to_numpy()
    guess = np.median([km(one, best) for one in truth])
    assert metrics["floors"]["constant_guess"]["median_km"] == pytest.approx(guess, rel=1e-6)

    for name in ("", "night"):
        rows = np.flatnonzero(tested.rows["slice"] == name)
        assert metrics["slices"][name]["median_km"] == pytest.approx(
            np.median(np.array(errors)[rows]), rel=1e-5
        )
        withheld = np.array(spreads)[rows] > (policy.abstain_above or np.inf)
        share = None if policy.abstain_above is None else pytest.approx(withheld.mean())
        assert metrics["slices"][name]["withheld"] == share
        assert list(metrics["slices"][name]["accuracy_within_km"]) == ["1", "10", "40"]

    nearest = np.array([min(km(one, other) for other in places) for one in truth])
    assert list(metrics["by_head_start"]) == ["0", "0.5"]
    far = np.array(errors)[nearest >= 0.5]
    assert 0 < len(far) < 8
    assert metrics["by_head_start"]["0.5"]["count"] == len(far)
    assert metrics["by_head_start"]["0.5"]["median_km"] == pytest.approx(np.median(far), rel=1e-5)


@slow
def test_predictions_are_those_of_the_served_way(report: Path, tested: ByHand) -> None:
    policy = read_policy(report)
    rows = list(csv.DictReader((report / "predictions.csv").open()))
    assert [row["item_id"] for row in rows] == tested.rows["item_id"].tolist()
    for query, row in enumerate(rows):
        place, _ = tested.answer(query, policy.rule, policy.area)
        np.testing.assert_allclose([float(row["pred_lat"]), float(row["pred_lon"])], place, atol=1e-6)
        truth = tested.rows.iloc[query]
        assert (float(row["gt_lat"]), float(row["gt_lon"])) == (truth["latitude"], truth["longitude"])


@slow
def test_the_page_and_its_pictures_are_made(report: Path) -> None:
    page = (report / "report.md").read_text()
    policy = read_policy(report)
    assert f"{policy.rule} (served)" in page
    assert "floor: raw features" in page
    assert "| town | – | 0 | 8 |" in page
    assert "A radius promised to hold with 60%" in page
    assert not {"nan", "inf", "None"} & set(page.replace("%", " ").split())
    for name in ("errors", "shares"):
        with Image.open(io.BytesIO((report / "pictures" / f"{name}.png").read_bytes())) as picture:
            assert picture.format == "PNG"


@slow
def test_the_page_says_that_there_is_no_radius(report: Path) -> None:
    metrics, policy = read_geolocation_metrics(report), read_policy(report)
    policy = policy.model_copy(update={"radius": policy.radius.model_copy(update={"quantile": None})})
    metrics["radius"]["median_radius_km"] = None
    metrics["abstention"] = None
    page = geolocation_page(metrics, policy)
    assert "No radius: 2 validation places are too few" in page
    assert "none is withheld" in page


@slow
def test_findings_and_flat_metrics_of_a_report(report: Path) -> None:
    metrics = read_geolocation_metrics(report)
    findings = geolocation_findings(metrics, SETTINGS)
    assert tuple(finding.check for finding in findings) == GEOLOCATION_CHECKS
    assert findings[-1].passed
    metrics["radius"]["median_radius_km"] = None
    assert [one.check for one in geolocation_findings(metrics, SETTINGS) if not one.passed] == [
        one.check for one in findings if not one.passed
    ] + ["has_radius"]
    flat = flat_geolocation_metrics(read_geolocation_metrics(report))
    assert flat["within_10_km"] == metrics["served"]["accuracy_within_km"]["10"]
    assert flat["within_10_km_low"] <= flat["within_10_km"] <= flat["within_10_km_high"]
    assert flat["median_km_low"] <= flat["median_km_high"]
    assert flat["head_prefecture_low"] <= flat["head_prefecture"] <= flat["head_prefecture_high"]
    for floor in ("raw_features", "constant_guess"):
        name = f"minus_{floor}_median_km"
        assert flat[name] == pytest.approx(flat["median_km"] - flat[f"floor_{floor}_median_km"])
        assert flat[f"{name}_low"] <= flat[f"{name}_high"]
    assert "head_town" not in flat
    assert all(isinstance(value, float) and math.isfinite(value) for value in flat.values())


@slow
def test_a_split_without_photographs_is_refused(
    made: tuple[Dataset, Artifact, Artifact, Artifact], report: Path, tmp_path: Path
) -> None:
    dataset, labels, splits, bundle = made
    rows = pd.read_parquet(splits.path / "splits.parquet")
    fewer = build(
        tmp_path / "splits", lambda out: rows[rows["split"] != "val"].to_parquet(out / "splits.parquet")
    )
    shutil.copytree(report.with_name("report.floor"), tmp_path / "report.floor")
    with pytest.raises(SplitError, match="0 photographs in val, 16 in train"):
        evaluate_geolocator(
            dataset, labels, fewer, bundle, SETTINGS, tmp_path / "vectors", tmp_path / "report", "1"
        )
    assert not (tmp_path / "report").exists()


@slow
def test_places_of_one_block_are_counted_once(
    made: tuple[Dataset, Artifact, Artifact, Artifact], report: Path, tested: ByHand, tmp_path: Path
) -> None:
    dataset, labels, splits, bundle = made
    rows = pd.read_parquet(splits.path / "splits.parquet")
    # A block of each prefecture and split; of those of val one calibrates.
    rows = rows.assign(cluster=rows["group"].str[1:3].map({"13": "1:1", "14": "0:2"}))
    blocks = build(tmp_path / "splits", lambda out: rows.to_parquet(out / "splits.parquet"))
    shutil.copytree(report.with_name("report.floor"), tmp_path / "report.floor")
    settings = SETTINGS.model_copy(update={"confidence": 0.5})
    folder = evaluate_geolocator(
        dataset, labels, blocks, bundle, settings, tmp_path / "vectors", tmp_path / "report", "1"
    ).path
    metrics, policy = read_geolocation_metrics(folder), read_policy(folder)
    assert (metrics["test_groups"], metrics["test_clusters"], policy.radius.n_groups) == (4, 2, 1)
    # Two blocks of four photographs: a draw has either one twice, or both.
    errors, spreads = (np.array(values) for values in tested.judged(policy.rule, policy.area))
    mine = (tested.rows["prefecture"] == "13").to_numpy()
    draws = [np.mean(errors[some]) for some in (mine, ~mine, mine | ~mine)]
    assert metrics["served"]["intervals"]["mean_km"] == pytest.approx([min(draws), max(draws)], rel=1e-4)
    inside = errors <= policy.radius.quantile * (spreads + 1)
    assert metrics["radius"]["covered"] == pytest.approx(inside.mean())
    page = (folder / "report.md").read_text()
    assert "of 4 places in 2 blocks" in page
    assert "intervals are 95 %, by block." in page
    assert "1 validation blocks" in page
    assert "of the test blocks" in geolocation_findings(metrics, settings)[2].says


@slow
def test_one_block_of_test_places_has_no_interval(
    made: tuple[Dataset, Artifact, Artifact, Artifact], report: Path, tmp_path: Path
) -> None:
    dataset, labels, splits, bundle = made
    rows = pd.read_parquet(splits.path / "splits.parquet").assign(cluster="1:1")
    block = build(tmp_path / "splits", lambda out: rows.to_parquet(out / "splits.parquet"))
    shutil.copytree(report.with_name("report.floor"), tmp_path / "report.floor")
    folder = evaluate_geolocator(
        dataset, labels, block, bundle, SETTINGS, tmp_path / "vectors", tmp_path / "report", "1"
    ).path
    metrics = read_geolocation_metrics(folder)
    assert (metrics["test_clusters"], metrics["served"]["intervals"]) == (1, {})
    assert read_policy(folder).radius.quantile is None
    assert "km without an interval: all test places lie in one block." in (folder / "report.md").read_text()
    assert "km, difference without an interval" in geolocation_findings(metrics, SETTINGS)[0].says
    assert "median_km_low" not in flat_geolocation_metrics(metrics)


@slow
def test_areas_without_prefectures_have_no_bias(
    made: tuple[Dataset, Artifact, Artifact, Artifact], report: Path, tmp_path: Path
) -> None:
    dataset, labels, splits, bundle = made
    rows = pd.read_parquet(labels.path / "labels.parquet").assign(prefecture="")
    city = build(tmp_path / "labels", lambda out: rows.to_parquet(out / "labels.parquet"))
    shutil.copytree(report.with_name("report.floor"), tmp_path / "report.floor")
    # Two groups that calibrate are too few for the default.
    settings = SETTINGS.model_copy(update={"confidence": 0.9})
    folder = evaluate_geolocator(
        dataset, city, splits, bundle, settings, tmp_path / "vectors", tmp_path / "report", "1"
    ).path
    metrics = read_geolocation_metrics(folder)
    assert metrics["ways"]["top1/prefecture"] == metrics["ways"]["top1/everywhere"]
    assert "bias_deviation" not in flat_geolocation_metrics(metrics)
    assert "Bias" not in (folder / "report.md").read_text()
    assert "No radius: 2 validation places are too few" in (folder / "report.md").read_text()
    assert read_policy(folder).radius.quantile is None
    finding = geolocation_findings(metrics, settings)[-1]
    assert not finding.passed
    assert finding.says == "no radius: too few validation places in the half that calibrates"


@slow
def test_the_report_is_sealed(report: Path) -> None:
    verify(report)


def less(constant: tuple[float, float] = (-5.0, -1.0), raw: tuple[float, float] = (-2.0, 1.0)) -> Any:
    """Differences of the medians from those of the floors, by their intervals."""
    found = {"constant_guess": constant, "raw_features": raw}
    return {name: {"median_km": -1.0, "intervals": {"median_km": pair}} for name, pair in found.items()}


def judged(**values: Any) -> list[bool]:
    metrics = {
        "served": {"median_km": 5.0},
        "differences": less(),
        "floors": {"constant_guess": {"median_km": 9.0}, "raw_features": {"median_km": 6.0}},
        "radius": {"covered": 0.9, "median_radius_km": 30.0},
        "test_clusters": 100,
        "clusters_are": "blocks",
        "leakage": [{"check": "distance_kept", "passed": False, "says": "near", "numbers": {}}],
    }
    return [
        finding.passed for finding in geolocation_findings(metrics | values, GeolocationEvaluationSettings())
    ]


def test_a_model_must_beat_the_constant_guess_and_not_fall_behind_raw_features() -> None:
    assert judged() == [True, True, True, False, True]
    assert not judged(differences=less(constant=(-9.0, 0.0)))[0]
    assert judged(differences=less(raw=(-0.1, 8.0)))[1]
    assert not judged(differences=less(raw=(0.0, 8.0)))[1]
    alone = {
        name: {"median_km": value, "intervals": {}}
        for name, value in (("constant_guess", -1.0), ("raw_features", 1.0))
    }
    assert judged(differences=alone)[:2] == [True, False]


def test_a_radius_may_miss_by_two_standard_errors_of_the_clusters() -> None:
    # 2 √(.9 × .1 / 100) = .06
    assert judged(radius={"covered": 0.841, "median_radius_km": 30.0})[2]
    assert not judged(radius={"covered": 0.839, "median_radius_km": 30.0})[2]
    assert judged(radius={"covered": 0.71, "median_radius_km": 30.0}, test_clusters=9)[2]


def test_a_policy_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"rule": "mean"}')
    with pytest.raises(ConfigError, match="does not fit AnswerPolicy"):
        read_policy(tmp_path)
