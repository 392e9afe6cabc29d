"""The gate of geolocators: the share of answers within 25 km, counted by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from pyproj import Geod

from tests.unit.models.geolocation import bundles
from tests.unit.reports.photographed_places import network, table, world
from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.errors import EvaluationError, IntegrityError
from zuroku.evaluation.geolocation_gate import GeolocatorGateSettings
from zuroku.geo.answers import AnswerSettings, answer
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.geolocation_release import GeolocatorReleaseSettings, judge_geolocator
from zuroku.reports.release import ReleaseSettings, read_verdict

pytestmark = pytest.mark.slow

SETTINGS = GeolocatorGateSettings(delta=0.5, floor=0.0, resamples=50, seed=1)

Made = tuple[Dataset, Artifact, Artifact, Artifact]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The dataset, its splits, and two geolocators."""
    root = tmp_path_factory.mktemp("release")
    dataset, _, splits = world(root)
    first, second = (bundles.bundle(root / f"bundle{seed}", network(dataset, seed)) for seed in (1, 2))
    return dataset, splits, first, second


def share_near(dataset: Dataset, bundle: Artifact, within_km: float = 25, cluster_km: float = 5) -> float:
    """Return the share of test photographs whose best cluster among 100 neighbours lies within a distance."""
    settings = AnswerSettings(cluster_radius_km=cluster_km)
    rows = table()
    vectors = GeolocatorPredictor(bundle.path).predict(dataset.read(row) for row in dataset.rows()).vectors
    held = np.flatnonzero(rows["split"].isin(["train", "val"]))
    places = rows[["latitude", "longitude"]].to_numpy()
    near = []
    for query in np.flatnonzero(rows["split"] == "test"):
        cosines = vectors[held] @ vectors[query]
        best = np.argsort(-cosines)[:100]
        found = answer(places[held[best]], cosines[best], "cluster_medoid", settings)
        metres = Geod(ellps="WGS84").inv(*places[query][::-1], *found[::-1])[2]
        near.append(metres <= 1000 * within_km)
    assert len(near) == 8
    return float(np.mean(near))


def test_challenger_and_champion_are_counted_on_the_same_photographs(made: Made, tmp_path: Path) -> None:
    dataset, splits, challenger, champion = made
    out = judge_geolocator(
        tmp_path / "vectors", dataset, splits, challenger, champion, SETTINGS, tmp_path / "verdict"
    ).path
    verdict = read_verdict(out)
    assert verdict["challenger"] == pytest.approx(share_near(dataset, challenger))
    assert verdict["champion"] == pytest.approx(share_near(dataset, champion))
    assert (verdict["n_items"], verdict["n_groups"]) == (8, 4)
    assert verdict["metric"] == "share of answers by cluster medoid within 25 km"
    assert verdict["bundles"] == {"challenger": challenger.sha256, "champion": champion.sha256}
    assert verdict["reason"] in (out / "report.md").read_text()
    assert "places" in verdict["reason"]


def test_what_is_near_is_configured(made: Made, tmp_path: Path) -> None:
    dataset, splits, challenger, _ = made
    gate = SETTINGS.model_dump() | {"within_km": 2}
    settings = GeolocatorReleaseSettings.model_validate({"model": "geolocator", "gate": gate}).gate
    verdict = read_verdict(
        judge_geolocator(
            tmp_path / "vectors", dataset, splits, challenger, None, settings, tmp_path / "verdict"
        ).path
    )
    assert verdict["metric"] == "share of answers by cluster medoid within 2 km"
    assert verdict["challenger"] == pytest.approx(share_near(dataset, challenger, 2, 0.4))
    assert verdict["challenger"] != pytest.approx(share_near(dataset, challenger))
    assert verdict["settings"]["within_km"] == 2


def test_another_model_has_no_distance_that_counts_as_near() -> None:
    gate = SETTINGS.model_dump()
    with pytest.raises(ValidationError, match="within_km"):
        ReleaseSettings.model_validate({"model": "figure_tagger", "gate": gate})
    del gate["within_km"]
    assert GeolocatorReleaseSettings.model_validate({"model": "g", "gate": gate}).gate.within_km == 25


def test_places_of_one_block_are_drawn_together(made: Made, tmp_path: Path) -> None:
    dataset, splits, challenger, champion = made
    rows = pd.read_parquet(splits.path / "splits.parquet")
    # By prefecture.
    rows = rows.assign(cluster=rows["group"].str[:3])
    blocks = build(tmp_path / "splits", lambda out: rows.to_parquet(out / "splits.parquet"))
    out = judge_geolocator(
        tmp_path / "vectors", dataset, blocks, challenger, champion, SETTINGS, tmp_path / "verdict"
    ).path
    verdict = read_verdict(out)
    assert (verdict["n_items"], verdict["n_groups"]) == (8, 2)
    assert "blocks" in verdict["reason"]


def test_a_first_geolocator_must_reach_the_floor(made: Made, tmp_path: Path) -> None:
    dataset, splits, challenger, _ = made
    verdict = read_verdict(
        judge_geolocator(
            tmp_path / "vectors", dataset, splits, challenger, None, SETTINGS, tmp_path / "low"
        ).path
    )
    assert (verdict["promoted"], verdict["champion"]) == (True, None)
    high = SETTINGS.model_copy(update={"floor": 1.01})
    verdict = read_verdict(
        judge_geolocator(
            tmp_path / "vectors", dataset, splits, challenger, None, high, tmp_path / "high"
        ).path
    )
    assert not verdict["promoted"]


def test_the_champion_itself_stays(made: Made, tmp_path: Path) -> None:
    dataset, splits, challenger, _ = made
    strict = SETTINGS.model_copy(update={"delta": 0.0})
    verdict = read_verdict(
        judge_geolocator(
            tmp_path / "vectors", dataset, splits, challenger, challenger, strict, tmp_path / "verdict"
        ).path
    )
    assert (verdict["promoted"], verdict["difference"]) == (True, 0.0)


@pytest.mark.parametrize("champion", [False, True])
def test_a_model_that_has_seen_a_test_place_is_refused(made: Made, tmp_path: Path, champion: bool) -> None:
    dataset, splits, challenger, other = made
    rows = pd.read_parquet(splits.path / "splits.parquet")
    # Both bundles were trained on the groups a and b.
    rows.loc[len(rows)] = ["a", "test"]
    leaking = build(tmp_path / "splits", lambda out: rows.to_parquet(out / "splits.parquet"))
    with pytest.raises(IntegrityError, match=r"the challenger .* was trained on 1"):
        judge_geolocator(
            tmp_path / "vectors",
            dataset,
            leaking,
            challenger,
            other if champion else None,
            SETTINGS,
            tmp_path / "verdict",
        )
    assert not (tmp_path / "verdict").exists()


def test_without_test_photographs_there_is_no_verdict(made: Made, tmp_path: Path) -> None:
    dataset, splits, challenger, _ = made
    rows = pd.read_parquet(splits.path / "splits.parquet")
    none = build(
        tmp_path / "splits", lambda out: rows[rows["split"] != "test"].to_parquet(out / "splits.parquet")
    )
    with pytest.raises(EvaluationError, match="challenger has no items"):
        judge_geolocator(
            tmp_path / "vectors", dataset, none, challenger, None, SETTINGS, tmp_path / "verdict"
        )
